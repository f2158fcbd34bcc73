import pytest
import torch
from fixtures.random_weights import lively
from torch import nn
from torch.nn import functional as F

from colorize.models.siggraph17 import SIGGRAPH17

# The layers of the authors' PyTorch release, by block and position.
LAYERS = {
    "model1": ["conv 4>64 k3 p1 d1", "relu", "conv 64>64 k3 p1 d1", "relu", "norm 64"],
    "model2": ["conv 64>128 k3 p1 d1", "relu", "conv 128>128 k3 p1 d1", "relu", "norm 128"],
    "model3": ["conv 128>256 k3 p1 d1", "relu", "conv 256>256 k3 p1 d1", "relu",
               "conv 256>256 k3 p1 d1", "relu", "norm 256"],
    "model4": ["conv 256>512 k3 p1 d1", "relu", "conv 512>512 k3 p1 d1", "relu",
               "conv 512>512 k3 p1 d1", "relu", "norm 512"],
    "model5": ["conv 512>512 k3 p2 d2", "relu", "conv 512>512 k3 p2 d2", "relu",
               "conv 512>512 k3 p2 d2", "relu", "norm 512"],
    "model6": ["conv 512>512 k3 p2 d2", "relu", "conv 512>512 k3 p2 d2", "relu",
               "conv 512>512 k3 p2 d2", "relu", "norm 512"],
    "model7": ["conv 512>512 k3 p1 d1", "relu", "conv 512>512 k3 p1 d1", "relu",
               "conv 512>512 k3 p1 d1", "relu", "norm 512"],
    "model8up": ["double 512>256 k4 p1 d1"],
    "model3short8": ["conv 256>256 k3 p1 d1"],
    "model8": ["relu", "conv 256>256 k3 p1 d1", "relu", "conv 256>256 k3 p1 d1", "relu",
               "norm 256"],
    "model9up": ["double 256>128 k4 p1 d1"],
    "model2short9": ["conv 128>128 k3 p1 d1"],
    "model9": ["relu", "conv 128>128 k3 p1 d1", "relu", "norm 128"],
    "model10up": ["double 128>128 k4 p1 d1"],
    "model1short10": ["conv 64>128 k3 p1 d1"],
    "model10": ["relu", "conv 128>128 k3 p1 d1", "leaky 0.2"],
    "model_class": ["conv 256>529 k1 p0 d1"],
    "model_out": ["conv 128>2 k1 p0 d1", "tanh"],
}  # fmt: skip


def describe(layer: nn.Module) -> str:
    """Return everything that decides what a layer computes, apart from its weights."""
    if isinstance(layer, nn.LeakyReLU):
        return f"leaky {layer.negative_slope}"
    if isinstance(layer, nn.ReLU | nn.Tanh):
        return type(layer).__name__.lower()
    if isinstance(layer, nn.BatchNorm2d):
        assert layer.eps == 1e-5 and layer.affine and layer.track_running_stats
        return f"norm {layer.num_features}"
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    doubles = isinstance(layer, nn.ConvTranspose2d)
    assert layer.stride == ((2, 2) if doubles else (1, 1))
    assert layer.groups == 1 and layer.padding_mode == "zeros" and layer.bias is not None
    assert layer.output_padding == (0, 0)
    (k, k2), (p, p2), (d, d2) = layer.kernel_size, layer.padding, layer.dilation
    assert (k, p, d) == (k2, p2, d2)
    kind = "double" if doubles else "conv"
    return f"{kind} {layer.in_channels}>{layer.out_channels} k{k} p{p} d{d}"


@pytest.fixture(scope="module")
def network() -> SIGGRAPH17:
    made = lively(SIGGRAPH17())
    made.model_out[0].weight.data /= 10  # into the part of tanh that is not flat
    return made


