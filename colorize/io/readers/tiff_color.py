"""From the samples of a TIFF page to gray, RGB, CMYK or Lab of 8 or 16 bits, with alpha.

Sources: TIFF Revision 6.0 (Adobe, 1992), sections 20 to 23, and Adobe's Technical Note of 2002
for ICCLab.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from PIL import Image

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.conversion import (
    Arrays,
    describe_range,
    image_to_arrays,
    samples_to_arrays,
    to_uint16,
)
from colorize.io.exif import apply_orientation
from colorize.io.readers.tiff_layout import (
    ASSOCIATED,
    CIE_LAB,
    COLORS,
    FLOAT,
    ICC_LAB,
    JPEG,
    OLD_JPEG,
    PALETTE,
    SEPARATED,
    UNSPECIFIED,
    WHITE_IS_ZERO,
    YCBCR,
    Layout,
)
from colorize.io.tiff_ifd import IFD

REC_601 = 0.299, 0.587, 0.114  # the luma coefficients, where the file does not state others
FULL_RANGE = 0.0, 255.0, 128.0, 255.0, 128.0, 255.0  # black and white of Y, Cb and Cr
PART_PIXELS = 1 << 18  # converted at a time in floats
CMYK_INKS = 1  # of InkSet
# the inverse of sRGB's matrix in its ICC profile, from XYZ relative to D50 to linear RGB
XYZ_D50_TO_RGB = np.array([
    [3.1338561, -1.6168667, -0.4906146],
    [-0.9787684, 1.9161415, 0.0334540],
    [0.0719453, -0.2289914, 1.4052427],
])  # fmt: skip
D50 = np.array([0.9642, 1.0, 0.8249])


def to_arrays(samples: np.ndarray, layout: Layout, ifd: IFD, orientation: int) -> Arrays:
    """Return the samples of a page, (H, W, channels), as upright sRGB arrays."""
    photometric = layout.photometric
    if photometric == YCBCR and layout.compression in (JPEG, OLD_JPEG):
        photometric = 2 if samples.shape[2] >= 3 else 1  # JPEG's decoder has converted it
    colors = min(COLORS[photometric], samples.shape[2])
    declared = zip(itertools.count(colors), layout.extra, strict=False)
    number, extra = next((each for each in declared if each[1] != UNSPECIFIED), (0, UNSPECIFIED))
    has_alpha = extra != UNSPECIFIED and samples.shape[2] > number
    color, alpha = samples[..., :colors], samples[..., number : number + has_alpha]
    if photometric in (CIE_LAB, ICC_LAB) and color.dtype.kind == "f":
        raise ColorizeError("has an unsupported color model (Lab in floats): convert it to RGB")
    notes: list[str] = []
    if photometric != PALETTE:
        if layout.sample_format == FLOAT or layout.bits > 16:
            notes = describe_range(color)
        color, alpha = _to_full_range(color, alpha, layout)
    icc = ifd.bytes(tiff.ICC_PROFILE)
    if photometric == PALETTE:
        color = _from_palette(color, layout, ifd)
        alpha = to_uint16(alpha).astype(np.uint8) if has_alpha else alpha.astype(np.uint8)
    elif photometric == WHITE_IS_ZERO:
        color = np.iinfo(color.dtype).max - color
    elif photometric == YCBCR:
        color = _ycbcr_to_rgb(color, ifd)
    elif photometric in (CIE_LAB, ICC_LAB):
        if color.dtype == np.uint8 and colors == 3 and not has_alpha:
            return _lab8_to_arrays(color, photometric, orientation)
        color, icc = _lab_to_srgb(color, photometric), None
    elif photometric == SEPARATED:
        if ifd.integer(tiff.INK_SET, CMYK_INKS) != CMYK_INKS:
            raise ColorizeError("has inks other than CMYK: convert it to RGB")
        if color.dtype == np.uint16:
            color, icc = _cmyk_to_rgb(color), None
    if extra == ASSOCIATED:
        color = _unpremultiply(color, alpha)
    if color.dtype == np.uint16:
        joined = np.concatenate([color, alpha], axis=2) if has_alpha else color
        arrays = samples_to_arrays(joined, has_alpha, icc, orientation)
        return arrays._replace(notes=[*notes, *arrays.notes])
    image = _image_of(color, alpha if has_alpha and colors < 4 else None)
    if icc:
        image.info["icc_profile"] = icc
    arrays = image_to_arrays(image, orientation)
    if not has_alpha or colors < 4:
        return arrays
    return arrays._replace(alpha=apply_orientation(alpha[..., 0], orientation))  # of CMYK


def _to_full_range(
    color: np.ndarray, alpha: np.ndarray, layout: Layout
) -> tuple[np.ndarray, np.ndarray]:
    """Return color and alpha as uint8 or uint16 whose highest level stands for 1."""
    if color.dtype.kind == "i" and layout.bits <= 16:
        is_lab = layout.photometric in (CIE_LAB, ICC_LAB)
        if not is_lab and (low := color.min()) < 0:
            raise ColorizeError(
                f"has signed values from {low} to {color.max()}: scale them to 0 to 65535"
            )
        unsigned = np.uint8 if color.dtype == np.int8 else np.uint16
        return color.astype(unsigned), alpha.astype(unsigned)
    if layout.sample_format == FLOAT or layout.bits > 16:
        return to_uint16(color), to_uint16(alpha) if alpha.size else alpha.astype(np.uint16)
    if layout.bits in (8, 16):
        return color, alpha
    top = (1 << layout.bits) - 1
    return _scaled(color, top), _scaled(alpha, top)


def _scaled(samples: np.ndarray, top: int) -> np.ndarray:
    """Return samples of 0 to `top` as uint8, or as uint16 where they need more bits."""
    dtype: type[np.unsignedinteger] = np.uint8 if top < 255 else np.uint16
    white = int(np.iinfo(dtype).max)
    scaled: np.ndarray = (samples.astype(np.uint32) * white + top // 2) // top
    return scaled.astype(dtype)


def _image_of(color: np.ndarray, alpha: np.ndarray | None) -> Image.Image:
    joined = color if alpha is None else np.concatenate([color, alpha], axis=2)
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "CMYK" if alpha is None else "RGBA"}[joined.shape[2]]
    height, width = joined.shape[:2]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(joined).data)


def _from_palette(indices: np.ndarray, layout: Layout, ifd: IFD) -> np.ndarray:
    """Return uint8 RGB, or gray where all colors are gray, of indices into the color map.

    Some programs write the map in 8 bits, which is seen by none of its values being above 255.
    """
    values = np.array(ifd.integers(tiff.COLOR_MAP), np.uint16)
    count = len(values) // 3
    if count < 1:
        raise ColorizeError("damaged: its color map is missing")
    shift = 0 if values.max() < 256 else 8
    palette = (values >> shift).astype(np.uint8)[: 3 * count].reshape(3, count).T
    index = indices[..., 0]
    if int(index.max()) >= count:
        raise ColorizeError("damaged: its color map is too short")
    if (palette == palette[:, :1]).all():
        palette = palette[:, :1]
    colors: np.ndarray = palette[index]
    return colors


def _ycbcr_to_rgb(samples: np.ndarray, ifd: IFD) -> np.ndarray:
    """Return RGB of YCbCr that a codec other than JPEG's stores, with the tags for its levels."""
    luma = ifd.rationals(tiff.YCBCR_COEFFICIENTS)
    red, green, blue = luma if len(luma) == 3 and all(0 < each < 1 for each in luma) else REC_601
    levels = ifd.rationals(tiff.REFERENCE_BLACK_WHITE)
    top = float(np.iinfo(samples.dtype).max)
    if top > 255 and levels and max(levels) <= 255:  # stated for 8 bits
        levels = tuple(level * ((top + 1) / 256 + i % 2) for i, level in enumerate(levels))
    if len(levels) != 6 or not all(levels[i] < levels[i + 1] for i in (0, 2, 4)):
        levels = tuple(level * (top + 1) / 256 if i % 2 == 0 else top
                       for i, level in enumerate(FULL_RANGE))  # fmt: skip
    pixels = samples.reshape(-1, 3)
    rgb = np.empty_like(pixels)
    half = top // 2
    for part in _parts(len(pixels)):
        y, cb, cr = pixels[part].T.astype(np.float32)
        y = (y - levels[0]) * (top / (levels[1] - levels[0]))
        cb = (cb - levels[2]) * (half / (levels[3] - levels[2]))
        cr = (cr - levels[4]) * (half / (levels[5] - levels[4]))
        r = cr * (2 - 2 * red) + y
        b = cb * (2 - 2 * blue) + y
        g = (y - blue * b - red * r) / green
        converted = np.rint(np.stack([r, g, b], axis=-1))
        rgb[part] = np.clip(converted, 0, top).astype(samples.dtype)
    return rgb.reshape(samples.shape)


