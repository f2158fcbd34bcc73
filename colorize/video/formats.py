"""What a film is: the names that say so, what can be written, and what that needs installed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec

from colorize.errors import ColorizeError

# Containers that hold time stamps, rotation, sound and subtitles as they were: FFmpeg's muxers.
MUXERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
_READ_ALONE = (
    ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".m2ts", ".m2v", ".mpeg", ".mpg",
    ".mts", ".mxf", ".ogv", ".ts", ".vob", ".wmv",
)  # fmt: skip
VIDEO_SUFFIXES = frozenset((*MUXERS, *_READ_ALONE))


@dataclass(frozen=True)
class VideoCodec:
    """How to write one kind of video.

    encoder: FFmpeg's name. pixels: its pixel format. crf: the default constant rate factor, and
    the largest; None where nothing is lost. options: others of the encoder.
    """

    encoder: str
    pixels: str = "yuv420p"
    crf: int | None = None
    largest_crf: int = 63
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class VideoResult:
    """How a film went: (width, height) as stored, frames, and a line for all that was not kept."""

    size: tuple[int, int]
    frames: int
    notes: tuple[str, ...] = ()


CODECS = {
    "h264": VideoCodec("libx264", crf=18, largest_crf=51),
    "hevc": VideoCodec(
        "libx265", crf=20, largest_crf=51, options=(("x265-params", "log-level=0"),)
    ),
    "vp9": VideoCodec("libvpx-vp9", crf=24, options=(("row-mt", "1"), ("cpu-used", "2"))),
    "av1": VideoCodec("libsvtav1", crf=24, options=(("preset", "8"),)),
    "ffv1": VideoCodec("ffv1", pixels="bgr0", options=(("level", "3"), ("slicecrc", "1"))),
}


# What FFmpeg's muxers take; the others take all.
HELD = {"webm": ("vp9", "av1"), "mov": ("h264", "hevc")}


def is_video_name(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file of this name is taken for a film."""
    return _suffix(path) in VIDEO_SUFFIXES


def output_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of the output for a film of this name: its own if it can be written."""
    return os.path.splitext(os.fspath(path))[1] if _suffix(path) in MUXERS else ".mkv"


def muxer(target: str | os.PathLike[str]) -> str:
    """Return FFmpeg's name of the container that a target's suffix asks for, or raise."""
    if _suffix(target) not in MUXERS:
        known = ", ".join(suffix[1:] for suffix in MUXERS)
        raise ColorizeError(f"cannot write a film with this suffix: choose one of {known}")
    return MUXERS[_suffix(target)]


def film_codec(
    container: str, name: str | None = None, crf: int | None = None
) -> tuple[str, VideoCodec, int | None]:
    """Return name, codec and crf of the video to write into a container; None for defaults.

    Raises ColorizeError for a codec that the container can't hold and a crf out of its range.
    """
    name = name or ("vp9" if container == "webm" else "h264")
    codec, held = CODECS[name], HELD.get(container, tuple(CODECS))
    if name not in held:
        raise ColorizeError(f"can't hold {name}: choose --codec {' or '.join(held)}, or .mkv")
    if crf is not None and codec.crf is None:
        raise ColorizeError(f"{name} keeps every bit and takes no --crf")
    if crf is not None and not 0 <= crf <= codec.largest_crf:
        raise ColorizeError(f"--crf {crf}: {name} takes 0 (best) to {codec.largest_crf}")
    return name, codec, codec.crf if crf is None else crf


def require_video_extra() -> None:
    """Raise ColorizeError, saying what to install, if the extra for films is absent."""
    if any(find_spec(module) is None for module in ("av", "cv2")):
        raise ColorizeError("films need an extra: pip install 'colorize-photos[video]'")


def _suffix(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.fspath(path))[1].lower()
