"""The arguments of `colorize`. Which of them exclude each other is in `cli.argument_checks`."""

from __future__ import annotations

import argparse
import itertools
import math
import os
import re
import sys
from argparse import Namespace
from collections.abc import Sequence

from colorize import options
from colorize.cli.commands import COMMANDS
from colorize.command_parser import WEIGHTS_HELP, CommandParser, add_argument, add_arguments
from colorize.models.registry import MODELS

WINDOWS = os.name == "nt"

EPILOG = """\
examples:
  colorize photo.jpg                        write photo.colorized.jpg next to it
  colorize photo.jpg -o out.png             the suffix of the output decides its format
  colorize scans/ -o out/                   every photograph in scans/ and its subfolders
  colorize scans/ --glob '*.tif' -o out/    only the TIFF files
  colorize --glob 'scans/**/*.jpg' -o out/  only a pattern
  colorize scans/ -o out/ --manifest m.jsonl    rerun it to resume where it stopped
  colorize - -o - < photo.jpg > out.jpg     in a pipe
  colorize clip.mp4 -o clip-color.mp4       a video, see docs/video.md

commands, each with its own --help; ./NAME is a file or folder of that name:
{commands}

exit status: 0 all done, 1 something failed, 2 wrong usage, 130 interrupted (also by
SIGTERM)
""".replace("{commands}", "\n".join(f"  {name:<16}{each.help}" for name, each in COMMANDS.items()))


