"""Train a network: python -m colorize.training PHOTOGRAPHS... --out RUN.

RUN gets `checkpoint.pt` (all that `--resume` needs) and `log.csv` (a row per validation), of which
`colorize.training.make_weights` makes a weights file. `torchrun --nproc-per-node N -m
colorize.training …` shares each step among N processes.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from colorize.command_parser import CommandParser, add_argument
from colorize.errors import ColorizeError, message_of
from colorize.training import checkpoint, logging
from colorize.training.color_prior import compute_prior
from colorize.training.config import DEFAULTS, TRAINABLE, TrainConfig, option_of
from colorize.training.data.augmentation import BatchRng
from colorize.training.data.batches import make_batch
from colorize.training.data.dataset import PhotoDataset, load_dataset
from colorize.training.data.memmap import open_memmap, write_memmap
from colorize.training.distributed import Process, barrier, init_distributed
from colorize.training.logging import TensorBoardLogger
from colorize.training.loop import train
from colorize.training.recipes import RECIPES
from colorize.training.trainer import Trainer

REMOVED_OPTIONS = ("--with-statistics", "--zoomed", "--draws")  # accepted for one release
TENSORBOARD_FOLDER = "tensorboard"  # in a run's folder


def parser() -> CommandParser:
    """Return the command's parser."""
    result = CommandParser(
        prog="colorize train",
        description="Train a network on color photographs.",
        epilog=f"Several defaults are those of {', '.join(TRAINABLE)}.",
    )
    result.add_argument("photographs", nargs="+", type=Path, help="folders and tar files")
    result.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
    existing = result.add_mutually_exclusive_group()
    existing.add_argument(
        "--resume", action="store_true", help="continue the run in OUT from its checkpoint"
    )
    existing.add_argument(
        "--overwrite", action="store_true", help="replace the run in OUT by a new one"
    )
    result.add_argument(
        "--init", metavar="WEIGHTS",
        help="start from a weights file, a checkpoint, or a model by name",
    )  # fmt: skip
    add_argument(
        result, "--freeze-bn-stats", "--keep-statistics", action="store_true",
        help="keep the batch normalization statistics of --init; for few, similar photographs",
    )  # fmt: skip
    result.add_argument(
        "--teacher", action="append", default=[], metavar="WEIGHTS",
        help="distill this network of type compact, see --distill-weight; several: the mean of "
        "their logits",
    )  # fmt: skip
    result.add_argument("--device", default="cpu", help="torch device (default: %(default)s)")
    result.add_argument(
        "--workers", type=int, default=2, metavar="N",
        help="processes that decode photographs (default: %(default)s)",
    )  # fmt: skip
    add_argument(
        result, "--loader-workers", "--crop-workers", type=int, default=0, metavar="N",
        help="processes that prepare batches in advance; 0: none (default: %(default)s)",
    )  # fmt: skip
    add_argument(
        result, "--data-on-device", "--resident", action="store_true",
        help="store all photographs in the device's memory and crop and augment them there",
    )  # fmt: skip
    add_argument(
        result, "--memmap", "--packed", type=Path, metavar="FOLDER",
        help="decode into this folder once and map it into memory, for datasets larger than "
        "memory (default: OUT/photographs with several processes, else none)",
    )  # fmt: skip
    result.add_argument(
        "--validate-every", type=int, default=625, metavar="STEPS",
        help="steps between validations and checkpoints (default: %(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--max-validation", type=int, default=400, metavar="N",
        help="largest number of photographs to validate on (default: %(default)s)",
    )  # fmt: skip
    result.add_argument(
        "--tensorboard", action="store_true", help="write event files to OUT/tensorboard"
    )
    result.add_argument("--quiet", action="store_true", help="write no progress to stderr")
    for option in REMOVED_OPTIONS:
        result.add_argument(option, action=_RemovedOption, help=argparse.SUPPRESS)
    for field in dataclasses.fields(TrainConfig):
        if field.name != "world_size":
            _add_setting(result, field)
    return result


class _RemovedOption(argparse.Action):
    """Accepts an option that no longer does anything."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Say that the option is ignored."""
        sys.stderr.write(f"train: {option_string} no longer exists and is ignored\n")


def _add_setting(parser: argparse.ArgumentParser, field: dataclasses.Field[object]) -> None:
    """Add the option of a config field; without it, the network's recipe has the value."""
    values = [getattr(config, field.name) for config in DEFAULTS.values()]
    is_tuple = isinstance(field.default, tuple)
    if is_tuple or field.name == "network":
        values = values[:1]
    shown = values if len(set(values)) > 1 else values[:1]
    default = " · ".join(" ".join(map(str, v)) if is_tuple else str(v) for v in shown)
    kwargs: dict[str, object] = {
        "type": int if is_tuple else type(field.default),
        "nargs": 4 if is_tuple else None,
        "choices": field.metadata["choices"] or None,
        "default": argparse.SUPPRESS,
        "help": f"{field.metadata['help']} (default: {default})",
    }
    if not field.metadata["choices"]:
        kwargs["metavar"] = "N" if type(field.default) is not float else "X"
    former = ["--" + field.metadata["old"]] if field.metadata["old"] else []
    add_argument(parser, option_of(field.name), *former, **kwargs)


