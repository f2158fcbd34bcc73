"""`eccv16` and `siggraph17` as ONNX graphs, made straight from their weights files. Without torch.

The same layers as `models.eccv16` and `models.siggraph17`, by the same names. A test compares the
networks' outputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from colorize.color.quantization import NUM_BINS
from colorize.models.metadata import ModelMetadata
from colorize.runtime.onnx_compact import LIGHTNESS, LOGITS, Graph, Values
from colorize.runtime.pth_reader import read_torch_file

Tensors = dict[str, npt.NDArray[Any]]

AB_SCALE = 110.0  # the published networks work with ab / 110
GRID_BINS = 529  # of a head that the published file of siggraph17 holds and nothing uses
DILATED = ("model5", "model6")
DEEP = {  # the channels of the blocks that both networks have
    "model4": (256, 512, 512, 512),
    "model5": (512, 512, 512, 512),
    "model6": (512, 512, 512, 512),
    "model7": (512, 512, 512, 512),
}


def published_model(file: Path, architecture: str) -> tuple[bytes, Tensors]:
    """Return the ONNX model of a weights file and the tensors that it names but does not hold.

    file: one of `torch.save`, or safetensors. architecture: "eccv16" or "siggraph17". The
    inputs and the output are those of the networks in `models`. Raises ColorizeError for a file
    that is missing, damaged, or of another network.
    """
    graph = Graph(file, _tensors(file))
    return (_eccv16 if architecture == "eccv16" else _siggraph17)(graph)


def _tensors(file: Path) -> Tensors:
    """Return the tensors of a weights file of either kind by name."""
    try:
        with safe_open(file, framework="numpy") as content:
            return {key: content.get_tensor(key) for key in content.keys()}
    except (SafetensorError, OSError, ValueError, TypeError):
        return read_torch_file(file)  # whose messages are for both


def _block(graph: Graph, x: str, name: str, *channels: int, first: int = 0, stride: int = 1) -> str:
    """Add convolutions with ReLU between so many channels, then normalization.

    first: the number of the first layer. stride: that of the last convolution.
    """
    dilation = 2 if name in DILATED else 1
    last = len(channels) - 2
    for i in range(last + 1):
        step = stride if i == last else 1
        number, inputs, outputs = first + 2 * i, channels[i], channels[i + 1]
        x = _convolution(graph, x, f"{name}.{number}", inputs, outputs, step, dilation)
        x = graph.add("Relu", x)
    return graph.normalization(x, f"{name}.{first + 2 * (last + 1)}", channels[-1])


def _convolution(
    graph: Graph, x: str, name: str, inputs: int, outputs: int, stride: int = 1, dilation: int = 1
) -> str:
    """Add a 3×3 convolution with PyTorch's padding."""
    weights = graph.weight(f"{name}.weight", outputs, inputs, 3, 3)
    return graph.add(
        "Conv", x, weights, graph.weight(f"{name}.bias", outputs), kernel_shape=[3, 3],
        strides=[stride] * 2, dilations=[dilation] * 2, pads=[dilation] * 4,
    )  # fmt: skip


def _doubled(graph: Graph, x: str, name: str, inputs: int, outputs: int) -> str:
    """Add a transposed convolution to twice the height and width."""
    weights = graph.weight(f"{name}.weight", inputs, outputs, 4, 4)
    return graph.add(
        "ConvTranspose", x, weights, graph.weight(f"{name}.bias", outputs),
        kernel_shape=[4, 4], strides=[2, 2], pads=[1] * 4,
    )  # fmt: skip


def _centerd(graph: Graph) -> str:
    """Add (L - 50) / 100."""
    return graph.add("Div", graph.add("Sub", "lightness", graph.constant(50)), graph.constant(100))


def _deep(graph: Graph, x: str) -> str:
    for name, channels in DEEP.items():
        x = _block(graph, x, name, *channels)
    return x


