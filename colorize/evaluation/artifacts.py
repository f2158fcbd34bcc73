"""Faults of colorizations that averages over all pixels hide: blotches and halos."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from colorize.color.types import Array

Mask = npt.NDArray[np.bool_]

HUE_LEVELS = 256  # of the full circle
NEGLIGIBLE_CHROMA = 5.0  # ab units: below it, hue carries no meaning
NEGLIGIBLE_STEP = 5.0  # hue levels between two pixels: below it, nothing is seen
SHSM_SIGMA = 1.5  # pixels
SHSM_CONSTANT = 0.03

SURFACE_SIGMA = 0.04  # of the shorter side
PLAIN_DEVIATION = 3.0  # ab units

EDGE_SIGMA = 0.005  # of the shorter side: the scale at which edges are sought
EDGE_STRENGTH = 10.0  # ab units over 1 % of the shorter side
HALO_BAND = (0.02, 0.12)  # of the shorter side: distances from an edge


def spatial_hue_similarity(result: Array, truth: Array) -> float:
    """Return SHSM, 0 to 1: whether hue changes where it changes in the truth, and only there.

    The hues themselves do not count, so that a green car is as good as a red one, but a blotchy
    one is not. Defined by Mullery and Whelan, *A spatial hue similarity measure for assessment of
    colourisation*, 2020 (arXiv:2011.01700), for pictures of 256×256: the share of hue edges along
    both diagonals, A of the result and B of the truth, compared as in SSIM by
    (2 A B + k) / (A² + B² + k). Unlike the authors' code, hues are not rounded to 8 bits.

    Args:
        result: Lab (h, w, 3) of the colorization.
        truth: Lab (h, w, 3) of the photograph.
    """
    similarity = np.ones(truth.shape[:2])
    for a, b in zip(_hue_edges(result), _hue_edges(truth), strict=True):
        similarity *= (2 * a * b + SHSM_CONSTANT) / (a**2 + b**2 + SHSM_CONSTANT)
    return float(similarity.mean())


def _hue_edges(picture: Array) -> tuple[Array, Array]:
    """Return the local density of hue edges, 0 to 1, along both diagonals: (h, w) each."""
    a, b = (picture[..., i].astype(np.float64) for i in (1, 2))
    hue = np.pad(np.arctan2(b, a) * (HUE_LEVELS / 2 / np.pi), 1, mode="edge")
    visible = _sigmoid(np.hypot(a, b) - NEGLIGIBLE_CHROMA)
    falling, rising = hue[2:, 2:] - hue[:-2, :-2], hue[:-2, 2:] - hue[2:, :-2]
    return _edge_density(falling, visible), _edge_density(rising, visible)


def _edge_density(difference: Array, visible: Array) -> Array:
    step = np.minimum(np.abs(difference), HUE_LEVELS - np.abs(difference))
    edges = _sigmoid(step * visible - NEGLIGIBLE_STEP)
    density: Array = ndimage.gaussian_filter(edges, SHSM_SIGMA, mode="nearest")
    return density


def _sigmoid(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


class BlotchAccumulator:
    """Blotches: how much the colors of the result vary where those of the truth are plain.

    The mean local deviation of ab in the result, divided by its mean chroma, over the pixels of
    all pictures at which the local deviation of the truth is below 3. The local deviation is the
    standard deviation of ab (a and b, root of the sum of variances) under a Gaussian of 4 % of
    the shorter side. 0 means one color per surface.
    """

    def __init__(self) -> None:
        """Start without pictures."""
        self._deviations = self._chromas = 0.0  # sums over plain pixels

    def add(self, result: Array, truth: Array) -> None:
        """Count the pixels of a result and of the truth, Lab (h, w, 3) each."""
        plain = _local_deviation(truth) < PLAIN_DEVIATION
        self._deviations += float(_local_deviation(result)[plain].sum())
        self._chromas += float(np.hypot(result[plain, 1], result[plain, 2]).sum(dtype=np.float64))

    def ratio(self) -> float:
        """Return the ratio; nan where the truth has no plain surfaces or the result no color."""
        return self._deviations / self._chromas if self._chromas else float("nan")


def _local_deviation(picture: Array) -> Array:
    """Return the standard deviation of ab around each pixel (h, w) of a Lab picture."""
    sigma = SURFACE_SIGMA * min(picture.shape[:2])
    ab = picture[..., 1:].astype(np.float64)
    mean, mean_square = (
        ndimage.gaussian_filter(values, (sigma, sigma, 0), mode="nearest")
        for values in (ab, np.square(ab))
    )
    deviation: Array = np.sqrt((mean_square - np.square(mean)).sum(axis=-1).clip(min=0))
    return deviation


class HaloAccumulator:
    """The halo ratio: how much larger errors are just outside objects than elsewhere.

    The mean ab error (Euclidean) in the halo zone of all pictures (see `halo_zone`), divided by
    the mean error of all their other pixels.
    """

    def __init__(self) -> None:
        """Start without pictures."""
        self._sums = np.zeros((2, 2))  # elsewhere, halo zone; sum of errors, pixels

    def add(self, result: Array, truth: Array) -> None:
        """Count the pixels of a result and of the truth, Lab (h, w, 3) each."""
        error = np.hypot(*(result[..., i].astype(np.float64) - truth[..., i] for i in (1, 2)))
        zone = halo_zone(truth)
        for row, mask in zip(self._sums, (~zone, zone), strict=True):
            row += error[mask].sum(), mask.sum()

    def ratio(self) -> float:
        """Return the ratio; nan where one of the regions is empty or the result is the truth."""
        (elsewhere, pixels), (zone, zone_pixels) = self._sums
        if not pixels * zone_pixels * elsewhere:
            return float("nan")
        return float(zone / zone_pixels / (elsewhere / pixels))


def halo_zone(truth: Array) -> Mask:
    """Return the pixels (h, w) of a Lab picture in which a halo would lie.

    They lie 2 to 12 % of the shorter side away from the nearest strong edge, on its outside,
    which is the less colorful one: their chroma is lower than that on the edge. A strong edge is
    where ab, smoothed by a Gaussian of 0.5 % of the shorter side, changes by at least 10 over 1 %.
    """
    side = min(truth.shape[:2])
    a, b = (
        ndimage.gaussian_filter(truth[..., i].astype(np.float64), EDGE_SIGMA * side, mode="nearest")
        for i in (1, 2)
    )
    change = np.sqrt(sum(np.square(g) for plane in (a, b) for g in np.gradient(plane)))
    edges = change * side / 100 >= EDGE_STRENGTH
    if not edges.any():
        return np.zeros(edges.shape, np.bool_)
    distance, nearest = ndimage.distance_transform_edt(~edges, return_indices=True)
    chroma = np.hypot(a, b)
    outside = chroma < chroma[tuple(nearest)]
    zone: Mask = outside & (distance >= HALO_BAND[0] * side) & (distance <= HALO_BAND[1] * side)
    return zone
