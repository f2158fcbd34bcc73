"""Speed and memory against the published demo's steps (`benchmarks.reference`).

`python -m benchmarks.speed --json FILE` measures every row of the table in docs/speed.md, ours
and the reference in turns, and adds to FILE; `--rows` chooses, `--list` names them. For figures
that mean something the machine must have nothing else to do. About ten minutes in all.

The published weights are not needed: seeded random networks of the same shapes cost the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Run, in_turns, machine, run_command
from benchmarks.pictures import make_folder, make_photograph
from colorize.models.eccv16 import ECCV16
from colorize.models.serialization import write_safetensors

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
IMPORT_TORCH = (PYTHON, "-c", "import torch")

Figures = dict[str, Any]


@dataclass(frozen=True)
class Workspace:
    """Where the benchmark works and how often it repeats."""

    folder: Path
    runs: int

    def photograph(self, megapixels: float) -> Path:
        """Return a photograph of that size, made when first asked for."""
        file = self.folder / f"{megapixels:g}.jpg"
        return file if file.exists() else make_photograph(file, megapixels)

    def photographs(self, count: int, megapixels: float) -> list[Path]:
        """Return a folder's photographs, made when first asked for."""
        folder = self.folder / f"{count}x{megapixels:g}"
        if not folder.exists():
            return make_folder(folder, count, megapixels)
        return sorted(folder.iterdir())

    def eccv16(self) -> Path:
        """Return seeded random weights of eccv16, as the cache holds the published ones."""
        file = self.folder / "eccv16.safetensors"
        if not file.exists():
            torch.manual_seed(0)
            state = ECCV16().state_dict()
            write_safetensors({key: value.numpy() for key, value in state.items()}, file, {})
        return file

    def ours(self, *arguments: object) -> Callable[[], Run]:
        """Return a run of the command."""
        command = (PYTHON, "-m", "colorize", *arguments, "--overwrite")
        return lambda: run_command(command, ROOT)

    def reference(self, *arguments: object) -> Callable[[], Run]:
        """Return a run of the reference."""
        out = self.folder / "reference"
        command = (PYTHON, "-W", "ignore", "-m", "benchmarks.reference", "-o", out, *arguments)
        return lambda: run_command(command, ROOT)

    def part(self, name: str, *environment: str) -> Figures:
        """Return the figures of one of `benchmarks.parts`."""
        command = (PYTHON, "-W", "ignore", "-m", "benchmarks.parts", name, "--runs", self.runs)
        run = run_command(("/usr/bin/env", *environment, *command), ROOT)
        figures: Figures = json.loads(run.output.splitlines()[-1])
        return figures


def photo_png_eccv16(workspace: Workspace) -> Figures:
    """Measure 12 megapixels, JPEG to PNG, eccv16, with both backends."""
    photo, out = workspace.photograph(12), workspace.folder / "out.png"
    network = ("--model", "eccv16", "--weights", workspace.eccv16())
    return in_turns(
        workspace.runs,
        {
            "ours": workspace.ours("-i", photo, "-o", out, *network, "--backend", "torch"),
            "ours, ONNX Runtime": workspace.ours(
                "-i", photo, "-o", out, *network, "--backend", "onnx"
            ),
            "reference": workspace.reference("-i", photo, *network, "--format", "png"),
        },
    )


def photo_jpeg_compact(workspace: Workspace) -> Figures:
    """Measure 12 megapixels, JPEG to JPEG, compact, with both backends.

    The demo writes PNG, whatever it reads; the second reference writes JPEG as ours does.
    """
    photo, out = workspace.photograph(12), workspace.folder / "out.jpg"
    return in_turns(
        workspace.runs,
        {
            "ours": workspace.ours("-i", photo, "-o", out, "--backend", "torch"),
            "ours, ONNX Runtime": workspace.ours("-i", photo, "-o", out, "--backend", "onnx"),
            "reference": workspace.reference("-i", photo, "--format", "png"),
            "reference, JPEG": workspace.reference("-i", photo, "--format", "jpg"),
        },
    )


