"""Reading TIFF files: Pillow decodes pages of eight bits, libvips deeper ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.conversion import Arrays, image_to_arrays, samples_to_arrays, to_uint16
from colorize.io.exif import page_orientation
from colorize.io.high_bit_depth import decode_high_bit_depth
from colorize.io.metadata import read_page_metadata
from colorize.io.photo import Photo
from colorize.io.readers.limits import check_size
from colorize.io.tiff_ifd import IFD

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # classic TIFF and BigTIFF
MAX_CHANNELS = 5  # CMYK and alpha
COLORS = {0: 1, 1: 1, 2: 3, 5: 4}  # channels by PhotometricInterpretation: gray, RGB, CMYK
ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA = 1, 2  # values of ExtraSamples


def accepts(prefix: bytes) -> bool:
    """Return whether a file that begins with these bytes is a TIFF file."""
    return prefix.startswith(MAGIC)


def read_pages(file: BinaryIO, max_pixels: int) -> Iterator[Photo]:
    """Yield the pages of a TIFF file.

    Raises ColorizeError for what is refused; decoders raise their own errors on damaged files.
    """
    image: Image.Image | None = None
    for index, ifd in enumerate(tiff.read_ifds(file)):
        check_size(*_size(ifd), max_pixels)
        channels = ifd.integer(tiff.SAMPLES_PER_PIXEL, 1)
        if channels > MAX_CHANNELS:
            raise ColorizeError(f"has {channels} channels: convert it to gray or RGB")
        if max(ifd.integers(tiff.BITS_PER_SAMPLE) or (1,)) in (16, 32, 64):
            pixels, alpha, notes = _decode_high_bit_depth(file, index, ifd)
        else:
            if image is None:
                file.seek(0)
                image = TiffImagePlugin.TiffImageFile(file, "")
            image.seek(index)
            image.load()  # which also turns it upright
            bits = ifd.integer(tiff.BITS_PER_SAMPLE, 1)
            white = (1 << bits) - 1 if bits > 8 else 65535
            pixels, alpha, notes = image_to_arrays(image, white=white)
        yield Photo(pixels, alpha, read_page_metadata(ifd, notes))


def _size(ifd: IFD) -> tuple[int, int]:
    return ifd.integer(tiff.IMAGE_WIDTH, 0), ifd.integer(tiff.IMAGE_LENGTH, 0)


def _decode_high_bit_depth(file: BinaryIO, page: int, ifd: IFD) -> Arrays:
    colors = COLORS.get(ifd.integer(tiff.PHOTOMETRIC, 1))
    if colors is None:
        raise ColorizeError("is not gray, RGB or CMYK, in 16 bits or more: convert it to RGB")
    samples = to_uint16(decode_high_bit_depth(file, _size(ifd), page))
    channels = samples.shape[2]
    if channels < colors:
        raise ColorizeError(f"damaged: has {channels} channels of {colors}")
    # some files do not say what a channel beyond the colors is: then it is alpha
    extra = ifd.integer(tiff.EXTRA_SAMPLES, UNASSOCIATED_ALPHA) if channels > colors else 0
    has_alpha = extra in (ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA)
    samples = samples[..., : colors + has_alpha]
    if colors == 4:
        samples = _cmyk_to_rgb(samples)
    if extra == ASSOCIATED_ALPHA:
        samples = _unpremultiply(samples)
    icc = ifd.bytes(tiff.ICC_PROFILE)
    return samples_to_arrays(samples, has_alpha, icc, page_orientation(ifd))


def _cmyk_to_rgb(samples: np.ndarray) -> np.ndarray:
    """Return uint16 CMYK as RGB, each ink (1 - c)(1 - k); channels after K stay."""
    paper = 65535 - samples[..., :4].astype(np.uint32)
    rgb = (paper[..., :3] * paper[..., 3:] + 32767) // 65535
    return np.concatenate([rgb.astype(np.uint16), samples[..., 4:]], axis=2)


def _unpremultiply(samples: np.ndarray) -> np.ndarray:
    """Return uint16 color divided by the alpha that is its last channel."""
    alpha = np.maximum(samples[..., -1:].astype(np.uint32), 1)
    color = (samples[..., :-1].astype(np.uint32) * 65535 + alpha // 2) // alpha
    return np.concatenate([np.minimum(color, 65535).astype(np.uint16), samples[..., -1:]], axis=2)
