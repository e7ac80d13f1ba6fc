"""The grid that is widened until its best is inside."""

import math

import pytest

from minidl_lab.tuning import interior_best, median


def tuned(scores, start=1.0, **more):
    """Tunes on planted scores by rate; rates that are not planted fail."""
    return interior_best(lambda rate, best: scores.get(rate), start, **more)


@pytest.mark.parametrize("optimum", [2.0**-6, 0.5, 1.0, 2.0, 2.0**6])
def test_a_valley_is_found_wherever_it_is(optimum):
    found = interior_best(lambda rate, best: abs(math.log2(rate / optimum)), 1.0)
    rates = [rate for rate, _ in found.tried]
    assert found.rate == optimum
    assert found.is_interior
    assert rates == sorted(rates)
    assert {optimum / 2, optimum, 2 * optimum} <= set(rates)


def test_tries_no_rate_twice_and_none_that_is_not_needed():
    tried = []

    def score(rate, best):
        tried.append(rate)
        return abs(math.log2(rate / 4))

    interior_best(score, 1.0)
    assert tried == [1.0, 2.0, 4.0, 8.0]


def test_a_failure_beside_the_best_is_a_neighbour():
    found = tuned({0.5: 3.0, 1.0: 2.0})
    assert found == (1.0, [(0.5, 3.0), (1.0, 2.0), (2.0, None)], True)


@pytest.mark.parametrize("only", [0.25, 4.0])
def test_where_the_start_fails_it_looks_on_both_sides(only):
    found = tuned({only: 1.0})
    assert found.rate == only
    assert found.is_interior


def test_all_fail():
    found = tuned({}, most=5)
    assert found.rate == 1.0
    assert [rate for rate, _ in found.tried] == [0.25, 0.5, 1.0, 2.0, 4.0]
    assert not found.is_interior


def test_the_limit_leaves_the_best_at_the_edge():
    found = interior_best(lambda rate, best: -rate, 1.0, most=4)
    assert found.rate == 8.0
    assert len(found.tried) == 4
    assert not found.is_interior


def test_a_plateau_ends_at_the_rate_with_both_neighbours():
    found = interior_best(lambda rate, best: 1.0, 1.0)
    assert found == (1.0, [(0.5, 1.0), (1.0, 1.0), (2.0, 1.0)], True)


def test_score_is_told_the_best_so_far():
    told = []
    scores = {1.0: None, 0.5: 7.0, 0.25: 5.0, 0.125: 6.0}

    def score(rate, best):
        told.append((rate, best))
        return scores.get(rate)

    interior_best(score, 1.0)
    assert told == [(1.0, None), (0.5, None), (0.25, 7.0), (0.125, 5.0)]


def test_another_factor():
    assert interior_best(lambda rate, best: abs(rate - 9), 1.0, factor=3.0).rate == 9.0


def test_a_plateau_at_the_start_does_not_hold_it():
    scores = {0.01: 2.303, 0.1: 2.302, 1.0: 2.304, 10.0: 0.5, 100.0: 9.0}
    found = tuned(scores, start=0.1, factor=10.0, first=(-1, 0, 1, 2))
    assert found.rate == 10.0
    assert found.is_interior
    assert tuned(scores, start=0.1, factor=10.0).rate == 0.1


def test_the_limit_holds_for_the_first_ones_too():
    found = interior_best(lambda rate, best: rate, 1.0, most=2, first=(0, 1, 2))
    assert len(found.tried) == 2
    assert not found.is_interior


def test_median_with_runs_that_never_end():
    assert median([5, None, 3, None]) is None
    assert median([5, None, 3, 4]) == 4.5
    assert median([None, None, 1, 2, 3]) == 3
