"""What a request may ask for: the command line's options, as query or form parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from colorize.color.upsampling import UPSAMPLINGS
from colorize.decoding.sampling import MAX_SAMPLES
from colorize.decoding.settings import Decoding
from colorize.decoding.styles import STYLES
from colorize.errors import ColorizeError
from colorize.hints.format import Hint
from colorize.io.formats import FORMATS, SUFFIXES
from colorize.pipeline import Colorizer
from colorize.server.errors import Refusal, shown

Pairs = Iterable[tuple[str, str]]

FILES = {
    "hints": "a transparent picture painted over the photograph: its opaque pixels are hints",
    "reference": "a color photograph whose shares of colors the result is drawn toward",
}

MAX_HINTS = 200
MAX_HINTED = 4_000_000  # pixels of the squares around hints; they take memory
MAX_SIZE = 512  # of the network's input; time and memory grow with its square


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`."""

    low: float
    high: float
    whole: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """The same in JSON Schema."""
        type = "integer" if self.whole else "number"
        return {"type": type, "minimum": self.low, "maximum": self.high}

    def __call__(self, text: str) -> float:
        """Return the number. Raises ValueError for anything else."""
        number = int(text) if self.whole else float(text)
        if not self.low <= number <= self.high:  # nor is NaN
            raise ValueError
        return number

    def __str__(self) -> str:
        """Return what it is in words."""
        return f"a {'whole ' * self.whole}number from {self.low} to {self.high}"


@dataclass(frozen=True)
class Choice:
    """One of some words, in any case."""

    words: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """The same in JSON Schema."""
        return {"type": "string", "enum": list(self.words)}

    def __call__(self, text: str) -> str:
        """Return the word. Raises ValueError for any other."""
        if text.lower() not in self.words:
            raise ValueError
        return text.lower()

    def __str__(self) -> str:
        """Return what it is in words."""
        return f"one of {', '.join(self.words)}"


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    @property
    def schema(self) -> dict[str, Any]:
        """The same in JSON Schema."""
        return {"type": "boolean"}

    def __call__(self, text: str) -> bool:
        """Return whether it is yes. Raises KeyError for anything but the two words."""
        return {"true": True, "false": False}[text.lower()]

    def __str__(self) -> str:
        """Return what it is in words."""
        return "true or false"


@dataclass(frozen=True)
class HintLines:
    """Places and their colors: `x,y,#rrggbb` or `x,y,#rrggbb,radius`, parted by lines or `;`."""

    @property
    def schema(self) -> dict[str, Any]:
        """The same in JSON Schema."""
        return {"type": "string", "format": "hints", "examples": ["40,25,#b9303a;20,30,#3d7ea6,5"]}

    def __call__(self, text: str) -> list[Hint]:
        """Return the hints. Raises ValueError for other text, and ColorizeError for no color."""
        lines = [line for line in re.split(r"[;\r\n]+", text) if line.strip()]
        hints = [_hint(line, f"hint {number}") for number, line in enumerate(lines, 1)]
        pixels = sum((2 * hint.radius + 1) ** 2 for hint in hints if hint.radius is not None)
        if not 0 < len(hints) <= MAX_HINTS or pixels > MAX_HINTED:
            raise ValueError
        return hints

    def __str__(self) -> str:
        """Return what it is in words."""
        area = f"{MAX_HINTED // 10**6} million pixels together"
        return f"x,y,#rrggbb or x,y,#rrggbb,radius, a line each, 1 to {MAX_HINTS}, of {area}"


def _hint(line: str, where: str) -> Hint:
    x, y, color, *radius = (part.strip() for part in line.split(","))
    if len(radius) > 1:
        raise ValueError
    return Hint(float(x), float(y), color, float(radius[0]) if radius else None, where)


@dataclass(frozen=True)
class Option:
    """One parameter of a request: what it means and what it may be.

    color: whether it is a setting of `Colorizer`.
    """

    name: str
    meaning: str
    kind: Number | Choice | Flag | HintLines
    color: bool = True


WRITABLE = tuple(sorted({suffix[1:] for suffix in SUFFIXES} | {name.lower() for name in FORMATS}))

