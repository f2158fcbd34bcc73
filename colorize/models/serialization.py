"""Weights files: from an untrusted file to checked arrays to a network, and back for `compact`.

Nothing here runs code of the file: safetensors hold only tensors and strings, and PyTorch files
are unpickled with `weights_only`, see `models.pth`. Importing this module does not import torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

from colorize.color.types import Array, Pixels, Tensors
from colorize.errors import ColorizeError, first_line, reason_of
from colorize.installation import require_torch
from colorize.io.atomic import atomic_write
from colorize.io.source import open_regular
from colorize.models import header as headers
from colorize.models import registry, weights_files
from colorize.models.ddcolor_weights import convert_published_ddcolor, is_published_ddcolor
from colorize.models.header import Header
from colorize.models.legacy import convert_legacy_compact, is_legacy_compact
from colorize.models.registry import Model

if TYPE_CHECKING:
    from colorize.models.base import Network
    from colorize.models.compact import Compact

T = TypeVar("T")

MAX_HEADER = 1 << 24  # bytes of a safetensors header; ours take some 40 kB
BN_COUNTER = ".num_batches_tracked"  # of batch normalization; plays no part in inference
SOURCE = "source_sha256"  # in the header of a converted file
DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8", "BF16": "<u2"}


class Weights(NamedTuple):
    """The content of a weights file."""

    tensors: Tensors
    header: Header


def read_weights(file: Path, model: Model) -> Weights:
    """Return the tensors of a weights file, unchecked, under today's names, and its header.

    The format is recognized by the content: safetensors, or what `torch.save` makes of a
    state_dict. Raises ColorizeError for a file that is missing, damaged, malicious, or of
    another architecture than the model's.
    """
    try:
        with open_regular(file) as stream:
            start = stream.read(9)
        size = file.stat().st_size
    except OSError as error:
        raise ColorizeError(f"{file}: cannot read the weights: {reason_of(error)}") from error
    # Safetensors are 8 bytes of length, then JSON; neither a zip nor a pickle has a brace there.
    if start[8:] == b"{":
        tensors, header = _read_safetensors(file, int.from_bytes(start[:8], "little"), size)
    else:
        require_torch(f"{file}: a PyTorch file, which")
        # Here, not above: torch takes seconds to import.
        from colorize.models.pth import read_pth

        tensors, header = read_pth(file, size, zipped=start[:4] == b"PK\x03\x04"), {}
    _check_architecture(file, tensors, header, model.architecture)
    if is_legacy_compact(tensors):
        tensors = convert_legacy_compact(tensors)
    if is_published_ddcolor(tensors):
        published = tensors
        tensors = in_file(file, lambda: convert_published_ddcolor(published))
    return Weights(tensors, header)


def ensure_safetensors(name: str, *, quiet: bool = False) -> Path:
    """Return the weights of a network as a safetensors file, downloaded on first use.

    Published PyTorch files are verified, read by torch once, and kept as safetensors in the
    cache folder. Where that cannot be written, the PyTorch file is returned. Raises ColorizeError.
    """
    model = registry.find(name)
    if model.file.endswith(".safetensors"):
        return weights_files.ensure_weights(name, quiet=quiet)
    converted = weights_files.converted_path(name)
    try:
        with safe_open(converted, framework="numpy") as content:
            if (content.metadata() or {}).get(SOURCE) == model.sha256:
                return converted
    except (SafetensorError, OSError):
        pass  # not there yet, or damaged
    require_torch(f"{name}: reading its published weights")  # before their download
    published = weights_files.ensure_weights(name, quiet=quiet)
    tensors = read_weights(published, model).tensors
    try:
        write_safetensors(tensors, converted, {SOURCE: model.sha256})
    except ColorizeError:
        return published
    return converted


def _read_safetensors(file: Path, header_size: int, size: int) -> Weights:
    """Return the content of a safetensors file; the arrays do not depend on the file."""
    if header_size > size - 8:
        raise ColorizeError(f"{file}: truncated or not a safetensors file: header incomplete")
    if header_size > MAX_HEADER:
        raise ColorizeError(f"{file}: refused: a header of {header_size} bytes")
    try:
        with safe_open(file, framework="numpy") as content:  # checks the layout of the file
            header = content.metadata() or {}
        data = np.fromfile(file, np.uint8)
        entries = json.loads(data[8 : 8 + header_size].tobytes())
        entries.pop("__metadata__", None)
        data = data[8 + header_size :]
        return Weights({name: _array(data, entries[name]) for name in entries}, header)
    # Beyond SafetensorError, what NumPy raises for a layout or a type that it does not have.
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise ColorizeError(f"{file}: damaged safetensors file: {first_line(error)}") from error


def _array(data: Pixels, entry: Mapping[str, Any]) -> Array:
    """Return the array of an entry of a safetensors header; bfloat16 becomes float32."""
    start, end = entry["data_offsets"]
    dtype = entry["dtype"]
    if dtype not in DTYPES:
        return np.empty(entry["shape"], "V1")  # refused by `check_tensors` with its name
    array = data[start:end].view(DTYPES[dtype]).reshape(entry["shape"])
    return (array.astype("<u4") << 16).view("<f4") if dtype == "BF16" else array


def _check_architecture(file: Path, tensors: Tensors, header: Header, architecture: str) -> None:
    """Raise ColorizeError if the file holds another architecture than the expected one."""
    found = in_file(file, lambda: headers.architecture(header))
    if found is None:
        rows = registry.available_models()
        known = (row.architecture for row in rows if row.signature in tensors)
        found = next(known, None)
    # With nothing recognized, the check of the tensors' names says more.
    if found not in (None, architecture):
        raise ColorizeError(f"{file}: holds {found}, not {architecture}; use --model {found}")


def in_file(file: Path, read: Callable[[], T]) -> T:
    """Return what `read` returns, its ValueError turned into a ColorizeError about the file."""
    try:
        return read()
    except ValueError as error:
        raise ColorizeError(f"{file}: {error}") from error


def check_tensors(file: Path, tensors: Tensors, shapes: Mapping[str, tuple[int, ...]]) -> Tensors:
    """Return the tensors of these names, float32 and contiguous; counters are int64.

    Counters of batch normalization, which files of old PyTorch lack, are 0 where missing.

    Args:
        file: For messages.
        tensors: Arrays of any numeric type.
        shapes: The expected shape of each tensor.

    Raises:
        ColorizeError: Names or shapes differ, or values are not finite numbers.
    """
    counters = {name: np.zeros((), np.int64) for name in shapes if name.endswith(BN_COUNTER)}
    tensors = counters | tensors
    _check_names(file, "lacks", shapes.keys() - tensors.keys())
    _check_names(file, "has unknown", tensors.keys() - shapes.keys())
    return {name: _check_tensor(file, name, tensors[name], shapes[name]) for name in shapes}


def _check_names(file: Path, what: str, names: Set[str]) -> None:
    """Raise ColorizeError if there are any such names, with the first few."""
    if names:
        first = ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")
        raise ColorizeError(f"{file}: {what} tensors ({len(names)}): {first}")


def _check_tensor(file: Path, name: str, array: Array, shape: tuple[int, ...]) -> Array:
    if array.shape != tuple(shape):
        raise ColorizeError(f"{file}: {name} has shape {array.shape}, expected {tuple(shape)}")
    counter = name.endswith(BN_COUNTER)
    if array.dtype.kind != ("i" if counter else "f"):
        raise ColorizeError(f"{file}: {name} has an unexpected number type, {array.dtype}")
    with np.errstate(over="ignore"):  # of float64 that float32 cannot hold, reported below
        result = np.asarray(array, np.int64 if counter else np.float32, order="C")
    if not np.isfinite(result).all():
        raise ColorizeError(f"{file}: damaged: {name} holds values that are not finite")
    return result


def load_network(file: Path, model: Model) -> Network:
    """Return the torch network of a weights file, in float32, evaluation mode, on the CPU.

    Raises ColorizeError, see `read_weights` and `check_tensors`.
    """
    import torch

    tensors, header = read_weights(file, model)
    with torch.device("meta"):  # shapes only: random weights take long and would be replaced
        network = in_file(file, lambda: registry.network_class(model).from_header(header))
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    checked = check_tensors(file, tensors, shapes)
    state = {name: torch.from_numpy(array) for name, array in checked.items()}
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def save_compact(network: Compact, file: Path, *, extra: Mapping[str, str] | None = None) -> None:
    """Write the network as fp16 safetensors, atomically: no reader meets half a file.

    The header has what `network.metadata` says about decoding. extra: further entries for it,
    such as the settings of the training. Raises ValueError for weights that fp16 cannot hold.
    """
    state = network.state_dict()
    tensors = {name: _to_fp16(name, tensor.cpu().numpy()) for name, tensor in state.items()}
    header = headers.compact_header(network.metadata, network.widths)
    write_safetensors(tensors, file, {**(extra or {}), **header})


def write_safetensors(tensors: Tensors, file: Path, header: Header) -> None:
    """Write a safetensors file, atomically and always the same bytes for the same content."""
    with atomic_write(file) as stream:
        content = serialize(tensors, dict(header))
        end = 8 + int.from_bytes(content[:8], "little")
        # sorted, because the library's order differs at each run
        entries = json.dumps(json.loads(content[8:end]), sort_keys=True).encode()
        entries += b" " * (-len(entries) % 8)  # keeps the tensors aligned
        stream.write(len(entries).to_bytes(8, "little") + entries)
        stream.write(memoryview(content)[end:])


def _to_fp16(name: str, array: Array) -> Array:
    """Return the array with floats as fp16."""
    if array.dtype.kind != "f":
        return np.asarray(array, order="C")
    with np.errstate(over="ignore"):
        half = np.asarray(array, np.float16, order="C")
    if not np.isfinite(half).all():
        raise ValueError(f"{name} has values that fp16 cannot hold")
    return half
