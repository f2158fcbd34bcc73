"""The batch on a Ray cluster of this machine: as a local one, whatever happens to its workers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize import batch
from colorize.batch import Job, JobWorker, WriteOptions
from colorize.batch.manifest import Manifest
from colorize.cli import main
from colorize.errors import ColorizeError
from colorize.io.photo import Photo

SUFFIXES = (".jpg", ".png", ".tif")


@pytest.fixture(scope="module")
def ray() -> Iterator[object]:
    """Start Ray with two cores for all tests of this file."""
    from colorize.batch.ray_connection import ENVIRONMENT

    os.environ.update(ENVIRONMENT)
    module = pytest.importorskip("ray", reason="ray is not installed")
    module.init(
        address="local", num_cpus=2, include_dashboard=False, object_store_memory=100 << 20,
        log_to_driver=False, logging_level="ERROR",
    )  # fmt: skip
    from ray import cloudpickle

    this = sys.modules[__name__]  # which workers can't import
    cloudpickle.register_pickle_by_value(this)
    yield module
    cloudpickle.unregister_pickle_by_value(this)
    module.shutdown()


@pytest.fixture
def photographs(tmp_path) -> Path:
    """Return a folder of twelve gray photographs."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for number in range(12):
        noise = Image.fromarray(generator.integers(0, 256, (6, 8), np.uint8))
        below = folder / "sub" if number % 4 == 0 else folder
        noise.resize((64, 48)).save(below / f"{number:02}{SUFFIXES[number % 3]}")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def statuses(manifest: Path) -> list[str]:
    return [json.loads(line)["status"] for line in manifest.read_text().splitlines()]


def cluster_run(jobs, make, options=None, **more):
    from colorize.batch import ray as cluster

    return list(cluster.run(jobs, make, options or WriteOptions(), **more))


def jobs_of(folder: Path, out: Path) -> list[Job]:
    return batch.plan_jobs(batch.find_images([folder]), out, True)


class Fragile:
    """Stand for a network: inverts, but its process dies at some photographs.

    once: a file; the first to see it missing makes it and dies. always: a width.
    """

    def __init__(self, once: Path | None = None, always: int | None = None):
        self.once = once
        self.always = always

    def __call__(self, photo: Photo) -> Photo:
        if photo.width == self.always:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.once is not None and not self.once.exists():
            self.once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Photo(np.repeat(255 - photo.pixels[..., None], 3, 2), None, photo.metadata)

    def make(self) -> JobWorker:
        return JobWorker(self, WriteOptions())


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="lists the ports of Linux")
def test_cluster_of_this_machine_listens_on_it_only():
    pytest.importorskip("ray", reason="ray is not installed")
    code = """if True:
        import os
        from contextlib import suppress
        from glob import glob
        from pathlib import Path
        from colorize.batch.ray_connection import LOCAL, connect

        with connect(LOCAL) as ray:
            ray.get(ray.remote(lambda: None).remote())
            inodes = set()
            for link in glob("/proc/[0-9]*/fd/*"):  # Path.glob raises where a process ends
                with suppress(OSError):  # closed meanwhile
                    if os.getsid(int(link.split("/")[2])) == os.getsid(0):
                        inodes.add(os.readlink(link).removeprefix("socket:[").removesuffix("]"))
            for name in ("tcp", "tcp6"):
                for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
                    fields = line.split()
                    if fields[3] == "0A" and fields[9] in inodes:  # listens
                        print(fields[1])
    """
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, start_new_session=True
    )
    addresses = [address.partition(":")[0] for address in result.stdout.split()]
    assert len(addresses) >= 3, result.stderr
    assert {address[-8:] for address in addresses} == {"0100007F"}  # 127.0.0.1


