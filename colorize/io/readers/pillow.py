"""Reading what Pillow decodes: every format but TIFF. 16-bit PNG goes through libvips."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
)

from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io.contents import read_contents
from colorize.io.conversion import image_to_arrays, samples_to_arrays
from colorize.io.exif import read_orientation
from colorize.io.high_bit_depth import decode_high_bit_depth
from colorize.io.icc import SRGB_GAMMA, gamma_curve
from colorize.io.jp2 import read_jp2_profile
from colorize.io.metadata import read_metadata
from colorize.io.photo import Photo
from colorize.io.readers import avif, jpeg, jpeg2000, png
from colorize.io.readers.limits import check_frames, check_scans, check_size
from colorize.io.segments import Part, SegmentFile

Opener = Callable[[BinaryIO, str], Image.Image]

BLOCK_BYTES = 1 << 24  # decoded at a time: other threads hold up what comes in small pieces
LOSSLESS = {"PNG", "BMP", "GIF", "PPM"}
ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
AVIF_BRANDS = {b"avif", b"avis"}
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


def find_opener(prefix: bytes) -> Opener | None:
    """Return what opens a file that begins with these bytes, None for an unknown format.

    Each format's own class is called: Image.open would try sixty formats, and refuse by
    Image.MAX_IMAGE_PIXELS, which belongs to the program around this library.
    """
    for magic, opener in _OPENERS:
        if prefix.startswith(magic):
            return opener
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    if prefix[4:8] == b"ftyp":
        brands = {prefix[start : start + 4] for start in range(8, len(prefix), 4)}
        if brands & AVIF_BRANDS:
            return AvifImagePlugin.AvifImageFile
        if brands & HEIF_BRANDS:
            return _open_heif
    return None


def read_frames(
    opener: Opener, file: BinaryIO, max_pixels: int, allow_damaged: bool = False
) -> Iterator[Photo]:
    """Yield the frames of an animation, or the one picture of a file.

    Raises ColorizeError for what is refused; decoders raise their own errors on damaged files.
    """
    source = _Source(file, allow_damaged)
    file.seek(0)
    if opener is PngImagePlugin.PngImageFile:
        source.repair_png(max_pixels)
    image = opener(cast(BinaryIO, source.image_file), "")
    check_size(*image.size, max_pixels)
    if image.format == "JPEG" and "progressive" in image.info:
        check_scans(file)
    if image.format not in ANIMATED:
        photo = _read_frame(image, source)
        del image  # 4 bytes a pixel, which would wait with this generator
        yield photo
        return
    index = 1 if getattr(image, "default_image", False) else 0  # APNG: a still for old viewers
    while index == 0 or _seek_frame(image, index):
        check_frames(index + 1, *image.size, max_pixels)
        yield _read_frame(image, source)
        source.notes = []
        index += 1


def _open_heif(file: BinaryIO, name: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except (ImportError, OSError) as error:
        raise ColorizeError(f"HEIC needs an extra: {install_command('heic')}") from error
    return cast(Image.Image, HeifImageFile(file, name))  # type: ignore[no-untyped-call]


_OPENERS: tuple[tuple[tuple[bytes, ...], Opener], ...] = (
    # not jpeg_factory: the other pictures of an MPO are a thumbnail or a depth map
    ((b"\xff\xd8\xff",), JpegImagePlugin.JpegImageFile),
    ((b"\x89PNG\r\n\x1a\n",), PngImagePlugin.PngImageFile),
    ((b"GIF87a", b"GIF89a"), GifImagePlugin.GifImageFile),
    ((b"BM",), BmpImagePlugin.BmpImageFile),
    ((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), PpmImagePlugin.PpmImageFile),
    (
        (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"),
        Jpeg2KImagePlugin.Jpeg2KImageFile,
    ),
)


def _seek_frame(image: Image.Image, index: int) -> bool:
    """Go to a frame; return whether there is one."""
    try:
        image.seek(index)
    except EOFError:
        return False
    return True


class _Source:
    """The file being read, as its decoder is to see it.

    Attributes:
        file: as it is.
        allow_damaged: see `read`.
        image_file: without damaged chunks.
        pixel_file: of a PNG, with nothing but its pixels.
        notes: what is left out.
    """

    def __init__(self, file: BinaryIO, allow_damaged: bool) -> None:
        self.file = file
        self.allow_damaged = allow_damaged
        self.image_file: BinaryIO | SegmentFile = file
        self.pixel_file: BinaryIO | SegmentFile = file
        self.notes: list[str] = []

    def repair_png(self, max_pixels: int) -> None:
        """Leave out damaged chunks of a PNG file."""
        self.image_file, self.pixel_file, self.notes = png.repair(
            self.file, max_pixels, self.allow_damaged
        )


def _read_frame(image: Image.Image, source: _Source) -> Photo:
    samples: np.ndarray | None = None
    notes = source.notes
    if _is_png16(image):
        samples = decode_high_bit_depth(source.pixel_file, image.size)
    if image.format == "JPEG":
        info = image.info
        image, notes = jpeg.load(source.file, BLOCK_BYTES, source.allow_damaged)
        image.info.update(info)
    elif image.format == "JPEG2000":
        samples, notes = _load_jpeg2000(image, source)
    else:
        image.decodermaxblock = BLOCK_BYTES  # type: ignore[attr-defined]
        image.load()
    if image.format == "AVIF" and getattr(image, "n_frames", 1) == 1:
        properties = avif.read_properties(source.file, *image.size)
        image, more = avif.apply(image, properties)
        image.format, notes = "AVIF", [*notes, *more]
        image.info.pop("duration", None)  # which a single picture does not have
    contents = read_contents(image, source.file)
    orientation = read_orientation(contents.exif, contents.xmp)
    if samples is None:
        pixels, alpha, more = image_to_arrays(image, orientation)
    else:
        has_alpha, icc = samples.shape[2] in (2, 4), image.info.get("icc_profile")
        pixels, alpha, more = samples_to_arrays(samples, has_alpha, icc, orientation)
    lossless = _is_lossless(image, source.file)
    metadata = read_metadata(image, contents, orientation, [*notes, *more], lossless)
    return Photo(_correct_gamma(pixels, image), alpha, metadata)


def _load_jpeg2000(image: Image.Image, source: _Source) -> tuple[np.ndarray | None, list[str]]:
    """Return samples of more than 8 bits, None where the image has them, and notes."""
    codestream = jpeg2000.read_codestream(source.file)
    if not codestream.has_end:
        whole = SegmentFile(source.file, [Part(0, source.file.seek(0, os.SEEK_END)), jpeg2000.END])
        image.fp = whole  # type: ignore[attr-defined]  # the decoder wants an end marker
    notes = [] if codestream.has_end else ["its end marker is missing"]
    if not codestream.is_whole:  # the decoder would return the part that it has
        raise ColorizeError("incomplete: its end is missing")
    samples = jpeg2000.decode_deep(source.file, image, codestream)
    if samples is None:
        image.decodermaxblock = BLOCK_BYTES  # type: ignore[attr-defined]
        image.load()
    if profile := read_jp2_profile(source.file):
        image.info["icc_profile"] = profile
    return samples, notes


def _is_png16(image: Image.Image) -> bool:
    """Return whether a Pillow image, not loaded yet, is a PNG of 16 bits, and not animated."""
    if not isinstance(image, PngImagePlugin.PngImageFile) or not image.tile:
        return False
    return ";16" in str(image.tile[0][3]) and not image.is_animated


def _correct_gamma(pixels: np.ndarray, image: Image.Image) -> np.ndarray:
    """Return sRGB pixels of a PNG that states its gamma and has no profile."""
    gamma = image.info.get("gamma")
    if not gamma or image.format != "PNG" or {"icc_profile", "srgb"} & image.info.keys():
        return pixels
    if abs(gamma - SRGB_GAMMA) < 0.02:  # what nearly all write
        return pixels
    return np.take(gamma_curve(gamma, pixels.dtype), pixels)


def _is_lossless(image: Image.Image, file: BinaryIO) -> bool:
    if image.format != "WEBP":
        return image.format in LOSSLESS
    file.seek(12)
    return b"VP8L" in file.read(1024)