OPTIONS = {
    option.name: option
    for option in (
        Option("format", "format of the result; default: the photograph's own, or png where that "
               "can't be written", Choice(WRITABLE), color=False),
        Option("quality", "quality of lossy formats; default: 95 for JPEG",
               Number(1, 100, whole=True), color=False),
        Option("size", "height and width of what the network sees, in pixels; default: 256",
               Number(8, MAX_SIZE, whole=True)),
        Option("style", "vivid (the default) or faithful: settings of temperature, rebalance, "
               "rarity and coherence",
               Choice(STYLES)),
        Option("temperature", "below 1 decides for the most probable colors, above 1 mixes more; "
               "default: the style's", Number(0.01, 10)),
        Option("rebalance", "how much rare colors are favored: 1 vivid, 0 the most probable; "
               "default: the style's", Number(0, 1)),
        Option("rarity", "how much more rare colors count where the network holds them likely: 0 "
               "none, up to 1; default: the style's", Number(0, 1)),
        Option("coherence", "how much places near and about as light have a say in each other's "
               "colors: 0 none, up to 1; default: the style's", Number(0, 1)),
        Option("saturation", "what the colors' strength is multiplied by; default: 1",
               Number(0, 3)),
        Option("sample", "other colors that the network holds possible, the first, second, ...; "
               "default: the most likely ones", Number(1, MAX_SAMPLES, whole=True), color=False),
        Option("seed", "draws other samples; default: 0",
               Number(0, 2**31 - 1, whole=True), color=False),
        Option("hints", "places whose color is known, in pixels from the top left of the upright "
               "photograph; in a form also a transparent picture painted over it", HintLines()),
        Option("upsampling", "guided (the default) enlarges the colors along the photograph's "
               "edges, bilinear smoothly over them", Choice(UPSAMPLINGS)),
        Option("compare", "show before and after: side by side, or a half of each; default: only "
               "after", Choice(("side", "split")), color=False),
        Option("autocontrast", "stretch the lightness of a faded photograph first; default: false",
               Flag()),
        Option("confidence", "give, in place of the colors, a map of how sure the network is; "
               "default: false", Flag(), color=False),
    )
}  # fmt: skip


# Of a network that predicts a distribution.
NEED_LOGITS = {"style", *Decoding._fields, "sample", "seed"}


@dataclass(frozen=True)
class Wish:
    """What one request asks for, checked.

    settings: of `Colorizer`, those that are given.
    """

    settings: Mapping[str, Any]
    format: str | None = None
    quality: int | None = None
    compare: str | None = None
    sample: int | None = None
    seed: int = 0
    confidence: bool = False


def usable(colorizer: Colorizer) -> list[str]:
    """Return the names of the options that a colorizer's network has a use for."""
    metadata = colorizer.metadata
    unfit = set() if metadata.output == "logits" else set(NEED_LOGITS)
    if metadata.output == "logits" and metadata.class_weights is None:
        unfit.add("rebalance")
    if metadata.output == "logits" and metadata.prior is None:
        unfit.add("rarity")
    return [name for name in {**OPTIONS, **FILES} if name not in unfit]


def read_wish(query: Pairs, form: Pairs = ()) -> Wish:
    """Return what the parameters of a request ask for; those of its form go before the query's.

    Raises Refusal (422) for one that is unknown, given twice or out of range.
    """
    values = _values(query) | _values(form)
    settings = {name: value for name, value in values.items() if OPTIONS[name].color}
    others = {name: value for name, value in values.items() if not OPTIONS[name].color}
    return Wish(settings, **others)


def _values(pairs: Pairs) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in OPTIONS:
            known = ", ".join(OPTIONS)
            raise Refusal(422, f"no parameter is called {shown(name)}; there are {known}")
        if name in values:
            raise Refusal(422, f"{name} is given twice")
        values[name] = _value(OPTIONS[name], text)
    return values


def _value(option: Option, text: str) -> Any:
    try:
        return option.kind(text)
    except ColorizeError as error:
        raise Refusal(422, str(error)) from None
    except (ValueError, KeyError):
        raise Refusal(422, f"{option.name} {shown(text)}: give {option.kind}") from None
