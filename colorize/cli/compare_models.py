"""`colorize compare-models`: one photograph in several networks and styles on one sheet."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from colorize.cli.messages import DONE, FAILED, log_line
from colorize.command_parser import CommandParser
from colorize.errors import ColorizeError, display_name
from colorize.models import registry, weights_files
from colorize.option_fields import options_of
from colorize.options import DEFAULT_STYLE, ColorizeOptions

if TYPE_CHECKING:
    from colorize.io.photo import Photo

SIDE = 640  # pixels
EPILOG = """\
examples:
  colorize compare-models photo.jpg                     the networks that are on this machine
  colorize compare-models photo.jpg --models compact ddcolor --styles vivid faithful
"""


def parser() -> CommandParser:
    """Return the parser of `colorize compare-models`."""
    result = CommandParser(
        prog="colorize compare-models",
        description="Show one photograph in several networks and styles, on one labeled sheet.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("photograph", metavar="PATH")
    result.add_argument(
        "--models", nargs="+", action="extend", choices=tuple(registry.MODELS), metavar="NAME",
        help=f"networks: {', '.join(registry.MODELS)} (default: those on this machine)",
    )  # fmt: skip
    styles = next(each for each in options_of(ColorizeOptions) if each.name == "style").choices
    result.add_argument(
        "--styles", nargs="+", action="extend", choices=styles, metavar="STYLE",
        help=f"{', '.join(styles)}; a network without styles is shown once "
        f"(default: {DEFAULT_STYLE})",
    )  # fmt: skip
    result.add_argument(
        "-o", "--output", type=Path, metavar="FILE",
        help="the sheet (default: next to the photograph, as NAME.models.jpg)",
    )  # fmt: skip
    result.add_argument("--overwrite", action="store_true", help="replace an existing file")
    result.add_argument(
        "--side", type=int, default=SIDE, metavar="N",
        help=f"longer side of each picture in pixels (default: {SIDE})",
    )  # fmt: skip
    result.add_argument("--gpu", action="store_true", help="run on the GPU")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Write the sheet and return the exit status."""
    arguments = parser()
    args = arguments.parse_args(argv)
    if not 16 <= args.side <= 4096:
        arguments.error(f"--side {args.side}: must be from 16 to 4096")
    try:
        target = _write_sheet(args)
    except ColorizeError as error:
        log_line(str(error))
        return FAILED
    log_line(f"{args.photograph} → {target}")
    return DONE


def _write_sheet(args: argparse.Namespace) -> Path:
    source = Path(args.photograph)
    target: Path = args.output or source.with_name(f"{source.stem}.models.jpg")
    if target.exists() and not args.overwrite:
        raise ColorizeError(f"{display_name(target)} exists; --overwrite replaces it")
    if target.exists() and source.exists() and target.samefile(source):
        raise ColorizeError(f"{display_name(target)} is the photograph; name another file with -o")
    names = dict.fromkeys(args.models or filter(weights_files.weights_path, registry.MODELS))
    missing = [name for name in names if weights_files.weights_path(name) is None]
    if missing:
        sizes = ", ".join(f"{name} ({registry.find(name).size / 1e6:.0f} MB)" for name in missing)
        raise ColorizeError(
            f"not downloaded yet: {sizes}; do it with colorize models download NAME, or leave "
            "them out of --models"
        )
    # Here, not above: --help and refusals need neither NumPy nor Pillow.
    from colorize.io.readers import read
    from colorize.io.writers import write
    from colorize.viewing.sheet import contact_sheet

    photo = _reduced(read(source), args.side)
    pictures = [("photograph", photo)]
    styles = args.styles or [DEFAULT_STYLE]
    for name in names:
        pictures += _in_styles(photo, name, styles, "gpu" if args.gpu else "cpu")
    write(contact_sheet(pictures, args.side), target)
    return target


def _reduced(photo: Photo, side: int) -> Photo:
    """Return a copy of at most `side` pixels a side, in 8 bits, on white where transparent."""
    import numpy as np

    from colorize.io.photo import Photo
    from colorize.viewing.html_page import thumbnail

    return Photo(np.asarray(thumbnail(photo, side)))


def _in_styles(
    photo: Photo, name: str, styles: Sequence[str], device: str
) -> Iterator[tuple[str, Photo]]:
    """Yield label and result in those of the styles that the network has, or else its only one."""
    from colorize.pipeline import Colorizer

    colorizer = Colorizer.from_pretrained(name, device=device)
    known = [style for style in dict.fromkeys(styles) if style in colorizer.metadata.styles]
    if not known:
        yield name, colorizer(photo)
    for style in known:
        yield f"{name}, {style}", colorizer.with_options(style=style)(photo)
