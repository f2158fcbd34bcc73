"""Writing what Pillow encodes: every format but TIFF and still PNG."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
from PIL import Image

from colorize.color.bit_depth import to_uint8
from colorize.errors import ColorizeError
from colorize.installation import install_command
from colorize.io.contents.gif import add_xmp
from colorize.io.conversion import arrays_to_image
from colorize.io.jp2 import with_resolution
from colorize.io.metadata import Metadata
from colorize.io.photo import Photo
from colorize.io.writers.options import save_options
from colorize.io.writers.target import Target

OPAQUE = 128  # alpha from which a GIF's pixel is opaque


def write_still(photo: Photo, target: Target) -> None:
    """Write a file of one picture."""
    image = _encodable_image(photo, target)
    _save(image, target, save_options(photo.metadata, image, target))


def write_animation(first: Photo, others: Iterable[Photo], target: Target) -> None:
    """Write an animation; its frames are all in memory, because Pillow's encoders want them."""
    frames, durations = [], []
    for photo in chain([first], others):
        with target.error_context():
            target.check(photo)
            frames.append(_encodable_image(photo, target))
        durations.append(_frame_duration(photo.metadata, target.format_name))
    with target.error_context():
        options = save_options(first.metadata, frames[0], target)
        options |= {"save_all": True, "append_images": frames[1:], "duration": durations}
        options |= _loop_options(first.metadata.loop, frames, target.format_name)
        _save(frames[0], target, options)


def _save(image: Image.Image, target: Target, options: dict[str, Any]) -> None:
    if target.format_name == "HEIF":
        _save_heif(image, target, options)
    elif target.format_name == "JPEG2000":
        boxes, dpi = options.pop("boxes"), options.pop("resolution", None)
        encoded = io.BytesIO()  # straight to a full disk, the encoder would try forever
        image.save(encoded, "JPEG2000", **options)
        is_boxed = not options["no_jp2"]
        content = encoded.getvalue()
        target.file.write(with_resolution(content, dpi) if is_boxed and dpi else content)
        if is_boxed:
            target.file.write(boxes)
    elif target.format_name == "GIF" and "xmp" in options:
        encoded = io.BytesIO()
        image.save(encoded, "GIF", **{key: options[key] for key in options.keys() - {"xmp"}})
        target.file.write(add_xmp(encoded.getvalue(), options["xmp"]))
    else:
        image.save(target.file, target.format_name, **options)


def _save_heif(image: Image.Image, target: Target, options: dict[str, Any]) -> None:
    try:
        import pillow_heif
    except (ImportError, OSError) as error:
        raise ColorizeError(f"HEIC needs an extra: {install_command('heic')}") from error
    pillow_heif.from_pillow(image).save(target.file, **options)


def _encodable_image(photo: Photo, target: Target) -> Image.Image:
    """Return an 8-bit image of a mode that the format has; on white where it has no alpha."""
    if target.format_name == "GIF":
        return _quantize(photo)
    image = arrays_to_image(to_uint8(photo.pixels), photo.alpha)
    if photo.alpha is None or target.format.alpha:
        return image
    white = Image.new(image.mode.rstrip("A"), image.size, "white")
    white.paste(image.convert(white.mode), mask=image.getchannel("A"))
    return white


def _quantize(photo: Photo) -> Image.Image:
    """Return an image of the 256 colors that suit it best, clear where alpha is below half."""
    alpha = photo.alpha
    image = arrays_to_image(to_uint8(photo.pixels), None).convert("RGB")
    palette = image.quantize(256 if alpha is None else 255)
    image = image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    if alpha is not None:
        clear = (to_uint8(alpha) < OPAQUE).astype(np.uint8) * 255
        image.paste(255, mask=Image.fromarray(clear))
        image.info["transparency"] = 255
    return image


def _frame_duration(metadata: Metadata, format_name: str) -> float:
    duration = metadata.duration or 0
    if format_name == "GIF":
        return round(duration / 10) * 10  # which counts in hundredths of a second
    return duration if format_name == "PNG" else round(duration)


def _loop_options(loop: int | None, frames: list[Image.Image], format_name: str) -> dict[str, Any]:
    """Return options for how often an animation plays: GIF counts the repeats, others the runs."""
    options: dict[str, Any] = {}
    plays = 1 if loop is None else loop
    if format_name in ("PNG", "WEBP"):
        options["loop"] = plays
    if format_name == "GIF" and plays != 1:
        options["loop"] = max(plays - 1, 0)
    if format_name == "GIF" and any("transparency" in frame.info for frame in frames):
        options["disposal"] = 2  # else the frame before would show through
    return options
