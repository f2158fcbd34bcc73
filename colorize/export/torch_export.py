"""Export a network to files that torch reads: torch.export and TorchScript."""

from __future__ import annotations

import io
import warnings

import torch

from colorize.color.types import Floats
from colorize.export.compare import Run, example_inputs
from colorize.models.base import Network
from colorize.runtime.torch_runner import to_array

METADATA_FILE = "colorize.json"  # inside the exported files: `ModelMetadata` as JSON
EXAMPLE_SIZE = (2, 96, 160)  # neither 1 nor equal, so that no size is taken for a constant


def example(network: Network) -> tuple[torch.Tensor, ...]:
    """Return inputs to trace a network with."""
    device = next(network.parameters()).device
    inputs = example_inputs(network.metadata, EXAMPLE_SIZE)
    return tuple(torch.from_numpy(array).to(device) for array in inputs)


def exported_program(network: Network) -> torch.export.ExportedProgram:
    """Return the network as an ExportedProgram for any batch, height and width."""
    inputs = example(network)
    dynamic = torch.export.Dim.AUTO
    shapes = tuple({0: dynamic, 2: dynamic, 3: dynamic} for _ in inputs)
    return torch.export.export(network, inputs, dynamic_shapes=shapes)


def to_torch_export(network: Network) -> bytes:
    """Return the network as a file of torch.export (.pt2)."""
    content = io.BytesIO()
    extra = {METADATA_FILE: network.metadata.to_json()}
    torch.export.save(exported_program(network), content, extra_files=extra)
    return content.getvalue()


def to_torchscript(network: Network) -> bytes:
    """Return the network as a TorchScript file, which torch deprecates but still reads."""
    content = io.BytesIO()
    extra = {METADATA_FILE: network.metadata.to_json()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            network, example(network), check_trace=False
        )
        torch.jit.save(traced, content, _extra_files=extra)
    return content.getvalue()


def run_torch_export(content: bytes) -> Run:
    """Return a function that runs a torch.export file."""
    return run_module(torch.export.load(io.BytesIO(content)).module())


def run_torchscript(content: bytes) -> Run:
    """Return a function that runs a TorchScript file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module: torch.nn.Module = torch.jit.load(io.BytesIO(content))  # type: ignore[no-untyped-call]
    return run_module(module)


def run_module(module: torch.nn.Module) -> Run:
    """Return a function that runs a torch module on arrays."""

    @torch.inference_mode()
    def run(*inputs: Floats) -> Floats:
        return to_array(module(*map(torch.from_numpy, inputs)))

    return run
