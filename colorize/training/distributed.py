"""Processes that train together, started by `torchrun`; without it, the single process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

TIMEOUT = timedelta(hours=12)  # the others wait while the main process decodes the photographs
# A thread of Gloo that still holds a tensor when Python exits aborts the process. Waiting makes
# that unlikely: of 100 short runs on a busy machine 2 aborted after one barrier, none after four.
EXIT_BARRIERS = 4


@dataclass(frozen=True)
class Process:
    """The current process among those that train together."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main_process(self) -> bool:
        """Whether this process is the one that validates, logs and saves."""
        return self.rank == 0


@contextlib.contextmanager
def init_distributed(device: str) -> Iterator[tuple[Process, str]]:
    """Join the processes that `torchrun` started; yield this one and its device.

    Processes communicate by NCCL if the device is "cuda" (one GPU each), else by Gloo.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield Process(), device
        return
    cuda = device == "cuda"
    if cuda:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=TIMEOUT)
    try:
        yield Process(distributed.get_rank(), world_size), device
        for _ in range(EXIT_BARRIERS):
            barrier()
    finally:
        distributed.destroy_process_group()


def barrier() -> None:
    """Return when every process has reached this point."""
    if distributed.is_initialized():
        distributed.barrier()


def all_reduce_sum(value: torch.Tensor) -> torch.Tensor:
    """Return the sum of the processes' values; `value` becomes the sum."""
    if distributed.is_initialized():
        distributed.all_reduce(value)
    return value


def wrap_ddp(network: nn.Module, device: torch.device) -> nn.Module:
    """Return the network wrapped so that its gradients are the mean of all processes'.

    Weights and buffers become those of the main process. On GPUs, batch normalization takes its
    statistics over all processes; PyTorch has no such layer for the CPU.
    """
    if not distributed.is_initialized():
        return network
    if device.type != "cuda":
        return DistributedDataParallel(network)
    nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return DistributedDataParallel(network, device_ids=[device])


def maybe_no_sync(sync: bool, network: nn.Module) -> contextlib.AbstractContextManager[None]:
    """Return a context in which backward passes exchange gradients only if `sync`."""
    if sync or not isinstance(network, DistributedDataParallel):
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[None] = network.no_sync()
    return context
