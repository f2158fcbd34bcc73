"""Make a weights file of checkpoints: python -m colorize.training.bundle CHECKPOINT... -o FILE.

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
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from colorize.color.gamut import rebalancing_weights
from colorize.errors import ColorizeError
from colorize.models.compact import Compact
from colorize.models.weights_file import save_compact
from colorize.training.checkpoint import averaged_network, read_checkpoint
from colorize.training.reweight import reweight


def bundle(
    checkpoints: Sequence[Path],
    target: Path,
    temperature: float,
    rebalance: float,
    rarity: float = 0.0,
    faithful: tuple[float, float] = (0.8, 0.1),
    coherence: float = 0.5,
) -> None:
    """Write the weights file of a checkpoint, or of the mean weights of several of `compact`.

    temperature, rebalance, rarity: the defaults for decoding, the style "vivid". faithful:
    temperature and rebalance of the style "faithful", whose rarity is 0. coherence: of both.
    Raises ColorizeError if there is no checkpoint, or if several don't go together.
    """
    states = [read_checkpoint(checkpoint) for checkpoint in checkpoints]
    state = states[0]
    settings = state["settings"]
    if settings.get("network", "compact") != "compact":
        if len(states) > 1:
            raise ColorizeError(f"{checkpoints[1]}: means are made of compact alone")
        return _save_plain(state, target)
    weights = rebalancing_weights(state["prior"], settings["uniform_share"])
    network = _mean(checkpoints, states, weights)
    training = [{**one["settings"], "steps_done": one["steps_done"]} for one in states]
    save_compact(
        network,
        target,
        class_weights=weights,
        prior=state["prior"],
        temperature=temperature,
        rebalance=rebalance,
        styles={
            name: {"temperature": t, "rebalance": share, "rarity": rare, "coherence": coherence}
            for name, (t, share, rare) in {
                "vivid": (temperature, rebalance, rarity),
                "faithful": (*faithful, 0.0),
            }.items()
        },
        extra={"training": json.dumps(training[0] if len(training) == 1 else training)},
    )


def _mean(
    checkpoints: Sequence[Path], states: Sequence[dict[str, Any]], weights: torch.Tensor
) -> Compact:
    """Return the mean of the networks, each made as if trained with these class weights.

    A mean over runs from the same start is better than most of them alone (Wortsman et al.,
    *Model Soups*, ICML 2022).
    """
    widths = tuple(states[0]["settings"]["widths"])
    total: dict[str, torch.Tensor] = {}
    for checkpoint, state in zip(checkpoints, states, strict=True):
        settings = state["settings"]
        network = settings.get("network", "compact")
        if network != "compact" or tuple(settings["widths"]) != widths:
            raise ColorizeError(f"{checkpoint}: of other sizes than {checkpoints[0]}")
        if settings.get("encoder", "lite0") != "lite0":
            raise ColorizeError(f"{checkpoint}: a teacher, which has no weights file of its own")
        one = averaged_network(state)
        reweight(one, rebalancing_weights(state["prior"], settings["uniform_share"]), weights)
        for key, tensor in one.state_dict().items():
            total[key] = total[key] + tensor if key in total else tensor.clone()
    result = Compact(widths)
    result.load_state_dict(
        {
            key: tensor / len(states) if tensor.is_floating_point() else tensor // len(states)
            for key, tensor in total.items()
        }
    )
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
        prog="python -m colorize.training.bundle",
        description="Make a weights file of a training checkpoint, or of the mean of several.",
    )
    vivid = (
        "of the style vivid, with which photographs are decoded by default (default: %(default)s)"
    )
    parser.add_argument(
        "checkpoint", type=Path, nargs="+",
        help="several, of runs of compact from the same start: the mean of their weights",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--temperature", type=float, default=0.6, help=vivid)
    parser.add_argument("--rebalance", type=float, default=0.0, help=vivid)
    parser.add_argument("--rarity", type=float, default=0.4, help=vivid)
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
            args.coherence,
        )  # fmt: skip
    except (ColorizeError, OSError, ValueError) as error:
        sys.stderr.write(f"bundle: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
