"""Measure the photographs per second of a batch on a Ray cluster, by number of cores.

`python -m benchmarks.cluster --photographs 500 --cores 1 2` makes photographs, colorizes them in a
local batch and with Ray on this machine for each number of cores, checks that the outputs have the
same bytes, kills a busy process every two seconds (`--kills`), runs again to check that nothing
is done twice, and prints JSON. `--nothing` measures only this process, with jobs that do nothing.
Exit status 1 if an output differs or is lost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorize import batch
from colorize.batch import JobWorker, WriteOptions
from colorize.batch import ray as cluster
from colorize.batch.manifest import Manifest
from colorize.batch.ray_connection import ENVIRONMENT
from colorize.cli import ray as on_cluster
from colorize.cli.arguments import parser
from colorize.cli.settings import output_fingerprint
from colorize.io.atomic import Found
from colorize.runtime.threads import available_cpus

os.environ.update(ENVIRONMENT)
import ray  # (it reads its environment at once)

INIT = {
    "address": "local",
    "include_dashboard": False,
    "object_store_memory": 100 << 20,
    "log_to_driver": False,
    "logging_level": "ERROR",
}


def make_photographs(folder: Path, count: int, width: int, height: int) -> None:
    """Write gray JPEG files with detail of all sizes."""
    random = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        page = np.zeros((height, width), np.float32)
        for detail in (8, 32, 128):
            noise = random.integers(0, 256, (height // detail + 1, width // detail + 1), np.uint8)
            page += np.asarray(Image.fromarray(noise).resize((width, height))) / 3
        Image.fromarray(page.astype(np.uint8)).save(folder / f"{number:05}.jpg", quality=90)


def make_work() -> JobWorker:
    """Return the worker of the command with default options."""
    args = parser().parse_args(["-i", "in", "-o", "out"])
    return on_cluster.make_work(args, output_fingerprint(args))


class Idle(JobWorker):
    """Does nothing."""

    def run(self, job: batch.Job, found: Found | None = None) -> batch.Result:
        """Return that the job is done."""
        return batch.Result(job, 0.0)


def make_idle() -> JobWorker:
    """Return a worker that does nothing."""
    return Idle(lambda photo: photo, WriteOptions())


def measure(jobs: list[batch.Job], make: Callable[[], JobWorker], manifest: Path) -> dict[str, Any]:
    """Return the figures of one batch: seconds from the first result to the last, and counts."""
    report = batch.Report()
    times = []
    started = time.monotonic()
    with Manifest.appending(manifest, {}) as kept:
        for result in cluster.run(jobs, make, WriteOptions(manifest=kept)):
            report.add(result)
            times.append(time.monotonic())
    steady = times[len(times) // 10 :]  # the first tenth warms up
    return {
        "done": report.done,
        "skipped": report.skipped,
        "failed": report.failed,
        "seconds": round(times[-1] - started, 1),
        "begins_after": round(times[0] - started, 1),
        "per_second": round((len(steady) - 1) / max(steady[-1] - steady[0], 1e-9), 2),
    }


def kill_workers(times: int, stop: threading.Event) -> list[int]:
    """Kill a busy process every two seconds; return the list that receives their ids."""
    killed: list[int] = []

    def kill() -> None:
        while len(killed) < times and not stop.wait(2):
            for status in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    command = status.read_bytes()
                except OSError:
                    continue
                if command.startswith(b"ray::_job_task") and descends(int(status.parent.name)):
                    os.kill(int(status.parent.name), signal.SIGKILL)
                    killed.append(int(status.parent.name))
                    break

    threading.Thread(target=kill, daemon=True).start()
    return killed


def descends(process: int) -> bool:
    """Return whether a process descends from this one."""
    while process > 1:
        if process == os.getpid():
            return True
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
        process = int(stat.rpartition(")")[2].split()[1])
    return False


def hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file by name; temporary ones too, which must not be there."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def different(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return the names of files that are missing, left over or not as expected."""
    names = expected.keys() | found.keys()
    return sorted(name for name in names if expected.get(name) != found.get(name))


def nothing(folder: Path, count: int) -> dict[str, Any]:
    """Return the photographs per second that this process submits and records."""
    (folder / "in").mkdir()
    for number in range(count):
        (folder / "in" / f"{number:06}.jpg").write_bytes(b"-")
    ray.init(num_cpus=available_cpus(), **INIT)  # type: ignore[arg-type]
    try:
        jobs = batch.plan_jobs(batch.find_images([folder / "in"]), folder / "out", True)
        return measure(jobs, make_idle, folder / "m.jsonl")
    finally:
        ray.shutdown()


def photographs(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of the local batch and of each number of cores."""
    make_photographs(folder / "in", args.photographs, *args.size)
    sources = batch.find_images([folder / "in"])
    work = make_work()
    local = batch.plan_jobs(sources, folder / "local", True)
    started = time.monotonic()
    results = batch.run(local, work.colorize, work.options, workers=1)
    failed = [result for result in results if result.error is not None]
    seconds = time.monotonic() - started
    figures: dict[str, Any] = {
        "local batch, one at a time": {
            "per_second": round(len(local) / seconds, 2), "failed": len(failed)
        }
    }  # fmt: skip
    expected = hashes(folder / "local")
    for number in args.cores:
        shutil.rmtree(folder / "out", ignore_errors=True)
        (folder / "m.jsonl").unlink(missing_ok=True)
        jobs = batch.plan_jobs(sources, folder / "out", True)
        ray.init(num_cpus=number, **INIT)  # type: ignore[arg-type]
        stop = threading.Event()
        try:
            killed = kill_workers(args.kills, stop)
            figures[f"{number} cores"] = measure(jobs, make_work, folder / "m.jsonl")
            stop.set()
            again = measure(jobs, make_work, folder / "m.jsonl")
        finally:
            stop.set()
            ray.shutdown()
        batch.clean_up(jobs)
        figures[f"{number} cores"] |= {
            "killed": len(killed),
            "different": different(expected, hashes(folder / "out")),
            "done_again": again["done"],
        }
    return figures


def main(argv: list[str] | None = None) -> int:
    """Measure and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=200)
    parser.add_argument("--size", type=int, nargs=2, default=(1600, 1200), metavar=("W", "H"))
    parser.add_argument("--cores", type=int, nargs="+", default=[1, available_cpus()])
    parser.add_argument("--kills", type=int, default=0, help="processes to kill during each batch")
    parser.add_argument("--nothing", action="store_true", help="measure only this process")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        measured = partial(photographs, args=args)
        run = partial(nothing, count=args.photographs) if args.nothing else measured
        figures = run(Path(folder))
    machine = {"cores": available_cpus(), "processor": platform.machine(), "ray": ray.__version__}
    shown = {"machine": machine, "photographs": args.photographs, "size": args.size, **figures}
    sys.stdout.write(json.dumps(shown, indent=1) + "\n")
    wrong = [
        name for name, part in figures.items()
        if isinstance(part, dict) and (part["failed"] or part.get("different"))
    ]  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