@pytest.mark.slow
def test_outputs_and_manifest_equal_those_of_a_local_run(
    ray, photographs, tmp_path, weights, capsys
):
    (photographs / "broken.jpg").write_bytes(b"no picture")
    out, local = tmp_path / "out", tmp_path / "local"
    network = ["--weights", weights, "--size", "64"]
    pattern = ["--glob", f"{photographs}/**/*.*"]

    def command(folder: Path, *more: str) -> int:
        notes = ["--manifest", f"{folder}.jsonl", "--failure-log", f"{folder}.report"]
        return main([*pattern, "-o", str(folder), *network, *notes, *more])

    assert command(local) == command(out, "--ray") == 1
    assert len(content(out)) == 12
    assert content(out) == content(local)
    report = Path(f"{out}.report").read_text()
    assert "broken.jpg" in report
    assert report.replace(str(out), str(local)) == Path(f"{local}.report").read_text()
    kept = ("input", "sha256", "size", "mtime_ns", "settings", "output_sha256", "status", "error")
    lines = []
    for folder in (local, out):
        read = [json.loads(line) for line in Path(f"{folder}.jsonl").read_text().splitlines()]
        lines.append(sorted(str([a[k] for k in kept]) for a in read if a["status"] != "started"))
    assert lines[0] == lines[1]

    (out / "01.png").unlink()
    before = statuses(Path(f"{out}.jsonl"))
    capsys.readouterr()
    assert command(out, "--ray") == 1  # the broken one again
    assert "1 done, 11 skipped, 1 failed" in capsys.readouterr().err
    assert sorted(statuses(Path(f"{out}.jsonl"))[len(before) :]) == [
        "done", "failed", "started", "started",
    ]  # fmt: skip
    assert content(out) == content(local)
    assert command(out) == 1  # the manifest serves the local batch as well
    assert "0 done, 12 skipped, 1 failed" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_process_loses_nothing(ray, photographs, tmp_path):
    jobs = jobs_of(photographs, tmp_path / "out")
    fragile = Fragile(once=tmp_path / "died")
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        results = cluster_run(jobs, fragile.make, WriteOptions(manifest=manifest))
    assert (tmp_path / "died").exists()
    assert sorted(r.job.source for r in results) == sorted(job.source for job in jobs)
    assert all(r.error is None and r.skipped is None for r in results)
    assert statuses(tmp_path / "m.jsonl").count("done") == len(jobs)
    list(batch.run(jobs_of(photographs, tmp_path / "local"), Fragile()))
    batch.clean_up(jobs)  # what a killed process may leave, as any later run does
    assert content(tmp_path / "out") == content(tmp_path / "local")


class Exclusive:
    """Stand for a network: fails where a process has two photographs in work at a time."""

    def __init__(self) -> None:
        self.busy = False

    def __call__(self, photo: Photo) -> Photo:
        if self.busy:
            raise ColorizeError("two at a time")
        self.busy = True
        time.sleep(0.1)
        self.busy = False
        return Photo(np.repeat(photo.pixels[..., None], 3, 2), None, photo.metadata)

    def make(self) -> JobWorker:
        return JobWorker(self, WriteOptions())


@pytest.mark.slow
def test_process_runs_one_photograph_at_a_time(ray, photographs, tmp_path):
    results = cluster_run(jobs_of(photographs, tmp_path / "out"), Exclusive().make)
    assert [result.error for result in results] == [None] * 12


@pytest.mark.slow
def test_photograph_that_kills_its_process_fails_and_no_other(ray, photographs, tmp_path):
    Image.new("L", (65, 40)).save(photographs / "deadly.png")
    jobs = jobs_of(photographs, tmp_path / "out")
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        results = cluster_run(jobs, Fragile(always=65).make, WriteOptions(manifest=manifest))
    failed = [result for result in results if result.error is not None]
    assert [result.job.source.name for result in failed] == ["deadly.png"]
    assert "its process died 3 times" in str(failed[0].error)
    assert len(results) == 13
    assert statuses(tmp_path / "m.jsonl").count("failed") == 1


@pytest.mark.slow
def test_closed_batch_records_its_outputs_and_is_resumed(ray, photographs, tmp_path):
    from colorize.batch import ray as cluster

    jobs = jobs_of(photographs, tmp_path / "out")
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        results = cluster.run(jobs, Fragile().make, WriteOptions(manifest=manifest))
        assert next(results).error is None
        results.close()
    done = statuses(tmp_path / "m.jsonl").count("done")
    assert done == len(content(tmp_path / "out"))
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        again = cluster_run(jobs, Fragile().make, WriteOptions(manifest=manifest))
    assert sum(result.skipped is not None for result in again) == done
    assert all(result.error is None for result in again)
    assert len(content(tmp_path / "out")) == 12


