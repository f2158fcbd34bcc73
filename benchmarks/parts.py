"""Parts measured separately, each in its own process: `python -m benchmarks.parts NAME`.

`color`: L, enlarged ab and back to sRGB for 12 megapixels, ours and scikit-image's float64 pair.
`forward`: the three networks at 256×256, tuned, as float32 and as the releases run them.
`stages`: the processor seconds of each stage for a photograph of one megapixel, one thread each.
Results are JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from skimage.color import lab2rgb, rgb2lab

from benchmarks import reference
from benchmarks.measure import timed
from benchmarks.pictures import make_photograph
from colorize.color.merge import merge_lab_blocks
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.io.writers import write
from colorize.models import registry
from colorize.models.eccv16 import ECCV16
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.pipeline import Colorizer
from colorize.runtime.precision import optimize_for_inference

MEGAPIXELS = 12


def color(runs: int) -> dict[str, object]:
    """Return times of the color arithmetic and how far the results are apart."""
    with tempfile.TemporaryDirectory() as folder:
        pixels = read(make_photograph(Path(folder, "a.jpg"), MEGAPIXELS)).pixels
    ab = np.random.default_rng(0).normal(0, 1, (2, 8, 8)).astype(np.float32) * 8
    ab = np.repeat(np.repeat(ab, 8, axis=1), 8, axis=2)
    full = torch.nn.functional.interpolate(
        torch.from_numpy(ab)[None], size=pixels.shape[:2], mode="bilinear"
    )[0].numpy()
    theirs_lab = np.empty((*pixels.shape[:2], 3))
    theirs_lab[..., 1:] = full.transpose(1, 2, 0)

    def theirs() -> np.ndarray:
        theirs_lab[..., 0] = rgb2lab(pixels)[..., 0]
        return lab2rgb(theirs_lab)

    times: dict[str, object] = dict(
        timed(runs, {"ours": lambda: merge_lab_blocks(pixels, ab), "reference": theirs})
    )
    return times | {"largest_difference_in_gamut": _difference(pixels, ab, theirs())}


def _difference(pixels: np.ndarray, ab: np.ndarray, theirs: np.ndarray) -> int:
    """Return how many gray levels ours is off at most, where scikit-image did not clip."""
    in_gamut = ((theirs > 0) & (theirs < 1)).all(axis=2)
    levels = np.rint(theirs * 255).astype(np.int16)
    return int(np.abs(merge_lab_blocks(pixels, ab) - levels)[in_gamut].max())


def forward(runs: int) -> dict[str, object]:
    """Return times of the networks' forward."""
    torch.manual_seed(0)
    results: dict[str, object] = {}
    for name, make in (("eccv16", ECCV16), ("siggraph17", SIGGRAPH17), ("compact", None)):
        plain = registry.load() if make is None else make().eval().requires_grad_(False)
        fast = _copy(plain, make)
        for batch in (1, 8) if name == "eccv16" else (1,):
            x = 100 * torch.rand(batch, 1, 256, 256)
            actions = {"ours": _call(fast, x), "reference": _call(plain, x)}
            if name == "siggraph17":
                actions["reference"] = _call(plain, x, reference.siggraph17_tail_again)
            results[f"{name} x{batch}"] = timed(runs, actions)
    return results | _onnx(runs)


def _copy(plain: torch.nn.Module, make: Callable[[], torch.nn.Module] | None) -> torch.nn.Module:
    if make is None:
        return optimize_for_inference(registry.load())
    network = make().eval().requires_grad_(False)
    network.load_state_dict(plain.state_dict())
    return optimize_for_inference(network)


def _call(
    network: torch.nn.Module, x: torch.Tensor, more: Callable[..., object] | None = None
) -> Callable[[], object]:
    @torch.inference_mode()
    def call() -> object:
        if more is not None:
            more(network, x)
        return network(x)

    return call


def _onnx(runs: int) -> dict[str, object]:
    """Return times of `compact` in ONNX Runtime, nothing where that is missing."""
    try:
        from colorize.runtime import onnx_runner as onnx_backend
    except ImportError:
        return {}
    network = onnx_backend.load("compact", None, "cpu")
    x = 100 * np.random.default_rng(0).random((1, 1, 256, 256), np.float32)
    return {"compact x1, ONNX Runtime": timed(runs, {"ours": lambda: network(x)})}


def predicted_ab(colorizer: Colorizer, lightness: np.ndarray) -> np.ndarray:
    """Return ab (b, 2, 64, 64) for L (b, 1, 256, 256)."""
    logits = colorizer.predict_logits(lightness)
    return colorizer.decode(colorizer.postprocess_logits(logits, lightness))


def stages(runs: int) -> dict[str, object]:
    """Return the seconds of each stage for one photograph of a megapixel, with one thread.

    That of the network with each backend; joining takes the full-size L too.
    """
    colorizer, by_onnx = (Colorizer.from_pretrained(backend=name) for name in ("torch", "onnx"))
    for one in (colorizer, by_onnx):
        one.set_concurrency(1 << 10)
    with tempfile.TemporaryDirectory() as folder:
        file = make_photograph(Path(folder, "a.jpg"), 1)
        photo = read(file)
        small = colorizer.network_input(photo)
        done: Photo = colorizer(photo)
        ab = predicted_ab(colorizer, small)[0]
        return dict(
            timed(
                runs,
                {
                    "decode": lambda: read(file),
                    "L": lambda: colorizer.network_input(photo),
                    "torch": lambda: predicted_ab(colorizer, small),
                    "onnx": lambda: predicted_ab(by_onnx, small),
                    "join": lambda: colorizer.merge(photo, ab),
                    "encode": lambda: write(done, io.BytesIO(), format="jpeg"),
                },
            )
        )


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("color", "forward", "stages"))
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args(argv)
    result = {"color": color, "forward": forward, "stages": stages}[args.part](args.runs)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
