import pytest
import torch
from fixtures.random_weights import lively
from torch import nn
from torch.nn import functional as F

from colorize.color.quantization import bin_centers
from colorize.decoding.annealed_mean import annealed_mean
from colorize.models.eccv16 import ECCV16

# The layers of the authors' PyTorch release, by block and position.
LAYERS = {
    "model1": ["conv 1>64 k3 s1 p1 d1 bias", "relu", "conv 64>64 k3 s2 p1 d1 bias", "relu",
               "norm 64"],
    "model2": ["conv 64>128 k3 s1 p1 d1 bias", "relu", "conv 128>128 k3 s2 p1 d1 bias", "relu",
               "norm 128"],
    "model3": ["conv 128>256 k3 s1 p1 d1 bias", "relu", "conv 256>256 k3 s1 p1 d1 bias", "relu",
               "conv 256>256 k3 s2 p1 d1 bias", "relu", "norm 256"],
    "model4": ["conv 256>512 k3 s1 p1 d1 bias", "relu", "conv 512>512 k3 s1 p1 d1 bias", "relu",
               "conv 512>512 k3 s1 p1 d1 bias", "relu", "norm 512"],
    "model5": ["conv 512>512 k3 s1 p2 d2 bias", "relu", "conv 512>512 k3 s1 p2 d2 bias", "relu",
               "conv 512>512 k3 s1 p2 d2 bias", "relu", "norm 512"],
    "model6": ["conv 512>512 k3 s1 p2 d2 bias", "relu", "conv 512>512 k3 s1 p2 d2 bias", "relu",
               "conv 512>512 k3 s1 p2 d2 bias", "relu", "norm 512"],
    "model7": ["conv 512>512 k3 s1 p1 d1 bias", "relu", "conv 512>512 k3 s1 p1 d1 bias", "relu",
               "conv 512>512 k3 s1 p1 d1 bias", "relu", "norm 512"],
    "model8": ["transposed 512>256 k4 s2 p1 d1 bias", "relu", "conv 256>256 k3 s1 p1 d1 bias",
               "relu", "conv 256>256 k3 s1 p1 d1 bias", "relu", "conv 256>313 k1 s1 p0 d1 bias"],
    "model_out": ["conv 313>2 k1 s1 p0 d1"],
}  # fmt: skip


def describe(layer: nn.Module) -> str:
    """Return everything that decides what a layer computes, apart from its weights."""
    if isinstance(layer, nn.ReLU):
        return "relu"
    if isinstance(layer, nn.BatchNorm2d):
        assert layer.eps == 1e-5 and layer.affine and layer.track_running_stats
        return f"norm {layer.num_features}"
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    assert layer.groups == 1 and layer.padding_mode == "zeros"
    assert layer.output_padding == (0, 0)
    (k, k2), (s, s2) = layer.kernel_size, layer.stride
    (p, p2), (d, d2) = layer.padding, layer.dilation
    assert (k, s, p, d) == (k2, s2, p2, d2)
    kind = "transposed" if isinstance(layer, nn.ConvTranspose2d) else "conv"
    bias = "" if layer.bias is None else " bias"
    return f"{kind} {layer.in_channels}>{layer.out_channels} k{k} s{s} p{p} d{d}{bias}"


@pytest.fixture(scope="module")
def network() -> ECCV16:
    made = lively(ECCV16())
    made.model8[6].weight.data *= 2  # sure enough of its bins for a picture in color
    made.model_out.weight.data = torch.from_numpy(bin_centers()).T[:, :, None, None] / 110
    return made


@pytest.fixture
def lightness() -> torch.Tensor:
    return 100 * torch.rand(1, 1, 64, 72, generator=torch.Generator().manual_seed(1))


def release_ab(weights: dict[str, torch.Tensor], lightness: torch.Tensor) -> torch.Tensor:
    """Compute the release's ab (b, 2, h, w) from only the weights and their names."""

    def conv(x, name, stride=1, dilation=1):
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return F.relu(F.conv2d(x, weight, bias, stride, dilation, dilation))

    def norm(x, name):
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        gain, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        each = (1, -1, 1, 1)
        x = (x - mean.view(each)) / (variance.view(each) + 1e-5).sqrt()
        return x * gain.view(each) + bias.view(each)

    x = (lightness - 50) / 100
    x = norm(conv(conv(x, "model1.0"), "model1.2", stride=2), "model1.4")
    x = norm(conv(conv(x, "model2.0"), "model2.2", stride=2), "model2.4")
    x = norm(conv(conv(conv(x, "model3.0"), "model3.2"), "model3.4", stride=2), "model3.6")
    for block, dilation in (("model4", 1), ("model5", 2), ("model6", 2), ("model7", 1)):
        for index in (0, 2, 4):
            x = conv(x, f"{block}.{index}", dilation=dilation)
        x = norm(x, f"{block}.6")
    weight, bias = weights["model8.0.weight"], weights["model8.0.bias"]
    x = F.relu(F.conv_transpose2d(x, weight, bias, stride=2, padding=1))
    x = conv(conv(x, "model8.2"), "model8.4")
    x = F.conv2d(x, weights["model8.6.weight"], weights["model8.6.bias"])
    x = F.conv2d(torch.softmax(x, dim=1), weights["model_out.weight"])
    return 110 * F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)


