"""PyTorch's files without PyTorch: the same tensors, and no code of the file."""

import os
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from colorize.errors import ColorizeError
from colorize.runtime.pth_reader import MAGIC, VERSION, read_torch_file

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])


def tensors() -> dict[str, torch.Tensor]:
    whole = torch.arange(24, dtype=torch.float32)
    return OrderedDict(
        whole=whole.reshape(2, 3, 4),
        part=whole[4:8].reshape(1, 4),
        half=torch.tensor([0.5, -2], dtype=torch.float16),
        double=torch.tensor([[1e-300]], dtype=torch.float64),
        count=torch.tensor(7),
        empty=torch.zeros(0, 3),
    )


@FORMATS
def test_tensors_are_those_that_torch_reads(tmp_path, zipped):
    torch.save(tensors(), tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    found = read_torch_file(tmp_path / "a.pth")
    assert found.keys() == tensors().keys()
    for key, expected in tensors().items():
        assert found[key].dtype == expected.numpy().dtype, key
        np.testing.assert_array_equal(found[key], expected.numpy(), key)


def refused(file, match: str) -> None:
    with pytest.raises(ColorizeError, match=match) as error:
        read_torch_file(file)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


@FORMATS
@pytest.mark.parametrize(
    "content",
    [{"a": torch.ones(2, 3).T}, {"a": torch.ones(3, dtype=torch.bfloat16)}, {"a": torch.nn.ReLU()}],
    ids=["turned", "bfloat16", "module"],
)
def test_what_is_no_plain_tensor_is_refused(tmp_path, zipped, content):
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    refused(tmp_path / "a.pth", "nor a PyTorch file of tensors alone")


@FORMATS
@pytest.mark.parametrize("content", [[torch.ones(2)], {"a": 1}, {1: torch.ones(2)}])
def test_what_is_no_state_dict_is_refused(tmp_path, zipped, content):
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    refused(tmp_path / "a.pth", "holds no state_dict")


class Hostile:
    """Would make a folder when unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@FORMATS
def test_code_in_a_file_does_not_run(tmp_path, zipped):
    content = {"a": torch.ones(2), "b": Hostile(tmp_path / "made")}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    refused(tmp_path / "a.pth", "nor a PyTorch file of tensors alone")
    assert not (tmp_path / "made").exists()


def forged(file, call: bytes, key: bytes = b"0", length: int = 3) -> None:
    """Write a zip whose pickle calls `_rebuild_tensor_v2` with the given arguments."""
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + key + b"X\3\0\0\0cpu"
    storage += b"J" + struct.pack("<i", length) + b"tQ"
    content = b"\x80\2}X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" + storage + call + b"tRs."
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/data.pkl", content)
        archive.writestr("x/data/0", np.arange(3, dtype=np.float32).tobytes())


WHOLE = b"K\0K\3\x85K\1\x85"  # offset 0, size (3,), stride (1,)


def test_a_forged_file_that_is_sound_is_read(tmp_path):
    forged(tmp_path / "a.pth", WHOLE)
    np.testing.assert_array_equal(read_torch_file(tmp_path / "a.pth")["a"], [0, 1, 2])


@pytest.mark.parametrize(
    ("call", "given"),
    [
        (b"K\1K\3\x85K\1\x85", {}),  # offset 1: beyond the end
        (b"J\xff\xff\xff\xffK\3\x85K\1\x85", {}),  # offset -1
        (b"K\0K\3\x85K\2\x85", {}),  # stride 2
        (b"K\0J\xfd\xff\xff\xff\x85K\1\x85", {}),  # size -3
        (WHOLE, {"length": 1 << 30}),  # more than the file has
        (WHOLE, {"length": 8}),
        (WHOLE, {"length": -1}),
        (WHOLE, {"key": b"1"}),
    ],
)
def test_tensors_beyond_their_storage_are_refused(tmp_path, call, given):
    forged(tmp_path / "a.pth", call, **given)
    refused(tmp_path / "a.pth", "nor a PyTorch file of tensors alone")


def test_a_compressed_file_is_refused(tmp_path):
    torch.save(tensors(), tmp_path / "a.pth")
    with (
        zipfile.ZipFile(tmp_path / "a.pth") as old,
        zipfile.ZipFile(tmp_path / "b.pth", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    refused(tmp_path / "b.pth", "nor a PyTorch file of tensors alone")


def test_cut_off_and_foreign_files_are_refused(tmp_path):
    for zipped in (True, False):
        torch.save(tensors(), tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
        content = (tmp_path / "a.pth").read_bytes()
        for length in (0, 1, 30, len(content) // 2, len(content) - 1):
            (tmp_path / "short.pth").write_bytes(content[:length])
            refused(tmp_path / "short.pth", "nor a PyTorch file of tensors alone")
    (tmp_path / "other.pth").write_bytes(pickle.dumps(MAGIC) + pickle.dumps(VERSION + 1))
    refused(tmp_path / "other.pth", "nor a PyTorch file of tensors alone")
    refused(tmp_path / "none.pth", "cannot read the weights: No such file")
