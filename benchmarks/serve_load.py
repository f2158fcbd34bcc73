"""Load test of the server: send hundreds of photographs, many at a time, and check the results.

`python -m benchmarks.serve_load --requests 500 --concurrency 16` starts `colorize-serve` with a
tiny network (--bundled: the bundled one) on a free port, sends photographs of different sizes, and
prints as JSON how many results were correct, throughput, latency, the server's memory and its batch
sizes. Exit status 1 if a result is missing or belongs to another request. With --max-queue below
--concurrency, requests that get status 429 are sent again after the time in Retry-After.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.tiny_weights import save_tiny_weights

ROOT = Path(__file__).parents[1]
TIMEOUT = 300  # seconds per photograph


@dataclass(frozen=True)
class Outcome:
    """The outcome of one request: whether the result is correct, latency, responses of 429."""

    correct: bool
    seconds: float
    retries: int


def make_photo(number: int) -> tuple[bytes, tuple[int, int]]:
    """Return a gray JPEG and its size, which is different for each of 1000 numbers."""
    size = 200 + number % 40, 150 + number // 40 % 25
    noise = np.random.default_rng(number).integers(0, 256, (12, 16), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize(size).save(file, "JPEG")
    return file.getvalue(), size


def send(port: int, number: int) -> Outcome:
    """Send a photograph, again while the server is full, and check the result."""
    content, size = make_photo(number)
    start = time.monotonic()
    retries = 0
    while True:
        status, wait, body = _post(port, content)
        if status != 429:
            break
        retries += 1
        time.sleep(wait)
    correct = status == 200 and _is_result(body, size)
    return Outcome(correct, time.monotonic() - start, retries)


def _post(port: int, content: bytes) -> tuple[int, float, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("POST", "/colorize", content)
        response = connection.getresponse()
        return response.status, float(response.headers.get("Retry-After", 0)), response.read()
    except OSError:
        return 0, 0, b""
    finally:
        connection.close()


def _is_result(body: bytes, size: tuple[int, int]) -> bool:
    with Image.open(io.BytesIO(body)) as image:
        image.load()
        return image.size == size and image.mode == "RGB"


def health(port: int) -> dict[str, object]:
    """Return the content of /healthz."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    connection.request("GET", "/healthz")
    try:
        result: dict[str, object] = json.loads(connection.getresponse().read())
        return result
    finally:
        connection.close()


def main(argv: list[str] | None = None) -> int:
    """Run the test and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--max-queue", type=int, default=32)
    parser.add_argument("--max-batch", type=int, default=8)
    parser.add_argument("--bundled", action="store_true", help="use the bundled network")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "colorize.server", "--port", "0",
                   "--max-queue", str(args.max_queue),
                   "--max-batch", str(args.max_batch)]  # fmt: skip
        if not args.bundled:
            command += ["--weights", str(save_tiny_weights(Path(folder) / "tiny.safetensors"))]
        server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        try:
            assert server.stderr is not None
            address = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
            assert address is not None, "the server did not start"
            result = measure(int(address[1]), args.requests, args.concurrency)
            result["peak_memory_mb"] = _peak_memory(server.pid)
            result["memory_with_workers_mb"] = _memory_with_workers(server.pid)
        finally:
            server.terminate()
            server.wait(60)
    machine = {"python": platform.python_version(), "exit_status": server.returncode}
    sys.stdout.write(json.dumps(result | machine, indent=1) + "\n")
    return 0 if result["correct"] == args.requests and server.returncode == 0 else 1


def _peak_memory(pid: int) -> int | None:
    """Return the largest resident size of a process in MB, None where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return None if peak is None else int(peak[1]) // 1000


def _memory_with_workers(pid: int) -> int | None:
    """Return the resident size of a process and all below it in MB; shared memory counts once.

    None where there is no /proc.
    """
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # a process that has just ended
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    family = {pid}
    while more := {each for each, parent in parents.items() if parent in family} - family:
        family |= more
    total = 0
    for each in family:
        with suppress(OSError):
            usage = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="utf-8")
            total += sum(int(size) for size in re.findall(r"^Pss:\s+(\d+) kB", usage, re.M))
    return total // 1000 or None


def measure(port: int, requests: int, concurrency: int) -> dict[str, object]:
    """Send all requests and return the figures."""
    start = time.monotonic()
    with ThreadPoolExecutor(concurrency) as threads:
        outcomes = list(threads.map(lambda number: send(port, number), range(requests)))
    seconds = time.monotonic() - start
    state = health(port)
    assert isinstance(state["batches"], dict)
    batches = Counter({int(size): int(count) for size, count in state["batches"].items()})
    times = [outcome.seconds for outcome in outcomes]
    return {
        "requests": requests,
        "concurrency": concurrency,
        "correct": sum(outcome.correct for outcome in outcomes),
        "answered": state["answered"],
        "unfinished": state["accepted"],
        "retries": sum(outcome.retries for outcome in outcomes),
        "photographs_per_second": round(requests / seconds, 1),
        "median_seconds": round(statistics.median(times), 3),
        "slowest_seconds": round(max(times), 3),
        "mean_batch": round(batches.total() and requests / batches.total(), 2),
        "batches": dict(sorted(batches.items())),
    }


if __name__ == "__main__":
    sys.exit(main())
