"""Make a weights file of a checkpoint: python -m colorize.training.bundle CHECKPOINT -o FILE.

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


def bundle(
    checkpoint: Path,
    target: Path,
    temperature: float,
    rebalance: float,
    rarity: float = 0.0,
    faithful: tuple[float, float] = (0.7, 0.1),
    coherence: float = 0.5,
) -> None:
    """Write the weights file. Raises ColorizeError if there is no checkpoint.

    temperature, rebalance, rarity: the defaults for decoding, the style "vivid". faithful:
    temperature and rebalance of the style "faithful", whose rarity is 0. coherence: of both.
    """
    if not checkpoint.is_file():
        raise ColorizeError(f"{checkpoint}: no such checkpoint")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings = state["settings"]
    if settings.get("network", "compact") != "compact":
        return _save_plain(state, target)
    network = Compact(tuple(settings["widths"]))
    network.load_state_dict(state["average"])
    extra = {"training": json.dumps({**settings, "steps_done": state["steps_done"]})}
    save_compact(
        network,
        target,
        class_weights=rebalancing_weights(state["prior"], settings["uniform_share"]),
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
        extra=extra,
    )


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
        description="Make a weights file of a training checkpoint.",
    )
    vivid = (
        "of the style vivid, with which photographs are decoded by default (default: %(default)s)"
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--temperature", type=float, default=0.5, help=vivid)
    parser.add_argument("--rebalance", type=float, default=0.73, help=vivid)
    parser.add_argument("--rarity", type=float, default=0.0, help=vivid)
    parser.add_argument(
        "--coherence", type=float, default=0.5, help="of both styles (default: %(default)s)"
    )
    parser.add_argument(
        "--faithful", type=float, nargs=2, default=(0.7, 0.1), metavar=("T", "REBALANCE"),
        help="temperature and rebalance of the style faithful (default: 0.7 0.1)",
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
