"""Weights files of PyTorch read without it, into NumPy arrays. Nothing runs code of the file.

Both of torch's formats: a zip with a pickle and a file for each storage, and the older one,
pickles followed by the storages. The pickles may name nothing but dictionaries and tensors, as
with torch's own `weights_only`.
"""

from __future__ import annotations

import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from colorize.errors import ColorizeError

Array = npt.NDArray[Any]
Tensors = dict[str, Array]

TYPES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "LongStorage": "<i8"}
MAGIC = 0x1950A86A20F9469CFC6C  # the first number of a file in the older format
VERSION = 1001  # the second


def read_torch_file(file: Path) -> Tensors:
    """Return the tensors of a state_dict by name, unchecked.

    Raises ColorizeError for a file that is missing, damaged, or not made of tensors alone.
    """
    try:
        with file.open("rb") as stream:
            content = _zipped(stream) if zipfile.is_zipfile(stream) else _older(stream)
    except OSError as error:
        raise ColorizeError(f"{file}: cannot read the weights: {error.strerror}") from error
    except Exception as error:  # a hostile or damaged file makes pickle raise about anything
        raise ColorizeError(
            f"{file}: refused: neither safetensors nor a PyTorch file of tensors alone"
        ) from error
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, np.ndarray) for key, value in content.items()
    ):
        raise ColorizeError(f"{file}: holds no state_dict (tensors by name)")
    return dict(content)


class _Unpickler(pickle.Unpickler):
    """Makes dictionaries and arrays, whose numbers come later: `storages` are still empty."""

    def __init__(self, file: Any, room: int):
        """Take the pickle, and how many bytes its storages may have."""
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, Array] = {}
        self._room = room

    def find_class(self, module: str, name: str) -> Any:
        """Return what the pickle names, or refuse. Called for each name that is in it.

        All of these are immutable: a pickle may also set attributes.
        """
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a state_dict")

    def persistent_load(self, pid: Any) -> Array:
        """Return the storage that the pickle refers to, empty."""
        what, kind, key, _, length = pid[:5]
        whole = pid[5:] in ((), (None,))  # the older format has views of storages too
        if what != "storage" or kind not in TYPES.values() or not whole or length < 0:
            raise pickle.UnpicklingError("no storage")
        if key not in self.storages:
            self._room -= length * np.dtype(kind).itemsize
            if self._room < 0:
                raise pickle.UnpicklingError("more numbers than the file is long")
            self.storages[key] = np.empty(length, kind)
        return self.storages[key]

    def _tensor(
        self, storage: Array, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
    ) -> Array:
        """Return a tensor of a storage; those whose numbers don't lie in order are refused."""
        steps = [math.prod(size[place + 1 :]) for place in range(len(size))]
        in_order = all(
            length == 1 or one == other
            for length, one, other in zip(size, stride, steps, strict=True)
        )
        fits = min(size, default=0) >= 0 and 0 <= offset <= len(storage) - math.prod(size)
        if not (in_order and fits):
            raise pickle.UnpicklingError("no plain tensor")
        return storage[offset : offset + math.prod(size)].reshape(size)


def _zipped(file: BinaryIO) -> object:
    """Return what a zip of `torch.save` holds."""
    with zipfile.ZipFile(file) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        (name,) = (name for name in entries if name.endswith("data.pkl"))
        unpickler = _Unpickler(archive.open(name), _length(file))
        content = unpickler.load()
        for key, storage in unpickler.storages.items():
            entry = entries[name.replace("data.pkl", f"data/{key}")]
            if entry.file_size != storage.nbytes:
                raise ValueError("another length")
            _fill(storage, file, _start(file, entry))
    return content


def _start(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Return where in the file a zip's entry begins, behind its header and two names."""
    if entry.compress_type != zipfile.ZIP_STORED:  # torch.save does not compress
        raise ValueError("compressed")
    file.seek(entry.header_offset + 26)
    lengths: tuple[int, int] = struct.unpack("<HH", file.read(4))
    return entry.header_offset + 30 + sum(lengths)


def _older(file: BinaryIO) -> object:
    """Return what a file in the older format holds."""
    file.seek(0)
    if (_number(file), _number(file)) != (MAGIC, VERSION):
        raise ValueError("another format")
    _Unpickler(file, 0).load()  # of the machine that wrote it
    unpickler = _Unpickler(file, _length(file))
    content = unpickler.load()
    for key in _Unpickler(file, 0).load():
        storage = unpickler.storages[key]
        if struct.unpack("<q", file.read(8)) != (len(storage),):
            raise ValueError("another length")
        _fill(storage, file, file.tell())
    return content


def _number(file: BinaryIO) -> object:
    return _Unpickler(file, 0).load()


def _fill(storage: Array, file: BinaryIO, start: int) -> None:
    """Read the numbers of a storage. Raises ValueError where they end too soon."""
    file.seek(start)
    if storage.size and file.readinto(storage.data.cast("B")) != storage.nbytes:  # type: ignore[attr-defined]
        raise ValueError("incomplete")


def _length(file: BinaryIO) -> int:
    place = file.tell()
    length = file.seek(0, 2)
    file.seek(place)
    return length
