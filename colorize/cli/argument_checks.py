"""Which arguments of `colorize` exclude each other, and which values they cannot have."""

from __future__ import annotations

import argparse
import itertools
import os
from argparse import Namespace
from collections.abc import Callable

from colorize.cli.commands import similar_command

FILES = (
    "manifest",
    "failure_log",
    "gallery",
    "confidence_map",
    "layer",
    "weights",
    "hints",
    "hints_dir",
    "reference",
)
LAYER_SUFFIXES = (".png", ".tif", ".tiff", ".webp")
LOCAL_FILES = ("manifest", "failure_log", "gallery", "weights", "hints", "hints_dir", "reference")
LOGS = ("manifest", "failure_log", "gallery")
GUIDES = ("hints", "reference")


def _is_video(name: str) -> bool:
    # Here, not above: `--help` and wrong usage need not wait for what reads files.
    from colorize.video.formats import is_video

    return is_video(name)


def _is_one_photo(args: Namespace) -> bool:
    if len(args.input) != 1 or args.glob:
        return False
    return not os.path.isdir(args.input[0]) and not _is_video(args.input[0])


# (condition, message): later conditions rely on earlier ones not holding.
INVALID: tuple[tuple[Callable[[Namespace], object], str], ...] = (
    (lambda args: not args.input and not args.glob,
     "no input: name photographs or folders, or use --glob PATTERN"),
    (lambda args: "-" in args.input and (len(args.input) > 1 or args.glob),
     "-i - reads one photograph and excludes other inputs"),
    (lambda args: args.output == "-" and (len(args.input) != 1 or args.glob),
     "-o - needs exactly one input"),
    (lambda args: args.output == "-" and _is_video(args.input[0]),
     "-o - is only for photographs: write the video to a file"),
    (lambda args: args.output == "-" and "://" in args.input[0],
     "-o - needs a local file as input"),
    (lambda args: args.input == ["-"] and "://" in (args.output or ""),
     "-i - needs a local file as output"),
    (lambda args: "" in (*args.input, args.output), "-i and -o need the name of a file"),
    (lambda args: args.neutral and not _is_one_photo(args),
     "--neutral needs exactly one photograph as input, not a folder or video"),
    (lambda args: args.layer and not _is_one_photo(args),
     "--layer needs exactly one photograph as input, not a folder or video"),
    (lambda args: args.layer and not args.layer.lower().endswith(LAYER_SUFFIXES),
     "--layer needs a format with transparency: .png, .tif or .webp"),
    (lambda args: args.hints and not _is_one_photo(args),
     "--hints needs exactly one photograph as input, not a folder or video; see --hints-dir"),
    (lambda args: args.watch is not None and not args.input,
     "--watch needs folders as inputs"),
    (lambda args: args.image_sequence
     and any("://" in name for name in (*args.input, args.output or "")),
     "--image-sequence needs local files"),
)  # fmt: skip

# (condition, excluded arguments, reason)
EXCLUDED: tuple[tuple[Callable[[Namespace], object], tuple[str, ...], str], ...] = (
    (lambda args: "-" in (*args.input, args.output),
     ("skip_existing", "manifest", "failure_log", "fail_fast", "dry_run", "gallery", "ray",
      "samples", "confidence_map", "layer", "skip_color", "json", "watch", "hints_dir"),
     "works on files, not on standard input or output"),
    (lambda args: args.image_sequence, ("manifest", "skip_existing", "ray"),
     "does not work with --image-sequence, where each frame needs the one before"),
    (lambda args: args.image_sequence,
     ("samples", "confidence_map", "layer", "compare", "gallery", "hints_dir"),
     "is for photographs, not for --image-sequence"),
    (lambda args: args.watch is not None,
     ("image_sequence", "ray", "dry_run", "fail_fast", "gallery", "hints", "hints_dir", "layer"),
     "does not work with --watch, which never ends"),
    (lambda args: args.hints, ("hints_dir",), "does not work with --hints"),
    (lambda args: args.samples is None, ("seed",), "needs --samples"),
    (lambda args: not args.gallery, ("gallery_title",), "needs --gallery"),
    (lambda args: args.gallery, ("compare",),
     "does not work with --gallery, which compares before and after itself"),
)  # fmt: skip


def check_arguments(command: argparse.ArgumentParser, args: Namespace) -> None:
    """Exit with status 2 where the arguments exclude each other."""
    if args.paths and (similar := similar_command(args.paths[0])):
        word = args.paths[0]
        command.error(f"{word}: no such file or command; did you mean colorize {similar}?")
    whole = " ".join(args.paths)
    if len(args.paths) > 1 and os.path.exists(whole) and not any(map(os.path.exists, args.paths)):
        command.error(f"put a name with spaces into quotes: '{whole}'")
    for is_invalid, message in INVALID:
        if is_invalid(args):
            command.error(message)
    for applies, excluded, reason in EXCLUDED:
        for name in excluded if applies(args) else ():
            if getattr(args, name):
                command.error(f"{_flag(name)} {reason}")
    for name in FILES:
        if getattr(args, name) == "":
            what = "folder" if name.endswith("_dir") else "file"
            command.error(f"{_flag(name)} needs the name of a {what}")
    for name in LOCAL_FILES:
        file = getattr(args, name) or ""
        if "://" in file and not (name == "weights" and file.lower().startswith("http")):
            command.error(f"{_flag(name)} needs a local file, not one in an object store")
    given = [name for name in LOGS if getattr(args, name)]
    for name, other in itertools.combinations(given, 2):
        if _same_file(getattr(args, name), getattr(args, other)):
            command.error(f"{_flag(name)} and {_flag(other)} need different files")
    for name in GUIDES:
        if args.output and getattr(args, name) and _same_file(args.output, getattr(args, name)):
            command.error(f"-o would replace the file of {_flag(name)}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _same_file(first: str, second: str) -> bool:
    return os.path.realpath(first) == os.path.realpath(second)
