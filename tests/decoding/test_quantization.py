"""The bins against the reference list; encoding and decoding as inverses; temperature's limits."""

from pathlib import Path

import numpy as np
import pytest
import torch

from colorize.color import gamut
from colorize.color import quantization as bins

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


def test_there_are_313_bins_on_the_grid_sorted_by_a_then_b():
    centers = gamut.bin_centers()
    assert gamut.Q == len(centers) == 313
    assert (centers % bins.GRID == 0).all()
    pairs = [tuple(pair) for pair in centers.tolist()]
    assert pairs == sorted(set(pairs))


def test_bins_are_the_grid_points_of_the_srgb_gamut():
    """Every sRGB color is within a bin's reach, and every bin is near some sRGB color."""
    from colorize.color.lab import rgb_to_lab

    axis = np.linspace(0, 1, 40)
    cube = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    ab = torch.from_numpy(rgb_to_lab(cube)[:, 1:]).float()
    distance = torch.cdist(ab, gamut.bin_centers())
    assert distance.min(dim=1).values.max() < 8  # half the grid's diagonal is 7.07
    assert distance.min(dim=0).values.max() < 15  # the list has a margin


def test_bins_equal_the_published_list():
    if not (REFERENCE / "pts_in_hull.npy").exists():
        pytest.skip("the published list of bins is not at hand")
    np.testing.assert_array_equal(
        gamut.bin_centers().numpy(), np.load(REFERENCE / "pts_in_hull.npy")
    )


def test_soft_encode_gives_the_nearest_bins_and_weights_that_sum_to_one():
    ab = torch.tensor([[3.0, 4.0], [-62.0, 71.0], [200.0, -200.0]])
    bins, weights = gamut.soft_encode(ab)
    assert bins.shape == weights.shape == (3, gamut.NEIGHBORS)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))
    assert gamut.bin_centers()[bins[0, 0]].tolist() == [0, 0]
    assert (weights.diff(dim=1) <= 0).all()


def test_soft_encode_weights_are_gaussian():
    bins, weights = gamut.soft_encode(torch.tensor([[2.0, 0.0]]))
    distance = (gamut.bin_centers()[bins[0]] - torch.tensor([2.0, 0.0])).norm(dim=1)
    expected = torch.exp(-(distance**2) / (2 * 5**2))
    torch.testing.assert_close(weights[0], expected / expected.sum())


def test_soft_encode_table_equals_soft_encode():
    ab = torch.tensor([[-128.0, 127.0], [0.0, 0.0], [17.0, -33.0]])
    rows = ((ab[:, 0] + 128) * 256 + ab[:, 1] + 128).long()
    bins, weights = gamut.soft_encode(ab)
    assert torch.equal(gamut.soft_encode_table()[0][rows], bins)
    torch.testing.assert_close(gamut.soft_encode_table()[1][rows], weights)


def test_decoding_an_encoded_color_gives_it_back():
    """The mean of the soft code is within a fraction of a bin of the color, inside the gamut."""
    rng = torch.Generator().manual_seed(0)
    ab = torch.rand(2000, 2, generator=rng) * 80 - 40
    bins, weights = gamut.soft_encode(ab)
    logits = torch.full((2000, gamut.Q), -60.0).scatter(1, bins, weights.log())
    decoded = gamut.decode(logits[:, :, None, None])[:, :, 0, 0]
    error = (decoded - ab).norm(dim=1)
    assert error.max() < 3.5
    assert error.mean() < 1.5


def random_logits() -> torch.Tensor:
    return 3 * torch.randn(2, gamut.Q, 4, 5, generator=torch.Generator().manual_seed(1))


def test_temperature_one_is_the_mean():
    logits = random_logits()
    probabilities = torch.softmax(logits, dim=1)
    expected = torch.einsum("bqhw,qc->bchw", probabilities, gamut.bin_centers())
    torch.testing.assert_close(gamut.decode(logits, 1.0), expected, atol=2e-4, rtol=0)


def test_temperature_toward_zero_is_the_mode():
    logits = random_logits()
    mode = gamut.bin_centers()[logits.argmax(dim=1)].permute(0, 3, 1, 2)
    torch.testing.assert_close(gamut.decode(logits, 1e-3), mode, atol=1e-2, rtol=0)


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature"):
        gamut.decode(random_logits(), temperature)


def test_rebalancing_weights_average_to_one_under_the_prior():
    prior = torch.rand(gamut.Q, generator=torch.Generator().manual_seed(2)) ** 8
    prior /= prior.sum()
    weights = gamut.rebalancing_weights(prior)
    torch.testing.assert_close((prior * weights).sum(), torch.tensor(1.0))
    assert (weights[prior.argsort()].diff() <= 0).all()  # the rarer, the heavier


def test_rebalancing_weights_of_the_published_prior():
    if not (REFERENCE / "prior_probs.npy").exists():
        pytest.skip("the published prior is not at hand")
    prior = torch.from_numpy(np.load(REFERENCE / "prior_probs.npy")).float()
    weights = gamut.rebalancing_weights(prior)
    assert weights.min().item() == pytest.approx(0.0965, abs=1e-4)
    assert weights.max().item() == pytest.approx(6.175, abs=1e-3)


def test_rare_colors_are_favored_by_the_root_of_their_probability():
    logits = random_logits().numpy()
    prior = np.random.default_rng(4).random(gamut.Q) ** 8
    prior /= prior.sum()
    offset = np.linspace(-1, 1, gamut.Q)
    q = bins.probabilities(logits, log_offset=offset)
    floored = np.maximum(prior, bins.MIN_PRIOR)[:, None, None]
    expected = np.exp(logits) * (1 + 0.2 * np.sqrt(q) / floored)
    result = bins.boost_rare_colors(logits, 0.2, prior, offset)
    np.testing.assert_allclose(np.exp(result), expected, rtol=1e-4)
    np.testing.assert_allclose(bins.boost_rare_colors(logits, 0, prior, offset), logits)


def test_a_rare_color_wins_where_it_is_likely_and_not_where_it_is_not():
    """Color 1 is 100 times rarer than color 0: at 20 % it wins, at 0.01 % it does not."""
    prior = np.full(gamut.Q, 1e-9)
    prior[:2] = 0.99, 0.0099
    likely, unlikely = np.full((2, 1, gamut.Q, 1, 1), -50.0)
    likely[0, :2, 0, 0] = np.log([0.8, 0.2])
    unlikely[0, :2, 0, 0] = np.log([0.9999, 0.0001])
    for logits, winner in ((likely, 1), (unlikely, 0)):
        assert bins.boost_rare_colors(logits, 0.2, prior)[0, :, 0, 0].argmax() == winner


def test_rebalance_offset_divides_the_distribution_by_a_power_of_the_weights():
    logits = random_logits()
    weights = torch.rand(gamut.Q, generator=torch.Generator().manual_seed(3)) + 0.1
    offset = gamut.rebalance_offset(weights, 0.25)
    divided = torch.softmax(logits, dim=1) / weights.view(1, -1, 1, 1) ** 0.75
    expected = gamut.decode(divided.log())
    torch.testing.assert_close(gamut.decode(logits, log_offset=offset), expected)
    assert gamut.rebalance_offset(weights, 1.0).abs().max() == 0
