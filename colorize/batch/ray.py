"""Run a batch on a Ray cluster: one task per photograph, on the cores or GPUs of all machines.

A task reads, colorizes and writes a photograph, so only names and results travel. Each of Ray's
processes loads the network once. This process decides what to do, and only it writes the manifest.
docs/scale.md lists what is guaranteed.
"""

from __future__ import annotations

import signal
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING

from colorize._version import __version__
from colorize.batch.conflicts import find_conflicts
from colorize.batch.jobs import Job, Result, WriteOptions
from colorize.batch.manifest import Entry, Manifest, finish_entry, with_input_hash
from colorize.batch.precheck import Prechecker
from colorize.batch.ray_connection import ATTEMPTS, LOCAL, connect
from colorize.batch.runner import clean_up
from colorize.batch.worker import JobWorker
from colorize.errors import ColorizeError, display_name, one_line
from colorize.io.storage import StorageError

if TYPE_CHECKING:
    from ray import ObjectRef


TASKS_PER_CPU = 2  # one running and one queued, so that no core waits
TASKS_PER_GPU = 4  # running at a time, each a process with a CUDA context of about 0.5 GB
PRECHECK_THREADS = 16  # inputs and outputs may be in a slow store
PRECHECKED_JOBS = 64  # checked ahead of their turn
SCAN_INTERVAL = 5.0  # seconds between looks at how many cores the cluster has
CANCEL_TIMEOUT = 30.0  # seconds for running photographs when the batch is canceled
START_TIMEOUT = 60.0  # seconds without a result before a warning

WorkerFactory = Callable[[], JobWorker]
"""Makes what runs the jobs, in a process of the cluster."""


class SetupError(ColorizeError):
    """A machine of the cluster can't run jobs: the batch ends."""


@dataclass(frozen=True)
class _Setup:
    """What a process of the cluster needs to make its worker."""

    make_worker: WorkerFactory
    version: str = __version__
    batch_id: str = field(default_factory=lambda: uuid.uuid4().hex)


_workers: dict[str, JobWorker] = {}  # in a process of the cluster: that of the current batch, by id


def _load_worker(setup: _Setup) -> JobWorker:
    """Return this process's worker, which is made on the first call. Raises SetupError."""
    if setup.batch_id not in _workers:
        if setup.version != __version__:
            raise SetupError(
                f"version {__version__} is installed there and {setup.version} here; "
                "install the same version on all machines"
            )
        try:
            worker = setup.make_worker()
        except ColorizeError as error:
            raise SetupError(str(error)) from error
        # `ray.cancel` interrupts the main thread: let the job end at its next step instead
        signal.signal(signal.SIGINT, lambda number, frame: worker.cancelled.set())
        _workers.clear()
        _workers[setup.batch_id] = worker
    return _workers[setup.batch_id]


def _load_task(setup: _Setup) -> None:
    _load_worker(setup)


def _job_task(setup: _Setup, job: Job, started: Entry | None) -> tuple[Result, Entry | None]:
    """Run a job; return its result, and the manifest entry unless it was canceled."""
    worker = _load_worker(setup)
    if started is not None:
        started = with_input_hash(started)
    result = worker.run(job)
    if started is None or worker.is_left_over(result):
        return result, None
    return result, finish_entry(started, result.error, result.seconds)


def run(
    jobs: Sequence[Job],
    make_worker: WorkerFactory,
    options: WriteOptions,
    *,
    address: str = LOCAL,
    gpus: bool = False,
    fail_fast: bool = False,
) -> Generator[Result, None, None]:
    """Run the jobs on a cluster and yield the results as they come; see `runner.run`.

    A photograph whose process or machine dies is tried again, ATTEMPTS times in all.

    Args:
        jobs: the jobs to run, with names that mean the same files on all machines.
        make_worker: called once in each process of the cluster.
        options: how to write; its manifest stays in this process.
        address: of Ray's head, such as `host:6379`; `auto` for the cluster that this machine
            belongs to; LOCAL to start Ray on this machine for the batch.
        gpus: use the GPUs of the cluster rather than its CPU cores.
        fail_fast: start no job after one has failed.

    Raises:
        ColorizeError: Ray is missing, or a machine can't load the network.
    """
    prechecker = Prechecker(options, find_conflicts(jobs, options.reserved))
    clean_up(jobs)
    with connect(address) as ray:
        window = _TaskWindow(ray, make_worker, options.manifest, gpus)
        waiting = _precheck_ahead(jobs, prechecker)
        try:
            yield from _results(waiting, window, fail_fast)
        finally:
            waiting.close()
            window.cancel()


@dataclass(frozen=True)
class _Task:
    """A job to run on the cluster, and its `started` entry if there is a manifest."""

    job: Job
    started: Entry | None


def _precheck_ahead(
    jobs: Sequence[Job], prechecker: Prechecker
) -> Generator[Result | _Task, None, None]:
    """Yield for each job its result if there is nothing to run, else the task, started."""
    manifest = prechecker.options.manifest

    def precheck(job: Job) -> Result | _Task:
        result = prechecker(job)
        if result is not None or manifest is None:
            return result or _Task(job, None)
        try:
            return _Task(
                job, manifest.start(job.source, job.target, job.settings, hash_input=False)
            )
        except StorageError as error:
            return Result(job, 0.0, str(error))

    waiting = iter(jobs)
    with ThreadPoolExecutor(PRECHECK_THREADS) as threads:
        ahead: deque[Future[Result | _Task]] = deque()
        try:
            while True:
                for job in islice(waiting, PRECHECKED_JOBS - len(ahead)):
                    ahead.append(threads.submit(precheck, job))
                if not ahead:
                    return
                yield ahead.popleft().result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _results(
    waiting: Iterator[Result | _Task], window: _TaskWindow, fail_fast: bool
) -> Iterator[Result]:
    """Yield the results of all jobs, or of those submitted before one that ends the batch."""

    def goes_on(result: Result) -> bool:
        failed = fail_fast and result.error is not None
        return not failed and result.cause != "disk full"

    more = True
    while more or window.tasks:
        while more and window.has_room():
            item = next(waiting, None)
            if item is None:
                more = False
            elif isinstance(item, _Task):
                window.submit(item)
            else:
                yield item
                more = goes_on(item)
        for result in window.wait():
            yield result
            more = more and goes_on(result)


