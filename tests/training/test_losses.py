"""The losses and the initialization, against known values."""

import numpy as np
import pytest
import torch
from fixtures.training import soft_code
from torch import nn

from colorize.color.quantization import NUM_BINS, bin_centers
from colorize.decoding.annealed_mean import annealed_mean, rebalance_offset
from colorize.decoding.rare_colors import boost_rare_colors
from colorize.training.decoded_distance import VIVID, DecodedDistance
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


def decoded_distance(plain, vivid, logits, ab):
    prior = torch.ones(NUM_BINS) / NUM_BINS
    distance = DecodedDistance(plain, vivid, prior, torch.linspace(1, 2, NUM_BINS))
    return distance(logits, ab, torch.ones(len(ab)))


def test_decoded_distances_are_those_of_the_decoder():
    """The class weights are divided out, and vivid is what the decoder makes of equal logits."""
    logits = torch.randn(1, NUM_BINS, 6, 6, generator=torch.Generator().manual_seed(0)) * 3
    ab = torch.tensor([30.0, -20.0])[None, :, None, None].expand(1, 2, 6, 6)
    natural = rebalance_offset(torch.linspace(1, 2, NUM_BINS).numpy(), 0.0)
    uniform = np.full(NUM_BINS, 1 / NUM_BINS)
    mean = annealed_mean(logits.numpy(), log_offset=natural)
    boosted = boost_rare_colors(logits.numpy(), VIVID.rare_color_boost, uniform, natural)
    vivid = annealed_mean(
        boosted, VIVID.temperature, None, natural, VIVID.certain_color_boost
    )  # fmt: skip
    for decoded, weights in ((mean, (0.5, 0.0)), (vivid, (0.0, 0.5))):
        errors = np.linalg.norm(decoded - ab.numpy(), axis=1)[:, ::2, ::2]
        expected = 0.5 * np.sqrt(np.square(errors) + 4).mean()
        assert decoded_distance(*weights, logits, ab).item() == pytest.approx(expected, rel=1e-4)


def test_decoded_distances_lead_to_the_true_color():
    ab = torch.tensor([40.0, 30.0])[None, :, None, None].expand(1, 2, 4, 4)
    logits = torch.zeros(1, NUM_BINS, 4, 4, requires_grad=True)
    decoded_distance(1.0, 1.0, logits, ab).backward()
    toward = (logits.grad[0, :, 0, 0] < 0).numpy()  # a step raises these
    assert bin_centers()[toward].mean(axis=0) @ (40, 30) > 0
    assert bin_centers()[~toward].mean(axis=0) @ (40, 30) < 0


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
