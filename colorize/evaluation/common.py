"""What the commands of this package have in common: arguments, network, photographs, answer."""

from __future__ import annotations

import argparse
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorize.decoding.settings import Decoding
from colorize.errors import ColorizeError
from colorize.io.datasets import iter_files
from colorize.pipeline import INPUT_SIZE, Colorizer

Pixels = npt.NDArray[np.uint8]

SETTINGS = ("weights", "device", "size", "style", *Decoding._fields, "saturation", "quiet")


class Answer(NamedTuple):
    """What a command found."""

    settings: dict[str, Any]  # what it was measured with
    figures: dict[str, Any]  # for JSON
    text: str  # the same to read


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """Return the arguments that all commands take; `module` is the command's name."""
    result = argparse.ArgumentParser(
        prog=f"python -m colorize.evaluation.{module}", description=description
    )
    result.add_argument("data", type=Path, help="folder or tar file of photographs")
    result.add_argument("--every", type=_count, default=1, metavar="N", help="take one file in N")
    result.add_argument("--limit", type=_count, metavar="N", help="take the first N files")
    result.add_argument("--model", default="compact", help="default: compact")
    result.add_argument("--weights", help="weights file of that model")
    result.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    result.add_argument("--size", type=int, default=INPUT_SIZE, help="network size")
    result.add_argument("--style", help="vivid (default) or faithful")
    for name in Decoding._fields:
        result.add_argument(f"--{name}", type=float, help="default: the style's")
    result.add_argument("--saturation", type=float, default=1.0, help="default: 1")
    result.add_argument("--quiet", action="store_true", help="no progress on stderr")
    return result


def measuring_parser(module: str, description: str) -> argparse.ArgumentParser:
    """Return `parser` for a command that gives figures."""
    result = parser(module, description)
    result.add_argument("--json", type=Path, help="also write the figures to this file")
    return result


def _count(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")


def colorizer_of(args: argparse.Namespace) -> Colorizer:
    """Return the network and settings that the arguments ask for."""
    return Colorizer.from_pretrained(args.model, **{name: getattr(args, name) for name in SETTINGS})


def settings_of(args: argparse.Namespace, colorizer: Colorizer, count: int) -> dict[str, Any]:
    """Return what figures of so many photographs were measured with."""
    settings = {"model": args.model, "photographs": count, "size": args.size} | {
        name: getattr(colorizer, name) for name in Decoding._fields
    }
    if args.saturation != 1:
        settings["saturation"] = args.saturation
    return settings


def files(args: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files that the arguments choose."""
    return itertools.islice(iter_files([args.data]), 0, args.limit, args.every)


def photographs(chosen: Iterator[tuple[str, bytes]], full_size: bool = False) -> Iterator[Pixels]:
    """Yield files as sRGB, (256, 256, 3) uint8 or of full size; what is no picture is left out."""
    for _, content in chosen:
        try:
            with Image.open(io.BytesIO(content)) as image:
                rgb = image.convert("RGB")
        except OSError:
            continue
        if not full_size:
            rgb = rgb.resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.BICUBIC)
        yield np.asarray(rgb)


def run(
    name: str, measure: Callable[[argparse.Namespace], Answer], args: argparse.Namespace
) -> int:
    """Print what `measure` finds, write it as JSON if asked to, and return the exit status."""
    try:
        settings, figures, text = measure(args)
        if args.json is not None:
            content = json.dumps({**settings, **figures}, indent=2, ensure_ascii=False)
            args.json.write_text(content + "\n", "utf-8")
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    sys.stdout.write(", ".join(f"{k} {v}" for k, v in settings.items()) + f"\n\n{text}\n")
    return 0
