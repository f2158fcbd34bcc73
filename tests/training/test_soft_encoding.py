"""Class weights of the rebalanced loss, and the bins as tensors."""

import numpy as np
import torch

from colorize.color import quantization
from colorize.decoding.annealed_mean import annealed_mean as annealed_mean_of_arrays
from colorize.training.soft_encoding import annealed_mean, rebalancing_weights, soft_encode_table


def test_rebalancing_weights_average_to_one_under_prior():
    draw = torch.Generator().manual_seed(2)
    prior = torch.rand(quantization.NUM_BINS, generator=draw) ** 8
    prior /= prior.sum()
    weights = rebalancing_weights(prior)
    torch.testing.assert_close((prior * weights).sum(), torch.tensor(1.0))
    assert (weights[prior.argsort()].diff() <= 0).all()  # the rarer, the heavier


def test_rebalancing_weights_are_equation_4():
    prior = torch.tensor([0.7, 0.2, 0.1])
    expected = 1 / (0.5 * prior + 0.5 / 3)
    expected /= (prior * expected).sum()
    torch.testing.assert_close(rebalancing_weights(prior, 0.5), expected)
    torch.testing.assert_close(rebalancing_weights(prior, 1.0), torch.ones(3))


def test_tensors_equal_arrays():
    for tensor, array in zip(soft_encode_table(), quantization.soft_encode_table(), strict=True):
        np.testing.assert_array_equal(tensor.numpy(), array)
    logits = torch.randn(1, quantization.NUM_BINS, 2, 3, generator=torch.Generator().manual_seed(0))
    expected = annealed_mean_of_arrays(logits.numpy(), 0.5)
    np.testing.assert_array_equal(annealed_mean(logits, 0.5).numpy(), expected)
