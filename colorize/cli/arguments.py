"""The arguments of `colorize` and `colorize models`, and which of them go together."""

from __future__ import annotations

import argparse
import itertools
import os
from contextlib import suppress

from colorize._version import __version__
from colorize.decoding.styles import STYLES
from colorize.video.formats import CODECS, is_video_name

MODELS = ("compact", "eccv16", "siggraph17")


EPILOG = """\
examples:
  colorize -i photo.jpg                        writes photo.colorized.jpg beside it
  colorize -i photo.jpg -o out.png             the suffix of the output decides its format
  colorize -i scans/ -o out/                   every photograph in scans/ and its sub-folders
  colorize -i scans/ --glob '*.tif' -o out/    only the TIFF files
  colorize --glob 'scans/**/*.jpg' -o out/     a pattern by itself
  colorize -i scans/ -o out/ --manifest m.jsonl    again, it goes on where it stopped
  colorize -i - -o - < photo.jpg > out.jpg     as part of a pipe
  colorize -i film.mp4 -o film-color.mp4      a film, see docs/video.md
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
        description="Turn black-and-white photographs into color photographs.",
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
    color = result.add_argument_group("color")
    color.add_argument(
        "--style", choices=STYLES,
        help="vivid (default) or faithful: calmer, the most probable colors",
    )  # fmt: skip
    color.add_argument(
        "--temperature", type=float, metavar="T",
        help="below 1 decides for the most probable colors, above 1 mixes more "
        "(default: the style's)",
    )  # fmt: skip
    color.add_argument(
        "--rebalance", type=float, metavar="SHARE",
        help="how much rare colors are favored: 1 vivid, 0 the most probable "
        "(default: the style's)",
    )  # fmt: skip
    color.add_argument(
        "--rarity", type=float, metavar="SHARE",
        help="how much more rare colors count where the network holds them likely: 0 none, up to "
        "1; sensible are 0 to 0.3 (default: the style's)",
    )  # fmt: skip
    color.add_argument(
        "--coherence", type=float, metavar="SHARE",
        help="how much places near and about as light have a say in each other's colors, against "
        "patches on one surface: 0 none, up to 1 (default: the style's)",
    )  # fmt: skip
    color.add_argument(
        "--saturation", type=float, metavar="FACTOR", default=1.0,
        help="makes all colors paler (below 1, 0 is gray) or stronger (above 1, up to 3)",
    )  # fmt: skip
    color.add_argument(
        "--upsampling", choices=("guided", "bilinear"), default="guided",
        help="enlarge colors along the photograph's edges (default) or smoothly over them",
    )  # fmt: skip
    color.add_argument(
        "--samples", type=_positive, metavar="N",
        help="write N different colorizations: out-1.png ... out-N.png",
    )  # fmt: skip
    color.add_argument(
        "--seed", type=_seed, metavar="S",
        help="of the samples: the same seed draws the same colors (default: 0)",
    )  # fmt: skip
    color.add_argument(
        "--hints", metavar="FILE",
        help="colors of some places of one photograph: lines of x,y,#rrggbb[,radius] in pixels, "
        "or a transparent PNG painted over it; see docs/control.md",
    )  # fmt: skip
    color.add_argument(
        "--reference", metavar="PHOTO",
        help="a color photograph whose shares of colors the results are drawn toward",
    )  # fmt: skip
    color.add_argument(
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


def check_together(arguments: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse combinations that can't mean anything; ends with exit status 2."""
    if not args.input and not args.glob:
        arguments.error("no input: give -i PATH or --glob PATTERN")
    if "-" in args.input and (len(args.input) > 1 or args.glob):
        arguments.error("-i - takes one photograph from standard input and nothing else")
    if args.output == "-" and (len(args.input) != 1 or args.glob):
        arguments.error("-o - takes one input")
    if args.output == "-" and is_video_name(args.input[0]):
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
    if args.hints and not (single and not is_video_name(args.input[0])):
        arguments.error("--hints are for one photograph: give its file as -i, no folder or film")


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
