"""Tuning: the best learning rate of a grid that is widened until the best is not at its edge."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

MOST = 12  # rates that are tried

Scorer = Callable[[float, float | None], float | None]


class Tuned(NamedTuple):
    """The best rate, every rate that was tried with its score, sorted, and whether the best rate
    has a neighbour on both sides."""

    rate: float
    tried: list[tuple[float, float | None]]
    is_interior: bool


def interior_best(
    score: Scorer, start: float, factor: float = 2.0, most: int = MOST, first: Sequence[int] = (0,)
) -> Tuned:
    """The rate with the lowest score among start · factor^k, whole k.

    It begins with the k of `first`, neighbours of each other, and goes on beside the best until
    rates on both sides of it have been tried. Several k to begin with are for plateaus with a best
    rate of their own, far from the best of all. While no rate has a score, it goes down and up in
    turns, as a rate can be too large or too small. Among equal scores, a rate with both neighbours
    is the best, then the smaller one. After `most` rates it ends: the best may then be at the edge,
    or be `start` if none has a score.

    `score(rate, best)` gets the best score so far, None at first, so that it need not finish a
    hopeless rate; it returns None for a rate that fails.

    >>> tuned = interior_best(lambda rate, best: (rate - 0.7) ** 2, start=0.1)
    >>> tuned.rate, [rate for rate, _ in tuned.tried]
    (0.8, [0.1, 0.2, 0.4, 0.8, 1.6])
    """
    scores: dict[int, float] = {}
    ahead = list(first)
    while ahead and len(scores) < most:
        k = ahead.pop(0)
        value = score(start * factor**k, finite(min(scores.values(), default=math.inf)))
        scores[k] = math.inf if value is None else value
        ahead = ahead or next_exponents(scores)
    where = best_exponent(scores)
    tried = [(start * factor**k, finite(scores[k])) for k in sorted(scores)]
    return Tuned(start * factor**where, tried, not ahead)


def best_exponent(scores: dict[int, float]) -> int:
    """The exponent with the lowest score; 0 if none has one."""
    low, high = min(scores), max(scores)
    best = min(scores, key=lambda k: (scores[k], k in (low, high), k))
    return best if math.isfinite(scores[best]) else 0


def next_exponents(scores: dict[int, float]) -> list[int]:
    """The exponents to try next; none if the best has both its neighbours."""
    low, high = min(scores), max(scores)
    best = best_exponent(scores)
    if not math.isfinite(scores[best]):
        return [low - 1 if -low <= high else high + 1]
    if best == high:
        return [high + 1]
    return [low - 1] if best == low else []


def median(values: Sequence[float | None]) -> float | None:
    """The median, where None stands for infinity; None if it is infinite.

    >>> median([3, None, 1]), median([2, 4]), median([1, None])
    (3.0, 3.0, None)
    """
    return finite(float(np.median([math.inf if value is None else value for value in values])))


def finite(value: float) -> float | None:
    """The number, or None if it is infinite: JSON has no infinity."""
    return value if math.isfinite(value) else None