class _TaskWindow:
    """The tasks submitted to Ray: enough to keep all cores or GPUs busy."""

    def __init__(
        self, ray: ModuleType, make_worker: WorkerFactory, manifest: Manifest | None, gpus: bool
    ):
        self.ray = ray
        self.manifest = manifest
        self.tasks: dict[
            ObjectRef, _Task | None
        ] = {}  # by Ray's reference; None: loads the network
        self._resource, self._per_resource = ("GPU", TASKS_PER_GPU) if gpus else ("CPU", 1)
        self._setup = ray.put(_Setup(make_worker))
        remote = ray.remote(
            num_cpus=1, num_gpus=1 / TASKS_PER_GPU if gpus else 0, max_retries=ATTEMPTS - 1
        )  # fmt: skip
        self._run_job, self._load = remote(_job_task), remote(_load_task)
        self._started = False
        self._warn_at = float("inf")
        self._capacity = 0
        self._last_scan = float("-inf")

    def has_room(self) -> bool:
        """Return whether to submit another task. Raises ColorizeError if nothing can run it."""
        if time.monotonic() > self._last_scan + SCAN_INTERVAL:
            self._last_scan = time.monotonic()
            slots = int(self.ray.cluster_resources().get(self._resource, 0)) * self._per_resource
            if slots == 0 and not self.tasks:
                raise ColorizeError(f"this cluster has no {self._resource}: add one or omit --gpu")
            self._capacity = slots * TASKS_PER_CPU
        return len(self.tasks) < self._capacity

    def submit(self, task: _Task) -> None:
        """Give a task to Ray."""
        if not self._started:
            # loads the network and does nothing else, to tell a bad setup from a bad photograph
            self.tasks[self._load.remote(self._setup)] = None
            self._started = True
            self._warn_at = time.monotonic() + START_TIMEOUT
        self.tasks[self._run_job.remote(self._setup, task.job, task.started)] = task

    def wait(self) -> Iterator[Result]:
        """Wait for tasks to end, at most SCAN_INTERVAL, and yield their results."""
        references = list(self.tasks)
        if not references:
            return
        ready, _ = self.ray.wait(references, num_returns=1, timeout=SCAN_INTERVAL)
        if ready:
            self._warn_at = float("inf")
            ready, _ = self.ray.wait(references, num_returns=len(references), timeout=0)
        elif time.monotonic() > self._warn_at:
            self._warn_at = float("inf")
            warnings.warn(
                "no photograph is done yet; the cores of the cluster may be in use by others",
                RuntimeWarning,
                stacklevel=2,
            )
        for reference in ready:
            task = self.tasks.pop(reference)
            if task is None:
                self._check_loaded(reference)
            elif (result := self._result(task, reference)) is not None:
                yield result

    def _check_loaded(self, reference: ObjectRef) -> None:
        """Raise ColorizeError if the network can't be loaded."""
        errors = self.ray.exceptions
        try:
            self.ray.get(reference)
        except errors.TaskCancelledError:
            return
        except errors.RayTaskError as failure:
            raise _setup_failure(failure.cause) from None
        except errors.RayError:
            raise ColorizeError(
                "processes of the cluster die while loading the network: is there enough memory?"
            ) from None

    def _result(self, task: _Task, reference: ObjectRef) -> Result | None:
        """Return the result of a task that has ended and record it; None if it was canceled."""
        errors = self.ray.exceptions
        result: Result
        entry: Entry | None
        try:
            result, entry = self.ray.get(reference)
        except errors.TaskCancelledError:
            return None
        except errors.RayTaskError as failure:
            if isinstance(failure.cause, SetupError):
                raise _setup_failure(failure.cause) from None
            reason = f"unexpected {_describe(failure.cause)}; please report it"
            result, entry = _failed(task, reason)
        except errors.RayError:
            reason = f"its process died {ATTEMPTS} times; is there enough memory for it?"
            result, entry = _failed(task, reason)
        if entry is not None and self.manifest is not None:
            self.manifest.append(entry)
        return result

    def cancel(self) -> None:
        """Cancel all tasks; record in the manifest what still ends within CANCEL_TIMEOUT."""
        with suppress(Exception):  # the cluster may be gone
            for reference in self.tasks:
                self.ray.cancel(reference, recursive=False)
            end = time.monotonic() + CANCEL_TIMEOUT
            while self.tasks and time.monotonic() < end:
                for _ in self.wait():
                    pass


def _failed(task: _Task, reason: str) -> tuple[Result, Entry | None]:
    error = f"{display_name(task.job.source)}: {reason}"
    entry = None if task.started is None else finish_entry(task.started, error, 0.0)
    return Result(task.job, 0.0, error), entry


def _setup_failure(cause: BaseException) -> ColorizeError:
    what = str(cause) if isinstance(cause, SetupError) else f"can't start: {_describe(cause)}"
    return ColorizeError(f"on a machine of the cluster: {what}")


def _describe(error: BaseException) -> str:
    """Return an error on one line."""
    return f"{type(error).__name__}: {one_line(error)}"
