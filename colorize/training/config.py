"""What defines a training run, and the recipes' settings by network."""

from __future__ import annotations

import dataclasses

from colorize.errors import ColorizeError
from colorize.models.compact_config import WIDTHS
from colorize.training.encoders import ENCODERS
from colorize.training.schedules import SCHEDULES

CHOICES = {
    "network": ("compact", "eccv16", "siggraph17"),
    "encoder": ENCODERS,
    "schedule": tuple(SCHEDULES),
    "precision": ("auto", "bf16", "fp16", "fp32"),
    "draws": ("step", "photograph"),
}
SHARES = (
    "uniform_share", "hinted", "with_statistics", "degraded", "sharpened", "filmed", "zoomed",
    "resized",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Settings:
    """What defines a run; two runs with the same settings on one machine are the same."""

    network: str = "compact"
    samples: int = 160_000  # photographs seen in all
    batch: int = 32  # photographs that a process takes at once
    accumulate: int = 1  # batches of each process that make one step
    processes: int = 1  # that share a step; `torchrun` sets it
    crop: int = 160  # pixels, a multiple of the network's
    load: int = 0  # short side of the photographs in memory, pixels; 0: as `crop`
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    precision: str = "auto"  # of the arithmetic, see `trainer.dtype_of`; weights stay float32
    encoder: str = "lite0"  # of compact; others make a teacher
    encoder_rate: float = 0.0  # the encoder's share of the learning rate; 0: frozen
    encoder_from: int = 0  # the first of the encoder's blocks that is trained; those before stay
    beta2: float = 0.999  # Adam's decay of the squared gradients
    weight_decay: float = 0.01
    warm_up: int = 300  # steps
    average: float = 0.999  # decay of the weights' moving average
    uniform_share: float = 0.5  # ECCV16's λ of the rebalancing
    hinted: float = 0.2  # share of the samples with color hints
    with_statistics: float = 0.1  # share with a histogram, and with a mean chroma
    degraded: float = 0.2  # share that looks like an old photograph
    sharpened: float = 0.0  # share whose L is sharpened
    filmed: float = 0.0  # share whose L is a film's that sees colors unlike the eye (--resident)
    zoomed: float = 0.0  # share of smaller crops, enlarged and stretched
    resized: float = 0.0  # share of crops of 8 to 100 % of the photograph's area
    widths: tuple[int, int, int, int] = WIDTHS  # of compact's decoder
    taught: float = 0.0  # share of the loss that is the distance to a teacher's distributions
    draws: str = "step"  # a random stream a step, or one of each photograph's own
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ColorizeError for a choice that there is not, or sizes that don't fit."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ColorizeError(
                    f"no {name} is called {getattr(self, name)!r}; use {', '.join(choices)}"
                )
        if min(self.batch, self.accumulate, self.processes) < 1:
            raise ColorizeError("--batch and --accumulate are at least 1")
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                option = "--" + name.replace("_", "-")
                raise ColorizeError(f"{option} {getattr(self, name)}: give a share from 0 to 1")
        if self.resized > 0 and self.network != "siggraph17":
            raise ColorizeError("--resized needs targets of full size: --network siggraph17")
        if not 0 <= self.taught <= 1 or (self.taught > 0 and self.network != "compact"):
            raise ColorizeError("--taught is a share from 0 to 1, for --network compact")

    @property
    def parts(self) -> int:
        """The number of batches that make a step, of all processes together."""
        return self.accumulate * self.processes

    @property
    def photographs_a_step(self) -> int:
        """The number of photographs that make a step."""
        return self.batch * self.parts

    @property
    def steps(self) -> int:
        """The number of optimizer steps."""
        return self.samples // self.photographs_a_step

    @property
    def short_side(self) -> int:
        """The short side of the photographs in memory, pixels."""
        return self.load or self.crop

    def rate(self, step: int) -> float:
        """Return the learning rate: linear warm-up, then as the schedule says."""
        warm = min(1.0, (step + 1) / max(self.warm_up, 1))
        return self.learning_rate * warm * SCHEDULES[self.schedule](step, self.steps)


# ECCV16, section 3 and its released solver: 450,000 steps of 40 crops of 176 pixels.
ECCV16 = Settings(
    network="eccv16", samples=18_000_000, batch=40, crop=176, load=256, learning_rate=3e-5,
    schedule="steps", beta2=0.99, weight_decay=1e-3, warm_up=0, hinted=0.0, with_statistics=0.0,
    degraded=0.0, draws="photograph",
)  # fmt: skip

# SIGGRAPH17: batches of 25 crops of 176 pixels, each with hints; Adam at 1e-4, later 1e-5.
SIGGRAPH17 = Settings(
    network="siggraph17", samples=10_000_000, batch=25, crop=176, load=256, learning_rate=1e-4,
    schedule="steps", weight_decay=0.0, warm_up=0, hinted=1.0, with_statistics=0.0, degraded=0.0,
    resized=1.0, draws="photograph",
)  # fmt: skip

DEFAULTS = {settings.network: settings for settings in (Settings(), ECCV16, SIGGRAPH17)}
