"""Every setting of the tool, described once.

The arguments of the commands, the parameters of the server and their OpenAPI description, the
fingerprint in a manifest and the keywords of the library derive from the fields of
`ColorizeOptions`, `OutputOptions` and `VideoOptions`. To add a setting, add a field here and use
its value in one step of the pipeline.

>>> options = ColorizeOptions(style="faithful", saturation=1.2)
>>> options = options.replace(size=512)

Importing this module is quick: it needs neither torch nor NumPy nor Pillow.
"""

# No `from __future__ import annotations`: `_describe` reads the types of the fields.

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from colorize.errors import ColorizeError, display_name

if TYPE_CHECKING:
    from colorize.hints.format import Hint
    from colorize.io.photo import Photo
    from colorize.models.metadata import ModelMetadata, StyleSettings

Value = bool | int | float | str | None
Consumer = Literal["command", "server", "evaluation"]
Need = Literal["distribution", "class_weights", "prior", "propagation"]

DEFAULT_STYLE = "vivid"
INPUT_SIZE = 256  # pixels, height and width of the input that most networks expect
MAX_INPUT_SIZE = 2048
MAX_SAMPLES = 1000
MAX_SEED = 2**31 - 1

T = TypeVar("T")
G = TypeVar("G", bound="Options")


@dataclass(frozen=True)
class Option:
    """Description of one setting, from which commands and the server derive theirs.

    Attributes:
        name: Name of the field and of the keyword.
        type: bool, int, float or str.
        default: Default value; None where it depends on something else, see `default_text`.
        help: What it does, without range and default.
        minimum: Smallest number, inclusive.
        maximum: Largest number, inclusive.
        choices: Words that a string must be one of; empty if it may be any.
        former_choices: Former words and what they are called now; arguments and parameters may
            still use them.
        default_text: The default in words, where `default` is None.
        bare_value: Value of an argument that is given without one; None where it needs one.
        needs: What a network must have for the option to act on it.
        is_file: Whether commands take the name of a file.
        aliases: Former names, still accepted.
        consumers: Who offers the option.
        affects_output: Whether outputs depend on it.
    """

    name: str
    type: type[bool] | type[int] | type[float] | type[str]
    default: Value
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    former_choices: Mapping[str, str] = field(default_factory=dict)
    default_text: str = ""
    bare_value: Value = None
    needs: Need | None = None
    is_file: bool = False
    aliases: tuple[str, ...] = ()
    consumers: tuple[Consumer, ...] = get_args(Consumer)
    affects_output: bool = True

    @property
    def flag(self) -> str:
        """The argument of a command, such as --rare-color-boost."""
        return "--" + self.name.replace("_", "-")

    @property
    def allowed(self) -> str:
        """The valid values in words, to follow "must be"."""
        if self.choices:
            return ", ".join(self.choices[:-1]) + " or " + self.choices[-1]
        noun = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
        if self.minimum is None:
            return noun[self.type]
        if self.maximum is None:
            return f"{noun[self.type]} of at least {self.minimum}"
        return f"{noun[self.type]} from {self.minimum} to {self.maximum}"

    @property
    def description(self) -> str:
        """The help text with range and default."""
        notes = []
        if self.maximum is not None:
            notes.append(f"{self.minimum} to {self.maximum}")
        if self.type is not bool and (default := self.default_text or self.default) is not None:
            notes.append(f"default: {default}")
        return f"{self.help} ({'; '.join(notes)})" if notes else self.help

    @property
    def json_schema(self) -> dict[str, Value | list[str]]:
        """The valid values as JSON Schema."""
        names = {bool: "boolean", int: "integer", float: "number", str: "string"}
        limits = {"minimum": self.minimum, "maximum": self.maximum, "default": self.default}
        schema = {name: value for name, value in limits.items() if value is not None}
        enum = {"enum": list(self.choices)} if self.choices else {}
        return {"type": names[self.type], **enum, **schema}

    def parse(self, text: str) -> Value:
        """Return the value that the text of an argument or parameter stands for.

        Raises ColorizeError for a text that stands for none.
        """
        value: Value = text
        if self.choices:
            value = self.former_choices.get(text.lower(), text.lower())
        try:
            if self.type is bool:
                value = {"true": True, "false": False}[text.lower()]
            elif self.type is not str:
                value = self.type(text)
        except (ValueError, KeyError):
            raise self._error(text) from None
        self.check(value)
        return value

    def check(self, value: object) -> None:
        """Raise ColorizeError for a value of another type or out of range."""
        if value is None and self.default is None:
            return
        if self.choices:
            valid = value in self.choices
        elif self.type is bool:
            valid = isinstance(value, bool)
        elif self.type is str:
            valid = self.is_file or isinstance(value, str)
        else:
            number = Integral if self.type is int else Real
            valid = isinstance(value, number) and not isinstance(value, bool) and self._fits(value)
        if not valid:
            raise self._error(value)

    def _fits(self, number: Any) -> bool:
        low = self.minimum is None or number >= self.minimum
        return low and (self.maximum is None or number <= self.maximum)

    def _error(self, value: object) -> ColorizeError:
        shown = value if isinstance(value, str) and value.isprintable() else ascii(value)
        return ColorizeError(f"{self.name} {shown}: must be {self.allowed}")

    def missing(self, network: "ModelMetadata") -> str:
        """Return why the option cannot act on a network, or "" if it can."""
        if self.needs == "propagation":
            return "this network propagates hints itself" if network.takes_hints else ""
        if self.needs is not None and network.output != "logits":
            return "this network does not predict a distribution of colors"
        if self.needs == "class_weights" and network.class_weights is None:
            return "these weights do not record how rare colors were weighted in training"
        if self.needs == "prior" and network.prior is None:
            return "these weights do not record how frequent each color was in training"
        return ""


