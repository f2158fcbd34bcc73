"""Scores of alternatives from pairwise votes: the Bradley-Terry model.

P(i is preferred to j) = 1 / (1 + exp(s_j - s_i)), with scores s of mean 0 (Bradley and Terry, "Rank
Analysis of Incomplete Block Designs", Biometrika 39, 1952). The scores maximize the likelihood, and
their intervals come from its Fisher information, which is the Laplacian of the graph of votes. A
vote for neither counts half for each. Half a vote is added to both sides of each pair that was
voted on (Haldane 1956, Anscombe 1956), so that scores are finite where one side won every vote.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from colorize.errors import ColorizeError

Array = npt.NDArray[np.float64]

CONTINUITY = 0.5  # votes added to each side of a pair
Z95 = 1.959963984540054  # standard normal quantile at 0.975
MAX_STEPS = 100
TOLERANCE = 1e-10  # of the scores


@dataclass(frozen=True)
class Vote:
    """A comparison of two alternatives.

    Attributes:
        first: The name of one of them.
        second: The name of the other.
        winner: The one that was preferred; None for neither.
    """

    first: str
    second: str
    winner: str | None


@dataclass(frozen=True)
class Score:
    """An alternative's score, on the scale of log odds.

    Attributes:
        name: The alternative.
        score: Its score; all of them have mean 0.
        low: Lower end of the 95 % interval.
        high: Upper end of it.
        votes: Comparisons that it was part of.
        wins: How many of them it won, a vote for neither counting half.
    """

    name: str
    score: float
    low: float
    high: float
    votes: int
    wins: float


def scores(votes: Iterable[Vote]) -> list[Score]:
    """Return the score of each alternative, the best first.

    Raises ColorizeError without votes, and where no votes connect two groups of alternatives.
    """
    votes = list(votes)
    names = sorted({name for vote in votes for name in (vote.first, vote.second)})
    if not names:
        raise ColorizeError("there are no votes")
    wins = _win_matrix(votes, names)
    total = wins + wins.T
    if np.linalg.matrix_rank(_laplacian(total)) < len(names) - 1:
        raise ColorizeError("the votes fall into groups that were never compared with each other")
    smoothed = wins + CONTINUITY * (total > 0)
    fitted = _fit(smoothed)
    errors = np.sqrt(np.diag(_covariance(smoothed, fitted)))
    result = [
        Score(
            name,
            float(fitted[i]),
            float(fitted[i] - Z95 * errors[i]),
            float(fitted[i] + Z95 * errors[i]),
            round(total[i].sum()),
            float(wins[i].sum()),
        )
        for i, name in enumerate(names)
    ]
    return sorted(result, key=lambda each: -each.score)


def _win_matrix(votes: list[Vote], names: list[str]) -> Array:
    """Return how often row i was preferred to column j, (n, n)."""
    index = {name: i for i, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    for vote in votes:
        i, j = index[vote.first], index[vote.second]
        share = 0.5 if vote.winner is None else float(vote.winner == vote.first)
        wins[i, j] += share
        wins[j, i] += 1 - share
    return wins


def _fit(wins: Array) -> Array:
    """Return the scores of the largest likelihood, by Newton's method. It is concave."""
    result = np.zeros(len(wins))
    for _ in range(MAX_STEPS):
        gradient = (wins - (wins + wins.T) * _preferred(result)).sum(axis=1)
        step = _covariance(wins, result) @ gradient
        largest = float(np.abs(step).max())
        result = result + step / max(1.0, largest)  # at most 1 at a time, for convergence
        if largest < TOLERANCE:
            break
    return result


def _preferred(scores: Array) -> Array:
    """Return P(i is preferred to j), (n, n)."""
    result: Array = 1 / (1 + np.exp(scores[None, :] - scores[:, None]))
    return result


def _covariance(wins: Array, scores: Array) -> Array:
    """Return the covariance of scores whose sum is fixed: the pseudo-inverse of the information."""
    preferred = _preferred(scores)
    information = _laplacian((wins + wins.T) * preferred * preferred.T)
    return np.asarray(np.linalg.pinv(information), np.float64)


def _laplacian(weights: Array) -> Array:
    weights = weights - np.diag(np.diag(weights))
    result: Array = np.diag(weights.sum(axis=1)) - weights
    return result
