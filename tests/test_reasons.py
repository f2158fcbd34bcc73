"""One phrase for one failure of the file system, whichever part of the program meets it."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from colorize.errors import ColorizeError, message_of, reason_of
from colorize.hints.format import read_hints
from colorize.io.readers import read
from colorize.models.registry import MODELS
from colorize.models.serialization import read_weights
from colorize.models.weights_files import hash_of_weights
from colorize.option_fields import hash_of
from colorize.runtime.onnx_file import check_onnx_file


@pytest.mark.parametrize(
    "use",
    [
        read, read_hints, hash_of, hash_of_weights, check_onnx_file,
        lambda path: read_weights(path, MODELS["compact"]),
    ],
)  # fmt: skip
def test_a_missing_file_has_the_same_reason_everywhere(use: Callable[[Path], object]) -> None:
    with pytest.raises(ColorizeError, match=r": no such file$"):
        use(Path("missing.x"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EACCES, "Permission denied"), "permission denied"),
        (OSError(errno.EIO, "Input/output error"), "input/output error"),
        (OSError("bad\nluck"), "bad luck"),
        (ValueError(), "ValueError"),
    ],
)
def test_reason_is_one_line_without_numbers(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


def test_message_names_the_file() -> None:
    assert message_of(ColorizeError("a.jpg: damaged", "copy it")) == "a.jpg: damaged: copy it"
    error = OSError(errno.EACCES, "Permission denied", "a\n.jpg")
    assert message_of(error) == r"'a\n.jpg': permission denied"
    assert message_of(OSError(errno.ENOSPC, "No space left")) == "the disk is full"
