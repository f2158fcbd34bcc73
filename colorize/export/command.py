"""Make a file of a network for other software: python -m colorize.export --to FORMAT -o FILE.

The file is compared with the original before it gets its name: in batches of different sizes,
with hints and statistics where the network takes them.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from colorize.decoding.annealed_mean import annealed_mean, rebalance_offset
from colorize.errors import ColorizeError, display_name
from colorize.io.atomic import atomic_write
from colorize.models import registry
from colorize.models.compact_config import HINT_CHANNELS, STATISTICS
from colorize.models.metadata import METADATA_KEY, ModelMetadata
from colorize.runtime.torch_runner import to_array

Floats = npt.NDArray[np.float32]
Inputs = dict[str, Floats]

FORMATS = ("onnx", "torchscript", "torch-export")
SETTINGS_FILE = "colorize.json"  # inside TorchScript and torch.export files
SIZES = ((1, 256, 256), (3, 64, 96))  # batch, height and width of what is compared
TOLERANCE = 0.1  # of decoded ab; 8-bit colors differ by 1 level from about 0.5 on


@dataclass(frozen=True)
class Difference:
    """How far the exported network is from the original."""

    output: float  # largest, of the network's own output
    ab: float  # largest, of the decoded colors


def export(name: str, weights: str | None, kind: str, target: Path, tolerance: float) -> Difference:
    """Write the network as `kind` of `FORMATS`; return its difference from the original.

    Raises ColorizeError, and leaves no file, where the difference is above the tolerance.
    """
    network = registry.load(name, weights)
    description = network.metadata
    if kind == "onnx":
        content = _onnx(network, name, weights, description)
        run: Callable[..., Floats] = _onnx_runner(content, str(target))
    elif kind == "torchscript":
        content = _torchscript(network, description)
        run = _caller(_read_torchscript(content))
    else:
        content = _torch_export(network, description)
        run = _caller(torch.export.load(io.BytesIO(content)).module())
    difference = _difference(_caller(network), run, description)
    if not difference.ab <= tolerance:  # not a number is over it too
        raise ColorizeError(
            f"{target}: not written: its colors differ from the original's by up to "
            f"{difference.ab:.3g} in ab, more than the tolerance of {tolerance:g}"
        )
    with atomic_write(target) as file:
        file.write(content)
    return difference


def _inputs(description: ModelMetadata, size: tuple[int, int, int]) -> Inputs:
    """Return seeded inputs: a smooth L with noise, some hints, any statistics."""
    random = np.random.default_rng(0)
    b, h, w = size
    rows, columns = np.mgrid[:h, :w]
    waves = 50 + 40 * np.sin(rows / 9) * np.cos(columns / 13)
    noisy = np.clip(waves + random.normal(0, 5, (b, 1, h, w)), 0, 100)
    result = {"lightness": noisy.astype(np.float32)}
    compact = description.architecture == "compact"
    if description.takes_hints or compact:
        h, w = h // description.output_stride, w // description.output_stride
        mask = random.random((b, 1, h, w)) < 0.01
        colors = random.uniform(-0.5, 0.5, (b, HINT_CHANNELS - 1, h, w)) * mask
        result["hints"] = np.concatenate((colors, mask), axis=1, dtype=np.float32)
    if compact:
        result["statistics"] = random.random((b, STATISTICS), np.float32)
    return result


def _difference(
    original: Callable[..., Floats], exported: Callable[..., Floats], description: ModelMetadata
) -> Difference:
    """Return how far the exported network is from the original, at every one of `SIZES`."""
    outputs, colors = [], []
    for size in SIZES:
        inputs = _inputs(description, size)
        one, other = original(**inputs), exported(**inputs)
        outputs.append(np.abs(one - other).max())
        colors.append(np.abs(_ab(one, description) - _ab(other, description)).max())
    return Difference(float(np.max(outputs)), float(np.max(colors)))


def _ab(output: Floats, description: ModelMetadata) -> Floats:
    """Return the colors of the network's output, at the network's own defaults."""
    if description.output == "ab":
        return output
    weights = description.class_weights
    vivid = description.styles["vivid"]
    offset = None if weights is None else rebalance_offset(weights, vivid.rebalance)
    return annealed_mean(output, vivid.temperature, description.bin_centers, offset)


def _example(description: ModelMetadata) -> tuple[torch.Tensor, ...]:
    """Return inputs to trace the network with: neither 1 nor equal where sizes may differ."""
    return tuple(map(torch.from_numpy, _inputs(description, (2, 96, 160)).values()))


def _torchscript(network: torch.nn.Module, description: ModelMetadata) -> bytes:
    """Return the traced network as a TorchScript file."""
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated; its files are still read
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            network, _example(description), check_trace=False
        )
        torch.jit.save(traced, content, _extra_files={SETTINGS_FILE: description.to_json()})
    return content.getvalue()


def _read_torchscript(content: bytes) -> torch.nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module: torch.nn.Module = torch.jit.load(io.BytesIO(content))  # type: ignore[no-untyped-call]
    return module


def _caller(module: torch.nn.Module) -> Callable[..., Floats]:
    """Return what calls an exported module, which takes its inputs by position."""

    @torch.inference_mode()
    def call(**inputs: Floats) -> Floats:
        return to_array(module(*map(torch.from_numpy, inputs.values())))

    return call


def _exported(network: torch.nn.Module, description: ModelMetadata) -> Any:
    """Return the network as an ExportedProgram of any batch and size."""
    example = _example(description)
    free = torch.export.Dim.AUTO
    shapes = tuple({0: free, 2: free, 3: free} if x.ndim == 4 else {0: free} for x in example)
    return torch.export.export(network, example, dynamic_shapes=shapes)


def _torch_export(network: torch.nn.Module, description: ModelMetadata) -> bytes:
    """Return the network as a file of torch.export (.pt2)."""
    content = io.BytesIO()
    program = _exported(network, description)
    torch.export.save(program, content, extra_files={SETTINGS_FILE: description.to_json()})
    return content.getvalue()


def _onnx(
    network: torch.nn.Module, name: str, weights: str | None, description: ModelMetadata
) -> bytes:
    """Return the network as an ONNX model: `compact` by our own graph, others by torch's."""
    try:
        if name == "compact":
            from colorize.runtime.onnx_compact import model_of

            return model_of(registry.path(name) if weights is None else Path(weights))
        return _onnx_by_torch(network, description)
    except ModuleNotFoundError as error:
        raise ColorizeError(
            f"--to onnx needs {error.name}, which is not installed: "
            "pip install 'colorize-photos[export]'"
        ) from error


