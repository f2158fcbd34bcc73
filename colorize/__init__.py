"""Color for black-and-white photographs. The public names, nothing else.

They are imported when first used, so that `import colorize` and `colorize --help` don't wait
for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from colorize._version import __version__

if TYPE_CHECKING:
    from colorize.errors import ColorizeError as ColorizeError
    from colorize.io.photo import Photo as Photo
    from colorize.io.readers import read as read
    from colorize.io.readers import read_pages as read_pages
    from colorize.io.writers import write as write
    from colorize.pipeline import Colorizer as Colorizer

_HOME = {
    "Colorizer": "colorize.pipeline",
    "ColorizeError": "colorize.errors",
    "Photo": "colorize.io.photo",
    "read": "colorize.io.readers",
    "read_pages": "colorize.io.readers",
    "write": "colorize.io.writers",
}

__all__ = ["ColorizeError", "Colorizer", "Photo", "__version__", "read", "read_pages", "write"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'colorize' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
