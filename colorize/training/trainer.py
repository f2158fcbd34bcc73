"""The training step: network, moving average, optimizer, and their checkpoint."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from colorize.errors import ColorizeError
from colorize.models import registry
from colorize.models.base import Network
from colorize.models.compact import Compact
from colorize.runtime.precision import cpu_supports_bf16
from colorize.training.checkpoint import averaged_network, read_checkpoint
from colorize.training.config import Settings
from colorize.training.distributed import alone_until, shared, sum_of_all
from colorize.training.losses import SoftTargets, color_loss, taught_cross_entropy
from colorize.training.lsuv import lsuv_init
from colorize.training.recipes import RECIPES
from colorize.training.reweight import reweight
from colorize.training.soft_encoding import rebalancing_weights
from colorize.training.steps import Examples

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
LARGEST_GRADIENT = 5.0  # norm to which gradients are cut


def dtype_of(precision: str, device: torch.device) -> torch.dtype:
    """Return the type of numbers that a run computes with.

    precision: "bf16", "fp16", "fp32", or "auto": bf16 where the device multiplies it. A processor
    that doesn't takes more than ten times as long over it as over fp32.
    """
    if precision != "auto":
        return DTYPES[precision]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and cpu_supports_bf16()
    return torch.bfloat16 if fast else torch.float32


class Trainer:
    """The network, its moving average and the optimizer; one call of `step` is one step."""

    def __init__(
        self,
        settings: Settings,
        prior: torch.Tensor,
        device: str = "cpu",
        keep_statistics: bool = False,
    ):
        """Make the network; `compact` has a pretrained encoder.

        prior: (313,), sums to 1. keep_statistics: batch normalizations use and keep those that
        came with the weights.
        """
        torch.manual_seed(settings.seed)
        self.settings, self.prior, self.device = settings, prior, torch.device(device)
        self.keep_statistics = keep_statistics
        self.recipe = RECIPES[settings.network]
        self.dtype = dtype_of(settings.precision, self.device)
        self.class_weights = rebalancing_weights(prior, settings.uniform_share).to(device)
        self.network: Network = self.recipe.build(settings)
        self.network.to(self.device).to(memory_format=torch.channels_last)
        self.runner: nn.Module = self.network  # what a step calls; see `distribute`
        self.average = AveragedModel(self.network, multi_avg_fn=self._blend, use_buffers=True)
        self.optimizer = self.recipe.optimizer(
            self.recipe.groups(self.network, settings),
            weight_decay=settings.weight_decay,
            betas=(0.9, settings.beta2),
            fused=self.device.type == "cuda" or None,
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "fp16")
        self.teachers: list[nn.Module] = []
        self.steps_done = 0

    def initialize(self, examples: Examples) -> None:
        """Scale the random weights by what examples give, where nothing is pretrained."""
        last = self.recipe.last(self.network)
        if last is not None:
            lsuv_init(self.network, last, *(x.to(self.device) for x in examples.inputs))
            self.average.module.load_state_dict(self.network.state_dict())

    def start_from(self, weights: str) -> None:
        """Take the weights of a file, or a model's own by its name, to train them further.

        Raises ColorizeError if they can't be read or have other widths.
        """
        given = self._load(weights)
        if isinstance(given, Compact) and isinstance(self.network, Compact):
            if type(given.encoder) is not type(self.network.encoder):
                raise ColorizeError(f"{weights}: has another encoder; give it as --encoder")
            if given.widths != self.network.widths:
                raise ColorizeError(
                    f"{weights}: has the widths {given.widths}; give them as --widths"
                )
        for network in (self.network, self.average.module):
            network.load_state_dict(given.state_dict())

    def learn_from(self, weights: str) -> None:
        """Take a network of `compact`'s kind as a teacher: its file, a checkpoint, or by name.

        What several teach is the mean of their logits for the photograph as it is, so that the
        network answers alike where it sees an old one of the same. Raises ColorizeError if it
        can't be read, or doesn't say how it was rebalanced.
        """
        teacher = self._load(weights)
        if not isinstance(teacher, Compact) or teacher.metadata.class_weights is None:
            raise ColorizeError(f"{weights}: no teacher, for its class weights are unknown")
        self.teachers.append(teacher.to(self.device).to(memory_format=torch.channels_last))

    def _load(self, weights: str) -> nn.Module:
        """Return a network of this kind, by its file or by name, with this run's class weights."""
        name = self.settings.network
        given: nn.Module
        if weights.endswith(".pt") and name == "compact":
            given = averaged_network(read_checkpoint(Path(weights))).eval()
        else:
            given = registry.load(name, weights=None if weights == name else weights)
        if isinstance(given, Compact) and given.metadata.class_weights is not None:
            trained = torch.from_numpy(given.metadata.class_weights)
            reweight(given, trained, self.class_weights.cpu())
        return given

    def distribute(self) -> None:
        """Share the steps that follow with the other processes, where there are any."""
        self.runner = shared(self.network, self.device)

    def _blend(
        self, average: Sequence[torch.Tensor], current: Sequence[torch.Tensor], count: Any
    ) -> None:
        """Move the average toward the weights, faster in the beginning."""
        decay = min(self.settings.average, (1 + int(count)) / (10 + int(count)))
        if average[0].is_floating_point():  # all are of one type
            torch._foreach_lerp_(list(average), list(current), 1 - decay)
        else:
            for kept, new in zip(average, current, strict=True):
                kept.copy_(new)

    def step(self, batches: Sequence[Examples]) -> float:
        """Take one step on this process's batches and return the loss over those of all."""
        self._train_mode()
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(self.steps_done) * group["share"]
        self.optimizer.zero_grad(set_to_none=True)
        colored = torch.stack([batch.colored.sum() for batch in batches]).sum()
        colored = sum_of_all(colored.to(self.device)).clamp(min=1)
        loss = torch.zeros((), device=self.device)
        for i, batch in enumerate(batches):
            with alone_until(i == len(batches) - 1, self.runner):
                loss += self._gradients(batch, colored)
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update_parameters(self.network)
        self.steps_done += 1
        return float(sum_of_all(loss)) / self.settings.processes

    def _train_mode(self) -> None:
        """Put the network into the mode for training."""
        for layer in self.network.train().modules():
            if isinstance(layer, nn.BatchNorm2d | nn.SyncBatchNorm):
                layer.train(not self.keep_statistics)

    def _gradients(self, batch: Examples, colored: torch.Tensor) -> torch.Tensor:
        """Add a batch's gradients and return its loss, both so that the processes' mean counts.

        The sum of a process's batches, averaged over the processes, is the mean over all
        photographs of the step that are not gray, of which there are `colored`.
        """
        inputs = [x.to(self.device, non_blocking=True) for x in batch.inputs]
        counted = batch.colored.to(self.device, non_blocking=True)
        answer = self._answer(self.runner, inputs)
        ab = batch.ab.to(self.device, non_blocking=True)
        if self.teachers:
            with torch.no_grad():
                clean = [batch.lightness.to(self.device, non_blocking=True), *inputs[1:]]
                answers = [self._answer(teacher, clean) for teacher in self.teachers]
                teacher = torch.stack(answers).mean(dim=0)
            loss = taught_cross_entropy(
                answer, SoftTargets(ab), self.class_weights, counted, teacher,
                self.settings.taught,
            )  # fmt: skip
        else:
            loss = color_loss(self.network.metadata.output, answer, ab, self.class_weights, counted)
        loss = loss * (counted.sum() * self.settings.processes / colored)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _answer(self, network: nn.Module, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return what a network says of the inputs, float32, computed in the run's precision."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            answer: torch.Tensor = network(*inputs)
        return answer.float()

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            "settings": dataclasses.asdict(self.settings),
            "prior": self.prior,
            "steps_done": self.steps_done,
            "network": self.network.state_dict(),
            "average": self.average.module.state_dict(),
            "updates": int(self.average.n_averaged),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, path)

    def restore(self, path: Path) -> None:
        """Continue from a checkpoint. Raises ColorizeError if there is none, or of another kind."""
        if not path.is_file():
            raise ColorizeError(f"{path}: no checkpoint to resume from; leave out --resume")
        state = torch.load(path, map_location=self.device, weights_only=True)
        network = state["settings"].get("network", "compact")
        if network != self.settings.network:
            raise ColorizeError(f"{path}: a checkpoint of {network}; add --network {network}")
        self.network.load_state_dict(state["network"])
        self.average.module.load_state_dict(state["average"])
        self.average.n_averaged.fill_(state["updates"])
        self.optimizer.load_state_dict(state["optimizer"])
        if state.get("scaler") and self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        self.steps_done = state["steps_done"]
