"""Train a network: python -m colorize.training.train PHOTOGRAPHS... --out RUN.

PHOTOGRAPHS are folders and tar files. RUN gets `checkpoint.pt` (all that `--resume` needs) and
`log.csv` (a row per validation). `colorize.training.make_weights` makes a weights file of it.
`torchrun --nproc-per-node N -m colorize.training.train …` shares each step among N processes.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from colorize.errors import ColorizeError
from colorize.training import data
from colorize.training.config import CHOICES, DEFAULTS, Settings
from colorize.training.distributed import Processes, joined, wait_for_all
from colorize.training.gpu_dataset import Resident, ResidentSteps, prior_of, reside
from colorize.training.memmap_dataset import open_packed, pack
from colorize.training.prior import compute_prior
from colorize.training.recipes import RECIPES
from colorize.training.steps import Examples, Steps, examples, load_steps
from colorize.training.tensorboard import Board
from colorize.training.trainer import Trainer
from colorize.training.validate import validate

BOARD_EVERY = 50  # steps between losses on the board


def train(
    trainer: Trainer,
    photographs: data.Photographs | Resident,
    validation: data.Photographs,
    out: Path,
    validate_every: int = 625,
    quiet: bool = False,
    *,
    rank: int = 0,
    workers: int = 0,
    board: Board | None = None,
) -> None:
    """Run the steps that are left; validate, log and save every `validate_every` steps.

    rank: which of the processes this is; the first alone validates, logs and saves. workers:
    processes that make the crops meanwhile. Raises ColorizeError for too few photographs.
    """
    settings = trainer.settings
    if len(photographs) < settings.photographs_a_step:
        raise ColorizeError(
            f"{len(photographs)} photographs are fewer than the {settings.photographs_a_step} of "
            "a step; lower --batch"
        )
    record = Record(trainer, validation, out, quiet or rank > 0, board)
    steps: Iterable[list[Examples]]
    if isinstance(photographs, Resident):
        steps = ResidentSteps(photographs, settings).steps(trainer.steps_done)
    else:
        steps = load_steps(
            Steps(photographs, settings, rank), trainer.steps_done, workers,
            pinned=trainer.device.type == "cuda",
        )  # fmt: skip
    for batches in record.progress(steps):
        record.add(trainer.step(batches))
        if trainer.steps_done % validate_every == 0 or trainer.steps_done == settings.steps:
            if rank == 0:
                record.validate()
            wait_for_all()


class Record:
    """What is kept of a run: losses, the log, the progress bar, the board, the checkpoint."""

    def __init__(
        self,
        trainer: Trainer,
        validation: data.Photographs,
        out: Path,
        quiet: bool = False,
        board: Board | None = None,
    ):
        """Start the clock. out: the folder for log and checkpoint."""
        self.trainer, self.validation, self.out, self.board = trainer, validation, out, board
        self.quiet, self.start = quiet, time.monotonic()
        self.crop = min(trainer.settings.crop, trainer.settings.short_side)
        self.losses: list[float] = []
        self.bar: Any = None

    def progress(self, steps: Any) -> Any:
        """Return the steps with a progress bar."""
        settings, done = self.trainer.settings, self.trainer.steps_done
        self.bar = tqdm(
            steps, initial=done, total=settings.steps, unit="step", disable=self.quiet or None
        )
        return self.bar

    def add(self, loss: float) -> None:
        """Note the loss of a step."""
        self.losses.append(loss)
        step, settings = self.trainer.steps_done, self.trainer.settings
        self.bar.set_postfix(loss=f"{np.mean(self.losses[-50:]):.3f}", refresh=False)
        if self.board and (step % BOARD_EVERY == 0 or step == settings.steps):
            rate = settings.rate(step - 1)
            mean = float(np.mean(self.losses[-BOARD_EVERY:]))
            self.board.numbers(step, {"loss": mean, "learning_rate": rate})

    def validate(self) -> None:
        """Measure the moving average on held-out photographs; log the figures and save."""
        trainer, settings = self.trainer, self.trainer.settings
        figures = validate(
            trainer.average.module, self.validation, trainer.class_weights, self.crop,
            trainer.dtype,
        )  # fmt: skip
        row = {
            "step": trainer.steps_done,
            "samples": trainer.steps_done * settings.photographs_a_step,
            "seconds": round(time.monotonic() - self.start),
            "loss": round(float(np.mean(self.losses)), 4),
            **figures,
        }
        self.losses.clear()
        _log(self.out / "log.csv", row)
        if self.board and len(self.validation):
            self.board.numbers(trainer.steps_done, figures)
            self.board.pictures(
                trainer.steps_done, trainer.average.module, self.validation, self.crop
            )
        if not self.quiet:
            self.bar.write(" ".join(f"{k}={v}" for k, v in row.items()), file=sys.stderr)
        trainer.save(self.out / "checkpoint.pt")


def _log(path: Path, row: dict[str, Any]) -> None:
    """Append a row, after a header where the file is new; its columns are those of the header."""
    columns = list(row)
    if new := not path.exists():
        path.touch()
    else:
        with path.open(newline="") as stream:
            columns = next(csv.reader(stream), columns)
    with path.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        if new:
            writer.writeheader()
        writer.writerow(row)


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments; the settings' defaults are the network's recipe."""
    result = argparse.ArgumentParser(
        prog="python -m colorize.training.train",
        description="Train a network on color photographs.",
        epilog="Defaults shown as three values are those of compact, eccv16 and siggraph17.",
    )
    result.add_argument("photographs", nargs="+", type=Path, help="folders and tar files")
    result.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
    result.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    result.add_argument(
        "--init", metavar="WEIGHTS", help="start from a weights file, or a model's own by name"
    )
    result.add_argument(
        "--keep-statistics", action="store_true",
        help="batch normalizations keep the statistics of --init: for few photographs of one kind",
    )  # fmt: skip
    result.add_argument(
        "--teacher", action="append", default=[], metavar="WEIGHTS",
        help="learn from the distributions of this network of compact's kind too, see --taught; "
        "given several times, from the mean of the logits",
    )  # fmt: skip
    result.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    result.add_argument("--workers", type=int, default=2, help="processes that decode (default: 2)")
    result.add_argument(
        "--resident", action="store_true",
        help="keep all photographs in the device's memory and make the crops there (compact, one "
        "process; for a GPU)",
    )  # fmt: skip
    result.add_argument(
        "--crop-workers", type=int, default=0,
        help="processes that make the crops while the network trains (default: 0)",
    )  # fmt: skip
    result.add_argument(
        "--packed", type=Path, metavar="FOLDER",
        help="decode into this folder once and map it, for sets larger than memory "
        "(default: OUT/photographs with several processes, else none)",
    )  # fmt: skip
    result.add_argument(
        "--validate-every", type=int, default=625, help="steps (default: 625)"
    )  # fmt: skip
    result.add_argument("--tensorboard", action="store_true", help="event files in OUT/tensorboard")
    result.add_argument("--quiet", action="store_true", help="no progress on stderr")
    for field in dataclasses.fields(Settings):
        if field.name != "processes":
            _add_setting(result, field)
    return result


