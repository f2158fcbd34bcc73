"""What the arguments ask for, as the library takes it."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from colorize.batch import Job, Options, Special
from colorize.batch.manifest import Manifest
from colorize.errors import ColorizeError, display_name
from colorize.io import readers
from colorize.io.checksum import hash_file
from colorize.io.formats import output_format
from colorize.io.photo import Photo
from colorize.models import registry

if TYPE_CHECKING:
    from colorize.pipeline import Colorizer


def make_colorizer(args: argparse.Namespace, single: bool = False) -> Colorizer:
    """Return the network and settings that the arguments ask for; `single`: for one photograph."""
    # Here, not above: a photograph is being read already while these are imported.
    from colorize.hints.format import read_hints
    from colorize.pipeline import Colorizer
    from colorize.runtime.load import prefer_onnx

    device = "gpu" if args.gpu else args.device or "cpu"
    sooner = prefer_onnx(args.model, args.weights, device, single)
    return Colorizer.from_pretrained(
        args.model,
        weights=args.weights,
        device=device,
        backend=args.backend or ("onnx" if sooner else None),
        quiet=args.quiet,
        style=args.style,
        temperature=args.temperature,
        rebalance=args.rebalance,
        rarity=args.rarity,
        coherence=args.coherence,
        saturation=args.saturation,
        size=args.size,
        upsampling=args.upsampling,
        autocontrast=args.autocontrast,
        hints=read_hints(args.hints) if args.hints else None,
        reference=readers.read(args.reference) if args.reference else None,
    )


def make_renderer(colorizer: Colorizer, seed: int) -> Special:
    """Return what makes a sample, or a map of confidence, of a photograph."""

    def special(job: Job, photo: Photo) -> Photo:
        if job.sample is None:
            return colorizer.confidence_map(photo)
        return colorizer.sample(photo, job.sample, seed)

    return special


def make_options(args: argparse.Namespace, manifest: Manifest | None) -> Options:
    """Return how the arguments ask to write outputs."""
    return Options(
        overwrite=args.overwrite,
        skip_existing=args.skip_existing,
        manifest=manifest,
        format=args.format,
        quality=args.quality,
        max_pixels=args.max_pixels or readers.MAX_PIXELS,
        reserved=tuple(Path(name) for name in (args.manifest, args.report, args.gallery) if name),
        compare=args.compare,
        pictures=args.gallery is not None,
    )


def output_fingerprint(args: argparse.Namespace) -> dict[str, object]:
    """Return what decides over an output, besides the input: a change means to do it again."""
    weights = registry.find(args.model).sha256 if args.weights is None else _sha256(args.weights)
    return {
        "model": args.model,
        "weights": weights,
        "style": args.style,
        "temperature": args.temperature,
        "rebalance": args.rebalance,
        "rarity": args.rarity,
        "coherence": args.coherence,
        "saturation": args.saturation,
        "upsampling": args.upsampling,
        "seed": None if args.samples is None else args.seed or 0,
        "size": args.size,
        "autocontrast": args.autocontrast or None,
        "hints": args.hints and _sha256(args.hints),
        "reference": args.reference and _sha256(args.reference),
        "compare": args.compare,
        "format": args.format and output_format("", args.format),
        "quality": args.quality,
        "codec": args.codec,
        "crf": args.crf,
    }


def _sha256(weights: str) -> str:
    try:
        return hash_file(Path(weights))
    except OSError as error:
        raise ColorizeError(f"{display_name(weights)}: cannot read: {error.strerror}") from error


def read_manifest(args: argparse.Namespace) -> Manifest | None:
    """Return the manifest to look things up in, None without one."""
    return Manifest(Path(args.manifest), output_fingerprint(args)) if args.manifest else None


def open_manifest(args: argparse.Namespace) -> AbstractContextManager[Manifest | None]:
    """Return the manifest to add to, None without one."""
    if not args.manifest:
        return nullcontext()
    return Manifest.appending(Path(args.manifest), output_fingerprint(args))
