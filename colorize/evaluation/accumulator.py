"""All measures of colorizations whose truth is known, gathered picture by picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from colorize.color import lab
from colorize.color.types import Array
from colorize.evaluation.artifacts import BlotchAccumulator, HaloAccumulator, spatial_hue_similarity
from colorize.evaluation.common import table
from colorize.evaluation.hue import GATES, HueAccumulator, HueBias
from colorize.evaluation.lpips import LPIPS
from colorize.evaluation.metrics import ErrorHistogram, colorfulness, mean_delta_e, psnr


@dataclass(frozen=True)
class Metrics:
    """Means over photographs; AuC, blotches, halo and hues are over all their pixels.

    Attributes:
        psnr: dB, over RGB.
        auc: Per cent; see `metrics.ErrorHistogram`.
        auc_rebalanced: Per cent.
        delta_e: CIEDE2000.
        colorfulness: Hasler and Süsstrunk; see `metrics.colorfulness`.
        shsm: 0 to 1; see `artifacts.spatial_hue_similarity`.
        blotches: See `artifacts.BlotchAccumulator`; nan where it is undefined.
        halo: See `artifacts.HaloAccumulator`; nan where it is undefined.
        hues: By gate of `hue.GATES`, those that no pixel passed left out.
        lpips: By backbone; empty if not asked for.
    """

    psnr: float
    auc: float
    auc_rebalanced: float
    delta_e: float
    colorfulness: float
    shsm: float
    blotches: float
    halo: float
    hues: dict[str, HueBias] = field(default_factory=dict)
    lpips: dict[str, float] = field(default_factory=dict)


class MetricAccumulator:
    """`Metrics` of one method."""

    def __init__(self, lpips: Mapping[str, LPIPS] | None = None) -> None:
        """Start without pictures; `lpips` by the name of the backbone."""
        self._lpips = lpips or {}
        self._rows: list[tuple[float, ...]] = []
        self._errors = ErrorHistogram()
        self._blotches = BlotchAccumulator()
        self._halo = HaloAccumulator()
        self._hues = {name: HueAccumulator(gate) for name, gate in GATES.items()}

    def add(self, result: Array, truth: Array) -> None:
        """Count a result and the truth, Lab (h, w, 3) each; measured as saved in 8 bits."""
        shown, true = (_round_to_8_bits(lab.lab_to_rgb(picture)) for picture in (result, truth))
        row = (
            psnr(shown, true),
            mean_delta_e(result, truth),
            colorfulness(shown),
            spatial_hue_similarity(result, truth),
        )
        self._rows.append((*row, *(distance(shown, true) for distance in self._lpips.values())))
        self._errors.add(*(np.moveaxis(picture[..., 1:], -1, 0) for picture in (result, truth)))
        self._blotches.add(result, truth)
        self._halo.add(result, truth)
        for hue in self._hues.values():
            hue.add(result, truth)

    def metrics(self) -> Metrics:
        """Return the metrics of all pictures so far."""
        means = [float(np.mean(column)) for column in zip(*self._rows, strict=True)]
        signal, difference, colorful, similarity, *lpips = means
        hues = {name: each.bias() for name, each in self._hues.items()}
        return Metrics(
            psnr=signal,
            auc=self._errors.auc(),
            auc_rebalanced=self._errors.auc(rebalanced=True),
            delta_e=difference,
            colorfulness=colorful,
            shsm=similarity,
            blotches=self._blotches.ratio(),
            halo=self._halo.ratio(),
            hues={name: bias for name, bias in hues.items() if bias is not None},
            lpips=dict(zip(self._lpips, lpips, strict=True)),
        )


def _round_to_8_bits(rgb: Array) -> Array:
    levels: Array = np.rint(255 * rgb) / 255
    return levels


def metrics_table(rows: Mapping[str, Metrics], first: str = "") -> str:
    """Return metrics by the name of the method as a Markdown table.

    Args:
        rows: Metrics by method, all with the same LPIPS backbones.
        first: Head of the column of names.
    """
    backbones = next(iter(rows.values())).lpips
    head = [first, "PSNR dB", "AuC %", "AuC rebalanced %", "ΔE2000", "colorfulness"]
    head += ["SHSM", "blotches", "halo", *(f"LPIPS {backbone}" for backbone in backbones)]
    return table(head, [[name, *_cells(row)] for name, row in rows.items()])


def _cells(row: Metrics) -> list[str]:
    of_two = [row.psnr, row.auc, row.auc_rebalanced, row.delta_e, row.colorfulness]
    of_three = [row.shsm, row.blotches, row.halo, *row.lpips.values()]
    return [f"{value:.2f}" for value in of_two] + [f"{value:.3f}" for value in of_three]


def hue_table(hues: Mapping[str, HueBias]) -> str:
    """Return hue bias by gate as a Markdown table."""
    head = ["true color", "pixels", "mean a, b", "hue", "true a, b", "true hue", "hue error"]
    rows = [
        [
            name,
            f"{bias.pixels:,}",
            "{:.1f}, {:.1f}".format(*bias.ab),
            f"{bias.hue:.0f}°",
            "{:.1f}, {:.1f}".format(*bias.true_ab),
            f"{bias.true_hue:.0f}°",
            f"{bias.hue_error:.1f}°",
        ]
        for name, bias in hues.items()
    ]
    return table(head, rows)
