"""Weights files: from an untrusted file to checked tensors to a network, and back for ours.

Nothing here runs code of the file: PyTorch files are unpickled with `weights_only`, and
safetensors hold only tensors and strings.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Mapping, Set
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize

from colorize.errors import ColorizeError
from colorize.io.atomic import atomic_write
from colorize.models.base import Network
from colorize.models.compact import Compact
from colorize.models.eccv16 import ECCV16
from colorize.models.header import Header, check_header_length, compact_settings, config
from colorize.models.metadata import Styles
from colorize.models.siggraph17 import SIGGRAPH17

Tensors = dict[str, torch.Tensor]

# A tensor that only files of this architecture hold.
ARCHITECTURE_OF_KEY = {
    "encoder.stem.weight": "compact",
    "model8.6.weight": "eccv16",
    "model10.1.weight": "siggraph17",
}
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COUNTER = ".num_batches_tracked"  # of batch normalization; plays no part in inference


def read_network(file: Path, architecture: str) -> Network:
    """Return the network that the file holds, float32 on the CPU, in evaluation mode.

    architecture: "compact", "eccv16" or "siggraph17". The file is told by its content:
    safetensors, or what `torch.save` makes of a state_dict. Raises ColorizeError for a file
    that is missing, damaged, malicious, or of another architecture.
    """
    tensors, header = read_tensors(file)
    _check_architecture(file, tensors, header, architecture)
    network = _build(file, header, architecture)
    checked = _check_tensors(file, tensors, network.state_dict())
    network.load_state_dict(checked, assign=True)
    return network.eval().requires_grad_(False)


def save_compact(
    network: Compact,
    file: Path,
    *,
    class_weights: torch.Tensor,
    prior: torch.Tensor,
    styles: Styles | None = None,
    extra: Mapping[str, str] | None = None,
) -> None:
    """Write the network as fp16 safetensors, at once: a reader never meets half a file.

    class_weights: (313,), the rebalancing weights of the training. prior: (313,), the bins'
    shares of all pixels. styles: decoding settings by name. extra: further entries for the
    header, such as the training's command. Raises ValueError for weights that fp16 cannot hold.
    """
    header = dict(extra or {}) | {
        "config": json.dumps({"architecture": "compact", "widths": list(network.widths)}),
        "class_weights": json.dumps(class_weights.tolist()),
        "prior": json.dumps(prior.tolist()),
        "styles": json.dumps({name: asdict(style) for name, style in (styles or {}).items()}),
    }
    tensors = {key: _halved(key, tensor) for key, tensor in network.state_dict().items()}
    with atomic_write(file) as stream:
        stream.write(_sorted_header(serialize(tensors, header)))


def _sorted_header(content: bytes) -> bytes:
    """Return the safetensors with sorted header: the library's order differs at each run."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)  # keeps the tensors aligned
    return len(header).to_bytes(8, "little") + header + content[end:]