def config_from_args(args: argparse.Namespace, world_size: int = 1) -> TrainConfig:
    """Return the network's recipe with what the command line sets.

    Raises:
        ColorizeError: A value is invalid.
    """
    names = {field.name for field in dataclasses.fields(TrainConfig)}
    values = {key: value for key, value in vars(args).items() if key in names}
    if "widths" in values:
        values["widths"] = tuple(values["widths"])
    recipe = DEFAULTS[values.get("network", "compact")]
    return dataclasses.replace(recipe, **values, world_size=world_size)


def load_photos(args: argparse.Namespace, config: TrainConfig, process: Process) -> PhotoDataset:
    """Return all photographs, in memory or mapped from a folder that the main process fills.

    Raises:
        ColorizeError: There are none, or the folder holds others.
    """
    folder = args.memmap or (args.out / "photographs" if process.world_size > 1 else None)
    if folder is None:
        return load_dataset(args.photographs, config.short_side, args.workers, args.quiet)
    if process.is_main_process:
        write_memmap(folder, args.photographs, config.short_side, args.workers, args.quiet)
    barrier()
    return open_memmap(folder)


def check_args(args: argparse.Namespace, config: TrainConfig) -> None:
    """Raise ColorizeError for contradictory options, and for a folder that contains a run."""
    if args.freeze_bn_stats and not (args.init or args.resume):
        raise ColorizeError("--freeze-bn-stats needs weights that have statistics: add --init")
    if bool(args.teacher) != (config.distill_weight > 0):
        raise ColorizeError("--teacher and --distill-weight need each other")
    if args.data_on_device and args.loader_workers:
        raise ColorizeError("--loader-workers and --data-on-device exclude each other")
    if args.resume and not (args.out / checkpoint.FILE_NAME).exists():
        raise ColorizeError(f"{args.out}: no checkpoint to resume from; leave out --resume")
    has_run = (args.out / checkpoint.FILE_NAME).exists() or (args.out / logging.LOG_NAME).exists()
    if has_run and not (args.resume or args.overwrite):
        raise ColorizeError(
            f"{args.out}: contains a run; continue it with --resume, replace it with --overwrite, "
            "or choose another --out"
        )


def remove_run(out: Path) -> None:
    """Remove a run's checkpoint, log and event files; decoded photographs stay."""
    (out / checkpoint.FILE_NAME).unlink(missing_ok=True)
    (out / logging.LOG_NAME).unlink(missing_ok=True)
    shutil.rmtree(out / TENSORBOARD_FOLDER, ignore_errors=True)


def run(args: argparse.Namespace, process: Process, device: str) -> None:
    """Train as the command line says.

    Raises:
        ColorizeError: An option, a photograph or a weights file prevents it.
    """
    config = config_from_args(args, process.world_size)
    check_args(args, config)
    args.out.mkdir(parents=True, exist_ok=True)
    photos, validation = load_photos(args, config, process).split()
    validation = validation.spaced(args.max_validation)
    prior = compute_prior(photos, RECIPES[config.network].stride)
    if args.data_on_device:
        photos = photos.to(torch.device(device))
    torch.backends.cudnn.benchmark = True  # all batches have the same size
    trainer = Trainer(config, prior, device, args.freeze_bn_stats)
    if args.resume:
        trainer.restore(args.out / checkpoint.FILE_NAME)
    elif args.init:
        trainer.load_initial_weights(args.init)
    else:
        count = min(config.batch_size, len(photos))
        rng = BatchRng(config.seed, 0, count, slice(count), photos.device)
        trainer.initialize(make_batch(photos, torch.arange(count), config, rng))
    for weights in args.teacher:
        trainer.objective.add_teacher(weights)
    trainer.distribute()
    tensorboard = None
    if process.is_main_process:
        if args.overwrite:
            remove_run(args.out)
        if args.tensorboard:
            tensorboard = TensorBoardLogger(args.out / TENSORBOARD_FOLDER)
    train(
        trainer, photos, validation, args.out, args.validate_every, args.quiet,
        rank=process.rank, loader_workers=args.loader_workers, tensorboard=tensorboard,
    )  # fmt: skip
    if tensorboard:
        tensorboard.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        with init_distributed(args.device) as (process, device):
            run(args, process, device)
    except (ColorizeError, OSError) as error:
        sys.stderr.write(f"train: {message_of(error)}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("train: interrupted; continue from the last checkpoint with --resume\n")
        return 130
    return 0
