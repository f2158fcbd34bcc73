"""Learning-rate schedules by name: the share of the full rate that is left at a step."""

from __future__ import annotations

import math
from collections.abc import Callable

# ECCV16: 3e-5, from iteration 200,000 of 450,000 on 1e-5, from 375,000 on 3e-6.
FALLS = ((200 / 450, 1 / 3), (375 / 450, 1 / 10))

Schedule = Callable[[int, int], float]


def cosine(step: int, steps: int) -> float:
    """Return half a cosine's fall from 1 to 0 over the run."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def constant(step: int, steps: int) -> float:
    """Return 1."""
    return 1.0


def falling(step: int, steps: int) -> float:
    """Return 1, then the lower shares of ECCV16 at the same parts of the run."""
    return ([1.0] + [share for start, share in FALLS if step >= start * steps])[-1]


SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "constant": constant, "steps": falling}
