"""What is different on Windows, with a faked platform."""

from __future__ import annotations

import errno
import io
import nturl2path
import os
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from colorize.cli import arguments
from colorize.errors import is_closed_pipe
from colorize.io import atomic, storage


class FakeMsvcrt:
    """Locks that one descriptor holds, as those of Windows."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.is_locked = False

    def locking(self, descriptor: int, mode: int, size: int) -> None:
        """Lock the byte at the position, once."""
        assert (mode, size) == (self.LK_NBLCK, 1)
        if self.is_locked:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.offsets.append(os.lseek(descriptor, 0, os.SEEK_CUR))


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> FakeMsvcrt:
    """Locks as on Windows, and files that cannot be moved or removed while they are open."""
    locks = FakeMsvcrt()
    monkeypatch.setattr(atomic, "fcntl", None)
    monkeypatch.setattr(atomic, "msvcrt", locks)
    for name in ("unlink", "replace", "link"):
        original = getattr(os, name)

        def checked(path: str, *rest: str, original: Any = original) -> None:
            for link in Path("/proc/self/fd").iterdir():
                target = os.readlink(link) if link.exists() else ""
                if os.path.exists(path) and target == os.path.realpath(path):
                    raise PermissionError(errno.EACCES, "in use", path)
            original(path, *rest)

        monkeypatch.setattr(os, name, checked)
    return locks


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="lists open files")


@needs_proc
@pytest.mark.parametrize("found", [None, "nothing", "a file"])
def test_output_is_closed_before_it_is_moved(
    tmp_path: Path, windows: FakeMsvcrt, found: str | None
) -> None:
    target = tmp_path / "a.png"
    if found == "a file":
        target.write_bytes(b"old")
    state = None if found is None else atomic.Found.at(target)
    with atomic.atomic_write(target, state) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new" and os.listdir(tmp_path) == ["a.png"]
    assert windows.offsets == [atomic.LOCKED_BYTE]


@needs_proc
def test_temporary_file_is_closed_before_it_is_removed(tmp_path: Path, windows: FakeMsvcrt) -> None:
    with pytest.raises(ValueError), atomic.atomic_write(tmp_path / "a.png") as file:
        file.write(b"half")
        raise ValueError
    assert os.listdir(tmp_path) == []


@needs_proc
def test_leftovers_are_removed_unless_they_are_locked(tmp_path: Path, windows: FakeMsvcrt) -> None:
    leftover = tmp_path / ".a.png.colorize-0123456789ab.tmp"
    leftover.write_bytes(b"half")
    windows.is_locked = True
    assert atomic.remove_stale_temp_files(tmp_path) == 0
    windows.is_locked = False
    assert atomic.remove_stale_temp_files(tmp_path) == 1
    assert not leftover.exists()


def test_lock_of_another_process_is_reported(tmp_path: Path, windows: FakeMsvcrt) -> None:
    with open(tmp_path / "a", "w+b") as file:
        file.write(b"12345")
        file.flush()
        atomic.lock_file(file.fileno())
        assert file.tell() == 5
        windows.is_locked = True
        with pytest.raises(BlockingIOError):
            atomic.lock_file(file.fileno())


def test_temporary_name_fits_where_the_output_fits(tmp_path: Path, windows: FakeMsvcrt) -> None:
    folder = tmp_path / ("f" * 100)
    folder.mkdir()
    name = "x" * (atomic.MAX_WINDOWS_PATH - len(str(folder)) - 1 - 4) + ".png"
    assert len(str(folder / name)) == atomic.MAX_WINDOWS_PATH
    with atomic.atomic_write(folder / name) as file:
        assert len(file.name if isinstance(file.name, str) else "") <= atomic.MAX_WINDOWS_PATH
        (temporary,) = folder.iterdir()
        assert len(str(temporary)) <= atomic.MAX_WINDOWS_PATH
    assert [path.name for path in folder.iterdir()] == [name]


def test_closed_pipe_is_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = OSError(errno.EINVAL, "Invalid argument")
    assert is_closed_pipe(BrokenPipeError()) and not is_closed_pipe(invalid)
    monkeypatch.setattr("colorize.errors.WINDOWS", True)
    assert is_closed_pipe(invalid) and not is_closed_pipe(OSError(errno.ENOSPC, "full"))


def test_patterns_are_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", "c.png", "[1].jpg"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    words = ["*.jpg", "none*.tif", "[1].jpg", "-o", "out"]
    assert arguments.parser().parse_args(words).input == ["*.jpg", "none*.tif", "[1].jpg"]
    monkeypatch.setattr(arguments, "WINDOWS", True)
    expected = ["[1].jpg", "a.jpg", "b.jpg", "none*.tif", "[1].jpg"]
    assert arguments.parser().parse_args(words).input == expected


def test_file_address_names_a_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(storage.parse_path("file:///tmp/a%20b.jpg")) == "/tmp/a b.jpg"
    monkeypatch.setattr(urllib.request, "url2pathname", nturl2path.url2pathname)
    assert str(storage.parse_path("file:///C:/scans/a.jpg")) == r"C:\scans\a.jpg"


def test_stream_targets_need_no_locks(windows: FakeMsvcrt) -> None:
    target = io.BytesIO()
    with atomic.atomic_write(target) as file:
        file.write(b"new")
    assert target.getvalue() == b"new"
