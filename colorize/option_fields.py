"""What a setting is: a field of a dataclass, with range, help and who offers it.

The settings themselves are in `colorize.options`.
"""

# No `from __future__ import annotations`: `_describe` reads the types of the fields.

import dataclasses
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from colorize.errors import ColorizeError, display_name, reason_of

if TYPE_CHECKING:
    from colorize.models.metadata import ModelMetadata

Value = bool | int | float | str | None
Consumer = Literal["command", "server", "evaluation"]
Need = Literal["distribution", "class_weights", "prior", "propagation"]

TIME = re.compile(  # groups: hours, minutes, seconds
    r"(?:(?:(\d{1,6}):)?([0-5]?\d):)?((?(2)[0-5]?\d|\d{0,9})(?:\.\d*)?)", re.ASCII
)

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
        is_time: Whether a number is in seconds, which texts may also give as HH:MM:SS.mmm.
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
    is_time: bool = False
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
        if self.is_time:
            noun[float] = "a time, in seconds or as MM:SS or HH:MM:SS.mmm,"
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
            elif self.is_time:
                value = _seconds(text)
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
            # here, as in `_seconds`, because `--help` needs neither
            from numbers import Integral, Real

            number = Integral if self.type is int else Real
            valid = isinstance(value, number) and not isinstance(value, bool) and self._fits(value)
        if not valid:
            raise self._error(value)

    def _fits(self, number: Any) -> bool:
        low = self.minimum is None or number >= self.minimum
        return low and (math.isfinite(number) if self.maximum is None else number <= self.maximum)

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


def _seconds(text: str) -> float:
    """Return the seconds of a time such as 90, 1:30 or 0:01:30.5. Raises ValueError for others."""
    parts = TIME.fullmatch(text)
    if parts is None:
        raise ValueError(f"not a time: {text}")
    from fractions import Fraction

    hours, minutes, seconds = parts.groups(default="0")
    return float(3600 * int(hours) + 60 * int(minutes) + Fraction(seconds))


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


_described: dict[type[Options], list[Option]] = {}


def options_of(group: type[Options], consumer: Consumer | None = None) -> list[Option]:
    """Return the descriptions of a group's settings, or of those that a consumer offers."""
    if group not in _described:
        _described[group] = [_describe(each, each.metadata) for each in dataclasses.fields(group)]
    return [each for each in _described[group] if consumer is None or consumer in each.consumers]


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
        raise ColorizeError(f"{display_name(path)}: cannot read: {reason_of(error)}") from error


def supported_options(network: "ModelMetadata", options: Iterable[Option]) -> list[Option]:
    """Return those of the options that can act on a network."""
    return [each for each in options if not each.missing(network)]
