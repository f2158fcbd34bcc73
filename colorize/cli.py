"""The command line: arguments → calls → exit status. The only module that prints."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from colorize._version import __version__
from colorize.backends.threads import one_thread_a_product
from colorize.control.styles import STYLES
from colorize.errors import ColorizeError
from colorize.film_names import CODECS, FilmResult, is_film_name, require_film_extra

if TYPE_CHECKING:
    from colorize.batch import Film, Job, Options, Result, Source, Special, Work
    from colorize.images.ahead import ReadAhead
    from colorize.images.image import Photo
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
  colorize -i film.mp4 -o film-colour.mp4      a film, see docs/video.md
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
        "--cluster", nargs="?", const="local", metavar="ADDRESS",
        help="work on a Ray cluster, such as host:6379, with a network on each core (with --gpu "
        "on each GPU); without ADDRESS on this machine; see docs/scale.md",
    )  # fmt: skip
    several.add_argument(
        "--dry-run", action="store_true", help="say what would be done and touch nothing"
    )
    network = result.add_argument_group("network")
    network.add_argument("--model", choices=MODELS, default="compact", help="default: compact")
    network.add_argument("--weights", metavar="FILE", help="weights of your own for --model")
    network.add_argument(
        "--backend", choices=("torch", "onnx"),
        help="what runs the network: torch, or ONNX Runtime, which starts sooner (default: on the "
        "CPU, where it is installed, onnx for compact and for a single photograph, else torch)",
    )  # fmt: skip
    where = network.add_mutually_exclusive_group()
    where.add_argument("--gpu", action="store_true", help="run on the GPU: CUDA, else Apple MPS")
    where.add_argument("--device", metavar="NAME", help="torch device (default: cpu)")
    network.add_argument(
        "--size", type=_positive, metavar="PIXELS", default=256,
        help="height and width of what the network sees (default: 256)",
    )  # fmt: skip
    colour = result.add_argument_group("colour")
    colour.add_argument(
        "--style", choices=STYLES,
        help="vivid (default) or faithful: calmer, the most probable colours",
    )  # fmt: skip
    colour.add_argument(
        "--temperature", type=float, metavar="T",
        help="below 1 decides for the most probable colours, above 1 mixes more "
        "(default: the style's)",
    )  # fmt: skip
    colour.add_argument(
        "--rebalance", type=float, metavar="SHARE",
        help="how much rare colours are favoured: 1 vivid, 0 the most probable "
        "(default: the style's)",
    )  # fmt: skip
    colour.add_argument(
        "--coherence", type=float, metavar="SHARE",
        help="how much places near and about as light have a say in each other's colours, against "
        "patches on one surface: 0 none, up to 1 (default: the style's)",
    )  # fmt: skip
    colour.add_argument(
        "--saturation", type=float, metavar="FACTOR", default=1.0,
        help="makes all colours paler (below 1, 0 is grey) or stronger (above 1, up to 3)",
    )  # fmt: skip
    colour.add_argument(
        "--upsampling", choices=("guided", "bilinear"), default="guided",
        help="enlarge colours along the photograph's edges (default) or smoothly over them",
    )  # fmt: skip
    colour.add_argument(
        "--samples", type=_positive, metavar="N",
        help="write N different colorizations: out-1.png ... out-N.png",
    )  # fmt: skip
    colour.add_argument(
        "--seed", type=_seed, metavar="S",
        help="of the samples: the same seed draws the same colours (default: 0)",
    )  # fmt: skip
    colour.add_argument(
        "--hints", metavar="FILE",
        help="colours of some places of one photograph: lines of x,y,#rrggbb[,radius] in pixels, "
        "or a transparent PNG painted over it; see docs/control.md",
    )  # fmt: skip
    colour.add_argument(
        "--reference", metavar="PHOTO",
        help="a colour photograph whose shares of colours the results are drawn towards",
    )  # fmt: skip
    colour.add_argument(
        "--autocontrast", action="store_true",
        help="stretch the lightness of faded photographs first, the same for all pixels",
    )  # fmt: skip
    films = result.add_argument_group("films")
    films.add_argument(
        "--codec", choices=tuple(CODECS), help="of the video (default: h264, in .webm vp9)"
    )
    films.add_argument(
        "--crf", type=_crf, metavar="N",
        help="quality of the video, lower is better (default: 18 for h264)",
    )  # fmt: skip
    films.add_argument(
        "--sequence", action="store_true",
        help="the pictures of a folder are the frames of one film, in the order of their numbers",
    )  # fmt: skip
    shown = result.add_argument_group("to look at")
    shown.add_argument(
        "--compare", nargs="?", choices=("side", "split"), const="side",
        help="outputs show before and after: side by side (default) or split, a half of each",
    )  # fmt: skip
    shown.add_argument(
        "--confidence", metavar="FILE.png",
        help="also write a map of how sure the network is, for several inputs a folder of maps",
    )  # fmt: skip
    shown.add_argument(
        "--gallery", metavar="FILE.html",
        help="also write one page with a before/after slider for each photograph",
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


def _crf(text: str) -> int:
    with suppress(ValueError):
        if 0 <= int(text) <= 63:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to 63")


def _seed(text: str) -> int:
    with suppress(ValueError):
        if int(text) >= 0:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")


def _quality(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) <= 100:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 100")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    one_thread_a_product()
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


def run() -> NoReturn:
    """Run the command as a process, which ends as soon as its work is done.

    To take Python apart piece by piece takes 60 ms after a network was in use.
    """
    status = main()
    if "ray" in sys.modules:  # has processes of its own to end
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # none, full or closed
            status = status or FAILED
    os._exit(status)


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
    if args.output == "-" and is_film_name(args.input[0]):
        arguments.error("-o - is for photographs: give a film a file")
    if "" in (*args.input, args.output, args.manifest, args.report, args.gallery, args.confidence):
        arguments.error("a name is empty")
    _check_guides(arguments, args)
    if args.input == ["-"] or args.output == "-":
        names = "skip_existing", "manifest", "report", "fail_fast", "dry_run", "gallery", "cluster"
        for name in names:
            if getattr(args, name):
                arguments.error(f"--{name.replace('_', '-')} is for files, not for -")
    _check_places(arguments, args)
    kept = [name for name in ("manifest", "report", "gallery") if getattr(args, name)]
    for one, other in itertools.combinations(kept, 2):
        if _same(getattr(args, one), getattr(args, other)):
            arguments.error(f"--{one} and --{other} need a file each")
    for name in ("manifest", "skip_existing", "cluster"):
        if args.sequence and getattr(args, name):
            option = name.replace("_", "-")
            arguments.error(
                f"--sequence does the whole film, each frame needs the one before: "
                f"leave out --{option}"
            )
    if args.seed is not None and args.samples is None:
        arguments.error("--seed is for --samples")
    for name in ("samples", "confidence"):
        if not getattr(args, name):
            continue
        if args.input == ["-"] or args.output == "-":
            arguments.error(f"--{name} is for files, not for -")
        if args.sequence:
            arguments.error(f"--{name} is for photographs, not for --sequence")
    for name in ("compare", "gallery"):
        if args.sequence and getattr(args, name):
            arguments.error(f"--{name} is for photographs, not for --sequence")
    if args.compare and args.gallery:
        arguments.error("--gallery shows before and after itself: leave out --compare")


def _check_places(arguments: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse names in object stores where a file on a disk is needed."""
    for name in ("manifest", "report", "gallery", "weights", "hints", "reference"):
        if "://" in (getattr(args, name) or ""):
            arguments.error(f"--{name} is a file on a disk, not in an object store")
    if args.output == "-" and "://" in args.input[0]:
        arguments.error("-o - takes a file on a disk")
    if args.input == ["-"] and "://" in (args.output or ""):
        arguments.error("-i - needs a file on a disk as -o")
    if args.sequence and any("://" in name for name in (*args.input, args.output or "")):
        arguments.error("--sequence works on a disk, not in an object store")


