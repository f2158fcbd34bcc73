"""From arguments to the objects of the library: colorizer, write options, manifest."""

from __future__ import annotations

import argparse
import functools
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from colorize.batch import Job, RenderFn, WriteOptions, read_hint_file
from colorize.batch.manifest import Manifest
from colorize.cli.argument_checks import LOCAL_FILES
from colorize.command_parser import from_arguments
from colorize.io import readers
from colorize.io.formats import output_format
from colorize.io.photo import Photo
from colorize.io.provenance import CREATOR_TOOL, DIGITAL_SOURCE_TYPE, canonical_settings
from colorize.io.storage import is_folder, parse_path
from colorize.models import registry
from colorize.models.remote_weights import sha256_in_address
from colorize.models.weights_files import known_hash
from colorize.options import ColorizeOptions, OutputOptions, VideoOptions
from colorize.runtime.threads import available_cpus
from colorize.viewing.layer import color_layer

if TYPE_CHECKING:
    from colorize.pipeline import Colorizer


def make_colorizer(args: argparse.Namespace, single: bool = False) -> Colorizer:
    """Return the colorizer that the arguments describe; `single`: for one photograph."""
    # Here, not above: a photograph is already being read while this is imported.
    from colorize.pipeline import Colorizer

    colorizer = Colorizer.from_pretrained(
        args.model,
        weights=args.weights,
        device="gpu" if args.gpu else args.device or "cpu",
        backend=args.backend,
        throughput=not single,
        quiet=args.quiet,
        options=from_arguments(ColorizeOptions, args),
    )
    if args.samples or args.confidence_map:
        colorizer.require_distribution()
    return colorizer


def make_renderer(colorizer: Colorizer) -> RenderFn:
    """Return what renders a photograph's sample, map or layer, or colors it by its hints."""
    sampler = functools.cache(lambda number: colorizer.with_options(sample=number))

    def render(job: Job, photo: Photo) -> Photo:
        if job.layer:
            return color_layer(colorizer(photo))
        if job.confidence:
            return colorizer.confidence_map(photo)
        hints = None if job.hints is None else read_hint_file(job.hints)
        variant = colorizer if job.sample is None else sampler(job.sample)
        return variant(photo, hints=hints)

    return render


def make_options(args: argparse.Namespace, manifest: Manifest | None) -> WriteOptions:
    """Return how outputs are written."""
    named = [getattr(args, name) for name in LOCAL_FILES]
    return WriteOptions(
        existing=_existing(args),
        skip_color=args.skip_color,
        skip_results=all(is_folder(parse_path(name)) for name in args.input),
        manifest=manifest,
        format=args.format,
        quality=args.quality,
        max_pixels=args.max_pixels or readers.MAX_PIXELS,
        max_pages=args.max_pages or readers.MAX_PAGES,
        allow_damaged=args.allow_damaged,
        # weights may have an address
        reserved=tuple(Path(name) for name in named if name and "://" not in name),
        compare=args.compare,
        mark=args.mark,
        no_mark=args.no_mark,
        settings=canonical_settings(output_fingerprint(args)),
        thumbnails=args.gallery is not None,
    )


def is_batch(args: argparse.Namespace) -> bool:
    """Return whether the inputs are several, or a folder or pattern that may name several."""
    return len(args.input) != 1 or bool(args.glob) or is_folder(parse_path(args.input[0]))


def _existing(args: argparse.Namespace) -> Literal["refuse", "keep", "keep newer", "replace"]:
    if args.overwrite:
        return "replace"
    if args.skip_existing:
        return "keep"
    return "keep newer" if is_batch(args) and not args.image_sequence else "refuse"


def output_fingerprint(args: argparse.Namespace) -> dict[str, object]:
    """Return what an output depends on besides the input; a change makes the output stale."""
    output = from_arguments(OutputOptions, args)
    if output.format is not None:  # jpg and jpeg are the same
        output = output.replace(format=output_format("", output.format))
    return {
        "model": args.model,
        "weights": _weights_hash(args),
        **from_arguments(ColorizeOptions, args).fingerprint(),
        **output.fingerprint(),
        **from_arguments(VideoOptions, args).fingerprint(),
    }


def video_settings(args: argparse.Namespace, colorizer: Colorizer) -> dict[str, object]:
    """Return what a video depends on besides the source: also on what computes the colors."""
    execution = {"backend": args.backend, "device": colorizer.device, "cpus": available_cpus()}
    return {**output_fingerprint(args), **execution}


def _weights_hash(args: argparse.Namespace) -> str:
    if not args.weights:
        return registry.find(args.model).sha256
    return sha256_in_address(args.weights) or known_hash(Path(args.weights))


def video_comment(args: argparse.Namespace) -> str | None:
    """Return what a video's file says of its colors, None with --no-mark."""
    if args.no_mark:
        return None
    settings = canonical_settings(output_fingerprint(args))
    return f"colors computed by {CREATOR_TOOL}; {DIGITAL_SOURCE_TYPE}; {settings}"


def read_manifest(args: argparse.Namespace) -> Manifest | None:
    """Return the manifest for a dry run, None without one."""
    return Manifest(Path(args.manifest), output_fingerprint(args)) if args.manifest else None


def open_manifest(args: argparse.Namespace) -> AbstractContextManager[Manifest | None]:
    """Return the manifest, locked and open for new entries, None without one."""
    if not args.manifest:
        return nullcontext()
    return Manifest.appending(Path(args.manifest), output_fingerprint(args))
