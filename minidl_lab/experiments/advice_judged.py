"""The experiment 'advice': ratios to ReLU's error, and what they say of the advice's parts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..rules import every, is_above, is_below
from ..statistics import Interval, paired_ratio
from .advice_league import RASH

TO_TRY = ("leaky ReLU 0.01", "leaky ReLU 0.1", "maxout", "narrow maxout")

OTHERS = "only leaky ReLU or maxout may be better than ReLU"
TRY = "leaky ReLU or maxout is better than ReLU"
SIGMOID = "sigmoid is worse than ReLU"
TANH = "tanh is worse than ReLU"
CARE = "4 times the best rate is worse for ReLU"


def situations_of(numbers: dict[str, Any], which: str = "all") -> list[str]:
    """All situations, or those of an optimiser."""
    first, *_ = numbers["sets"].values()
    return [one for one in first["errors"] if which == "all" or one.endswith(f", {which}")]


def means(errors: Mapping[str, Any], situations: Sequence[str]) -> dict[str, list[float]]:
    """Each contestant's geometric mean of the errors in these situations, by seed."""
    names = errors[situations[0]]
    return {
        name: np.exp(np.mean([np.log(errors[one][name]) for one in situations], axis=0)).tolist()
        for name in names
    }


def against_relu(
    errors: Mapping[str, Any], situations: Sequence[str], families: int = 1, level: float = 0.95,
    method: str = "student",
) -> dict[str, Interval]:  # fmt: skip
    """The errors in units of ReLU's, geometric mean over these situations and the seeds; of so many
    families of them all intervals hold at once."""
    found = means(errors, situations)
    comparisons = families * (len(found) - 1)
    return {
        name: paired_ratio(values, found["ReLU"], comparisons, level, method)
        for name, values in found.items()
        if name != "ReLU"
    }


def parts(ratios: Mapping[str, Interval], margin: float) -> dict[str, bool | None]:
    """Which parts of the advice hold."""
    better = {name: is_below(one, 1 / (1 + margin)) for name, one in ratios.items()}
    to_try = [better[name] for name in TO_TRY]
    others = [better[name] for name in ratios if name not in (*TO_TRY, RASH)]
    return {
        OTHERS: negated(some(others)),
        TRY: some(to_try),
        SIGMOID: is_above(ratios["sigmoid"], 1 + margin),
        TANH: is_above(ratios["tanh"], 1 + margin),
        CARE: is_above(ratios[RASH], 1 + margin),
    }


def negated(holds: bool | None) -> bool | None:
    """The opposite; what is undecided stays so."""
    return None if holds is None else not holds


def some(holds: Sequence[bool | None]) -> bool | None:
    """Whether one at least holds: None if none does but one is undecided."""
    return negated(every([negated(one) for one in holds]))
