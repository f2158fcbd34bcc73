"""Pictures as programs hold them: from any of their types to a `Photo`, and back."""

from __future__ import annotations

import io
import os
from typing import TypeVar

import numpy as np
from PIL import Image

from colorize.errors import ColorizeError
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.io.writers import write

Path = str | os.PathLike[str]
AnyPicture = Photo | Image.Image | np.ndarray | bytes | Path
Picture = TypeVar("Picture", Photo, Image.Image, np.ndarray, bytes)


def to_photo(picture: AnyPicture) -> Photo:
    """Return the photograph in a picture.

    Args:
        picture: A photo, a Pillow image of any mode, an array (H, W) or (H, W, 1 to 4) of uint8
            or uint16 with alpha last, the content of a file, or the path of one.

    Raises:
        ColorizeError: For other types and shapes, and for files that cannot be read.
    """
    if isinstance(picture, Photo):
        return picture
    if isinstance(picture, Image.Image):
        return Photo.from_pil(picture)
    if isinstance(picture, np.ndarray):
        return Photo.from_array(picture)
    if isinstance(picture, bytes):
        return read(io.BytesIO(picture))
    if isinstance(picture, (str, os.PathLike)):
        return read(picture)
    raise ColorizeError(
        f"a photograph cannot be a {type(picture).__name__}: "
        "use a path, bytes, a Pillow image, a NumPy array or a Photo"
    )


def from_photo(photo: Photo, like: AnyPicture) -> Photo | Image.Image | np.ndarray | bytes:
    """Return a photo as the type of another picture; a Photo where that is a path.

    Arrays are (H, W, 3), or (H, W, 4) with alpha; a pixel is masked where any of its channels was.
    Bytes are a file of the photo's own format.
    """
    if isinstance(like, Image.Image):
        return photo.to_pil()
    if isinstance(like, np.ndarray):
        array = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
        return _masked_like(array, like) if isinstance(like, np.ma.MaskedArray) else array
    if isinstance(like, bytes):
        file = io.BytesIO()
        write(photo, file)
        return file.getvalue()
    return photo


def _masked_like(array: np.ndarray, like: np.ma.MaskedArray) -> np.ndarray:
    mask = np.ma.getmaskarray(like).reshape(*array.shape[:2], -1).any(axis=2, keepdims=True)
    return np.ma.masked_array(array, np.repeat(mask, array.shape[2], axis=2))
