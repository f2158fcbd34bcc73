"""Run thousands of small photographs through one process and watch its memory and files.

`python -m benchmarks.load --photographs 5000` prints as JSON the peak resident memory during the
first and the last 500 photographs and the open files; exit status 1 if the last peak is more than
10 % above the first or open files grow. Only on Linux, which shows both in /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.tiny_weights import save_tiny_weights

ROOT = Path(__file__).parents[1]
PART = 500  # photographs
GROWTH = 1.1
SUFFIXES = (".jpg", ".png", ".tif", ".webp")
DISTINCT = 100  # photographs that are not copies of others
INTERVAL = 0.02  # seconds between samples


@dataclass(frozen=True)
class Sample:
    """What the process held at one moment: photographs done, bytes of memory, open files."""

    done: int
    memory: int
    files: int


def make_photographs(folder: Path, count: int) -> None:
    """Write small gray photographs of several formats and sizes."""
    random = np.random.default_rng(0)
    contents = []
    for number in range(DISTINCT):
        height, width = (int(n) for n in random.integers(60, 200, 2))
        noise = random.integers(0, 256, (height // 6, width // 6), np.uint8)
        path = folder / f"00000{SUFFIXES[number % len(SUFFIXES)]}"
        Image.fromarray(noise).resize((width, height)).save(path)
        contents.append((path.suffix, path.read_bytes()))
        path.unlink()
    for number in range(count):
        suffix, content = contents[number % DISTINCT]
        (folder / f"{number:05}{suffix}").write_bytes(content)


def watch(process: subprocess.Popen[bytes], manifest: Path) -> list[Sample]:
    """Return samples until the process ends."""
    samples: list[Sample] = []
    done = position = 0
    while process.poll() is None:
        if manifest.exists():
            with manifest.open("rb") as file:
                file.seek(position)
                added = file.read()
            position += len(added)
            done += added.count(b'"done"')
        try:
            samples.append(Sample(done, *held(process.pid)))
        except OSError:  # it has just ended
            break
        time.sleep(INTERVAL)
    process.wait()
    return samples


def held(process: int) -> tuple[int, int]:
    """Return the resident memory in bytes and the number of open files of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(f"/proc/{process}/fd"))


def figures(samples: list[Sample], count: int) -> dict[str, float]:
    """Return the peaks of the first and last photographs."""
    first = [s for s in samples if 0 < s.done <= PART]
    last = [s for s in samples if count - PART <= s.done < count]
    peaks = [max(s.memory for s in part) for part in (first, last)]
    return {
        "first_peak_mib": round(peaks[0] / 2**20, 1),
        "last_peak_mib": round(peaks[1] / 2**20, 1),
        "growth": round(peaks[1] / peaks[0], 3),
        "first_open_files": max(s.files for s in first),
        "last_open_files": max(s.files for s in last),
        "samples": len(samples),
    }


def main(argv: list[str] | None = None) -> int:
    """Run the load and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=5000)
    count = max(parser.parse_args(argv).photographs, 2 * PART)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        make_photographs(folder / "in", count)
        weights, manifest = save_tiny_weights(folder / "tiny.safetensors"), folder / "m.jsonl"
        start = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "colorize", "-i", folder / "in", "-o", folder / "out",
             "--weights", weights, "--size", "64", "--manifest", manifest, "--quiet"], cwd=ROOT,
        )  # fmt: skip
        result = figures(watch(process, manifest), count)
        outputs = len(os.listdir(folder / "out"))
    result |= {"seconds": round(time.monotonic() - start, 1), "outputs": outputs}
    machine = {"python": platform.python_version(), "torch": torch.__version__}
    sys.stdout.write(json.dumps(result | machine, indent=1) + "\n")
    steady = result["growth"] <= GROWTH and result["last_open_files"] <= result["first_open_files"]
    return 0 if steady and outputs == count and process.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
