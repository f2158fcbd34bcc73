"""One surface, one color."""

from __future__ import annotations

import numpy as np
import pytest

from colorize.decoding.bilateral import smooth_logits


def smoothed(logits, lightness, strength, colors=None):
    """Return `smooth_logits`, by default with the same color expected everywhere."""
    if colors is None:
        colors = np.zeros((len(logits), 2, *logits.shape[2:]), np.float32)
    return smooth_logits(logits, lightness, colors, strength)


def patched(h: int = 16, w: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Return logits over 3 bins that disagree on two surfaces, and their L: dark left, light right.

    The left is bin 0 but for a patch of bin 1, the right all bin 2.
    """
    logits = np.zeros((1, 3, h, w), np.float32)
    logits[:, 0, :, : w // 2] = 2
    logits[:, 2, :, w // 2 :] = 4
    logits[:, :, 4:6, 2:4] = np.array([0, 2, 0]).reshape(1, 3, 1, 1)
    lightness = np.full((1, 1, 4 * h, 4 * w), 20.0, np.float32)
    lightness[..., 2 * w :] = 80
    return logits, lightness


def test_patch_takes_color_of_its_surface():
    logits, lightness = patched()
    assert (logits.argmax(axis=1)[0, 4:6, 2:4] == 1).all()
    assert (smoothed(logits, lightness, 0.7).argmax(axis=1)[0, :, :8] == 0).all()


def test_colors_do_not_cross_edges_of_lightness():
    logits, lightness = patched()
    result = smoothed(logits, lightness, 1.0)
    np.testing.assert_allclose(result[0, 2, :, :8], 0, atol=1e-3)
    np.testing.assert_allclose(result[0, 2, :, 8:], 4, atol=1e-3)


def test_colors_do_not_cross_edges_of_expected_color():
    logits, lightness = patched()
    colors = np.zeros((1, 2, 16, 16), np.float32)
    colors[:, 0, :, 8:] = 40
    result = smoothed(logits, np.full_like(lightness, 50), 1.0, colors)
    np.testing.assert_allclose(result[0, 2, :, :8], 0, atol=1e-3)
    np.testing.assert_allclose(result[0, 2, :, 8:], 4, atol=1e-3)


def test_distant_cells_hardly_count():
    logits = np.zeros((1, 1, 32, 32), np.float32)
    logits[..., 28:] = 1
    result = smoothed(logits, np.full((1, 1, 128, 128), 50, np.float32), 1.0)
    assert result[0, 0, :, 0].max() < 0.01
    assert result[0, 0, :, 31].min() > 0.3


def test_constant_logits_are_unchanged():
    logits = np.broadcast_to(np.arange(5.0).reshape(1, 5, 1, 1), (2, 5, 24, 40))
    lightness = np.random.default_rng(0).uniform(0, 100, (2, 1, 96, 160)).astype(np.float32)
    np.testing.assert_allclose(smoothed(logits, lightness, 0.6), logits, rtol=1e-5)


def test_strength_interpolates_from_logits_to_mean():
    logits, lightness = patched()
    np.testing.assert_array_equal(smoothed(logits, lightness, 0.0), logits)
    half, whole = (smoothed(logits, lightness, share) for share in (0.5, 1.0))
    np.testing.assert_allclose(half, (logits + whole) / 2, atol=1e-5)


def test_input_is_unchanged_and_pictures_are_independent():
    logits, lightness = patched()
    before = logits.copy()
    both = smoothed(
        np.concatenate((logits, -logits)), np.concatenate((lightness, 100 - lightness)), 0.7
    )
    np.testing.assert_array_equal(logits, before)
    np.testing.assert_allclose(both[:1], smoothed(logits, lightness, 0.7), atol=1e-6)


@pytest.mark.parametrize("size", [8, 24, 40, 64])
def test_grids_of_any_size_are_smoothed(size):
    logits = np.random.default_rng(1).normal(size=(1, 4, size, size)).astype(np.float32)
    lightness = np.full((1, 1, 4 * size, 4 * size), 30, np.float32)
    result = smoothed(logits, lightness, 1.0)
    assert result.shape == logits.shape
    assert result.std() < logits.std()


def test_checkerboard_gives_finite_logits():
    logits, lightness = patched()
    lightness[:] = np.where(np.indices(lightness.shape[2:]).sum(axis=0) % 2, 0, 100)
    assert np.isfinite(smoothed(logits, lightness, 1.0)).all()