class ColorizeParser(CommandParser):
    """The parser of `colorize`, which takes inputs anywhere among the options."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Namespace | None = None
    ) -> Namespace:
        """Return the arguments, with the inputs of both forms in `input`."""
        words = list(sys.argv[1:] if args is None else args)
        end = words.index("--") if "--" in words else len(words)
        # Before Python 3.13, argparse cannot mix options and inputs around a "--".
        result = self.parse_intermixed_args(_attach_values(self, words[:end]), namespace)
        result.input = [*result.input, *result.paths, *words[end + 1 :]]
        if WINDOWS:
            result.input = _expand_patterns(result.input)
        return result


def _expand_patterns(names: list[str]) -> list[str]:
    """Return the names with patterns expanded, which the shells of Windows leave to programs."""
    import glob

    return [
        match
        for name in names
        for match in ((not os.path.lexists(name) and sorted(glob.glob(name))) or [name])
    ]


def _attach_values(command: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """Return the words with their values attached to some options.

    An option that may stand without a value, such as --compare, would take the input that follows
    it as its value; and --suffix would refuse -edited, which looks like an option.
    """
    optional = {
        flag: action
        for action in command._actions
        if action.nargs == "?"
        for flag in action.option_strings
    }
    result: list[str] = []
    skipped = False  # the next word is the value of an option already
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        if skipped:
            skipped = False
            continue
        action = optional.get(word)
        if action is not None and following and not following.startswith("-"):
            if not _is_value(action, following):
                word = f"{word}={action.const}"
        elif word == "--suffix" and re.match(r"-[^-]", following):
            word, skipped = f"{word}={following}", True
        result.append(word)
    return result


def _is_value(action: argparse.Action, word: str) -> bool:
    """Return whether a word after an option is its value rather than an input."""
    if not callable(action.type):
        return not os.path.exists(word)
    try:
        action.type(word)
    except (argparse.ArgumentTypeError, ValueError):
        return False
    return True


def parser() -> ColorizeParser:
    """Return the parser of `colorize`."""
    result = ColorizeParser(
        prog="colorize",
        usage="colorize PATH [PATH ...] [-o PATH] [option ...]",
        description="Colorize black-and-white photographs and videos.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_files(result.add_argument_group("files"))
    _add_batches(result.add_argument_group("batches"))
    _add_network(result.add_argument_group("network"))
    add_arguments(result.add_argument_group("color"), options.ColorizeOptions)
    output = result.add_argument_group("output")
    add_arguments(output, options.OutputOptions)
    add_argument(
        output, "--confidence-map", "--confidence", metavar="FILE.png",
        help="also write a map of how certain the network is; a folder of maps for several inputs",
    )  # fmt: skip
    output.add_argument(
        "--layer",
        metavar="FILE.png",
        help="also write the colors of one photograph alone, for an editor's blend mode Color",
    )
    output.add_argument(
        "--gallery", metavar="FILE.html",
        help="also write a page with a before/after slider for each photograph",
    )  # fmt: skip
    output.add_argument(
        "--gallery-title", metavar="TEXT", help="title of that page (default: Before and after)"
    )
    video = result.add_argument_group("video")
    add_arguments(video, options.VideoOptions)
    add_argument(
        video, "--image-sequence", "--sequence", action="store_true",
        help="the images in a folder are the frames of one video, in the order of their numbers",
    )  # fmt: skip
    result.add_argument("--quiet", action="store_true", help="print only errors")
    return result


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "paths", nargs="*", default=[], metavar="PATH",
        help="photographs, videos and folders; - reads one photograph from standard input",
    )  # fmt: skip
    group.add_argument(
        "-i", "--input", nargs="+", action="extend", default=[], metavar="PATH", help="the same"
    )
    group.add_argument(
        "-o", "--output", metavar="PATH",
        help="a file for one input, a folder for several; - writes to standard output "
        "(default: next to each input, with .colorized before the suffix)",
    )  # fmt: skip
    group.add_argument(
        "--glob", action="append", default=[], metavar="PATTERN",
        help="only files that match, below each input folder or on its own; ** matches subfolders; "
        "upper and lower case are the same; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN",
        help="leave out files and folders that match; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--suffix", type=_name_part, metavar="TEXT",
        help="end of the names of outputs, such as -edited for photo-edited.jpg (default: "
        ".colorized, .compare with --compare, nothing in a folder named with -o)",
    )  # fmt: skip
    existing = group.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    existing.add_argument(
        "--skip-existing", action="store_true",
        help="skip inputs whose output exists, even if the input is newer",
    )  # fmt: skip
    group.add_argument(
        "--skip-color", action="store_true", help="skip photographs that are in color already"
    )


def _name_part(text: str) -> str:
    if "/" in text or os.sep in text or "\0" in text:
        raise argparse.ArgumentTypeError(f"must be part of a file name, not {text!r}")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"must be 0.1 to 86400 seconds, not {text!r}")
    return seconds


def _add_batches(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--manifest", metavar="FILE",
        help="record progress in FILE (JSON Lines) and skip files that are already up to date",
    )  # fmt: skip
    add_argument(
        group, "--failure-log", "--report", metavar="FILE",
        help="write each failure and its reason to FILE (JSON Lines)",
    )  # fmt: skip
    group.add_argument(
        "--progress", choices=("auto", "plain"), default="auto",
        help="a bar on terminals (auto), or a line a minute for logs (plain)",
    )  # fmt: skip
    group.add_argument(
        "--json", action="store_true",
        help="write what happens to each file to standard output (JSON Lines); see docs/batches.md",
    )  # fmt: skip
    group.add_argument(
        "--hints-dir", metavar="FOLDER",
        help="hints of several photographs: FOLDER/1950/a.txt or a.png for the input 1950/a.jpg; "
        "see docs/control.md",
    )  # fmt: skip
    group.add_argument("--fail-fast", action="store_true", help="stop after the first failure")
    add_argument(
        group, "--ray", "--cluster", nargs="?", const="local", metavar="ADDRESS",
        help="run on a Ray cluster, such as host:6379, with one network per core (with --gpu per "
        "GPU); without ADDRESS on this machine; see docs/scale.md",
    )  # fmt: skip
    group.add_argument(
        "--watch", nargs="?", type=_seconds, const=5.0, metavar="SECONDS",
        help="look into the input folders every SECONDS (default: 5) and colorize what is new and "
        "complete, until Ctrl-C or SIGTERM",
    )  # fmt: skip
    group.add_argument(
        "--dry-run", action="store_true", help="list what would be done, without doing it"
    )


def _add_network(group: argparse._ArgumentGroup) -> None:
    default = next(iter(MODELS))
    group.add_argument(
        "--model", choices=tuple(MODELS), default=default, help=f"network (default: {default})"
    )
    group.add_argument("--weights", metavar="FILE", help=WEIGHTS_HELP)
    group.add_argument(
        "--backend", choices=("torch", "onnx"),
        help="what runs the network: PyTorch or ONNX Runtime, which starts sooner (default: the "
        "one that finishes sooner; torch on GPUs and for your own weights)",
    )  # fmt: skip
    device = group.add_mutually_exclusive_group()
    device.add_argument("--gpu", action="store_true", help="run on the GPU: CUDA, else Apple MPS")
    device.add_argument("--device", metavar="NAME", help="torch device (default: cpu)")
