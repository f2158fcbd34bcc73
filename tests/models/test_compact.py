"""The compact network: sizes, the encoder's padding, hints and statistics."""

import pytest
import torch
from torch.nn import functional as F

from colorize.models.compact import STATISTICS, Compact, Conv2dSame, pool_hints


@pytest.fixture(scope="module")
def network() -> Compact:
    torch.manual_seed(0)
    return Compact((16, 16, 24, 32)).eval().requires_grad_(False)


def test_the_bundled_configuration_has_at_most_12_million_parameters():
    assert sum(p.numel() for p in Compact().parameters()) <= 12e6


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (256, 256)])
def test_logits_are_a_quarter_of_the_input(network, size):
    logits = network(torch.rand(2, 1, *size) * 100)
    assert logits.shape == (2, 313, size[0] // 4, size[1] // 4)


@pytest.mark.parametrize(("kernel", "size"), [(3, 8), (5, 8), (3, 14), (5, 32)])
def test_same_padding_at_stride_two_is_tensorflows(kernel, size):
    """Output size / 2, and the k - 2 padded rows and columns go after rather than before."""
    conv = Conv2dSame(1, 1, kernel, stride=2)
    x = torch.randn(1, 1, size, size)
    low, high = (kernel - 2) // 2, (kernel - 2) - (kernel - 2) // 2
    expected = F.conv2d(F.pad(x, (low, high, low, high)), conv.weight, conv.bias, stride=2)
    assert expected.shape[-1] == size // 2
    torch.testing.assert_close(conv(x), expected)


def test_no_hints_and_no_statistics_are_zeros(network):
    lightness = torch.rand(1, 1, 64, 64) * 100
    zeros = network(lightness, torch.zeros(1, 3, 16, 16), torch.zeros(1, STATISTICS))
    torch.testing.assert_close(network(lightness), zeros)


def test_hints_and_statistics_change_the_result(network):
    lightness = torch.rand(1, 1, 64, 64) * 100
    hints = torch.zeros(1, 3, 16, 16)
    hints[:, :, 8, 8] = torch.tensor([0.5, -0.3, 1.0])
    statistics = torch.zeros(1, STATISTICS)
    statistics[:, -2:] = torch.tensor([0.4, 1.0])
    plain = network(lightness)
    assert (network(lightness, hints) - plain).abs().max() > 1e-4
    assert (network(lightness, None, statistics) - plain).abs().max() > 1e-6


def test_pool_hints_averages_hinted_colors_alone():
    hints = torch.zeros(1, 3, 4, 4)
    hints[0, :, 0, 0] = torch.tensor([0.2, 0.4, 1.0])
    hints[0, :, 1, 1] = torch.tensor([0.4, 0.0, 1.0])
    pooled = pool_hints(hints)
    torch.testing.assert_close(pooled[0, :, 0, 0], torch.tensor([0.3, 0.2, 1.0]))
    assert pooled[0, :, 1:].abs().max() == 0
