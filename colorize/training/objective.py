"""What a training run minimizes: the distance to the true colors and, with teachers, to theirs."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from colorize.models.base import Network
from colorize.training.autocontrast import as_seen_by
from colorize.training.config import TrainConfig
from colorize.training.data.batches import TrainBatch
from colorize.training.decoded_distance import DecodedDistance
from colorize.training.initial_weights import load_teacher
from colorize.training.losses import SoftTargets, color_loss, distillation_loss


class Objective:
    """The loss of a network's predictions for a batch."""

    def __init__(
        self,
        config: TrainConfig,
        output: Literal["logits", "ab"],
        class_weights: torch.Tensor,
        prior: torch.Tensor,
        dtype: torch.dtype,
    ):
        """Start without teachers.

        Args:
            config: The run's settings.
            output: What the network predicts.
            class_weights: (313,), on the device that the run computes on.
            prior: The bins' shares of the training photographs, (313,).
            dtype: What the run computes in.
        """
        self.output: Literal["logits", "ab"] = output
        self.class_weights = class_weights
        self.dtype = dtype
        self.distill_weight = config.distill_weight
        self.teachers: list[Network] = []
        self.distance: DecodedDistance | None = None
        plain, vivid = config.distance_weight, config.vivid_distance_weight
        if plain > 0 or vivid > 0:
            self.distance = DecodedDistance(plain, vivid, prior, class_weights)

    def add_teacher(self, weights: str) -> None:
        """Add a teacher, see `initial_weights.load_teacher`.

        The target is the mean of the teachers' logits for the photograph without augmentation, so
        that the network learns to give an old photograph the same colors as a clean one.

        Raises:
            ColorizeError: It can't be read, or its class weights are unknown.
        """
        teacher = load_teacher(weights, self.class_weights).to(self.class_weights.device)
        self.teachers.append(teacher.to(memory_format=torch.channels_last))

    def __call__(self, network: nn.Module, batch: TrainBatch) -> torch.Tensor:
        """Return the mean loss over the color photographs of a batch, a scalar with gradients."""
        prediction = self._predict(network, *batch.inputs)
        loss = self._loss(prediction, batch)
        if self.distance is not None:
            loss = loss + self.distance(prediction, batch.ab, batch.is_color)
        return loss

    def _loss(self, prediction: torch.Tensor, batch: TrainBatch) -> torch.Tensor:
        """Return the loss of a prediction against the true colors and the teachers'."""
        if not self.teachers:
            return color_loss(
                self.output, prediction, batch.ab, self.class_weights, batch.is_color
            )  # fmt: skip
        with torch.no_grad():
            logits = [
                self._predict(teacher, as_seen_by(teacher, batch.clean_lightness))
                for teacher in self.teachers
            ]
        return distillation_loss(
            prediction, SoftTargets(batch.ab), self.class_weights, batch.is_color,
            sum(logits[1:], logits[0]) / len(logits), self.distill_weight,
        )  # fmt: skip

    def _predict(self, network: nn.Module, *inputs: torch.Tensor) -> torch.Tensor:
        """Return a network's prediction, float32, computed in the run's precision."""
        device = self.class_weights.device.type
        with torch.autocast(device, self.dtype, enabled=self.dtype != torch.float32):
            prediction: torch.Tensor = network(*inputs)
        return prediction.float()
