"""Measure samples: python -m colorize.evaluation.samples DATA.

Protocol: photographs stretched to 256×256 as in `evaluate`; so many samples of each are drawn.
How different they are: the mean CIEDE2000 between two of them, to be compared with that to the
truth: equal, were they drawn like the truth. How much they cover: the PSNR of the best sample
against that of the single answer.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from colorize.color import lab
from colorize.decoding import sampling
from colorize.decoding.distribution import require_distribution, vary
from colorize.errors import ColorizeError
from colorize.evaluation import common as command
from colorize.evaluation.metrics import mean_delta_e, psnr
from colorize.pipeline import Colorizer

Array = npt.NDArray[Any]
SPARSE = slice(None, None, 4)  # rows and columns that ΔE is taken of: ab is smooth, ΔE2000 slow


@dataclass(frozen=True)
class Spread:
    """Means over the photographs. PSNR in dB over RGB, ΔE is CIEDE2000."""

    psnr_single: float  # of the answer without sampling
    psnr_sample: float
    psnr_best: float  # of each photograph's best sample
    delta_e_single: float  # to the truth, as the next
    delta_e_sample: float
    delta_e_between: float  # two samples of a photograph

    @property
    def gain(self) -> float:
        """What choosing the best sample gains over the single answer, in dB."""
        return self.psnr_best - self.psnr_single


def measure(
    colorizer: Colorizer, pictures: Iterable[Array], count: int, seed: int = 0, quiet: bool = False
) -> tuple[Spread, int]:
    """Return the figures of `count` samples of each picture, and how many pictures.

    pictures: sRGB uint8, (256, 256, 3) each. Raises ColorizeError if there are none or for a
    count below 2.
    """
    sampling.validate(count, seed)
    if count < 2:
        raise ColorizeError("samples 1: give at least 2 to compare")
    rows = [
        _row(colorizer, picture, count, seed)
        for picture in tqdm(pictures, unit=" photographs", disable=quiet or None)
    ]
    if not rows:
        raise ColorizeError("no photographs to measure on")
    return Spread(*np.mean(rows, axis=0).tolist()), len(rows)


def _row(colorizer: Colorizer, picture: Array, count: int, seed: int) -> tuple[float, ...]:
    """Return the numbers of `Spread` for one picture."""
    true = picture.astype(np.float32) / 255
    truth = lab.rgb_to_lab(true)
    output = colorizer.predict(truth[None, None, ..., 0])
    outputs = [vary(colorizer, output, number, seed) for number in range(1, count + 1)]
    single, *samples = (_joined(truth, colorizer.decode(one)[0]) for one in (output, *outputs))
    signals = [_psnr(sample, true) for sample in samples]
    errors = [_delta_e(sample, truth) for sample in samples]
    between = [_delta_e(*pair) for pair in itertools.combinations(samples, 2)]
    means = float(np.mean(signals)), max(signals), _delta_e(single, truth)
    return _psnr(single, true), *means, float(np.mean(errors)), float(np.mean(between))


def _joined(picture: Array, ab: Array) -> Array:
    """Return Lab (256, 256, 3) of the picture's L and ab, (2, 256, 256)."""
    return np.concatenate((picture[..., :1], np.moveaxis(ab, 0, -1)), axis=-1)


def _psnr(result: Array, true: Array) -> float:
    """Return the PSNR of Lab, as it would be saved in 8 bits, against the true sRGB in [0, 1]."""
    return psnr(np.rint(255 * lab.lab_to_rgb(result)) / 255, true)


def _delta_e(one: Array, other: Array) -> float:
    return mean_delta_e(one[SPARSE, SPARSE], other[SPARSE, SPARSE])


def table(spread: Spread) -> str:
    """Return the figures as a Markdown table."""
    ratio = spread.delta_e_between / spread.delta_e_sample
    return "\n".join(
        [
            "| | PSNR dB | ΔE2000 to the truth |",
            "|---|--:|--:|",
            f"| the single answer | {spread.psnr_single:.2f} | {spread.delta_e_single:.2f} |",
            f"| a sample | {spread.psnr_sample:.2f} | {spread.delta_e_sample:.2f} |",
            f"| the best sample | {spread.psnr_best:.2f} ({spread.gain:+.2f}) | |",
            "",
            f"ΔE2000 between two samples: {spread.delta_e_between:.2f}, "
            f"{ratio:.2f} of that between a sample and the truth",
        ]
    )


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    result = command.measuring_parser("samples", "Measure how different and how good samples are.")
    result.add_argument("--samples", type=int, default=8, help="of each photograph (default: 8)")
    result.add_argument("--seed", type=int, default=0, help="default: 0")
    return result


def answer(args: argparse.Namespace) -> command.Answer:
    """Return what the arguments ask for."""
    colorizer = command.colorizer_of(args)
    require_distribution(colorizer)
    pictures = command.photographs(command.files(args))
    spread, number = measure(colorizer, pictures, args.samples, args.seed, args.quiet)
    settings = command.settings_of(args, colorizer, number) | {
        "samples": args.samples,
        "seed": args.seed,
    }
    return command.Answer(settings, asdict(spread) | {"gain": spread.gain}, table(spread))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    return command.run("samples", answer, args)


if __name__ == "__main__":
    sys.exit(main())