def large_png_compact(workspace: Workspace) -> Figures:
    """Measure 100 megapixels, JPEG to PNG, compact; the reference would need some 19 GB."""
    arguments = ("-i", workspace.photograph(100), "-o", workspace.folder / "large.png", "--backend")
    return in_turns(
        min(workspace.runs, 5),
        {
            "ours": workspace.ours(*arguments, "torch"),
            "ours, ONNX Runtime": workspace.ours(*arguments, "onnx"),
        },
    )


def folder_of_200(workspace: Workspace) -> Figures:
    """Measure 200 photographs of a megapixel, and what their stages take separately."""
    files = workspace.photographs(200, 1)
    out = workspace.folder / "out"
    arguments = ("-i", files[0].parent, "-o", out, "--backend")
    actions = {
        "ours": workspace.ours(*arguments, "torch"),
        "ours, ONNX Runtime": workspace.ours(*arguments, "onnx"),
        "reference": workspace.reference("-i", *files, "--format", "png"),
        "reference, JPEG": workspace.reference("-i", *files, "--format", "jpg"),
    }
    once = ("reference", "reference, JPEG")
    figures: Figures = dict(in_turns(min(workspace.runs, 3), actions, once=once))
    stages = workspace.part("stages", "OPENBLAS_NUM_THREADS=1")  # as the command has it
    return figures | {
        "stages": stages,
        "bound_seconds": {
            backend: _bound(stages, backend, len(files)) for backend in ("torch", "onnx")
        },
    }


def _bound(stages: Figures, backend: str, photographs: int) -> float:
    """Return the seconds that two cores need for only the stages."""
    names = ("decode", "L", backend, "join", "encode")
    return round(photographs * sum(stages[name]["cpu_seconds"] for name in names) / 2, 2)


def memory_of_1000(workspace: Workspace) -> Figures:
    """Measure the peak memory of 50 and of 1,000 photographs of a quarter megapixel."""
    figures: Figures = {}
    for count in (50, 1000):
        folder = workspace.photographs(count, 0.25)[0].parent
        run = workspace.ours("-i", folder, "-o", workspace.folder / f"out{count}")
        figures |= in_turns(1, {f"{count} photographs": run})
    return figures


def start_up(workspace: Workspace) -> Figures:
    """Measure --help, --version, a usage error, and a photograph of a megapixel."""
    command = (PYTHON, "-m", "colorize")
    photo, out = workspace.photograph(1), workspace.folder / "one.png"

    def run(*arguments: object, status: int = 0) -> Callable[[], Run]:
        return lambda: run_command((*command, *arguments), ROOT, status)

    return in_turns(
        2 * workspace.runs + 1,
        {
            "--help": run("--help"),
            "--version": run("--version"),
            "usage error": run("--no-such-option", status=2),
            "import torch": lambda: run_command(IMPORT_TORCH, ROOT),
            "one megapixel": workspace.ours("-i", photo, "-o", out, "--backend", "torch"),
            "one megapixel, ONNX Runtime": workspace.ours(
                "-i", photo, "-o", out, "--backend", "onnx"
            ),
        },
    )


ROWS: dict[str, Callable[[Workspace], Figures]] = {
    "start-up": start_up,
    "color": lambda workspace: workspace.part("color"),
    "forward": lambda workspace: workspace.part("forward"),
    "12mp-png-eccv16": photo_png_eccv16,
    "12mp-jpeg-compact": photo_jpeg_compact,
    "100mp-png-compact": large_png_compact,
    "200-photographs": folder_of_200,
    "1000-photographs": memory_of_1000,
}


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--runs", type=int, default=5, help="of which medians are taken")
    parser.add_argument("--json", type=Path, metavar="FILE", help="rows are added or replaced")
    args = parser.parse_args(argv)
    if args.list:
        sys.stdout.write("\n".join(ROWS) + "\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder), args.runs)
        for name in args.rows:
            figures = {"machine": machine(), "figures": ROWS[name](workspace)}
            sys.stdout.write(json.dumps({name: figures}, indent=1) + "\n")
            sys.stdout.flush()
            if args.json is not None:
                _add(args.json, name, figures)
    return 0


def _add(file: Path, name: str, figures: Figures) -> None:
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps(known | {name: figures}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