def _lab8_to_arrays(samples: np.ndarray, photometric: int, orientation: int) -> Arrays:
    """Return CIELab or ICCLab of 8 bits, converted by LittleCMS."""
    offset = np.array([0, 0, 0] if photometric == ICC_LAB else [0, 128, 128], np.uint8)
    stored = np.ascontiguousarray(samples ^ offset)
    bands = [Image.fromarray(np.ascontiguousarray(stored[..., i])) for i in range(3)]
    return image_to_arrays(Image.merge("LAB", bands), orientation)


def _lab_to_srgb(samples: np.ndarray, photometric: int) -> np.ndarray:
    """Return uint16 sRGB of CIELab or ICCLab, relative to D50; gray of only L*."""
    white = {(np.uint8, CIE_LAB): 255, (np.uint8, ICC_LAB): 255, (np.uint16, CIE_LAB): 65535,
             (np.uint16, ICC_LAB): 65280}[(samples.dtype.type, photometric)]  # fmt: skip
    unit = 256.0 if samples.dtype == np.uint16 else 1.0  # of a and b
    offset = 128 * unit if photometric == ICC_LAB else 0
    signed = np.int16 if samples.dtype == np.uint16 else np.int8
    kind = signed if photometric == CIE_LAB else samples.dtype  # of a and b
    pixels = samples.reshape(-1, samples.shape[2])
    result = np.empty_like(pixels, np.uint16)
    for part in _parts(len(pixels)):
        lab = pixels[part]
        lightness = np.minimum(lab[:, 0].astype(np.float64) * (100 / white), 100)
        ab = np.zeros((len(lab), 2))
        if lab.shape[1] == 3:
            stored = np.ascontiguousarray(lab[:, 1:])
            ab = (stored.view(kind) - float(offset)) / unit
        y = (lightness + 16) / 116
        f = np.stack([y + ab[:, 0] / 500, y, y - ab[:, 1] / 200], axis=-1)
        xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * D50
        linear = np.clip(xyz @ XYZ_D50_TO_RGB.T, 0, 1)
        rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        encoded = np.rint(np.clip(rgb, 0, 1) * 65535).astype(np.uint16)
        result[part] = encoded if lab.shape[1] == 3 else encoded[:, 1:2]
    return result.reshape(samples.shape)


def _parts(count: int) -> Iterator[slice]:
    """Yield slices that cover a number of pixels."""
    return (slice(start, start + PART_PIXELS) for start in range(0, count, PART_PIXELS))


def _cmyk_to_rgb(samples: np.ndarray) -> np.ndarray:
    """Return uint16 CMYK as RGB, each ink (1 - c)(1 - k)."""
    paper = 65535 - samples.astype(np.uint32)
    rgb: np.ndarray = (paper[..., :3] * paper[..., 3:] + 32767) // 65535
    return rgb.astype(np.uint16)


def _unpremultiply(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return unsigned color divided by its alpha, (H, W, 1)."""
    top = int(np.iinfo(color.dtype).max)
    divisor = np.maximum(alpha.astype(np.uint32), 1)
    divided = (color.astype(np.uint32) * top + divisor // 2) // divisor
    unmultiplied: np.ndarray = np.minimum(divided, top).astype(color.dtype)
    return unmultiplied
