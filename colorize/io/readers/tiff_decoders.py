"""Samples of a TIFF page as they are stored, by the first decoder that can read them.

Pillow and libvips both contain libtiff, each built with other codecs, and both know only some
arrangements of bits and channels. What neither knows is decompressed as plain bytes and arranged
here; what neither can decompress is left to tifffile and imagecodecs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from PIL import Image, JpegImagePlugin, TiffImagePlugin

from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io import tiff_ifd as tiff
from colorize.io.deflate import check_stream
from colorize.io.high_bit_depth import UnsupportedError, decode_high_bit_depth
from colorize.io.readers.libtiff import silence_libtiff
from colorize.io.readers.tiff_layout import (
    BLACK_IS_ZERO,
    BYTE_CODECS,
    DEFLATE,
    FAX,
    FLOAT,
    JPEG,
    OLD_JPEG,
    RGB,
    SEPARATE_PLANES,
    SEPARATED,
    SIGNED,
    UNSIGNED,
    UNSPECIFIED,
    YCBCR,
    Layout,
    page_file,
)
from colorize.io.readers.tiff_samples import unpacked, unpredicted
from colorize.io.readers.zero_tail import MAX_ZEROS, count_zeros
from colorize.io.segments import Part, SegmentFile, zeros_before

Decoder = Callable[[BinaryIO, Layout, bool], np.ndarray]

CODECS = {
    7: "JPEG", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv", 34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG", 34933: "PNG", 34934: "JPEG XR", 50001: "WebP", 50002: "JPEG XL",
    52546: "JPEG XL", 50000: "Zstandard", 34925: "LZMA", 33003: "JPEG 2000", 33005: "JPEG 2000",
    22610: "JPEG XR", 32766: "NeXT", 32809: "ThunderScan",
}  # fmt: skip
WARNING_CODECS = FAX | {JPEG}  # that fill in for damaged pixels, and only warn of it
CERTAIN = BYTE_CODECS - {34925, 50000} | WARNING_CODECS  # that every libtiff contains
JPEG_2000 = {33003, 33005, 34712}
WEBP = 50001
JPEG_XR = {22610, 34934}  # whose decoder crashes and prints on damaged data, or shows them
SELF_DESCRIBING = {
    33003: "jpeg2k", 33005: "jpeg2k", 34712: "jpeg2k", 34933: "png", WEBP: "webp",
    50002: "jpegxl", 52546: "jpegxl",
}  # fmt: skip
CHECKED_BYTES = 1 << 18  # read at a time to check them
PILLOW_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "CMYK"}  # by channels


def decode_samples(file: BinaryIO, layout: Layout, allow_damaged: bool = False) -> np.ndarray:
    """Return the samples of a page, (H, W, channels), of the type that holds them.

    JPEG's own color model is resolved: YCbCr comes as RGB.

    Args:
        file: the TIFF file.
        layout: how the page is stored.
        allow_damaged: take what can be decoded of damaged pixels.

    Raises:
        ColorizeError: where no decoder knows the codec.
        Exception: whatever a decoder raises on damaged pixels.
    """
    if layout.planes == SEPARATE_PLANES:
        planes = [
            decode_samples(file, layout.plane(index), allow_damaged)
            for index in range(layout.channels)
        ]
        return np.concatenate(planes, axis=2)
    if layout.compression in JPEG_XR:
        raise ColorizeError("is a TIFF in JPEG XR, which is not read: convert it to LZW")
    reason: Exception | None = None
    for decode in _decoders(layout):
        try:
            return decode(file, layout, allow_damaged)
        except (UnsupportedError, ColorizeError) as error:
            reason = error
    if isinstance(reason, ColorizeError):
        raise reason
    codec = CODECS.get(layout.compression, f"compression {layout.compression}")
    raise ColorizeError(
        f"{layout.bits}-bit TIFF in {codec} cannot be read ({reason}): convert it to LZW"
    )


def are_pixels_damaged(file: BinaryIO, layout: Layout) -> bool:
    """Return whether strips or tiles are damaged in a way at which decoders do not look.

    These are wrong checksums, and zeros at the end of what is coded without any.
    """
    if layout.compression == WEBP:
        return any(count_zeros(SegmentFile(file, [part])) for part in layout.parts)
    if layout.compression in JPEG_2000:
        return any(_ends_in_zeros(file, part) for part in layout.parts)
    if layout.compression not in DEFLATE or layout.fill_order != 1:  # its bytes are reversed
        return False
    parts = (SegmentFile(file, [part]) for part in layout.parts)
    return any(check_stream(part.pieces(CHECKED_BYTES)) == "damaged" for part in parts)


def _ends_in_zeros(file: BinaryIO, part: Part) -> bool:
    """Return whether zeros end a part, but not behind JPEG's end marker."""
    end = part.offset + part.size
    zeros = zeros_before(file, end)
    file.seek(max(end - zeros - 2, 0))
    return zeros > MAX_ZEROS and file.read(2) != b"\xff\xd9"


