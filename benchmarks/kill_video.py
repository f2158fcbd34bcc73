"""Kill the coloring of a video at random moments; compare the result with an undisturbed run's.

`python -m benchmarks.kill_video --kills 20 --seed 0` starts `colorize` on a synthetic video with
sound, kills it with SIGKILL, SIGTERM or SIGINT at a random moment, and starts the same command
again. When a run finishes, its output is compared with that of an undisturbed run packet by packet,
in all streams, with `--image-sequence` file by file, and nothing else may be left; then it starts
over. Prints counts as JSON; the exit status is 1 after a violation. Not for Windows.
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
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
METHODS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
WIDTH, HEIGHT, RATE = 96, 72, 25
SOUND_RATE = 48000
PATIENCE = 300  # seconds


def gray(number: int) -> np.ndarray:
    """Return a frame: a slow pan over a photograph with grain, and a cut every 100 frames."""
    paths = sorted((ROOT / "imgs").glob("*.jpg"))
    path = paths[number // 100 % len(paths)]
    with Image.open(path) as image:
        picture = np.asarray(image.convert("L").resize((WIDTH + 100, HEIGHT)), np.int16)
    left = number % 100
    noise = np.random.default_rng(number).integers(-6, 7, (HEIGHT, WIDTH))
    return (picture[:, left : left + WIDTH] + noise).clip(0, 255).astype(np.uint8)


def make_video(path: Path, frames: int) -> None:
    """Write a video with B-frames and sound; its frame rate varies."""
    with av.open(path, "w") as output:
        video = output.add_stream("libx264", RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        audio = output.add_stream("aac", rate=SOUND_RATE)
        noise = np.random.default_rng(0)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(gray(number), "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = 40 * number + number % 3, Fraction(1, 1000)
            output.mux(video.encode(frame))
            samples = noise.normal(0, 3000, (1, 2 * SOUND_RATE // RATE)).astype(np.int16)
            sound = av.AudioFrame.from_ndarray(samples, "s16", "stereo")
            sound.sample_rate, sound.pts = SOUND_RATE, number * SOUND_RATE // RATE
            sound.time_base = Fraction(1, SOUND_RATE)
            output.mux(audio.encode(sound))
        output.mux(video.encode(None))
        output.mux(audio.encode(None))


def make_sequence(folder: Path, frames: int) -> None:
    """Write the frames as files."""
    folder.mkdir()
    for number in range(frames):
        Image.fromarray(gray(number)).save(folder / f"{number}.png")


def video_content(path: Path) -> list[tuple[int, int | None, int | None, str]]:
    """Return stream, times and hash of each packet, and the hash of each decoded frame."""
    content = []
    with av.open(path) as video:
        for packet in video.demux():
            digest = hashlib.sha256(bytes(packet)).hexdigest()
            content.append((packet.stream.index, packet.pts, packet.dts, digest))
    with av.open(path) as video:
        for frame in video.decode(video=0):
            digest = hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest()
            content.append((-1, frame.pts, None, digest))
    return content


def sequence_content(folder: Path) -> dict[str, str]:
    """Return the hash of each file."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


class Trial:
    """One input that is colorized again and again.

    violations: one line for everything that must not be.
    """

    def __init__(self, folder: Path, source: str, target: str, options: list[str], seed: int):
        """Run once undisturbed.

        Args:
            folder: with the input.
            source: name of the input in it.
            target: name of the output in it.
            options: further arguments of the command.
            seed: of the moments.
        """
        self.folder, self.target = folder, folder / target
        self.command = [sys.executable, "-m", "colorize", "-i", str(folder / source)]
        self.command += ["-o", str(self.target), "--size", "64", "--quiet", *options]
        self.content: Callable[[Path], object] = (
            sequence_content if (folder / source).is_dir() else video_content
        )
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        start = time.monotonic()
        if self.start().wait(PATIENCE) != 0:
            raise RuntimeError("the undisturbed run failed")
        self.seconds = time.monotonic() - start
        self.expected = self.content(self.target)
        self.names = set(os.listdir(folder))
        self.remove()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(self.command, cwd=ROOT, env=environment)

    def kill(self, method: signal.Signals) -> None:
        """Start a run and kill it at a random moment; check what a finished one has written."""
        process = self.start()
        moment = time.monotonic() + self.random.uniform(0.5, self.seconds)
        while process.poll() is None and time.monotonic() < moment:
            time.sleep(0.005)
        if process.poll() is None:
            process.send_signal(method)
            status = process.wait(PATIENCE)
            self.counts[method.name] += 1
            if status not in (-method, 130, 0):
                self.violations.append(f"{method.name} gave status {status}")
            if self.target.is_file():  # the signal came when the work was done
                self.compare()
            if status != 0:
                return
        if process.returncode != 0:
            self.violations.append(f"a run ended with {process.returncode}")
        self.check()

    def finish(self) -> None:
        """Run to the end and check the result."""
        status = self.start().wait(PATIENCE)
        if status != 0:
            self.violations.append(f"the last run ended with {status}")
        self.check()

    def check(self) -> None:
        """Check the output of a finished run, and that nothing else is left."""
        self.compare()
        if left := set(os.listdir(self.folder)) - self.names:
            self.violations.append(f"left after the end: {sorted(left)}")

    def compare(self) -> None:
        """Compare the output with that of the undisturbed run, and remove it."""
        self.counts["outputs compared"] += 1
        if self.content(self.target) != self.expected:
            self.violations.append("the result differs from that of an undisturbed run")
        self.remove()

    def remove(self) -> None:
        """Remove the output."""
        if self.target.is_dir():
            shutil.rmtree(self.target)
        else:
            self.target.unlink()


def main(argv: list[str] | None = None) -> int:
    """Run the trial and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--suffix", default=".mp4", help="of the output")
    parser.add_argument("--image-sequence", action="store_true")
    parser.add_argument("--codec", default="h264")
    args = parser.parse_args(argv)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.image_sequence:
            make_sequence(folder / "in", args.frames)
            trial = Trial(folder, "in", "out", ["--image-sequence"], args.seed)
        else:
            make_video(folder / "in.mkv", args.frames)
            target = f"out{args.suffix}"
            trial = Trial(folder, "in.mkv", target, ["--codec", args.codec], args.seed)
        kills = 0
        while kills < args.kills:
            trial.kill(METHODS[kills % len(METHODS)])
            kills = sum(trial.counts[method.name] for method in METHODS)
        trial.finish()
    figures = {"kills": kills, **trial.counts, "seconds": round(time.monotonic() - start)}
    sys.stdout.write(json.dumps(figures | {"violations": trial.violations}, indent=1) + "\n")
    return 1 if trial.violations else 0


if __name__ == "__main__":
    sys.exit(main())
