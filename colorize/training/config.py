"""The settings that define a training run, and each network's recipe as their defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from colorize.errors import ColorizeError
from colorize.models.compact import WIDTHS
from colorize.models.registry import available_models
from colorize.training.encoders import ENCODERS
from colorize.training.schedules import SCHEDULES

T = TypeVar("T")

COMPACT_ONLY = ("distill_weight", "distance_weight", "vivid_distance_weight", "input_autocontrast")
TRAINABLE = tuple(model.name for model in available_models() if model.trainable)


def _setting(
    default: T, help: str, *, old: str = "", choices: tuple[str, ...] = (), prob: bool = False
) -> T:
    """Return a dataclass field.

    Args:
        default: The value in the recipe of `compact`.
        help: One line for the command's `--help`.
        old: The former name of the command's option.
        choices: The valid values, if it is not a number.
        prob: Whether valid values are from 0 to 1.
    """
    metadata = {"help": help, "old": old, "choices": choices, "prob": prob}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """What defines a run: equal configs, photographs and machines give equal runs."""

    network: str = _setting("compact", "network to train", choices=TRAINABLE)
    num_samples: int = _setting(160_000, "training crops in total", old="samples")
    batch_size: int = _setting(32, "crops per process and micro-batch", old="batch")
    grad_accum_steps: int = _setting(
        1, "micro-batches per process and optimizer step", old="accumulate"
    )
    world_size: int = _setting(1, "number of processes; torchrun sets it", old="processes")
    crop_size: int = _setting(
        160, "crop size in pixels, a multiple of the network's size divisor", old="crop"
    )
    load_size: int = _setting(
        0, "short side of the decoded photographs in pixels; 0: crop size", old="load"
    )
    learning_rate: float = _setting(2e-3, "peak learning rate")
    schedule: str = _setting("cosine", "learning-rate schedule", choices=tuple(SCHEDULES))
    warmup_steps: int = _setting(300, "steps of linear learning-rate warm-up", old="warm-up")
    beta2: float = _setting(0.999, "Adam's decay rate of the squared gradients")
    weight_decay: float = _setting(0.01, "weight decay")
    ema_decay: float = _setting(
        0.999, "decay of the exponential moving average of the weights", old="average"
    )
    precision: str = _setting(
        "auto",
        "arithmetic; auto: bf16 where the device is fast at it, else fp32",
        choices=("auto", "bf16", "fp16", "fp32"),
    )
    widths: tuple[int, int, int, int] = _setting(
        WIDTHS, "decoder channels of compact at 1/4, 1/8, 1/16 and 1/32"
    )
    encoder: str = _setting("lite0", "encoder of compact; vgg16 for teachers", choices=ENCODERS)
    encoder_lr_mult: float = _setting(
        0.0, "encoder's learning rate relative to the decoder's; 0: frozen", old="encoder-rate"
    )
    unfreeze_from: int = _setting(
        0, "first encoder block that is trained; earlier ones stay frozen", old="encoder-from"
    )
    rebalance_lambda: float = _setting(
        0.5,
        "share of the uniform distribution in class rebalancing",
        old="uniform-share",
        prob=True,
    )
    distill_weight: float = _setting(
        0.0, "weight of the distance to the teacher in the loss", old="taught", prob=True
    )
    distance_weight: float = _setting(
        0.0, "weight of the distance between mean and true color, per ab unit, in the loss"
    )
    vivid_distance_weight: float = _setting(
        0.0, "the same for colors decoded as in the style vivid, rare ones counting more"
    )
    whole_photo_prob: float = _setting(
        0.25, "probability that a crop is the whole photograph, stretched", prob=True
    )
    random_resized_crop_prob: float = _setting(
        1.0,
        "probability that another crop is a random resized one; otherwise a plain one",
        old="resized",
        prob=True,
    )
    min_crop_area: float = _setting(
        0.5, "smallest share of the photograph's area in a random resized crop", prob=True
    )
    hint_prob: float = _setting(
        0.0, "probability of simulated color hints (siggraph17)", old="hinted", prob=True
    )
    degrade_prob: float = _setting(
        0.2, "probability of simulated fading, blur and grain", old="degraded", prob=True
    )
    sharpen_prob: float = _setting(0.0, "probability of sharpening", old="sharpened", prob=True)
    spectral_prob: float = _setting(
        0.0, "probability of a random spectral response, as of old films", old="filmed", prob=True
    )
    noise_std: float = _setting(
        1.0, "largest standard deviation of the noise added to every crop, units of L"
    )
    input_autocontrast: float = _setting(
        0.0,
        "share of the way to full contrast that L is stretched for the network; in training, "
        "each crop's is between that and 1 (0: no crop is stretched)",
        prob=True,
    )
    seed: int = _setting(0, "random seed")

    def __post_init__(self) -> None:
        """Raise ColorizeError for an invalid value or combination of values."""
        for field in dataclasses.fields(self):
            value, option = getattr(self, field.name), option_of(field.name)
            choices: tuple[str, ...] = field.metadata["choices"]
            if choices and value not in choices:
                raise ColorizeError(f"{option} {value}: choose from {', '.join(choices)}")
            if field.metadata["prob"] and not 0 <= value <= 1:
                raise ColorizeError(f"{option} {value}: expected a number from 0 to 1")
        if min(self.batch_size, self.grad_accum_steps, self.world_size) < 1:
            raise ColorizeError("--batch-size and --grad-accum-steps must be at least 1")
        if self.hint_prob > 0 and self.network != "siggraph17":
            raise ColorizeError(f"--hint-prob {self.hint_prob}: {self.network} takes no hints")
        for name in COMPACT_ONLY:
            if getattr(self, name) > 0 and self.network != "compact":
                raise ColorizeError(f"{option_of(name)} is only for --network compact")
        plain_crops = max(self.whole_photo_prob, self.random_resized_crop_prob) < 1
        if plain_crops and self.short_side < self.crop_size:
            raise ColorizeError(
                f"--load-size {self.load_size} is smaller than --crop-size {self.crop_size}"
            )

    @property
    def micro_batches(self) -> int:
        """The number of batches in an optimizer step, over all processes."""
        return self.grad_accum_steps * self.world_size

    @property
    def effective_batch_size(self) -> int:
        """The number of crops in an optimizer step, over all processes."""
        return self.batch_size * self.micro_batches

    @property
    def num_steps(self) -> int:
        """The number of optimizer steps."""
        return self.num_samples // self.effective_batch_size

    @property
    def short_side(self) -> int:
        """The short side of the decoded photographs in pixels."""
        return self.load_size or self.crop_size

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate at a step: linear warm-up times the schedule."""
        warmup = min(1.0, (step + 1) / max(self.warmup_steps, 1))
        return self.learning_rate * warmup * SCHEDULES[self.schedule](step, self.num_steps)


