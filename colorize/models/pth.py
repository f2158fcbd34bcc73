"""Weights in the format of `torch.save`, read by torch without running any code in them."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from pickle import UnpicklingError

import torch

from colorize.color.types import Array, Tensors
from colorize.errors import ColorizeError, first_line

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def read_pth(file: Path, size: int, zipped: bool) -> Tensors:
    """Return the arrays of a state_dict by name.

    Args:
        file: A file of `torch.save`, in its old format or its new one.
        size: Bytes of the file.
        zipped: Whether it is a zip, the new format.

    Raises:
        ColorizeError: The file is damaged, malicious, or holds anything but tensors by name.
    """
    try:
        content = _unpickle(file, size, zipped)
    except ColorizeError:
        raise
    # A hostile or damaged file makes zipfile and torch raise about anything.
    except Exception as error:
        # Torch's own message explains how to run the code in the file.
        detail = "" if isinstance(error, UnpicklingError) else f" ({first_line(error)})"
        raise ColorizeError(
            f"{file}: refused: neither safetensors nor a PyTorch file of only tensors{detail}"
        ) from error
    if isinstance(content, dict) and list(content) == ["params"]:
        content = content["params"]  # files of BasicSR, a training framework
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in content.items()
    ):
        raise ColorizeError(f"{file}: does not hold a state_dict (tensors by name)")
    return {key: _to_array(file, key, tensor) for key, tensor in content.items()}


def _unpickle(file: Path, size: int, zipped: bool) -> object:
    """Return the content of the file, running none of its code."""
    if zipped:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
        if unpacked > size:  # torch.save does not compress
            raise ColorizeError(f"{file}: refused: a zip of {size} bytes, {unpacked} unpacked")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hints for programmers
        content: object = torch.load(file, map_location="cpu", weights_only=True)
    return content


def _to_array(file: Path, key: str, tensor: torch.Tensor) -> Array:
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    if tensor.dtype not in (*FLOATS, torch.int64) or not plain:
        raise ColorizeError(f"{file}: {key} is {tensor.dtype}, {tensor.layout}: not plain numbers")
    array: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().numpy()
    return array
