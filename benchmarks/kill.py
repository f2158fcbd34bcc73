"""Kill batches at random moments and check that nothing is lost.

`python -m benchmarks.kill --kills 60 --seed 0` starts `colorize` on a folder of photographs, kills
it with SIGKILL, SIGTERM, Ctrl-C or two Ctrl-C, and checks after each kill that inputs are unchanged
and that each output is absent or has the bytes that an undisturbed run writes. The next run resumes
it, with --manifest or --skip-existing, until all is done and no temporary file is left. Prints
counts as JSON; the exit status is 1 after a violation. Not for Windows.

The bundled network in ONNX Runtime and small photographs keep a run at one CPU second: a kill costs
little besides the start of Python.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from colorize.io.atomic import is_temp_file

ROOT = Path(__file__).parents[1]
METHODS = {
    "SIGKILL": [signal.SIGKILL],
    "SIGTERM": [signal.SIGTERM],
    "SIGINT": [signal.SIGINT],
    "SIGINT twice": [signal.SIGINT, signal.SIGINT],
}
EARLY = 0.1  # share of the kills that may come while the program still starts
SUFFIXES = (".png", ".jpg", ".tif", ".webp")
SIDES = 100, 300  # of photographs, in pixels
KILLS_PER_BATCH = 4  # at least, mostly
POLL_INTERVAL = 0.005  # seconds
PATIENCE = 120  # seconds until outputs come, and from the kill to the end
KILL_TIME = 5  # seconds from SIGABRT to the end


class Trial:
    """A folder of photographs that is colorized again and again.

    folder: empty; gets in/ (the inputs), out/ and expected/ (of an undisturbed run).
    violations: one line for everything that must not be.
    slowest_exit: the most seconds from a kill to the end of the process.
    """

    def __init__(self, folder: Path, photographs: int, seed: int = 0):
        """Make the photographs and run once undisturbed."""
        self.folder = folder
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self.slowest_exit = 0.0
        make_photographs(folder / "in", photographs, seed)
        self.inputs = hashes(folder / "in")
        start = time.monotonic()
        process = self._start("expected", [])
        while process.poll() is None and not self._names("expected"):
            time.sleep(POLL_INTERVAL)
        first_output = time.monotonic()
        self._wait(process)
        self.seconds = time.monotonic() - start
        self.work_seconds = time.monotonic() - first_output
        self.expected = hashes(folder / "expected")
        whole = [name for name in self.expected if decodes(folder / "expected" / name)]
        if len(whole) != photographs:
            raise RuntimeError(f"{len(whole)} whole outputs of {photographs} photographs")
        self._begin()

    def kill(self, method: str) -> None:
        """Start a run, kill it at a random moment, and check; start over if it finished first."""
        former = self._temporaries()  # a kill before the run tidied up leaves those
        process = self._start("out", self.options)
        self._wait_for_a_moment(process)
        for number in METHODS[method]:
            process.send_signal(number)
            time.sleep(self.random.uniform(0, 0.05))
        start = time.monotonic()
        status = self._wait(process)
        self.slowest_exit = max(self.slowest_exit, time.monotonic() - start)
        if status == 0:
            self.counts["done before the kill"] += 1
            self._check_all_done()
            self._begin()
            return
        self.counts[method] += 1
        self._check_after(method, status, former)

    def finish(self) -> None:
        """Run to the end and check that all is done."""
        status = self._wait(self._start("out", self.options))
        if status != 0:
            self.violations.append(f"the last run ended with {status}: {self._stderr()}")
        self._check_all_done()

    @property
    def kills(self) -> int:
        """How many runs were killed."""
        return sum(self.counts[method] for method in METHODS)

    def _begin(self) -> None:
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        (self.folder / "m.jsonl").unlink(missing_ok=True)
        with_manifest = ["--manifest", str(self.folder / "m.jsonl")]
        self.options = self.random.choice([with_manifest, ["--skip-existing"]])

    def _start(self, output: str, options: list[str]) -> subprocess.Popen[bytes]:
        paths = ["-i", str(self.folder / "in"), "-o", str(self.folder / output)]
        network = ["--backend", "onnx", "--size", "32"]
        with (self.folder / "stderr").open("wb") as stderr:
            return subprocess.Popen(  # faulthandler: SIGABRT prints where a run stands still
                [sys.executable, "-X", "faulthandler", "-m", "colorize",
                 *paths, *network, *options],
                stderr=stderr, cwd=ROOT,
            )  # fmt: skip

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._abort(process, f"still running after {PATIENCE} s")
            return process.wait()

    def _abort(self, process: subprocess.Popen[bytes], violation: str) -> None:
        """Kill a run that stands still, and note the violation with the stack of each thread."""
        process.send_signal(signal.SIGABRT)
        try:
            process.wait(KILL_TIME)
        except subprocess.TimeoutExpired:
            process.kill()  # stopped or uninterruptible: no stack
        self.violations.append(f"{violation}: {self._stderr()}")

    def _wait_for_a_moment(self, process: subprocess.Popen[bytes]) -> None:
        """Return at a random moment, mostly one at which photographs are being colorized."""
        if self.random.random() < EARLY:
            time.sleep(self.random.uniform(0.3, self.seconds))
            return
        # counted in files, not in seconds: on a busy machine a run may be several times as fast
        # as the undisturbed one was, and be done before it is killed
        before = self._names("out")
        left = len(self.inputs) - len(before)
        wanted = self.random.randint(1, max(1, left // KILLS_PER_BATCH))
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and len(self._names("out") - before) < wanted:
            if time.monotonic() > deadline:
                self._abort(process, f"fewer than {wanted} outputs after {PATIENCE} s")
            time.sleep(POLL_INTERVAL)
        time.sleep(self.random.uniform(0, self.work_seconds / len(self.inputs)))

    def _names(self, output: str) -> set[str]:
        folder = self.folder / output
        return set(os.listdir(folder)) if folder.is_dir() else set()

    def _check_after(self, method: str, status: int, former: set[str]) -> None:
        """Check what a killed run left."""
        self._check_inputs()
        self._check_outputs()
        leftovers = len(self._temporaries() - former)
        self.counts["temporary files after SIGKILL"] += leftovers
        if leftovers and method != "SIGKILL":
            self.violations.append(f"{method} left {leftovers} temporary files")
        early = [-number for number in METHODS[method]]  # before the program took up the signals
        if method != "SIGKILL" and status not in (130, *early):
            self.violations.append(f"{method} gave status {status}: {self._stderr()}")
        if status == 130 and "Traceback" in self._stderr():
            self.violations.append(f"{method}: {self._stderr()}")

    def _check_all_done(self) -> None:
        self._check_inputs()
        self._check_outputs()
        if self._temporaries():
            self.violations.append("a temporary file stayed after a whole run")
        missing = self.expected.keys() - hashes(self.folder / "out").keys()
        if missing:
            self.violations.append(f"not done in the end: {sorted(missing)}")
        self.counts["batches finished"] += 1

    def _check_inputs(self) -> None:
        if hashes(self.folder / "in") != self.inputs:
            self.violations.append("an input was changed")

    def _check_outputs(self) -> None:
        """Check that each output has the bytes of an undisturbed run's, which decodes."""
        for name, found in hashes(self.folder / "out").items():
            if is_temp_file(name):
                continue
            self.counts["outputs checked"] += 1
            if found != self.expected.get(name):
                self.violations.append(f"{name} is not what an undisturbed run writes")

    def _temporaries(self) -> set[str]:
        return {name for name in self._names("out") if is_temp_file(name)}

    def _stderr(self) -> str:
        return (self.folder / "stderr").read_text("utf-8", "replace")[-2000:]


