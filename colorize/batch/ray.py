"""The batch on a cluster: a network on each core, or GPU, of the machines that Ray knows.

Each worker reads, colorizes and writes one photograph after another, as a local batch does; only
names and results travel. This process alone decides what is to be done and writes the manifest.
docs/scale.md says what is promised, and why this is built on Ray's actors, not on Ray Data.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from colorize import batch
from colorize._version import __version__
from colorize.batch import Job, JobWorker, Result, WriteOptions
from colorize.batch.manifest import Entry, finish_entry, with_input_hash
from colorize.errors import ColorizeError, display_name
from colorize.io.storage import StorageError

LOCAL = "local"  # the address that stands for this machine
PHOTOGRAPHS = "photographs"  # the threads of a worker that take them
ATTEMPTS = 3  # times that a photograph may see its worker die
AHEAD = 2  # photographs a worker: one in work and one waiting, so that none is idle
PREPARERS = 16  # threads that look at inputs and outputs, which may be far away
PREPARED = 64  # jobs looked at before their turn
GROWING = 5.0  # seconds after which machines that have joined are looked for
PATIENCE = 30.0  # seconds for photographs in work, when the batch is broken off
WAITING = 60.0  # seconds without a worker after which the user should know
STORE_BYTES = 100 << 20  # Ray's least but for a little: no pictures travel through it

ENVIRONMENT = {  # of Ray
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # it warns else
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # it prints a page on standard output for a lost worker
}

Make = Callable[[], JobWorker]  # makes, on a worker's machine, what does the jobs


class Worker:
    """What Ray runs on a core or a GPU: the network and the photographs it is given."""

    def load(self, make: Make) -> tuple[str, str | None]:
        """Make the network; return this machine's version and what went wrong, if anything."""
        self.work: JobWorker | None = None
        try:
            self.work = make()
        except ColorizeError as error:
            return __version__, str(error)
        return __version__, None

    def do(self, job: Job, line: Entry | None) -> tuple[Result, Entry | None]:
        """Do a job; return how it went and the line of the manifest that says so.

        line: the one that says that it is begun. There is none to add for a job given up.
        """
        assert self.work is not None
        if line is not None:
            line = with_input_hash(line)
        result = self.work.run(job)
        if line is None or (self.work.cancelled.is_set() and result.error is not None):
            return result, None
        return result, finish_entry(line, result.error, result.seconds)

    def stop(self) -> None:
        """Give up the photographs in work at their next step."""
        if self.work is not None:
            self.work.cancelled.set()


def run(
    jobs: Sequence[Job],
    make: Make,
    options: WriteOptions,
    *,
    address: str = LOCAL,
    gpus: bool = False,
    threads: int = 1,
    fail_fast: bool = False,
) -> Generator[Result, None, None]:
    """Do the jobs on a cluster and yield the results as they come; see `batch.run`.

    make: called once on each worker. address: of Ray's head, such as `host:6379`, `auto` for the
    one on this machine, or LOCAL to start one for the batch. gpus: a worker for each GPU, not
    for each core. threads: photographs at a time on each worker.

    A photograph whose worker is lost is given to another; if that happens ATTEMPTS times, it has
    failed. Raises ColorizeError where Ray is absent or no worker can load the network.
    """
    work = JobWorker(_elsewhere, options, batch.find_conflicts(jobs, options.reserved))
    batch.clean_up(jobs)
    with _connected(address) as ray:
        crew = _Crew(ray, make, options, gpus, threads)
        try:
            yield from _results(_prepared(jobs, work, options), crew, fail_fast)
        finally:
            crew.dismiss()


def _elsewhere(photo: object) -> Any:
    raise AssertionError("the workers do that")


@dataclass(eq=False)
class _Task:
    """A job to give to a worker; `deaths`: how many were lost while they had it."""

    job: Job
    line: Entry | None
    deaths: int = 0


