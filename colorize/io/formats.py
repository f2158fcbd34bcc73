"""The formats that photographs are written in: their names, suffixes, and what each can hold."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

from colorize.errors import ColorizeError, display_name
from colorize.io.source import PathOrStream

_EXIF_XMP = frozenset({"exif", "xmp"})
_ALL = _EXIF_XMP | {"iptc", "dpi"}


@dataclass(frozen=True)
class Format:
    """What files of one format can hold.

    Attributes:
        suffixes: of its file names; the first is the usual one.
        max_side: the most pixels in a row or a column.
        alpha: whether it has an alpha channel.
        deep: whether it has 16 bits a channel in color.
        animation: whether it has frames that are shown one after another.
        keeps: the fields of `Metadata` that it can hold.
        comments: whether it can hold comments, but no other texts.
        has_quality: whether `--quality` changes anything.
    """

    suffixes: tuple[str, ...]
    max_side: int = 2**31 - 1
    alpha: bool = True
    deep: bool = False
    animation: bool = False
    keeps: frozenset[str] = frozenset()
    comments: bool = False
    has_quality: bool = True


FORMATS = {  # by Pillow's names
    "JPEG": Format(
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        65500,
        alpha=False,
        keeps=_ALL | {"photoshop"},
        comments=True,
    ),
    "PNG": Format(
        (".png", ".apng"),
        deep=True,
        animation=True,
        keeps=_ALL | {"text", "photoshop"},
        has_quality=False,
    ),
    "TIFF": Format((".tif", ".tiff"), deep=True, keeps=_ALL | {"photoshop"}, has_quality=False),
    "WEBP": Format((".webp",), 16383, animation=True, keeps=_EXIF_XMP),
    "AVIF": Format((".avif",), 65536, animation=True, keeps=_EXIF_XMP),
    "BMP": Format((".bmp", ".dib"), alpha=False, keeps=frozenset({"dpi"}), has_quality=False),
    "GIF": Format(
        (".gif",),
        65535,
        animation=True,
        keeps=frozenset({"xmp"}),
        comments=True,
        has_quality=False,
    ),
    "JPEG2000": Format(
        (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"), keeps=_EXIF_XMP | {"iptc", "dpi"}
    ),
    "PPM": Format((".ppm", ".pgm", ".pbm", ".pnm"), alpha=False, has_quality=False),
    "HEIF": Format((".heic", ".heif", ".hif"), 16384, keeps=_EXIF_XMP),
}
SUFFIXES = frozenset(suffix for format in FORMATS.values() for suffix in format.suffixes)

JPEG_XL_SUFFIX = ".jxl"  # which is read only
RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef"}
    | {".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf"}
    | {".srw", ".x3f"}
)  # of cameras, read only as well


@lru_cache(maxsize=1)
def readable_suffixes() -> frozenset[str]:
    """Return the suffixes of photographs; those of raw files only where they can be developed."""
    raw = RAW_SUFFIXES if find_spec("rawpy") else frozenset()
    return SUFFIXES | {JPEG_XL_SUFFIX} | raw


def has_image_suffix(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder scan takes a file of this name: a known suffix, not hidden."""
    return _suffix(path) in readable_suffixes() and not os.path.basename(path).startswith(".")


def output_format(
    target: PathOrStream, format: str | None = None, source: str | None = None
) -> str:
    """Return the name of the format to write ("JPEG", "TIFF", ...).

    The first known of these counts: `format`; the suffix of the target; for a target that is a
    stream, `source`, the format of the source; PNG.

    Raises ColorizeError for a format or a suffix that cannot be written.
    """
    if format:
        wanted = format
    elif isinstance(target, (str, bytes, os.PathLike)):
        wanted = _suffix(target)
    else:
        wanted = source or "PNG"
    for name, known in FORMATS.items():
        if wanted.upper() == name or f".{wanted.lower().lstrip('.')}" in known.suffixes:
            return name
    what = f"format {wanted!r}" if wanted else "a name without a suffix"
    choices = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
    raise ColorizeError(f"{display_name(target)}: cannot write {what}: choose one of {choices}")


def _suffix(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    return os.path.splitext(os.fsdecode(path))[1].lower()
