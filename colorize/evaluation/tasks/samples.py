"""`samples`: how varied random samples are, and how good.

Protocol: photographs are stretched to the network's size, and several samples of each are drawn.
Variety is the mean CIEDE2000 between two samples; it would equal that between a sample and the
truth if samples were drawn like the truth. Coverage is the PSNR of the best sample against that
of the result without sampling.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from colorize.color import lab
from colorize.color.types import Array, Pixels
from colorize.command_parser import whole_number
from colorize.errors import ColorizeError
from colorize.evaluation.common import (
    Report,
    Subject,
    decode,
    measurement,
    predict,
    require_photographs,
    table,
)
from colorize.evaluation.metrics import mean_delta_e, psnr
from colorize.pipeline import Colorizer

SPARSE = slice(None, None, 4)  # rows and columns used for ΔE2000: it is slow, and ab is smooth


@dataclass(frozen=True)
class SampleMetrics:
    """Means over the photographs: PSNR in dB over RGB, and CIEDE2000.

    Attributes:
        psnr_single: Of the result without sampling.
        psnr_sample: Of a sample.
        psnr_best: Of the best sample of each photograph.
        delta_e_single: From the truth to the result without sampling.
        delta_e_sample: From the truth to a sample.
        delta_e_between: Between two samples of a photograph.
    """

    psnr_single: float
    psnr_sample: float
    psnr_best: float
    delta_e_single: float
    delta_e_sample: float
    delta_e_between: float

    @property
    def gain(self) -> float:
        """What choosing the best sample gains over the result without sampling, in dB."""
        return self.psnr_best - self.psnr_single


def measure_samples(
    colorizer: Colorizer, photographs: Iterable[Pixels], count: int, seed: int = 0
) -> tuple[SampleMetrics, int]:
    """Return the metrics of samples, and the number of photographs.

    Args:
        colorizer: What is measured.
        photographs: sRGB (size, size, 3), size being the network's.
        count: How many samples are drawn of each photograph, at least 2.
        seed: Of the samples.

    Raises:
        ColorizeError: There are no photographs, or `count` is below 2.
    """
    colorizer.options.replace(sample=count, seed=seed)  # checks the ranges
    if count < 2:
        raise ColorizeError("--samples: at least 2 are needed to compare them")
    rows = [_metrics_of_photograph(colorizer, rgb, count, seed) for rgb in photographs]
    require_photographs(len(rows))
    return SampleMetrics(*np.mean(rows, axis=0).tolist()), len(rows)


def _metrics_of_photograph(
    colorizer: Colorizer, rgb: Pixels, count: int, seed: int
) -> tuple[float, ...]:
    """Return the values of `SampleMetrics` for one photograph."""
    true = rgb.astype(np.float32) / 255
    truth = lab.rgb_to_lab(true)
    logits = predict(colorizer, truth[None, None, ..., 0])
    decoder = colorizer.require_distribution()
    drawn = (decoder.sample(logits, number, seed) for number in range(1, count + 1))
    single, *samples = (
        np.concatenate((truth[..., :1], np.moveaxis(decode(colorizer, each)[0], 0, -1)), axis=-1)
        for each in (logits, *drawn)
    )
    signals = [_psnr(sample, true) for sample in samples]
    return (
        _psnr(single, true),
        float(np.mean(signals)),
        max(signals),
        _delta_e(single, truth),
        float(np.mean([_delta_e(sample, truth) for sample in samples])),
        float(np.mean([_delta_e(*pair) for pair in itertools.combinations(samples, 2)])),
    )


def _psnr(result: Array, true: Array) -> float:
    """Return the PSNR of Lab, as saved in 8 bits, against the true sRGB in [0, 1]."""
    return psnr(np.rint(255 * lab.lab_to_rgb(result)) / 255, true)


def _delta_e(first: Array, second: Array) -> float:
    return mean_delta_e(first[SPARSE, SPARSE], second[SPARSE, SPARSE])


def as_text(metrics: SampleMetrics) -> str:
    """Return a table of the metrics and how varied samples are."""
    m = metrics
    rows = [
        ["without sampling", f"{m.psnr_single:.2f}", f"{m.delta_e_single:.2f}"],
        ["a sample", f"{m.psnr_sample:.2f}", f"{m.delta_e_sample:.2f}"],
        ["the best sample", f"{m.psnr_best:.2f} ({m.gain:+.2f})", ""],
    ]
    ratio = m.delta_e_between / m.delta_e_sample
    return table(["", "PSNR dB", "ΔE2000 from the truth"], rows) + (
        f"\n\nΔE2000 between two samples: {m.delta_e_between:.2f}, "
        f"{ratio:.2f} of that between a sample and the truth"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `samples`."""
    parser.add_argument(
        "--samples", type=whole_number(2), default=8, help="of each photograph (default: 8)"
    )
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, help="of the samples (default: 0)"
    )


def measure(subject: Subject) -> Report:
    """Return the report of `samples`. Raises ColorizeError without a distribution."""
    subject.colorizer.require_distribution()
    drawn = {"samples": subject.args.samples, "seed": subject.args.seed}
    metrics, count = measure_samples(subject.colorizer, subject.photographs(), *drawn.values())
    values = asdict(metrics) | {"gain": metrics.gain}
    return subject.report(count, values, as_text(metrics), **drawn)


TASK = measurement(
    "samples", "Measure how varied and how good random samples are.", measure, add_arguments
)
