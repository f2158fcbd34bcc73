"""Video formats: suffixes, containers, codecs, and what has to be installed."""

from __future__ import annotations

import os
from dataclasses import dataclass

from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io.formats import has_image_suffix
from colorize.io.signatures import is_video_content
from colorize.io.storage import RemotePath

# FFmpeg's muxers for containers that keep time stamps, rotation, sound and subtitles.
MUXERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
_READ_ONLY = (
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".ivf", ".m1v", ".m2p", ".m2t",
    ".m2ts", ".m2v", ".mod", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogv", ".qt", ".rm",
    ".rmvb", ".tod", ".ts", ".vob", ".wmv", ".wtv", ".y4m",
)  # fmt: skip
VIDEO_SUFFIXES = frozenset((*MUXERS, *_READ_ONLY))


@dataclass(frozen=True)
class VideoCodec:
    """How to encode a video stream.

    Attributes:
        encoder: FFmpeg's name.
        pixel_format: FFmpeg's name.
        deep_pixel_format: the same for videos of more than 8 bits per channel; None if they become
            8 bits, as for H.264: hardly any device plays it with 10.
        crf: default constant rate factor; None for a lossless codec.
        max_crf: the largest constant rate factor.
        min_size: the least width and height that the encoder takes, in pixels.
        even_only: whether width and height must be even, as the encoder has no 4:4:4.
        options: private options of the encoder.
    """

    encoder: str
    pixel_format: str = "yuv420p"
    deep_pixel_format: str | None = "yuv420p10le"
    crf: int | None = None
    max_crf: int = 63
    min_size: tuple[int, int] = (1, 1)
    even_only: bool = False
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class VideoResult:
    """What was written.

    Attributes:
        size: (width, height) in pixels, as stored.
        frames: number of frames.
        notes: one line for each thing that could not be kept.
    """

    size: tuple[int, int]
    frames: int
    notes: tuple[str, ...] = ()


CODECS = {
    "h264": VideoCodec(
        "libx264", deep_pixel_format=None, crf=18, max_crf=51, options=(("preset", "faster"),)
    ),
    # x265 writes beyond its memory at widths of 48 and less, which ends the process now and then
    "hevc": VideoCodec(
        "libx265", crf=20, max_crf=51, min_size=(64, 16), options=(("x265-params", "log-level=0"),)
    ),
    "vp9": VideoCodec("libvpx-vp9", crf=24, options=(("row-mt", "1"), ("cpu-used", "2"))),
    # SVT-AV1 hangs at 320×24, and is refused by FFmpeg at odd sizes
    "av1": VideoCodec(
        "libsvtav1", crf=24, min_size=(32, 32), even_only=True, options=(("preset", "8"),)
    ),
    "ffv1": VideoCodec(
        "ffv1",
        pixel_format="bgr0",
        deep_pixel_format="gbrp16le",
        min_size=(2, 1),
        options=(("level", "3"), ("slicecrc", "1")),
    ),
}

# By FFmpeg's muxer; the others take all codecs.
SUPPORTED_CODECS = {"webm": ("vp9", "av1"), "mov": ("h264", "hevc")}


def is_video_name(path: str | os.PathLike[str]) -> bool:
    """Return whether a file name has the suffix of a video."""
    return _suffix(path) in VIDEO_SUFFIXES


def is_video(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a video: by its suffix, or by its content if that tells nothing."""
    if is_video_name(path) or has_image_suffix(path):
        return is_video_name(path)
    return not isinstance(path, RemotePath) and is_video_content(path)


def output_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of the output for a video: its own if it can be written, or else .mkv."""
    return os.path.splitext(os.fspath(path))[1] if _suffix(path) in MUXERS else ".mkv"


def muxer_of(target: str | os.PathLike[str]) -> str:
    """Return FFmpeg's muxer for a target's suffix. Raises ColorizeError if there is none."""
    if _suffix(target) not in MUXERS:
        known = ", ".join(suffix[1:] for suffix in MUXERS)
        raise ColorizeError(f"can't write a video with this suffix: choose one of {known}")
    return MUXERS[_suffix(target)]


def resolve_codec(muxer: str, name: str | None, crf: int | None) -> tuple[VideoCodec, int | None]:
    """Return the codec and the constant rate factor to write with.

    Args:
        muxer: FFmpeg's name of the container.
        name: a key of CODECS; None for the container's default.
        crf: constant rate factor, lower is better; None for the codec's default.

    Raises:
        ColorizeError: the container can't hold the codec, or the factor is out of range.
    """
    name = name or ("vp9" if muxer == "webm" else "h264")
    codec, supported = CODECS[name], SUPPORTED_CODECS.get(muxer, tuple(CODECS))
    if name not in supported:
        choice = " or ".join(supported)
        raise ColorizeError(f"can't hold {name}: choose --codec {choice}, or a .mkv output")
    if crf is None:
        return codec, codec.crf
    if codec.crf is None:
        raise ColorizeError(f"{name} is lossless and takes no --crf")
    if not 0 <= crf <= codec.max_crf:
        raise ColorizeError(f"--crf {crf}: {name} takes 0 (best) to {codec.max_crf}")
    return codec, crf


def check_size(codec: VideoCodec, width: int, height: int) -> None:
    """Raise ColorizeError for a size in pixels that the encoder of a codec does not take."""
    odd = codec.even_only and (width % 2 or height % 2)
    if odd or width < codec.min_size[0] or height < codec.min_size[1]:
        name = next(name for name, each in CODECS.items() if each is codec)
        even = ", both even," if codec.even_only else ""
        least = "×".join(map(str, codec.min_size))
        raise ColorizeError(
            f"frames of {width}×{height}: {name} needs width and height{even} of at least {least}",
            "choose --codec h264, or vp9 for .webm",
        )


def require_video_extra() -> None:
    """Raise ColorizeError with the command to run if the extra for videos is not installed."""
    from importlib.util import find_spec  # not above: `colorize --help` imports this module

    if any(find_spec(module) is None for module in ("av", "cv2")):
        raise ColorizeError(f"videos need an extra: {install_command('video')}")


def _suffix(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.fspath(path))[1].lower()