def _decoders(layout: Layout) -> list[Decoder]:
    if layout.compression == OLD_JPEG:
        return [_decode_with_pillow, _decode_old_jpeg, _decode_with_vips, _decode_with_tifffile]
    if layout.compression in BYTE_CODECS:
        if layout.photometric == YCBCR and _subsampling(layout) != (1, 1):
            return [_decode_subsampled]
        if layout.bits == 8 or (layout.bits == 1 and layout.channels == 1):
            return [_decode_with_pillow, _decode_with_vips, _decode_bytes, _decode_with_tifffile]
        if layout.bits in (16, 32, 64) and (layout.bits, layout.sample_format) != (16, FLOAT):
            return [_decode_with_vips, _decode_bytes, _decode_with_tifffile]
        return [_decode_bytes, _decode_with_tifffile]
    if layout.compression == JPEG and layout.bits != 8:
        return [_decode_with_tifffile]
    if layout.compression in WARNING_CODECS:  # libvips passes libtiff's warnings on
        return [_decode_with_vips, _decode_with_pillow, _decode_with_tifffile]
    return [_decode_with_tifffile, _decode_with_pillow]


def _neutral(layout: Layout) -> Layout:
    """Return the layout as gray, RGB or more channels whose samples decoders pass on unchanged."""
    if layout.compression in (JPEG, OLD_JPEG):
        if layout.photometric == YCBCR:
            return layout
        if layout.photometric == SEPARATED:
            return layout.replace(extra=(UNSPECIFIED,) * (layout.channels - 4))
    photometric = BLACK_IS_ZERO if layout.channels < 3 else RGB
    colors = 1 if layout.channels < 3 else 3
    extra = (UNSPECIFIED,) * (layout.channels - colors)
    return layout.replace(photometric=photometric, extra=extra)


def _decode_with_pillow(file: BinaryIO, layout: Layout, allow_damaged: bool) -> np.ndarray:
    if layout.bits not in (1, 8) or layout.channels not in PILLOW_MODES:
        raise UnsupportedError("an arrangement of bits or channels that Pillow does not know")
    neutral = _neutral(layout).replace(sample_format=UNSIGNED)
    if layout.channels == 2:
        neutral = neutral.replace(extra=(2,))
    if layout.channels == 4 and neutral.photometric == RGB:
        neutral = neutral.replace(photometric=SEPARATED, extra=())
    image = _load_with_pillow(file, layout, neutral, allow_damaged)
    if image is None:
        return _decode_with_vips(file, layout, allow_damaged)
    samples = np.asarray(image)
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8)
    samples = samples.reshape(layout.height, layout.width, -1)
    return samples.view(np.int8) if layout.sample_format == SIGNED else samples


