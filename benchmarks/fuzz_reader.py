"""Feed mutated picture files to the reader and count what comes out.

`python -m benchmarks.fuzz_reader --count 20000 --seed 0` mutates in turn one file of every sort
of tests/fixtures/sample_files.py. A file must be read or refused with ColorizeError, in
one line, within ten seconds and the memory limit; anything else is a violation, is kept in
--keep, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 10.0
MEMORY = 3 << 30  # bytes of address space, for interpreter, libraries and pictures together
MAX_PIXELS = 10_000_000
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Return a file with one to eight faults: bytes, blocks, lengths, cuts, doublings."""
    block = bytearray(content)
    for _ in range(int(random.integers(1, 9))):
        fault = _FAULTS[int(random.integers(len(_FAULTS)))]
        # half of the faults near the start, where headers and sizes are
        reach = len(block) if random.random() < 0.5 else min(len(block), 512)
        if reach < 8:
            break
        fault(block, int(random.integers(reach)), random)
    return bytes(block)


def _flip(block: bytearray, offset: int, random: np.random.Generator) -> None:
    block[offset] ^= 1 << int(random.integers(8))


def _set(block: bytearray, offset: int, random: np.random.Generator) -> None:
    block[offset] = INTERESTING[int(random.integers(len(INTERESTING)))]


def _set_number(block: bytearray, offset: int, random: np.random.Generator) -> None:
    size = int(random.choice([2, 4, 8]))
    value = int(random.choice([0, 1, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF]))
    order = "big" if random.random() < 0.5 else "little"
    block[offset : offset + size] = (value % (1 << 8 * size)).to_bytes(size, order)  # type: ignore[arg-type]


def _randomize(block: bytearray, offset: int, random: np.random.Generator) -> None:
    size = int(random.integers(1, 64))
    block[offset : offset + size] = random.bytes(len(block[offset : offset + size]))


def _remove(block: bytearray, offset: int, random: np.random.Generator) -> None:
    del block[offset : offset + int(random.integers(1, 64))]


def _double(block: bytearray, offset: int, random: np.random.Generator) -> None:
    block[offset:offset] = block[offset : offset + int(random.integers(1, 256))]


def _cut(block: bytearray, offset: int, random: np.random.Generator) -> None:
    if random.random() < 0.3:  # rarely: little else happens to a short file
        del block[offset:]


_FAULTS = (_flip, _flip, _set, _set, _set_number, _set_number, _randomize, _remove, _double, _cut)


def _work(pipe: Connection) -> None:
    """Read each file that comes through the pipe and send back the outcome, until None comes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from colorize.errors import ColorizeError
    from colorize.io.readers import read_pages

    while (content := pipe.recv()) is not None:
        try:
            pages = sum(1 for _ in read_pages(io.BytesIO(content), max_pixels=MAX_PIXELS))
            outcome = ("read", f"{pages} pages")
        except ColorizeError as error:
            one_line = "\n" not in str(error)
            outcome = ("refused" if one_line else "several lines", str(error))
        except BaseException as error:
            outcome = (type(error).__name__, str(error))
        pipe.send(outcome)


class Worker:
    """A process that reads files, restarted after it crashed or hung."""

    def __init__(self) -> None:
        """Start the process."""
        self._start()

    def _start(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(theirs,), daemon=True
        )
        self.process.start()
        theirs.close()

    def outcome(self, content: bytes) -> tuple[str, str]:
        """Return what became of a file: "read", "refused", or the name of a violation."""
        self.pipe.send(content)
        try:
            if self.pipe.poll(SECONDS):
                return self.pipe.recv()  # type: ignore[no-any-return]
            result = ("hang", f"more than {SECONDS:g} s")
        except (EOFError, OSError):
            self.process.join()
            result = ("crash", f"exit status {self.process.exitcode}")
        self.process.kill()
        self.process.join()
        self._start()
        return result

    def stop(self) -> None:
        """End the process."""
        self.pipe.send(None)
        self.process.join()


def run(count: int, seed: int, keep: Path | None) -> tuple[dict[str, Counter[str]], list[str]]:
    """Return the outcomes by format, and the violations, of `count` mutated files."""
    table: dict[str, Counter[str]] = {}
    violations = []
    worker = Worker()
    for number, (name, content) in enumerate(_files(count, seed)):
        outcome, detail = worker.outcome(content)
        table.setdefault(name.split()[0], Counter())[outcome] += 1
        if outcome not in ("read", "refused"):
            violations.append(f"{number} {name}: {outcome}: {detail}")
            if keep:
                (keep / f"{number}{name.split()[0]}").write_bytes(content)
    worker.stop()
    return table, violations


def _files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    from tests.fixtures.sample_files import all_sample_files

    sources = [
        (f"{sample.suffix} {sample.name}", sample.content()) for sample in all_sample_files()
    ]
    for number in range(count):
        name, content = sources[number % len(sources)]
        yield name, mutated(content, np.random.default_rng([seed, number]))


def main() -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for files that violate")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    table, violations = run(arguments.count, arguments.seed, arguments.keep)
    seconds = time.perf_counter() - start
    _report(table, violations, seconds)
    if arguments.json:
        figures: dict[str, Any] = {"count": arguments.count, "seed": arguments.seed}
        figures |= {"seconds": round(seconds), "outcomes": table, "violations": violations}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if violations else 0


def _report(table: dict[str, Counter[str]], violations: list[str], seconds: float) -> None:
    total: Counter[str] = sum(table.values(), Counter())
    for name, counts in [*sorted(table.items()), ("all", total)]:
        outcomes = ", ".join(f"{outcome} {number}" for outcome, number in counts.most_common())
        sys.stdout.write(f"{name:6} {counts.total():6}  {outcomes}\n")
    sys.stdout.write(f"{seconds:.0f} s\n")
    sys.stdout.writelines(f"VIOLATION {line}\n" for line in violations)


if __name__ == "__main__":
    sys.exit(main())
