"""Enlargement against torch, whole and in strips."""

import numpy as np
import pytest
import torch

from colorize.enlarge import Enlarger, enlarge


@pytest.mark.parametrize("size", [(256, 256), (300, 777), (1, 5000), (100, 20), (1, 1), (64, 64)])
def test_enlarge_equals_bilinear_without_aligned_corners(size):
    ab = np.random.default_rng(0).normal(0, 30, (2, 64, 64)).astype(np.float32)
    expected = torch.nn.functional.interpolate(torch.from_numpy(ab)[None], size, mode="bilinear")[0]
    np.testing.assert_allclose(enlarge(ab, size), expected.numpy(), atol=1e-3)


def test_rows_of_strips_are_the_whole():
    ab = np.random.default_rng(1).normal(0, 30, (2, 16, 16)).astype(np.float32)
    enlarger = Enlarger(ab, (101, 57))
    strips = [enlarger.rows(y, min(y + 7, 101)) for y in range(0, 101, 7)]
    np.testing.assert_array_equal(np.concatenate(strips, axis=1), enlarge(ab, (101, 57)))
