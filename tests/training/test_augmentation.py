"""Random crops, simulated degradation and hints."""

import dataclasses

import numpy as np
import pytest
import torch
from fixtures.training import dataset_of, tiny_config

from colorize.color import lab
from colorize.color.autocontrast import stretch_lightness as stretch_of_photos
from colorize.training.autocontrast import stretch_lightness
from colorize.training.data import augmentation
from colorize.training.data.augmentation import BatchRng

CPU = torch.device("cpu")


def rng(count: int, seed: int = 0) -> BatchRng:
    return BatchRng(seed, 0, count, slice(count), CPU)


def ramp_crops(config, count: int = 200) -> torch.Tensor:
    """Crop a photograph whose L grows to the right and whose a and b grow downwards."""
    across, down = np.meshgrid(np.arange(80), np.arange(60))
    photo = np.stack((across + 20, down + 128, down + 128), axis=2)
    photos, sizes = dataset_of(photo).padded(torch.zeros(count, dtype=torch.long))
    numbers = rng(count)
    start, box = augmentation.random_boxes(sizes, config, numbers)
    mirrored = numbers.uniform(1) < 0.5
    return augmentation.crop_and_resize(photos, start, box, config.crop_size, mirrored)


def test_rng_gives_each_part_of_a_step_its_rows():
    whole, second = rng(6), BatchRng(0, 0, 6, slice(3, 6), CPU)
    for shape in ((), (2, 3)):
        assert torch.equal(whole.uniform(*shape)[3:], second.uniform(*shape))
        assert torch.equal(whole.normal(*shape)[3:], second.normal(*shape))
    assert not torch.equal(rng(6, seed=1).uniform(), rng(6).uniform())


def test_resized_crops_keep_lightness_and_colors_together():
    crops = ramp_crops(tiny_config(min_crop_area=0.5, whole_photo_prob=0.25))
    inner = crops[..., 2:-2, 2:-2]  # the filter reaches beyond an edge by two pixels
    assert inner[:, 0].min() >= 20 / 2.55 - 0.5
    assert inner[:, 0].max() <= 99 / 2.55 + 0.5
    assert inner[:, 1].max() <= 59.5
    torch.testing.assert_close(inner[:, 1], inner[:, 2])
    rises = crops[:, 0, 16, -3] - crops[:, 0, 16, 2]
    assert 50 < (rises > 0).sum() < 150  # about half are mirrored
    spans = rises.abs() * 2.55 / 27 * 32 / 80  # shares of the photograph's width
    assert spans.min() > (0.5 / augmentation.MAX_STRETCH) ** 0.5 - 0.03
    assert 0.15 < (spans > 0.99).float().mean() < 0.5  # a quarter are whole
    middle = crops[:, 1, 16, 16]
    assert middle.min() < 25 < 35 < middle.max()


def test_plain_crops_are_pixels_of_the_photo():
    crops = ramp_crops(tiny_config(whole_photo_prob=0.0, random_resized_crop_prob=0.0))
    lightness = crops[:, 0] * 2.55
    torch.testing.assert_close(lightness, lightness.round(), atol=1e-3, rtol=0)
    assert (lightness[:, 0, 0] - lightness[:, 0, 31]).abs().allclose(torch.tensor(31.0), atol=1e-3)
    corners = crops[:, 1, 0, 0].round()
    assert corners.min() == 0  # of 0 to 60 - 32
    assert corners.max() == 28


def test_center_boxes_are_in_the_middle():
    start, box = augmentation.center_boxes(torch.tensor([[40, 33]]), 32)
    assert start.tolist() == [[4, 0]]
    assert box.tolist() == [[32, 32]]


def test_spectral_response_changes_only_the_lightness_of_colors():
    red, gray = (lab.rgb_to_lab(np.full((1, 4, 4, 3), c, np.float32))
                 for c in ((0.8, 0.2, 0.2), (0.5, 0.5, 0.5)))  # fmt: skip
    pictures = torch.from_numpy(np.concatenate((red, gray)).astype(np.float32)).permute(0, 3, 1, 2)
    unchanged = augmentation.random_spectral_response(pictures, 0.0, rng(2))
    assert torch.equal(unchanged, pictures[:, :1])
    seen = torch.cat(
        [augmentation.random_spectral_response(pictures, 1.0, rng(2, seed)) for seed in range(50)],
        dim=1,
    )
    torch.testing.assert_close(seen[1], pictures[1, :1].expand(50, -1, -1), atol=0.05, rtol=0)
    usual = float(pictures[0, 0, 0, 0])
    insensitive_to_red, only_red = (
        float(lab.rgb_to_lab(np.full((1, 1, 3), c, np.float32))[0, 0, 0]) for c in (0.2, 0.8)
    )
    assert insensitive_to_red - 0.1 <= seen[0].min() < usual - 5
    assert usual + 5 < seen[0].max() <= only_red + 0.1


