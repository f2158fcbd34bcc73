"""Times and memory of commands and functions, and what they were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("torch", "onnxruntime", "numpy", "pillow", "scikit-image", "isal")


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds of wall and processor, peak resident MiB, output."""

    seconds: float
    cpu: float
    mib: float
    output: str


def run_command(command: Sequence[object], folder: Path, status: int = 0) -> Run:
    """Run a command in a folder to its end. Raises RuntimeError for another exit status."""
    with open(os.devnull, "rb") as nothing:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command], cwd=folder, stdin=nothing,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdout is not None
        output = process.stdout.read().decode(errors="replace")
        _, code, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(code)
    process.stdout.close()
    if process.returncode != status:
        raise RuntimeError(f"{command}: exit status {process.returncode}\n{output[-2000:]}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def in_turns(
    runs: int, actions: dict[str, Callable[[], Run]], once: Sequence[str] = ()
) -> dict[str, dict[str, float]]:
    """Return medians of each action, run in turns; those named in `once` run one time alone."""
    results: dict[str, list[Run]] = {name: [] for name in actions}
    for number in range(runs):
        for name, action in actions.items():
            if number == 0 or name not in once:
                results[name].append(action())
    return {name: medians(found) for name, found in results.items()}


def medians(runs: Sequence[Run]) -> dict[str, float]:
    """Return the medians of seconds and memory, and how many runs they are of."""
    return {
        "seconds": round(statistics.median(run.seconds for run in runs), 4),
        "slowest": round(max(run.seconds for run in runs), 4),
        "cpu_seconds": round(statistics.median(run.cpu for run in runs), 4),
        "peak_mib": round(statistics.median(run.mib for run in runs), 1),
        "runs": len(runs),
    }


def timed(runs: int, actions: dict[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    """Return medians of functions called in turns, after each was called once to warm up."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in actions}
    for number in range(runs + 1):
        for name, action in actions.items():
            start, cpu = time.perf_counter(), time.process_time()
            action()
            if number:
                times[name].append((time.perf_counter() - start, time.process_time() - cpu))
    return {
        name: {
            "seconds": round(statistics.median(wall for wall, _ in found), 5),
            "slowest": round(max(wall for wall, _ in found), 5),
            "cpu_seconds": round(statistics.median(cpu for _, cpu in found), 5),
            "runs": len(found),
        }
        for name, found in times.items()
    }


def machine() -> dict[str, object]:
    """Return what the figures were measured on."""
    names = {name: _version(name) for name in PACKAGES}
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "packages": {name: version for name, version in names.items() if version},
        "load": round(os.getloadavg()[0], 2),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