def make_photographs(folder: Path, count: int, seed: int) -> None:
    """Write gray photographs of several formats and sizes; every eighth has two pages."""
    folder.mkdir()
    generator = np.random.default_rng(seed)
    for number in range(count):
        side = int(generator.integers(*SIDES))
        noise = generator.integers(0, 256, (side // 8, side // 8), np.uint8)
        page = Image.fromarray(noise).resize((side, side))
        path = folder / f"{number:03}{SUFFIXES[number % len(SUFFIXES)]}"
        if number % 8 == 2:
            page.save(path, save_all=True, append_images=[page.rotate(90)])
        else:
            page.save(path)


def hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of a folder by its name."""
    if not folder.is_dir():
        return {}
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def decodes(path: Path) -> bool:
    """Tell whether every page of a picture decodes to its end."""
    try:
        with Image.open(path) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def main(argv: list[str] | None = None) -> int:
    """Run the trial and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--photographs", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after that long")
    args = parser.parse_args(argv)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), args.photographs, args.seed)
        while trial.kills < args.kills and time.monotonic() - start < args.seconds:
            trial.kill(list(METHODS)[trial.kills % len(METHODS)])
        trial.finish()
    figures = {
        "kills": trial.kills,
        **trial.counts,
        "slowest exit in seconds": round(trial.slowest_exit, 1),
        "seconds": round(time.monotonic() - start),
    }
    sys.stdout.write(json.dumps(figures | {"violations": trial.violations}, indent=1) + "\n")
    return 1 if trial.violations or trial.kills < args.kills else 0


if __name__ == "__main__":
    sys.exit(main())
