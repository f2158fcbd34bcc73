"""Silence for the libtiff inside Pillow, which prints its own lines to standard error.

libtiff's handlers belong to the whole process. They are cleared once, in the copy of libtiff that
Pillow uses; libvips collects the messages of its own copy.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import lru_cache

from PIL import Image


@lru_cache(maxsize=1)
def silence_libtiff() -> None:
    """Keep Pillow's libtiff from printing, where it is a library that others can call."""
    # where it is linked statically, as on Windows, its functions cannot be found
    with suppress(AttributeError, OSError, TypeError):
        pillow = ctypes.CDLL(Image.core.__file__)  # type: ignore[attr-defined]
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            set_handler = getattr(pillow, name)
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            set_handler(None)
