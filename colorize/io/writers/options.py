"""The options of Pillow's encoders for each format: quality, metadata, profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import Image, PngImagePlugin

from colorize.io.contents.jpeg import (
    EXTENSION_PREFIX,
    MAX_SEGMENT_BYTES,
    PHOTOSHOP_PREFIX,
    XMP_PREFIX,
    pack_segment,
    split_segments,
)
from colorize.io.exif import EXIF_PREFIX
from colorize.io.icc import srgb_profile
from colorize.io.jp2 import pack_jp2_boxes
from colorize.io.jpeg_markers import COM
from colorize.io.metadata import Metadata, photoshop_resources, text_bytes
from colorize.io.writers.png import text_chunks
from colorize.io.writers.target import Target
from colorize.io.xmp import split_packet

JPEG_QUALITY = 95
WEBP_QUALITY = AVIF_QUALITY = 90
HEIF_QUALITY = 80  # 47 dB, see docs/formats.md
HEIF_SPEED = {"preset": "ultrafast", "tu-intra-depth": 1}  # of x265, see docs/formats.md
AVIF_SPEED = 8  # of 10; 6, the encoder's default, takes three times as long
JPEG2000_TILE = 2048  # pixels a side; a whole scan as one tile takes 36 bytes a pixel
APNG_LEVEL = 2  # of zlib; the usual 6 takes three times as long for 3 % fewer bytes


def save_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    """Return Pillow's options for a file of this format with this metadata."""
    options = _OPTIONS[target.format_name](metadata, image, target)
    if image.mode.startswith("RGB") and target.format_name not in ("GIF", "BMP", "PPM", "JPEG2000"):
        options["icc_profile"] = srgb_profile()
    return {key: value for key, value in options.items() if value is not None}


def _jpeg_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    exif = metadata.exif and EXIF_PREFIX + metadata.exif
    xmp, extension = split_packet(metadata.xmp or b"", MAX_SEGMENT_BYTES - len(XMP_PREFIX))
    resources = photoshop_resources(metadata)
    segments = [pack_segment(0xE1, EXTENSION_PREFIX + part) for part in extension]
    segments += split_segments(0xED, resources, PHOTOSHOP_PREFIX)
    for keyword, text in metadata.text:
        comment = text_bytes(text) if keyword == "Comment" else None
        if comment := _fits_segment(comment, "a comment", target):
            segments.append(pack_segment(COM, comment))
    if metadata.format == "JPEG":
        segments += [segment for _, segment in metadata.native]
    return {
        "quality": JPEG_QUALITY if target.quality is None else target.quality,
        "subsampling": "4:4:4",  # half the color would be lost to save a fifth of the bytes
        "dpi": metadata.dpi,
        "exif": _fits_segment(exif, "EXIF", target),
        "xmp": xmp or None,
        "extra": b"".join(segments),
    }


def _fits_segment(content: bytes | None, what: str, target: Target) -> bytes | None:
    """Return the content where it fits into one JPEG segment, else note it."""
    if content and len(content) > MAX_SEGMENT_BYTES:
        target.note(f"cannot hold {what} of {len(content)} bytes: left out")
        return None
    return content or None


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
    return {
        **how,
        "chroma": 444,
        "enc_params": HEIF_SPEED,
        "exif": metadata.exif,
        "xmp": metadata.xmp,
    }


def _jpeg2000_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    bare = target.is_codestream
    boxes = pack_jp2_boxes(metadata)
    if bare and boxes:
        target.note("codestreams cannot hold EXIF, XMP, IPTC or other boxes: left out")
    if bare and metadata.dpi:
        target.note("codestreams cannot hold the resolution: left out")
    options: dict[str, Any] = {"no_jp2": bare, "boxes": boxes, "mct": int("RGB" in image.mode)}
    options["resolution"] = metadata.dpi
    if image.width * image.height > JPEG2000_TILE**2:
        options["tile_size"] = (JPEG2000_TILE, JPEG2000_TILE)
    if target.quality is not None:  # 0 to 100 become 20 to 50 dB
        decibel = 20 + 0.3 * target.quality
        options |= {"irreversible": True, "quality_mode": "dB", "quality_layers": [decibel]}
    return options


def _gif_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    comments = [text_bytes(text) for keyword, text in metadata.text if keyword == "Comment"]
    return {"comment": b"\n".join(comments) or None, "optimize": False, "xmp": metadata.xmp}


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
