"""Colorization of black-and-white photographs: the public names.

They are imported when first used, so that `import colorize` and `colorize --help` do not wait
for NumPy, Pillow and torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from colorize._version import __version__

if TYPE_CHECKING:
    from colorize.errors import ColorizeError as ColorizeError
    from colorize.hints.format import Hint as Hint
    from colorize.io.photo import Photo as Photo
    from colorize.io.readers import read as read
    from colorize.io.readers import read_pages as read_pages
    from colorize.io.writers import write as write
    from colorize.models.registry import available_models as available_models
    from colorize.options import ColorizeOptions as ColorizeOptions
    from colorize.pipeline import Colorizer as Colorizer

_HOME = {
    "ColorizeError": "colorize.errors",
    "ColorizeOptions": "colorize.options",
    "Colorizer": "colorize.pipeline",
    "Hint": "colorize.hints.format",
    "Photo": "colorize.io.photo",
    "available_models": "colorize.models.registry",
    "read": "colorize.io.readers",
    "read_pages": "colorize.io.readers",
    "write": "colorize.io.writers",
}

__all__ = [
    "ColorizeError",
    "ColorizeOptions",
    "Colorizer",
    "Hint",
    "Photo",
    "__version__",
    "available_models",
    "read",
    "read_pages",
    "write",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'colorize' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
