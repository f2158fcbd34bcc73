"""Which jobs of a batch need not or must not be run."""

from __future__ import annotations

import dataclasses
import errno
import os
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from colorize.batch.adoption import has_other_settings, is_result
from colorize.batch.jobs import Cause, Job, Result, WriteOptions, failure_line
from colorize.errors import display_name, error_context, reason_of
from colorize.io import readers
from colorize.io.atomic import check_replaceable
from colorize.io.photo import Photo
from colorize.io.storage import RemotePath, exists, is_file, open_input, size_and_mtime
from colorize.video.formats import is_video
from colorize.viewing.gallery import Thumbnails

MAX_AHEAD_NS = 86_400 * 10**9  # a day: by how much clocks of machines in use may differ


class Prechecker:
    """Tells which jobs are skipped or rejected; called from several threads."""

    def __init__(
        self,
        options: WriteOptions,
        rejected: Mapping[Job, str] | None = None,
        cancelled: Event | None = None,
    ):
        """Prepare to check jobs.

        Args:
            options: how to write.
            rejected: the jobs that must not run, with the reasons, from `find_conflicts`.
            cancelled: set when the batch is canceled.
        """
        self.options = options
        self.rejected = rejected or {}
        self.cancelled = cancelled or Event()

    def __call__(self, job: Job) -> Result | None:
        """Return the result of a job that is skipped or rejected, None if it is to be run."""
        start = time.monotonic()
        try:
            result = check(job, self.rejected, self.options)
        except Exception as error:
            result = Result(job, 0, failure_line(job, error))
        if result is None:
            return None
        notes: tuple[str, ...] = ()
        thumbnails = None
        if result.skipped is not None:
            thumbnails, notes = self._existing_thumbnails(job)
        seconds = time.monotonic() - start
        return dataclasses.replace(result, seconds=seconds, notes=notes, thumbnails=thumbnails)

    def _existing_thumbnails(self, job: Job) -> tuple[Thumbnails | None, tuple[str, ...]]:
        """Return thumbnails of the existing input and output, or a note why there are none."""
        unwanted = not self.options.thumbnails or job.is_extra or is_video(job.source)
        if unwanted or self.cancelled.is_set():
            return None, ()
        try:
            before, after = (read_photo(path, self.options) for path in (job.source, job.target))
            return Thumbnails.from_photos(before, after), ()
        except Exception as error:
            return None, (f"not in the gallery: {failure_line(job, error)}",)


def read_photo(path: Path, options: WriteOptions) -> Photo:
    """Return the first page of a photograph, within the limits of the options."""
    with open_input(path) as source:
        return readers.read(
            source, max_pixels=options.max_pixels, allow_damaged=options.allow_damaged
        )


def check(job: Job, rejected: Mapping[Job, str], options: WriteOptions) -> Result | None:
    """Return the result of a job that is not to be run, None if it is.

    Raises ColorizeError where something other than a file is at the output's path.
    """
    result = _check_earlier(job, rejected, options)
    if result is None and (reason := why_unwritable(job.target.parent)):
        return Result(job, 0, f"{display_name(job.source)}: {reason}")
    return result


def _check_earlier(job: Job, rejected: Mapping[Job, str], options: WriteOptions) -> Result | None:
    """Return the result of a job that conflicts or was done before, None for others."""
    source, target = display_name(job.source), display_name(job.target)
    manifest, existing = options.manifest, options.existing
    if job in rejected:
        return Result(job, 0, f"{source}: {rejected[job]}")
    if manifest is not None and manifest.is_current(job.source, job.target, job.settings):
        reason = f"{target} is up to date according to the manifest"
        return Result(job, 0, skipped=reason, cause="up to date")
    if not exists(job.target):
        return None
    if not isinstance(job.target, RemotePath):
        with error_context(source):
            check_replaceable(job.target)
    if manifest is not None and not manifest.knows(job.target) and is_result(job, options):
        manifest.adopt(job.source, job.target, job.settings)
        reason = f"{target} is the result of an earlier run, by what it says of itself"
        return Result(job, 0, skipped=reason, cause="up to date")
    if existing == "replace" or (manifest is not None and manifest.is_own_output(job.target)):
        return None
    cause: Cause = "output exists"
    what = "exists"
    if existing == "keep newer" and is_file(job.target):
        if _is_newer(job.source, job.target):
            cause, what = "output older", "is older than the input"
        elif has_other_settings(job, options):
            cause, what = "other settings", "was made with other settings"
        else:
            existing = "keep"
    if existing == "keep" and is_file(job.target):
        return Result(job, 0, skipped=f"{target} exists", cause=cause)
    error = f"{source}: {target} {what}; --overwrite replaces it, --skip-existing keeps it"
    return Result(job, 0, error, cause=cause)


def why_unwritable(folder: Path) -> str | None:
    """Return why an output folder, which need not exist yet, cannot be written, None if it can.

    Asked before a photograph is colorized in vain.
    """
    if isinstance(folder, RemotePath):
        return None  # writing tells
    existing = folder
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    if not os.path.isdir(existing):
        return None
    if os.access(existing, os.W_OK | os.X_OK):
        return None
    read_only = hasattr(os, "ST_RDONLY") and os.statvfs(existing).f_flag & os.ST_RDONLY
    number = errno.EROFS if read_only else errno.EACCES
    return f"cannot write to {display_name(folder)}: {reason_of(OSError(number, ''))}"


def _is_newer(source: Path, target: Path) -> bool:
    """Return whether a source was changed after its output was written.

    A time far in the future tells nothing: it is that of a clock which was wrong.
    """
    (_, changed), (_, written) = size_and_mtime(source), size_and_mtime(target)
    if changed is None or written is None or changed > time.time_ns() + MAX_AHEAD_NS:
        return False
    return changed > written
