"""What a network says about itself: its interface and the settings that decode its output.

The same record describes a network in torch, in ONNX Runtime and in an exported file, where it
is stored as JSON. Importing this module does not import torch.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from colorize.color.types import Floats

METADATA_KEY = "colorize"  # of the JSON in the metadata of an ONNX model
DEFAULT_STYLE = "vivid"
MIN_CLASS_WEIGHT, MAX_CLASS_WEIGHT = 1e-6, 1e6  # the published ones are 0.1 to 6.2
INPUT_SIZE = 256  # pixels, height and width of the input that most networks expect


@dataclass(frozen=True)
class StyleSettings:
    """How one style turns logits into colors; the fields are those of the options.

    Attributes:
        temperature: Divides the logits, above 0; 1 takes the mean of the distribution, values
            toward 0 its mode.
        rebalance: Share of the rebalancing of the training that is kept, 0 to 1.
        rare_color_boost: Extra weight of rare colors, 0 to 1.
        coherence: Strength of the bilateral smoothing of the distribution, 0 to 1.
        certain_color_boost: Extra chroma where the distribution agrees on a hue, 0 to 1.
    """

    temperature: float = 1.0
    rebalance: float = 1.0
    rare_color_boost: float = 0.0
    coherence: float = 0.0
    certain_color_boost: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for a value that is not a number in its range."""
        for name, value in dataclasses.asdict(self).items():
            top = math.inf if name == "temperature" else 1
            if type(value) not in (int, float) or not 0 <= value <= top or math.isinf(value):
                raise ValueError(f"{name} is {value!r}")
        if self.temperature == 0:
            raise ValueError("temperature is 0")


Styles = dict[str, StyleSettings]

NATURAL = StyleSettings(temperature=1.0, rebalance=0.0)  # the mean over natural frequencies
OLD_NAMES = {"rarity": "rare_color_boost"}  # in files of earlier versions


@dataclass(frozen=True, eq=False)
class ModelMetadata:
    """Interface and decoding settings of a network.

    Attributes:
        architecture: Name of the architecture in `models.registry`.
        output: "logits" over color bins, or "ab".
        size_divisor: Height and width of the input are multiples of this.
        output_stride: Input pixels per output pixel, in both directions.
        takes_hints: Whether `forward` uses color hints of the output's size.
        input_size: Height and width of the input where the options do not say, in pixels.
        detail_size: Height and width at which the network also sees large photographs where the
            options do not say, a multiple of `input_size`; None: at no other size.
        input_autocontrast: Share of the way to full contrast that L is stretched before the
            network sees it, 0 to 1; see `color.autocontrast.stretch_lightness`.
        bin_centers: ab of each bin, (Q, 2). This and the following are only for logits.
        class_weights: Rebalancing weights of the training, (Q,), or None where unknown.
        prior: Share of each bin among all pixels of the training data, (Q,), or None.
        styles: Decoding settings by style name: "vivid" always, "faithful" where the natural
            frequencies of the colors are known, that is, with class weights.
        weights: sha256 of the file of the weights; None where unknown. It is not stored.
    """

    architecture: str
    output: Literal["logits", "ab"]
    size_divisor: int
    output_stride: int
    takes_hints: bool = False
    input_size: int = INPUT_SIZE
    detail_size: int | None = None
    input_autocontrast: float = 0.0
    bin_centers: Floats | None = None
    class_weights: Floats | None = None
    prior: Floats | None = None
    styles: Styles = field(default_factory=dict)
    weights: str | None = None

    def __post_init__(self) -> None:
        """Complete the styles. Raises ValueError for values that contradict each other."""
        if (
            self.output not in ("logits", "ab")
            or min(self.size_divisor, self.output_stride, self.input_size) < 1
        ):
            raise ValueError("unknown output or sizes below 1")
        if self.detail_size is not None and (
            self.output != "logits"
            or self.takes_hints
            or self.detail_size < self.input_size
            or self.detail_size % self.input_size
        ):
            raise ValueError("detail_size is not a multiple of input_size, or not for this network")
        if not 0 <= self.input_autocontrast <= 1:
            raise ValueError("input_autocontrast outside 0 to 1")
        if self.output == "ab":
            return
        if self.bin_centers is None or self.bin_centers.shape[1:] != (2,):
            raise ValueError("no bin centers")
        for values in (self.class_weights, self.prior):
            if values is not None and values.shape != self.bin_centers.shape[:1]:
                raise ValueError("class weights or prior do not match the bins")
        weights = self.class_weights
        if weights is not None and not (
            weights.min() >= MIN_CLASS_WEIGHT and weights.max() <= MAX_CLASS_WEIGHT
        ):
            raise ValueError(f"class weights outside {MIN_CLASS_WEIGHT:g} to {MAX_CLASS_WEIGHT:g}")
        known = {DEFAULT_STYLE: StyleSettings()}
        if self.class_weights is not None:
            known["faithful"] = NATURAL
        object.__setattr__(self, "styles", known | self.styles)

    @classmethod
    def from_json(cls, text: str) -> ModelMetadata:
        """Return the record that `to_json` wrote. Raises ValueError for any other text."""
        try:
            values = json.loads(text)
            return cls(
                architecture=str(values["architecture"]),
                output=values["output"],
                size_divisor=int(values["size_divisor"]),
                output_stride=int(values["output_stride"]),
                takes_hints=bool(values["takes_hints"]),
                input_size=int(values.get("input_size", INPUT_SIZE)),  # not in older files
                detail_size=None if (detail := values.get("detail_size")) is None else int(detail),
                input_autocontrast=float(values.get("input_autocontrast", 0)),  # the same
                bin_centers=finite_array(values["bin_centers"]),
                class_weights=finite_array(values["class_weights"]),
                prior=finite_array(values["prior"]),
                styles=parse_styles(values["styles"]),
            )
        except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError("not the metadata of a network") from error

    def to_json(self) -> str:
        """Return the record as JSON."""
        values = dataclasses.asdict(self)
        del values["weights"]  # the file's own hash cannot be in it
        return json.dumps(values, default=np.ndarray.tolist)


def parse_styles(value: object) -> Styles:
    """Return styles from JSON, an object of settings by style name.

    Settings that are left out have their default. Raises ValueError for anything else.
    """
    if not isinstance(value, Mapping):
        raise ValueError("styles are not an object")
    return {str(name): _parse_style(str(name), settings) for name, settings in value.items()}


def _parse_style(name: str, settings: object) -> StyleSettings:
    if not isinstance(settings, Mapping):
        raise ValueError(f"style {name} is not an object")
    values = {OLD_NAMES.get(str(key), str(key)): value for key, value in settings.items()}
    missing = {"temperature", "rebalance"} - values.keys()
    unknown = values.keys() - {setting.name for setting in dataclasses.fields(StyleSettings)}
    if missing or unknown:
        raise ValueError(f"style {name}: missing or unknown {', '.join(missing | unknown)}")
    try:
        return StyleSettings(**values)
    except ValueError as error:
        raise ValueError(f"style {name}: {error}") from error


def finite_array(values: npt.ArrayLike | None) -> Floats | None:
    """Return finite numbers as a float32 array, None as None. Raises ValueError."""
    if values is None:
        return None
    array = np.asarray(values, np.float32)
    if not np.isfinite(array).all():
        raise ValueError("values that are not finite")
    return array