def option(default: T, help: str, **attributes: Any) -> T:
    """Return a dataclass field that describes a setting; `attributes` are those of `Option`.

    Type and choices come from the field's annotation: `float | None`, `Literal["a", "b"]`.
    """
    return field(default=default, metadata={"help": help, **attributes})


@dataclass(frozen=True)
class Options:
    """Base of the groups of settings: checked when made, changed by `replace`."""

    def __post_init__(self) -> None:
        """Raise ColorizeError for a value out of range."""
        for each in options_of(type(self)):
            each.check(getattr(self, each.name))

    def replace(self: G, **changes: object) -> G:
        """Return these settings with some changed. Raises ColorizeError like the class."""
        return dataclasses.replace(self, **changes)

    def changed(self) -> list[Option]:
        """Return the options whose value is not the default."""
        return [each for each in options_of(type(self)) if getattr(self, each.name) != each.default]

    def require_support(self, network: "ModelMetadata") -> None:
        """Raise ColorizeError for a setting that was changed and cannot act on a network."""
        for each in self.changed():
            if reason := each.missing(network):
                raise ColorizeError(f"{each.name}: {reason}; leave it out")

    def fingerprint(self) -> dict[str, Value]:
        """Return what outputs depend on, as JSON values by name; files by their sha256.

        Defaults are left out: a new option must not make the outputs of earlier versions stale.
        Raises ColorizeError for a file that cannot be read.
        """
        decisive = [each for each in self.changed() if each.affects_output]
        values = {each.name: getattr(self, each.name) for each in decisive}
        return values | {each.name: hash_of(values[each.name]) for each in decisive if each.is_file}


@dataclass(frozen=True)
class ColorizeOptions(Options):
    """How a photograph is colorized."""

    size: int | None = option(
        None, "height and width of the network's input, in pixels",
        minimum=8, maximum=MAX_INPUT_SIZE, default_text=f"{INPUT_SIZE}; ddcolor: 512",
    )  # fmt: skip
    style: Literal["vivid", "faithful"] | None = option(
        None, "preset of the next four options; faithful gives calmer, more probable colors",
        default_text=DEFAULT_STYLE, needs="distribution",
    )  # fmt: skip
    temperature: float | None = option(
        None, "below 1 favors the most probable colors, above 1 blends more of them",
        minimum=0.01, maximum=10, default_text="the style's", needs="distribution",
    )  # fmt: skip
    rebalance: float | None = option(
        None, "how strongly rare colors are favored: 1 as in training, 0 at natural frequencies",
        minimum=0, maximum=1, default_text="the style's", needs="class_weights",
    )  # fmt: skip
    rare_color_boost: float | None = option(
        None, "extra weight of rare colors where the network finds them likely; useful up to 0.3",
        minimum=0, maximum=1, default_text="the style's", needs="prior", aliases=("rarity",),
    )  # fmt: skip
    coherence: float | None = option(
        None, "bilateral smoothing of the color distribution; reduces blotches",
        minimum=0, maximum=1, default_text="the style's", needs="distribution",
    )  # fmt: skip
    saturation: float = option(
        1.0, "multiplies the strength of all colors; 0 is gray", minimum=0, maximum=3
    )
    warmth: float = option(
        0.0, "shifts all colors toward orange, or below 0 toward blue, by this many ab units",
        minimum=-30, maximum=30,
    )  # fmt: skip
    upsampling: Literal["guided", "bilinear"] = option(
        "guided", "enlarge colors along the edges of the photograph (guided) or smoothly (bilinear)"
    )
    autocontrast: bool = option(False, "stretch the contrast of faded photographs first")
    hints: "Sequence[Hint] | Photo | str | os.PathLike[str] | None" = option(
        None, "colors of some points of one photograph: lines of x,y,#rrggbb[,radius] in pixels, "
        "or a transparent PNG painted over it; see docs/control.md",
        is_file=True, consumers=("command", "server"),
    )  # fmt: skip
    hint_scope: Literal["global", "local"] = option(
        "global", "what hints may change: also the color cast of the whole photograph (global), or "
        "only similar parts nearby (local)",
        needs="propagation", consumers=("command", "server"),
    )  # fmt: skip
    reference: "Photo | str | os.PathLike[str] | None" = option(
        None, "color photograph whose palette the results are drawn toward",
        is_file=True, needs="distribution", consumers=("command", "server"),
    )  # fmt: skip
    sample: int | None = option(
        None, "number of a random alternative colorization",
        minimum=1, maximum=MAX_SAMPLES, default_text="the most probable colors",
        needs="distribution", consumers=("server",),
    )  # fmt: skip
    seed: int = option(
        0, "seed of the random samples", minimum=0, maximum=MAX_SEED,
        needs="distribution", consumers=("command", "server"),
    )  # fmt: skip

    def resolve_style(self, network: "ModelMetadata") -> "StyleSettings | None":
        """Return how the logits of a network are decoded, None if it predicts none.

        Raises ColorizeError for a setting that cannot act on the network.
        """
        self.require_support(network)
        if self.size is not None and self.size % network.size_divisor:
            multiple = network.size_divisor
            raise ColorizeError(f"size {self.size}: this network needs a multiple of {multiple}")
        if network.output != "logits":
            return None
        name = self.style or DEFAULT_STYLE
        if name not in network.styles:
            raise ColorizeError(
                f"style {name}: needs the natural frequencies of colors, which these weights do "
                "not record; leave it out, or set temperature or saturation"
            )
        names = [each.name for each in dataclasses.fields(network.styles[name])]
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return dataclasses.replace(network.styles[name], **given)


