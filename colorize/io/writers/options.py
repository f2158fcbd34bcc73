"""The options of Pillow's encoders for each format: quality, metadata, profile."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from PIL import Image, PngImagePlugin

from colorize.io.exif import EXIF_PREFIX
from colorize.io.icc import srgb_profile
from colorize.io.jp2 import pack_jp2_boxes
from colorize.io.metadata import Metadata, iptc_to_photoshop_block
from colorize.io.writers.png import text_chunks
from colorize.io.writers.target import Target

JPEG_QUALITY = 95
WEBP_QUALITY = AVIF_QUALITY = HEIF_QUALITY = 90
AVIF_SPEED = 8  # of 10; 6, the encoder's default, takes three times as long
JPEG2000_TILE = 2048  # pixels a side; a whole scan as one tile takes 36 bytes a pixel
APNG_LEVEL = 2  # of zlib; the usual 6 takes three times as long for 3 % fewer bytes
JPEG_SEGMENT_BYTES = 65533  # that one segment holds
XMP_PREFIX_BYTES = 29  # before the XMP packet in its segment


def save_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    """Return Pillow's options for a file of this format with this metadata."""
    options = _OPTIONS[target.format_name](metadata, image, target)
    if image.mode.startswith("RGB") and target.format_name not in ("GIF", "BMP", "PPM", "JPEG2000"):
        options["icc_profile"] = srgb_profile()
    return {key: value for key, value in options.items() if value is not None}


def _jpeg_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    exif = metadata.exif and EXIF_PREFIX + metadata.exif
    extra = metadata.iptc and b"Photoshop 3.0\0" + iptc_to_photoshop_block(metadata.iptc)
    comment = dict(metadata.text).get("Comment", "").encode()
    return {
        "quality": JPEG_QUALITY if target.quality is None else target.quality,
        "subsampling": "4:4:4",  # half the color would be lost to save a fifth of the bytes
        "dpi": metadata.dpi,
        "exif": _fits_segment(exif, "EXIF", target),
        "xmp": _fits_segment(metadata.xmp, "XMP", target, XMP_PREFIX_BYTES),
        "extra": _app13(_fits_segment(extra, "IPTC", target)),
        "comment": _fits_segment(comment, "the comment", target),
    }


def _fits_segment(
    content: bytes | None, what: str, target: Target, prefix_bytes: int = 0
) -> bytes | None:
    """Return the content where it fits into one JPEG segment after a prefix, else note it."""
    if content and len(content) + prefix_bytes > JPEG_SEGMENT_BYTES:
        target.note(f"cannot hold {what} of {len(content)} bytes: left out")
        return None
    return content or None


def _app13(content: bytes | None) -> bytes | None:
    return content and b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def _png_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    for name, content in text_chunks(metadata):
        info.add(name, content)
    return {
        "compress_level": APNG_LEVEL,
        "pnginfo": info,
        "dpi": metadata.dpi,
        "exif": metadata.exif,
    }


def _webp_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    lossless = target.quality is None and metadata.lossless
    quality = WEBP_QUALITY if target.quality is None else target.quality
    how = {"lossless": True, "exact": True, "quality": 20} if lossless else {"quality": quality}
    return how | {"exif": metadata.exif, "xmp": metadata.xmp}


def _avif_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    return {
        "quality": AVIF_QUALITY if target.quality is None else target.quality,
        "subsampling": "4:4:4",
        "speed": AVIF_SPEED,
        "advanced": {"alpha:lossless": "1"} if image.mode.endswith("A") else None,
        "exif": metadata.exif,
        "xmp": metadata.xmp,
    }


def _heif_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    lossless = target.quality is None and metadata.lossless
    quality = HEIF_QUALITY if target.quality is None else target.quality
    if image.mode.endswith("A") and not lossless:
        target.note("rounds alpha")
    how = {"quality": -1, "matrix_coefficients": 0} if lossless else {"quality": quality}
    return how | {"chroma": 444, "exif": metadata.exif, "xmp": metadata.xmp}


def _jpeg2000_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    bare = target.name.lower().endswith((".j2k", ".j2c", ".jpc"))
    boxes = pack_jp2_boxes(metadata)
    if bare and boxes:
        target.note("codestreams cannot hold EXIF, XMP or IPTC: left out")
    options: dict[str, Any] = {"no_jp2": bare, "boxes": boxes, "mct": int("RGB" in image.mode)}
    if image.width * image.height > JPEG2000_TILE**2:
        options["tile_size"] = (JPEG2000_TILE, JPEG2000_TILE)
    if target.quality is not None:  # 0 to 100 become 20 to 50 dB
        decibel = 20 + 0.3 * target.quality
        options |= {"irreversible": True, "quality_mode": "dB", "quality_layers": [decibel]}
    return options


def _gif_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    return {"comment": dict(metadata.text).get("Comment"), "optimize": False}


def _bmp_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    return {"dpi": metadata.dpi}


def _ppm_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    if image.mode == "RGB" and target.name.lower().endswith((".pgm", ".pbm")):
        target.note("in color has the suffix of a gray format")
    return {}


_OPTIONS: dict[str, Callable[[Metadata, Image.Image, Target], dict[str, Any]]] = {
    "JPEG": _jpeg_options,
    "PNG": _png_options,
    "WEBP": _webp_options,
    "AVIF": _avif_options,
    "HEIF": _heif_options,
    "JPEG2000": _jpeg2000_options,
    "GIF": _gif_options,
    "BMP": _bmp_options,
    "PPM": _ppm_options,
}