def _prepared(
    jobs: Sequence[Job], work: JobWorker, options: WriteOptions
) -> Generator[Result | _Task, None, None]:
    """Yield for each job its result if there is nothing to do, else the task, noted as begun."""

    def prepare(job: Job) -> Result | _Task:
        settled = work.precheck(job)
        if settled is not None or options.manifest is None:
            return settled or _Task(job, None)
        try:
            return _Task(job, options.manifest.start(job.source, job.target, hash_input=False))
        except StorageError as error:
            return Result(job, 0.0, str(error))

    waiting = iter(jobs)
    with ThreadPoolExecutor(PREPARERS) as pool:
        ahead: deque[Future[Result | _Task]] = deque()
        try:
            while True:
                ahead.extend(
                    pool.submit(prepare, j) for j in islice(waiting, PREPARED - len(ahead))
                )
                if not ahead:
                    return
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _results(
    prepared: Generator[Result | _Task, None, None], crew: _Crew, fail_fast: bool
) -> Iterator[Result]:
    """Yield results until all is done, or with `fail_fast` what was in work at a failure."""
    held: deque[_Task] = deque()
    more = True
    try:
        while more or held or crew.busy:
            while more and len(held) < max(1, crew.room):
                item = next(prepared, None)
                if isinstance(item, _Task):
                    held.append(item)
                    continue
                if item is not None:
                    yield item
                more = item is not None and not (fail_fast and item.error is not None)
                if item is not None and not more:
                    held.clear()
            if held:
                crew.grow()
                crew.assign(held)
            if not held and not crew.busy:
                continue
            for result in crew.finished(held):
                yield result
                if fail_fast and result.error is not None:
                    more = False
                    held.clear()
    finally:
        prepared.close()


@dataclass(eq=False)
class _Place:
    """A worker as this process knows it: its photographs in work, the first one first."""

    actor: Any
    tasks: dict[Any, _Task] = field(default_factory=dict)  # by Ray's reference
    loaded: bool = False

    @property
    def alone(self) -> bool:
        """Whether it has a photograph that may be the death of workers."""
        return any(task.deaths for task in self.tasks.values())


