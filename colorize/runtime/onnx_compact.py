"""`compact` as an ONNX graph, made straight from its weights file. Without torch.

The same layers as `models.compact`, in the same order; ONNX Runtime itself folds the batch
normalizations when it loads the graph. A test compares the two networks' outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from safetensors import SafetensorError, safe_open

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.errors import ColorizeError
from colorize.models.compact_config import (
    HEAD_CHANNELS,
    HINT_CHANNELS,
    LITE0_BLOCKS,
    MULTIPLE,
    SKIP_BLOCKS,
    SKIP_CHANNELS,
    STATISTICS,
    STEM_CHANNELS,
)
from colorize.models.header import (
    CompactSettings,
    check_header_length,
    compact_settings,
    config,
)
from colorize.models.metadata import METADATA_KEY, ModelMetadata, finite_array
from colorize.runtime.external_data import initializers

Array = npt.NDArray[Any]

Values = dict[str, tuple[int | str, ...]]  # a graph's inputs or outputs: names and shapes

LIGHTNESS: Values = {"lightness": ("batch", 1, "height", "width")}
LOGITS: Values = {"logits": ("batch", NUM_BINS, "height / 4", "width / 4")}
OPSET, IR_VERSION = 17, 8  # of ONNX 1.12, so that ONNX Runtime from 1.12 on reads it
NORMALIZATION = ("weight", "bias", "running_mean", "running_var")
COUNTER = ".num_batches_tracked"  # of batch normalization; plays no part in inference


def model_of(file: Path) -> bytes:
    """Return the ONNX model of a weights file of `compact`.

    Inputs: "lightness" (b, 1, h, w), L in [0, 100], h and w multiples of 32; "hints"
    (b, 3, h/4, w/4), ab / 110 and a mask of 0 or 1; "statistics" (b, 316). Output: "logits"
    (b, 313, h/4, w/4). Raises ColorizeError for a file that is missing, damaged, or of another
    network.
    """
    return _model_of(file, None)


def model_apart(file: Path) -> tuple[bytes, dict[str, Array]]:
    """Return `model_of` without its large tensors, and these: sooner made, sooner read."""
    apart: dict[str, Array] = {}
    return _model_of(file, apart), apart


def _model_of(file: Path, apart: dict[str, Array] | None) -> bytes:
    """Return the ONNX model; put large tensors into `apart` where it is given."""
    tensors, settings = _read(file)
    graph = Graph(file, tensors)
    _decoder(graph, _encoder(graph), settings.widths)
    inputs = LIGHTNESS | {
        "hints": ("batch", HINT_CHANNELS, "height / 4", "width / 4"),
        "statistics": ("batch", STATISTICS),
    }
    return graph.model(_metadata(settings), inputs, LOGITS, apart)


def _read(file: Path) -> tuple[dict[str, Array], CompactSettings]:
    """Return the tensors, by name and unchecked, and what the header says."""
    try:
        with file.open("rb") as stream:
            start = stream.read(9)
        size = file.stat().st_size
    except OSError as error:
        raise ColorizeError(f"{file}: cannot read the weights: {error.strerror}") from error
    if start[8:] != b"{":
        raise ColorizeError(f"{file}: neither safetensors nor .onnx; see docs/export.md")
    check_header_length(file, int.from_bytes(start[:8], "little"), size)
    try:
        with safe_open(file, framework="numpy") as content:
            header = content.metadata() or {}
            tensors = {key: content.get_tensor(key) for key in content.keys()}
    # Beyond SafetensorError, what NumPy raises for a number type that it does not have.
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ColorizeError(f"{file}: damaged safetensors file: {reason}") from error
    if "config" in header and (found := config(file, header).get("architecture")) != "compact":
        raise ColorizeError(f"{file}: holds {found}, not compact; use --model {found}")
    return tensors, compact_settings(file, header)


def _metadata(settings: CompactSettings) -> ModelMetadata:
    return ModelMetadata(
        architecture="compact",
        output="logits",
        size_divisor=MULTIPLE,
        output_stride=4,
        bin_centers=bin_centers(),
        class_weights=finite_array(settings.class_weights),
        prior=finite_array(settings.prior),
        styles=settings.styles,
    )


class Graph:
    """A graph under construction: each method adds a layer and returns its output's name."""

    def __init__(self, file: Path, tensors: dict[str, Array]):
        """Begin with the file's tensors, which `weight` moves into the graph."""
        self.file = file
        self.tensors = {key: tensors[key] for key in tensors if not key.endswith(COUNTER)}
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node with one output."""
        output = output or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: Any, kind: npt.DTypeLike = np.float32) -> str:
        """Add a constant, or find the same one again."""
        array = np.asarray(value, kind)
        name = f"{array.dtype}{array.tolist()}"
        self.constants[name] = array
        return name

    def weight(self, name: str, *shape: int) -> str:
        """Move a tensor of the file into the graph, or raise ColorizeError if it is not right."""
        if name not in self.tensors:
            raise ColorizeError(f"{self.file}: lacks the tensor {name}")
        array = self.tensors.pop(name)
        if array.shape != shape:
            raise ColorizeError(f"{self.file}: {name} has the shape {array.shape}, not {shape}")
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ColorizeError(f"{self.file}: damaged: {name} holds values that are not finite")
        self.constants[name] = array.astype(np.float32)
        return name

    def convolution(
        self, x: str, name: str, inputs: int, outputs: int, kernel: int = 1, *,
        stride: int = 1, dilation: int = 1, groups: int = 1, bias: bool = True,
    ) -> str:  # fmt: skip
        """Add a convolution with TensorFlow's "SAME" padding, for even sizes at stride 2."""
        weights = [self.weight(f"{name}.weight", outputs, inputs // groups, kernel, kernel)]
        weights += [self.weight(f"{name}.bias", outputs)] if bias else []
        padding = (kernel - 1) * dilation + 1 - stride
        low, high = padding // 2, padding - padding // 2
        return self.add(
            "Conv", x, *weights, group=groups, kernel_shape=[kernel] * 2,
            strides=[stride] * 2, dilations=[dilation] * 2, pads=[low, low, high, high],
        )  # fmt: skip

    def halved(self, x: str) -> str:
        """Add an average over 2×2."""
        return self.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])

    def relu6(self, x: str) -> str:
        """Add the clipping to 0..6."""
        return self.add("Clip", x, self.constant(0), self.constant(6))

    def normalization(self, x: str, name: str, channels: int) -> str:
        """Add a batch normalization, by its running statistics."""
        weights = (self.weight(f"{name}.{part}", channels) for part in NORMALIZATION)
        return self.add("BatchNormalization", x, *weights, epsilon=1e-5)

    def linear(self, x: str, name: str, inputs: int, outputs: int, bias: bool = False) -> str:
        """Add a matrix product, with a bias where it has one."""
        weights = [self.weight(f"{name}.weight", outputs, inputs)]
        weights += [self.weight(f"{name}.bias", outputs)] if bias else []
        return self.add("Gemm", x, *weights, transB=1)

    def block(self, x: str, name: str, inputs: int, outputs: int, dilation: int = 1) -> str:
        """Add a 3×3 convolution, batch normalization and ReLU."""
        x = self.convolution(x, f"{name}.0", inputs, outputs, 3, dilation=dilation, bias=False)
        return self.add("Relu", self.normalization(x, f"{name}.1", outputs))

    def model(
        self,
        metadata: ModelMetadata,
        inputs: Values,
        outputs: Values,
        apart: dict[str, Array] | None = None,
    ) -> bytes:
        """Return the model, serialized; large tensors go to `apart` where it is given.

        inputs, outputs: by name, with their shapes; all float32. Raises ColorizeError for
        tensors that are left over.
        """
        if self.tensors:
            first = ", ".join(sorted(self.tensors)[:3])
            raise ColorizeError(f"{self.file}: has {len(self.tensors)} unknown tensors: {first}")
        graph = helper.make_graph(
            self.nodes,
            metadata.architecture,
            [_value(*one) for one in inputs.items()],
            [_value(*one) for one in outputs.items()],
            initializers(self.constants, apart),
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        helper.set_model_props(model, {METADATA_KEY: metadata.to_json()})
        content: bytes = model.SerializeToString()
        return content


def _value(name: str, shape: tuple[int | str, ...]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _encoder(graph: Graph) -> tuple[list[str], str]:
    """Add the encoder; return its features at 1/4, 1/8, 1/16 and 1/32, and those of the scene."""
    scaled = graph.add("Mul", "lightness", graph.constant(2.55))
    scaled = graph.add("Sub", scaled, graph.constant(127))
    scaled = graph.add("Div", scaled, graph.constant(128))
    x = graph.relu6(graph.convolution(scaled, "encoder.stem", 1, STEM_CHANNELS, 3, stride=2))
    channels, skips = STEM_CHANNELS, []
    for i, block in enumerate(LITE0_BLOCKS):
        x = _inverted_residual(graph, x, f"encoder.blocks.{i}", channels, *block)
        channels = block[-1]
        if i in SKIP_BLOCKS:
            skips.append(x)
    head = graph.relu6(graph.convolution(x, "encoder.head", channels, HEAD_CHANNELS))
    return skips, graph.add("Flatten", graph.add("GlobalAveragePool", head))


def _inverted_residual(
    graph: Graph, x: str, name: str, inputs: int, expansion: int, kernel: int, stride: int,
    outputs: int,
) -> str:  # fmt: skip
    """Add a block: expand 1×1, depthwise k×k, project 1×1, ReLU6 after the first two."""
    hidden, y = inputs * expansion, x
    if expansion > 1:
        y = graph.relu6(graph.convolution(y, f"{name}.expand", inputs, hidden))
    y = graph.convolution(
        y, f"{name}.depthwise", hidden, hidden, kernel, stride=stride, groups=hidden
    )
    y = graph.convolution(graph.relu6(y), f"{name}.project", hidden, outputs)
    return graph.add("Add", x, y) if stride == 1 and inputs == outputs else y


def _pool_hints(graph: Graph, hints: str) -> str:
    """Add the halving of hints: the mean of the hinted colors, the mask's maximum."""
    ab = graph.add("Gather", hints, graph.constant([0, 1], np.int64), axis=1)
    mask = graph.add("Gather", hints, graph.constant([2], np.int64), axis=1)
    share = graph.halved(mask)
    colors = graph.halved(graph.add("Mul", ab, mask))
    mean = graph.add("Div", colors, graph.add("Max", share, graph.constant(1e-6)))
    hinted = graph.add("Cast", graph.add("Greater", share, graph.constant(0)), to=TensorProto.FLOAT)
    return graph.add("Concat", mean, hinted, axis=1)


def _up(graph: Graph, x: str, name: str, skip: str, hints: str, sizes: Sequence[int]) -> str:
    """Add a stage that doubles the size; `sizes`: channels of x, of the skip, of the output."""
    inputs, skipped, outputs = sizes
    scales = graph.constant([1, 1, 2, 2])
    x = graph.add(
        "Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel"
    )
    skip = graph.normalization(skip, f"{name}.normalise", skipped)
    x = graph.add("Concat", x, skip, hints, axis=1)
    x = graph.block(x, f"{name}.merge", inputs + skipped + HINT_CHANNELS, outputs)
    return graph.block(x, f"{name}.refine", outputs, outputs)


def _decoder(
    graph: Graph, features: tuple[list[str], str], widths: tuple[int, int, int, int]
) -> None:
    """Add the decoder, from the encoder's features, hints and statistics to "logits"."""
    (quarter, eighth, sixteenth, deepest), scene = features
    width4, width8, width16, width32 = widths
    hints8 = _pool_hints(graph, "hints")
    hints16 = _pool_hints(graph, hints8)
    deepest = graph.add("Concat", deepest, _pool_hints(graph, hints16), axis=1)
    inputs = SKIP_CHANNELS[3] + HINT_CHANNELS
    x = graph.convolution(deepest, "decoder.reduce", inputs, width32, bias=False)
    x = graph.add("Add", x, _whole_picture(graph, scene, width32))
    x = graph.add("Relu", graph.normalization(x, "decoder.normalise", width32))
    context = graph.block(x, "decoder.context.0", width32, width32)
    context = graph.block(context, "decoder.context.1", width32, width32, dilation=2)
    x = graph.add("Add", x, context)
    stages = (
        ("up16", sixteenth, hints16, (width32, SKIP_CHANNELS[2], width16)),
        ("up8", eighth, hints8, (width16, SKIP_CHANNELS[1], width8)),
        ("up4", quarter, "hints", (width8, SKIP_CHANNELS[0], width4)),
    )
    for name, skip, hints, sizes in stages:
        x = _up(graph, x, f"decoder.{name}", skip, hints, sizes)
    x = graph.convolution(x, "decoder.classify", width4, NUM_BINS)
    graph.add("Identity", x, output="logits")


def _whole_picture(graph: Graph, scene: str, width: int) -> str:
    """Add what the scene and the statistics say of all places alike, (b, width, 1, 1)."""
    scene = graph.linear(scene, "decoder.scene", HEAD_CHANNELS, width)
    said = graph.linear("statistics", "decoder.statistics.0", STATISTICS, width, bias=True)
    said = graph.linear(graph.add("Relu", said), "decoder.statistics.2", width, width)
    both = graph.add("Add", scene, said)
    return graph.add("Unsqueeze", both, graph.constant([2, 3], np.int64))
