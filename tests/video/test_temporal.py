"""Colors that follow the motion instead of flickering."""

import numpy as np
import pytest

pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")

from colorize.video.temporal import GRID, TemporalFilter  # noqa: E402


def textured(seed: int, size: int = GRID) -> np.ndarray:
    """Return L of a picture with things of many sizes, as photographs have."""
    random = np.random.default_rng(seed)
    layers = [
        cv2.resize(random.normal(0, 1, (n, n)).astype(np.float32), (size, size),
                   interpolation=cv2.INTER_CUBIC) for n in (4, 8, 16, 32)
    ]  # fmt: skip
    return np.clip(50 + 12 * sum(layers), 0, 100).astype(np.float32)


def colors(seed: int, chroma: float = 30) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, chroma, (2, GRID, GRID)).astype(np.float32)


@pytest.mark.slow
def test_colors_of_a_still_picture_hold_still():
    temporal_filter, still = TemporalFilter(), textured(0)
    results = [temporal_filter(still, colors(seed)) for seed in range(30)]
    change = np.abs(results[-1] - results[-2]).mean()
    independent = np.abs(colors(29) - colors(28)).mean()
    assert change < 0.15 * independent


@pytest.mark.slow
def test_chroma_does_not_fade():
    temporal_filter, still = TemporalFilter(), textured(0)
    ab = np.full((2, GRID, GRID), 25, np.float32)
    for _ in range(50):
        result = temporal_filter(still, ab)
    assert np.abs(result - 25).max() < 1e-3


def test_first_frames_and_frames_after_cuts_are_unchanged():
    temporal_filter = TemporalFilter()
    for seed in range(6):  # a pan
        first = temporal_filter(np.roll(textured(1), 2 * seed, axis=1), colors(seed))
        assert seed or (first == colors(0)).all()
    cut = temporal_filter(textured(2), colors(7))
    assert (cut == colors(7)).all()
    after = temporal_filter(textured(2), colors(8))
    assert np.abs(after - colors(7)).mean() < 0.3 * np.abs(colors(8) - colors(7)).mean()


def test_change_of_exposure_is_not_a_cut():
    temporal_filter, still = TemporalFilter(), textured(3)
    temporal_filter(still * 0.8, colors(0))
    result = temporal_filter(still, colors(1))
    assert np.abs(result - colors(0)).mean() < 0.3 * np.abs(colors(1) - colors(0)).mean()


@pytest.mark.slow
def test_colors_follow_motion_without_ghosts():
    temporal_filter, ground = TemporalFilter(), textured(4)
    thing = textured(5)[:80, :80]

    def scene(x: int) -> tuple[np.ndarray, np.ndarray]:
        light, ab = ground.copy(), np.zeros((2, GRID, GRID), np.float32)
        light[90:170, x : x + 80] = thing
        ab[0, 90:170, x : x + 80] = 60
        return light, ab

    positions = range(20, 120, 4)
    for x in positions:
        result = temporal_filter(*scene(x))
    wanted = scene(positions[-1])[1]
    assert result[0, 95:165, x + 8 : x + 72].min() > 50
    trail = result[0, 90:170, 20 : x - 8]
    assert np.abs(trail).mean() < 1
    assert np.abs(result - wanted).mean() < 1


@pytest.mark.parametrize("size", [8, 64, 512])
def test_filter_takes_any_network_size(size):
    temporal_filter = TemporalFilter()
    light = cv2.resize(textured(6), (size, size), interpolation=cv2.INTER_AREA)
    first, second = np.zeros((2, size, size), np.float32), np.ones((2, size, size), np.float32)
    temporal_filter(light, first)
    assert temporal_filter(light, second).mean() == pytest.approx(0.1, abs=0.03)