def _eccv16(graph: Graph) -> tuple[bytes, Tensors]:
    x = _block(graph, _centerd(graph), "model1", 1, 64, 64, stride=2)
    x = _block(graph, x, "model2", 64, 128, 128, stride=2)
    x = _deep(graph, _block(graph, x, "model3", 128, 256, 256, 256, stride=2))
    x = graph.add("Relu", _doubled(graph, x, "model8.0", 512, 256))
    for name in ("model8.2", "model8.4"):
        x = graph.add("Relu", _convolution(graph, x, name, 256, 256))
    x = graph.convolution(x, "model8.6", 256, NUM_BINS)
    graph.add("Identity", x, output="logits")
    # the mean over the bins is taken elsewhere: these are their colors
    colors = graph.constants.pop(graph.weight("model_out.weight", 2, NUM_BINS, 1, 1))
    centers = (AB_SCALE * colors[:, :, 0, 0].T).astype(np.float32)
    metadata = ModelMetadata("eccv16", "logits", 8, 4, bin_centers=centers)
    return _model(graph, metadata, LIGHTNESS, LOGITS)


def _siggraph17(graph: Graph) -> tuple[bytes, Tensors]:
    x = graph.add("Concat", _centerd(graph), "hints", axis=1)
    full = _block(graph, x, "model1", 4, 64, 64)
    half = _block(graph, _subsample(graph, full), "model2", 64, 128, 128)
    quarter = _block(graph, _subsample(graph, half), "model3", 128, 256, 256, 256)
    x = _deep(graph, _subsample(graph, quarter))
    x = _up(graph, x, "model8up.0", quarter, "model3short8.0", 512, 256)
    x = _block(graph, x, "model8", 256, 256, 256, first=1)
    x = _up(graph, x, "model9up.0", half, "model2short9.0", 256, 128)
    x = _block(graph, x, "model9", 128, 128, first=1)
    x = _up(graph, x, "model10up.0", full, "model1short10.0", 128, 128)
    x = graph.add("LeakyRelu", _convolution(graph, x, "model10.1", 128, 128), alpha=0.2)
    x = graph.add("Tanh", graph.convolution(x, "model_out.0", 128, 2))
    graph.add("Mul", x, graph.constant(AB_SCALE), output="ab")
    for part, shape in (("weight", (GRID_BINS, 256, 1, 1)), ("bias", (GRID_BINS,))):
        del graph.constants[graph.weight(f"model_class.0.{part}", *shape)]
    hints: Values = {"hints": ("batch", 3, "height", "width")}
    ab: Values = {"ab": ("batch", 2, "height", "width")}
    return _model(
        graph, ModelMetadata("siggraph17", "ab", 8, 1, takes_hints=True), LIGHTNESS | hints, ab
    )


def _subsample(graph: Graph, x: str) -> str:
    """Add the even rows and columns alone."""
    starts, ends = graph.constant([0, 0], np.int64), graph.constant([2**62, 2**62], np.int64)
    axes, steps = graph.constant([2, 3], np.int64), graph.constant([2, 2], np.int64)
    return graph.add("Slice", x, starts, ends, axes, steps)


def _up(
    graph: Graph, x: str, name: str, skip: str, skip_name: str, inputs: int, outputs: int
) -> str:
    """Add a stage that doubles the size, with the features of the way down, and ReLU."""
    skipped = 64 if skip_name == "model1short10.0" else outputs
    x = _doubled(graph, x, name, inputs, outputs)
    skip = _convolution(graph, skip, skip_name, skipped, outputs)
    return graph.add("Relu", graph.add("Add", x, skip))


def _model(
    graph: Graph, metadata: ModelMetadata, inputs: Values, outputs: Values
) -> tuple[bytes, Tensors]:
    """Return the model and its tensors. Raises ColorizeError for tensors that are left over."""
    apart: Tensors = {}
    return graph.model(metadata, inputs, outputs, apart), apart
