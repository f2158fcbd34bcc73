"""What the evaluation tasks share: their form, arguments, photographs and report."""

from __future__ import annotations

import argparse
import io
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from tqdm import tqdm

from colorize.color.types import Floats, Pixels
from colorize.color.upsampling import upsample_to_input
from colorize.command_parser import WEIGHTS_HELP, add_arguments, from_arguments, whole_number
from colorize.errors import ColorizeError
from colorize.io.datasets import iter_files
from colorize.io.formats import has_image_suffix
from colorize.io.photo import Photo
from colorize.io.readers import read
from colorize.models import registry
from colorize.options import ColorizeOptions
from colorize.pipeline import Colorizer

NamedFile = tuple[str, bytes]
T = TypeVar("T")


@dataclass(frozen=True)
class Report:
    """The result of a task.

    Attributes:
        settings: What was measured, and how.
        metrics: The results, as JSON values.
        text: The results as Markdown.
    """

    settings: Mapping[str, object]
    metrics: Mapping[str, object]
    text: str

    def to_json(self) -> str:
        """Return settings and metrics as a JSON object; what is not finite becomes null."""
        content = _finite({**self.settings, **self.metrics})
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_text(self) -> str:
        """Return one line of settings, then the results."""
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return f"{settings}\n\n{self.text}\n"


@dataclass(frozen=True)
class Task:
    """A sub-command of `python -m colorize.evaluation`.

    Attributes:
        name: The sub-command.
        help: One line for the list of sub-commands.
        add_arguments: Adds the sub-command's arguments to its parser.
        run: Returns the report; may raise ColorizeError or OSError.
    """

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Report]


class Subject:
    """What a task measures: the network, decoding and photographs that the arguments choose."""

    def __init__(self, args: argparse.Namespace):
        """Load the network. Raises ColorizeError."""
        self.args = args
        self.options = from_arguments(ColorizeOptions, args, "evaluation")
        self.colorizer = Colorizer.from_pretrained(
            args.model,
            weights=args.weights,
            device=args.device,
            quiet=args.quiet,
            options=self.options,
        )

    def files(self) -> Iterator[NamedFile]:
        """Yield names and contents of the files, with a progress bar."""
        return _with_progress(selected_files(self.args), self.args.quiet)

    def photographs(self, size: int | None = None) -> Iterator[Pixels]:
        """Yield the photographs, stretched to the network's size or another, with a progress bar.

        Files that are not images are left out.
        """
        photographs = read_stretched(selected_files(self.args), size or self.colorizer.size)
        return _with_progress(photographs, self.args.quiet)

    def full_size_photographs(self) -> Iterator[Pixels]:
        """Yield the photographs at their size, with a progress bar."""
        return _with_progress(read_full_size(selected_files(self.args)), self.args.quiet)

    def report(
        self, count: int, metrics: Mapping[str, object], text: str, **settings: object
    ) -> Report:
        """Return the report on `count` photographs, which names network and decoding.

        `settings` are further ones of the task; for the rest see `Report`.
        """
        known = {"model": self.args.model, "photographs": count, "size": self.colorizer.size}
        changed = [each.name for each in self.options.changed() if each.name != "size"]
        known |= {name: getattr(self.options, name) for name in changed}
        if self.colorizer.decoder is not None:
            known |= asdict(self.colorizer.decoder.style)
        return Report(known | settings, metrics, text)


def measurement(
    name: str,
    help: str,
    measure: Callable[[Subject], Report],
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> Task:
    """Return a task that measures a `Subject`.

    Args:
        name: The sub-command.
        help: One line for the list of sub-commands.
        measure: Returns the report; may raise ColorizeError or OSError.
        add_arguments: Adds arguments beyond those that choose the subject.
    """

    def add_all_arguments(parser: argparse.ArgumentParser) -> None:
        _add_common_arguments(parser)
        add_arguments(parser)

    return Task(name, help, add_all_arguments, lambda args: measure(Subject(args)))


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose photographs, network and decoding."""
    parser.add_argument("data", type=Path, help="folder or tar file of photographs")
    parser.add_argument(
        "--every", type=whole_number(1), default=1, metavar="N", help="use every N-th file"
    )
    parser.add_argument(
        "--limit", type=whole_number(1), metavar="N", help="use the first N files only"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    default = registry.DEFAULT_MODEL
    parser.add_argument(
        "--model", default=default, choices=tuple(registry.MODELS), help=f"default: {default}"
    )
    parser.add_argument("--weights", metavar="FILE", help=WEIGHTS_HELP)
    parser.add_argument("--device", default="cpu", help="device for the network (default: cpu)")
    add_arguments(parser, ColorizeOptions, "evaluation")


def predict(colorizer: Colorizer, lightness: Floats, reference: Photo | None = None) -> Floats:
    """Return the network's output for L (b, 1, size, size), ready to be decoded."""
    logits = colorizer.predict_logits(lightness)
    return colorizer.postprocess_logits(logits, lightness, reference)


def decode(colorizer: Colorizer, logits: Floats) -> Floats:
    """Return ab (b, 2, size, size) of the network's output, upsampled bilinearly."""
    return upsample_to_input(colorizer.decode(logits), colorizer.metadata.output_stride)


def selected_files(args: argparse.Namespace) -> Iterator[NamedFile]:
    """Yield names and contents of the files that --every and --limit select."""
    return itertools.islice(iter_files([args.data]), 0, args.limit, args.every)


def read_stretched(files: Iterable[NamedFile], size: int) -> Iterator[Pixels]:
    """Yield photographs as sRGB (size, size, 3), stretched by Pillow's bicubic filter.

    Files that are not images are left out.
    """
    for image in _images(files):
        yield np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))


def read_full_size(files: Iterable[NamedFile]) -> Iterator[Pixels]:
    """Yield photographs as sRGB (h, w, 3). Files that are not images are left out."""
    return (np.asarray(image) for image in _images(files))


def _images(files: Iterable[NamedFile]) -> Iterator[Image.Image]:
    for _, content in files:
        try:
            with Image.open(io.BytesIO(content)) as image:
                rgb = image.convert("RGB")
        except OSError:
            continue
        yield rgb


def read_named(files: Iterable[NamedFile]) -> Iterator[tuple[str, Photo | ColorizeError]]:
    """Yield name and photograph of each image file, or the error where it cannot be read."""
    for name, content in files:
        if not has_image_suffix(name):
            continue
        try:
            yield name, read(io.BytesIO(content))
        except ColorizeError as error:
            yield name, ColorizeError(f"{name}: {str(error).removeprefix('stream: ')}")


def _with_progress(photographs: Iterable[T], quiet: bool) -> Iterator[T]:
    """Yield photographs, with a progress bar on stderr unless quiet."""
    yield from tqdm(photographs, unit=" photographs", disable=quiet or None)


def require_photographs(count: int) -> None:
    """Raise ColorizeError if no photographs were found."""
    if not count:
        raise ColorizeError("no photographs to measure on")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], names: int = 1) -> str:
    """Return a Markdown table; all columns but the first `names` are aligned to the right."""
    lines = [head, ["---"] * names + ["--:"] * (len(head) - names), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _finite(value: object) -> object:
    """Return JSON values with None in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
