"""Export a network to ONNX: with its weights, or as the skeleton that the package ships."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from colorize.color.quantization import bin_centers
from colorize.errors import ColorizeError
from colorize.export.torch_export import exported_program
from colorize.models import registry
from colorize.models.base import Network
from colorize.models.metadata import METADATA_KEY
from colorize.models.registry import Model
from colorize.runtime.skeleton import Skeleton

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
AXES = {0: "batch", 2: "height", 3: "width"}
MAX_FOLDED = 1024  # numbers of a constant that is computed when exporting


def to_onnx(network: Network) -> bytes:
    """Return the network as an ONNX model with its weights and metadata.

    Raises ColorizeError if a package of the extra `export` is missing.
    """
    model = _model(network)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, network.metadata.to_json()
    content: bytes = model.SerializeToString()
    return content


def write_skeletons(folder: Path) -> list[Path]:
    """Write the graph of each network of the registry that has one; return the files."""
    models = {each.architecture: each for each in registry.available_models() if each.skeleton}
    return [file for model in models.values() for file in write_skeleton(model, folder)]


def write_skeleton(model: Model, folder: Path) -> tuple[Path, Path]:
    """Write the graph of a network without weights, and the JSON about it; see `Skeleton`."""
    torch.manual_seed(0)  # weights are not written, but constants must be reproducible
    network = registry.network_class(model)().eval().requires_grad_(False)
    graph = _model(network)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    used = {tensor.name for tensor in graph.graph.initializer} & shapes.keys()
    for tensor in graph.graph.initializer:
        if tensor.name in used:
            _make_external(tensor)
    metadata = network.metadata
    if model.bin_centers is not None:  # random here; those of the weights replace them
        metadata = dataclasses.replace(metadata, bin_centers=bin_centers())
    skeleton = Skeleton(
        metadata,
        tensors={name: shapes[name] for name in sorted(used)},
        unused={name: shapes[name] for name in sorted(shapes.keys() - used)},
    )
    files = folder / f"{model.architecture}.onnx", folder / f"{model.architecture}.json"
    files[0].write_bytes(graph.SerializeToString())
    files[1].write_text(skeleton.to_json() + "\n", "utf-8")
    return files


def _make_external(tensor: object) -> None:
    """Remove the values of an initializer, which are supplied when the model is loaded."""
    from onnx import TensorProto

    assert isinstance(tensor, TensorProto)
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="safetensors")


def _model(network: Network) -> ModelProto:
    """Return the network as an ONNX model whose initializers are named as its tensors.

    The optimizations of torch.onnx are off, since they merge tensors; ONNX Runtime folds batch
    normalizations when it loads the model.
    """
    try:
        import onnx_ir
        import onnxscript
        from onnx_ir.passes import common
    except ModuleNotFoundError as error:
        raise ColorizeError(
            f"ONNX export needs {error.name}, which is not installed: "
            "pip install 'colorize-photos[export]'"
        ) from error
    program = exported_program(network)
    inputs = len(program.graph_signature.user_inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # several inputs may share the name of an axis
        exported = torch.onnx.export(
            program, (), output_names=[network.metadata.output], opset_version=OPSET,
            dynamic_shapes=(AXES,) * inputs, optimize=False, verbose=False,
        )  # fmt: skip
    assert exported is not None
    model = exported.model
    common.InlinePass()(model)
    weights = network.state_dict().keys()  # stay as they are, also where the limits allow more
    onnxscript.optimizer.fold_constants(
        model, onnx_shape_inference=False, input_size_limit=MAX_FOLDED,
        output_size_limit=MAX_FOLDED,
        should_fold=lambda node: (
            False if any(x is not None and x.name in weights for x in node.inputs) else None
        ),
    )  # fmt: skip
    clean_up = onnx_ir.passes.Sequential(
        common.RemoveUnusedNodesPass(),
        common.RemoveUnusedFunctionsPass(),  # type: ignore[no-untyped-call]
        common.RemoveUnusedOpsetsPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=False, size_limit=0),
        common.ClearMetadataAndDocStringPass(),  # stack traces, with the paths of this machine
    )
    proto: ModelProto = onnx_ir.to_proto(clean_up(model).model)
    del proto.graph.value_info[:]
    return proto
