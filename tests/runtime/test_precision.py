"""Rounded numbers, and the whole picture against scikit-image and float32."""

import copy

import numpy as np
import pytest
import torch
from fixtures.colorizers import make_colorizer
from fixtures.random_weights import lively
from skimage.color import lab2rgb, rgb2lab

from colorize.io.photo import Photo
from colorize.models.eccv16 import ECCV16
from colorize.models.siggraph17 import SIGGRAPH17
from colorize.runtime import precision
from colorize.runtime.precision import optimize_for_inference


@pytest.fixture
def photo() -> Photo:
    rows, columns = np.mgrid[:120, :180]
    wave = 128 + 90 * np.sin(rows / 17) * np.cos(columns / 23)
    noise = np.random.default_rng(0).normal(0, 5, wave.shape)
    return Photo(np.clip(wave + noise, 0, 255).astype(np.uint8))


def eccv16() -> ECCV16:
    """Return a network whose colors are about as strong as the published one's."""
    network = lively(ECCV16())
    torch.manual_seed(0)
    network.model_out.weight.copy_(torch.rand(network.model_out.weight.shape) * 1.6 - 0.8)
    return network


def siggraph17() -> SIGGRAPH17:
    network = lively(SIGGRAPH17())
    network.model_out[0].weight *= 0.05
    network.model_out[0].bias *= 0
    return network


def by_the_release(network: torch.nn.Module, photo: Photo, size: int) -> np.ndarray:
    """Return sRGB levels, (H, W, 3): the release's steps in float32 and float64, unclipped."""
    colorizer = make_colorizer(network, size=size)
    small = torch.from_numpy(colorizer.network_input(photo))
    if network.metadata.output == "ab":
        ab = network(small)
    else:
        ab = 110 * network.model_out(torch.softmax(network(small), dim=1))
        ab = torch.nn.functional.interpolate(ab, scale_factor=4.0, mode="bilinear")
    ab = torch.nn.functional.interpolate(ab, size=photo.size, mode="bilinear")[0]
    rgb = np.repeat(photo.pixels[..., None], 3, axis=2)
    lab = np.concatenate((rgb2lab(rgb)[..., :1], ab.permute(1, 2, 0).numpy()), axis=2)
    return 255 * lab2rgb(lab)


@pytest.mark.slow
@pytest.mark.parametrize("make", [eccv16, siggraph17])
@pytest.mark.parametrize("wanted", [None, "bfloat16"])
def test_the_picture_is_the_releases_within_one_level(make, wanted, photo):
    network = make()
    expected = by_the_release(network, photo, 64)
    in_gamut = ((expected > 0) & (expected < 255)).all(axis=2)
    fast = optimize_for_inference(copy.deepcopy(network), wanted)
    result = make_colorizer(fast, size=64, upsampling="bilinear")(photo).pixels
    difference = np.abs(result - np.rint(expected))[in_gamut]
    assert in_gamut.mean() > 0.5
    assert np.ptp(expected, axis=2).mean() > 3  # there is color
    assert difference.max() <= 1
    assert difference.mean() <= 0.2


def test_compact_keeps_float32_on_processors(network, photo):
    result = optimize_for_inference(copy.deepcopy(network))
    assert {parameter.dtype for parameter in result.parameters()} == {torch.float32}
    expected, found = (make_colorizer(net, size=64)(photo).pixels for net in (network, result))
    assert np.abs(expected.astype(int) - found).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("has", [True, False])
def test_published_networks_are_rounded_where_the_processor_can(has, monkeypatch):
    monkeypatch.setattr(precision, "cpu_supports_bf16", lambda: has)
    network = optimize_for_inference(ECCV16().eval())
    assert network.model5[0].weight.dtype == (torch.bfloat16 if has else torch.float32)
    assert network.model_out.weight.dtype == torch.float32
    assert network.model8[6].weight.dtype == torch.float32


def test_half_precision_of_gpus_keeps_compacts_colors(network):
    """What a GPU computes with, on the CPU: inputs and logits stay float32."""
    half = optimize_for_inference(copy.deepcopy(network), "float16")
    x = 100 * torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    exact, rounded = network(x), half(x)
    assert rounded.dtype == torch.float32
    assert (exact - rounded).abs().max() < 0.02 * exact.abs().max()