def option_of(name: str) -> str:
    """Return the command-line option of a field."""
    return "--" + name.replace("_", "-")


def config_from_dict(values: Mapping[str, object]) -> TrainConfig:
    """Return the config of a checkpoint, which this version or the one before wrote.

    Settings that no longer exist are dropped.
    """
    known: dict[str, object] = {}
    for field in dataclasses.fields(TrainConfig):
        former = field.metadata["old"].replace("-", "_")
        known[field.name] = values.get(field.name, values.get(former, field.default))
    if known["network"] != "siggraph17":
        known["hint_prob"] = 0.0  # compact took hints
    widths = known["widths"]
    assert isinstance(widths, (tuple, list))
    known["widths"] = tuple(widths)
    return TrainConfig(**known)  # type: ignore[arg-type]


# ECCV16, section 3 and its released solver: 450,000 steps of 40 crops of 176 pixels.
ECCV16 = TrainConfig(
    network="eccv16", num_samples=18_000_000, batch_size=40, crop_size=176, load_size=256,
    learning_rate=3e-5, schedule="steps", beta2=0.99, weight_decay=1e-3, warmup_steps=0,
    whole_photo_prob=0.0, random_resized_crop_prob=0.0, degrade_prob=0.0, noise_std=0.0,
)  # fmt: skip

# SIGGRAPH17: batches of 25 crops of 176 pixels, each with hints; Adam at 1e-4, later 1e-5.
SIGGRAPH17 = TrainConfig(
    network="siggraph17", num_samples=10_000_000, batch_size=25, crop_size=176, load_size=256,
    learning_rate=1e-4, schedule="steps", weight_decay=0.0, warmup_steps=0, hint_prob=1.0,
    whole_photo_prob=0.0, min_crop_area=0.08, degrade_prob=0.0, noise_std=0.0,
)  # fmt: skip

DEFAULTS = {config.network: config for config in (TrainConfig(), ECCV16, SIGGRAPH17)}
