"""The table of docs/speed.md, made from the results of `benchmarks.speed`.

`python -m benchmarks.speed_table RESULTS.json docs/speed.md` replaces what stands between the
two marks in the document; without a document it prints the table.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- speed table -->", "<!-- end of speed table -->"
Figures = dict[str, Any]
Line = tuple[str, str, str]  # what, measured, goal


def seconds(value: float) -> str:
    """Return a time in words."""
    return f"{value:.2f} s" if value >= 0.2 else f"{1000 * value:.0f} ms"


def share(ours: float, reference: float) -> str:
    """Return our figure as a fraction of the reference's."""
    return f"1/{reference / ours:.1f}"


def _against(figures: Figures, ours: str = "ours", memory: bool = False) -> str:
    mine, theirs = figures[ours], figures["reference"]
    text = f"{seconds(mine['seconds'])} of {seconds(theirs['seconds'])}: "
    text += share(mine["seconds"], theirs["seconds"])
    if memory:
        text += f"; {mine['peak_mib']:.0f} of {theirs['peak_mib']:.0f} MiB: "
        text += share(mine["peak_mib"], theirs["peak_mib"])
    return text


def _start_up(figures: Figures) -> list[Line]:
    three = ", ".join(
        f"`{name}` {seconds(figures[name]['seconds'])}" if name[0] == "-"
        else f"{name} {seconds(figures[name]['seconds'])}"
        for name in ("--help", "--version", "usage error")
    )  # fmt: skip
    torch = figures["import torch"]["seconds"]

    def times(name: str) -> str:
        found = figures[name]["seconds"]
        return f"{seconds(found)}, {found / torch:.2f} × {seconds(torch)}"

    return [
        ("start", three, "≤ 0.15 s"),
        ("1 megapixel, whole process", times("one megapixel"), "≤ 1.3 × `import torch`"),
        (
            "the same, ONNX Runtime",
            times("one megapixel, ONNX Runtime"),
            "≤ 0.5 × `import torch`",
        ),
    ]


def _color(figures: Figures) -> list[Line]:
    text = f"{_against(figures)}; off by {figures['largest_difference_in_gamut']} level at most"
    return [("color arithmetic, 12 megapixels", text, "≤ 1/8, ≤ 1 level")]


def _forward(figures: Figures) -> list[Line]:
    def ratio(name: str) -> str:
        mine, theirs = (figures[name][key]["seconds"] for key in ("ours", "reference"))
        return f"{seconds(mine)}, {mine / theirs:.2f} × {seconds(theirs)}"

    compact = figures["compact x1"]["ours"]["seconds"]
    eccv16 = figures["eccv16 x1"]["reference"]["seconds"]
    text = f"{seconds(compact)}, {share(compact, eccv16)} of `eccv16` in float32"
    onnx = figures.get("compact x1, ONNX Runtime")
    if onnx:
        text += f"; ONNX Runtime {seconds(onnx['ours']['seconds'])}"
    return [
        ("`eccv16` forward, 256×256", ratio("eccv16 x1"), "≤ 0.55 ×"),
        ("the same, batch of 8", ratio("eccv16 x8"), "≤ 0.55 ×"),
        ("`siggraph17` forward", ratio("siggraph17 x1"), "≤ 0.5 ×"),
        ("`compact` forward", text, "≤ 25 ms, ≤ 1/6"),
    ]


def _png(figures: Figures) -> list[Line]:
    goal = "≤ 1/5; memory ≤ 1/3"
    onnx = _against(figures, "ours, ONNX Runtime", memory=True)
    return [
        ("12 MP JPEG → PNG, `eccv16`", _against(figures, memory=True), goal),
        ("the same, ONNX Runtime", onnx, goal),
    ]


def _jpeg(figures: Figures) -> list[Line]:
    return [
        ("12 MP JPEG → JPEG, `compact`", _against_both(figures, "ours"), "≤ 1/8"),
        ("the same, ONNX Runtime", _against_both(figures, "ours, ONNX Runtime"), "≤ 1/8"),
    ]


def _against_both(figures: Figures, ours: str) -> str:
    """Return `_against`, also for a reference that writes JPEG."""
    other = figures["reference, JPEG"]["seconds"]
    part = share(figures[ours]["seconds"], other)
    return f"{_against(figures, ours)} (writing JPEG {seconds(other)}: {part})"


def _large(figures: Figures) -> list[Line]:
    return [
        (
            "100 MP JPEG → PNG, `compact`" + name.removeprefix("ours"),
            f"{seconds(found['seconds'])}; {found['peak_mib']:.0f} MiB",
            "≤ 12 s; ≤ 1638 MiB",
        )
        for name, found in figures.items()
    ]


def _folder(figures: Figures) -> list[Line]:
    lines = []
    for backend, name in (("torch", "ours"), ("onnx", "ours, ONNX Runtime")):
        bound, ours = figures["bound_seconds"][backend], figures[name]["seconds"]
        text = f"{_against_both(figures, name)}; {100 * bound / ours:.0f} % of the bound"
        what = "200 photographs of 1 MP, `compact`" if name == "ours" else "the same, ONNX Runtime"
        lines.append((what, f"{text} of {seconds(bound)}", "≤ 1/6; ≥ 85 %"))
    return lines


def _memory(figures: Figures) -> list[Line]:
    few, many = (figures[f"{count} photographs"]["peak_mib"] for count in (50, 1000))
    text = f"{many:.0f} MiB, {many / few:.2f} × {few:.0f} MiB of 50"
    return [("1,000 photographs: peak memory", text, "≤ 1.15 ×")]


LINES: dict[str, Callable[[Figures], list[Line]]] = {
    "12mp-png-eccv16": _png,
    "12mp-jpeg-compact": _jpeg,
    "100mp-png-compact": _large,
    "color": _color,
    "forward": _forward,
    "200-photographs": _folder,
    "1000-photographs": _memory,
    "start-up": _start_up,
}


def table(results: dict[str, Figures]) -> str:
    """Return the table in Markdown, with the machine under it."""
    lines = ["| what | measured | goal |", "|---|---|---|"]
    for name, make in LINES.items():
        if name in results:
            lines += ["| " + " | ".join(line) + " |" for line in make(results[name]["figures"])]
    machine = next(iter(results.values()))["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    what = f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}"
    return "\n".join([*lines, "", f"{what}, {packages}."])


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    names = sys.argv[1:] if argv is None else argv
    if len(names) not in (1, 2):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    text = table(json.loads(Path(names[0]).read_text(encoding="utf-8")))
    if len(names) == 1:
        sys.stdout.write(text + "\n")
        return 0
    document = Path(names[1])
    before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
