"""Recognize results of earlier runs by what their files say, where no manifest knows them."""

from __future__ import annotations

import json

from colorize.batch.jobs import Job, WriteOptions
from colorize.errors import ColorizeError
from colorize.io import readers
from colorize.io.formats import output_format
from colorize.io.provenance import Provenance, canonical_settings, pixel_hash
from colorize.io.storage import RemotePath
from colorize.video.formats import is_video


def output_settings(job: Job, options: WriteOptions) -> str | None:
    """Return what the output of a job depends on besides its input, as canonical JSON."""
    sample = {} if job.sample is None else {"sample": job.sample}
    changes = job.settings | sample
    if options.settings is None or not changes:
        return options.settings
    return canonical_settings(json.loads(options.settings) | changes)


def is_result(job: Job, options: WriteOptions) -> bool:
    """Return whether the file at a job's target says that it is what the job would write.

    Its record names the settings, and its identifier is computed from them and from the pixels of
    the source, which is decoded for that.
    """
    settings = output_settings(job, options)
    remote = isinstance(job.source, RemotePath) or isinstance(job.target, RemotePath)
    if settings is None or remote or job.is_extra or is_video(job.source):
        return False
    from colorize.io.info import read_info  # here: XML takes a hundredth of a second to import

    try:
        origin = read_info(job.target).origin
        if not origin.is_colorized or origin.parameters != settings:
            return False
        photo = readers.read(
            job.source, max_pixels=options.max_pixels, allow_damaged=options.allow_damaged
        )
        format = output_format(job.target, options.format)
    except ColorizeError:
        return False
    provenance = Provenance(pixel_hash(photo.pixels), settings)
    return origin.instance_id == provenance.instance_id(format, options.quality)


def has_other_settings(job: Job, options: WriteOptions) -> bool:
    """Return whether the file at a job's target says that it was made with other settings."""
    settings = output_settings(job, options)
    remote = isinstance(job.target, RemotePath)
    if settings is None or remote or job.is_extra or is_video(job.source):
        return False
    from colorize.io.info import read_info  # here: XML takes a hundredth of a second to import

    try:
        origin = read_info(job.target).origin
    except ColorizeError:
        return False
    return origin.is_colorized and origin.parameters != settings
