"""The accuracy of the bundled weights: the figures of the model card and of docs/, in tables.

`python -m benchmarks.accuracy measure DATA` runs `colorize.evaluation` for each of `RUNS` and
writes benchmarks/results/compact-*.json. DATA holds the evaluation sets, folders or tar files:
imagenet-sample (one photograph of each class), portraits, bsds-100 and kodak. Two cores take about
an hour; `--only NAME...` measures some of them.

`python -m benchmarks.accuracy tables` puts the tables made of these results into the documents,
between the marks that name them.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorize.evaluation.common import table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENTS = ("weights/README.md", "docs/evaluation.md", "docs/control.md")

Figures = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One call of `colorize.evaluation`.

    Attributes:
        name: What the results are called: benchmarks/results/compact-NAME.json.
        task: The sub-command.
        data: The set of photographs.
        options: Of the sub-command.
    """

    name: str
    task: str
    data: str
    options: tuple[str, ...] = ()


DEGRADATIONS = {
    "grain": "grain (σ 12 at 512 pixels)",
    "blur": "blur (σ 2)",
    "fading": "40 % of the contrast",
    "jpeg": "JPEG of quality 40",
    "orthochromatic": "orthochromatic film (insensitive to red)",
    "vintage": "the same film, faded, blurred and grainy (`vintage`)",
}
DEGRADED = {name: ("--degradation", name) for name in DEGRADATIONS}
EIGHTH = ("--every", "8")
FAITHFUL = ("--style", "faithful")
VINTAGE = DEGRADED["vintage"]

RUNS = (
    Run("imagenet-sample", "colors", "imagenet-sample"),
    Run("imagenet-sample-faithful", "colors", "imagenet-sample", FAITHFUL),
    Run("imagenet-sample-rare", "colors", "imagenet-sample", ("--rare-color-boost", "0.3")),
    Run("imagenet-sample-saturated", "colors", "imagenet-sample", ("--saturation", "1.2")),
    Run("imagenet-sample-eighth", "colors", "imagenet-sample", EIGHTH),
    *(
        Run(f"imagenet-sample-{name}", "colors", "imagenet-sample", (*EIGHTH, *options))
        for name, options in DEGRADED.items()
    ),
    Run("portraits", "colors", "portraits"),
    Run("portraits-faithful", "colors", "portraits", FAITHFUL),
    Run("portraits-vintage", "colors", "portraits", VINTAGE),
    Run("portraits-faithful-vintage", "colors", "portraits", (*FAITHFUL, *VINTAGE)),
    Run("portraits-not-coherent", "colors", "portraits", ("--coherence", "0")),
    Run("bsds-100", "colors", "bsds-100", ("--lpips",)),
    Run("bsds-100-full-size", "colors", "bsds-100", ("--full-size",)),
    Run("kodak-full-size", "colors", "kodak", ("--full-size", "--lpips")),
    Run("kodak-robustness", "robustness", "kodak"),
    Run("imagenet-sample-classification", "classification", "imagenet-sample"),
    Run("imagenet-sample-classification-faithful", "classification", "imagenet-sample", FAITHFUL),
    Run("imagenet-sample-samples", "samples", "imagenet-sample", EIGHTH),
    Run("imagenet-sample-calibration", "calibration", "imagenet-sample"),
    Run("imagenet-sample-reference", "reference", "imagenet-sample", EIGHTH),
    Run("bsds-100-hints", "hints", "bsds-100"),
    Run("bsds-100-recoloring", "recoloring", "bsds-100"),
)


def file_of(name: str) -> Path:
    """Return the file of a run's results."""
    return RESULTS / f"compact-{name}.json"


def measure(runs: Iterable[Run], data: Path) -> None:
    """Measure, and write the results of each run."""
    for run in runs:
        sets = [data / run.data, data / f"{run.data}.tar"]
        photographs = next((path for path in sets if path.exists()), sets[0])
        sys.stderr.write(f"{run.name}\n")
        command = [sys.executable, "-m", "colorize.evaluation", run.task, str(photographs)]
        command += [*run.options, "--quiet", "--json", str(file_of(run.name))]
        subprocess.run(command, cwd=ROOT, check=True)


