"""Enlargement against torch, whole and in strips; colors that follow the edges of L."""

import itertools

import numpy as np
import pytest
import torch

from colorize.color.downsampling import area_downsample, block_mean
from colorize.color.upsampling import (
    MARGIN,
    BilinearUpsampler,
    GuidedUpsampler,
    upsample_bilinear,
    upsample_guided,
)

SIZES = [(256, 256), (300, 777), (1, 5000), (5000, 1), (100, 20), (1, 1), (64, 64)]


def noise(*shape: int, mean: float = 0, deviation: float = 30) -> np.ndarray:
    return np.random.default_rng(0).normal(mean, deviation, shape).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_bilinear_equals_torch(size):
    ab = noise(2, 64, 64)
    expected = torch.nn.functional.interpolate(torch.from_numpy(ab)[None], size, mode="bilinear")[0]
    np.testing.assert_allclose(upsample_bilinear(ab, size), expected.numpy(), atol=1e-3)


@pytest.mark.parametrize("size", [(51, 37), (3, 300), (300, 3)])
@pytest.mark.parametrize("step", [1, 7, 50, 300])
def test_blocks_equal_whole(size, step):
    ab, lightness = noise(2, 16, 16), noise(*size, mean=50, deviation=20)
    guided = GuidedUpsampler(ab, size, area_downsample(lightness, (16, 16)))
    wholes = upsample_bilinear(ab, size), upsample_guided(ab, lightness)
    for upsampler, whole in zip((BilinearUpsampler(ab, size), guided), wholes, strict=True):
        result = np.full_like(whole, np.nan)
        rows, columns = ([slice(n, min(n + step, side)) for n in range(0, side, step)]
                         for side in size)  # fmt: skip
        for block in itertools.product(rows, columns):
            result[:, *block] = upsampler.block(*block, lightness[block])
        np.testing.assert_array_equal(result, whole)


@pytest.mark.parametrize("size", SIZES)
def test_guided_keeps_single_color(size):
    ab = np.full((2, 64, 64), 31.7, np.float32)
    result = upsample_guided(ab, noise(*size, mean=50))
    assert result.shape == (2, *size)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, 31.7, atol=1e-3)


def test_guided_is_bilinear_without_edges():
    ab = noise(2, 16, 16)
    result = upsample_guided(ab, np.full((90, 70), 50, np.float32))
    np.testing.assert_allclose(result, upsample_bilinear(ab, (90, 70)), atol=1e-3)


def two_surfaces(height: int, width: int, edge: int) -> tuple[np.ndarray, np.ndarray]:
    """Return L and ab with an upright edge: dark blue next to light orange."""
    left = np.arange(width) < edge
    lightness = np.where(left, 30, 75).astype(np.float32)
    ab = np.stack((np.where(left, -5, 30), np.where(left, -40, 50))).astype(np.float32)
    return np.tile(lightness, (height, 1)), np.tile(ab[:, None], (1, height, 1))


@pytest.mark.parametrize("edge", [160, 163, 165])
def test_guided_color_edges_follow_lightness(edge):
    lightness, truth = two_surfaces(320, 320, edge)
    small = np.stack([area_downsample(plane, (32, 32)) for plane in truth])
    errors = [
        np.abs(result - truth).mean()
        for result in (upsample_bilinear(small, (320, 320)), upsample_guided(small, lightness))
    ]
    assert errors[1] < 0.35 * errors[0]


def test_guided_stays_near_neighboring_colors():
    """A lamp of L 100 and a gap of L 0 next to the edge get no new color."""
    lightness, truth = two_surfaces(320, 320, 163)
    lightness[100:103, 166:169], lightness[200:203, 158:161] = 100, 0
    small = np.stack([area_downsample(plane, (32, 32)) for plane in truth])
    result = upsample_guided(small, lightness)
    for plane, colors in zip(result, truth, strict=True):
        assert plane.min() >= colors.min() - MARGIN - 1e-3
        assert plane.max() <= colors.max() + MARGIN + 1e-3


def test_guided_keeps_gray_texture_gray():
    """Grain of L on two colors of the same mean L: bilinear but for a little of the grain."""
    _, truth = two_surfaces(320, 320, 160)
    lightness = noise(320, 320, mean=50, deviation=8)
    small = np.stack([area_downsample(plane, (32, 32)) for plane in truth])
    difference = upsample_guided(small, lightness) - upsample_bilinear(small, (320, 320))
    assert np.abs(difference).mean() < 0.1
    assert np.abs(difference).max() < 5


def test_area_downsample_averages_equal_blocks():
    lightness = noise(60, 40)
    blocks = lightness.reshape(12, 5, 10, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(area_downsample(lightness, (12, 10)), blocks, atol=1e-4)


def test_block_mean_averages_equal_blocks():
    planes = noise(2, 60, 40)
    expected = planes.reshape(2, 12, 5, 10, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(block_mean(planes, (12, 10)), expected, atol=1e-4)
    np.testing.assert_allclose(block_mean(planes[0], (12, 10)), expected[0], atol=1e-4)