def decode_plain_image(file: BinaryIO, layout: Layout) -> Image.Image | None:
    """Return a gray or RGB picture of 8 bits as Pillow's image, which saves two copies.

    Returns None for all others. Raises what a decoder raises on damaged pixels.
    """
    is_plain = (layout.photometric, layout.channels) in ((BLACK_IS_ZERO, 1), (RGB, 3))
    if not is_plain or layout.bits != 8 or layout.sample_format != UNSIGNED:
        return None
    if layout.planes == SEPARATE_PLANES or layout.compression not in CERTAIN - WARNING_CODECS:
        return None
    try:
        return _load_with_pillow(file, layout, _neutral(layout), False)
    except UnsupportedError:
        return None


def _load_with_pillow(
    file: BinaryIO, layout: Layout, neutral: Layout, allow_damaged: bool
) -> Image.Image | None:
    """Return the loaded image, None for damaged pixels that are allowed."""
    silence_libtiff()
    try:
        image = TiffImagePlugin.TiffImageFile(page_file(file, neutral), "")  # type: ignore[arg-type]
    except Exception as error:
        raise UnsupportedError(str(error)) from error
    try:
        image.load()
    except Image.DecompressionBombError as error:  # Pillow's limit, which is not ours
        raise UnsupportedError(str(error)) from error
    except Exception as error:
        if layout.compression not in CERTAIN:
            raise UnsupportedError("its codec is not installed") from error
        if not allow_damaged:
            raise
        return None
    return image


def _decode_with_vips(file: BinaryIO, layout: Layout, allow_damaged: bool) -> np.ndarray:
    neutral = _neutral(layout)
    content = page_file(file, neutral)
    size = layout.width, layout.height
    try:
        samples = decode_high_bit_depth(content, size, "none" if allow_damaged else "warning")
    except (ColorizeError, UnsupportedError):
        raise
    except Exception as error:
        if layout.compression in CERTAIN:
            raise
        raise UnsupportedError("its codec is not installed") from error
    if layout.bits == 1:
        samples = samples // 255
    return samples if samples.shape[2] == layout.channels else samples[..., : layout.channels]


