"""Make a weights file of checkpoints, or of weights files, whose mean is taken.

Of a run of `compact`, the file holds the moving average of the weights in fp16, the prior, the
class weights, and decoding defaults, which are chosen after training. Several runs from the same
start, and weights files among them, give the mean of their weights. Of `eccv16` and `siggraph17`
it holds only the weights, as the published files do.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save

from colorize.command_parser import add_argument
from colorize.errors import ColorizeError, message_of
from colorize.io.atomic import atomic_write
from colorize.models import registry
from colorize.models.compact import Compact
from colorize.models.metadata import Styles, StyleSettings
from colorize.models.serialization import save_compact
from colorize.training.checkpoint import Checkpoint, averaged_network, config_of, read_checkpoint
from colorize.training.class_weights import shift_class_weights

TrainingRun = dict[str, object]  # a run's config and its number of steps, for the file's header


@dataclass(frozen=True)
class SoupIngredient:
    """One of the networks that are averaged."""

    file: Path
    network: Compact
    class_weights: torch.Tensor  # (313,)
    prior: torch.Tensor  # (313,)
    training: list[TrainingRun]  # the runs that it comes from


DEFAULT_STYLES = {
    "vivid": StyleSettings(0.8, 0.0, 0.05, coherence=0.9, certain_color_boost=0.15),
    "faithful": StyleSettings(0.9, 0.0, 0.003, coherence=0.9, certain_color_boost=0.1),
}


def make_weights(
    files: Sequence[Path],
    target: Path,
    styles: Styles,
    mixing_weights: Sequence[float] | None = None,
    input_autocontrast: float | None = None,
) -> None:
    """Write the weights file of a checkpoint, or of the mean of several of `compact`.

    Args:
        files: Checkpoints, and weights files of `compact`. The first one's class weights and
            prior are the result's.
        target: A .safetensors file.
        styles: Decoding settings by style name, for `compact`.
        mixing_weights: Of each file in the mean, positive; None: equal.
        input_autocontrast: See `ModelMetadata`; None: the first file's.

    Raises:
        ColorizeError: A file can't be read, or the files don't fit together.
    """
    ingredients = []
    for file in files:
        if file.suffix == ".safetensors":
            ingredients.append(_from_weights_file(file))
            continue
        checkpoint = read_checkpoint(file)
        if config_of(checkpoint).network != "compact":
            if len(files) > 1:
                raise ColorizeError(f"{file}: only networks of type compact can be averaged")
            return _save_published(checkpoint, target)
        ingredients.append(_from_checkpoint(file, checkpoint))
    weights = mixing_weights or [1.0] * len(ingredients)
    if len(weights) != len(ingredients) or min(weights) <= 0:
        raise ColorizeError(
            f"--mixing-weights needs {len(ingredients)} positive numbers, one for each file"
        )
    runs = [run for ingredient in ingredients for run in ingredient.training]
    save_compact(
        _mean_network(ingredients, weights, styles, input_autocontrast),
        target,
        extra={"training": json.dumps(runs[0] if len(runs) == 1 else runs)},
    )


def _from_checkpoint(file: Path, checkpoint: Checkpoint) -> SoupIngredient:
    encoder = config_of(checkpoint).encoder
    if encoder != "lite0":
        raise ColorizeError(f"{file}: a teacher with encoder {encoder} can't become a weights file")
    return _ingredient(file, averaged_network(checkpoint), [_training_run(checkpoint)])


def _from_weights_file(file: Path) -> SoupIngredient:
    network = registry.load("compact", weights=file)
    assert isinstance(network, Compact)
    with safe_open(file, framework="pt") as content:
        training = json.loads((content.metadata() or {}).get("training", "[]"))
    return _ingredient(file, network, training if isinstance(training, list) else [training])


def _ingredient(file: Path, network: Compact, training: list[TrainingRun]) -> SoupIngredient:
    class_weights, prior = network.metadata.class_weights, network.metadata.prior
    if class_weights is None or prior is None:
        raise ColorizeError(f"{file}: can't be averaged: class weights or prior are unknown")
    return SoupIngredient(
        file, network, torch.from_numpy(class_weights), torch.from_numpy(prior), training
    )


def _training_run(checkpoint: Checkpoint) -> TrainingRun:
    return {**checkpoint["config"], "steps_done": checkpoint["steps_done"]}


def _mean_network(
    ingredients: Sequence[SoupIngredient],
    weights: Sequence[float],
    styles: Styles,
    input_autocontrast: float | None,
) -> Compact:
    """Return the weighted mean of the networks, each shifted to the first one's class weights.

    The mean over runs from the same start is better than most of them (Wortsman et al., *Model
    Soups*, ICML 2022).
    """
    first = ingredients[0]
    mean: dict[str, torch.Tensor] = {}
    for ingredient, weight in zip(ingredients, weights, strict=True):
        if ingredient.network.widths != first.network.widths:
            raise ColorizeError(f"{ingredient.file}: has other widths than {first.file}")
        shift_class_weights(ingredient.network, ingredient.class_weights, first.class_weights)
        for key, tensor in ingredient.network.state_dict().items():
            if not tensor.is_floating_point():  # a counter of batch normalization
                mean.setdefault(key, tensor.clone())
            elif key in mean:
                mean[key] += tensor * (weight / sum(weights))
            else:
                mean[key] = tensor * (weight / sum(weights))
    if input_autocontrast is None:
        input_autocontrast = first.network.metadata.input_autocontrast
    result = Compact(
        first.network.widths,
        class_weights=first.class_weights,
        prior=first.prior,
        styles=styles,
        input_autocontrast=input_autocontrast,
    )
    result.load_state_dict(mean)
    return result


def _save_published(checkpoint: Checkpoint, target: Path) -> None:
    """Write the moving average of a published network, with the run's config in the header."""
    tensors = {key: value.contiguous() for key, value in checkpoint["average"].items()}
    content = save(tensors, {"training": json.dumps(_training_run(checkpoint))})
    with atomic_write(target) as file:
        file.write(content)


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    result = argparse.ArgumentParser(
        prog="python -m colorize.training.make_weights",
        description="Make a weights file of a training checkpoint, or of the mean of several.",
        allow_abbrev=False,
    )
    result.add_argument(
        "checkpoints", type=Path, nargs="+", metavar="CHECKPOINT",
        help="a checkpoint; or several of compact, and weights files, whose mean is taken",
    )  # fmt: skip
    result.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    add_argument(
        result, "--mixing-weights", "--shares", type=float, nargs="+", action="extend", metavar="X",
        help="weight of each file in the mean (default: equal)",
    )  # fmt: skip
    vivid, faithful = DEFAULT_STYLES["vivid"], DEFAULT_STYLES["faithful"]
    of_vivid = "of the default style, vivid (default: %(default)s)"
    result.add_argument("--temperature", type=float, default=vivid.temperature, help=of_vivid)
    result.add_argument("--rebalance", type=float, default=vivid.rebalance, help=of_vivid)
    add_argument(
        result, "--rare-color-boost", "--rarity", type=float, default=vivid.rare_color_boost,
        help=of_vivid,
    )  # fmt: skip
    result.add_argument(
        "--coherence", type=float, default=vivid.coherence,
        help="of both styles (default: %(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--certain-color-boost", type=float, default=vivid.certain_color_boost,
        help=of_vivid,
    )  # fmt: skip
    result.add_argument(
        "--faithful", type=float, nargs=2, metavar=("T", "REBALANCE"),
        default=(faithful.temperature, faithful.rebalance),
        help="temperature and rebalance of the style faithful (default: 0.9 0)",
    )  # fmt: skip
    result.add_argument(
        "--input-autocontrast", type=float, metavar="A",
        help="share of the way to full contrast that L is stretched for the network, 0 to 1 "
        "(default: that of the first file)",
    )  # fmt: skip
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        styles = {
            "vivid": StyleSettings(
                args.temperature,
                args.rebalance,
                args.rare_color_boost,
                args.coherence,
                args.certain_color_boost,
            ),
            "faithful": dataclasses.replace(
                DEFAULT_STYLES["faithful"],
                temperature=args.faithful[0],
                rebalance=args.faithful[1],
                coherence=args.coherence,
            ),
        }
        make_weights(
            args.checkpoints, args.output, styles, args.mixing_weights, args.input_autocontrast
        )
    except (ColorizeError, OSError, ValueError) as error:
        sys.stderr.write(f"make_weights: {message_of(error)}\n")
        return 1
    return 0
