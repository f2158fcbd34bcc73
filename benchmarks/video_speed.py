"""Measure how fast videos are colorized, and what each part of the work takes.

`python -m benchmarks.video_speed` colorizes synthetic videos of several sizes with the command's
settings and prints frames per second, and the CPU time per frame of each part alone, as JSON. The
machine should be idle. `others_cpu_share` is the share of the CPUs that other processes used.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import av
import cv2
import numpy as np
from PIL import Image

from colorize import Colorizer
from colorize.io.photo import Photo
from colorize.options import VideoOptions
from colorize.runtime.threads import available_cpus
from colorize.video.encoder import VideoEncoder, plan_encoding
from colorize.video.formats import resolve_codec
from colorize.video.pixels import frame_pixels
from colorize.video.reader import VideoReader, open_video, read_first_frame
from colorize.video.temporal import TemporalFilter
from colorize.video.transcode import colorize_video

ROOT = Path(__file__).parents[1]
SIZES = {"480x360": (480, 360, 300), "640x480": (640, 480, 200), "1280x720": (1280, 720, 80),
         "1920x1080": (1920, 1080, 60)}  # fmt: skip
PARTS_FRAMES = 24
NOISE = 4.0  # gray levels, like film grain

T = TypeVar("T")


def make_video(path: Path, width: int, height: int, frames: int) -> None:
    """Write a gray video: a pan over photographs with grain, and a cut every 75 frames."""
    names = sorted((ROOT / "imgs").glob("*.jpg"))
    random = np.random.default_rng(0)
    with av.open(path, "w") as output:
        stream = output.add_stream("libx264", 25, {"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            shot, moment = divmod(number, 75)
            if moment == 0:
                with Image.open(names[shot % len(names)]) as image:
                    size = (width * 5 // 4, height)
                    wide = np.asarray(image.convert("L").resize(size), np.float32)
            left = moment * (wide.shape[1] - width) // 75
            noisy = wide[:, left : left + width] + random.normal(0, NOISE, (height, width))
            frame = av.VideoFrame.from_ndarray(noisy.clip(0, 255).astype(np.uint8), "gray")
            output.mux(stream.encode(frame.reformat(format="yuv420p")))
        output.mux(stream.encode(None))


def whole(colorizer: Colorizer, path: Path, frames: int, options: VideoOptions) -> dict[str, float]:
    """Return frames per second of the whole work, and the share of the CPUs that others used."""
    colorizer.set_concurrency(available_cpus())
    before, used, start = os.times(), _busy_seconds(), time.monotonic()
    colorize_video(path, path.with_suffix(".color.mp4"), colorizer, options)
    seconds, busy = time.monotonic() - start, _busy_seconds() - used
    after = os.times()
    own = after.user + after.system - before.user - before.system
    others = max(0.0, busy - own) / (seconds * available_cpus())
    return {
        "frames_per_second": round(frames / seconds, 2),
        "cpu_ms_per_frame": round(1000 * own / frames, 1),
        "others_cpu_share": round(others, 2),
    }


def _busy_seconds() -> float:
    """Return the CPU time that all processes have used; 0 where the system does not tell."""
    try:
        fields = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, soft, _ = map(int, fields)
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def parts(colorizer: Colorizer, path: Path, options: VideoOptions) -> dict[str, float]:
    """Return the CPU milliseconds per frame of each part, one thread each."""
    colorizer.threads = 1
    colorizer.runner.set_threads(1)
    cv2.setNumThreads(1)
    times: Counter[str] = Counter()

    def timed(name: str, function: Callable[..., T], *arguments: object) -> T:
        start = time.process_time()
        result = function(*arguments)
        times[name] += time.process_time() - start
        return result

    temporal = TemporalFilter()
    with path.open("rb") as file:
        first = read_first_frame(file, str(path))
        with open_video(file, str(path)) as container:
            reader = VideoReader(container, str(path), first)
            codec, crf = resolve_codec("mp4", options.codec, options.crf)
            encoding = plan_encoding(reader, codec, crf, (reader.width, reader.height))
            encoder = VideoEncoder(reader, encoding)
            frames = reader.frames()
            for _ in range(PARTS_FRAMES):
                frame, pts = timed("decoder", next, frames)
                pixels = timed("pixels", frame_pixels, frame, reader.width, reader.height)
                lightness = timed("pixels", colorizer.network_input, Photo(pixels))
                logits = timed("network", colorizer.predict_logits, lightness)
                logits = timed("decoding", colorizer.postprocess_logits, logits, lightness)
                ab = timed("decoding", colorizer.decode, logits)
                ab = timed("flow", temporal, lightness[0, 0], colorizer.upsample(ab)[0])
                merged = timed("upsampling", colorizer.merge, Photo(pixels), ab)
                timed("encoder", encoder.encode, merged.pixels, pts, frame.duration)
            timed("encoder", encoder.finish)
    return {name: round(1000 * seconds / PARTS_FRAMES, 1) for name, seconds in times.items()}


def main(argv: list[str] | None = None) -> int:
    """Measure and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--model", default="compact")
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    args = parser.parse_args(argv)
    options = VideoOptions(codec=args.codec)
    colorizer = Colorizer.from_pretrained(args.model, throughput=True)
    results: dict[str, object] = {
        "model": args.model, "codec": args.codec, "cpus": available_cpus(),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name in args.sizes:
            width, height, frames = SIZES[name]
            path = Path(folder, f"{name}.mp4")
            make_video(path, width, height, frames)
            figures: dict[str, object] = {**whole(colorizer, path, frames, options)}
            results[name] = {**figures, "parts_cpu_ms": parts(colorizer, path, options)}
    text = json.dumps(results, indent=1) + "\n"
    if args.json:
        args.json.write_text(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
