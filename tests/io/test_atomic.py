"""Outputs appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.image_files import GRAY, RGB, RGB16

from colorize.errors import ColorizeError
from colorize.io import atomic
from colorize.io.atomic import (
    Found,
    atomic_write,
    check_replaceable,
    is_temp_file,
    remove_stale_temp_files,
)
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
        (tmp_path / "none" / "out.png", "no such folder"),
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


def test_output_replaces_only_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "a"
    nothing = Found.at(path)
    path.write_bytes(b"of the user")
    with pytest.raises(ColorizeError, match="another file"), atomic_write(path, nothing) as file:
        file.write(b"new")
    assert path.read_bytes() == b"of the user"
    with atomic_write(path, Found.at(path)) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert [item.name for item in tmp_path.iterdir()] == ["a"]


def test_output_folder_that_becomes_another_does_not_replace_its_files(tmp_path: Path) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_bytes(name.encode())
    found = Found.at(tmp_path / "out/a")
    with pytest.raises(ColorizeError), atomic_write(tmp_path / "out/a", found) as file:
        (tmp_path / "out").rename(tmp_path / "old")
        (tmp_path / "out").symlink_to("in", target_is_directory=True)
        file.write(b"new")
    assert (tmp_path / "in/a").read_bytes() == b"in"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_output_has_no_more_permissions_than_source_or_replaced_file(tmp_path: Path) -> None:
    source, output = tmp_path / "source", tmp_path / "output"
    source.write_bytes(b"")
    source.chmod(0o600)
    with atomic_write(output, Found.at(output, source)):
        pass
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    source.chmod(0o644)
    with atomic_write(output, Found.at(output, source)):
        pass
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_temporary_file_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []

    def lock(descriptor: int) -> None:
        attempts.append(descriptor)
        if len(attempts) == 1:  # another run removes it just before
            for path in tmp_path.iterdir():
                path.unlink()

    monkeypatch.setattr(atomic, "lock_file", lock)
    with atomic_write(tmp_path / "a") as file:
        file.write(b"x")
    assert len(attempts) == 2 and (tmp_path / "a").read_bytes() == b"x"


@pytest.mark.skipif(os.name != "posix", reason="devices of POSIX")
def test_folders_pipes_and_links_to_them_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link", "."):
        with pytest.raises(ColorizeError, match="choose another output"):
            check_replaceable(tmp_path / name)
    (tmp_path / "nowhere").symlink_to("missing")
    check_replaceable(tmp_path / "nowhere")
