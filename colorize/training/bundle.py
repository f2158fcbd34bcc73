"""Make a weights file of a checkpoint: python -m colorize.training.bundle CHECKPOINT -o FILE.

The file holds the moving average of the weights in fp16, the prior, the class weights and the
defaults for decoding, which are chosen after training.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from colorize.errors import ColorizeError
from colorize.gamut import rebalancing_weights
from colorize.models.compact import Compact
from colorize.models.weights_file import save_compact


def bundle(checkpoint: Path, target: Path, temperature: float, rebalance: float) -> None:
    """Write the weights file. Raises ColorizeError if there is no checkpoint."""
    if not checkpoint.is_file():
        raise ColorizeError(f"{checkpoint}: no such checkpoint")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings = state["settings"]
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
        extra=extra,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m colorize.training.bundle",
        description="Make a weights file of a training checkpoint.",
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--temperature", type=float, default=0.7, help="default for decoding")
    parser.add_argument("--rebalance", type=float, default=0.9, help="default for decoding")
    args = parser.parse_args(argv)
    try:
        bundle(args.checkpoint, args.output, args.temperature, args.rebalance)
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"bundle: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
