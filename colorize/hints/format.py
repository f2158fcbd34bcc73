"""Color hints and the files they are read from: text, or a picture painted over the photograph."""

from __future__ import annotations

import io
import math
import os
import re
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from colorize.color import lab
from colorize.color.bit_depth import to_uint8
from colorize.color.types import Floats
from colorize.errors import ColorizeError, display_name, reason_of
from colorize.io import readers
from colorize.io.formats import has_image_suffix
from colorize.io.photo import Photo
from colorize.io.source import open_regular

OPAQUE = 128  # alpha, 0 to 255, from which a painted pixel counts as a hint
MAX_TEXT = 1 << 20  # characters of a text file of hints
_QUOTE = reprlib.Repr()
_QUOTE.maxstring = 80


Scope = Literal["object", "cast"]


@dataclass(frozen=True)
class Hint:
    """A disc or brush stroke of known color in a photograph.

    Args:
        x: column of the center in the upright photograph, from 0 at the left.
        y: row of the center, from 0 at the top.
        color: "#rrggbb", sRGB; only its a and b of CIE Lab are used.
        radius: in pixels; 0 is a single pixel, None 1 % of the longer side and at least 1.
        stroke: further points (x, y), to which the disc is drawn in straight lines.
        scope: what the hint may change, as the option `hint_scope`; None for what that says.
        source: how error messages refer to the hint.

    Raises:
        ColorizeError: for a color that is not #rrggbb, and for a number that is not finite or is
            negative.
    """

    x: float
    y: float
    color: str
    radius: float | None = None
    stroke: tuple[tuple[float, float], ...] = ()
    scope: Scope | None = None
    source: str = field(default="hint", compare=False, kw_only=True)

    def __post_init__(self) -> None:
        """Check the fields."""
        if not re.fullmatch("#[0-9a-fA-F]{6}", self.color):
            color = _QUOTE.repr(self.color)
            raise ColorizeError(f"{self.source}: {color} is not a color; write #rrggbb")
        if self.scope not in (None, *get_args(Scope)):
            raise ColorizeError(f"{self.source}: scope {self.scope!r}; write object or cast")
        numbers = [each for x, y in self.points for each in (("x", x), ("y", y))]
        for name, value in (*numbers, ("radius", self.radius or 0)):
            if not (math.isfinite(value) and value >= 0):
                raise ColorizeError(f"{self.source}: {name} is {value}; must be 0 or more")

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """All points (x, y) of the stroke, of a disc its center."""
        return ((self.x, self.y), *self.stroke)

    @property
    def ab(self) -> Floats:
        """The color's a and b, (2,)."""
        levels = [int(self.color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return lab.rgb_to_lab(np.array(levels))[1:].astype(np.float32)


Hints = Sequence[Hint] | Photo
"""Discs, or a picture painted over the photograph, whose opaque pixels are the hints."""


def load_hints(hints: Hints | str | os.PathLike[str]) -> Hints:
    """Return hints, read from their file if they are the path of one.

    Raises ColorizeError for a file that `read_hints` refuses, and for what is not a hint.
    """
    if isinstance(hints, (str, os.PathLike)):
        return read_hints(hints)
    for hint in () if isinstance(hints, Photo) else hints:
        if not isinstance(hint, Hint):
            raise ColorizeError(f"{hint!r} is not a hint; write Hint(x, y, '#rrggbb')")
    return hints


def read_hints(path: str | os.PathLike[str]) -> Hints:
    """Return the hints in a file: a painted picture if it has an image suffix, otherwise text.

    Raises ColorizeError, naming the file, and the line if one is wrong.
    """
    name = display_name(path)
    if has_image_suffix(path):
        painting = readers.read(path)
        check_painting(painting, name)
        return painting
    return parse_hints(_read_text(Path(path), name), name)


def parse_hints(text: str, name: str) -> list[Hint]:
    """Return the hints of a text, one per line, see `parse_hint`.

    Empty lines and comments are ignored. A comment is a line that starts with #, or what follows
    a value, whitespace and a #.

    Raises ColorizeError, naming the line, for a wrong line, and for a text without hints.
    """
    hints = [
        parse_hint(line, f"{name}, line {number}")
        for number, content in enumerate(text.splitlines(), 1)
        if (line := _strip_comment(content))
    ]
    if not hints:
        raise ColorizeError(f"{name}: contains no hints; write lines of x,y,#rrggbb")
    return hints


def _read_text(path: Path, name: str) -> str:
    try:
        with io.TextIOWrapper(open_regular(path), encoding="utf-8-sig") as file:
            text = file.read(MAX_TEXT + 1)
    except OSError as error:
        raise ColorizeError(f"{name}: cannot read: {reason_of(error)}") from error
    except UnicodeDecodeError:
        text = "\0"
    if len(text) > MAX_TEXT or "\0" in text:
        raise ColorizeError(
            f"{name}: not a text file of hints; a painted picture needs a suffix such as .png"
        )
    return text


def _strip_comment(line: str) -> str:
    line = line.strip()
    # a # after a comma and whitespace starts a color, not a comment
    return "" if line.startswith("#") else re.split(r"(?<=[^,\s])\s+#", line, maxsplit=1)[0]


def parse_hint(line: str, source: str) -> Hint:
    """Return the hint of a line: `x,y,#rrggbb`, `x,y,#rrggbb,radius` or `…,radius,scope`.

    More pairs of x,y before the color make a stroke; an empty radius is the default one.

    Raises ColorizeError, beginning with `source`, for a wrong line.
    """
    fields = [field.strip() for field in line.split(",")]
    colors = [number for number, field in enumerate(fields) if field.startswith("#")]
    count = colors[0] if colors else 2  # of coordinates
    if count < 2 or count % 2 or not count < len(fields) <= count + 3:
        quoted = _QUOTE.repr(line)
        raise ColorizeError(
            f"{source}: {quoted} has {len(fields)} fields; write x,y,#rrggbb,radius"
        )
    numbers = [
        _parse_number(field, "xy"[number % 2], source)
        for number, field in enumerate(fields[:count])
    ]
    (x, y), *stroke = zip(numbers[::2], numbers[1::2], strict=True)
    color, radius, scope, *_ = [*fields[count:], "", ""]
    return Hint(
        x,
        y,
        color,
        _parse_number(radius, "radius", source) if radius else None,
        tuple(stroke),
        cast(Scope, scope) if scope else None,
        source=source,
    )


def _parse_number(text: str, name: str, source: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ColorizeError(f"{source}: {name} is {_QUOTE.repr(text)}, not a number") from None


def check_painting(painting: Photo, name: str) -> None:
    """Raise ColorizeError for a painting that is opaque everywhere, or transparent everywhere."""
    if painting.alpha is None:
        raise ColorizeError(f"{name}: has no transparency; paint the hints on a transparent layer")
    if not opaque_pixels(painting).any():
        raise ColorizeError(f"{name}: transparent everywhere, so it contains no hints")


def opaque_pixels(painting: Photo) -> npt.NDArray[np.bool_]:
    """Return where a painting with alpha counts as a hint, (H, W)."""
    assert painting.alpha is not None
    opaque: npt.NDArray[np.bool_] = to_uint8(painting.alpha) >= OPAQUE
    return opaque
