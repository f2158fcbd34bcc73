"""The command line: arguments → calls → exit status. The only module that prints."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from colorize._version import __version__

if TYPE_CHECKING:
    from colorize.batch import Job, Report, Result
    from colorize.pipeline import Colorizer

MODELS = ("compact", "eccv16", "siggraph17")
DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

EPILOG = """\
examples:
  colorize -i photo.jpg                        writes photo.colorized.jpg beside it
  colorize -i photo.jpg -o out.png             the suffix of the output decides its format
  colorize -i scans/ -o out/                   every photograph in scans/ and its sub-folders
  colorize -i scans/ --glob '*.tif' -o out/    only the TIFF files
  colorize --glob 'scans/**/*.jpg' -o out/     a pattern by itself
  colorize -i - -o - < photo.jpg > out.jpg     as part of a pipe
  colorize models                              list the networks; see colorize models --help

exit status: 0 all done, 1 something failed, 2 wrong usage, 130 interrupted
"""

MODELS_EPILOG = """\
Published weights are downloaded on first use to the user's cache folder, or to the folder that
the environment variable COLORIZE_CACHE names, and their sha256 is checked before they are read.
"""


def parser() -> argparse.ArgumentParser:
    """Return the arguments of `colorize`."""
    result = argparse.ArgumentParser(
        prog="colorize",
        description="Turn black-and-white photographs into colour photographs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    result.add_argument("--version", action="version", version=f"colorize {__version__}")
    files = result.add_argument_group("files")
    files.add_argument(
        "-i", "--input", nargs="+", default=[], metavar="PATH",
        help="photographs and folders; - reads one photograph from standard input",
    )  # fmt: skip
    files.add_argument(
        "-o", "--output", metavar="PATH",
        help="a file for one input, a folder for several; - writes to standard output "
        "(default: beside each input, with .colorized before the suffix)",
    )  # fmt: skip
    files.add_argument(
        "--glob", metavar="PATTERN",
        help="which files to take, below each -i folder or by itself; ** stands for sub-folders",
    )  # fmt: skip
    files.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    files.add_argument(
        "--format", metavar="NAME", type=str.lower,
        help="format of the output: jpeg, png, tiff, webp, … (default: by the suffix)",
    )  # fmt: skip
    files.add_argument(
        "--quality", type=_quality, metavar="1-100",
        help="quality of lossy formats (default: 95 for JPEG; see docs/formats.md)",
    )  # fmt: skip
    files.add_argument(
        "--max-pixels", type=_positive, metavar="N",
        help="refuse larger photographs (default: 500 million pixels)",
    )  # fmt: skip
    network = result.add_argument_group("network")
    network.add_argument("--model", choices=MODELS, default="compact", help="default: compact")
    network.add_argument("--weights", metavar="FILE", help="weights of your own for --model")
    where = network.add_mutually_exclusive_group()
    where.add_argument("--gpu", action="store_true", help="run on the GPU: CUDA, else Apple MPS")
    where.add_argument("--device", metavar="NAME", help="torch device (default: cpu)")
    network.add_argument(
        "--size", type=_positive, metavar="PIXELS", default=256,
        help="height and width of what the network sees (default: 256)",
    )  # fmt: skip
    colour = result.add_argument_group("colour")
    colour.add_argument(
        "--temperature", type=float, metavar="T",
        help="below 1 decides for the most probable colours, above 1 mixes more "
        "(default: the network's own)",
    )  # fmt: skip
    colour.add_argument(
        "--rebalance", type=float, metavar="SHARE",
        help="how much rare colours are favoured: 1 vivid, 0 the most probable "
        "(default: the network's own)",
    )  # fmt: skip
    result.add_argument("--quiet", action="store_true", help="print errors alone")
    return result


def models_parser() -> argparse.ArgumentParser:
    """Return the arguments of `colorize models`."""
    result = argparse.ArgumentParser(
        prog="colorize models",
        description="List the networks, fetch their weights ahead of time, check them.",
        epilog=MODELS_EPILOG,
        allow_abbrev=False,
    )
    result.add_argument(
        "action", nargs="?", choices=("list", "download", "verify", "path"), default="list",
        help="list (default); download the weights of NAME; verify the hash of what is there; "
        "print the path, downloading first if needed",
    )  # fmt: skip
    result.add_argument("name", nargs="?", choices=MODELS, metavar="NAME", help="|".join(MODELS))
    return result


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def _quality(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 100")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        if argv[:1] == ["models"]:
            return _models(models_parser(), argv[1:])
        arguments = parser()
        args = arguments.parse_args(argv)
        _check(arguments, args)
        return _colorize(args)
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of standard output is gone; keep Python from complaining when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _terminate(number: int, frame: Any) -> NoReturn:
    """Leave as on Ctrl-C, so that no half file stays."""
    raise KeyboardInterrupt


def _say(message: str) -> None:
    """Print one line on standard error."""
    sys.stderr.write(f"colorize: {message}\n")


def _check(arguments: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse combinations that can't mean anything; ends with exit status 2."""
    if not args.input and not args.glob:
        arguments.error("no input: give -i PATH or --glob PATTERN")
    if "-" in args.input and (len(args.input) > 1 or args.glob):
        arguments.error("-i - takes one photograph from standard input and nothing else")
    if args.output == "-" and (len(args.input) != 1 or args.glob):
        arguments.error("-o - takes one input")
    if args.output == "":
        arguments.error("-o is empty")