@pytest.fixture
def lightness() -> torch.Tensor:
    return 100 * torch.rand(1, 1, 64, 72, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def hints() -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    mask = (torch.rand(1, 1, 64, 72, generator=generator) > 0.9).float()
    return torch.cat((torch.rand(1, 2, 64, 72, generator=generator) - 0.5, mask), 1) * mask


def release_ab(
    weights: dict[str, torch.Tensor], lightness: torch.Tensor, ab_hints: torch.Tensor
) -> torch.Tensor:
    """Compute the release's ab (b, 2, h, w) from only the weights and their names."""

    def conv(x, name, dilation=1):
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return F.conv2d(x, weight, bias, 1, dilation, dilation)

    def double(x, name):
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return F.conv_transpose2d(x, weight, bias, stride=2, padding=1)

    def norm(x, name):
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        gain, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        each = (1, -1, 1, 1)
        x = (x - mean.view(each)) / (variance.view(each) + 1e-5).sqrt()
        return x * gain.view(each) + bias.view(each)

    def block(x, name, indices, dilation=1):
        for index in indices:
            x = F.relu(conv(x, f"{name}.{index}", dilation))
        return norm(x, f"{name}.{indices[-1] + 2}")

    x = torch.cat(((lightness - 50) / 100, ab_hints), dim=1)
    conv1 = block(x, "model1", (0, 2))
    conv2 = block(conv1[:, :, ::2, ::2], "model2", (0, 2))
    conv3 = block(conv2[:, :, ::2, ::2], "model3", (0, 2, 4))
    x = block(conv3[:, :, ::2, ::2], "model4", (0, 2, 4))
    x = block(x, "model5", (0, 2, 4), dilation=2)
    x = block(x, "model6", (0, 2, 4), dilation=2)
    x = block(x, "model7", (0, 2, 4))
    x = F.relu(double(x, "model8up.0") + conv(conv3, "model3short8.0"))
    x = block(x, "model8", (1, 3))
    x = F.relu(double(x, "model9up.0") + conv(conv2, "model2short9.0"))
    x = block(x, "model9", (1,))
    x = F.relu(double(x, "model10up.0") + conv(conv1, "model1short10.0"))
    x = F.leaky_relu(conv(x, "model10.1"), 0.2)
    x = F.conv2d(x, weights["model_out.0.weight"], weights["model_out.0.bias"])
    return 110 * torch.tanh(x)


def all_zero() -> SIGGRAPH17:
    """Return a network of which every weight and bias of a convolution is 0."""
    network = SIGGRAPH17().eval().requires_grad_(False)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
    return network


def passing_on(channel: int) -> SIGGRAPH17:
    """Return a network whose `a` is 110 tanh of an input channel, by the topmost shortcut."""
    network = all_zero()
    network.model1[0].weight[0, channel, 1, 1] = 1
    network.model1[2].weight[0, 0, 1, 1] = 1
    network.model1short10[0].weight[0, 0, 1, 1] = 1
    network.model10[1].weight[0, 0, 1, 1] = 1
    network.model_out[0].weight[0, 0, 0, 0] = 1
    return network


def test_layers_are_those_of_the_release(network):
    found = {name: [describe(layer) for layer in block] for name, block in network.named_children()}
    assert found == LAYERS


def test_state_dict_has_the_published_keys_and_counts(network):
    expected = set()
    for block, layers in LAYERS.items():
        for index, layer in enumerate(layers):
            tails = ["weight", "bias"] if layer.split()[0] in ("conv", "double", "norm") else []
            if layer.startswith("norm"):
                tails += ["running_mean", "running_var", "num_batches_tracked"]
            expected |= {f"{block}.{index}.{tail}" for tail in tails}
    assert set(network.state_dict()) == expected
    assert len(expected) == 107
    assert sum(p.numel() for p in network.parameters()) == 34_187_027


def test_ab_with_hints_is_the_releases(network, lightness, hints):
    expected = release_ab(network.state_dict(), lightness, hints)
    assert expected.std() > 5  # a picture, so that agreement means something
    assert (expected.abs() < 100).float().mean() > 0.5
    torch.testing.assert_close(network(lightness, hints), expected, rtol=0, atol=1e-4)


def test_ab_without_hints_is_the_releases_with_zeros(network, lightness, hints):
    expected = release_ab(network.state_dict(), lightness, torch.zeros_like(hints))
    torch.testing.assert_close(network(lightness), expected, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("channel", [0, 1, 2, 3])
def test_each_input_reaches_its_pixel_unscaled_but_for_lightness(channel, hints):
    lightness = torch.linspace(0, 100, 64 * 72).view(1, 1, 64, 72)
    given = torch.cat(((lightness - 50) / 100, hints), dim=1)[:, channel]
    ab = passing_on(channel)(lightness, hints)
    expected = 110 * torch.tanh(F.relu(given) * (1 + 1e-5) ** -0.5)
    torch.testing.assert_close(ab[:, 0], expected)
    assert not ab[:, 1].any()


def test_subsampling_keeps_even_rows_and_columns():
    network = all_zero()
    for layer in (network.model1[0], network.model1[2], network.model2[0], network.model2[2]):
        layer.weight[0, 0, 1, 1] = 1
    for layer in (network.model2short9[0], network.model9[1], network.model10[1]):
        layer.weight[0, 0, 1, 1] = 1
    network.model10up[0].weight[0, 0, 1:3, 1:3] = 1  # each pixel to a square of four
    network.model_out[0].weight[0, 0, 0, 0] = 1
    lightness = 50 + 50 * torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    kept = ((lightness[:, 0, ::2, ::2] - 50) / 100) * (1 + 1e-5) ** -1.5  # three normalizations
    expected = kept.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    torch.testing.assert_close(network(lightness)[:, 0], 110 * torch.tanh(expected))


def test_last_activation_lets_a_fifth_of_the_negative_through():
    network = all_zero()
    network.model10[1].bias[0] = -1
    network.model_out[0].weight[1, 0, 0, 0] = 1
    network.model_out[0].bias[1] = 0.5
    ab = network(torch.zeros(1, 1, 8, 8))
    expected = 110 * torch.tanh(torch.tensor(0.5 - 0.2))
    torch.testing.assert_close(ab[:, 1], expected.expand(1, 8, 8))


@pytest.mark.slow
def test_unused_head_does_not_matter(network, lightness):
    before = network(lightness)
    kept = network.model_class[0].weight.clone()
    network.model_class[0].weight.fill_(torch.nan)
    after = network(lightness)
    network.model_class[0].weight.copy_(kept)
    assert torch.equal(before, after)


def test_input_and_hints_are_left_unchanged(network, lightness, hints):
    before = lightness.clone(), hints.clone()
    network(lightness, hints)
    assert torch.equal(lightness, before[0]) and torch.equal(hints, before[1])


@pytest.mark.slow
def test_evaluation_does_not_depend_on_the_batch(network, lightness):
    together = network(torch.cat((lightness, torch.zeros_like(lightness))))[:1]
    torch.testing.assert_close(together, network(lightness), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("h", "w"), [(8, 8), (8, 40), (64, 24)])
def test_ab_has_the_size_of_the_input_and_stays_within_110(network, h, w):
    ab = network(100 * torch.ones(2, 1, h, w))
    assert ab.shape == (2, 2, h, w)
    assert ab.abs().max() <= 110
