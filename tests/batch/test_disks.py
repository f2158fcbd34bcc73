"""Permissions, full and read-only disks."""

import dataclasses
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from fixtures.batches import content, run, save
from PIL import Image

from colorize import batch
from colorize.batch import Job, WriteOptions
from colorize.batch.manifest import Manifest
from colorize.cli import main
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


def test_full_disk_ends_the_batch_and_leaves_no_partial_file(small_disk, tmp_path):
    sizes = {"0": (20, 20), "1": (500, 500)} | {str(n): (30, 30) for n in range(2, 10)}
    jobs = [
        Job(save(tmp_path / f"{n}.png", size), small_disk / f"out/{n}.png")
        for n, size in sizes.items()
    ]
    manifest = tmp_path / "m.jsonl"
    with Manifest.appending(manifest, {}) as records:
        options = WriteOptions(manifest=records)
        results = {r.job: r for r in batch.run(jobs, noise, options, workers=1)}
    assert results[jobs[0]].error is None and len(results) < len(jobs)
    assert (results[jobs[1]].cause, "disk is full" in results[jobs[1]].error) == ("disk full", True)
    assert "out/0.png" in content(small_disk) and "out/1.png" not in content(small_disk)
    assert "failed" not in manifest.read_text()


def test_full_disk_is_one_line_with_what_is_left(small_disk, tmp_path, weights, capsys):
    random = np.random.default_rng(0)
    for n in range(12):
        picture = Image.fromarray(random.integers(0, 256, (90, 90), np.uint8))
        (tmp_path / "in").mkdir(exist_ok=True)
        picture.save(tmp_path / f"in/{n}.png")
    command = [str(tmp_path / "in"), "-o", str(small_disk), "--weights", weights, "--size", "64"]
    assert main(command) == 1
    said = capsys.readouterr().err
    done = len(content(small_disk))
    assert said.count("\n") == 1 and 0 < done < 12
    assert "disk is full" in said and f"{done} done, 0 skipped, 0 failed, {12 - done} left" in said


@pytest.mark.parametrize("option", ["--gallery", "--failure-log"])
def test_extra_files_on_a_full_disk_do_not_stop_the_batch(
    small_disk, tmp_path, weights, capsys, option
):
    (tmp_path / "in").mkdir()
    for n in range(3):
        pixels = np.random.default_rng(n).integers(0, 256, (300, 300), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"in/{n}.png")
    (tmp_path / "in/3.png").write_bytes(b"no picture")
    if option == "--failure-log":
        with suppress(OSError), open(small_disk / "ballast", "wb", buffering=0) as file:
            while True:
                file.write(bytes(1024))
    command = [str(tmp_path / "in"), "-o", str(tmp_path / "out"), option, str(small_disk / "page")]
    assert main([*command, "--weights", weights, "--size", "64"]) == 1
    said = capsys.readouterr().err
    assert "3 done, 0 skipped, 1 failed" in said and "page: the disk is full" in said
    assert len(content(tmp_path / "out")) == 3
    if option == "--gallery":
        assert not content(small_disk)


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