def test_output_without_a_done_entry_is_not_redone(photographs, tmp_path):
    """The line `started` of a cluster has no sha256, and yet is enough."""
    job = jobs_of(photographs, tmp_path / "out")[0]
    with Manifest.appending(tmp_path / "m.jsonl", {}) as manifest:
        manifest.start(job.source, job.target, hash_input=False)
        assert not manifest.is_current(job.source, job.target)
        job.target.parent.mkdir(parents=True)
        job.target.write_bytes(b"whole")
    known = Manifest(tmp_path / "m.jsonl", {})
    assert known.is_current(job.source, job.target)
    os.utime(job.source, ns=(0, time.time_ns() + 10**9))
    assert not known.is_current(job.source, job.target)


@pytest.mark.slow
def test_skipped_jobs_start_no_process(ray, photographs, tmp_path):
    def never() -> JobWorker:
        raise AssertionError

    jobs = jobs_of(photographs, tmp_path / "out")
    list(batch.run(jobs, Fragile()))
    results = cluster_run(jobs, never, WriteOptions(existing="keep"))
    assert all(result.skipped for result in results)


@pytest.mark.slow
def test_network_that_cannot_be_loaded_ends_the_batch(ray, photographs, tmp_path):
    def missing() -> JobWorker:
        raise ColorizeError("weights.safetensors: no such file")

    with pytest.raises(ColorizeError, match=r"machine of the cluster: weights\.safetensors"):
        cluster_run(jobs_of(photographs, tmp_path / "out"), missing)


def test_different_weights_or_hints_on_a_machine_are_an_error(weights):
    from colorize.cli.arguments import parser
    from colorize.cli.ray import make_work
    from colorize.cli.settings import output_fingerprint

    args = parser().parse_args(["-i", "a.jpg", "--weights", weights, "--ray"])
    settings = output_fingerprint(args)
    assert isinstance(make_work(args, settings), JobWorker)
    for name in ("weights", "hints"):
        with pytest.raises(ColorizeError, match=f"{name} differ from the machine"):
            make_work(args, settings | {name: "0" * 64})


@pytest.mark.slow
def test_different_weights_end_the_batch_before_any_output(
    ray, photographs, tmp_path, weights, monkeypatch, capsys
):
    # here, not on workers
    monkeypatch.setattr("colorize.cli.settings.known_hash", lambda file: "0" * 64)
    arguments = ["-i", str(photographs), "-o", str(tmp_path / "out"), "--weights", weights]
    assert main([*arguments, "--manifest", str(tmp_path / "m.jsonl"), "--ray"]) == 1
    messages = capsys.readouterr().err
    assert "on a machine of the cluster: weights differ from the machine" in messages
    assert "Traceback" not in messages
    assert content(tmp_path / "out") == {}


@pytest.mark.slow
def test_outputs_in_a_store_equal_those_on_a_disk(ray, photographs, tmp_path, weights):
    """`local://` goes the way of s3://, through fsspec, and other processes see it too."""
    network = ["--weights", weights, "--size", "64", "-i"]
    manifest = ["--manifest", str(tmp_path / "m.jsonl")]
    inputs, outputs = f"local://{photographs}", f"local://{tmp_path}/out"
    assert main([*network, inputs, "-o", outputs + "/", *manifest, "--ray"]) == 0
    assert main([*network, str(photographs), "-o", str(tmp_path / "disk")]) == 0
    assert len(content(tmp_path / "out")) == 12
    assert content(tmp_path / "out") == content(tmp_path / "disk")
    entries = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert {line["output"].split("/out/")[0] for line in entries} == {f"local://{tmp_path}"}


@pytest.mark.parametrize("wrong", [["--image-sequence"], ["-o", "-"]])
def test_sequences_and_pipes_are_rejected(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["-i", "in.jpg", *wrong, "--ray"])
    assert stop.value.code == 2
    assert "--ray" in capsys.readouterr().err


def test_missing_ray_is_a_one_line_error(photographs, tmp_path, weights, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["-i", str(photographs), "-o", str(tmp_path / "out"), "--weights", weights]
    assert main([*arguments, "--ray"]) == 1
    assert "[ray]" in capsys.readouterr().err