def _onnx_by_torch(network: torch.nn.Module, description: ModelMetadata) -> bytes:
    """Return the network as an ONNX model, made by torch.onnx."""
    import onnx

    program = _exported(network, description)
    axes = ({0: "batch", 2: "height", 3: "width"}, {})[: len(_example(description))]
    made = torch.onnx.export(
        program, (), output_names=[description.output], dynamic_shapes=axes, verbose=False
    )
    assert made is not None
    model = made.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces, with the paths of this machine
    onnx.helper.set_model_props(model, {METADATA_KEY: description.to_json()})
    content: bytes = model.SerializeToString()
    return content


def _onnx_runner(content: bytes, name: str) -> Callable[..., Floats]:
    from colorize.runtime.onnx_runner import OnnxRunner

    return OnnxRunner(content, name)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    result = argparse.ArgumentParser(
        prog="python -m colorize.export",
        description="Make a file of a network for other software, and compare it with the "
        "original.",
    )
    names = [model.name for model in registry.available_models()]
    result.add_argument("--model", choices=names, default="compact", help="default: compact")
    result.add_argument("--weights", metavar="FILE", help="weights of your own for --model")
    result.add_argument("--to", choices=FORMATS, required=True, help="what kind of file")
    result.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    result.add_argument(
        "--tolerance", type=float, default=TOLERANCE, metavar="AB",
        help=f"refuse to write colors that differ by more, in ab units (default: {TOLERANCE})",
    )  # fmt: skip
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        difference = export(args.model, args.weights, args.to, args.output, args.tolerance)
        size = os.path.getsize(args.output)
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"export: {error}\n")
        return 1
    sys.stdout.write(
        f"{display_name(args.output)}: {size / 1e6:.1f} MB; against the original: "
        f"max |Δ| of the output {difference.output:.2g}, max |Δab| {difference.ab:.2g}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
