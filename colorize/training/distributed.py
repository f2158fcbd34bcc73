"""Several processes that train together, as `torchrun` starts them; one is the plain case."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

PATIENCE = timedelta(hours=12)  # the others wait while the first decodes the photographs
# A thread of Gloo that still holds a tensor when Python ends aborts the process. Waiting makes that
# unlikely: of 100 short runs on a busy machine 2 aborted after one barrier, none after four.
LAST_BARRIERS = 4


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this is."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that logs, validates and saves."""
        return self.rank == 0


@contextlib.contextmanager
def joined(device: str) -> Iterator[tuple[Processes, str]]:
    """Join the others that `torchrun` started; give which one this is, and its device.

    Processes talk by NCCL where the device is "cuda", of which each takes its own, else by Gloo.
    Started without `torchrun`, this is the only process.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(), device
        return
    cuda = device == "cuda"
    if cuda:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=PATIENCE)
    try:
        yield Processes(distributed.get_rank(), count), device
        for _ in range(LAST_BARRIERS):
            wait_for_all()
    finally:
        distributed.destroy_process_group()


def wait_for_all() -> None:
    """Return when every process has come here."""
    if distributed.is_initialized():
        distributed.barrier()


def sum_of_all(value: torch.Tensor) -> torch.Tensor:
    """Return the sum of the processes' values."""
    if distributed.is_initialized():
        distributed.all_reduce(value)
    return value


def shared(network: nn.Module, device: torch.device) -> nn.Module:
    """Return the network wrapped so that its gradients are the mean of all processes'.

    Weights and buffers become those of the first process. Batch normalization takes its
    statistics over all processes.
    """
    if not distributed.is_initialized():
        return network
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    else:
        _share_statistics(network)
    return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)


def _share_statistics(network: nn.Module) -> None:
    """Put a `SharedBatchNorm` with the same weights in place of every batch normalization."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                setattr(module, name, SharedBatchNorm(child))


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalization by the statistics of all processes' batches, of equal size.

    PyTorch's own, `SyncBatchNorm`, is for GPUs.
    """

    def __init__(self, original: nn.BatchNorm2d):
        """Take over the weights and the running statistics."""
        super().__init__(original.num_features, original.eps, original.momentum)
        self.weight, self.bias = original.weight, original.bias
        self.load_state_dict(original.state_dict())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x (b, c, h, w) normalized, of the same type."""
        if not self.training:
            return super().forward(x)
        own = x.to(self.weight.dtype)
        mean = _MeanOfAll.apply(own.mean(dim=(0, 2, 3)))
        centerd = own - mean.view(-1, 1, 1)
        variance = _MeanOfAll.apply(centerd.square().mean(dim=(0, 2, 3)))
        self._follow(mean.detach(), variance.detach(), x.numel() // x.shape[1])
        scale = self.weight * (variance + self.eps).rsqrt()
        result: torch.Tensor = centerd * scale.view(-1, 1, 1) + self.bias.view(-1, 1, 1)
        return result.to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: torch.Tensor, variance: torch.Tensor, values: int) -> None:
        """Move the running statistics; values: of each channel in this process's batch."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        values *= distributed.get_world_size()
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (values / (values - 1)), self.momentum)
        self.num_batches_tracked.add_(1)


class _MeanOfAll(torch.autograd.Function):
    """The mean of the processes' values; its gradient is the mean of the processes' gradients."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
        """Return the mean."""
        return sum_of_all(value.clone()) / distributed.get_world_size()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Return the mean of the gradients."""
        return sum_of_all(gradient.clone()) / distributed.get_world_size()


def alone_until(last: bool, network: nn.Module) -> contextlib.AbstractContextManager[None]:
    """Return a context in which gradients are exchanged only with the `last` batch of a step."""
    if last or not isinstance(network, DistributedDataParallel):
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[None] = network.no_sync()
    return context
