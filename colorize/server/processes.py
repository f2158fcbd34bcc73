"""Processes in which jobs run, so that a decoder can be stopped, crash or run out of memory.

The network stays in the server, which batches the calls that several processes send it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from threading import Event, Thread
from typing import TYPE_CHECKING

from colorize.color.types import Floats
from colorize.errors import ColorizeError, is_disk_full
from colorize.models.metadata import ModelMetadata
from colorize.runtime.base import Runner
from colorize.runtime.threads import available_cpus, limit_blas_threads
from colorize.server.jobs import EncodedImage, Job
from colorize.server.memory import MemoryBudget

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext  # not on Windows

MEMORY_SLACK = 256 << 20  # bytes beyond what a job reserved, before its allocations fail
STACK_BYTES = 10 << 20  # of each thread, at most


class InputError(ColorizeError):
    """The photograph or a parameter cannot be used."""


class ClientDisconnected(Exception):
    """The client has closed the connection before its photograph was finished."""


class TimeLimitExceeded(Exception):
    """The job took too long."""


class DiskFull(Exception):
    """There was no space for the result."""


@dataclass(frozen=True)
class _NetworkCall:
    lightness: Floats
    hints: Floats | None


@dataclass(frozen=True)
class _Reservation:
    bytes: int


class _Cause(Enum):
    INPUT = "the photograph or an option cannot be used"
    DISK = "the disk is full"
    BUG = "anything else; the message is a traceback"


@dataclass(frozen=True)
class _Failure:
    cause: _Cause
    message: str


class WorkerProcess:
    """A process that runs one job at a time."""

    def __init__(self, metadata: ModelMetadata):
        """Start the process; it needs the network's metadata."""
        context = _context()
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, metadata), daemon=True)
        self._process.start()
        theirs.close()

    def run(
        self, job: Job, runner: Runner, memory: MemoryBudget, seconds: float, cancelled: Event
    ) -> EncodedImage:
        """Return the result of a job.

        After any exception but InputError, the process cannot be used again.

        Args:
            job: The job.
            runner: The network.
            memory: What the job reserves memory from.
            seconds: After this time the job is given up; waiting for memory does not count.
            cancelled: Set by whoever calls `kill` to give up the job.

        Raises:
            InputError: The input cannot be used.
            ColorizeError: The process crashed, or the network failed.
            ClientDisconnected: The job was cancelled.
            TimeLimitExceeded: It took too long.
            DiskFull: There was no space for the result.
        """
        reserved = 0
        try:
            self._connection.send(job)
            deadline = time.monotonic() + seconds
            while self._connection.poll(max(0, deadline - time.monotonic())):
                message = self._connection.recv()
                if isinstance(message, EncodedImage):
                    return message
                if isinstance(message, _Failure):
                    _raise(message)
                if isinstance(message, _NetworkCall):
                    self._connection.send(runner(message.lightness, message.hints))
                elif isinstance(message, _Reservation):
                    if not memory.acquire(message.bytes, cancelled):
                        raise ClientDisconnected
                    reserved += message.bytes
                    deadline = time.monotonic() + seconds
                    self._connection.send(None)
            raise TimeLimitExceeded
        except (EOFError, OSError):
            if cancelled.is_set():
                raise ClientDisconnected from None
            raise ColorizeError(
                "cannot be processed: its decoder crashed or needed too much memory"
            ) from None
        finally:
            memory.release(reserved)

    def kill(self) -> None:
        """End the process at once, whatever it does. May be called while another thread runs it."""
        self._process.kill()

    def close(self) -> None:
        """End the process and release what belongs to it."""
        self.kill()
        self._process.join()
        self._connection.close()


def _context() -> SpawnContext | ForkServerContext:
    """Return how processes start: on Linux as copies of one that has imported everything."""
    if sys.platform == "linux":
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        return context
    return multiprocessing.get_context("spawn")


def _raise(failure: _Failure) -> None:
    if failure.cause is _Cause.INPUT:
        raise InputError(failure.message)
    if failure.cause is _Cause.DISK:
        raise DiskFull
    raise RuntimeError(f"in a worker process:\n{failure.message}")


def _work(connection: Connection, metadata: ModelMetadata) -> None:
    """Run jobs, in a worker process, until the server ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group; the server decides
        signal.signal(number, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    limit_blas_threads()
    runner = _RemoteRunner(connection, metadata)
    while True:
        try:
            job: Job = connection.recv()
            connection.send(_outcome(job, runner))
        except (EOFError, OSError):
            return


def _outcome(job: Job, runner: _RemoteRunner) -> EncodedImage | _Failure:
    try:
        return job.run(runner, runner.reserve)
    except Exception as error:
        if is_disk_full(error):
            return _Failure(_Cause.DISK, "")
        if isinstance(error, MemoryError):
            return _Failure(_Cause.INPUT, "needs too much memory")
        if isinstance(error, ColorizeError):
            return _Failure(_Cause.INPUT, error.reason)
        return _Failure(_Cause.BUG, traceback.format_exc())
    finally:
        _limit_memory(None)


class _RemoteRunner:
    """The network of the server, called from a worker process."""

    device = "cpu"  # of what comes back

    def __init__(self, connection: Connection, metadata: ModelMetadata):
        self.metadata = metadata
        self._connection = connection

    def __call__(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        self._connection.send(_NetworkCall(lightness, hints))
        output: Floats = self._connection.recv()
        return output

    def reserve(self, amount: int) -> None:
        """Wait until the server has an amount of memory; more than that is then refused."""
        self._connection.send(_Reservation(amount))
        self._connection.recv()
        _limit_memory(amount)

    def set_threads(self, threads: int) -> None:
        """Do nothing: the server's threads are its own."""

    def is_oom(self, error: Exception) -> bool:
        """Return False: the server handles this."""
        return False

    def empty_cache(self) -> None:
        """Do nothing: the server handles this."""

    def move_to_cpu(self) -> None:
        """Do nothing: the server handles this."""


def _limit_memory(amount: int | None) -> None:
    """Make allocations fail that go beyond what this process has now by more than an amount.

    None lifts the limit. Only Linux counts what it should: private memory that is written to.
    """
    if sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = hard
    if amount is not None:
        slack = MEMORY_SLACK + STACK_BYTES * available_cpus()
        limit = _data_bytes() + amount + slack
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _data_bytes() -> int:
    """Return the size of this process's private writable memory (proc(5), statm, field 6)."""
    with open("/proc/self/statm", encoding="utf-8") as file:
        return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
