"""The batches of a step: the same for any number of processes and workers."""

import numpy as np
import pytest
import torch
from fixtures.training import dataset_of, tiny_config

from colorize.training.data.batches import (
    StepDataset,
    _start_method,
    center_crops,
    make_loader,
    step_indices,
)

AUGMENTED = {"degrade_prob": 0.5, "sharpen_prob": 0.5, "spectral_prob": 0.5}


def assert_equal(first, second):
    for x, y in zip(first, second, strict=True):
        assert (x is None and y is None) or torch.equal(x, y)


def test_each_epoch_has_each_photo_once_in_another_order():
    epochs = [np.concatenate([step_indices(12, 4, 3 * e + i, 7) for i in range(3)])
              for e in range(2)]  # fmt: skip
    assert all(sorted(order) == list(range(12)) for order in epochs)
    assert (epochs[0] != epochs[1]).any()


@pytest.mark.parametrize("network", ["compact", "siggraph17"])
def test_processes_and_micro_batches_share_the_photos_of_a_step(photos, network):
    augmented = AUGMENTED if network == "compact" else {}
    whole = StepDataset(photos, tiny_config(network, batch_size=8, **augmented))[1][0]
    config = tiny_config(network, batch_size=2, grad_accum_steps=2, world_size=2, **augmented)
    parts = [StepDataset(photos, config, rank)[1] for rank in (0, 1)]
    in_order = [parts[0][0], parts[1][0], parts[0][1], parts[1][1]]
    for name in whole._fields:
        expected = getattr(whole, name)
        if expected is not None:
            joined = torch.cat([getattr(part, name) for part in in_order])
            torch.testing.assert_close(joined, expected, atol=1e-5, rtol=0)


def test_a_step_does_not_depend_on_the_steps_before_it(photos):
    config = tiny_config(**AUGMENTED)
    first, second = (StepDataset(photos, config) for _ in range(2))
    for step in range(3):
        first[step]
    assert_equal(first[3][0], second[3][0])
    assert not torch.equal(first[3][0].ab, first[4][0].ab)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_loader_workers_make_the_same_batches(photos):
    steps = StepDataset(photos, tiny_config(num_samples=20, **AUGMENTED))
    loaded = list(make_loader(steps, 2, workers=1))
    assert len(loaded) == 3
    for step, batches in enumerate(loaded, 2):
        assert_equal(batches[0], steps[step][0])


def test_batches_have_the_shapes_of_the_network(photos):
    for network, stride in (("compact", 4), ("eccv16", 4), ("siggraph17", 1)):
        batch = StepDataset(photos, tiny_config(network))[0][0]
        assert batch.lightness.shape == batch.clean_lightness.shape == (4, 1, 32, 32)
        assert batch.ab.shape == (4, 2, 32 // stride, 32 // stride)
        assert batch.ab.dtype == torch.int8
        assert batch.is_color.tolist() == [1, 1, 1, 1]
        assert (batch.hints is not None) == (network == "siggraph17")
    assert batch.inputs[1].shape == (4, 3, 32, 32)


def test_gray_photos_are_marked():
    gray, red = np.full((32, 32, 3), 128), np.full((32, 32, 3), 128)
    gray[..., 1], red[..., 1] = 128 + 5, 128 + 6
    crops = center_crops(dataset_of(gray, red), range(2), 32, 4)
    assert crops.is_color.tolist() == [0, 1]
    assert crops.ab[:, 0, 0, 0].tolist() == [5, 6]


def test_center_crops_are_the_middle_pixels():
    photo = np.random.default_rng(0).integers(0, 256, (32, 44, 3))
    crops = center_crops(dataset_of(photo), range(1), 32, 1)
    middle = torch.from_numpy(photo[:, 6:38])
    lightness = 2.55 * crops.lightness[0, 0]
    torch.testing.assert_close(lightness, middle[..., 0].float(), atol=1e-2, rtol=0)
    assert torch.equal(crops.ab[0].long(), middle[..., 1:].movedim(-1, 0) - 128)


@pytest.mark.parametrize(("platform", "method"), [("linux", "fork"), ("darwin", None)])
def test_loader_processes_are_forked_on_linux_only(photos, platform, method, monkeypatch):
    monkeypatch.setattr("colorize.training.data.batches.sys.platform", platform)
    assert _start_method() == method
