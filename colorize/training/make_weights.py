"""Make a weights file: python -m colorize.training.make_weights CHECKPOINT... -o FILE.

Among several CHECKPOINTs of `compact`, whose mean is taken, there may be weights files.

Of `eccv16` and `siggraph17` the file holds the moving average of the weights alone, as the
published files do. Of `compact` it holds that in fp16, the prior, the class weights and the
defaults for decoding, which are chosen after training.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from colorize.errors import ColorizeError
from colorize.models import registry
from colorize.models.compact import Compact
from colorize.models.metadata import StyleSettings
from colorize.models.serialization import save_compact
from colorize.training.checkpoint import averaged_network, read_checkpoint
from colorize.training.reweight import reweight


@dataclass
class Part:
    """A network of `compact`, and what a weights file says of its training."""

    file: Path
    network: Compact
    class_weights: torch.Tensor  # (313,)
    prior: torch.Tensor  # (313,)
    training: list[dict[str, Any]]  # the settings of the runs that it is made of


def bundle(
    files: Sequence[Path],
    target: Path,
    temperature: float,
    rebalance: float,
    rarity: float = 0.0,
    faithful: tuple[float, float] = (0.8, 0.1),
    coherence: float = 0.5,
    shares: Sequence[float] | None = None,
) -> None:
    """Write the weights file of a checkpoint, or of the mean weights of several of `compact`.

    files: checkpoints, and weights files of `compact`. temperature, rebalance, rarity: the defaults
    for decoding, the style "vivid". faithful: temperature and rebalance of the style "faithful",
    whose rarity is 0. coherence: of both. shares: of each file in the mean, positive; equal where
    None. The prior is the first file's, and the class weights too. Raises ColorizeError if a file
    is missing or unsound, or if several don't go together.
    """
    parts = []
    for file in files:
        if file.suffix == ".safetensors":
            parts.append(_of_weights(file))
            continue
        state = read_checkpoint(file)
        if state["settings"].get("network", "compact") != "compact":
            if len(files) > 1:
                raise ColorizeError(f"{file}: means are made of compact alone")
            return _save_plain(state, target)
        parts.append(_of_checkpoint(file, state))
    shares = shares or [1.0] * len(parts)
    if len(shares) != len(parts) or min(shares) <= 0:
        raise ColorizeError(f"--shares takes {len(parts)} positive numbers, one a file")
    training = [run for part in parts for run in part.training]
    save_compact(
        _mean(parts, shares),
        target,
        class_weights=parts[0].class_weights,
        prior=parts[0].prior,
        styles={
            "vivid": StyleSettings(temperature, rebalance, rarity, coherence),
            "faithful": StyleSettings(*faithful, 0.0, coherence),
        },
        extra={"training": json.dumps(training[0] if len(training) == 1 else training)},
    )


def _of_checkpoint(file: Path, state: dict[str, Any]) -> Part:
    """Return a checkpoint's moving average."""
    settings = state["settings"]
    if settings.get("encoder", "lite0") != "lite0":
        raise ColorizeError(f"{file}: a teacher, which has no weights file of its own")
    training = [{**settings, "steps_done": state["steps_done"]}]
    return _part(file, averaged_network(state), training)


def _of_weights(file: Path) -> Part:
    """Return what a weights file holds."""
    network = registry.load("compact", weights=file)
    assert isinstance(network, Compact)
    with safe_open(file, framework="pt") as content:  # only files of this kind hold compact
        said = json.loads((content.metadata() or {}).get("training", "[]"))
    return _part(file, network, said if isinstance(said, list) else [said])


def _part(file: Path, network: Compact, training: list[dict[str, Any]]) -> Part:
    """Return a part of a mean, with the network's own class weights and prior."""
    class_weights, prior = network.metadata.class_weights, network.metadata.prior
    if class_weights is None or prior is None:
        raise ColorizeError(f"{file}: does not say its class weights and prior, so no mean")
    return Part(file, network, torch.from_numpy(class_weights), torch.from_numpy(prior), training)


def _mean(parts: Sequence[Part], shares: Sequence[float]) -> Compact:
    """Return the mean of the networks, each made as if trained with the first's class weights.

    A mean over runs from the same start is better than most of them alone (Wortsman et al.,
    *Model Soups*, ICML 2022).
    """
    first, total, whole = parts[0], dict[str, Any](), sum(shares)
    for part, share in zip(parts, shares, strict=True):
        if part.network.widths != first.network.widths:
            raise ColorizeError(f"{part.file}: of other sizes than {first.file}")
        reweight(part.network, part.class_weights, first.class_weights)
        for key, tensor in part.network.state_dict().items():
            if not tensor.is_floating_point():  # a counter
                total.setdefault(key, tensor.clone())
            else:
                total[key] = total.get(key, 0) + tensor * (share / whole)
    result = Compact(first.network.widths)
    result.load_state_dict(total)
    return result


def _save_plain(state: dict[str, Any], target: Path) -> None:
    """Write the moving average as safetensors, at once, with the settings in the header."""
    done = json.dumps({**state["settings"], "steps_done": state["steps_done"]})
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        tensors = {key: value.contiguous() for key, value in state["average"].items()}
        save_file(tensors, part, {"training": done})
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m colorize.training.make_weights",
        description="Make a weights file of a training checkpoint, or of the mean of several.",
    )
    vivid = (
        "of the style vivid, with which photographs are decoded by default (default: %(default)s)"
    )
    parser.add_argument(
        "checkpoint", type=Path, nargs="+",
        help="several, of runs of compact from the same start: the mean of their weights; there "
        "may be weights files among them",
    )  # fmt: skip
    parser.add_argument(
        "--shares", type=float, nargs="+", help="of each file in the mean (default: equal)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--temperature", type=float, default=0.6, help=vivid)
    parser.add_argument("--rebalance", type=float, default=0.0, help=vivid)
    parser.add_argument("--rarity", type=float, default=0.2, help=vivid)
    parser.add_argument(
        "--coherence", type=float, default=0.5, help="of both styles (default: %(default)s)"
    )
    parser.add_argument(
        "--faithful", type=float, nargs=2, default=(0.8, 0.1), metavar=("T", "REBALANCE"),
        help="temperature and rebalance of the style faithful (default: 0.8 0.1)",
    )  # fmt: skip
    args = parser.parse_args(argv)
    try:
        faithful = args.faithful[0], args.faithful[1]
        bundle(
            args.checkpoint, args.output, args.temperature, args.rebalance, args.rarity, faithful,
            args.coherence, args.shares,
        )  # fmt: skip
    except (ColorizeError, OSError, ValueError) as error:
        sys.stderr.write(f"bundle: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