@pytest.mark.parametrize("change", [augmentation.degrade, augmentation.sharpen])
def test_lightness_changes_with_the_probability_and_stays_in_range(change):
    lightness = 100 * torch.rand(400, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(change(lightness, 0.0, rng(400)), lightness)
    result = change(lightness, 0.3, rng(400, 1))
    assert torch.equal(result, change(lightness, 0.3, rng(400, 1)))
    assert result.min() >= 0
    assert result.max() <= 100
    changed = (result != lightness).flatten(1).any(dim=1).float().mean()
    assert 0.2 < changed < 0.4


def test_sharpen_steepens_edges_and_keeps_flat_parts():
    edge = torch.full((1, 1, 16, 16), 40.0)
    edge[..., 8:] = 60
    sharp = augmentation.sharpen(edge, 1.0, rng(1))
    assert torch.equal(sharp[..., :6], edge[..., :6])
    assert sharp[0, 0, 3, 7] < 40
    assert sharp[0, 0, 3, 8] > 60


def test_gaussian_blur_keeps_flat_pictures_and_widens_points():
    std = torch.tensor([[0.8], [1.5]])
    flat = torch.full((2, 1, 16, 16), 40.0)
    torch.testing.assert_close(augmentation.gaussian_blur(flat, std), flat)
    point = torch.zeros(2, 1, 17, 17)
    point[:, 0, 8, 8] = 100
    blurred = augmentation.gaussian_blur(point, std)
    torch.testing.assert_close(blurred.sum(dim=(1, 2, 3)), torch.tensor([100.0, 100.0]))
    torch.testing.assert_close(blurred, blurred.transpose(2, 3))
    assert blurred[1, 0, 8, 8] < blurred[0, 0, 8, 8] < 100


def test_augment_lightness_without_augmentation_is_the_identity():
    config = tiny_config("eccv16")
    pictures = torch.rand(3, 3, 32, 32)
    lightness = augmentation.augment_lightness(pictures, config, rng(3))
    assert torch.equal(lightness, pictures[:, :1])
    noisy = dataclasses.replace(config, noise_std=1.0)
    difference = augmentation.augment_lightness(pictures + 50, noisy, rng(3)) - pictures[:, :1] - 50
    assert 0.05 < difference.std() < 1.2


def test_crops_are_stretched_as_photographs_are():
    tones = np.random.default_rng(0).uniform(0, 1, (2, 1, 64, 64)).astype(np.float32)
    faded = tones * np.array([40, 10], np.float32)[:, None, None, None] + 30
    for amount in (0.5, 1.0):
        crops = stretch_lightness(torch.from_numpy(faded), amount)
        np.testing.assert_allclose(crops, stretch_of_photos(faded, amount), atol=0.1)


def test_a_network_is_trained_with_crops_stretched_to_different_degrees():
    pictures = torch.rand(50, 3, 32, 32) * 40 + 30
    config = dataclasses.replace(tiny_config(), noise_std=0, input_autocontrast=0.5)
    config = dataclasses.replace(config, degrade_prob=0, sharpen_prob=0, spectral_prob=0)
    lightness = augmentation.augment_lightness(pictures, config, rng(50))
    ranges = lightness.flatten(1).amax(dim=1) - lightness.flatten(1).amin(dim=1)
    assert 68 < ranges.min() < 75 and 95 < ranges.max() <= 100


def test_hints_hold_the_true_colors():
    ab = torch.full((200, 2, 16, 16), 22, dtype=torch.int8)
    hints = augmentation.simulate_hints(ab, 0.4, rng(200))
    mask = hints[:, 2]
    assert set(mask.unique().tolist()) == {0, 1}
    assert 0.3 < mask.flatten(1).amax(dim=1).mean() < 0.5
    torch.testing.assert_close(hints[:, :2], 0.2 * mask[:, None].expand(-1, 2, -1, -1))
    assert not augmentation.simulate_hints(ab, 0.0, rng(200)).any()


def test_hints_are_a_few_patches_or_rarely_everything():
    ab = torch.randint(-50, 50, (1000, 2, 64, 64), generator=torch.Generator().manual_seed(0))
    hints = augmentation.simulate_hints(ab, 1.0, rng(1000))
    shares = hints[:, 2].flatten(1).mean(dim=1)
    assert shares.min() > 0
    assert 0.002 < (shares == 1).float().mean() < 0.03
    assert 0.02 < shares.median() < 0.1  # about 8 patches of 5×5 of 64×64 pixels
    full = shares == 1
    torch.testing.assert_close(hints[full, :2], ab[full] / 110)
