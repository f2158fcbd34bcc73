"""What an exported network says of itself, as JSON in its file's metadata. Without torch."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from colorize.decoding.styles import Styles, checked

Floats = npt.NDArray[np.float32]

METADATA_KEY = "colorize"  # under which the JSON stands in an ONNX model's metadata


@dataclass(frozen=True)
class Description:
    """The attributes that the networks of `colorize.models` have."""

    architecture: str
    output: Literal["logits", "ab"]
    multiple: int
    hint_stride: int | None
    bin_centers: Floats | None = None  # (Q, 2); this and the following for logits alone
    class_weights: Floats | None = None  # (Q,)
    temperature: float = 1.0
    rebalance: float = 1.0
    styles: Styles | None = None
    prior: Floats | None = None  # (Q,)

    @classmethod
    def read(cls, text: str) -> Description:
        """Return it from JSON. Raises ValueError for what makes no sense."""
        try:
            result = cls._of(json.loads(text))
        except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError("not a network's description") from error
        result._check()
        return result

    @classmethod
    def _of(cls, said: dict[str, Any]) -> Description:
        stride = said["hint_stride"]
        return cls(
            str(said["architecture"]),
            said["output"],
            int(said["multiple"]),
            None if stride is None else int(stride),
            floats(said["bin_centers"]),
            floats(said["class_weights"]),
            float(said["temperature"]),
            float(said["rebalance"]),
            None if said.get("styles") is None else checked(said["styles"]),
            floats(said.get("prior")),
        )

    def _check(self) -> None:
        """Raise ValueError for what can't be."""
        centers = self.bin_centers
        if self.output not in ("logits", "ab") or min(self.multiple, self.hint_stride or 1) < 1:
            raise ValueError("no such network")
        if self.output == "logits" and (centers is None or centers.shape[1:] != (2,)):
            raise ValueError("no bin centers")
        for of_bins in (self.class_weights, self.prior):
            if of_bins is not None and (centers is None or of_bins.shape != centers.shape[:1]):
                raise ValueError("class weights or prior do not fit the bins")

    def text(self) -> str:
        """Return it as JSON."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return json.dumps(said, default=np.ndarray.tolist)


def floats(said: Any) -> Floats | None:
    """Return finite numbers as an array, None as None. Raises ValueError."""
    if said is None:
        return None
    array = np.array(said, np.float32)
    if not np.isfinite(array).all():
        raise ValueError
    return array
