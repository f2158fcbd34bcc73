"""Train the bundled weights further on photographs of one kind, and measure what it gains.

    python examples/own_photographs.py PHOTOGRAPHS... --out RUN

PHOTOGRAPHS are folders and tar files; `--only PREFIX` takes those whose names begin so. One in
fifty, by a checksum of its name, is measured on and not trained on; 300 of the others are trained
on, once with the encoder as it is and once with most of it trained as well. Prints a table and
leaves the weights files `RUN/decoder.safetensors` and `RUN/encoder.safetensors`.
"""

import argparse
import random
import sys
import zlib
from dataclasses import asdict
from pathlib import Path

from colorize import Colorizer
from colorize.evaluation.accumulator import Metrics
from colorize.evaluation.common import read_stretched
from colorize.evaluation.tasks.colors import evaluate
from colorize.io.datasets import iter_files
from colorize.options import INPUT_SIZE
from colorize.training import data, train
from colorize.training import make_weights as bundle

COMMON = (
    "--init compact --keep-statistics --batch 8 --learning-rate 0.0002 --warm-up 30 "
    "--average 0.99 --validate-every 100"
)
RUNS = {"decoder": "", "encoder": "--encoder-rate 0.15 --encoder-from 5"}
HEADS = ("weights", "PSNR dB", "AuC %", "AuC rebalanced %", "ΔE2000")


def held_out(name: str) -> bool:
    """Return whether the training, too, keeps this photograph for validation."""
    return zlib.crc32(name.encode()) % data.HELD_OUT == 0


def choose(args: argparse.Namespace) -> tuple[Path, Path]:
    """Copy what is trained on and what is measured on into two folders; return them."""
    found = sorted(
        (name, content)
        for name, content in iter_files(args.photographs)
        if Path(name).name.startswith(args.only)
    )
    test = [item for item in found if held_out(item[0])]
    rest = [item for item in found if not held_out(item[0])]
    random.Random(0).shuffle(rest)
    folders = args.out / "train", args.out / "test"
    for folder, items in zip(folders, (rest[: args.count], test), strict=True):
        for name, content in items:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return folders


def further(folders: tuple[Path, Path], out: Path, samples: int, options: str) -> Path:
    """Train as the options say and return the weights file. The training holds out the test."""
    run = [*map(str, folders), "--out", str(out), "--samples", str(samples)]
    if train.main([*run, *COMMON.split(), *options.split()]):
        raise SystemExit(1)
    target = out.with_suffix(".safetensors")
    bundle.main([str(out / "checkpoint.pt"), "-o", str(target)])
    return target


def measured(weights: Path | None, bundled: Colorizer, test: Path) -> dict[str, Metrics]:
    """Return the figures of a weights file, decoded as the bundled one is, and of no color."""
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
    parser = argparse.ArgumentParser(description="Measure what training further gains.")
    parser.add_argument("photographs", type=Path, nargs="+", help="folders and tar files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="", metavar="PREFIX", help="of the names")
    parser.add_argument("--count", type=int, default=300, help="trained on (default: 300)")
    parser.add_argument("--samples", type=int, default=2400, help="seen in all (default: 2400)")
    parser.add_argument("--style", default="faithful", help="of decoding (default: faithful)")
    args = parser.parse_args()
    folders = choose(args)
    bundled = Colorizer.from_pretrained(style=args.style)
    before = measured(None, bundled, folders[1])
    results = {"no color": before["gray"], "bundled": before["network"]}
    for name, options in RUNS.items():
        weights = further(folders, args.out / name, args.samples, options)
        results[f"{name} trained further"] = measured(weights, bundled, folders[1])["network"]
    head = "| " + " | ".join(HEADS) + " |\n|---" + "|--:" * (len(HEADS) - 1) + "|"
    sys.stdout.write("\n".join([head, *(line(*item) for item in results.items())]) + "\n")


if __name__ == "__main__":
    main()
