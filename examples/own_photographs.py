"""Fine-tune the bundled weights on similar photographs, and measure the gain.

    python examples/own_photographs.py PHOTOGRAPHS... --out RUN

PHOTOGRAPHS are folders and tar files; `--only PREFIX` takes only files whose names start with it.
One photograph in fifty, by a checksum of its name, is for measuring; 300 of the others are trained
on, once with a frozen encoder and once with most of the encoder trained too. Prints a table and
leaves the weights files `RUN/decoder.safetensors` and `RUN/encoder.safetensors`.
"""

import argparse
import random
import sys
from dataclasses import asdict
from pathlib import Path

from colorize import Colorizer
from colorize.evaluation.accumulator import Metrics
from colorize.evaluation.common import read_stretched
from colorize.evaluation.tasks.colors import evaluate
from colorize.io.datasets import iter_files
from colorize.options import INPUT_SIZE
from colorize.training import cli as training
from colorize.training import weights_file
from colorize.training.data.dataset import is_held_out

COMMON = (
    "--init compact --freeze-bn-stats --batch-size 8 --learning-rate 0.0002 --warmup-steps 30 "
    "--ema-decay 0.99 --validate-every 100 --overwrite"
)
RUNS = {"decoder": "", "encoder": "--encoder-lr-mult 0.15 --unfreeze-from 5"}
HEADS = ("weights", "PSNR dB", "AuC %", "AuC rebalanced %", "ΔE2000")


def choose(args: argparse.Namespace) -> tuple[Path, Path]:
    """Copy the photographs to train on and those to measure on into two folders; return both."""
    found = sorted(
        (name, content)
        for name, content in iter_files(args.photographs)
        if Path(name).name.startswith(args.only)
    )
    test = [item for item in found if is_held_out(item[0])]
    rest = [item for item in found if not is_held_out(item[0])]
    random.Random(0).shuffle(rest)
    folders = args.out / "train", args.out / "test"
    for folder, items in zip(folders, (rest[: args.count], test), strict=True):
        for name, content in items:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return folders


def fine_tune(folders: tuple[Path, Path], out: Path, samples: int, options: str) -> Path:
    """Return a fine-tuned weights file. Training holds out the photographs to measure on."""
    run = [*map(str, folders), "--out", str(out), "--num-samples", str(samples)]
    if training.main([*run, *COMMON.split(), *options.split()]):
        raise SystemExit(1)
    target = out.with_suffix(".safetensors")
    if weights_file.main([str(out / "checkpoint.pt"), "-o", str(target)]):
        raise SystemExit(1)
    return target


def measure(weights: Path | None, bundled: Colorizer, test: Path) -> dict[str, Metrics]:
    """Return the metrics of a weights file, decoded like the bundled one, and of no color."""
    colorizer = Colorizer.from_pretrained(
        weights=weights and str(weights),
        **asdict(bundled.require_distribution().style),
    )
    return evaluate(colorizer, read_stretched(iter_files([test]), INPUT_SIZE))[0]


def line(name: str, figures: Metrics) -> str:
    """Return a row of the table."""
    cells = (figures.psnr, figures.auc, figures.auc_rebalanced, figures.delta_e)
    return f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |"


def main() -> None:
    """Train twice and print the table."""
    parser = argparse.ArgumentParser(description="Measure the gain of fine-tuning.")
    parser.add_argument("photographs", type=Path, nargs="+", help="folders and tar files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--only", default="", metavar="PREFIX", help="only files whose names start with it"
    )
    parser.add_argument(
        "--count", type=int, default=300, help="photographs to train on (default: 300)"
    )
    parser.add_argument("--samples", type=int, default=2400, help="training crops (default: 2400)")
    parser.add_argument("--style", default="faithful", help="decoding (default: faithful)")
    args = parser.parse_args()
    folders = choose(args)
    bundled = Colorizer.from_pretrained(style=args.style)
    before = measure(None, bundled, folders[1])
    results = {"no color": before["gray"], "bundled": before["network"]}
    for name, options in RUNS.items():
        weights = fine_tune(folders, args.out / name, args.samples, options)
        results[f"{name} fine-tuned"] = measure(weights, bundled, folders[1])["network"]
    head = "| " + " | ".join(HEADS) + " |\n|---" + "|--:" * (len(HEADS) - 1) + "|"
    sys.stdout.write("\n".join([head, *(line(*item) for item in results.items())]) + "\n")


if __name__ == "__main__":
    main()
