"""Measure a network: python -m colorize.evaluation.evaluate DATA --model NAME.

Protocol: each photograph is stretched to 256×256 (Pillow, bicubic), its L goes through the
network, and the result is compared with the stretched photograph. "grey" is the result
without any colour (ab = 0), "truth" the photograph itself.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from tqdm import tqdm

from colorize import lab
from colorize.dataset import iterate_files
from colorize.errors import ColorizeError
from colorize.evaluation.metrics import ErrorHistogram, colorfulness, mean_delta_e, psnr
from colorize.pipeline import NETWORK_SIZE, Colorizer

BATCH = 8

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Figures:
    """Means over the photographs; AuC over all their pixels."""

    psnr: float  # dB, RGB
    auc: float  # %
    auc_rebalanced: float  # %
    delta_e: float  # CIEDE2000
    colorfulness: float  # Hasler-Süsstrunk, signed differences


class Tally:
    """Figures of one method, photograph by photograph."""

    def __init__(self) -> None:
        """Start empty."""
        self._rows: list[tuple[float, float, float]] = []
        self._errors = ErrorHistogram()

    def add(self, result: Array, truth: Array) -> None:
        """Count a result and the truth, Lab (h, w, 3) each, as they would be saved in 8 bits."""
        shown, true = (_eight_bit(lab.lab_to_rgb(picture)) for picture in (result, truth))
        row = psnr(shown, true), mean_delta_e(result, truth), colorfulness(shown)
        self._rows.append(row)
        self._errors.add(*(np.moveaxis(picture[..., 1:], -1, 0) for picture in (result, truth)))

    def figures(self) -> Figures:
        """Return the figures of all pictures so far."""
        signal, difference, colourful = (float(np.mean(c)) for c in zip(*self._rows, strict=True))
        auc, rebalanced = self._errors.auc(), self._errors.auc(rebalanced=True)
        return Figures(signal, auc, rebalanced, difference, colourful)


def _eight_bit(rgb: Array) -> Array:
    levels: Array = np.rint(255 * rgb) / 255
    return levels


def photographs(data: Path, limit: int | None = None) -> Iterator[Array]:
    """Yield the photographs of a folder or tar file as Lab (256, 256, 3) float32."""
    for count, (_, content) in enumerate(iterate_files([data])):
        if count == limit:
            return
        try:
            with Image.open(io.BytesIO(content)) as image:
                rgb = image.convert("RGB").resize(
                    (NETWORK_SIZE, NETWORK_SIZE), Image.Resampling.BICUBIC
                )
        except OSError:
            continue
        yield lab.rgb_to_lab(np.asarray(rgb, np.float32) / 255)


def evaluate(
    colorizer: Colorizer, pictures: Iterable[Array], quiet: bool = False
) -> tuple[dict[str, Figures], int]:
    """Return the figures of the network, of "grey" and of "truth", and how many pictures.

    pictures: Lab (256, 256, 3) each. Raises ColorizeError if there are none.
    """
    tallies = {"network": Tally(), "grey": Tally(), "truth": Tally()}
    count = 0
    for batch in _batches(tqdm(pictures, unit=" photographs", disable=quiet or None)):
        lightness = torch.from_numpy(np.stack([picture[..., 0] for picture in batch]))[:, None]
        ab = predict_ab(colorizer, lightness)
        for truth, planes in zip(batch, ab, strict=True):
            result, grey = truth.copy(), truth.copy()
            result[..., 1:], grey[..., 1:] = np.moveaxis(planes, 0, -1), 0
            for name, picture in (("network", result), ("grey", grey), ("truth", truth)):
                tallies[name].add(picture, truth)
        count += len(batch)
    if not count:
        raise ColorizeError("no photographs to measure on")
    return {name: tally.figures() for name, tally in tallies.items()}, count


def predict_ab(colorizer: Colorizer, lightness: torch.Tensor) -> npt.NDArray[np.float32]:
    """Return ab (b, 2, 256, 256) for L (b, 1, 256, 256), seen by the network at its own size."""
    size = colorizer.size
    if size != NETWORK_SIZE:
        lightness = torch.nn.functional.interpolate(
            lightness, (size, size), mode="bicubic", antialias=True
        ).clamp(0, 100)
    ab = torch.from_numpy(colorizer.decode(colorizer.predict(lightness)))
    if size != NETWORK_SIZE:
        ab = torch.nn.functional.interpolate(ab, (NETWORK_SIZE, NETWORK_SIZE), mode="bilinear")
    return ab.numpy()


def _batches(pictures: Iterable[Array]) -> Iterator[list[Array]]:
    batch: list[Array] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def table(figures: dict[str, Figures]) -> str:
    """Return the figures as a Markdown table, with the gain over grey."""
    rows = ["| | PSNR dB | AuC % | AuC rebalanced % | ΔE2000 | colourfulness (Hasler-Süsstrunk) |"]
    rows.append("|---|--:|--:|--:|--:|--:|")
    for name, row in figures.items():
        cells = [row.psnr, row.auc, row.auc_rebalanced, row.delta_e, row.colorfulness]
        rows.append(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")
    network, grey, truth = figures["network"], figures["grey"], figures["truth"]
    gains = [
        f"{network.psnr - grey.psnr:+.2f}",
        f"{network.auc - grey.auc:+.2f}",
        f"{network.auc_rebalanced - grey.auc_rebalanced:+.2f}",
        f"{network.delta_e - grey.delta_e:+.2f}",
        f"{network.colorfulness / truth.colorfulness:.2f} of truth",
    ]
    rows.append("| network - grey | " + " | ".join(gains) + " |")
    return "\n".join(rows)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    result = argparse.ArgumentParser(
        prog="python -m colorize.evaluation.evaluate",
        description="Measure a network on colour photographs (stretched to 256×256).",
    )
    result.add_argument("data", type=Path, help="folder or tar file of colour photographs")
    result.add_argument("--model", default="compact", help="default: compact")
    result.add_argument("--weights", help="weights file of that model")
    result.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    result.add_argument("--size", type=int, default=NETWORK_SIZE, help="network size")
    result.add_argument("--temperature", type=float, help="default: the network's own")
    result.add_argument("--rebalance", type=float, help="default: the network's own")
    result.add_argument("--limit", type=int, help="measure on the first so many files")
    result.add_argument("--json", type=Path, help="also write the figures to this file")
    result.add_argument("--quiet", action="store_true", help="no progress on stderr")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        colorizer = Colorizer.from_pretrained(
            args.model,
            weights=args.weights,
            device=args.device,
            quiet=args.quiet,
            temperature=args.temperature,
            rebalance=args.rebalance,
            size=args.size,
        )
        figures, count = evaluate(colorizer, photographs(args.data, args.limit), args.quiet)
        settings = {
            "model": args.model, "photographs": count, "size": args.size,
            "temperature": colorizer.temperature, "rebalance": colorizer.rebalance,
        }  # fmt: skip
        if args.json:
            content = {**settings, **{name: asdict(row) for name, row in figures.items()}}
            args.json.write_text(json.dumps(content, indent=2) + "\n")
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"evaluate: {error}\n")
        return 1
    sys.stdout.write(", ".join(f"{k} {v}" for k, v in settings.items()) + "\n\n")
    sys.stdout.write(table(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
