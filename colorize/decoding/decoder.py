"""From the logits of one network to colors, with the settings of one style."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from colorize.color.types import Floats
from colorize.decoding import sampling
from colorize.decoding.annealed_mean import annealed_mean, probabilities, rebalance_offset
from colorize.decoding.bilateral import BilateralSmoother, smooth_logits, strips
from colorize.decoding.rare_colors import boost_rare_colors, smooth_prior
from colorize.decoding.reference import prior_shift
from colorize.models.metadata import ModelMetadata, StyleSettings


@lru_cache(maxsize=4)
def _smooth_prior(metadata: ModelMetadata) -> Floats | None:
    """Return a network's prior as `boost_rare_colors` needs it, computed once (3 ms)."""
    if metadata.prior is None:
        return None
    assert metadata.bin_centers is not None  # as for every network of logits
    return smooth_prior(metadata.prior, metadata.bin_centers)


class LogitsDecoder:
    """The functions of `decoding`, bound to a network's metadata and a style.

    Logits are (b, 313, h, w) throughout.
    """

    def __init__(self, metadata: ModelMetadata, style: StyleSettings):
        """Bind the metadata of a network that predicts logits, and one of its styles."""
        self.metadata = metadata
        self.style = style
        self._prior = _smooth_prior(metadata)

    def smooth(self, logits: Floats, lightness: Floats) -> Floats:
        """Return logits made coherent along L (b, 1, H, W), see `bilateral`."""
        if not self.style.coherence:
            return logits
        colors = np.stack([self._expected_colors(picture) for picture in logits])
        return smooth_logits(logits, lightness, colors, self.style.coherence)

    def shift_to(self, logits: Floats, histogram: Floats) -> Floats:
        """Return logits shifted toward a histogram of colors (313,), see `reference`."""
        natural = self.probabilities(logits)
        shifts = np.stack([prior_shift(picture, histogram) for picture in natural])
        shifted: Floats = logits + shifts[:, :, None, None]
        return shifted

    def sample(self, logits: Floats, number: int, seed: int) -> Floats:
        """Return logits that decode to a sample of the distributions, see `sampling`."""
        assert self.metadata.bin_centers is not None  # as for every network of logits
        temperature = self.style.temperature
        decoded = probabilities(self._boosted(logits), temperature, self._offset())
        centers = self.metadata.bin_centers
        return sampling.sample_logits(logits, decoded, centers, number, seed, temperature)

    def decode(self, logits: Floats, lightness: Floats | None = None) -> Floats:
        """Return ab (b, 2, h, w): the annealed mean, boosted as the style says.

        Args:
            logits: (b, 313, h, w).
            lightness: L (b, 1, H, W) to smooth the logits along first, as `smooth` does, but strip
                by strip, which is faster; None for logits that are smooth.
        """
        centers, offset = self.metadata.bin_centers, self._offset()
        count, _, height, width = logits.shape
        ab = np.empty((count, 2, height, width), np.float32)
        for number, picture in enumerate(logits):
            smoother = None
            if lightness is not None and self.style.coherence:
                colors = self._expected_colors(picture)
                smoother = BilateralSmoother(
                    picture, lightness[number, 0], colors, self.style.coherence
                )
            for rows in strips(height, width):
                strip = picture[:, rows] if smoother is None else smoother.rows(rows)
                boosted = self._boosted(strip[None])
                means = annealed_mean(
                    boosted,
                    self.style.temperature,
                    centers,
                    offset,
                    self.style.certain_color_boost,
                )
                ab[number, :, rows] = means[0]
        return ab

    def probabilities(self, logits: Floats) -> Floats:
        """Return the distributions, at natural color frequencies if the weights record them."""
        return probabilities(logits, 1.0, self._offset(rebalance=0.0))

    def _expected_colors(self, logits: Floats) -> Floats:
        """Return the means (2, h, w) of the distributions at natural frequencies."""
        _, height, width = logits.shape
        ab = np.empty((2, height, width), np.float32)
        centers, offset = self.metadata.bin_centers, self._offset(rebalance=0.0)
        for rows in strips(height, width):
            ab[:, rows] = annealed_mean(logits[None, :, rows], 1.0, centers, offset)[0]
        return ab

    def _boosted(self, logits: Floats) -> Floats:
        if not self.style.rare_color_boost or self._prior is None:
            return logits
        natural = self._offset(rebalance=0.0)
        return boost_rare_colors(logits, self.style.rare_color_boost, self._prior, natural)

    def _offset(self, rebalance: float | None = None) -> Floats | None:
        """Return the log-offset for a share of the rebalancing, by default the style's."""
        if self.metadata.class_weights is None:
            return None
        share = self.style.rebalance if rebalance is None else rebalance
        return rebalance_offset(self.metadata.class_weights, share)
