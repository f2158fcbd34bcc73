"""Reading what Pillow decodes: every format but TIFF. 16-bit PNG goes through libvips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO, cast

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
)

from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io.contents import Contents, gif
from colorize.io.conversion import image_to_arrays, samples_to_arrays
from colorize.io.exif import read_orientation
from colorize.io.high_bit_depth import decode_high_bit_depth
from colorize.io.icc import SRGB_GAMMA, gamma_curve, read_bmp_profile
from colorize.io.jp2 import read_jp2_profile
from colorize.io.metadata import read_metadata
from colorize.io.photo import Photo
from colorize.io.readers import avif, jpeg, jpeg2000, png, pnm, webp
from colorize.io.readers.decoder_input import DecoderInput
from colorize.io.readers.limits import (
    DAMAGED,
    NO_COLORS,
    TAKE_DAMAGED,
    ReadLimits,
    check_jpeg,
    check_pnm,
    check_size,
    is_damage,
)

Opener = Callable[[BinaryIO, str], Image.Image]

BLOCK_BYTES = 1 << 24  # decoded at a time: other threads hold up what comes in small pieces
LOSSLESS = {"PNG", "BMP", "GIF", "PPM"}
ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
AVIF_BRANDS = {b"avif", b"avis"}
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


class NothingDecodedError(ColorizeError):
    """A frame of which nothing can be decoded."""


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
    opener: Opener, file: BinaryIO, limits: ReadLimits, allow_damaged: bool = False
) -> Iterator[Photo]:
    """Yield the frames of an animation, or the one picture of a file.

    Raises ColorizeError for what is refused; decoders raise their own errors on damaged files.
    """
    source = DecoderInput(file, allow_damaged)
    image = _open(opener, source, limits.max_pixels)
    check_size(*image.size, limits.max_pixels)
    if image.format not in ANIMATED:
        photo = _read_frame(image, source)
        del image  # 4 bytes a pixel, which would wait with this generator
        yield photo
        return
    if image.format == "GIF":
        limits.check_frames(source.read_contents(image).frames, *image.size)
        source.check_gif(image, limits.max_pixels)
    else:  # of a GIF, Pillow would decode all to count them
        limits.check_frames(getattr(image, "n_frames", 1), *image.size)
    index = 1 if getattr(image, "default_image", False) else 0  # APNG: a still for old viewers
    last: Photo | None = None
    while index == 0 or _seek_frame(image, index):
        limits.check_frames(index + 1, *image.size)  # Pillow may find more than were announced
        try:
            photo = _read_frame(image, source)
        except NothingDecodedError:
            if last is None:
                raise
            note = "its frames from here on are damaged: left out"
            yield replace(last, metadata=replace(last.metadata, notes=(note,)))
            return
        yield photo
        last = photo if allow_damaged else None
        del photo
        source.notes = []
        index += 1


def _open(opener: Opener, source: DecoderInput, max_pixels: int) -> Image.Image:
    """Return the image, not decoded yet but for a damaged WebP file."""
    if opener is PngImagePlugin.PngImageFile:
        source.repair_png(max_pixels)
    elif opener is JpegImagePlugin.JpegImageFile:
        check_jpeg(source.file)
    elif opener is PpmImagePlugin.PpmImageFile:
        check_pnm(source.file)
    elif opener is Jpeg2KImagePlugin.Jpeg2KImageFile:
        source.complete_jpeg2000()
    elif opener is GifImagePlugin.GifImageFile:
        gif.read_contents(source.file, Contents())  # refuses what would take the decoder hours
    elif opener in (AvifImagePlugin.AvifImageFile, WebPImagePlugin.WebPImageFile, _open_heif):
        source.check_end()
        if opener is AvifImagePlugin.AvifImageFile and source.allow_damaged:
            source.complete_avif()
    source.image_file.seek(0)
    try:
        return opener(cast(BinaryIO, source.image_file), "")
    except (OSError, SyntaxError, ValueError) as error:
        decodes_all = opener in (AvifImagePlugin.AvifImageFile, WebPImagePlugin.WebPImageFile)
        if not decodes_all or not is_damage(error):
            raise
        if not source.allow_damaged:
            reason = "damaged, incomplete or of an unsupported format"
            raise ColorizeError(reason, TAKE_DAMAGED) from error
        if opener is not WebPImagePlugin.WebPImageFile:
            raise
    source.notes = [DAMAGED]
    if frames := webp.whole_frames(source.file):
        return opener(cast(BinaryIO, frames), "")
    image = webp.decode_partially(source.file, max_pixels)
    if image is None:
        raise NothingDecodedError("nothing of its pixels can be decoded")
    return image


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


def _read_frame(image: Image.Image, source: DecoderInput) -> Photo:
    notes = source.notes
    try:
        image, samples, more = _decode(image, source)
    except Exception as error:
        if not is_damage(error):
            raise
        if not source.allow_damaged:
            raise ColorizeError("its pixels are damaged or incomplete", TAKE_DAMAGED) from error
        image, samples, more = _rescue(image, source, error), None, [DAMAGED]
    notes = [*notes, *more]
    if image.format == "AVIF" and getattr(image, "n_frames", 1) == 1:
        properties = avif.read_properties(source.file, *image.size)
        image, more = avif.apply(image, properties)
        image.format, notes = "AVIF", [*notes, *more, *_describe_depth(properties.bits)]
        image.info.pop("duration", None)  # which a single picture does not have
    elif image.format == "HEIF":
        notes += _describe_depth(image.info.get("bit_depth", 8))
    contents = source.read_contents(image)
    orientation = read_orientation(contents.exif, contents.xmp)
    if samples is None:
        pixels, alpha, more = image_to_arrays(image, orientation)
    else:
        has_alpha, icc = samples.shape[2] in (2, 4), image.info.get("icc_profile")
        pixels, alpha, more = samples_to_arrays(samples, has_alpha, icc, orientation)
    lossless = _is_lossless(image, source.file)
    metadata = read_metadata(image, contents, orientation, [*notes, *more], lossless)
    return Photo(_correct_gamma(pixels, image), alpha, metadata)


def _decode(
    image: Image.Image, source: DecoderInput
) -> tuple[Image.Image, np.ndarray | None, list[str]]:
    """Return the decoded image, its samples where it cannot hold them, and notes."""
    samples: np.ndarray | None = None
    notes: list[str] = []
    is_deep = _is_deep_png(image)
    is_animated = image.format == "PNG" and getattr(image, "is_animated", False)
    if is_deep and is_animated:
        notes = ["its frames are read with 8 of their 16 bits per channel"]
    image.decodermaxblock = BLOCK_BYTES  # type: ignore[attr-defined]
    if image.format == "JPEG":
        info = image.info
        image, notes = jpeg.load(source.file, BLOCK_BYTES, source.allow_damaged)
        image.info.update(info)
    elif image.format == "JPEG2000":
        samples = jpeg2000.decode_deep(source.image_file, image, source.codestream)
        if profile := read_jp2_profile(source.file):
            image.info["icc_profile"] = profile
    elif is_deep and not is_animated:
        samples = decode_high_bit_depth(source.pixel_file, image.size)
    elif image.format == "PPM":
        samples, notes = pnm.decode(source.file, image, source.allow_damaged)
    elif image.format == "BMP" and (profile := read_bmp_profile(source.file)):
        image.info["icc_profile"] = profile
    if samples is None:
        image.load()
        is_still = image.format == "PNG" and not is_animated
        if is_still and not source.allow_damaged and png.lacks_rows(source.pixel_file, image):
            raise ColorizeError("its pixels are incomplete", TAKE_DAMAGED)
        if png.lacks_colors(image):
            if not source.allow_damaged:
                raise ColorizeError(NO_COLORS, TAKE_DAMAGED)
            notes = [*notes, DAMAGED]
    return image, samples, notes


def _rescue(image: Image.Image, source: DecoderInput, error: Exception) -> Image.Image:
    """Return what can be decoded of a frame whose decoder raised an error."""
    if image.format == "WEBP":
        partial = webp.decode_partially(source.file, image.width * image.height)
        if partial is not None:
            partial.info = image.info
            return partial
    if not isinstance(image, ImageFile.ImageFile) or not image.tile or image.format == "PPM":
        raise NothingDecodedError("nothing of its pixels can be decoded") from error
    image.tile = []  # what has been decoded stays
    image.load_end()
    return image


def _is_deep_png(image: Image.Image) -> bool:
    """Return whether a Pillow image, not loaded yet, is a PNG of 16 bits."""
    if not isinstance(image, PngImagePlugin.PngImageFile) or not image.tile:
        return False
    return ";16" in str(image.tile[0][3])


def _describe_depth(bits: int) -> list[str]:
    """Return a note about a depth that the decoder reduces to 8 bits."""
    return [f"it is read with 8 of its {bits} bits per channel"] if bits > 8 else []


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
