"""Which photographs the arguments name, and what their outputs are called."""

from __future__ import annotations

import argparse
import os

from colorize import batch
from colorize.batch import Job, Source
from colorize.errors import ColorizeError, display_name
from colorize.io.formats import output_format
from colorize.io.storage import exists, is_folder, parse_path


def find_jobs(args: argparse.Namespace) -> list[Job]:
    """Return what the arguments name, each file with its output."""
    if args.format is not None:
        output_format("", args.format)  # refuse an unknown format before any work
    inputs = [parse_path(name) for name in args.input]
    output = None if args.output is None else parse_path(args.output)
    several = len(inputs) != 1 or is_folder(inputs[0])
    inside = output is None or is_folder(output)
    folder = several or inside or args.output.endswith(("/", os.sep))
    if several and output is not None and not inside and exists(output):
        name = display_name(output)
        raise ColorizeError(f"{name}: several inputs need a folder as -o, and this is a file")
    sources = batch.find_images(inputs, args.glob, output if folder else None)
    jobs = batch.plan_jobs(sources, output, folder, args.format, args.samples)
    if args.confidence_map:
        named = {job.source for job in jobs}
        jobs += _maps([source for source in sources if source.path in named], several, args)
    return jobs


def _maps(sources: list[Source], several: bool, args: argparse.Namespace) -> list[Job]:
    """Return the jobs that write maps of confidence: into a folder for several inputs."""
    target = parse_path(args.confidence_map)
    if several and exists(target) and not is_folder(target):
        name = display_name(target)
        raise ColorizeError(f"{name}: several inputs need a folder as --confidence-map")
    folder = several or is_folder(target) or args.confidence_map.endswith(("/", os.sep))
    if not folder:
        output_format(target)
    return batch.plan_confidence_maps(sources, target, folder)
