"""A tiny seeded network, so that tests of the pipeline need no weights file."""

import pytest
import torch

from colorize.gamut import Q
from colorize.models import Compact


@pytest.fixture(scope="session")
def network() -> Compact:
    """Return a compact network with random weights whose colours are far from grey."""
    torch.manual_seed(0)
    weights = torch.linspace(0.2, 3, Q)
    made = Compact((8, 8, 12, 16), class_weights=weights.tolist(), temperature=0.5, rebalance=0.9)
    with torch.no_grad():
        made.decoder.classify.weight *= 40
    return made.eval().requires_grad_(False)
