"""Rankings: places and groups against SciPy's tests of all pairs, and how often they hold."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from minidl_lab.ranking import groups_of, ranking


def drawn(rng, means, seeds=10, noise=0.1):
    """Values of so many seeds, with what a seed does to all."""
    shared = rng.normal(0, 1, seeds)
    return {f"n{i}": (mean + shared + rng.normal(0, noise, seeds)).tolist()
            for i, mean in enumerate(means)}  # fmt: skip


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("seed", range(5))
def test_places_follow_from_paired_tests_of_all_pairs(seed, level):
    rng = np.random.default_rng(seed)
    values = drawn(rng, rng.normal(0, 0.2, 8))
    limit = (1 - level) / 28
    differ = {
        (a, b): stats.ttest_rel(values[a], values[b])
        for a in values for b in values if a != b
    }  # fmt: skip
    found = ranking(values, level)
    assert [one.name for one in found] == sorted(values, key=lambda name: np.mean(values[name]))
    assert any(one.last - one.first < 7 for one in found)
    for one in found:
        tests = [test for (a, _), test in differ.items() if a == one.name]
        is_worse = [test.pvalue < limit and test.statistic > 0 for test in tests]
        is_better = [test.pvalue < limit and test.statistic < 0 for test in tests]
        assert (one.first, one.last) == (1 + sum(is_worse), 8 - sum(is_better))
    for one, other in combinations(found, 2):
        shares = bool(set(one.groups) & set(other.groups))
        assert shares == (differ[one.name, other.name].pvalue >= limit)


def test_all_places_hold_at_once_as_often_as_said():
    """Of 100 leagues of six at least 95 % have every true place within its bounds."""
    rng = np.random.default_rng(0)
    means = [0.0, 0.0, 0.1, 0.2, 0.2, 0.5]
    true = {"n0": (1, 2), "n1": (1, 2), "n2": (3, 3), "n3": (4, 5), "n4": (4, 5), "n5": (6, 6)}
    held = [
        all(one.first <= true[one.name][1] and one.last >= true[one.name][0]
            for one in ranking(drawn(rng, means)))
        for _ in range(100)
    ]  # fmt: skip
    assert np.mean(held) >= 0.95


@pytest.mark.parametrize("seed", range(20))
def test_groups_are_the_largest_without_a_pair_that_differs(seed):
    """Against all subsets of seven."""
    rng = np.random.default_rng(seed)
    names = list("abcdefg")
    differ = {pair for pair in combinations(names, 2) if rng.uniform() < 0.4}

    def is_alike(group):
        return not any(pair in differ for pair in combinations(group, 2))

    alike = [set(g) for n in range(1, 8) for g in combinations(names, n) if is_alike(g)]
    largest = [group for group in alike if not any(group < other for other in alike)]
    found = groups_of(names, differ)
    assert sorted(found) == sorted(sorted(group) for group in largest)
    assert groups_of(names, set()) == [names]


def test_one_alone_is_first():
    assert [tuple(one) for one in ranking({"a": [1.0, 2.0]})] == [("a", 1, 1, "a")]
