"""From nothing to the first photograph: download, install, colorize.

    python -m benchmarks.install packaging/light .            # the light and the full one
    python -m benchmarks.install '../first-edition[onnx]'        # another checkout

Each is downloaded and installed into an empty environment, in a temporary folder that is removed
(TMPDIR says where; the full installation needs 10 GB). The table is Markdown.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Run, machine, run_command

PHOTO = Path(__file__).parents[1] / "imgs" / "chelsea.jpg"
HEADINGS = ("", "download", "packages", "installed", "to install", "first photograph", "second")


def measure(requirement: str, folder: Path) -> list[str]:
    """Return the cells of the table's row for what pip calls a requirement, such as a folder."""
    wheels, environment = folder / "wheels", folder / "environment"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run_command((*pip, "wheel", "--no-cache-dir", "-w", wheels, requirement), Path.cwd())
    run_command((sys.executable, "-m", "venv", environment), folder)
    files = sorted(wheels.glob("*.whl"))
    programs = environment / ("Scripts" if sys.platform == "win32" else "bin")
    options = ("install", "--no-index", "--no-deps", "--no-cache-dir")
    installed = run_command((programs / "python", "-m", "pip", *options, *files), folder)
    command = (programs / "colorize", "-i", PHOTO)
    first, second = (run_command((*command, "-o", f"{n}.png"), folder) for n in (1, 2))
    sizes = [size_of(wheels), size_of(environment)]
    return [
        requirement,
        f"{sizes[0] / 1e6:,.0f} MB",
        str(len(files)),
        f"{sizes[1] / 1e6:,.0f} MB",
        *map(seconds, (installed, first, second)),
    ]


def size_of(folder: Path) -> int:
    """Return the bytes of the files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def seconds(run: Run) -> str:
    """Return the seconds of processor and of the clock."""
    return f"{run.cpu:.1f} s ({run.seconds:.1f} s)"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.install", description=__doc__)
    parser.add_argument("requirements", nargs="+", metavar="FOLDER")
    print(f"| {' | '.join(HEADINGS)} |\n|---|{'--:|' * (len(HEADINGS) - 1)}", flush=True)  # noqa: T201
    for requirement in parser.parse_args(argv).requirements:
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {' | '.join(measure(requirement, Path(folder)))} |", flush=True)  # noqa: T201
    print(f"\nSeconds of processor (of the clock). {json.dumps(machine())}")  # noqa: T201


if __name__ == "__main__":
    main()
