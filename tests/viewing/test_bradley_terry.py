"""Bradley-Terry scores against closed forms."""

import math

import numpy as np
import pytest

from colorize.errors import ColorizeError
from colorize.viewing.bradley_terry import Vote, scores


def votes(first: str, second: str, wins: int, losses: int, ties: int = 0) -> list[Vote]:
    winners = [first] * wins + [second] * losses + [None] * ties
    return [Vote(first, second, winner) for winner in winners]


@pytest.mark.parametrize(("wins", "losses", "ties"), [(30, 10, 0), (5, 0, 0), (7, 2, 6), (0, 0, 4)])
def test_two_alternatives_have_the_log_odds_and_their_interval(wins, losses, ties):
    by_name = {each.name: each for each in scores(votes("a", "b", wins, losses, ties))}
    w, v = wins + ties / 2 + 0.5, losses + ties / 2 + 0.5
    score, error = math.log(w / v) / 2, math.sqrt(1 / w + 1 / v) / 2
    assert by_name["a"].score == pytest.approx(score)
    assert by_name["b"].score == pytest.approx(-score)
    assert by_name["a"].low == pytest.approx(score - 1.96 * error, abs=1e-4)
    assert by_name["a"].high == pytest.approx(score + 1.96 * error, abs=1e-4)
    assert by_name["a"].votes == wins + losses + ties
    assert by_name["b"].wins == losses + ties / 2


def test_chain_of_comparisons_adds_log_odds():
    """Without votes between a and c, their difference is the sum along the chain."""
    by_name = {
        each.name: each.score for each in scores(votes("a", "b", 20, 5) + votes("b", "c", 8, 12))
    }
    assert by_name["a"] - by_name["b"] == pytest.approx(math.log(20.5 / 5.5))
    assert by_name["b"] - by_name["c"] == pytest.approx(math.log(8.5 / 12.5))
    assert sum(by_name.values()) == pytest.approx(0)


def test_cycle_of_equal_strength_has_equal_scores():
    cycle = votes("a", "b", 6, 4) + votes("b", "c", 6, 4) + votes("c", "a", 6, 4)
    assert [each.score for each in scores(cycle)] == pytest.approx([0, 0, 0])


def test_four_times_the_votes_halve_the_interval():
    few, many = (scores(votes("a", "b", 300 * n, 100 * n))[0] for n in (1, 4))
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(2, rel=0.01)


def test_interval_covers_the_truth_in_95_percent():
    rng, covered, truth = np.random.default_rng(0), 0, math.log(0.7 / 0.3) / 2
    for _ in range(400):
        wins = int(rng.binomial(60, 0.7))
        best = {each.name: each for each in scores(votes("a", "b", wins, 60 - wins))}["a"]
        covered += best.low <= truth <= best.high
    assert 0.92 < covered / 400 < 0.98


def test_best_comes_first():
    assert [each.name for each in scores(votes("a", "b", 1, 9))] == ["b", "a"]


@pytest.mark.parametrize("given", [[], votes("a", "b", 2, 1) + votes("c", "d", 1, 2)])
def test_votes_that_do_not_compare_all_are_rejected(given):
    with pytest.raises(ColorizeError):
        scores(given)
