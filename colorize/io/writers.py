"""From sRGB arrays to a file of some format: what it keeps it gets, the rest is noted."""

from __future__ import annotations

import io
import struct
import textwrap
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from colorize.errors import ColorizeError
from colorize.io import tiff_ifd as tiff
from colorize.io.atomic import error_context
from colorize.io.high_bit_depth import encode_deep_png, encode_deep_tiff
from colorize.io.icc import srgb_profile
from colorize.io.metadata import (
    EXIF_PREFIX,
    Metadata,
    iptc_to_photoshop_block,
    jp2_boxes,
    page_tags,
)
from colorize.io.png import encode_png

Page = tuple[np.ndarray, "np.ndarray | None", Metadata]

JPEG_QUALITY = 95
WEBP_QUALITY = AVIF_QUALITY = HEIF_QUALITY = 90
AVIF_SPEED = 8  # of 10; 6, the encoder's default, takes three times as long
JPEG2000_TILE = 2048  # pixels a side; a whole scan as one tile takes 36 bytes a pixel
ANIMATION_LEVEL = 2  # of zlib; the usual 6 takes three times as long for 3 % fewer bytes
JPEG_SEGMENT = 65533  # bytes that one segment holds

_EXIF_XMP = frozenset({"exif", "xmp"})
_ALL = _EXIF_XMP | {"iptc", "dpi"}


@dataclass(frozen=True)
class Format:
    """What files of one format can hold.

    suffixes: of its file names; side: the most pixels in a row or column;
    deep: 16 bits a channel; keeps: which fields of Metadata it has a place for.
    """

    suffixes: tuple[str, ...]
    side: int = 2**31 - 1
    alpha: bool = True
    deep: bool = False
    animation: bool = False
    keeps: frozenset[str] = frozenset()


