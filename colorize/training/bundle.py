"""Make a weights file of a checkpoint: python -m colorize.training.bundle CHECKPOINT -o FILE.

The file holds the moving average of the weights in fp16, the prior, the class weights and the
defaults for decoding, which are chosen after training. The class weights of the training, in
which all very rare colours are alike (λ = 0.5), are exchanged for ones that tell them apart, so
that `rebalance` favours a colour by how rare it is.
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
from colorize.training.reweight import reweight

DECODING_SHARE = 0.02  # λ of the class weights in the file


def bundle(
    checkpoint: Path,
    target: Path,
    temperature: float,
    rebalance: float,
    faithful: tuple[float, float] = (1.0, 0.0),
) -> None:
    """Write the weights file. Raises ColorizeError if there is no checkpoint.

    temperature, rebalance: the defaults for decoding, the style "vivid". faithful: those of the
    style "faithful".
    """
    if not checkpoint.is_file():
        raise ColorizeError(f"{checkpoint}: no such checkpoint")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings = state["settings"]
    network = Compact(tuple(settings["widths"]))
    network.load_state_dict(state["average"])
    trained = rebalancing_weights(state["prior"], settings["uniform_share"])
    decoding = rebalancing_weights(state["prior"], DECODING_SHARE)
    reweight(network, trained, decoding)
    extra = {"training": json.dumps({**settings, "steps_done": state["steps_done"]})}
    save_compact(
        network,
        target,
        class_weights=decoding,
        prior=state["prior"],
        temperature=temperature,
        rebalance=rebalance,
        styles={
            "vivid": {"temperature": temperature, "rebalance": rebalance},
            "faithful": {"temperature": faithful[0], "rebalance": faithful[1]},
        },
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
    parser.add_argument(
        "--faithful", type=float, nargs=2, default=(1.0, 0.0), metavar=("T", "REBALANCE"),
        help="temperature and rebalance of the style faithful (default: 1 0)",
    )  # fmt: skip
    args = parser.parse_args(argv)
    try:
        faithful = args.faithful[0], args.faithful[1]
        bundle(args.checkpoint, args.output, args.temperature, args.rebalance, faithful)
    except (ColorizeError, OSError, ValueError) as error:
        sys.stderr.write(f"bundle: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