def _add_setting(parser: argparse.ArgumentParser, field: dataclasses.Field[Any]) -> None:
    """Add the option of a setting; it is absent from the result where it is not given."""
    values = [getattr(settings, field.name) for settings in DEFAULTS.values()]
    shown = [values[0]] if len(set(values)) == 1 else values
    kind = int if isinstance(field.default, tuple) else type(field.default)
    parser.add_argument(
        "--" + field.name.replace("_", "-"),
        type=kind,
        nargs=4 if isinstance(field.default, tuple) else None,
        choices=CHOICES.get(field.name),
        default=argparse.SUPPRESS,
        help=f"default: {' · '.join(map(str, shown)) if field.name != 'network' else 'compact'}",
    )


def settings_of(args: argparse.Namespace, processes: int = 1) -> Settings:
    """Return the network's recipe with what the command line sets."""
    names = {field.name for field in dataclasses.fields(Settings)}
    given = {key: value for key, value in vars(args).items() if key in names}
    if "widths" in given:
        given["widths"] = tuple(given["widths"])
    recipe = DEFAULTS[given.get("network", "compact")]
    return dataclasses.replace(recipe, **given, processes=processes)


def load_photographs(
    args: argparse.Namespace, settings: Settings, processes: Processes
) -> data.Photographs:
    """Return all photographs, in memory or mapped from a folder that the first process fills."""
    stride = 1 if args.resident else RECIPES[settings.network].stride
    folder = args.packed or (args.out / "photographs" if processes.count > 1 else None)
    if folder is None:
        return data.load(args.photographs, settings.short_side, args.workers, args.quiet, stride)
    if processes.first:
        pack(folder, args.photographs, settings.short_side, stride, args.workers, args.quiet)
    wait_for_all()
    return open_packed(folder)


def run(args: argparse.Namespace, processes: Processes, device: str) -> None:
    """Load, make the trainer as the arguments say, and train. Raises ColorizeError."""
    settings = settings_of(args, processes.count)
    if args.keep_statistics and not (args.init or args.resume):
        raise ColorizeError("--keep-statistics needs weights that have some: --init")
    if (not args.teacher) != (settings.taught == 0):
        raise ColorizeError("--teacher and --taught (its share of the loss) go together")
    if args.resident and (settings.network != "compact" or processes.count > 1):
        raise ColorizeError("--resident is for compact, in one process")
    if settings.short_side < settings.crop and not args.resident:
        raise ColorizeError(f"--load {settings.load} is less than --crop {settings.crop}")
    if settings.filmed > 0 and not args.resident:
        raise ColorizeError("--filmed needs --resident")
    args.out.mkdir(parents=True, exist_ok=True)
    photographs, validation = load_photographs(args, settings, processes).split()
    source: data.Photographs | Resident = photographs
    if args.resident:
        source, validation = reside(photographs, torch.device(device)), data.coarser(validation)
        prior = prior_of(source)
    else:
        prior = compute_prior(photographs)
    torch.backends.cudnn.benchmark = True  # the sizes stay the same
    trainer = Trainer(settings, prior, device, args.keep_statistics)
    if args.resume:
        trainer.restore(args.out / "checkpoint.pt")
    elif args.init:
        trainer.start_from(args.init)
    else:
        few = range(min(settings.batch, len(photographs)))
        rng = np.random.default_rng(settings.seed)
        trainer.initialize(examples(photographs, few, settings, rng))
    for weights in args.teacher:
        trainer.learn_from(weights)
    trainer.distribute()
    board = Board(args.out / "tensorboard") if args.tensorboard and processes.first else None
    train(
        trainer, source, validation, args.out, args.validate_every, args.quiet,
        rank=processes.rank, workers=args.crop_workers, board=board,
    )  # fmt: skip
    if board:
        board.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        with joined(args.device) as (processes, device):
            run(args, processes, device)
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"train: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("train: interrupted; --resume goes on from the last checkpoint\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
