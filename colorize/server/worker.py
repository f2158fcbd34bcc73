"""Runs the jobs of requests in worker processes that share one network."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event, Lock

from colorize.runtime.base import Runner
from colorize.runtime.batching import DynamicBatcher
from colorize.server.jobs import EncodedImage, Job
from colorize.server.limits import Limits
from colorize.server.memory import MemoryBudget
from colorize.server.processes import ClientDisconnected, InputError, WorkerProcess

SMOOTHING = 0.2  # weight of the newest photograph in the moving average of the time taken


class ServerStopping(Exception):
    """The server stops, and this job was not finished in time."""


class Ticket:
    """A job that was submitted.

    Attributes:
        job: The job.
        future: Its outcome.
        cancelled: Set when nobody waits for it any more.
    """

    def __init__(self, job: Job):
        """Wrap a job that does not run yet."""
        self.job = job
        self.future: Future[EncodedImage] = Future()
        self.cancelled = Event()
        self._process: WorkerProcess | None = None
        self._lock = Lock()

    def start_in(self, process: WorkerProcess) -> None:
        """Note where the job runs. Raises ClientDisconnected if it was cancelled before."""
        with self._lock:
            if self.cancelled.is_set():
                raise ClientDisconnected
            self._process = process

    def finish(self) -> None:
        """Note that the job no longer runs, so that cancelling it does nothing."""
        with self._lock:
            self._process = None

    def cancel(self) -> None:
        """Give up the job: end its process if it runs. The future still gets an outcome."""
        with self._lock:
            self.cancelled.set()
            if self._process is not None:
                self._process.kill()


class RequestWorker:
    """Runs jobs in processes, whose calls of the one network are batched."""

    def __init__(self, runner: Runner, limits: Limits):
        """Start without jobs.

        Args:
            runner: The network that all jobs share.
            limits: max_batch is the number of processes.
        """
        self.limits = limits
        if not isinstance(runner, DynamicBatcher):
            runner = DynamicBatcher(runner, limits.max_batch)
        self.runner = runner
        self.memory = MemoryBudget(limits.max_memory)
        self.seconds_per_photo = 1.0  # moving average, of the whole server's time
        self._threads = ThreadPoolExecutor(limits.max_batch, thread_name_prefix="colorize")
        self._idle: list[WorkerProcess] = []
        self._tickets: set[Ticket] = set()
        self._lock = Lock()
        self._stopping = False

    def submit(self, job: Job) -> Ticket:
        """Queue a job.

        The ticket's future raises what `WorkerProcess.run` raises, and ServerStopping after `stop`.
        """
        ticket = Ticket(job)
        with self._lock:
            self._tickets.add(ticket)
        ticket.future = self._threads.submit(self._run, ticket)
        ticket.future.add_done_callback(lambda _: self._tickets.discard(ticket))
        return ticket

    def warm_up(self) -> None:
        """Start a process, so that the first photograph need not wait for one."""
        process = self._take_process()
        self._give_back(process)

    def stop(self) -> None:
        """Give up all jobs."""
        self._stopping = True
        with self._lock:
            tickets = list(self._tickets)
        for ticket in tickets:
            ticket.cancel()

    def close(self, seconds: float = 2.0) -> bool:
        """Give up all jobs and end all processes; return whether the threads ended in time."""
        self.stop()
        self.runner.close()
        self._threads.shutdown(wait=False)
        wait([ticket.future for ticket in list(self._tickets)], seconds)
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()
        return not self._tickets

    def _run(self, ticket: Ticket) -> EncodedImage:
        if self._stopping:
            raise ServerStopping
        start = time.monotonic()
        process = self._take_process()
        reusable = False
        try:
            ticket.start_in(process)
            image = process.run(
                ticket.job, self.runner, self.memory, self.limits.max_seconds, ticket.cancelled
            )
            reusable = True
        except InputError:
            reusable = True
            raise
        except ClientDisconnected:
            if self._stopping:
                raise ServerStopping from None
            raise
        finally:
            ticket.finish()
            if reusable and not self._stopping:
                self._give_back(process)
            else:
                process.close()
        seconds = (time.monotonic() - start) / self.limits.max_batch
        self.seconds_per_photo += SMOOTHING * (seconds - self.seconds_per_photo)
        return image

    def _take_process(self) -> WorkerProcess:
        with self._lock:
            return self._idle.pop() if self._idle else WorkerProcess(self.runner.metadata)

    def _give_back(self, process: WorkerProcess) -> None:
        with self._lock:
            self._idle.append(process)
