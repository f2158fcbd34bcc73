"""Weights that tests of networks share."""

import pytest
from fixtures.ddcolor import SMALL, Tensors, published_weights


@pytest.fixture(scope="session")
def small_ddcolor() -> Tensors:
    """Return the tensors of a published file of a small DDColor, which tests must not change."""
    return published_weights(*SMALL)
