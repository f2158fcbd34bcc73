"""The training step: network, moving average, optimizer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from colorize.errors import ColorizeError
from colorize.models.base import Network
from colorize.runtime.precision import cpu_supports_bf16
from colorize.training.checkpoint import (
    Checkpoint,
    config_of,
    read_checkpoint,
    write_checkpoint,
)
from colorize.training.config import TrainConfig
from colorize.training.data.batches import TrainBatch
from colorize.training.distributed import all_reduce_sum, maybe_no_sync, wrap_ddp
from colorize.training.ema import make_ema
from colorize.training.initial_weights import check_same_layers, load_trained
from colorize.training.lsuv import lsuv_init
from colorize.training.objective import Objective
from colorize.training.recipes import RECIPES, last_layer, param_groups
from colorize.training.soft_encoding import rebalancing_weights

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
MAX_GRAD_NORM = 5.0


def resolve_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the data type that a run computes in.

    Args:
        precision: "bf16", "fp16", "fp32", or "auto": bf16 where the device supports it. A CPU
            without that support takes more than ten times as long in bf16 as in fp32.
        device: Where the run computes.
    """
    if precision != "auto":
        return DTYPES[precision]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and cpu_supports_bf16()
    return torch.bfloat16 if fast else torch.float32


def depthwise_in_float32(network: nn.Module) -> None:
    """Let a network compute its depthwise convolutions in float32 under autocast.

    On a CPU their gradient in bfloat16 takes three to ten times as long.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.groups > 1:
            layer.forward = _without_autocast(layer.forward)  # type: ignore[method-assign, assignment]


def _without_autocast(
    forward: Callable[[torch.Tensor], torch.Tensor],
) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward_in_float32(x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return forward(x.float())

    return forward_in_float32


class Trainer:
    """A network, the moving average of its weights, and its optimizer."""

    def __init__(
        self,
        config: TrainConfig,
        prior: torch.Tensor,
        device: str = "cpu",
        freeze_bn_stats: bool = False,
    ):
        """Build the network; `compact` has a pretrained encoder.

        Args:
            config: The run's settings.
            prior: The bins' shares of the training photographs, (313,).
            device: Where the run computes.
            freeze_bn_stats: Whether batch normalization uses and keeps the statistics that came
                with the weights.
        """
        torch.manual_seed(config.seed)
        self.config, self.prior, self.device = config, prior, torch.device(device)
        self.freeze_bn_stats = freeze_bn_stats
        self.recipe = RECIPES[config.network]
        self.dtype = resolve_dtype(config.precision, self.device)
        self.class_weights = rebalancing_weights(prior, config.rebalance_lambda).to(device)
        self.network: Network = self.recipe.build(config)
        self.network.to(self.device).to(memory_format=torch.channels_last)
        self.ddp_network: nn.Module = self.network  # see `distribute`
        self.average = make_ema(self.network, config.ema_decay)
        if self.device.type == "cpu" and self.dtype == torch.bfloat16:
            depthwise_in_float32(self.network)
        self.optimizer = self.recipe.optimizer(
            [vars(group) for group in param_groups(self.network, config)],
            weight_decay=config.weight_decay,
            betas=(0.9, config.beta2),
            fused=self.device.type in ("cpu", "cuda") or None,
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "fp16")
        self.objective = Objective(
            config, self.network.metadata.output, self.class_weights, prior, self.dtype
        )
        self.steps_done = 0

    @property
    def averaged_network(self) -> Network:
        """The network with the moving average of the weights."""
        network = self.average.module
        assert isinstance(network, Network)
        return network

    def initialize(self, batch: TrainBatch) -> None:
        """Scale the random weights by the outputs for a batch, unless they are pretrained."""
        last = last_layer(self.network)
        if last is not None:
            lsuv_init(self.network, last, *batch.to(self.device).inputs)
            self.average.module.load_state_dict(self.network.state_dict())

    def load_initial_weights(self, weights: str) -> None:
        """Start from trained weights, see `initial_weights.load_trained`.

        Raises:
            ColorizeError: They can't be read or don't fit the config.
        """
        trained = load_trained(weights, self.config.network, self.class_weights)
        check_same_layers(weights, trained, self.network)
        for network in (self.network, self.average.module):
            network.load_state_dict(trained.state_dict())

    def distribute(self) -> None:
        """Share the following steps with the other processes, if there are any."""
        self.ddp_network = wrap_ddp(self.network, self.device)

    def step(self, batches: Sequence[TrainBatch]) -> float:
        """Take one step on this process's batches; return the loss over those of all processes."""
        for layer in self.network.train().modules():
            if isinstance(layer, nn.BatchNorm2d | nn.SyncBatchNorm):
                layer.train(not self.freeze_bn_stats)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate_at(self.steps_done) * group["lr_mult"]
        self.optimizer.zero_grad(set_to_none=True)
        num_color = torch.stack([batch.is_color.sum() for batch in batches]).sum()
        num_color = all_reduce_sum(num_color.to(self.device)).clamp(min=1)
        loss = torch.zeros((), device=self.device)
        for i, batch in enumerate(batches):
            with maybe_no_sync(i == len(batches) - 1, self.ddp_network):
                loss += self._backward(batch.to(self.device), num_color)
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRAD_NORM)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update_parameters(self.network)
        self.steps_done += 1
        return float(all_reduce_sum(loss)) / self.config.world_size

    def _backward(self, batch: TrainBatch, num_color: torch.Tensor) -> torch.Tensor:
        """Add a batch's gradients and return its loss.

        Both are weighted so that the sum over a process's batches, averaged over the processes, is
        the mean over all color photographs of the step, of which there are `num_color`.
        """
        share = batch.is_color.sum() * self.config.world_size / num_color
        loss = share * self.objective(self.ddp_network, batch)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def save(self, file: Path) -> None:
        """Write a checkpoint atomically."""
        write_checkpoint(
            Checkpoint(
                config=dataclasses.asdict(self.config),
                prior=self.prior,
                steps_done=self.steps_done,
                network=self.network.state_dict(),
                average=self.average.module.state_dict(),
                num_updates=int(self.average.n_averaged),
                optimizer=self.optimizer.state_dict(),
                scaler=self.scaler.state_dict(),
            ),
            file,
        )

    def restore(self, file: Path) -> None:
        """Continue from a checkpoint.

        Raises:
            ColorizeError: The file is missing, or of another network.
        """
        checkpoint = read_checkpoint(file, self.device)
        network = config_of(checkpoint).network
        if network != self.config.network:
            raise ColorizeError(f"{file}: a checkpoint of {network}; add --network {network}")
        try:
            self.network.load_state_dict(checkpoint["network"])
            self.average.module.load_state_dict(checkpoint["average"])
            self.optimizer.load_state_dict(checkpoint["optimizer"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise ColorizeError(
                f"{file}: does not fit this network: an earlier version's, or other --widths, "
                "--encoder or --encoder-lr-mult"
            ) from error
        for group, params in zip(
            self.optimizer.param_groups, param_groups(self.network, self.config), strict=True
        ):
            group["lr_mult"] = params.lr_mult
        self.average.n_averaged.fill_(checkpoint["num_updates"])
        if checkpoint["scaler"] and self.scaler.is_enabled():
            self.scaler.load_state_dict(checkpoint["scaler"])
        self.steps_done = checkpoint["steps_done"]
