"""Permissions, full and read-only disks."""

import dataclasses
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures.batches import content, run, save

from colorize import batch
from colorize.batch import Job
from colorize.batch.manifest import Manifest
from colorize.errors import ColorizeError
from colorize.io.photo import Photo


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """Give a folder and become a user for whom permissions count."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        if os.geteuid() != 0:
            yield Path(folder)
            return
        os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def test_denied_permission_does_not_stop_the_others(as_nobody):
    for name in ("good", "secret", "shut/inside"):
        save(as_nobody / f"in/{name}.png")
    (as_nobody / "in/secret.png").chmod(0)
    (as_nobody / "in/shut").chmod(0)
    sources = batch.find_images([as_nobody / "in"])
    results = run(batch.plan_jobs(sources, as_nobody / "out", True))
    errors = {job.source.name: result.error for job, result in results.items()}
    assert errors["good.png"] is None
    assert "permission denied" in errors["secret.png"]
    assert "shut: can't list this folder: permission denied" in errors["shut"]
    (as_nobody / "out").chmod(0o555)
    jobs = [
        Job(as_nobody / "in/good.png", as_nobody / f"out/{name}") for name in ("b.png", "x/c.png")
    ]
    for result in run(jobs).values():
        assert "permission denied" in result.error
    for path in (as_nobody / "in/shut", as_nobody / "out"):
        path.chmod(0o755)
    assert list(content(as_nobody / "out")) == ["good.png"]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """Give a file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k", "none", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system is not allowed here")


def noise(photo: Photo) -> Photo:
    pixels = np.random.default_rng(0).integers(0, 256, (photo.height, photo.width, 3), np.uint8)
    return dataclasses.replace(photo, pixels=pixels)


def test_full_disk_fails_what_does_not_fit_and_leaves_no_partial_file(small_disk, tmp_path):
    sizes = {"a": (20, 20), "b": (500, 500), "c": (30, 30)}
    jobs = [
        Job(save(tmp_path / f"{n}.png", size), small_disk / f"out/{n}.png")
        for n, size in sizes.items()
    ]
    # One after another: what does not fit would take the others' room while it is being written.
    results = {result.job: result for result in batch.run(jobs, noise, workers=1)}
    assert [results[job].error is None for job in jobs] == [True, False, True]
    assert "the disk is full" in results[jobs[1]].error
    assert sorted(content(small_disk)) == ["out/a.png", "out/c.png"]


def test_manifest_on_a_full_disk_keeps_whole_lines(small_disk, tmp_path):
    file = small_disk / "m.jsonl"
    jobs = [Job(save(tmp_path / f"{n}.png"), tmp_path / f"out/{n}.png") for n in range(40)]
    (small_disk / "ballast").write_bytes(bytes(48 << 10))
    with (
        Manifest.appending(file, {}) as manifest,
        pytest.raises(ColorizeError, match="disk is full"),
    ):
        run(jobs, manifest=manifest)
    assert file.read_bytes().endswith(b"}\n")
    (small_disk / "ballast").unlink()
    with Manifest.appending(file, {}) as manifest:
        results = run(jobs, manifest=manifest)
    assert not [result.error for result in results.values() if result.error]
    assert any(result.skipped for result in results.values())
    assert len(content(tmp_path / "out")) == 40


def test_read_only_disk_is_an_error(tmp_path):
    job = Job(save(tmp_path / "a.png"), tmp_path / "disk/out/a.png")
    (tmp_path / "disk").mkdir()
    mount("-t", "tmpfs", "-o", "ro", "none", str(tmp_path / "disk"))
    try:
        assert "read-only" in run([job])[job].error
        straight = Job(job.source, tmp_path / "disk/a.png")
        assert "read-only" in run([straight])[straight].error
        with (
            pytest.raises(ColorizeError, match="read-only"),
            Manifest.appending(tmp_path / "disk/m.jsonl", {}),
        ):
            pass
    finally:
        subprocess.run(["umount", str(tmp_path / "disk")], check=True)
