"""The 313 ab bins of ECCV16: soft encoding of colours, decoding of distributions.

Source: Zhang, Isola, Efros, *Colorful Image Colorization*, ECCV 2016, sections 2.1 and 2.3.
"""

from __future__ import annotations

import functools

import torch

GRID = 10  # distance between neighbouring bin centres, in ab units
NEIGHBOURS = 5  # bins a colour is spread over
SIGMA = 5.0  # of the Gaussian that spreads it, in ab units

# For each a, the first and the last b of the bins inside the sRGB gamut.
_B_RANGE_OF_A = {
    -90: (50, 90), -80: (20, 90), -70: (0, 90), -60: (-20, 90), -50: (-30, 100),
    -40: (-40, 100), -30: (-50, 100), -20: (-50, 100), -10: (-60, 100), 0: (-70, 100),
    10: (-80, 90), 20: (-80, 90), 30: (-90, 90), 40: (-100, 90), 50: (-100, 80),
    60: (-110, 80), 70: (-110, 80), 80: (-110, 70), 90: (-110, 70), 100: (-90, 0),
}  # fmt: skip

Q = sum((last - first) // GRID + 1 for first, last in _B_RANGE_OF_A.values())  # 313


@functools.cache
def bin_centres() -> torch.Tensor:
    """Return the centres of the bins, (313, 2) float32 ab, sorted by a, then by b."""
    pairs = [
        (a, b) for a, (first, last) in _B_RANGE_OF_A.items() for b in range(first, last + 1, GRID)
    ]
    return torch.tensor(pairs, dtype=torch.float32)


def soft_encode(
    ab: torch.Tensor, neighbours: int = NEIGHBOURS, sigma: float = SIGMA
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spread each colour over its nearest bins with Gaussian weights that sum to 1.

    ab: (n, 2) in ab units. Returns the bins (n, k) int64, nearest first, and their
    weights (n, k) float32.
    """
    distance = torch.cdist(ab.float(), bin_centres().to(ab.device))  # (n, 313)
    nearest, bins = distance.topk(neighbours, dim=1, largest=False)
    # Relative to the nearest bin: the same after normalising, and never 0 / 0 far from the gamut.
    squared = nearest.square() - nearest[:, :1].square()
    weights = torch.exp(-squared / (2 * sigma**2))
    return bins, weights / weights.sum(dim=1, keepdim=True)


@functools.cache
def soft_encode_table() -> tuple[torch.Tensor, torch.Tensor]:
    """Return `soft_encode` of every whole (a, b) in -128..127, to look targets up in.

    Bins (65536, 5) int64 and weights (65536, 5) float32; row (a + 128) * 256 + (b + 128).
    """
    axis = torch.arange(-128, 128, dtype=torch.float32)
    return soft_encode(torch.cartesian_prod(axis, axis))


def rebalancing_weights(prior: torch.Tensor, uniform_share: float = 0.5) -> torch.Tensor:
    """Return the class weights w of ECCV16, eq. 4: w ∝ 1 / ((1-λ)·p + λ/Q), Σ p·w = 1.

    prior: (Q,) the bins' shares of all pixels, sum 1. `uniform_share` is the paper's λ.
    """
    weights = 1 / ((1 - uniform_share) * prior + uniform_share / prior.numel())
    return weights / (prior * weights).sum()


def decode(
    logits: torch.Tensor,
    temperature: float = 1.0,
    centres: torch.Tensor | None = None,
    log_offset: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the annealed mean of the distribution, (b, 2, h, w) ab (ECCV16, eq. 5).

    logits: (b, Q, h, w). The softmax of logits / temperature is averaged over the bin
    `centres` ((Q, 2), the 313 by default): temperature 1 is the mean, towards 0 the mode.
    `log_offset` (Q,) is subtracted from the logits first (see `rebalance_offset`).

    Raises ValueError for a temperature that is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    if centres is None:
        centres = bin_centres()
    logits = logits.float()
    if log_offset is not None:
        logits = logits - log_offset.to(logits).view(1, -1, 1, 1)
    probabilities = torch.softmax(logits / temperature, dim=1)
    return torch.einsum("bqhw,qc->bchw", probabilities, centres.to(probabilities))


def rebalance_offset(weights: torch.Tensor, rebalance: float) -> torch.Tensor:
    """Return what to subtract from the logits so that only a share of the rebalancing stays.

    Training with class weights w makes the network predict p·w (up to a factor); dividing by
    w^(1 - rebalance) leaves p·w^rebalance. 1: as trained, 0: the colours' natural frequencies.
    """
    return (1 - rebalance) * weights.log()