def _colorize(args: argparse.Namespace) -> int:
    """Colorize what the arguments name."""
    from colorize.errors import ColorizeError

    try:
        if args.input == ["-"] or args.output == "-":
            return _pipe(args)
        return _files(args)
    except ColorizeError as error:
        _say(str(error))
        return FAILED


def _colorizer(args: argparse.Namespace) -> Colorizer:
    """Return the network and settings that the arguments ask for."""
    # Here, not above: importing torch takes a second that help and usage errors needn't wait.
    from colorize import device
    from colorize.pipeline import Colorizer

    return Colorizer.from_pretrained(
        args.model,
        weights=args.weights,
        device=device.gpu() if args.gpu else device.check(args.device or "cpu"),
        quiet=args.quiet,
        temperature=args.temperature,
        rebalance=args.rebalance,
        size=args.size,
    )


def _pipe(args: argparse.Namespace) -> int:
    """Colorize one photograph from or to a pipe."""
    from colorize import image
    from colorize.errors import ColorizeError

    to_stdout = args.output in (None, "-")
    if to_stdout and sys.stdout.isatty():
        raise ColorizeError("standard output is a terminal: name a file with -o or use a pipe")
    if not to_stdout and os.path.lexists(args.output) and not args.overwrite:
        raise ColorizeError(f"{args.output} exists; --overwrite replaces it")
    source = sys.stdin.buffer if args.input == ["-"] else args.input[0]
    target = sys.stdout.buffer if to_stdout else args.output
    colorizer = _colorizer(args)
    limit = args.max_pixels or image.MAX_PIXELS
    pages = (colorizer(photo) for photo in image.read_pages(source, max_pixels=limit))
    for note in image.write(pages, target, format=args.format, quality=args.quality):
        if not args.quiet:
            _say(note)
    return DONE


def _files(args: argparse.Namespace) -> int:
    """Colorize files into files."""
    from colorize import batch, image
    from colorize.errors import ColorizeError

    if args.format is not None:
        image.output_format("", args.format)  # an unknown format is told before any work
    inputs = [Path(name) for name in args.input]
    output = None if args.output is None else Path(args.output)
    several = len(inputs) != 1 or inputs[0].is_dir()
    folder = several or str(args.output).endswith(("/", os.sep)) or (output or Path()).is_dir()
    if several and output is not None and output.exists() and not output.is_dir():
        raise ColorizeError(f"{output}: several inputs need a folder as -o, and this is a file")
    jobs = batch.plan(batch.find(inputs, args.glob), output, folder, args.format)
    if not jobs:
        raise ColorizeError("nothing to do: all inputs are results of earlier runs")
    return _run(jobs, args).return_code


def _run(jobs: list[Job], args: argparse.Namespace) -> Report:
    """Run the jobs, with a progress bar where there are several, and say how it went."""
    from tqdm import tqdm

    from colorize import batch, image

    colorizer = _colorizer(args)
    report = batch.Report()
    start = time.monotonic()
    results = batch.run(
        jobs,
        colorizer,
        overwrite=args.overwrite,
        format=args.format,
        quality=args.quality,
        max_pixels=args.max_pixels or image.MAX_PIXELS,
    )
    several = len(jobs) > 1
    hidden = args.quiet or not several or not sys.stderr.isatty()
    with tqdm(results, total=len(jobs), unit="photo", disable=hidden, file=sys.stderr) as bar:
        for result in bar:
            report.add(result)
            for line in _lines(result, several, args.quiet):
                with bar.external_write_mode(file=sys.stderr):
                    _say(line)
    if several and not args.quiet:
        seconds = time.monotonic() - start
        rate = report.done / seconds
        _say(
            f"{report.done} done, {len(report.failed)} failed in {seconds:.1f} s"
            f" ({rate:.1f} per second)"
        )
    return report


def _lines(result: Result, several: bool, quiet: bool) -> list[str]:
    """Return what to say of one result."""
    if result.error is not None:
        return [result.error]
    if quiet:
        return []
    notes = [f"{result.job.target}: {note}" for note in result.notes]
    if several or result.size is None:
        return notes
    width, height = result.size
    done = f"{result.job.source} → {result.job.target} ({width}×{height}, {result.seconds:.1f} s)"
    return [done, *notes]


def _models(arguments: argparse.ArgumentParser, argv: Sequence[str]) -> int:
    """List, download, verify or locate weights."""
    args = arguments.parse_args(argv)
    if args.action != "list" and args.name is None:
        arguments.error(f"{args.action} needs the NAME of a network")
    from colorize import registry
    from colorize.errors import ColorizeError

    try:
        if args.action == "list":
            for model in registry.available():
                place = registry.cached(model.name)
                state = "not downloaded yet" if place is None else str(place)
                _print(f"{model.name}: {model.description}")
                _print(f"    {model.size / 1e6:.0f} MB, {model.licence}, {state}")
        elif args.action == "verify":
            _print(f"{registry.verify(args.name)}: the sha256 is right")
        else:
            _print(str(registry.path(args.name)))
    except ColorizeError as error:
        _say(str(error))
        return FAILED
    return DONE


def _print(line: str) -> None:
    """Print one line of data on standard output."""
    sys.stdout.write(line + "\n")
