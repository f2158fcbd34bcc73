"""Times and memory of commands and functions, and what they were measured on."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("torch", "onnxruntime", "numpy", "pillow", "scikit-image", "isal")


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds of wall and processor, peak resident MiB, output.

    others: seconds of processor that other processes used meanwhile.
    """

    seconds: float
    cpu: float
    mib: float
    output: str
    others: float


# A child's largest resident set counts what its parent had at the fork: torch, in a benchmark. So
# a small process starts the command, and reports how it ended.
LAUNCHER = """
import json, os, sys, time
start = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - start
report = [status, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]
os.write(int(sys.argv[1]), json.dumps(report).encode())
"""


def run_command(command: Sequence[object], folder: Path, status: int = 0) -> Run:
    """Run a command in a folder to its end; its program is a path.

    Raises RuntimeError for another exit status.
    """
    read_end, write_end = os.pipe()
    launcher = (sys.executable, "-I", "-S", "-c", LAUNCHER, write_end, *command)
    busy = -_busy()
    with (
        open(read_end, encoding="utf-8") as figures,
        open(write_end, "w", encoding="utf-8") as writer,
    ):
        done = subprocess.run(
            [str(part) for part in launcher], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[write_end], check=False,
        )  # fmt: skip
        writer.close()
        found = figures.read()
        busy += _busy()
    output = done.stdout.decode(errors="replace")
    code, seconds, cpu, mib = json.loads(found) if found else (-1, 0, 0, 0)
    if code == -1 or os.waitstatus_to_exitcode(code) != status:
        raise RuntimeError(f"{command}: failed, with status {code}\n{output[-2000:]}")
    return Run(seconds, cpu, mib, output, busy - cpu)


def _busy() -> float:
    """Return the seconds of processor that all processes took so far, 0 where unknown."""
    counters = Path("/proc/stat")
    if not counters.is_file():
        return 0
    user, nice, system = counters.read_text(encoding="utf-8").split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def in_turns(
    runs: int, actions: dict[str, Callable[[], Run]], once: Sequence[str] = ()
) -> dict[str, dict[str, float]]:
    """Return medians of each action, run in turns; those named in `once` run only once."""
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
        "others_cpu_seconds": round(statistics.median(run.others for run in runs), 2),
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
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
