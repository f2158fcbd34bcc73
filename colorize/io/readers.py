"""From an open file to sRGB arrays: which decoder, which turn, which depth, which profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.high_bit_depth import decode_deep, deep_to_srgb
from colorize.io.icc import SRGB_GAMMA, gamma_curve, gray_curve, srgb_converter
from colorize.io.metadata import (
    Metadata,
    exif_orientation,
    is_complete_jp2,
    jp2_info,
    metadata_of_tiff,
    read_metadata,
    tiff_orientation,
)

Picture = tuple[np.ndarray, "np.ndarray | None", Metadata]
Samples = tuple[np.ndarray, "np.ndarray | None", list[str]]

BLOCK = 1 << 24  # bytes decoded at a time: other threads hold up what comes in small pieces
STRIP_PIXELS = 1 << 20  # converted at a time, so that a large picture is never held twice
MAX_CHANNELS = 5  # CMYK and alpha
GRAY_MODES = {"1", "L", "LA", "La"}
NUMBER_MODES = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
LOSSLESS = {"PNG", "TIFF", "BMP", "GIF", "PPM"}
ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}

_PROFILE_UNUSABLE = "its color profile is damaged: taken as sRGB"


def decode_pages(file: BinaryIO, max_pixels: int) -> Iterator[Picture]:
    """Yield pixels, alpha and metadata of each page or frame of a picture file.

    Raises ColorizeError for what is no picture or too large; decoders raise their own errors
    on damaged files.
    """
    file.seek(0)
    prefix = file.read(40)  # of AVIF and HEIC, the brands
    if prefix.startswith(TIFF_MAGIC):
        yield from _tiff_pages(file, max_pixels)
        return
    yield from _frames(_opened(file, prefix), file, max_pixels)


def orientation_of(image: Image.Image) -> int:
    """Return the orientation, 1 to 8, that a Pillow image's EXIF or XMP gives."""
    exif, xmp = image.info.get("exif"), image.info.get("xmp")
    if not isinstance(exif, bytes):
        return int(image.getexif().get(tiff.ORIENTATION, 1))
    return exif_orientation(exif, xmp if isinstance(xmp, bytes) else None)


