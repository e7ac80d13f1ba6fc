"""The learning rate at which a comparison is fair: one that is better than both its neighbours."""

import math
from collections.abc import Callable, Sequence
from typing import Any

FACTOR = 10**0.5  # between two rates
MOST = 9  # rates that are tried


def best_rate(
    loss: Callable[[float], float | None], start: float = 0.1, factor: float = FACTOR,
    first: Sequence[int] = (-1, 0, 1, 2),
) -> dict[str, Any]:  # fmt: skip
    """The rate of start · factorⁿ with the least loss; None as loss is a training that diverged.

    The grid begins with the n in `first`, as a plateau may have a best rate of its own that is far
    from the best of all. It goes on at the end where the best rate is until that has a neighbour
    on either side, which `is_interior` says; with nine rates it ends, wherever the best is.
    `tried` has all (rate, loss).

    >>> found = best_rate(lambda rate: abs(rate - 3.0))
    >>> found["rate"], found["is_interior"], [rate for rate, _ in found["tried"]]
    (3.16, True, [0.0316, 0.1, 0.316, 1.0, 3.16, 10.0])
    """
    tried = {n: loss(rate_at(n, start, factor)) for n in first}

    def size(n: int) -> float:
        value = tried[n]
        return math.inf if value is None else value

    def best() -> int:
        return min(sorted(tried), key=size)

    def missing() -> list[int]:
        return [n for n in (best() - 1, best() + 1) if n not in tried]

    while missing() and len(tried) < MOST:
        n = missing()[0]
        tried[n] = loss(rate_at(n, start, factor))
    return {
        "rate": rate_at(best(), start, factor),
        "is_interior": not missing() and size(best()) < math.inf,
        "tried": [[rate_at(n, start, factor), tried[n]] for n in sorted(tried)],
    }


def rate_at(n: int, start: float, factor: float) -> float:
    """start · factorⁿ to three digits, as it can be read and written."""
    return float(f"{start * factor**n:.3g}")