def _halved(key: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor on the CPU, its floats as fp16."""
    if not tensor.is_floating_point():
        return tensor.detach().cpu().contiguous()
    half = tensor.detach().to("cpu", torch.float16).contiguous()
    if not half.isfinite().all():
        raise ValueError(f"{key} has values that fp16 cannot hold")
    return half


def read_tensors(file: Path) -> tuple[Tensors, Header]:
    """Return the tensors of a weights file by name, unchecked, and its header.

    Raises ColorizeError for a file that is missing, damaged or not made of tensors alone.
    """
    try:
        with file.open("rb") as stream:
            start = stream.read(9)
        size = file.stat().st_size
    except OSError as error:
        raise ColorizeError(f"{file}: cannot read the weights: {error.strerror}") from error
    # Safetensors are 8 bytes of length, then JSON; neither a zip nor a pickle has a brace there.
    if start[8:] == b"{":
        check_header_length(file, int.from_bytes(start[:8], "little"), size)
        return _read_safetensors(file)
    return _read_torch(file, size, zipped=start[:4] == b"PK\x03\x04"), {}


def _read_safetensors(file: Path) -> tuple[Tensors, Header]:
    """Return the tensors and the header of a safetensors file."""
    try:
        with safe_open(file, framework="pt") as content:
            header = content.metadata() or {}
            return {key: content.get_tensor(key) for key in content.keys()}, header
    # Beyond SafetensorError, what torch raises for a number type that it does not have.
    except (SafetensorError, OSError, ValueError, RuntimeError, AttributeError) as error:
        raise ColorizeError(f"{file}: damaged safetensors file: {_first_line(error)}") from error


def _read_torch(file: Path, size: int, zipped: bool) -> Tensors:
    """Return the state_dict of a file of `torch.save`, old format or new."""
    try:
        content = _unpickle(file, size, zipped)
    except ColorizeError:
        raise
    # A hostile or damaged file makes zipfile and torch raise about anything.
    except Exception as error:
        # Torch's own message tells how to run the code in the file.
        detail = "" if isinstance(error, UnpicklingError) else f" ({_first_line(error)})"
        raise ColorizeError(
            f"{file}: refused: neither safetensors nor a PyTorch file of tensors alone{detail}"
        ) from error
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in content.items()
    ):
        raise ColorizeError(f"{file}: holds no state_dict (tensors by name)")
    return dict(content)


def _unpickle(file: Path, size: int, zipped: bool) -> object:
    """Return what the file holds, running none of its code."""
    if zipped:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
        if unpacked > size:  # torch.save does not compress
            raise ColorizeError(f"{file}: refused: a zip of {size} bytes, {unpacked} unpacked")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hints for programmers
        content: object = torch.load(file, map_location="cpu", weights_only=True, mmap=zipped)
    return content


def _first_line(error: BaseException) -> str:
    """Return the first line of the error's message, or its type's name."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _check_architecture(file: Path, tensors: Tensors, header: Header, architecture: str) -> None:
    """Raise ColorizeError if the file holds another architecture than the one asked for."""
    if "config" in header:
        found = config(file, header).get("architecture")
    else:
        found = next((name for key, name in ARCHITECTURE_OF_KEY.items() if key in tensors), None)
    # With nothing recognized, the check of the tensors' names says more.
    if found not in (None, architecture):
        raise ColorizeError(f"{file}: holds {found}, not {architecture}; use --model {found}")


def _build(file: Path, header: Header, architecture: str) -> Network:
    """Return the network of the architecture, without usable weights yet."""
    if architecture == "compact":
        return _build_compact(file, header)
    # Shapes only: random weights take half a second and would be thrown away.
    with torch.device("meta"):
        return ECCV16() if architecture == "eccv16" else SIGGRAPH17()


def _build_compact(file: Path, header: Header) -> Compact:
    """Return the network that the header describes, with its defaults for decoding."""
    said = compact_settings(file, header)
    return Compact(
        said.widths,
        class_weights=said.class_weights,
        prior=said.prior,
        styles=said.styles,
    )


def _check_tensors(file: Path, tensors: Tensors, expected: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the tensors as the network's: the same names and shapes, float32, finite.

    Counters of batch normalization, which files of old PyTorch lack, are 0 where missing.
    Raises ColorizeError.
    """
    counters = {key: torch.tensor(0) for key in expected if key.endswith(COUNTER)}
    tensors = counters | tensors
    _check_names(file, "lacks", expected.keys() - tensors.keys())
    _check_names(file, "has the unknown", tensors.keys() - expected.keys())
    return {key: _check_tensor(file, key, tensors[key], expected[key]) for key in expected}


def _check_names(file: Path, what: str, names: Set[str]) -> None:
    """Raise ColorizeError if there are any such names, with the first few."""
    if names:
        first = ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")
        raise ColorizeError(f"{file}: {what} {len(names)} tensors: {first}")


def _check_tensor(
    file: Path, key: str, tensor: torch.Tensor, expected: torch.Tensor
) -> torch.Tensor:
    """Return a copy of the tensor in the type of the expected one, or raise ColorizeError."""
    if tensor.shape != expected.shape:
        shape, wanted = tuple(tensor.shape), tuple(expected.shape)
        raise ColorizeError(f"{file}: {key} has the shape {shape} instead of {wanted}")
    kinds = FLOATS if expected.is_floating_point() else (torch.int64,)
    if tensor.dtype not in kinds or tensor.layout != torch.strided or tensor.device.type != "cpu":
        raise ColorizeError(f"{file}: {key} is {tensor.dtype}, {tensor.layout}: not plain numbers")
    # A copy, since the file is only mapped into memory and may change or go.
    copy = tensor.to(expected.dtype, copy=True, memory_format=torch.contiguous_format)
    if not np.isfinite(copy.numpy()).all():  # in a tenth of torch's time
        raise ColorizeError(f"{file}: damaged: {key} holds values that are not finite")
    return copy
