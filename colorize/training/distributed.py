"""Several processes that train together, as `torchrun` starts them; one is the plain case."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

PATIENCE = timedelta(hours=12)  # the others wait while the first decodes the photographs


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

    Weights and buffers become those of the first process. On CUDA, batch normalisation takes
    its statistics over all processes; elsewhere, where PyTorch has no such layer, over the
    process's own batch.
    """
    if not distributed.is_initialized():
        return network
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)


def alone_until(last: bool, network: nn.Module) -> contextlib.AbstractContextManager[None]:
    """Return a context in which gradients are exchanged only with the `last` batch of a step."""
    if last or not isinstance(network, DistributedDataParallel):
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[None] = network.no_sync()
    return context
