"""The distance of decoded colors to the true ones, as a part of the loss of logits."""

from __future__ import annotations

import torch

from colorize.color.quantization import bin_centers
from colorize.decoding.annealed_mean import MIN_CHROMA
from colorize.decoding.rare_colors import MIN_PRIOR, smooth_prior
from colorize.models.metadata import StyleSettings
from colorize.training.losses import SoftTargets, mean_over_color_photos
from colorize.training.soft_encoding import rebalancing_weights

VIVID = StyleSettings(0.75, 0.0, 0.04, coherence=0.0, certain_color_boost=0.25)
SOFTENING = 2.0  # ab units: smaller distances count squared, so that the gradient has no jump
RARE_SHARE = 0.5  # λ of the class weights of the vivid distance (ECCV16, eq. 4)
CELL_STEP = 2  # of the cells, every second of every second row counts: neighbors hardly differ


class DecodedDistance:
    """Mean distances in ab between decoded and true colors.

    Cross-entropy counts how likely the true bin was; pictures show means of the distributions, and
    the evaluation measures how far those are off.
    """

    def __init__(
        self, plain: float, vivid: float, prior: torch.Tensor, class_weights: torch.Tensor
    ):
        """Prepare the decoding.

        Args:
            plain: Weight of the distance of the distributions' means, per ab unit.
            vivid: Weight of the distance of colors decoded by `VIVID`, about the style of that
                name; rare true colors count more (`rebalancing_weights`).
            prior: The bins' shares of the training photographs, (313,).
            class_weights: Those that the logits are trained with, (313,), on the run's device.
        """
        self.plain, self.vivid = plain, vivid
        device = class_weights.device
        centers = torch.from_numpy(bin_centers()).float().to(device)
        chroma = centers.norm(dim=1, keepdim=True)
        self.sums_of = torch.cat((centers, chroma), dim=1)  # (313, 3)
        self.log_weights = class_weights.log()
        smooth = torch.from_numpy(smooth_prior(prior.cpu().numpy(), bin_centers())).to(device)
        self.gain = VIVID.rare_color_boost / smooth.clamp(min=MIN_PRIOR)
        self.color_weights = rebalancing_weights(prior.to(device), RARE_SHARE)

    def __call__(
        self, logits: torch.Tensor, ab: torch.Tensor, is_color: torch.Tensor
    ) -> torch.Tensor:
        """Return the weighted sum of both distances, a scalar.

        Args:
            logits: (b, 313, h, w) float32.
            ab: The true colors, (b, 2, h, w), whole values in ab units.
            is_color: (b,), 0 for gray photographs, which don't count.
        """
        logits, ab = (x[:, :, ::CELL_STEP, ::CELL_STEP] for x in (logits, ab))
        natural = logits.movedim(1, -1) - self.log_weights
        truth = ab.movedim(1, -1).float()
        likely = natural.softmax(dim=-1)
        distance = self.plain * _distance(likely @ self.sums_of[:, :2], truth)
        if self.vivid > 0:
            weights = self.vivid * self.color_weights[SoftTargets(ab).bins[..., 0]]
            distance = distance + weights * _distance(self._vivid(natural, likely.detach()), truth)
        return mean_over_color_photos(distance, is_color)

    def _vivid(self, natural: torch.Tensor, likely: torch.Tensor) -> torch.Tensor:
        """Return ab, (b, h, w, 2): `annealed_mean` of `boost_rare_colors`, with gradient."""
        boost = (1 + self.gain * likely.sqrt()).log()
        means = ((natural + boost) / VIVID.temperature).softmax(dim=-1) @ self.sums_of
        ab, chroma = means[..., :2], means[..., 2:].clamp(min=MIN_CHROMA)
        certainty = ab.square().sum(dim=-1, keepdim=True) / chroma.square()
        return ab * (1 + VIVID.certain_color_boost * certainty)


def _distance(ab: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the distances between ab, (b, h, w, 2), as (b, h, w), smooth near 0."""
    return ((ab - truth).square().sum(dim=-1) + SOFTENING**2).sqrt()