def image_to_arrays(image: Image.Image, orientation: int = 1, full_scale: int = 65535) -> Samples:
    """Return a loaded Pillow image of any mode as upright sRGB pixels, alpha and notes.

    full_scale: what white is in an I;16 image: 4095 for the twelve bits of some scanners.
    """
    icc = image.info.get("icc_profile")
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    if image.mode in NUMBER_MODES:
        numbers: np.ndarray = np.asarray(image)
        if full_scale < 65535:
            numbers = (numbers.astype(np.uint32) * 65535 + full_scale // 2) // full_scale
        gray, notes = _profiled(to_uint16(numbers), icc)
        return np.ascontiguousarray(_turned(gray, orientation)), None, notes
    return _filled(image, icc, orientation)


def to_uint16(numbers: np.ndarray) -> np.ndarray:
    """Return samples of any number type as uint16 in [0, 65535].

    Whole numbers are taken as they are. Floats are in [0, 1] if none is above 1, else in
    [0, 255] if none is above 255, else in [0, 65535].

    Raises ColorizeError for NaN, infinite, negative or larger numbers.
    """
    if numbers.dtype.kind == "u" and numbers.dtype.itemsize <= 2:
        return numbers.astype(np.uint16, copy=False)
    low, high = float(numbers.min()), float(numbers.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ColorizeError("has pixels that are no numbers (NaN or infinite)")
    if low < 0 or high > 65535:
        raise ColorizeError(f"has values from {low:g} to {high:g}: scale them to 0 to 65535")
    if numbers.dtype.kind in "ui":
        return numbers.astype(np.uint16)
    scale = 65535.0 if high <= 1 else 257.0 if high <= 255 else 1.0
    scaled: np.ndarray = np.rint(numbers * numbers.dtype.type(scale))
    return scaled.astype(np.uint16)


def _opened(file: BinaryIO, prefix: bytes) -> Image.Image:
    """Return the Pillow image of a file, by what it contains rather than by its name.

    Each format's own class is called: Image.open would try sixty formats, and refuse by
    Image.MAX_IMAGE_PIXELS, which belongs to the program around this library.
    """
    opener = _opener(prefix)
    file.seek(0)
    if opener is None:
        raise ColorizeError("is not a picture of a known kind")
    return opener(file, "")


def _opener(prefix: bytes) -> Callable[..., Image.Image] | None:
    for magics, opener in _OPENERS:
        if prefix.startswith(magics):
            return opener
    if prefix[:4] == b"RIFF" and prefix[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    if prefix[4:8] != b"ftyp":
        return None
    brands = {prefix[start : start + 4] for start in range(8, len(prefix), 4)}
    if brands & {b"avif", b"avis"}:
        return AvifImagePlugin.AvifImageFile
    return _open_heif if brands & HEIF_BRANDS else None


def _open_heif(file: BinaryIO, name: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except (ImportError, OSError) as error:
        raise ColorizeError("HEIC needs: pip install 'colorize-photos[heic]'") from error
    return cast(Image.Image, HeifImageFile(file, name))  # type: ignore[no-untyped-call]


_OPENERS: tuple[tuple[tuple[bytes, ...], Callable[..., Image.Image]], ...] = (
    # JpegImageFile rather than jpeg_factory: what else is in an MPO is a thumbnail or a depth map
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


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ColorizeError(
            f"{width}x{height} is more than {max_pixels / 1e6:g} megapixels: "
            "allow it with --max-pixels"
        )
    if width <= 0 or height <= 0:
        raise ColorizeError("has no pixels")


def _frames(image: Image.Image, file: BinaryIO, max_pixels: int) -> Iterator[Picture]:
    """Yield the frames of a file that Pillow decodes."""
    _check_size(*image.size, max_pixels)
    if image.format not in ANIMATED:
        picture = _frame(image, file)
        del image  # 4 bytes a pixel, which would wait with this generator
        yield picture
        return
    index = 1 if getattr(image, "default_image", False) else 0  # a still beside the animation
    while index == 0 or _has_frame(image, index):
        _check_size(*image.size, max_pixels)
        yield _frame(image, file)
        index += 1


def _has_frame(image: Image.Image, index: int) -> bool:
    try:
        image.seek(index)
    except EOFError:
        return False
    return True


def _frame(image: Image.Image, file: BinaryIO) -> Picture:
    deep = _deep_png(image, file)
    image.decodermaxblock = BLOCK  # type: ignore[attr-defined]
    image.load()
    if image.format == "JPEG2000":
        if not is_complete_jp2(file):  # the decoder would give what there is
            raise ColorizeError("incomplete: its end is missing")
        image.info.update(jp2_info(file))
    orientation = orientation_of(image)
    if deep is None:
        pixels, alpha, notes = image_to_arrays(image, orientation)
    else:
        icc = image.info.get("icc_profile")
        pixels, alpha, notes = _finished(deep, deep.shape[2] in (2, 4), icc, orientation)
    metadata = read_metadata(image, orientation, notes)
    pixels = _gamma_corrected(pixels, image)
    return pixels, alpha, replace(metadata, lossless=_is_lossless(image, file))


def _gamma_corrected(pixels: np.ndarray, image: Image.Image) -> np.ndarray:
    """Return sRGB pixels of a PNG that states a gamma of its own and no profile."""
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


def _deep_png(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    """Return the 16-bit samples of a PNG, None for any other picture and for animations."""
    tiles: list[Any] = getattr(image, "tile", [])
    deep = image.format == "PNG" and tiles and ";16" in str(tiles[0][3])
    if not deep or getattr(image, "is_animated", False):
        return None
    return _right_size(decode_deep(file), image.size)


def _right_size(samples: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if samples.shape[1::-1] != size:
        raise ColorizeError("damaged: its header and its pixels differ in size")
    return samples


def _tiff_pages(file: BinaryIO, max_pixels: int) -> Iterator[Picture]:
    """Yield the pages of a TIFF file: Pillow decodes eight bits, libvips what is deeper."""
    image: Image.Image | None = None
    for index, directory in enumerate(tiff.read_directories(file)):
        width, height = directory.number(tiff.WIDTH, 0), directory.number(tiff.LENGTH, 0)
        _check_size(width, height, max_pixels)
        _check_channels(directory.number(tiff.SAMPLES, 1))
        orientation = tiff_orientation(directory)
        if max(directory.numbers(tiff.BITS) or (1,)) in (16, 32, 64):
            pixels, alpha, notes = _deep_page(file, index, directory, orientation)
        else:
            image = image or _opened_tiff(file)
            pixels, alpha, notes = _tiff_page(image, index, directory)
        metadata = metadata_of_tiff(directory, orientation)
        yield pixels, alpha, replace(metadata, lossless=True, notes=tuple(notes))


def _check_channels(channels: int) -> None:
    if channels > MAX_CHANNELS:
        raise ColorizeError(f"has {channels} channels: convert it to gray or RGB")


def _opened_tiff(file: BinaryIO) -> Image.Image:
    file.seek(0)
    return TiffImagePlugin.TiffImageFile(file, "")


def _tiff_page(image: Image.Image, index: int, directory: tiff.Directory) -> Samples:
    image.seek(index)
    image.load()  # which also turns it upright
    bits = directory.number(tiff.BITS, 1)
    return image_to_arrays(image, 1, (1 << bits) - 1 if bits > 8 else 65535)


def _deep_page(file: BinaryIO, index: int, directory: tiff.Directory, orientation: int) -> Samples:
    colors = _COLORS.get(directory.number(tiff.PHOTOMETRIC, 1))
    if colors is None:
        raise ColorizeError("is neither gray, RGB nor CMYK, in 16 bits or more: convert it to RGB")
    size = directory.number(tiff.WIDTH, 0), directory.number(tiff.LENGTH, 0)
    samples = to_uint16(_right_size(decode_deep(file, index), size))
    if samples.shape[2] < colors:
        raise ColorizeError(f"damaged: has {samples.shape[2]} channels of {colors}")
    # what a channel beyond the colors is, some files leave out: then it is alpha
    extra = directory.number(tiff.EXTRA_SAMPLES, 2) if samples.shape[2] > colors else 0
    has_alpha = extra in (1, 2)
    samples = samples[..., : colors + has_alpha]
    if colors == 4:
        samples = _without_ink(samples)
    if extra == 1:
        samples = _unmultiplied(samples)
    return _finished(samples, has_alpha, directory.bytes(tiff.ICC_PROFILE), orientation)


_COLORS = {0: 1, 1: 1, 2: 3, 5: 4}  # by TIFF's PhotometricInterpretation


def _without_ink(samples: np.ndarray) -> np.ndarray:
    """Return uint16 CMYK (with other channels behind) as RGB, each ink (1 - c)(1 - k)."""
    paper = 65535 - samples[..., :4].astype(np.uint32)
    rgb = (paper[..., :3] * paper[..., 3:] + 32767) // 65535
    return np.concatenate([rgb.astype(np.uint16), samples[..., 4:]], axis=2)


def _unmultiplied(samples: np.ndarray) -> np.ndarray:
    """Return uint16 color divided by the alpha that is its last channel."""
    alpha = np.maximum(samples[..., -1:].astype(np.uint32), 1)
    color = (samples[..., :-1].astype(np.uint32) * 65535 + alpha // 2) // alpha
    return np.concatenate([np.minimum(color, 65535).astype(np.uint16), samples[..., -1:]], axis=2)


def _finished(samples: np.ndarray, has_alpha: bool, icc: bytes | None, orientation: int) -> Samples:
    """Return uint16 samples (H, W, bands) as upright sRGB pixels, alpha and notes."""
    turned = _turned(samples, orientation)
    alpha = np.ascontiguousarray(turned[..., -1]) if has_alpha else None
    color = turned[..., :-1] if has_alpha else turned
    color = np.ascontiguousarray(color[..., 0] if color.shape[2] == 1 else color)
    pixels, notes = _profiled(color, icc)
    return pixels, alpha, notes


def _profiled(pixels: np.ndarray, icc: bytes | None) -> tuple[np.ndarray, list[str]]:
    try:
        return deep_to_srgb(pixels, icc), []
    except (OSError, ImageCms.PyCMSError):
        return pixels, [_PROFILE_UNUSABLE]


def _turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """Return a view of an array as stored, (H, W, ...), that shows it upright."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):  # the first row of the upright picture is the last here
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def _filled(image: Image.Image, icc: bytes | None, orientation: int) -> Samples:
    """Return an 8-bit Pillow image as arrays, converted and turned strip by strip."""
    convert, notes = _strip_converter(image, icc)
    stored = (image.height, image.width)
    is_gray, has_alpha = _is_gray(image), image.has_transparency_data
    shape = _turned(np.empty(stored, np.bool_), orientation).shape
    pixels = np.empty(shape if is_gray else (*shape, 3), np.uint8)
    alpha = np.empty(shape, np.uint8) if has_alpha else None
    to_pixels = _turned(pixels, _INVERSE[orientation])
    to_alpha = None if alpha is None else _turned(alpha, _INVERSE[orientation])
    for rows, strip in _strips(image):
        if to_alpha is not None:
            strip = strip.convert("RGBA")
            to_alpha[rows] = np.asarray(strip.getchannel("A"))
        to_pixels[rows] = convert(strip)
    return pixels, alpha, notes


_INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    step = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))


def _is_gray(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in GRAY_MODES


def _strip_converter(
    image: Image.Image, icc: bytes | None
) -> tuple[Callable[[Image.Image], np.ndarray], list[str]]:
    """Return what makes an sRGB array of a strip of the image, and notes."""
    mode = image.mode if image.mode in ("CMYK", "LAB") else "RGB"
    curve = to_srgb = None
    notes = []
    try:
        if _is_gray(image):
            curve = gray_curve(icc)
        else:
            to_srgb = srgb_converter(icc, mode)
    except (OSError, ImageCms.PyCMSError):
        notes.append(_PROFILE_UNUSABLE)
    if _is_gray(image):
        return lambda strip: _gray_array(strip, curve), notes
    return lambda strip: _color_array(strip, mode, to_srgb), notes


def _gray_array(strip: Image.Image, curve: np.ndarray | None) -> np.ndarray:
    gray = np.asarray(strip.getchannel("R") if strip.mode == "RGBA" else strip.convert("L"))
    return gray if curve is None else curve[gray]


def _color_array(
    strip: Image.Image, mode: str, to_srgb: Callable[[Image.Image], Image.Image] | None
) -> np.ndarray:
    if to_srgb is None:
        return np.asarray(strip.convert("RGB"))
    return np.asarray(to_srgb(strip if strip.mode == mode else strip.convert(mode)))
