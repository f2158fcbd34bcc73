"""The compact network: sizes and the encoder's padding."""

import pytest
import torch
from torch.nn import functional as F

from colorize.models.compact import Compact, Conv2dSame


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
