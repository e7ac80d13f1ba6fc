"""Rankings with their uncertainty: which places are possible, and who cannot be told apart."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from .statistics import LEVEL, student


class Ranked(NamedTuple):
    """One of those ranked: the first and the last place that it may have, and the letters of its
    groups."""

    name: str
    first: int
    last: int
    groups: str


def ranking(values: Mapping[str, Sequence[float]], level: float = LEVEL) -> list[Ranked]:
    """Who has the lowest mean, from the lowest to the highest, by values that are paired by their
    place, such as errors of the same seeds.

    All pairs are compared by Student's intervals that hold at once (Bonferroni). Who is shown to be
    worse than k of n and better than m has a place from 1 + k to n - m, and these places hold for
    all at once (Mogstad, Romano, Shaikh & Wilhelm 2024). Those who share a letter are not shown to
    differ, and any two who share none are (Piepho 2004).

    >>> for one in ranking({"a": [9.0, 9.1], "b": [1.1, 1.2], "c": [1.2, 1.1]}, level=0.8):
    ...     print(*one)
    b 1 2 a
    c 1 2 a
    a 3 3 b
    """
    names = sorted(values, key=lambda name: sum(values[name]))
    pairs = [*combinations(names, 2)]  # the better one first
    seeds = len(values[names[0]])
    bound = student(seeds - 1, 1 - (1 - level) / max(1, len(pairs))) / seeds**0.5
    differences = {(a, b): np.subtract(values[b], values[a]) for a, b in pairs}
    differ = {pair for pair, d in differences.items() if d.mean() > bound * d.std(ddof=1)}
    groups = groups_of(names, differ)
    return [
        Ranked(
            name,
            1 + sum(b == name for _, b in differ),
            len(names) - sum(a == name for a, _ in differ),
            "".join(chr(ord("a") + i) for i, group in enumerate(groups) if name in group),
        )
        for name in names
    ]


def groups_of(names: Sequence[str], differ: set[tuple[str, str]]) -> list[list[str]]:
    """The largest groups without a pair that differs, in the order of their members: all are one
    group at first, and each pair that differs splits the groups that have both.

    >>> groups_of("abc", {("a", "c")})
    [['a', 'b'], ['b', 'c']]
    """
    groups = {frozenset(names)}
    for pair in sorted(differ):
        for group in [one for one in groups if one.issuperset(pair)]:
            groups.remove(group)
            groups |= {group - {one} for one in pair}
        groups = {one for one in groups if not any(one < other for other in groups)}
    ordered = [[name for name in names if name in group] for group in groups]
    return sorted(ordered, key=lambda group: [names.index(name) for name in group])