FORMATS = {
    "JPEG": Format((".jpg", ".jpeg", ".jpe", ".jfif"), 65500, alpha=False, keeps=_ALL | {"text"}),
    "PNG": Format((".png", ".apng"), deep=True, animation=True, keeps=_ALL | {"text"}),
    "TIFF": Format((".tif", ".tiff"), deep=True, keeps=_ALL),
    "WEBP": Format((".webp",), 16383, animation=True, keeps=_EXIF_XMP),
    "AVIF": Format((".avif",), 65536, animation=True, keeps=_EXIF_XMP),
    "BMP": Format((".bmp", ".dib"), alpha=False, keeps=frozenset({"dpi"})),
    "GIF": Format((".gif",), 65535, animation=True, keeps=frozenset({"text"})),
    "JPEG2000": Format(
        (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"), keeps=_EXIF_XMP | {"iptc"}
    ),
    "PPM": Format((".ppm", ".pgm", ".pbm", ".pnm"), alpha=False),
    "HEIF": Format((".heic", ".heif", ".hif"), 16384, keeps=_EXIF_XMP),
}


def pillow_image(pixels: np.ndarray, alpha: np.ndarray | None) -> Image.Image:
    """Return a Pillow image: L, LA, RGB or RGBA, or I;16; deeper color in eight bits."""
    if pixels.dtype == np.uint16 and pixels.ndim == 2 and alpha is None:
        return Image.fromarray(np.ascontiguousarray(pixels))
    image = Image.fromarray(np.ascontiguousarray(to_uint8(pixels)))
    if alpha is not None:
        image.putalpha(Image.fromarray(np.ascontiguousarray(to_uint8(alpha))))
    return image


def to_uint8(samples: np.ndarray) -> np.ndarray:
    """Return uint16 samples as uint8, each rounded to the nearest of the 256 levels."""
    if samples.dtype == np.uint8:
        return samples
    levels = (np.arange(65536) + 128) // 257
    return np.take(levels.astype(np.uint8), samples)


def encode(
    pages: Iterator[Page],
    file: BinaryIO,
    name: str,
    kind: str,
    quality: int | None,
    notes: list[str],
) -> None:
    """Write pages to an open, empty, seekable file; add to the notes what is left out.

    name: the target's, for messages and, by its suffix, for the flavor of JPEG 2000.
    kind: one of FORMATS.

    Raises ColorizeError where the format cannot hold the pages or the file cannot be written.
    Errors of the pages' iterator come through as they are.
    """
    if quality is not None and not 0 <= quality <= 100:
        raise ColorizeError(f"{name}: quality is {quality}: give 0 to 100")
    target = Target(file, name, kind, quality, notes)
    if kind == "TIFF":
        _encode_tiff(pages, target)
        return
    first = next(pages)
    second = next(pages, None)
    if second is None:
        with target.failures():
            _encode_single(first, target)
        return
    if not FORMATS[kind].animation or first[2].duration is None:
        raise ColorizeError(f"{name}: {kind} cannot hold these several pages: write a .tif")
    _encode_animation(first, chain([second], pages), target)


@dataclass(frozen=True)
class Target:
    """The file being written, its name and format, the quality asked for, notes so far."""

    file: BinaryIO
    name: str
    kind: str
    quality: int | None
    notes: list[str]

    @property
    def format(self) -> Format:
        """What its format can hold."""
        return FORMATS[self.kind]

    def note(self, what: str) -> None:
        """Tell the caller of something that the format has no place for."""
        self.notes.append(f"{self.kind} {what}")

    def failures(self) -> AbstractContextManager[None]:
        """Name the file in whatever goes wrong inside."""
        return error_context(self.name, "cannot be written", self.file)


def _encode_single(page: Page, target: Target) -> None:
    pixels, alpha, metadata = page
    _check_side(pixels, target)
    _note_losses(page, target)
    if target.kind == "PNG":
        deep = pixels.dtype == np.uint16
        chunks = _png_chunks(metadata, pixels.ndim == 3)
        (encode_deep_png if deep else encode_png)(_joined(pixels, alpha), target.file, chunks)
        return
    image = _paletted(page) if target.kind == "GIF" else _flat_image(page, target)
    _save(image, target, _options(metadata, image, target))


def _encode_animation(first: Page, others: Iterable[Page], target: Target) -> None:
    """Write an animation; its frames are all in memory, because Pillow's encoders want them."""
    frames, durations = [], []
    for page in chain([first], others):
        with target.failures():
            _check_side(page[0], target)
            _note_losses(page, target)
            frames.append(_paletted(page) if target.kind == "GIF" else _flat_image(page, target))
        durations.append(_frame_duration(page[2], target.kind))
    with target.failures():
        options = _options(first[2], frames[0], target)
        options |= {"save_all": True, "append_images": frames[1:], "duration": durations}
        _save(frames[0], target, options | _loop_options(first[2].loop, frames, target.kind))


def _save(image: Image.Image, target: Target, options: dict[str, Any]) -> None:
    if target.kind == "HEIF":
        _save_heif(image, target, options)
        return
    if target.kind == "JPEG2000":
        _save_jpeg2000(image, target, **options)
        return
    image.save(target.file, target.kind, **options)


def _save_jpeg2000(image: Image.Image, target: Target, boxes: bytes, **options: Any) -> None:
    encoded = io.BytesIO()  # straight to a full disk, the encoder would try for ever
    image.save(encoded, target.kind, **options)
    target.file.write(encoded.getbuffer())
    if not options["no_jp2"]:
        target.file.write(boxes)


def _save_heif(image: Image.Image, target: Target, options: dict[str, Any]) -> None:
    try:
        import pillow_heif
    except (ImportError, OSError) as error:
        raise ColorizeError("HEIC needs: pip install 'colorize-photos[heic]'") from error
    pillow_heif.from_pillow(image).save(target.file, **options)


def _check_side(pixels: np.ndarray, target: Target) -> None:
    side = max(pixels.shape[:2])
    if side > target.format.side:
        raise ColorizeError(
            f"{side} pixels a side are more than {target.kind} holds "
            f"({target.format.side}): write a .png or .tif"
        )


def _note_losses(page: Page, target: Target) -> None:
    """Note what the page has and its target's format has not."""
    pixels, alpha, metadata = page
    if alpha is not None and not target.format.alpha:
        target.note("has no alpha: laid on white")
    if pixels.dtype == np.uint16 and not target.format.deep:
        target.note("has 8 bits a channel: 16 rounded to 8")
    if target.kind == "GIF":
        target.note("has 256 colors a frame")
    for field in sorted({"exif", "xmp", "iptc", "dpi", "text"} - target.format.keeps):
        if getattr(metadata, field):
            target.note(f"has no place for {_FIELD_NAMES[field]}: left out")


_FIELD_NAMES = {
    "exif": "EXIF",
    "xmp": "XMP",
    "iptc": "IPTC",
    "dpi": "the resolution",
    "text": "the text and comments",
}


def _joined(pixels: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Return pixels and alpha as one array (H, W, bands) of the pixels' type."""
    if alpha is None:
        return pixels
    if pixels.dtype == np.uint8:
        return np.dstack([pixels, to_uint8(alpha)])
    deep = alpha if alpha.dtype == np.uint16 else alpha * np.uint16(257)
    return np.dstack([pixels, deep])


def _flat_image(page: Page, target: Target) -> Image.Image:
    """Return the Pillow image of a page in eight bits, on white where there can be no alpha."""
    pixels, alpha, _ = page
    image = pillow_image(to_uint8(pixels), alpha)
    if alpha is None or target.format.alpha:
        return image
    white = Image.new(image.mode.rstrip("A"), image.size, "white")
    white.paste(image.convert(white.mode), mask=image.getchannel("A"))
    return white


def _paletted(page: Page) -> Image.Image:
    """Return a page in the 256 colors that suit it best, fully transparent below half alpha."""
    pixels, alpha, _ = page
    image = pillow_image(to_uint8(pixels), None).convert("RGB")
    palette = image.quantize(256 if alpha is None else 255)
    image = image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    if alpha is not None:
        clear = (to_uint8(alpha) < 128).astype(np.uint8) * 255
        image.paste(255, mask=Image.fromarray(clear))
        image.info["transparency"] = 255
    return image


def _frame_duration(metadata: Metadata, kind: str) -> float:
    duration = metadata.duration or 0
    if kind == "GIF":
        return round(duration / 10) * 10  # which counts in hundredths of a second
    return duration if kind == "PNG" else round(duration)


def _loop_options(loop: int | None, frames: list[Image.Image], kind: str) -> dict[str, Any]:
    """Return options for how often an animation plays: GIF counts the repeats, others the runs."""
    options: dict[str, Any] = {}
    plays = 1 if loop is None else loop
    if kind in ("PNG", "WEBP"):
        options["loop"] = plays
    if kind == "GIF" and plays != 1:
        options["loop"] = max(plays - 1, 0)
    if kind == "GIF" and any("transparency" in frame.info for frame in frames):
        options["disposal"] = 2  # else the frame before would show through
    return options


def _options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    """Return Pillow's options for a file of this format with this metadata."""
    options = _OPTIONS[target.kind](metadata, image, target)
    if image.mode.startswith("RGB") and target.kind not in ("GIF", "BMP", "PPM", "JPEG2000"):
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
        "exif": _fitting(exif, "EXIF", target),
        "xmp": _fitting(metadata.xmp, "XMP", target, 29),
        "extra": _app13(_fitting(extra, "IPTC", target)),
        "comment": _fitting(comment, "the comment", target),
    }


def _fitting(content: bytes | None, what: str, target: Target, name: int = 0) -> bytes | None:
    """Return what fits into one JPEG segment behind a name of so many bytes, else note it."""
    if content and len(content) + name > JPEG_SEGMENT:
        target.note(f"has no place for {what} of {len(content)} bytes: left out")
        return None
    return content or None


def _app13(content: bytes | None) -> bytes | None:
    return content and b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def _png_options(metadata: Metadata, image: Image.Image, target: Target) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    for name, content in _png_texts(metadata):
        info.add(name, content)
    return {
        "compress_level": ANIMATION_LEVEL,
        "pnginfo": info,
        "dpi": metadata.dpi,
        "exif": metadata.exif,
    }


def _png_texts(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    """Yield the text chunks of a PNG: its texts, XMP, and IPTC as ImageMagick writes it."""
    info = PngImagePlugin.PngInfo()
    for key, value in metadata.text:
        info.add_text(key, value, zip=len(value) > 1024)
    if metadata.xmp:
        info.add_itxt("XML:com.adobe.xmp", metadata.xmp)
    if metadata.iptc:
        block = iptc_to_photoshop_block(metadata.iptc)
        digits = "\n".join(textwrap.wrap(block.hex(), 72))
        info.add_text("Raw profile type iptc", f"\niptc\n{len(block):8}\n{digits}\n", zip=True)
    for name, content, *_ in info.chunks:
        yield name, content


def _png_chunks(metadata: Metadata, color: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks that go between the header and the pixels of a PNG."""
    if color:
        yield b"iCCP", b"ICC Profile\0\0" + zlib.compress(srgb_profile())
    if metadata.dpi:
        x, y = (round(value / 0.0254) for value in metadata.dpi)
        yield b"pHYs", struct.pack(">IIB", x, y, 1)
    if metadata.exif:
        yield b"eXIf", metadata.exif
    yield from _png_texts(metadata)


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
    boxes = jp2_boxes(metadata)
    if bare and boxes:
        target.note("codestreams have no place for EXIF, XMP or IPTC: left out")
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
        target.note("of color is written under the name of a gray one")
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


def _encode_tiff(pages: Iterable[Page], target: Target) -> None:
    """Write a TIFF of any number of pages, one page in memory at a time."""
    writer = tiff.Writer(target.file)
    for page in pages:
        with target.failures():
            _note_losses(page, target)
            if page[2].duration is not None:
                target.note("has no place for the timing of frames: left out")
            writer.add(_tiff_page(page), page_tags(page[2], page[0].ndim == 3))


def _tiff_page(page: Page) -> io.BytesIO:
    """Return a page as a TIFF file of its own, without metadata."""
    pixels, alpha, _ = page
    if pixels.dtype == np.uint16:
        return encode_deep_tiff(_joined(pixels, alpha))
    file = io.BytesIO()
    image = pillow_image(pixels, alpha)
    image.save(file, "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 2})
    return file
