"""Learning-rate schedules by name: the factor of the peak learning rate at each step."""

from __future__ import annotations

import math
from collections.abc import Callable

# ECCV16: 3e-5, from iteration 200,000 of 450,000 on 1e-5, from 375,000 on 3e-6.
MILESTONES = ((200 / 450, 1 / 3), (375 / 450, 1 / 10))  # share of the run, factor

Schedule = Callable[[int, int], float]


def cosine(step: int, num_steps: int) -> float:
    """Return half a cosine's decay from 1 to 0 over the run."""
    return 0.5 * (1 + math.cos(math.pi * step / num_steps))


def constant(step: int, num_steps: int) -> float:
    """Return 1."""
    return 1.0


def step_decay(step: int, num_steps: int) -> float:
    """Return 1, then ECCV16's lower factors at the same shares of the run."""
    return ([1.0] + [factor for start, factor in MILESTONES if step >= start * num_steps])[-1]


SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "constant": constant, "steps": step_decay}
