"""Export a network for other software: python -m colorize.export --to FORMAT -o FILE.

The file is compared with the original before it gets its name.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from colorize.color.types import Floats
from colorize.command_parser import WEIGHTS_HELP, CommandParser
from colorize.errors import ColorizeError, display_name, message_of
from colorize.export.compare import Difference, Run, compare
from colorize.export.onnx import to_onnx, write_skeletons
from colorize.export.torch_export import (
    run_module,
    run_torch_export,
    run_torchscript,
    to_torch_export,
    to_torchscript,
)
from colorize.io.atomic import atomic_write
from colorize.models import registry
from colorize.models.base import Network

TOLERANCE = 0.1  # of decoded ab; 8-bit colors differ by 1 level from about 0.5 on


def run_onnx(content: bytes) -> Run:
    """Return a function that runs an ONNX model."""
    from colorize.runtime.onnx_runner import OnnxRunner

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.onnx")
        file.write_bytes(content)
        runner = OnnxRunner(file, "the exported model")

    def run(*inputs: Floats) -> Floats:
        return runner(*inputs)

    return run


Exporter = Callable[[Network], bytes]
FORMATS: dict[str, tuple[Exporter, Callable[[bytes], Run]]] = {
    "onnx": (to_onnx, run_onnx),
    "torchscript": (to_torchscript, run_torchscript),
    "torch-export": (to_torch_export, run_torch_export),
}


def export(
    name: str, weights: str | None, file_format: str, target: Path, tolerance: float
) -> Difference:
    """Write a network in one of `FORMATS`; return its difference from the original.

    Args:
        name: A network of the registry.
        weights: A file to use instead of the network's own, or its address with its hash.
        file_format: A key of `FORMATS`.
        target: The file to write.
        tolerance: Largest difference of the decoded colors, in ab units.

    Raises:
        ColorizeError: The difference is above the tolerance; nothing is written.
    """
    network = registry.load(name, weights)
    convert, load = FORMATS[file_format]
    content = convert(network)
    difference = compare(run_module(network), load(content), network.metadata)
    if not difference.ab <= tolerance:  # NaN is above it too
        raise ColorizeError(
            f"{target}: not written: its colors differ from the original's by up to "
            f"{difference.ab:.3g} in ab, more than the tolerance of {tolerance:g}"
        )
    with atomic_write(target) as file:
        file.write(content)
    return difference


def parser() -> CommandParser:
    """Return the command's arguments."""
    result = CommandParser(
        prog="colorize export",
        description="Export a network for other software, and compare it with the original.",
    )
    names = [model.name for model in registry.available_models()]
    result.add_argument("--model", choices=names, default=names[0], help="default: %(default)s")
    result.add_argument("--weights", metavar="FILE", help=WEIGHTS_HELP)
    result.add_argument("--to", choices=FORMATS, help="format of the file")
    result.add_argument("-o", "--output", type=Path, metavar="FILE")
    result.add_argument(
        "--tolerance", type=float, default=TOLERANCE, metavar="AB",
        help="write nothing if colors differ by more, in ab units (default: %(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--skeletons", type=Path, metavar="FOLDER",
        help="instead, write the ONNX graphs without weights that the package ships in its "
        "folder weights; for after a change of an architecture",
    )  # fmt: skip
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    arguments = parser()
    args = arguments.parse_args(argv)
    given = [argument is not None for argument in (args.to, args.output, args.skeletons)]
    if given not in ([True, True, False], [False, False, True]):
        arguments.error("expected either --to FORMAT -o FILE or --skeletons FOLDER")
    try:
        if args.skeletons is not None:
            for file in write_skeletons(args.skeletons):
                sys.stdout.write(f"{display_name(file)}: {os.path.getsize(file) / 1e3:.0f} kB\n")
            return 0
        difference = export(args.model, args.weights, args.to, args.output, args.tolerance)
        size = os.path.getsize(args.output)
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"export: {message_of(error)}\n")
        return 1
    sys.stdout.write(
        f"{display_name(args.output)}: {size / 1e6:.1f} MB; against the original: "
        f"max |Δ| of the output {difference.output:.2g}, max |Δab| {difference.ab:.2g}\n"
    )
    return 0
