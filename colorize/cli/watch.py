"""`--watch`: colorize what is put into folders, until a signal ends it."""

from __future__ import annotations

import argparse
import dataclasses
import time
from contextlib import closing
from pathlib import Path

from colorize import batch
from colorize.batch import Job, NothingFound, Report, Result
from colorize.cli.events import Events
from colorize.cli.messages import FAILED, log_line, result_lines
from colorize.cli.plan import check_outputs, make_plan
from colorize.cli.run import make_log_folders, run_jobs
from colorize.cli.settings import make_colorizer, make_options, open_manifest
from colorize.cli.signals import interrupts
from colorize.errors import ColorizeError, display_name, is_disk_full
from colorize.io.storage import is_folder, parse_path, size_and_mtime

MAX_SHARE = 0.25  # of the time that looks may take; in large folders they are less frequent

Stamp = tuple[int, int] | tuple[None, None]  # size in bytes, mtime in nanoseconds


class HotFolders:
    """Finds the photographs that have come into folders and are complete.

    A file is taken once its size and time are the same in two looks, and again when they change.
    """

    def __init__(self, args: argparse.Namespace):
        """Begin; the folders are the inputs of the command."""
        self._args = args
        self._before: dict[Path, Stamp] = {}  # at the last look
        self._taken: dict[Path, Stamp] = {}
        self._problems: dict[str, str] = {}  # by folder

    def look(self) -> list[Job]:
        """Return the jobs that can run now."""
        jobs = [job for name in self._args.input for job in self._jobs_of(name)]
        now = {job.source: size_and_mtime(job.source) for job in jobs}
        ready = {
            source
            for source, stamp in now.items()
            if self._before.get(source) == stamp != self._taken.get(source)
        }
        self._before = now
        self._taken = {source: stamp for source, stamp in self._taken.items() if source in now}
        self._taken |= {source: now[source] for source in ready}
        if not ready:
            return []
        rejected = batch.find_conflicts(jobs)  # with the outputs of those that are done, too
        return [
            dataclasses.replace(job, rejection=rejected.get(job))
            for job in jobs
            if job.source in ready
        ]

    def _jobs_of(self, name: str) -> list[Job]:
        """Return the jobs of one folder, or none and a line the first time it cannot be read."""
        try:
            if not is_folder(parse_path(name)):
                raise ColorizeError(f"{display_name(name)}: is not there; waiting for it")
            args = argparse.Namespace(**vars(self._args) | {"input": [name]})
            jobs = make_plan(args).jobs
        except NothingFound:
            jobs = []
        except ColorizeError as error:
            if self._problems.get(name) != str(error):
                log_line(str(error))
                self._problems[name] = str(error)
            return []
        self._problems.pop(name, None)
        return jobs


class _Log:
    """Prints a line for each result, except for what earlier runs have done."""

    def __init__(self, args: argparse.Namespace):
        """Begin with nothing done."""
        self.report = Report()
        self.full_disk: str | None = None
        self._events = Events(args.json)
        self._events.start(None)
        self._quiet = args.quiet

    def add(self, result: Result) -> None:
        """Count and show a result."""
        if result.cause == "disk full":
            self.full_disk = result.error
            return
        self.report.add(result)
        self._events.result(result)
        if result.error is not None or result.cause not in ("up to date", "output exists"):
            for line in result_lines(result, False, self._quiet):
                log_line(line)

    def end(self) -> None:
        """Print what was done."""
        report = self.report
        self._events.end(report, 0, self.full_disk)
        if self.full_disk is not None:
            log_line(f"{self.full_disk}; make room and start it again")
        elif not self._quiet:
            log_line(report.counts)


def watch(args: argparse.Namespace) -> int:
    """Colorize what comes into the folders; return only where the disk is full."""
    for name in args.input:
        if not is_folder(parse_path(name)):
            raise ColorizeError(f"{display_name(name)}: --watch needs folders that exist")
    check_outputs(args)
    make_log_folders(args)
    folders = HotFolders(args)
    colorizer = make_colorizer(args)
    log = _Log(args)
    with (
        batch.failure_log(args.failure_log and Path(args.failure_log)) as add_failure,
        open_manifest(args) as manifest,
    ):
        options = make_options(args, manifest)
        if not args.quiet:
            log_line(f"watching {', '.join(map(display_name, args.input))}; Ctrl-C ends it")
        try:
            while log.full_disk is None:
                start = time.monotonic()
                jobs = folders.look()
                seconds = time.monotonic() - start
                with closing(run_jobs(jobs, colorizer, options, args)) as results:
                    for result in results:
                        interrupts.check()
                        log.add(result)
                        if result.error is not None:
                            add_failure(result)
                time.sleep(0 if log.full_disk else max(args.watch, seconds / MAX_SHARE))
        except ColorizeError as error:  # the manifest cannot be written
            if not is_disk_full(error):
                raise
            log.full_disk = str(error)
        finally:
            log.end()
    return FAILED