def read(name: str) -> Figures:
    """Return the results of a run."""
    results: Figures = json.loads(file_of(name).read_text(encoding="utf-8"))
    return results


def _accuracy(name: str) -> list[str]:
    """Return PSNR, AuC, rebalanced AuC, ΔE2000 with gains over gray, and colorfulness."""
    found = read(name)
    network, gray, truth = (found[row] for row in ("network", "gray", "truth"))
    keys = ("psnr", "auc", "auc_rebalanced", "delta_e")
    cells = [_with_gain(network[key], gray[key]) for key in keys]
    return [*cells, f"{network['colorfulness'] / truth['colorfulness']:.2f}"]


def _with_gain(value: float, start: float) -> str:
    return f"{value:.2f} ({value - start:+.2f})"


ACCURACY = ("PSNR dB", "AuC %", "AuC rebalanced %", "ΔE2000", "colorfulness / truth")


def accuracy() -> str:
    """Return the main table of the model card."""
    rows = {
        "486 of ImageNet, one a class": "imagenet-sample",
        "the same, `--rare-color-boost 0.3`": "imagenet-sample-rare",
        "the same, `--saturation 1.2`": "imagenet-sample-saturated",
        "the same, `--style faithful`": "imagenet-sample-faithful",
        "60 portraits and groups": "portraits",
        "100 of BSDS500": "bsds-100",
        "the same at full size (`--full-size`)": "bsds-100-full-size",
        "24 of Kodak at full size": "kodak-full-size",
    }
    lines = [(what, *_accuracy(name)) for what, name in rows.items()]
    return table(("photographs", *ACCURACY), lines)


def lpips() -> str:
    """Return LPIPS of photographs of two sets; lower is better."""
    lines = []
    for what, name in (("BSDS500", "bsds-100"), ("Kodak at full size", "kodak-full-size")):
        found = read(name)
        cells = [
            f"{found['network']['lpips'][backbone]:.3f} ({found['gray']['lpips'][backbone]:.3f})"
            for backbone in ("alexnet", "vgg16")
        ]
        lines.append((what, *cells))
    return table(("photographs", "AlexNet", "VGG"), lines)


def degradations() -> str:
    """Return the accuracy on every eighth photograph of ImageNet, degraded."""
    rows = {"the photograph": "eighth"} | {what: name for name, what in DEGRADATIONS.items()}
    lines = [(what, *_accuracy(f"imagenet-sample-{name}")) for what, name in rows.items()]
    return table(("the network sees", *ACCURACY), lines)


def robustness() -> str:
    """Return how far colors move when the photograph changes."""
    means = read("kodak-robustness")["mean_delta_e"]
    return table(
        ("change", "mean ΔE2000"), [(name, f"{value:.1f}") for name, value in means.items()]
    )


PORTRAITS = {
    ("vivid", "photograph"): "portraits",
    ("faithful", "photograph"): "portraits-faithful",
    ("vivid", "`vintage`"): "portraits-vintage",
    ("faithful", "`vintage`"): "portraits-faithful-vintage",
    ("vivid, coherence 0", "photograph"): "portraits-not-coherent",
}


def portraits() -> str:
    """Return the accuracy on portraits."""
    lines = [(*what, *_accuracy(name)) for what, name in PORTRAITS.items()]
    return table(("style", "network sees", *ACCURACY), lines, names=2)


def artifacts() -> str:
    """Return blotches, halo and the hue of skin on portraits."""
    lines = []
    for what, name in PORTRAITS.items():
        network = read(name)["network"]
        lines.append((*what, *_artifacts(network), *_skin(network["hues"]["skin"])))
    both = read("portraits")
    gray, truth, skin = both["gray"], both["truth"], both["network"]["hues"]["skin"]
    ab = ", ".join(f"{x:.1f}" for x in skin["true_ab"])
    lines.append(("gray", "", f"{gray['shsm']:.3f}", "", f"{gray['halo']:.3f}", "", "", ""))
    hue = f"{skin['true_hue']:.0f}°"
    lines.append(("truth", "", "1", f"{truth['blotches']:.3f}", "", ab, hue, "0°"))
    head = (
        "style",
        "network sees",
        "SHSM",
        "blotches",
        "halo",
        "skin a, b",
        "skin hue",
        "hue error",
    )
    return table(head, lines, names=2)