def _decode_bytes(file: BinaryIO, layout: Layout, allow_damaged: bool) -> np.ndarray:
    """Return samples of a codec for any bytes, which are arranged here."""
    width = layout.tile[0] if layout.tile else layout.width
    across = -(-layout.width // width)
    plain = layout.replace(
        width=across * layout.row_bytes,
        tile=layout.tile and (layout.row_bytes, layout.tile[1]),
        bits=8, channels=1, predictor=1, photometric=BLACK_IS_ZERO, sample_format=UNSIGNED,
        extra=(),
    )  # fmt: skip
    try:
        rows = _decode_with_pillow(file, plain, allow_damaged)
    except UnsupportedError:
        rows = _decode_with_vips(file, plain, allow_damaged)
    rows = np.ascontiguousarray(rows).reshape(layout.height, across, layout.row_bytes)
    count = width * layout.channels
    if layout.bits in (8, 16, 32, 64):
        samples = unpredicted(rows, layout, width)
    else:
        samples = unpacked(rows, layout.bits, count)
    samples = samples.reshape(layout.height, across * width, layout.channels)
    return samples[:, : layout.width]


def _decode_with_tifffile(file: BinaryIO, layout: Layout, allow_damaged: bool) -> np.ndarray:
    try:
        import imagecodecs
        import tifffile
    except ImportError as error:
        codec = CODECS.get(layout.compression, f"compression {layout.compression}")
        raise ColorizeError(
            f"{layout.bits}-bit TIFF in {codec} needs an extra: {install_command('tiff')}"
        ) from error
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    if name := SELF_DESCRIBING.get(layout.compression):  # tifffile cuts off what is too much
        decode = getattr(imagecodecs, f"{name}_decode")
        first = decode(SegmentFile(file, [layout.parts[0]]).read())
        channels = first.shape[2] if first.ndim == 3 else 1
        if channels > layout.channels:
            raise ValueError(f"{channels} channels in the place of {layout.channels}")
    with tifffile.TiffFile(page_file(file, layout)) as opened:  # type: ignore[arg-type]
        page = opened.pages[0]
        try:
            samples = np.asarray(page.asarray())
        except (KeyError, NotImplementedError) as error:
            raise UnsupportedError(str(error)) from error
        except ValueError as error:
            if "not supported" in str(error) or "requires" in str(error):
                raise UnsupportedError(str(error)) from error
            raise
    return samples.reshape(layout.height, layout.width, -1)


def _decode_old_jpeg(file: BinaryIO, layout: Layout, allow_damaged: bool) -> np.ndarray:
    """Return the samples of a whole JPEG file inside the TIFF file."""
    for part in (*_jpeg_parts(layout), *layout.parts):
        content = SegmentFile(file, [part])
        if content.read(3) == b"\xff\xd8\xff":
            content.seek(0)
            image = JpegImagePlugin.JpegImageFile(content, "")  # type: ignore[arg-type]
            if image.size == (layout.width, layout.height):
                samples = np.asarray(image.convert("RGB") if image.mode == "CMYK" else image)
                return samples.reshape(layout.height, layout.width, -1)
    raise UnsupportedError("old-style JPEG in parts")


def _jpeg_parts(layout: Layout) -> list[Part]:
    offset, size = layout.kept.get(tiff.JPEG_OFFSET), layout.kept.get(tiff.JPEG_BYTE_COUNT)
    if offset is None or size is None:
        return []
    order = {"<": "little", ">": "big"}[layout.byte_order]
    return [Part(int.from_bytes(offset.data[:4], order), int.from_bytes(size.data[:4], order))]  # type: ignore[arg-type]


def _subsampling(layout: Layout) -> tuple[int, int]:
    """Return how many pixels, across and down, share a sample of Cb and Cr."""
    tag = layout.kept.get(tiff.YCBCR_SUBSAMPLING)
    if tag is None or len(tag.data) < 4:
        return 2, 2
    across, down = np.frombuffer(tag.data[:4], layout.byte_order + "u2")
    return (int(across), int(down)) if across in (1, 2, 4) and down in (1, 2, 4) else (2, 2)


def _decode_subsampled(file: BinaryIO, layout: Layout, allow_damaged: bool) -> np.ndarray:
    """Return YCbCr samples, of which several Y share a Cb and a Cr, each repeated for its pixels.

    They are stored in units: the Y of one block of pixels row by row, then Cb and Cr.
    """
    if layout.bits != 8:
        raise UnsupportedError("subsampled YCbCr of more than 8 bits")
    across, down = _subsampling(layout)
    unit = across * down + 2
    width, length = layout.tile or (layout.width, layout.rows_per_strip)
    if length % down and length < layout.height:
        raise UnsupportedError("strips that end within a block")
    columns, per_part = -(-width // across), -(-length // down)
    tiles = -(-layout.width // width)
    rows = -(-layout.height // down) if not layout.tile else (
        -(-layout.height // length) * per_part)  # fmt: skip
    plain = layout.replace(
        width=columns * unit * tiles, height=rows, rows_per_strip=per_part,
        tile=layout.tile and (columns * unit, per_part), channels=1, predictor=1,
        photometric=BLACK_IS_ZERO, extra=(),
    )  # fmt: skip
    units = _decode_with_pillow(file, plain, allow_damaged).reshape(rows, tiles * columns, unit)
    luma = units[..., :-2].reshape(rows, tiles * columns, down, across).swapaxes(1, 2)
    full = np.empty((rows * down, tiles * columns * across, 3), np.uint8)
    full[..., 0] = luma.reshape(full.shape[:2])
    full[..., 1:] = units[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
    # a tile's own columns may be more than its width
    return full[: layout.height, : layout.width]
