"""Seconds and memory of one forward pass of each network, for the table in docs/networks.md.

`python -m benchmarks.networks --json FILE` measures every network at 256 and 512 pixels with ONNX
Runtime and torch, one thread each, in separate processes; `--document docs/networks.md` replaces
the table there. Seeded random weights of the published shapes cost the same as the published ones.
The machine should have nothing else to do: the results say how busy it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import machine, run_command, timed

ROOT = Path(__file__).parents[1]
SIZES = (256, 512)
BACKENDS = {"onnx": "ONNX Runtime", "torch": "PyTorch"}
THREADS = ("OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
BEGIN, END = "<!-- networks table -->", "<!-- end of networks table -->"

Figures = dict[str, Any]


def make_weights(name: str, folder: Path) -> tuple[Path, int]:
    """Return a weights file of a network with seeded random weights, and its parameters."""
    import torch

    from colorize.models import registry, weights_files
    from colorize.models.serialization import write_safetensors

    model = registry.find(name)
    if model.url is None:
        network, file = registry.load(name), weights_files.verify(name)
    else:
        torch.manual_seed(0)
        network, file = registry.network_class(model)(), folder / f"{name}.safetensors"
        tensors = {key: tensor.numpy() for key, tensor in network.state_dict().items()}
        write_safetensors(tensors, file, {})
    return file, sum(parameter.numel() for parameter in network.parameters())


def forward(name: str, file: str, size: int, backend: str, runs: int) -> Figures:
    """Return times of a network's forward pass for one photograph."""
    from colorize.runtime.load import load_runner

    runner = load_runner(name, weights=file, backend=backend)
    runner.set_threads(1)  # so that processor time does not depend on what else runs
    lightness = 100 * np.random.default_rng(0).random((1, 1, size, size), np.float32)
    return dict(timed(runs, {"forward": lambda: runner(lightness)})["forward"])


def measure(names: list[str], runs: int) -> Figures:
    """Return the figures of the networks."""
    results: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            file, parameters = make_weights(name, Path(folder))
            results[name] = {"parameters": parameters}
            for backend in BACKENDS:
                for size in SIZES:
                    arguments = ("--forward", name, file, size, backend, "--runs", runs)
                    command = (sys.executable, "-W", "ignore", "-m", "benchmarks.networks")
                    run = run_command(("/usr/bin/env", *THREADS, *command, *arguments), ROOT)
                    figures = json.loads(run.output.splitlines()[-1])
                    figures |= {"peak_mib": round(run.mib), "others_cpu_seconds": run.others}
                    results[name][f"{backend} {size}"] = figures
                    sys.stderr.write(f"{name} {backend} {size}: {figures}\n")
            if file.is_relative_to(folder):
                file.unlink()
    return results


def table(results: Figures) -> str:
    """Return the table in Markdown, with the machine below."""
    from colorize.models import registry

    columns = [(backend, size) for size in SIZES for backend in BACKENDS]
    head = [
        "network",
        "parameters",
        "file",
        *(f"{size}, {BACKENDS[backend]}" for backend, size in columns),
    ]
    lines = [head, ["---", *["--:"] * (len(head) - 1)]]
    for name, figures in results["networks"].items():
        cells = [_cell(figures[f"{backend} {size}"]) for backend, size in columns]
        file = f"{registry.find(name).size / 1e6:.0f} MB"
        lines.append([f"`{name}`", f"{figures['parameters'] / 1e6:.1f} M", file, *cells])
    where = results["machine"]
    packages = ", ".join(f"{name} {where['packages'][name]}" for name in ("onnxruntime", "torch"))
    what = f"{where['processor']}, {where['cores']} cores, {packages}, load {where['load']:.0f}"
    return "\n".join(["| " + " | ".join(line) + " |" for line in lines] + ["", f"{what}."])


def _cell(figures: Figures) -> str:
    return f"{figures['cpu_seconds']:.2f} s, {figures['peak_mib']:,} MiB"


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of which medians are taken")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="default: each architecture")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results, or read them")
    parser.add_argument("--document", type=Path, metavar="FILE", help="put the table there")
    parser.add_argument("--read", action="store_true", help="measure nothing, read --json")
    parser.add_argument("--forward", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.forward:
        name, file, size, backend = args.forward
        figures = forward(name, file, int(size), backend, args.runs)
        sys.stdout.write(json.dumps(figures) + "\n")
        return 0
    if args.read:
        results = json.loads(args.json.read_text())
    else:
        results = {
            "machine": machine(),
            "networks": measure(args.networks or _distinct(), args.runs),
        }
        if args.json:
            args.json.write_text(json.dumps(results, indent=1) + "\n")
    text = table(results)
    sys.stdout.write(text + "\n")
    if args.document:
        before, _, rest = args.document.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        args.document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
    return 0


def _distinct() -> list[str]:
    """Return the first network of each architecture: the others cost the same."""
    from colorize.models import registry

    first: dict[str, str] = {}
    for model in registry.available_models():
        first.setdefault(model.architecture, model.name)
    return list(first.values())


if __name__ == "__main__":
    sys.exit(main())