class _Crew:
    """The workers: as many as the cluster has cores or GPUs, new ones for those that are lost."""

    def __init__(self, ray: Any, make: Make, options: WriteOptions, gpus: bool, threads: int):
        self.ray = ray
        self.make = ray.put(make)
        self.manifest = options.manifest
        self.resource = "GPU" if gpus else "CPU"
        self.capacity = AHEAD if threads == 1 else threads + AHEAD
        self.actors = ray.remote(
            num_cpus=1, num_gpus=1 if gpus else 0,
            concurrency_groups={PHOTOGRAPHS: threads},  # beside them it can be told to stop
            max_restarts=0,
        )(Worker)  # fmt: skip
        self.threads = threads
        self.places: list[_Place] = []
        self.loading: dict[Any, _Place] = {}  # by Ray's reference
        self.owners: dict[Any, _Place] = {}  # of photographs in work, by Ray's reference
        self.looked = float("-inf")
        self.begun: float | None = time.monotonic()  # None once a worker is there
        self.lost_early = 0  # workers lost while loading since one succeeded

    @property
    def busy(self) -> bool:
        """Whether any photograph is in work."""
        return bool(self.owners)

    @property
    def room(self) -> int:
        """How many more photographs the workers would take."""
        return sum(
            max(0, self.capacity - len(place.tasks))
            for place in self.places
            if place.loaded and not place.alone
        )

    def grow(self) -> None:
        """Start workers for cores that have none. Raises ColorizeError if there is no core."""
        if time.monotonic() < self.looked + GROWING:
            return
        self.looked = time.monotonic()
        wanted = int(self.ray.cluster_resources().get(self.resource, 0))
        if wanted == 0 and not self.places:
            raise ColorizeError(f"this cluster has no {self.resource}; leave out --gpu or add some")
        for _ in range(wanted - len(self.places)):
            place = _Place(self.actors.remote())
            self.places.append(place)
            self.loading[place.actor.load.remote(self.make)] = place

    def assign(self, held: deque[_Task]) -> None:
        """Give tasks to workers with room; one that saw a worker die is given one for itself."""
        for _ in range(len(held)):
            task = held.popleft()
            place = self._free(task)
            if place is None:
                held.append(task)
                continue
            do = place.actor.do.options(concurrency_group=PHOTOGRAPHS)
            reference = do.remote(task.job, task.line)
            place.tasks[reference] = task
            self.owners[reference] = place

    def _free(self, task: _Task) -> _Place | None:
        most = 1 if task.deaths else self.capacity
        places = [p for p in self.places if p.loaded and not p.alone and len(p.tasks) < most]
        return min(places, key=lambda place: len(place.tasks), default=None)

    def finished(self, held: deque[_Task]) -> Iterator[Result]:
        """Wait a moment and yield what came; tasks to be given anew go to the front of `held`."""
        for reference in self._ready(GROWING):
            if reference in self.loading:
                self._take_up(reference)
                continue
            if reference in self.owners:  # else its worker was found to be lost just now
                yield from self._ended(self.owners[reference], reference, held)
        self._warn_of_waiting()

    def _ready(self, seconds: float) -> list[Any]:
        """Return the references that are ready, after at most so many seconds."""
        waiting = [*self.loading, *self.owners]
        if not waiting:
            time.sleep(min(seconds, 0.1))
            return []
        if not self.ray.wait(waiting, num_returns=1, timeout=seconds)[0]:
            return []
        ready: list[Any] = self.ray.wait(waiting, num_returns=len(waiting), timeout=0)[0]
        return ready

    def _take_up(self, reference: Any) -> None:
        """Note a worker that has loaded its network. Raises ColorizeError if it can't."""
        place = self.loading.pop(reference)
        try:
            version, error = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as failure:
            raise ColorizeError(f"a worker of the cluster can't begin: {_cause(failure)}") from None
        except self.ray.exceptions.RayError:
            self._lose(place)
            self.lost_early += 1
            if self.lost_early > ATTEMPTS * max(1, len(self.places)):
                raise ColorizeError(
                    "the cluster's workers die while they load the network: is there enough memory?"
                ) from None
            return
        if version != __version__:
            raise ColorizeError(
                f"a machine of the cluster has colorize {version} and this one {__version__}; "
                "install the same on all"
            )
        if error is not None:
            raise ColorizeError(f"on a machine of the cluster: {error}")
        place.loaded, self.begun, self.lost_early = True, None, 0

    def _ended(self, place: _Place, reference: Any, held: deque[_Task]) -> Iterator[Result]:
        """Yield the result of a task, or hold those of a worker that was lost."""
        task = place.tasks[reference]
        try:
            result, line = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as failure:
            self._forget(place, reference)
            yield self._failed(task, f"unexpected {_cause(failure)}; please report it")
            return
        except self.ray.exceptions.RayError:
            yield from self._given_back(place, held)
            return
        self._forget(place, reference)
        if line is not None and self.manifest is not None:
            self.manifest.append(line)
        yield result

    def _forget(self, place: _Place, reference: Any) -> None:
        del place.tasks[reference], self.owners[reference]

    def _given_back(self, place: _Place, held: deque[_Task]) -> Iterator[Result]:
        """Hold the tasks of a lost worker again but for those it was lost over too often."""
        tasks = list(place.tasks.values())
        self._lose(place)
        # those that waited for their turn have nothing to do with it
        for number, task in reversed(list(enumerate(tasks))):
            task.deaths += number < self.threads
            if task.deaths < ATTEMPTS:
                held.appendleft(task)
                continue
            yield self._failed(
                task, f"its worker died {ATTEMPTS} times; is the memory too small for it?"
            )

    def _failed(self, task: _Task, reason: str) -> Result:
        error = f"{display_name(task.job.source)}: {reason}"
        if task.line is not None and self.manifest is not None:
            self.manifest.append(finish_entry(task.line, error, 0.0))
        return Result(task.job, 0.0, error)

    def _lose(self, place: _Place) -> None:
        for reference in list(place.tasks):
            self._forget(place, reference)
        self.places.remove(place)
        self.looked = float("-inf")
        with suppress(Exception):  # it may be alive yet and only out of reach
            self.ray.kill(place.actor)

    def _warn_of_waiting(self) -> None:
        if self.begun is not None and time.monotonic() > self.begun + WAITING:
            self.begun = None
            warnings.warn(
                "no worker of the cluster has begun yet; its cores may be taken by others",
                RuntimeWarning,
                stacklevel=2,
            )

    def dismiss(self) -> None:
        """End all workers; what they still bring within PATIENCE is noted in the manifest."""
        with suppress(Exception):  # the cluster may be gone
            for place in self.places:
                if place.tasks:
                    place.actor.stop.remote()
            end = time.monotonic() + PATIENCE
            while self.busy and time.monotonic() < end:
                for _ in self.finished(deque()):
                    pass
        for place in self.places:
            with suppress(Exception):
                self.ray.kill(place.actor)


def _cause(failure: Any) -> str:
    """Return the error that a worker raised, on one line."""
    cause = getattr(failure, "cause", None) or failure
    return " ".join(f"{type(cause).__name__}: {cause}".split())[:300]


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Give the module ray, connected until the end; a connection made by the caller stays."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        # Here, not above: nobody else needs to wait for the import.
        import ray
    except ImportError as error:
        raise ColorizeError("--ray needs an extra: pip install 'colorize-photos[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    with _signals_kept():
        _start(ray, address)
    try:
        yield ray
    finally:
        with _signals_kept():
            ray.shutdown()


def _start(ray: Any, address: str) -> None:
    here: dict[str, Any] = {}
    if address == LOCAL:
        here = {"include_dashboard": False, "object_store_memory": STORE_BYTES}
        if hasattr(os, "sched_getaffinity"):
            here["num_cpus"] = len(os.sched_getaffinity(0))
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **here)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ColorizeError(f"--ray {address}: can't connect: {reason}") from error


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Undo what Ray changes of how this process takes signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
