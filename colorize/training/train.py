"""Train `compact`: python -m colorize.training.train PHOTOGRAPHS... --out RUN.

PHOTOGRAPHS are folders and tar files. RUN gets `checkpoint.pt` (all that `--resume` needs) and
`log.csv` (a row per validation). `colorize.training.bundle` makes a weights file of a checkpoint.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from colorize import registry
from colorize.errors import ColorizeError
from colorize.gamut import rebalancing_weights
from colorize.models.compact import Compact
from colorize.training import data, simulate
from colorize.training.losses import ColourTargets, rebalanced_cross_entropy
from colorize.training.pretrained import load_imagenet
from colorize.training.prior import compute_prior
from colorize.training.reweight import reweight
from colorize.training.validate import validate


@dataclasses.dataclass(frozen=True)
class Settings:
    """What defines a run; two runs with the same settings on one machine are the same."""

    samples: int = 160_000  # photographs seen in all
    batch: int = 32
    crop: int = 160  # pixels, a multiple of 32
    learning_rate: float = 2e-3
    encoder_rate: float = 0.0  # the encoder's share of the learning rate; 0: frozen
    encoder_from: int = 0  # the first of the encoder's blocks that is trained; those before stay
    weight_decay: float = 0.01
    warm_up: int = 300  # steps
    average: float = 0.999  # decay of the weights' moving average
    uniform_share: float = 0.5  # ECCV16's λ of the rebalancing
    hinted: float = 0.2  # share of the samples with colour hints
    with_statistics: float = 0.1  # share with a histogram, and with a mean chroma
    degraded: float = 0.2  # share that looks like an old photograph
    sharpened: float = 0.0  # share whose L is sharpened
    zoomed: float = 0.0  # share of smaller crops, enlarged and stretched
    widths: tuple[int, int, int, int] = (128, 160, 256, 256)
    seed: int = 0

    @property
    def steps(self) -> int:
        """The number of optimiser steps."""
        return self.samples // self.batch

    def rate(self, step: int) -> float:
        """Return the learning rate: linear warm-up, then a cosine to zero."""
        warm = min(1.0, (step + 1) / self.warm_up)
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


class Trainer:
    """The network, its moving average and the optimiser; one call of `step` is one batch."""

    def __init__(self, settings: Settings, prior: torch.Tensor, device: str = "cpu"):
        """Make the network with a pretrained encoder. prior: (313,), sums to 1."""
        torch.manual_seed(settings.seed)
        self.settings, self.prior, self.device = settings, prior, torch.device(device)
        self.class_weights = rebalancing_weights(prior, settings.uniform_share).to(device)
        self.network = Compact(settings.widths)
        load_imagenet(self.network.encoder)
        self.network.to(self.device).to(memory_format=torch.channels_last)
        self._freeze()
        self.average = AveragedModel(self.network, multi_avg_fn=self._blend, use_buffers=True)
        self.optimiser = torch.optim.AdamW(self._groups(), weight_decay=settings.weight_decay)
        self.steps_done = 0

    def _freeze(self) -> None:
        """Let gradients reach only what is trained of the encoder."""
        encoder, first = self.network.encoder, self.settings.encoder_from
        encoder.requires_grad_(self.settings.encoder_rate > 0)
        if first > 0:
            encoder.stem.requires_grad_(False)
            encoder.blocks[:first].requires_grad_(False)

    def _groups(self) -> list[dict[str, Any]]:
        groups = [{"params": list(self.network.decoder.parameters()), "share": 1.0}]
        encoder = [p for p in self.network.encoder.parameters() if p.requires_grad]
        if encoder:
            groups.append({"params": encoder, "share": self.settings.encoder_rate})
        return groups

    def start_from(self, weights: str) -> None:
        """Take the weights of a file, or of "compact", the bundled one, to train them further.

        Raises ColorizeError if they can't be read or have other widths.
        """
        given = registry.load("compact", weights=None if weights == "compact" else weights)
        assert isinstance(given, Compact)
        if given.widths != self.network.widths:
            raise ColorizeError(f"{weights}: has the widths {given.widths}; give them as --widths")
        if given.class_weights is not None:
            reweight(given, given.class_weights, self.class_weights.cpu())
        for network in (self.network, self.average.module):
            network.load_state_dict(given.state_dict())

    def _blend(
        self, average: Sequence[torch.Tensor], current: Sequence[torch.Tensor], count: Any
    ) -> None:
        """Move the average towards the weights, faster in the beginning."""
        decay = min(self.settings.average, (1 + int(count)) / (10 + int(count)))
        for kept, new in zip(average, current, strict=True):
            if kept.is_floating_point():
                kept.lerp_(new.to(kept.dtype), 1 - decay)
            else:
                kept.copy_(new)

    def logits(
        self, batch: data.Batch, targets: ColourTargets, rng: np.random.Generator
    ) -> torch.Tensor:
        """Return the network's answer to a batch with simulated hints and degradations."""
        inputs = (
            simulate.degrade(
                simulate.sharpen(batch.lightness, rng, self.settings.sharpened),
                rng,
                self.settings.degraded,
            ),
            simulate.hints(batch.ab, rng, self.settings.hinted),
            simulate.statistics(batch.ab, targets, rng, self.settings.with_statistics),
        )
        with torch.autocast(self.device.type, torch.bfloat16):
            answer: torch.Tensor = self.network(*(x.to(self.device) for x in inputs))
        return answer.float()

    def step(self, batch: data.Batch, rng: np.random.Generator) -> float:
        """Take one step and return the loss."""
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate(self.steps_done) * group["share"]
        targets = ColourTargets(batch.ab.to(self.device))
        loss = rebalanced_cross_entropy(
            self.logits(batch, targets, rng),
            targets,
            self.class_weights,
            batch.coloured.to(self.device),
        )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.steps_done += 1
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            "settings": dataclasses.asdict(self.settings),
            "prior": self.prior,
            "steps_done": self.steps_done,
            "network": self.network.state_dict(),
            "average": self.average.module.state_dict(),
            "updates": int(self.average.n_averaged),
            "optimiser": self.optimiser.state_dict(),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, path)

    def restore(self, path: Path) -> None:
        """Continue from a checkpoint. Raises ColorizeError if there is none."""
        if not path.is_file():
            raise ColorizeError(f"{path}: no checkpoint to resume from; leave out --resume")
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.module.load_state_dict(state["average"])
        self.average.n_averaged.fill_(state["updates"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps_done = state["steps_done"]


def batch_indices(count: int, batch: int, step: int, seed: int) -> np.ndarray[Any, Any]:
    """Return the positions of the photographs of one step; each epoch has an order of its own."""
    per_epoch = count // batch
    epoch, position = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return order[position * batch : (position + 1) * batch]


def train(
    trainer: Trainer,
    photographs: data.Photographs,
    validation: data.Photographs,
    out: Path,
    validate_every: int = 625,
    quiet: bool = False,
) -> None:
    """Run the steps that are left; validate, log and save every `validate_every` steps."""
    settings = trainer.settings
    if len(photographs) < settings.batch:
        raise ColorizeError(f"{len(photographs)} photographs are fewer than --batch")
    losses: list[float] = []
    start = time.monotonic()
    bar = tqdm(
        range(trainer.steps_done, settings.steps),
        initial=trainer.steps_done,
        total=settings.steps,
        unit="step",
        disable=quiet or None,
    )
    for step in bar:
        indices = batch_indices(len(photographs), settings.batch, step, settings.seed)
        rng = np.random.default_rng([settings.seed, 1, step])
        batch = data.crop_batch(photographs, indices, settings.crop, rng, settings.zoomed)
        losses.append(trainer.step(batch, rng))
        bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}", refresh=False)
        if trainer.steps_done % validate_every == 0 or trainer.steps_done == settings.steps:
            row = {
                "step": trainer.steps_done,
                "samples": trainer.steps_done * settings.batch,
                "seconds": round(time.monotonic() - start),
                "loss": round(float(np.mean(losses)), 4),
                **validate(
                    trainer.average.module, validation, trainer.class_weights, settings.crop
                ),
            }
            losses.clear()
            _log(out / "log.csv", row)
            if not quiet:
                bar.write(" ".join(f"{k}={v}" for k, v in row.items()), file=sys.stderr)
            trainer.save(out / "checkpoint.pt")


def _log(path: Path, row: dict[str, Any]) -> None:
    """Append a row, after a header where the file is new."""
    new = not path.exists()
    with path.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments; their defaults are the recipe of the bundled weights."""
    result = argparse.ArgumentParser(
        prog="python -m colorize.training.train",
        description="Train the compact network on colour photographs.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    result.add_argument("photographs", nargs="+", type=Path, help="folders and tar files")
    result.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
    result.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    result.add_argument("--init", metavar="WEIGHTS", help="start from a weights file, or compact")
    result.add_argument("--device", default="cpu", help="torch device")
    result.add_argument("--workers", type=int, default=2, help="processes that decode")
    result.add_argument("--validate-every", type=int, default=625, help="steps")
    result.add_argument("--quiet", action="store_true", help="no progress on stderr")
    for field in dataclasses.fields(Settings):
        name = "--" + field.name.replace("_", "-")
        if field.name == "widths":
            result.add_argument(name, type=int, nargs=4, default=field.default)
        else:
            result.add_argument(name, type=type(field.default), default=field.default)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    values = {field.name: getattr(args, field.name) for field in dataclasses.fields(Settings)}
    settings = Settings(**{**values, "widths": tuple(args.widths)})
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        everything = data.load(args.photographs, settings.crop, args.workers, args.quiet)
        photographs, validation = everything.split()
        trainer = Trainer(settings, compute_prior(photographs), args.device)
        if args.init and not args.resume:
            trainer.start_from(args.init)
        if args.resume:
            trainer.restore(args.out / "checkpoint.pt")
        train(trainer, photographs, validation, args.out, args.validate_every, args.quiet)
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"train: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("train: interrupted; --resume goes on from the last checkpoint\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
