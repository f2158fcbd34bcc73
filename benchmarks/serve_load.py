"""Send a server hundreds of photographs, many at once, and check that every one comes back.

`python -m benchmarks.serve_load --requests 500 --at-once 16` starts `colorize-serve` with a tiny
network (or with the bundled one: --bundled) on a free port of this machine, sends photographs
whose size tells them apart, and prints as JSON how many came back whole, the photographs per
second, the seconds of the median and the slowest, and how many went through the network together.
Exit status 1 if one was lost, refused or another's. With --queue below --at-once, requests that
get 429 are sent again after the time that the server names, as clients should.
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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.tiny_weights import save_tiny_weights

ROOT = Path(__file__).parents[1]
SECONDS = 300  # that one photograph may take


@dataclass(frozen=True)
class Sent:
    """What became of one request."""

    whole: bool
    seconds: float
    refused: int  # times that the server was full


def photograph(number: int) -> tuple[bytes, tuple[int, int]]:
    """Return a gray JPEG whose size no other of a thousand has, and that size."""
    size = 200 + number % 40, 150 + number // 40 % 25
    noise = np.random.default_rng(number).integers(0, 256, (12, 16), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize(size).save(file, "JPEG")
    return file.getvalue(), size


def send(port: int, number: int) -> Sent:
    """Send a photograph, again when the server is full, and check what comes back."""
    content, size = photograph(number)
    start = time.monotonic()
    refused = 0
    while True:
        status, wait, body = _post(port, content)
        if status != 429:
            break
        refused += 1
        time.sleep(wait)
    whole = status == 200 and _is_result(body, size)
    return Sent(whole, time.monotonic() - start, refused)


def _post(port: int, content: bytes) -> tuple[int, float, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("POST", "/colorize", content)
        answer = connection.getresponse()
        return answer.status, float(answer.headers.get("Retry-After", 0)), answer.read()
    except OSError:
        return 0, 0, b""
    finally:
        connection.close()


def _is_result(body: bytes, size: tuple[int, int]) -> bool:
    with Image.open(io.BytesIO(body)) as image:
        image.load()
        return image.size == size and image.mode == "RGB"


def health(port: int) -> dict[str, object]:
    """Return what the server says of itself."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("GET", "/healthz")
    try:
        result: dict[str, object] = json.loads(connection.getresponse().read())
        return result
    finally:
        connection.close()


def main(argv: list[str] | None = None) -> int:
    """Run the load and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--queue", type=int, default=32)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--bundled", action="store_true", help="the bundled network")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "colorize.server", "--port", "0",
                   "--queue", str(args.queue), "--batch", str(args.batch)]  # fmt: skip
        if not args.bundled:
            command += ["--weights", str(save_tiny_weights(Path(folder) / "tiny.safetensors"))]
        server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        try:
            assert server.stderr is not None
            told = re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline())
            assert told is not None, "the server did not start"
            result = measure(int(told[1]), args.requests, args.at_once)
        finally:
            server.terminate()
            server.wait(60)
    machine = {"python": platform.python_version(), "exit_status": server.returncode}
    sys.stdout.write(json.dumps(result | machine, indent=1) + "\n")
    return 0 if result["whole"] == args.requests and server.returncode == 0 else 1


def measure(port: int, requests: int, at_once: int) -> dict[str, object]:
    """Send all and return the figures."""
    start = time.monotonic()
    with ThreadPoolExecutor(at_once) as threads:
        sent = list(threads.map(lambda number: send(port, number), range(requests)))
    seconds = time.monotonic() - start
    state = health(port)
    assert isinstance(state["batches"], dict)
    batches = Counter({int(size): int(count) for size, count in state["batches"].items()})
    times = [one.seconds for one in sent]
    return {
        "requests": requests,
        "at_once": at_once,
        "whole": sum(one.whole for one in sent),
        "answered": state["answered"],
        "left": state["accepted"],
        "told_to_come_back": sum(one.refused for one in sent),
        "photographs_per_second": round(requests / seconds, 1),
        "median_seconds": round(statistics.median(times), 3),
        "slowest_seconds": round(max(times), 3),
        "mean_batch": round(batches.total() and requests / batches.total(), 2),
        "batches": dict(sorted(batches.items())),
    }


if __name__ == "__main__":
    sys.exit(main())