def _artifacts(row: Figures) -> list[str]:
    return [f"{row[key]:.3f}" for key in ("shsm", "blotches", "halo")]


def _skin(skin: Figures) -> list[str]:
    ab = ", ".join(f"{x:.1f}" for x in skin["ab"])
    return [ab, f"{skin['hue']:.0f}°", f"{skin['hue_error']:.0f}°"]


def classification() -> str:
    """Return how well a classifier recognizes results."""
    vivid, faithful = (
        read(f"imagenet-sample-classification{style}") for style in ("", "-faithful")
    )
    rows = {name: vivid[name] for name in ("truth", "gray")}
    rows |= {"vivid": vivid["network"], "faithful": faithful["network"]}
    lines = [(name, f"{row['top1']:.1f}", f"{row['top5']:.1f}") for name, row in rows.items()]
    return table(("", "top-1 %", "top-5 %"), lines)


def samples() -> str:
    """Return how good and how varied random samples are."""
    found = read("imagenet-sample-samples")
    best = _with_gain(found["psnr_best"], found["psnr_single"])
    lines = [
        ("without sampling", f"{found['psnr_single']:.2f}", f"{found['delta_e_single']:.2f}"),
        ("a sample", f"{found['psnr_sample']:.2f}", f"{found['delta_e_sample']:.2f}"),
        (f"the best of {found['samples']}", best, ""),
    ]
    return table(("", "PSNR dB", "ΔE2000 to the truth"), lines)


def calibration() -> str:
    """Return the errors by tenths of confidence."""
    lines = [
        (f"{d['highest']:.2f} to {d['lowest']:.2f}", f"{d['ab_error']:.2f}", f"{d['delta_e']:.2f}")
        for d in read("imagenet-sample-calibration")["deciles"]
    ]
    return table(("confidence", "ab error", "ΔE2000"), lines)


def hints() -> str:
    """Return the gain of color hints."""
    psnr = read("bsds-100-hints")["psnr"]
    none = psnr["0"]
    cells = [f"{psnr['gray']:.2f}", f"{none:.2f}"]
    cells += [_with_gain(psnr[count], none) for count in ("1", "5", "10", "50")]
    head = ("100 of BSDS500, vivid", "gray", "0 hints", "1", "5", "10", "50")
    return table(head, [("`object`", *cells)])


def reference() -> str:
    """Return what a reference can gain at most."""
    found = read("imagenet-sample-reference")
    none, best = found["without"], found["with"]
    psnr = {"none": f"{none['psnr']:.2f}", "the truth": _with_gain(best["psnr"], none["psnr"])}
    keys = ("auc", "auc_rebalanced", "delta_e")
    lines = [
        (name, psnr[name], *(f"{row[key]:.2f}" for key in keys))
        for name, row in (("none", none), ("the truth", best))
    ]
    return table(("reference", "PSNR dB", "AuC %", "AuC rebalanced %", "ΔE2000"), lines)


TABLES: dict[str, Callable[[], str]] = {
    make.__name__: make
    for make in (
        accuracy, lpips, degradations, robustness, portraits, artifacts, classification,
        samples, calibration, hints, reference,
    )
}  # fmt: skip
MARKED = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end of table -->", re.DOTALL)


def with_tables(document: str) -> str:
    """Return a document with its marked tables made anew."""

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        return f"<!-- table: {name} -->\n{TABLES[name]()}\n<!-- end of table -->"

    return MARKED.sub(replace, document)


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    names = [run.name for run in RUNS]
    measuring = commands.add_parser("measure", help="measure and write the results")
    measuring.add_argument("data", type=Path, help="folder of the evaluation sets")
    measuring.add_argument("--only", nargs="+", choices=names, metavar="NAME", default=names)
    commands.add_parser("tables", help="make the tables of the documents anew")
    args = parser.parse_args(argv)
    if args.command == "measure":
        measure((run for run in RUNS if run.name in args.only), args.data.resolve())
        return 0
    for name in DOCUMENTS:
        document = ROOT / name
        text = with_tables(document.read_text(encoding="utf-8"))
        document.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
