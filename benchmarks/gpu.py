"""Measure how fast a GPU is: the networks' forward pass, and a folder of photographs end to end.

    python benchmarks/gpu.py [--json FILE]

The networks of the published weights get random ones, which take the same time. The folder's
photographs are those of `imgs/`, enlarged to one megapixel.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from colorize.models import registry
from colorize.models.eccv16 import ECCV16
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.runtime.precision import optimize_for_inference

IMGS = Path(__file__).resolve().parent.parent / "imgs"
PEAK = {"H100": 989e12, "H200": 989e12}  # dense bf16 and fp16, by the vendor's data sheets
NETWORKS = ("compact", "eccv16", "siggraph17")
BATCHES = (1, 8, 32, 64, 128)


def forward(name: str, device: str, batches: Sequence[int]) -> dict[str, Any]:
    """Return the photographs per second of each size of batch, and the share of the card's peak."""
    network = {"compact": lambda: registry.load("compact"), "eccv16": ECCV16}.get(
        name, SIGGRAPH17
    )()
    macs = multiplications(network)
    network = optimize_for_inference(network.eval().requires_grad_(False).to(device))
    rates = {str(batch): rate(network, batch, device) for batch in batches}
    best = max(rates.values())
    card = name_of(device)
    peak = next((peak for part, peak in PEAK.items() if part in card), None)
    share = round(2 * macs * best / peak, 4) if peak else None
    return {"photographs_a_second": rates, "gmac": round(macs / 1e9, 2), "share_of_peak": share}


@torch.inference_mode()
def multiplications(network: torch.nn.Module) -> float:
    """Return the multiplications of the convolutions and linear layers of one forward."""
    total = 0

    def count(layer: Any, inputs: Any, output: torch.Tensor) -> None:
        nonlocal total
        cells = output if isinstance(layer, torch.nn.Conv2d) else inputs[0]
        if isinstance(layer, torch.nn.Linear):
            total += layer.weight.numel()
        else:
            total += layer.weight.numel() * cells.shape[-1] * cells.shape[-2]

    layers = (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)
    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, layers)]
    network.eval()(torch.full((1, 1, 256, 256), 50.0))
    for hook in hooks:
        hook.remove()
    return float(total)


@torch.inference_mode()
def rate(network: torch.nn.Module, batch: int, device: str, repeats: int = 5) -> float:
    """Return photographs per second, the median of `repeats` runs of at least 0.1 s."""
    lightness = torch.rand(batch, 1, 256, 256, device=device) * 100
    for _ in range(5):
        network(lightness)
    rates = []
    for _ in range(repeats):
        wait(device)
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < 0.1:
            network(lightness)
            wait(device)
            calls += 1
        rates.append(calls * batch / (time.perf_counter() - start))
    return round(statistics.median(rates), 1)


def wait(device: str) -> None:
    """Wait until the device has finished."""
    if device != "cpu":
        torch.cuda.synchronize()


def name_of(device: str) -> str:
    """Return the device's name."""
    return device if device == "cpu" else torch.cuda.get_device_name()


def folder(count: int, device: str) -> dict[str, Any]:
    """Return the seconds of `colorize` on a folder of JPEGs of a megapixel: device, and CPU."""
    sources = [p for p in sorted(IMGS.glob("*.jpg")) if p.stem != "before-after"]
    with tempfile.TemporaryDirectory() as name:
        photographs = Path(name, "photographs")
        photographs.mkdir()
        for i in range(count):
            picture = Image.open(sources[i % len(sources)]).convert("L").resize((1224, 816))
            picture.save(photographs / f"{i}.jpg", quality=92)
        seconds = {}
        for where in dict.fromkeys((device, "cpu")):
            start = time.perf_counter()
            command = [sys.executable, "-m", "colorize", "-i", photographs, "-o", Path(name, where)]
            command += ["--backend", "torch", "--quiet", "--device", where]
            subprocess.run([str(part) for part in command], check=True)
            seconds[where] = round(time.perf_counter() - start, 2)
    return {"photographs": count, "pixels": 1224 * 816, "seconds": seconds}


def main() -> int:
    """Measure, print the figures as JSON and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="default: cuda")
    parser.add_argument("--batches", nargs="*", type=int, default=BATCHES)
    parser.add_argument("--photographs", type=int, default=256, help="of the folder (default: 256)")
    parser.add_argument("--networks", nargs="*", choices=NETWORKS, default=NETWORKS)
    args = parser.parse_args()
    if args.device != "cpu" and not torch.cuda.is_available():
        sys.stderr.write("gpu: no CUDA device\n")
        return 1
    figures = {
        "device": name_of(args.device), "torch": torch.__version__, "cores": os.cpu_count(),
        "forward": {name: forward(name, args.device, args.batches) for name in args.networks},
        "folder": folder(args.photographs, args.device) if args.photographs else None,
    }  # fmt: skip
    text = json.dumps(figures, indent=1) + "\n"
    sys.stdout.write(text)
    if args.json:
        args.json.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
