"""The command line: arguments → calls → exit status. The only module that prints."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from colorize._version import __version__

if TYPE_CHECKING:
    from colorize.batch import Job, Options, Result
    from colorize.manifest import Manifest
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
  colorize -i scans/ -o out/ --manifest m.jsonl    again, it goes on where it stopped
  colorize -i - -o - < photo.jpg > out.jpg     as part of a pipe
  colorize models                              list the networks; see colorize models --help

exit status: 0 all done, 1 something failed, 2 wrong usage, 130 interrupted (also by
SIGTERM)
"""

MODELS_EPILOG = """\
Published weights are downloaded on first use to the user's cache folder, or to the folder that
the environment variable COLORIZE_CACHE names, and their sha256 is checked before they are read.
"""


def parser() -> argparse.ArgumentParser:
    """Return the arguments of `colorize`."""
    result = argparse.ArgumentParser(
        prog="colorize",
        usage="colorize -i PATH [PATH ...] [-o PATH] [option ...]",
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
    existing = files.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    existing.add_argument(
        "--skip-existing", action="store_true", help="leave out inputs whose output exists"
    )
    files.add_argument(
        "--format", metavar="NAME", type=str.lower,
        help="format of the output: jpeg, png, tiff, webp, ... (default: by the suffix)",
    )  # fmt: skip
    files.add_argument(
        "--quality", type=_quality, metavar="1-100",
        help="quality of lossy formats (default: 95 for JPEG; see docs/formats.md)",
    )  # fmt: skip
    files.add_argument(
        "--max-pixels", type=_positive, metavar="N",
        help="refuse larger photographs (default: 500 million pixels)",
    )  # fmt: skip
    several = result.add_argument_group("batches")
    several.add_argument(
        "--manifest", metavar="FILE",
        help="note there what is done, as JSON lines, and do what is not done yet, or not from "
        "these inputs with these settings",
    )  # fmt: skip
    several.add_argument(
        "--report", metavar="FILE", help="write failures there, each with its reason, as JSON lines"
    )
    several.add_argument(
        "--fail-fast", action="store_true", help="begin no other photograph after a failure"
    )
    several.add_argument(
        "--dry-run", action="store_true", help="say what would be done and touch nothing"
    )
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
    with suppress(ValueError):
        if int(text) > 0:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")


def _quality(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) <= 100:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 100")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    with _interrupts.caught():
        try:
            return _command(argv)
        except KeyboardInterrupt:
            return _interrupted()
        except BrokenPipeError:
            # The reader of standard output is gone; keep Python from complaining when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception:
            if _interrupts.seen:  # libraries turn an interruption of their import into others
                return _interrupted()
            raise


def _command(argv: list[str]) -> int:
    if argv[:1] == ["models"]:
        return _models(models_parser(), argv[1:])
    arguments = parser()
    args = arguments.parse_args(argv)
    _check(arguments, args)
    return _colorize(args)


def _interrupted() -> int:
    _say("interrupted")
    return INTERRUPTED


class _Interrupts:
    """Ctrl-C, SIGTERM and a closed terminal: the first ends the command, others are too late.

    A second KeyboardInterrupt could break off the removal of temporary files.
    """

    SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is missing on Windows

    def __init__(self) -> None:
        self.seen = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Handle the signals; after one was seen they stay ignored until the process ends."""
        self.seen = False
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        known = [getattr(signal, name) for name in self.SIGNALS if hasattr(signal, name)]
        # nohup and & have some ignored, and so they stay
        former = {n: signal.getsignal(n) for n in known}
        former = {n: h for n, h in former.items() if h not in (signal.SIG_IGN, None)}
        for number in former:
            signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, signal.SIG_IGN if self.seen else handler)

    def _handle(self, number: int, frame: Any) -> None:
        if self.seen:
            with suppress(OSError):  # not through sys.stderr, which may be in use below us
                os.write(2, b"colorize: stopping, once the photographs in work let go\n")
            return
        self.seen = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt again if some library swallowed it."""
        if self.seen:
            raise KeyboardInterrupt


_interrupts = _Interrupts()


def _say(message: str) -> None:
    """Print one line on standard error."""
    with suppress(OSError):  # the terminal may be gone
        sys.stderr.write(f"colorize: {_plain(message, sys.stderr)}\n")


def _plain(text: str, stream: TextIO) -> str:
    """Return the text with nothing in it that the stream can't encode."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        text = text.replace("→", "->").replace("×", "x").replace("…", "...")
        return text.encode(encoding, "backslashreplace").decode(encoding)


def _check(arguments: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse combinations that can't mean anything; ends with exit status 2."""
    if not args.input and not args.glob:
        arguments.error("no input: give -i PATH or --glob PATTERN")
    if "-" in args.input and (len(args.input) > 1 or args.glob):
        arguments.error("-i - takes one photograph from standard input and nothing else")
    if args.output == "-" and (len(args.input) != 1 or args.glob):
        arguments.error("-o - takes one input")
    if "" in (*args.input, args.output, args.manifest, args.report):
        arguments.error("a name is empty")
    if args.input == ["-"] or args.output == "-":
        for name in ("skip_existing", "manifest", "report", "fail_fast", "dry_run"):
            if getattr(args, name):
                arguments.error(f"--{name.replace('_', '-')} is for files, not for -")
    if args.manifest and args.report and _same(args.manifest, args.report):
        arguments.error("--manifest and --report need a file each")


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _colorize(args: argparse.Namespace) -> int:
    """Colorize what the arguments name."""
    from colorize.errors import ColorizeError

    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            if args.quiet:
                warnings.simplefilter("ignore")
            if args.input == ["-"] or args.output == "-":
                return _pipe(args)
            return _files(args)
    except ColorizeError as error:
        _say(str(error))
        return FAILED


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning as one line, from whichever thread, between those of a progress bar."""
    from tqdm import tqdm

    with tqdm.external_write_mode(file=sys.stderr):
        _say(" ".join(f"warning: {message}".split()))


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
        raise ColorizeError(f"{image.display_name(args.output)} exists; --overwrite replaces it")
    source = sys.stdin.buffer if args.input == ["-"] else args.input[0]
    target = sys.stdout.buffer if to_stdout else args.output
    if not to_stdout:
        with suppress(OSError):  # whether it can be written to shows later
            image.remove_leftovers(Path(args.output).parent)
    colorizer = _colorizer(args)
    limit = args.max_pixels or image.MAX_PIXELS
    pages = (colorizer(photo) for photo in image.read_pages(source, max_pixels=limit))
    for note in image.write(pages, target, format=args.format, quality=args.quality):
        if not args.quiet:
            _say(note)
    return DONE


def _files(args: argparse.Namespace) -> int:
    """Colorize files into files."""
    jobs = _jobs(args)
    if args.dry_run:
        return _preview(jobs, _options(args, _read_manifest(args)), args.quiet)
    colorizer = _colorizer(args)
    with _opened_manifest(args) as manifest:
        return _run(jobs, colorizer, _options(args, manifest), args)


def _jobs(args: argparse.Namespace) -> list[Job]:
    """Return what the arguments name, each file with its output."""
    from colorize import batch, image
    from colorize.errors import ColorizeError

    if args.format is not None:
        image.output_format("", args.format)  # an unknown format is told before any work
    inputs = [Path(name) for name in args.input]
    output = None if args.output is None else Path(args.output)
    several = len(inputs) != 1 or os.path.isdir(inputs[0])
    is_folder = output is None or os.path.isdir(output)
    folder = several or is_folder or args.output.endswith(("/", os.sep))
    if several and output is not None and not is_folder and os.path.exists(output):
        name = image.display_name(output)
        raise ColorizeError(f"{name}: several inputs need a folder as -o, and this is a file")
    sources = batch.find(inputs, args.glob, output if folder else None)
    jobs = batch.plan(sources, output, folder, args.format)
    if not jobs:
        raise ColorizeError("nothing to do: all inputs are results of earlier runs")
    return jobs


def _options(args: argparse.Namespace, manifest: Manifest | None) -> Options:
    """Return how the arguments ask to write outputs."""
    from colorize import batch, image

    return batch.Options(
        overwrite=args.overwrite,
        skip_existing=args.skip_existing,
        manifest=manifest,
        format=args.format,
        quality=args.quality,
        max_pixels=args.max_pixels or image.MAX_PIXELS,
        reserved=tuple(Path(name) for name in (args.manifest, args.report) if name),
    )


def _settings(args: argparse.Namespace) -> dict[str, object]:
    """Return what decides over an output, besides the input: a change means to do it again."""
    from colorize import image, registry

    weights = registry.find(args.model).sha256 if args.weights is None else _sha256(args.weights)
    return {
        "model": args.model,
        "weights": weights,
        "temperature": args.temperature,
        "rebalance": args.rebalance,
        "size": args.size,
        "format": args.format and image.output_format("", args.format),
        "quality": args.quality,
    }


def _sha256(weights: str) -> str:
    from colorize.download import sha256_of
    from colorize.errors import ColorizeError
    from colorize.image_files import display_name

    try:
        return sha256_of(Path(weights))
    except OSError as error:
        raise ColorizeError(f"{display_name(weights)}: cannot read: {error.strerror}") from error


def _read_manifest(args: argparse.Namespace) -> Manifest | None:
    from colorize.manifest import Manifest

    return Manifest(Path(args.manifest), _settings(args)) if args.manifest else None


def _opened_manifest(args: argparse.Namespace) -> AbstractContextManager[Manifest | None]:
    from colorize.manifest import Manifest

    if not args.manifest:
        return nullcontext()
    return Manifest.appending(Path(args.manifest), _settings(args))


def _preview(jobs: list[Job], options: Options, quiet: bool) -> int:
    """Print what would be done, and on standard error what would fail."""
    from colorize import batch

    report = batch.Report()
    for result in batch.preview(jobs, options):
        report.add(result)
        if result.error is not None:
            _say(result.error)
        elif not quiet:
            _print(_plain(_planned(result), sys.stdout))
    if not quiet:
        counts = f"{report.skipped} to skip, {report.failed} would fail"
        _say(f"dry run: {report.done} to do, {counts}; nothing was touched")
    return report.return_code


def _planned(result: Result) -> str:
    from colorize.image import display_name

    source, target = display_name(result.job.source), display_name(result.job.target)
    return f"{source} → {target}" if result.skipped is None else f"{source}: {result.skipped}"


def _run(jobs: list[Job], colorizer: Colorizer, options: Options, args: argparse.Namespace) -> int:
    """Run the jobs, with a progress bar where there are several, and say how it went."""
    from tqdm import tqdm

    from colorize import batch

    several = len(jobs) > 1
    hidden = args.quiet or not several or not sys.stderr.isatty()
    report = batch.Report()
    run = batch.run(jobs, colorizer, options, fail_fast=args.fail_fast)
    with batch.failure_report(args.report and Path(args.report)) as add_failure:
        try:
            with (
                closing(run) as results,
                tqdm(
                    results, total=len(jobs), unit="photo", disable=hidden, file=sys.stderr
                ) as bar,
            ):
                for result in bar:
                    _interrupts.check()
                    report.add(result)
                    if result.error is not None:
                        add_failure(result)
                    for line in _lines(result, several, args.quiet):
                        with bar.external_write_mode(file=sys.stderr):
                            _say(line)
        finally:
            if several and not args.quiet:
                _say(report.summary + _left(len(jobs) - report.total))
    return report.return_code


def _left(number: int) -> str:
    return f"; {number} left" if number else ""


def _lines(result: Result, several: bool, quiet: bool) -> list[str]:
    """Return what to say of one result."""
    from colorize.image import display_name

    if result.error is not None:
        return [result.error]
    if quiet:
        return []
    notes = [f"{display_name(result.job.target)}: {note}" for note in result.notes]
    if several:
        return notes
    if result.skipped is not None or result.size is None:
        return [_planned(result)]
    width, height = result.size
    return [f"{_planned(result)} ({width}×{height}, {result.seconds:.1f} s)", *notes]


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
    """Print one line of data on standard output; names in it come out byte for byte."""
    try:
        sys.stdout.write(line + "\n")
    except UnicodeEncodeError:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(line) + b"\n")
