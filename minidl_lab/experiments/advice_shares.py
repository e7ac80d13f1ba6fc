"""The experiment 'advice': how much each choice matters beside the others."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..statistics import Interval
from .advice_measured import LEARNED

Run = tuple[str, float, str, float]  # activation, times the best rate, start, test error

FACTORS = ("activation", "rate", "start")
SHARES = (*FACTORS, "combinations", "seed")

VIEWS: dict[str, Callable[[Run], bool]] = {
    "all runs": lambda run: True,
    "without sigmoid": lambda run: run[0] != "sigmoid",
    "runs that learn": lambda run: run[3] < LEARNED,
    "a rate not above the best, no small start": lambda run: run[1] <= 1 and run[2] != "small",
}


def runs_of(rows: Sequence[dict[str, Any]]) -> list[Run]:
    """The runs of all seeds."""
    return [
        (row["activation"], row["times"], row["start"], wrong)
        for row in rows
        for wrong in row["errors"]
    ]


def with_range(runs: Sequence[Run]) -> dict[str, Interval]:
    """The shares, each with the least and the largest that it has where one activation is left
    out."""
    names = dict.fromkeys(run[0] for run in runs)
    value = shares(runs)
    others = [shares([run for run in runs if run[0] != name]) for name in names]
    return {
        share: Interval(
            one, min(other[share] for other in others), max(other[share] for other in others)
        )
        for share, one in value.items()
    }


def shares(runs: Sequence[Run]) -> dict[str, float]:
    """The shares of the sum of squares of the logarithms of errors, around their mean.

    A factor's is what a sum of the effects of the factors explains more with it than without it
    (of type II, as not all combinations need be there); that of the combinations is what each
    combination's own mean explains beyond that sum; the seed's is what is left. Where all
    combinations are there, they add up to 1. Fisher 1925; Yates 1934.

    >>> runs = [(a, r, "own gain", 2.0**i) for i, a in enumerate("ab") for r in (1.0, 4.0)]
    >>> {name: round(share, 6) + 0.0 for name, share in shares(runs).items()}
    {'activation': 1.0, 'rate': 0.0, 'start': 0.0, 'combinations': 0.0, 'seed': 0.0}
    """
    y = np.log([run[3] for run in runs])
    total = float(np.sum((y - y.mean()) ** 2))
    columns = [indicators([run[i] for run in runs]) for i in range(len(FACTORS))]
    rest = unexplained(y, columns)
    found = {
        name: unexplained(y, columns[:i] + columns[i + 1 :]) - rest
        for i, name in enumerate(FACTORS)
    }
    seeds = unexplained(y, [indicators([run[:3] for run in runs])])
    found |= {"combinations": rest - seeds, "seed": seeds}
    return {name: value / total for name, value in found.items()}


def indicators(values: Sequence[Any]) -> np.ndarray:
    """A column for each value: 1 where it is, else 0."""
    return np.array([[value == one for one in dict.fromkeys(values)] for value in values], float)


def unexplained(y: np.ndarray, columns: Sequence[np.ndarray]) -> float:
    """The sum of squares that is left of y after the best sum of effects."""
    X = np.hstack([np.ones((len(y), 1)), *columns])
    effects = np.linalg.lstsq(X, y, rcond=None)[0]
    return float(np.sum((y - X @ effects) ** 2))