def pass_first_channel_through(network: nn.Module) -> None:
    """Set the weights so that each layer's first channel is the nearest pixel of its input's."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.zeros_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            k = layer.kernel_size[0]
            layer.weight[0, 0, (k - 1) // 2 : k // 2 + 1, (k - 1) // 2 : k // 2 + 1] = 1


def decoded(logits: torch.Tensor, network: ECCV16) -> torch.Tensor:
    """Return the mean over the network's own bin centers."""
    return torch.from_numpy(annealed_mean(logits.numpy(), 1.0, network.metadata.bin_centers))


def test_layers_are_those_of_the_release(network):
    found = {
        name: [
            describe(layer) for layer in (block if isinstance(block, nn.Sequential) else [block])
        ]
        for name, block in network.named_children()
    }
    assert found == LAYERS


def test_state_dict_has_the_published_keys_and_counts(network):
    expected = set()
    for block, layers in LAYERS.items():
        for index, layer in enumerate(layers):
            name = block if block == "model_out" else f"{block}.{index}"
            if layer != "relu":
                expected.add(f"{name}.weight")
            if layer.endswith("bias") or layer.startswith("norm"):
                expected.add(f"{name}.bias")
            if layer.startswith("norm"):
                tails = ("running_mean", "running_var", "num_batches_tracked")
                expected |= {f"{name}.{tail}" for tail in tails}
    assert set(network.state_dict()) == expected
    assert len(expected) == 82
    assert sum(p.numel() for p in network.parameters()) == 32_236_011


def test_decoding_at_temperature_1_gives_the_releases_ab(network, lightness):
    ab = decoded(network(lightness), network)
    ab = F.interpolate(ab, scale_factor=4, mode="bilinear", align_corners=False)
    expected = release_ab(network.state_dict(), lightness)
    assert expected.std() > 3  # a picture, so that agreement means something
    torch.testing.assert_close(ab, expected, rtol=0, atol=1e-4)


def test_lightness_is_scaled_to_half_a_unit():
    network = ECCV16().eval().requires_grad_(False)
    pass_first_channel_through(network)
    lightness = torch.full((1, 1, 16, 16), 100.0)
    logits = network(lightness)
    scale = (1 + 1e-5) ** -3.5  # seven normalizations of unit variance
    torch.testing.assert_close(logits[:, 0], torch.full((1, 4, 4), 0.5 * scale))
    assert not logits[:, 1:].any()
    assert not network(lightness - 50).any()
    assert not network(lightness - 100).any()  # negative, stopped by the first ReLU


def test_bin_centers_are_model_out_in_ab_units(network):
    centers = torch.from_numpy(network.metadata.bin_centers)
    assert centers.shape == (313, 2)
    torch.testing.assert_close(centers[7, 1], 110 * network.model_out.weight[1, 7, 0, 0])


def test_one_certain_bin_decodes_to_its_center(network):
    logits = torch.full((1, 313, 2, 2), -1000.0)
    logits[:, 42] = 0
    ab = decoded(logits, network)
    torch.testing.assert_close(
        ab, torch.from_numpy(network.metadata.bin_centers)[42].view(1, 2, 1, 1).expand(1, 2, 2, 2)
    )


def test_evaluation_does_not_depend_on_the_batch(network, lightness):
    other = torch.zeros_like(lightness)
    together = network(torch.cat((lightness, other)))[:1]
    torch.testing.assert_close(together, network(lightness), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("h", "w"), [(8, 8), (8, 40), (64, 24)])
def test_logits_have_a_quarter_of_the_size(network, h, w):
    assert network(torch.zeros(2, 1, h, w)).shape == (2, 313, h // 4, w // 4)


def test_hints_are_not_used(network, lightness):
    assert torch.equal(network(lightness, torch.zeros(1, 3, 64, 72)), network(lightness))
