"""The losses and the initialization, against known values."""

import numpy as np
import pytest
import torch
from fixtures.training import soft_code
from torch import nn

from colorize.color.quantization import NUM_BINS
from colorize.training.losses import (
    SoftTargets,
    distillation_loss,
    huber_loss,
    rebalanced_cross_entropy,
)
from colorize.training.lsuv import lsuv_init


def test_cross_entropy_of_the_soft_code_is_its_entropy():
    targets = SoftTargets(torch.full((1, 2, 2, 2), 13))
    bins, weights = soft_code(13, 13)
    logits = torch.full((1, NUM_BINS, 2, 2), -50.0)
    logits[0, bins] = weights.log()[:, None, None]
    entropy = -(weights * weights.log()).sum()
    loss = rebalanced_cross_entropy(logits, targets, torch.ones(NUM_BINS), torch.ones(1))
    torch.testing.assert_close(loss, entropy)
    class_weights = torch.ones(NUM_BINS)
    class_weights[bins[0]] = 3
    loss = rebalanced_cross_entropy(logits, targets, class_weights, torch.ones(1))
    torch.testing.assert_close(loss, 3 * entropy)


def test_gray_photos_do_not_count_in_the_cross_entropy():
    ab = torch.zeros(2, 2, 4, 4)
    ab[1] = 40
    logits = torch.randn(2, NUM_BINS, 4, 4, generator=torch.Generator().manual_seed(0))
    weights = torch.ones(NUM_BINS)
    both = rebalanced_cross_entropy(logits, SoftTargets(ab), weights, torch.tensor([0.0, 1.0]))
    second = rebalanced_cross_entropy(logits[1:], SoftTargets(ab[1:]), weights, torch.ones(1))
    torch.testing.assert_close(both, second)
    assert rebalanced_cross_entropy(logits, SoftTargets(ab), weights, torch.zeros(2)) == 0


def test_distance_to_a_teacher_is_the_kullback_leibler_divergence():
    def distance(logits, teacher, is_color):
        targets = SoftTargets(torch.zeros(len(logits), 2, *logits.shape[2:]))
        return distillation_loss(
            logits, targets, torch.ones(NUM_BINS), is_color, teacher, 1.0
        ).item()

    logits = torch.zeros(2, NUM_BINS, 1, 1)
    certain = torch.full((2, NUM_BINS, 1, 1), -1e4)
    certain[:, 7] = 0
    assert distance(logits, certain, torch.tensor([1.0, 0.0])) == pytest.approx(np.log(NUM_BINS))
    certain[1] = logits[1]
    assert distance(logits, certain, torch.tensor([0.0, 1.0])) == pytest.approx(0)
    assert distance(certain + 5, certain, torch.ones(2)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_distillation_loss_and_gradient_are_those_of_its_two_terms(weight):
    numbers = torch.Generator().manual_seed(3)
    logits = torch.randn(3, NUM_BINS, 4, 5, generator=numbers).requires_grad_()
    teacher = torch.randn(3, NUM_BINS, 4, 5, generator=numbers)
    targets = SoftTargets(torch.randint(-60, 60, (3, 2, 4, 5), generator=numbers))
    class_weights = torch.rand(NUM_BINS, generator=numbers) + 0.1
    is_color = torch.tensor([1.0, 0.0, 1.0])
    cross_entropy = rebalanced_cross_entropy(logits, targets, class_weights, is_color)
    divergence = nn.functional.kl_div(
        logits.log_softmax(1), teacher.log_softmax(1), reduction="none", log_target=True
    )
    expected = cross_entropy.lerp(divergence.sum(1)[[0, 2]].mean(), weight)
    (expected_gradient,) = torch.autograd.grad(5 * expected, logits)
    loss = distillation_loss(logits, targets, class_weights, is_color, teacher, weight)
    torch.testing.assert_close(loss, expected)
    (gradient,) = torch.autograd.grad(5 * loss, logits)
    torch.testing.assert_close(gradient, expected_gradient)
    assert not gradient[1].any()


def test_huber_loss_of_known_errors():
    """An error of 3 gives 3 - 1/2, one of 0.5 gives 0.5² / 2; gray photographs don't count."""
    ab = torch.zeros(2, 2, 4, 4)
    errors = torch.stack((torch.full((4, 4), 3.0), torch.full((4, 4), 0.5))).expand(2, -1, -1, -1)
    assert float(huber_loss(errors, ab, torch.tensor([1.0, 0.0]))) == pytest.approx(2.5 + 0.125)


def test_lsuv_gives_layers_unit_variance():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.ConvTranspose2d(8, 16, 4, 2), nn.ReLU(),
        nn.BatchNorm2d(16), nn.Conv2d(16, 4, 1),
    )  # fmt: skip
    x = 100 * torch.rand(4, 1, 16, 16)
    lsuv_init(network, network[5], x)
    deviations = []
    for layer in network:
        x = layer(x)
        deviations.append(float(x.detach().std()))
    assert deviations[0] == pytest.approx(1, abs=1e-4)
    assert deviations[2] == pytest.approx(1, abs=1e-4)
    assert deviations[5] == pytest.approx(0.1, abs=1e-4)
