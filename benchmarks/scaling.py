"""Time and memory by the size of the photograph: whole processes, JPEG to PNG, `compact`.

`python -m benchmarks.scaling --json FILE --plot FILE.png`; the plot needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import in_turns, machine, run_command
from benchmarks.pictures import make_photograph

ROOT = Path(__file__).parents[1]
MEGAPIXELS = (1, 3, 12, 50, 100, 200)


def measure(megapixels: float, runs: int, folder: Path) -> dict[str, float]:
    """Return the median seconds and peak MiB for a photograph of that size."""
    photo, out = make_photograph(folder / "photo.jpg", megapixels), folder / "out.png"
    command = (sys.executable, "-m", "colorize", "-i", photo, "-o", out, "--overwrite")
    return in_turns(runs, {"ours": lambda: run_command(command, ROOT)})["ours"]


def plot(results: dict[str, dict[str, float]], file: Path) -> None:
    """Draw seconds and MiB over megapixels."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [float(size) for size in results]
    figure, panels = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for panel, key, label in zip(
        panels, ("seconds", "peak_mib"), ("seconds", "peak memory, MiB"), strict=True
    ):
        panel.plot(sizes, [found[key] for found in results.values()], "o-")
        panel.set(xlabel="megapixels", ylabel=label, xlim=(0, None), ylim=(0, None))
        panel.grid(alpha=0.3)
    figure.savefig(file, dpi=110)


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", nargs="+", type=float, default=MEGAPIXELS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in args.megapixels:
            results[f"{size:g}"] = measure(size, args.runs, Path(folder))
    content = json.dumps({"machine": machine(), "megapixels": results}, indent=1) + "\n"
    sys.stdout.write(content)
    if args.json is not None:
        args.json.write_text(content)
    if args.plot is not None:
        plot(results, args.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