@dataclass(frozen=True)
class OutputOptions(Options):
    """What is written."""

    format: str | None = option(
        None, "format of the output: jpeg, png, tiff, webp, ...",
        default_text="by the suffix", consumers=("command", "server"),
    )  # fmt: skip
    quality: int | None = option(
        None, "quality of lossy formats", minimum=1, maximum=100,
        default_text="95 for JPEG; see docs/formats.md", consumers=("command", "server"),
    )  # fmt: skip
    compare: Literal["side-by-side", "split"] | None = option(
        None, "show before and after: side by side, or split, with half of each",
        default_text="only after", bare_value="side-by-side", consumers=("command", "server"),
        former_choices={"side": "side-by-side"},
    )  # fmt: skip
    mark: bool = option(
        False, "draw the word colorized, small, into the corner at the lower right",
        consumers=("command", "server"),
    )  # fmt: skip
    no_mark: bool = option(
        False, "leave out of the metadata that the colors are computed, how, and from which file",
        consumers=("command", "server"),
    )  # fmt: skip
    samples: int | None = option(
        None, "write N different colorizations: out-1.png ... out-N.png",
        minimum=1, maximum=MAX_SAMPLES, needs="distribution", consumers=("command",),
        affects_output=False,
    )  # fmt: skip
    confidence: bool = option(
        False, "return a map of how certain the network is, in place of the colors",
        needs="distribution", consumers=("server",),
    )  # fmt: skip
    max_pixels: int | None = option(
        None, "refuse larger photographs", minimum=1, default_text="500 million pixels",
        consumers=("command",), affects_output=False,
    )  # fmt: skip
    allow_damaged: bool = option(
        False, "take what can be decoded of damaged photographs, with a note",
        consumers=("command",),
    )  # fmt: skip


@dataclass(frozen=True)
class VideoOptions(Options):
    """How videos are encoded."""

    codec: Literal["h264", "hevc", "vp9", "av1", "ffv1"] | None = option(
        None, "video codec", default_text="h264, in .webm vp9", consumers=("command",)
    )
    crf: int | None = option(
        None, "constant rate factor of the video, lower is better", minimum=0, maximum=63,
        default_text="18 for h264; see docs/video.md", consumers=("command",),
    )  # fmt: skip
    audio: Literal["copy", "aac", "none"] = option(
        "copy", "sound of videos: keep it as it is, convert other codecs to AAC, or leave it out",
        consumers=("command",),
    )  # fmt: skip


def options_of(group: type[Options], consumer: Consumer | None = None) -> list[Option]:
    """Return the descriptions of a group's settings, or of those that a consumer offers."""
    described = [_describe(each, each.metadata) for each in dataclasses.fields(group)]
    return [each for each in described if consumer is None or consumer in each.consumers]


def _describe(entry: Any, metadata: Mapping[str, Any]) -> Option:
    """Return the description of a dataclass field made by `option`."""
    if metadata.get("is_file"):
        return Option(entry.name, str, entry.default, **metadata)
    union = get_origin(entry.type) is not Literal and get_args(entry.type)
    (plain,) = (member for member in union or [entry.type] if member is not NoneType)
    if get_origin(plain) is Literal:
        return Option(entry.name, str, entry.default, choices=get_args(plain), **metadata)
    return Option(entry.name, plain, entry.default, **metadata)


def hash_of(path: str | os.PathLike[str]) -> str:
    """Return the sha256 of a file. Raises ColorizeError where it cannot be read."""
    # here, not above: they take a hundredth of a second to import
    from pathlib import Path

    from colorize.io.checksum import hash_file

    try:
        return hash_file(Path(path))
    except OSError as error:
        raise ColorizeError(f"{display_name(path)}: cannot read: {error.strerror}") from error


def supported_options(network: "ModelMetadata", options: Iterable[Option]) -> list[Option]:
    """Return those of the options that can act on a network."""
    return [each for each in options if not each.missing(network)]
