"""Jobs in worker processes: limits of time and memory, crashes, the end of the server."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import numpy as np
import pytest
from fixtures.jobs import BadJob
from fixtures.server import wait_until
from PIL import Image

from colorize.errors import ColorizeError
from colorize.options import ColorizeOptions, OutputOptions
from colorize.runtime.batching import DynamicBatcher
from colorize.server import processes
from colorize.server.limits import Limits
from colorize.server.memory import MemoryBudget, bytes_for_colorizing
from colorize.server.parameters import ColorizeRequest
from colorize.server.processes import (
    ClientDisconnected,
    DiskFull,
    InputError,
    TimeLimitExceeded,
)
from colorize.server.worker import RequestWorker, ServerStopping


@contextmanager
def started(runner, **limits):
    worker = RequestWorker(runner, Limits(max_batch=1, **limits))
    try:
        yield worker
    finally:
        assert worker.close()


def outcome(worker, action):
    return worker.submit(BadJob(action)).future.result(30)


def test_process_is_used_again_until_it_crashes(runner):
    with started(runner) as worker:
        outcome(worker, "nothing")
        (process,) = worker._idle
        outcome(worker, "nothing")
        assert worker._idle == [process]
        with pytest.raises(ColorizeError, match="crashed"):
            outcome(worker, "crash")
        outcome(worker, "nothing")
        assert len(worker._idle) == 1 and worker._idle != [process]


def test_job_that_takes_too_long_is_ended(runner):
    with started(runner, max_seconds=1) as worker:
        with pytest.raises(TimeLimitExceeded):
            outcome(worker, "sleep")
        outcome(worker, "nothing")


def test_cancelled_job_is_ended_at_once(runner):
    with started(runner) as worker:
        ticket = worker.submit(BadJob("sleep"))
        wait_until(lambda: worker.memory._free < worker.memory.total)
        ticket.cancel()
        with pytest.raises(ClientDisconnected):
            ticket.future.result(10)
        assert worker.memory._free == worker.memory.total
        outcome(worker, "nothing")


def test_stopping_ends_running_and_waiting_jobs(runner):
    with started(runner) as worker:
        tickets = [worker.submit(BadJob("sleep")) for _ in range(3)]
        wait_until(lambda: worker.memory._free < worker.memory.total)
        start = time.monotonic()
        worker.stop()
        for ticket in tickets:
            with pytest.raises(ServerStopping):
                ticket.future.result(10)
        assert time.monotonic() - start < 5


def test_full_disk_is_told_apart(runner):
    with started(runner) as worker, pytest.raises(DiskFull):
        outcome(worker, "fill disk")


@pytest.mark.parametrize(
    ("platform", "method"), [("linux", "forkserver"), ("darwin", "spawn"), ("win32", "spawn")]
)
def test_processes_are_copies_on_linux_only(platform, method, monkeypatch):
    monkeypatch.setattr(processes.sys, "platform", platform)
    assert processes._context().get_start_method() == method


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot limit it")
def test_job_cannot_use_more_memory_than_it_reserved(runner):
    with started(runner) as worker, pytest.raises(InputError, match="memory"):
        outcome(worker, "use memory")  # 8 GB


def test_batcher_is_not_nested(runner):
    batcher = DynamicBatcher(runner, 3)
    with started(batcher) as worker:
        assert worker.runner is batcher
    with started(runner) as worker:
        assert worker.runner.runner is runner and worker.runner.max_batch == 1


def test_memory_goes_to_those_who_wait_in_their_order():
    budget, order = MemoryBudget(10), []

    def take(amount):
        assert budget.acquire(amount, Event())
        order.append(amount)

    budget.acquire(8, Event())
    with ThreadPoolExecutor(2) as threads:
        for amount in (5, 2):  # the second would fit, but the first was there before
            threads.submit(take, amount)
            wait_until(lambda: len(budget._waiting) == (2 if amount == 2 else 1))  # noqa: B023
        assert order == []
        budget.release(8)
    assert order == [5, 2]


def test_more_memory_than_there_is_in_total_is_refused():
    with pytest.raises(ColorizeError, match="memory"):
        MemoryBudget(10).acquire(11, Event())


def test_waiting_for_memory_ends_with_the_client():
    budget = MemoryBudget(10)
    budget.acquire(10, Event())
    gone = Event()
    gone.set()
    assert not budget.acquire(1, gone)
    assert budget._waiting == type(budget._waiting)()


@pytest.mark.parametrize(("format", "deep"), [("png", False), ("webp", False), ("png", True)])
def test_memory_depends_on_pixels_format_and_depth(tmp_path, format, deep):
    path = tmp_path / f"a.{format}"
    Image.fromarray(np.zeros((100, 100), np.uint16 if deep else np.uint8)).save(path)
    request = ColorizeRequest(ColorizeOptions(), OutputOptions())
    little = bytes_for_colorizing(path, {}, request, 10**9)
    png = tmp_path / "png.png"
    Image.new("L", (100, 100)).save(png)
    assert (little > bytes_for_colorizing(png, {}, request, 10**9)) == (format != "png" or deep)
