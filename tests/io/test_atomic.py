"""Outputs appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.image_files import GRAY, RGB, RGB16

from colorize.errors import ColorizeError
from colorize.io.atomic import is_temp_file, remove_stale_temp_files
from colorize.io.formats import has_image_suffix
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.io.writers import write


def failing_pages(error: BaseException) -> Any:
    yield Photo(RGB)
    raise error


@pytest.mark.parametrize(
    "error", [RuntimeError("network"), KeyboardInterrupt(), ColorizeError("x")]
)
@pytest.mark.parametrize("suffix", [".tif", ".gif", ".jpg"])
def test_failure_between_pages_leaves_the_old_file(
    error: BaseException, suffix: str, tmp_path: Path
) -> None:
    (tmp_path / f"out{suffix}").write_bytes(b"old")
    with pytest.raises(type(error)) as caught:
        write(failing_pages(error), tmp_path / f"out{suffix}")
    assert caught.value is error
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]
    assert (tmp_path / f"out{suffix}").read_bytes() == b"old"


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(Photo(GRAY), tmp_path / "out.png")
    finally:
        os.umask(before)
    assert (tmp_path / "out.png").stat().st_mode & 0o777 == 0o640


def test_write_names_impossible_targets(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for target, expected in (
        (tmp_path / "none" / "out.png", "no such file"),
        (tmp_path / "folder.png", "is a folder"),
        ("/proc/out.png", "no such file|permission"),
    ):
        with pytest.raises(ColorizeError, match=expected) as caught:
            write(Photo(GRAY), target)
        assert str(caught.value).startswith(f"{target}: ")
    with pytest.raises(ColorizeError, match="no pages to write"):
        write([], tmp_path / "out.png")


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """Give a folder on a file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".jp2"])
@pytest.mark.parametrize("deep", [False, True])
def test_full_disk_is_named_and_leaves_nothing(
    suffix: str, deep: bool, tmp_path: Path, small_disk: Path
) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (400, 500, 3)).astype(np.uint16 if deep else np.uint8)
    with pytest.raises(ColorizeError, match=r"out\.\w+: the disk is full"):
        write(Photo(noise * (257 if deep else 1)), small_disk / f"out{suffix}")
    assert list(small_disk.iterdir()) == []


KILLED = """
import sys, time
import numpy as np
from colorize.io.photo import Photo
from colorize.io.writers import write
def pages():
    yield Photo(np.zeros((9, 9, 3), np.uint8))
    print("writing", flush=True)
    time.sleep(60)
    yield Photo(np.zeros((9, 9, 3), np.uint8))
write(pages(), sys.argv[1])
"""


def test_temporary_file_of_a_killed_run_is_removed(tmp_path: Path) -> None:
    target = tmp_path / "out.tif"
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None and run.stdout.readline() == "writing\n"
    (temporary,) = tmp_path.iterdir()
    assert is_temp_file(temporary.name) and not has_image_suffix(temporary)
    assert remove_stale_temp_files(tmp_path) == 0, "a run that still writes keeps its file"
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    assert list(tmp_path.iterdir()) == [temporary]
    assert remove_stale_temp_files(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_only_own_temporary_files_are_removed(tmp_path: Path) -> None:
    for name in (".a.png.tmp", "a.colorize-0123456789ab.tmp", ".b.colorize-xyz.tmp", "c.png"):
        (tmp_path / name).touch()
    (tmp_path / ".d.png.colorize-0123456789ab.tmp").touch()
    assert remove_stale_temp_files(tmp_path) == 1
    assert len(list(tmp_path.iterdir())) == 4


def test_file_names_may_be_any_bytes(tmp_path: Path) -> None:
    for name in (b"a\nb.png", b"-o.png", b"\xff\xfe.png", b"x" * 250 + b".png"):
        path = os.path.join(os.fsencode(tmp_path), name)
        write(Photo(RGB16), path)
        np.testing.assert_array_equal(read(path).pixels, RGB16)
