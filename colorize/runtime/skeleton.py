"""ONNX graphs without weights, in the folder `weights`: NAME.onnx, and NAME.json about it.

`python -m colorize.export --skeletons` makes them. Their initializers are names of tensors of
the safetensors file, which ONNX Runtime is given when it loads the graph. So there is one
weights file for torch and ONNX Runtime, and neither torch nor the package onnx is needed.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from colorize.errors import ColorizeError
from colorize.models import header as headers
from colorize.models.metadata import ModelMetadata
from colorize.models.registry import Model
from colorize.models.serialization import Weights, check_tensors, in_file
from colorize.models.weights_files import bundled_path

AB_SCALE = 110  # the published networks work with ab / 110
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Skeleton:
    """An ONNX graph without weights.

    Attributes:
        metadata: Of the network, with the decoding settings of no particular weights.
        tensors: Shapes of the tensors that the graph needs, by name.
        unused: Shapes of the other tensors in a weights file.
    """

    metadata: ModelMetadata
    tensors: Shapes
    unused: Shapes

    @classmethod
    def from_json(cls, text: str) -> Skeleton:
        """Return what `to_json` wrote."""
        values = json.loads(text)
        shapes = ({k: tuple(v) for k, v in values[key].items()} for key in ("tensors", "unused"))
        return cls(ModelMetadata.from_json(json.dumps(values["metadata"])), *shapes)

    def to_json(self) -> str:
        """Return everything as JSON."""
        values = {
            "metadata": json.loads(self.metadata.to_json()),
            "tensors": self.tensors,
            "unused": self.unused,
        }
        return json.dumps(values, separators=(",", ":"))


def graph_path(model: Model) -> Path:
    """Return the file of the model's graph."""
    return bundled_path(f"{model.architecture}.onnx")


def read_skeleton(model: Model) -> Skeleton:
    """Return what is known about the model's graph. Raises ColorizeError if it has none."""
    if not model.skeleton:
        raise ColorizeError(f"{model.name} has no ONNX graph: use --backend torch")
    return Skeleton.from_json(graph_path(model).with_suffix(".json").read_text("utf-8"))


def fill(
    skeleton: Skeleton, weights: Weights, file: Path, model: Model
) -> tuple[ModelMetadata, dict[str, npt.NDArray[np.float32]]]:
    """Return the metadata of a network with these weights, and the tensors for its graph.

    Args:
        skeleton: The graph's description.
        weights: Content of the weights file.
        file: The weights file, for messages.
        model: The network's row in the registry.

    Raises:
        ColorizeError: The weights do not fit the graph.
    """
    _check_widths(skeleton, weights, file)
    tensors = check_tensors(file, weights.tensors, skeleton.tensors | skeleton.unused)
    metadata = skeleton.metadata
    if metadata.output == "logits":
        metadata = in_file(file, lambda: _with_weights_data(skeleton.metadata, weights.header))
    if model.bin_centers is not None:
        centers = AB_SCALE * tensors[model.bin_centers][:, :, 0, 0].T
        metadata = dataclasses.replace(metadata, bin_centers=centers)
    return metadata, {name: tensors[name] for name in skeleton.tensors}


def _with_weights_data(metadata: ModelMetadata, header: headers.Header) -> ModelMetadata:
    """Return the metadata with what a header says. Raises ValueError for what does not fit."""
    return dataclasses.replace(metadata, **headers.weights_data(header)._asdict())


def _check_widths(skeleton: Skeleton, weights: Weights, file: Path) -> None:
    """Raise ColorizeError for weights of `compact` with a decoder of other widths."""
    different = [
        name
        for name, shape in skeleton.tensors.items()
        if name in weights.tensors
        and weights.tensors[name].ndim == len(shape) == 4
        and weights.tensors[name].shape != shape
    ]
    if len(different) > 1 and "config" in weights.header:
        raise ColorizeError(
            f"{file}: its widths differ from the bundled network's, for which the ONNX graph is: "
            "use --backend torch, or export it with python -m colorize.export --to onnx"
        )