def _check_guides(arguments: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse hints for anything but one photograph, and outputs that would replace guides."""
    for name in ("hints", "reference"):
        guide = getattr(args, name)
        if guide == "":
            arguments.error(f"--{name} needs the name of a file")
        if guide and args.output and _same(args.output, guide):
            arguments.error(f"-o would replace what --{name} names")
    single = len(args.input) == 1 and not args.glob and not os.path.isdir(args.input[0])
    if args.hints and not (single and not is_film_name(args.input[0])):
        arguments.error("--hints are for one photograph: give its file as -i, no folder or film")


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _colorize(args: argparse.Namespace) -> int:
    """Colorize what the arguments name."""
    from colorize.errors import ColorizeError

    # For Pillow, which is not imported yet: what it frees in larger blocks, the system has back.
    os.environ.setdefault("PILLOW_BLOCK_SIZE", "64m")
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


def _colorizer(args: argparse.Namespace, single: bool = False) -> Colorizer:
    """Return the network and settings that the arguments ask for; `single`: for one photograph."""
    # Here, not above: help and usage errors needn't wait for the import.
    from colorize import registry
    from colorize.control.hints import read_hints
    from colorize.images.image import read
    from colorize.pipeline import Colorizer

    device = "gpu" if args.gpu else args.device or "cpu"
    sooner = registry.is_sooner_done_with_onnx(args.model, args.weights, device, single)
    return Colorizer.from_pretrained(
        args.model,
        weights=args.weights,
        device=device,
        backend=args.backend or ("onnx" if sooner else None),
        quiet=args.quiet,
        style=args.style,
        temperature=args.temperature,
        rebalance=args.rebalance,
        coherence=args.coherence,
        saturation=args.saturation,
        size=args.size,
        upsampling=args.upsampling,
        autocontrast=args.autocontrast,
        hints=read_hints(args.hints) if args.hints else None,
        reference=read(args.reference) if args.reference else None,
    )


def _pipe(args: argparse.Namespace) -> int:
    """Colorize one photograph from or to a pipe."""
    from colorize.errors import ColorizeError
    from colorize.images import image

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
    colorizer = _colorizer(args, single=True)
    limit = args.max_pixels or image.MAX_PIXELS
    pages = (
        _compared(photo, colorizer(photo), args.compare)
        for photo in image.read_pages(source, max_pixels=limit)
    )
    for note in image.write(pages, target, format=args.format, quality=args.quality):
        if not args.quiet:
            _say(note)
    return DONE


def _compared(before: Photo, after: Photo, layout: str | None) -> Photo:
    from colorize.view.compare import compare

    return after if layout is None else compare(before, after, layout)


def _files(args: argparse.Namespace) -> int:
    """Colorize files into files."""
    jobs = _jobs(args)
    if args.cluster:
        jobs = [_for_cluster(job) for job in jobs]
    if args.dry_run:
        return _preview(jobs, _options(args, _read_manifest(args)), args.quiet)
    if args.cluster:
        with _opened_manifest(args) as manifest:
            return _run(jobs, None, _options(args, manifest), args)
    with _reading_ahead(jobs, args) as ahead:
        colorizer = _colorizer(args, single=len(jobs) == 1)
        if args.samples or args.confidence:
            colorizer.check_distribution()
        with _opened_manifest(args) as manifest:
            return _run(jobs, colorizer, _options(args, manifest), args, ahead)


def _reading_ahead(
    jobs: list[Job], args: argparse.Namespace
) -> AbstractContextManager[ReadAhead | None]:
    """Return what reads a single photograph while the network is loaded."""
    from colorize.images.ahead import ReadAhead
    from colorize.images.image import MAX_PIXELS
    from colorize.pipeline import copies_ahead
    from colorize.remote_files import RemotePath

    source = jobs[0].source
    if len(jobs) > 1 or isinstance(source, RemotePath) or is_film_name(source):
        return nullcontext()
    plain = args.upsampling == "guided" and not args.autocontrast
    sizes = copies_ahead(args.model, args.size) if plain else []
    return ReadAhead(source, max_pixels=args.max_pixels or MAX_PIXELS, sizes=sizes)


def _jobs(args: argparse.Namespace) -> list[Job]:
    """Return what the arguments name, each file with its output."""
    from colorize import batch
    from colorize.errors import ColorizeError
    from colorize.images import image
    from colorize.remote_files import exists, place
    from colorize.remote_files import is_folder as is_a_folder

    if args.format is not None:
        image.output_format("", args.format)  # an unknown format is told before any work
    if args.samples is not None:
        from colorize.control import sampling

        sampling.check(args.samples, args.seed or 0)
    inputs = [place(name) for name in args.input]
    output = None if args.output is None else place(args.output)
    several = len(inputs) != 1 or is_a_folder(inputs[0])
    is_folder = output is None or is_a_folder(output)
    folder = several or is_folder or args.output.endswith(("/", os.sep))
    if several and output is not None and not is_folder and exists(output):
        name = image.display_name(output)
        raise ColorizeError(f"{name}: several inputs need a folder as -o, and this is a file")
    sources = batch.find(inputs, args.glob, output if folder else None)
    jobs = batch.plan(sources, output, folder, args.format, args.samples)
    if not jobs:
        raise ColorizeError("nothing to do: all inputs are results of earlier runs")
    if args.confidence:
        named = {job.source for job in jobs}
        jobs += _maps([source for source in sources if source.path in named], several, args)
    return jobs


def _maps(sources: list[Source], several: bool, args: argparse.Namespace) -> list[Job]:
    """Return the jobs that write maps of confidence: into a folder for several inputs."""
    from colorize import batch
    from colorize.images import image
    from colorize.remote_files import exists, is_folder, place

    target = place(args.confidence)
    if several and exists(target) and not is_folder(target):
        name = image.display_name(target)
        raise ColorizeError(f"{name}: several inputs need a folder as --confidence")
    folder = several or is_folder(target) or args.confidence.endswith(("/", os.sep))
    if not folder:
        image.output_format(target)
    return batch.plan_maps(sources, target, folder)


def _options(args: argparse.Namespace, manifest: Manifest | None) -> Options:
    """Return how the arguments ask to write outputs."""
    from colorize import batch
    from colorize.images import image

    return batch.Options(
        overwrite=args.overwrite,
        skip_existing=args.skip_existing,
        manifest=manifest,
        format=args.format,
        quality=args.quality,
        max_pixels=args.max_pixels or image.MAX_PIXELS,
        reserved=tuple(Path(name) for name in (args.manifest, args.report, args.gallery) if name),
        compare=args.compare,
        pictures=args.gallery is not None,
    )


def _settings(args: argparse.Namespace) -> dict[str, object]:
    """Return what decides over an output, besides the input: a change means to do it again."""
    from colorize import registry
    from colorize.images import image

    weights = registry.find(args.model).sha256 if args.weights is None else _sha256(args.weights)
    return {
        "model": args.model,
        "weights": weights,
        "style": args.style,
        "temperature": args.temperature,
        "rebalance": args.rebalance,
        "coherence": args.coherence,
        "saturation": args.saturation,
        "upsampling": args.upsampling,
        "seed": None if args.samples is None else args.seed or 0,
        "size": args.size,
        "autocontrast": args.autocontrast or None,
        "hints": args.hints and _sha256(args.hints),
        "reference": args.reference and _sha256(args.reference),
        "compare": args.compare,
        "format": args.format and image.output_format("", args.format),
        "quality": args.quality,
        "codec": args.codec,
        "crf": args.crf,
    }


def _sha256(weights: str) -> str:
    from colorize.checksum import sha256_of
    from colorize.errors import ColorizeError
    from colorize.images.files import display_name

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
    from colorize.images.image import display_name

    source, target = display_name(result.job.source), display_name(result.job.target)
    return f"{source} → {target}" if result.skipped is None else f"{source}: {result.skipped}"


def _run(
    jobs: list[Job],
    colorizer: Colorizer | None,
    options: Options,
    args: argparse.Namespace,
    ahead: ReadAhead | None = None,
) -> int:
    """Run the jobs, with a progress bar where there are several, and say how it went."""
    from tqdm import tqdm

    from colorize import batch

    several = len({job.source for job in jobs}) > 1
    hidden = args.quiet or not several or not sys.stderr.isatty()
    report = batch.Report()
    if colorizer is None:
        run = _cluster_results(jobs, options, args)
    else:
        run = _results(jobs, colorizer, options, args, ahead)
    with (
        batch.failure_report(args.report and Path(args.report)) as add_failure,
        batch.gallery(args.gallery and Path(args.gallery), jobs) as show,
    ):
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
                    show(result)
                    if result.error is not None:
                        add_failure(result)
                    for line in _lines(result, several, args.quiet):
                        with bar.external_write_mode(file=sys.stderr):
                            _say(line)
        finally:
            if several and not args.quiet:
                _say(report.summary + _left(len(jobs) - report.total))
    return report.return_code


def _results(
    jobs: list[Job],
    colorizer: Colorizer,
    options: Options,
    args: argparse.Namespace,
    ahead: ReadAhead | None,
) -> Generator[Result, None, None]:
    """Return the results as they come: of photographs and films, or of the frames of films."""
    from colorize import batch

    if args.sequence:
        require_film_extra()
        from colorize.film import sequence

        return sequence.run(jobs, colorizer, options, fail_fast=args.fail_fast)
    films = any(is_film_name(job.source) for job in jobs)  # one at a time: each uses all cores
    if len(jobs) > 1 and not films:
        colorizer.share_cores(batch.WORKERS)
    return batch.run(
        jobs, colorizer, options, workers=1 if films else batch.WORKERS,
        fail_fast=args.fail_fast, film=_film(colorizer, args, len(jobs) > 1),
        special=_special(colorizer, args.seed or 0), ahead=ahead,
    )  # fmt: skip


def _cluster_results(
    jobs: list[Job], options: Options, args: argparse.Namespace
) -> Generator[Result, None, None]:
    """Return the results of a cluster as they come."""
    from colorize import batch, cluster

    gpus = args.gpu or (args.device or "cpu").startswith("cuda")
    return cluster.run(
        jobs, functools.partial(_work, _for_other_machines(args), _settings(args)), options,
        address=args.cluster, gpus=gpus, threads=batch.WORKERS if gpus else 1,
        fail_fast=args.fail_fast,
    )  # fmt: skip


def _for_cluster(job: Job) -> Job:
    """Return a job with absolute names, as other machines need them; films stay here."""
    from colorize.remote_files import absolute, place

    problem = "films are done on one machine: leave out --cluster"
    return dataclasses.replace(
        job,
        source=place(absolute(job.source)),
        target=place(absolute(job.target)),
        problem=job.problem or (problem if is_film_name(job.source) else None),
    )


def _for_other_machines(args: argparse.Namespace) -> argparse.Namespace:
    names = {name: getattr(args, name) for name in ("weights", "hints", "reference")}
    full = {name: value and os.path.abspath(value) for name, value in names.items()}
    return argparse.Namespace(**{**vars(args), **full, "quiet": True})


def _work(args: argparse.Namespace, settings: dict[str, object]) -> Work:
    """Return, on a machine of a cluster, what does the jobs; one core is its own.

    Raises ColorizeError where the settings, such as the hash of the weights, are not the same.
    """
    from colorize import batch
    from colorize.backends.threads import cores

    there = _settings(args)
    if other := [name for name in there if there[name] != settings.get(name)]:
        raise ColorizeError(
            f"other {' and '.join(other)} than where the command runs: copy the files, or install "
            "the same version"
        )
    colorizer = _colorizer(args)
    if args.samples or args.confidence:
        colorizer.check_distribution()
    colorizer.share_cores(batch.WORKERS if colorizer.device.type != "cpu" else cores())
    special = _special(colorizer, args.seed or 0)
    return batch.Work(colorizer, _options(args, None), {}, special=special)


def _special(colorizer: Colorizer, seed: int) -> Special:
    """Return what makes a sample, or a map of confidence, of a photograph."""

    def special(job: Job, photo: Photo) -> Photo:
        if job.sample is None:
            return colorizer.confidence_map(photo)
        return colorizer.sample(photo, job.sample, seed)

    return special


def _film(colorizer: Colorizer, args: argparse.Namespace, several: bool) -> Film:
    """Return what colorizes a film and shows a bar of its frames, below that of the files."""
    from tqdm import tqdm

    from colorize.images.files import display_name

    def film(job: Job, go_on: Callable[[], None]) -> FilmResult:
        try:
            require_film_extra()
        except ColorizeError as error:
            raise ColorizeError(f"{display_name(job.source)}: {error}") from error
        from colorize.film.video import colorize_film

        hidden = args.quiet or not sys.stderr.isatty()
        with tqdm(
            unit="frame", desc=display_name(job.source), position=int(several), leave=False,
            disable=hidden, file=sys.stderr,
        ) as bar:  # fmt: skip

            def progress(done: int, total: int | None) -> None:
                go_on()
                bar.total = total
                bar.update(done - bar.n)

            return colorize_film(
                job.source, job.target, colorizer,
                codec=args.codec, crf=args.crf, progress=progress,
            )  # fmt: skip

    return film


def _left(number: int) -> str:
    return f"; {number} left" if number else ""


def _lines(result: Result, several: bool, quiet: bool) -> list[str]:
    """Return what to say of one result."""
    from colorize.images.image import display_name

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
