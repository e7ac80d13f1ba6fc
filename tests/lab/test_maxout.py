"""The experiment 'maxout': its rule, its cells against formulas, and a small run."""

from functools import partial

import numpy as np
import pytest
from lab_planted import changed

import minidl
from minidl import nn
from minidl_lab.experiments import maxout, maxout_measured
from minidl_lab.experiments.maxout import MaxoutContains
from minidl_lab.experiments.maxout_judged import EXACT_SLOPES, alive, exponents_of
from minidl_lab.experiments.maxout_measured import (
    PIECES,
    SLOPES,
    activation_of,
    as_maxout,
    best_rms,
    best_worst,
    contain,
    cost,
    firing,
    grid,
    is_exact,
    learned_fit,
    off,
    set_fit,
    winners,
)
from minidl_lab.rules import sensitivity

SAME = {"differ": 0, "outputs": 10, "rounding": 0.0, "agree": 1.0}
ALIVE = {"units": [0.0] * 5, "pieces": [0.1] * 5, "flat": [0.0] * 5, "nets": 5, "diverged": 0}
NOISE = np.exp(0.01 * np.random.default_rng(0).normal(size=10))


def learned(power, noise=NOISE):
    """Errors that fall as k to this power, and as many winners as there are pieces."""
    return {str(k): [{"rms": one * k**power, "winners": k, "winners_before": 2} for one in noise]
            for k in PIECES}  # fmt: skip


NUMBERS = {
    "contains": dict.fromkeys(EXACT_SLOPES, SAME)
    | {"leaky ReLU, slope 0.01": SAME | {"differ": 9, "rounding": 1.0}},
    "set": {str(k): {"rms": best_rms(k), "worst": best_worst(k)} for k in PIECES},
    "fits": {"1": learned(-1.1), "2": learned(-0.6)},
    "costs": {
        "parameters": {"1": 100, "2": 200, "5": 500},
        "work": {"1": 1.0, "2": 1.98, "5": 4.92},
        "ratios": {"2": [0.8, 0.5, 9.0], "5": [4.5, 3.01, 5.0]},
    },
    "lives": {
        "relu, rate 0.02": ALIVE,
        "relu, rate 0.5": ALIVE | {"units": [0.07, 0.08, 0.075, 0.09, 0.08]},
        "maxout, rate 0.02": ALIVE,
        "maxout, rate 0.5": ALIVE | {"diverged": 4, "units": [0.0], "pieces": [0.1], "flat": [0.0]},
    },
}


planted = partial(changed, NUMBERS)


def test_rule_reproduced():
    assert MaxoutContains().judge(NUMBERS).outcome == "reproduced"


def test_seconds_are_not_judged():
    slow = planted("costs", "ratios", value={"2": [9.0, 8.0, 10.0], "5": [0.5, 0.4, 0.6]})
    verdict = MaxoutContains().judge(slow)
    assert verdict.outcome == "reproduced"
    assert "on this machine 9.00 (8.00 to 10.00) with 2" in verdict.evidence


LOST = ALIVE | {"diverged": 5, "units": [], "pieces": [], "flat": []}


def test_shares_are_told_of_rates_that_maxout_survives():
    numbers = planted("lives", "maxout, rate 1", value=LOST)
    numbers["lives"]["relu, rate 1"] = ALIVE | {"units": [0.9] * 5}
    words = MaxoutContains().judge(numbers).evidence
    assert "9 of 15 maxout nets diverged" in words
    assert "up to 7.9 % of ReLU's units are dead and up to 10 % of maxout's pieces silent" in words


def test_the_pieces_that_win_are_told():
    numbers = planted("fits", "1", "16", value=[
        {"rms": 1.5 * best_rms(won), "winners": won, "winners_before": 2} for won in (5, 6, 9)
    ])  # fmt: skip
    times = 1.5 * (16 / 6) ** 2
    told = MaxoutContains().judge(numbers | {"fits": numbers["fits"] | {
        "1": {k: cells[:3] for k, cells in numbers["fits"]["1"].items()}
    }}).effect  # fmt: skip
    assert f"it is {times:.1f} times the best for x²: only 5 to 9 of the 16 are the" in told
    assert "for as many it is 1.50 times the best" in told


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        (("contains", "ReLU", "differ"), 1, "contains"),
        (("contains", "absolute value", "differ"), 1, "contains"),
        (("contains", "leaky ReLU, slope 0.01", "rounding"), 1.01, "contains"),
        (("set", "6", "rms"), 1.011 * best_rms(6), "fits"),
        (("set", "6", "worst"), 1.011 * best_worst(6), "fits"),
        (("fits", "1"), learned(-0.9), "fits"),
        (("fits", "2"), learned(-0.4), "fits"),
        (("fits", "2", "4"), learned(-0.6)["2"], "fits"),  # no gain from 2 to 4
        (("costs", "parameters", "5"), 501, "multiply-adds"),
        (("costs", "work", "2"), 1.89, "multiply-adds"),
        (("costs", "work", "5"), 5.3, "multiply-adds"),
        (("lives", "maxout, rate 0.02", "units"), [0.0, 0.01], "dies"),
        (("lives", "maxout, rate 0.5", "flat"), [0.01], "dies"),
    ],
)
def test_rule_not_reproduced(path, value, part):
    verdict = MaxoutContains().judge(planted(*path, value=value))
    assert verdict.outcome == "not reproduced"
    fails, _, holds = verdict.words.partition("true: ")
    assert part in fails
    assert sum(words in holds for words in maxout.PARTS.values()) == 3


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("fits", "1"), learned(-1.1, np.exp(2 * np.random.default_rng(0).normal(size=10)))
         | {"16": learned(-0.3, np.exp(2 * np.random.default_rng(1).normal(size=10)))["16"]}),
        (("fits", "2"), learned(-0.5)),  # at the border
        (("lives", "maxout, rate 0.5"), LOST),
        (("lives", "relu, rate 0.5", "units"), [0.02, 0.08, 0.05, 0.09, 0.03]),
        (("lives", "relu, rate 0.5", "units"), [0.0] * 5),
    ],
    ids=["noise", "border", "diverged", "dying by chance", "none dies"],
)  # fmt: skip
def test_rule_undecided(path, value):
    verdict = MaxoutContains().judge(planted(*path, value=value))
    assert verdict.outcome == "undecided"
    assert verdict.words.startswith("undecided: ")
    assert ("not put to the test" in verdict.evidence) == (path[0] == "lives")


def test_other_limits():
    found = {(one.limit, one.value): one.verdict.outcome
             for one in sensitivity(MaxoutContains(), NUMBERS)}  # fmt: skip
    assert found.pop(("steepness", 1.0)) == "not reproduced"
    assert found.pop(("tested", 0.1)) == "undecided"
    assert len(found) == 9
    assert set(found.values()) == {"reproduced"}


@pytest.mark.parametrize("name", SLOPES)
def test_a_maxout_net_is_set_to_be_the_function(name):
    """Against the function in float64."""
    slope = SLOPES[name]
    minidl.manual_seed(0)
    net = nn.Sequential(nn.Dense(784, 128), activation_of(slope), nn.Dense(128, 10))
    net.layers[0].bias.data[...] = np.linspace(-1, 1, 128)
    x = np.random.default_rng(0).random((20, 784), np.float32)
    W, b, V, c = (p.data.astype(np.float64) for p in net.parameters())
    z = x @ W + b
    wanted = np.where(z > 0, z, slope * z) @ V + c
    for one in (net, as_maxout(net, slope)):
        np.testing.assert_allclose(minidl.predict(one, x), wanted, atol=1e-4)


@pytest.mark.parametrize("name", SLOPES)
def test_outputs_are_the_same_but_for_rounding(few_digits, name):
    cell = contain(few_digits, name=name, seed=0, epochs=2)
    assert cell["outputs"] == 256 * 10
    if is_exact(SLOPES[name]):
        assert cell["differ"] == 0
    else:
        assert 0 < cell["differ"]
        assert 0 < cell["rounding"] < 1
    assert cell["agree"] > 0.99
    assert cell["error"] < 0.5


def test_a_difference_beyond_rounding_is_noticed(few_digits):
    net = nn.Sequential(nn.Dense(784, 128), nn.LeakyReLU(0.01), nn.Dense(128, 10))
    twin = as_maxout(net, 0.01 * (1 + 1e-3))
    x = few_digits.x_test
    hidden = [minidl.predict(nn.Sequential(*one.layers[:2]), x) for one in (net, twin)]
    assert off(net, 0.01, hidden, x) > 1


def test_which_slopes_are_exact():
    assert [slope for slope in SLOPES.values() if is_exact(slope)] == [0, 0.25, -1]


@pytest.mark.parametrize("k", [1, 2, 5, 16])
def test_the_best_errors(k):
    """A line for each of k intervals: its least-squares fit, and the one through the middles of
    Chebyshev's three points, both found by NumPy."""
    x = np.linspace(-1, -1 + 2 / k, 20_001)
    rest = x * x - np.polyval(np.polyfit(x, x * x, 1), x)
    assert best_rms(k) == pytest.approx(np.sqrt(np.mean(rest**2)), rel=1e-3)
    chord = x * x - np.interp(x, x[[0, -1]], x[[0, -1]] ** 2)
    assert best_worst(k) == pytest.approx((chord.max() - chord.min()) / 2, rel=1e-3)


@pytest.mark.parametrize("k", PIECES)
def test_set_pieces_reach_the_best(few_digits, k):
    cell = set_fit(few_digits, pieces=k)
    assert cell["rms"] == pytest.approx(best_rms(k), rel=1e-3)
    assert cell["worst"] == pytest.approx(best_worst(k), rel=1e-3)


def test_two_pieces_learn_the_best(few_digits):
    cell = learned_fit(few_digits, target="square", inputs=1, pieces=2, units=1, seed=0, steps=2000)
    assert cell["rms"] == pytest.approx(best_rms(2), rel=0.01)


def test_a_difference_of_two_units_fits_what_is_not_convex(few_digits):
    one, two = (
        learned_fit(few_digits, target="sine", inputs=1, pieces=4, units=units, seed=0, steps=1000)[
            "rms"
        ]
        for units in (1, 2)
    )
    assert two < one / 2


def test_grid():
    assert grid(2, 1).tolist() == [[-0.5], [0.5]]
    assert sorted(grid(2, 2).tolist()) == [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]


def test_cost_counts(few_digits):
    found = cost(few_digits, rounds=2)
    assert found["parameters"] == {"1": 785 * 128, "2": 2 * 785 * 128, "5": 5 * 785 * 128}
    assert found["work"]["5"] == pytest.approx((2 * 5 * 784 + 3 * 10) / (2 * 784 + 3 * 10))
    assert [len(seconds) for seconds in found["seconds"].values()] == [2, 2, 2]


def unmoved(monkeypatch, change):
    """Leaves out the training, and changes the net instead."""

    def teach(net, digits, seed, epochs, rate):
        with minidl.no_grad():
            change(net.layers[0])
        return [1.0]

    monkeypatch.setattr(maxout_measured, "teach", teach)
    monkeypatch.setattr(maxout_measured, "ROWS", 100)


def test_dead_units_of_relu_are_counted(few_digits, monkeypatch):
    def kill(first):
        first.bias.data[:32] = -1e6
        first.bias.data[32:] = 1e6

    unmoved(monkeypatch, kill)
    cell = firing(few_digits, activation="relu", rate=0.1, seed=0, epochs=1)
    assert cell == {"diverged": False, "units": 0.25, "pieces": 0.25, "flat": 0.25}


def test_silent_pieces_of_maxout_are_counted(few_digits, monkeypatch):
    def silence(first):
        first.bias.data[1:64:2] = -1e6  # the second piece of 32 units

    unmoved(monkeypatch, silence)
    cell = firing(few_digits, activation="maxout", rate=0.1, seed=0, epochs=1)
    assert (cell["units"], cell["flat"]) == (0, 0)
    assert 32 / 256 <= cell["pieces"] < 32 / 256 + 0.1


def test_a_net_that_diverges_is_counted(few_digits):
    cell = firing(few_digits, activation="maxout", rate=1e6, seed=0, epochs=2)
    assert cell == {"diverged": True}
    fine = {"diverged": False, "units": 0.5, "pieces": 0.25, "flat": 0.1}
    assert alive([cell, fine]) == {
        "units": [0.5], "pieces": [0.25], "flat": [0.1], "nets": 2, "diverged": 1
    }  # fmt: skip
    assert alive([cell]) == {"units": [], "pieces": [], "flat": [], "nets": 1, "diverged": 1}


def test_nets_that_all_diverged_have_no_share():
    numbers = planted("lives", "maxout, rate 0.02", value=LOST)
    numbers["lives"]["relu, rate 0.02"] = LOST
    assert MaxoutContains().judge(numbers).outcome == "reproduced"
    numbers["lives"] = dict.fromkeys(numbers["lives"], LOST)
    verdict = MaxoutContains().judge(numbers)
    assert verdict.outcome == "undecided"
    assert "up to – of ReLU's units" in verdict.evidence


def test_exponents():
    assert exponents_of(learned(-1.5)) == pytest.approx([-1.5] * 10)


def test_winners_are_the_pieces_of_the_upper_envelope():
    """Of max(-x, 0, x - 1/2, -5) on [-1, 1] three win, of max(x, 2 x) both."""
    net = nn.Sequential(nn.Dense(1, 4), nn.Maxout(4))
    net.layers[0].weight.data[...] = [[-1, 0, 1, 0]]
    net.layers[0].bias.data[...] = [0, 0, -0.5, -5]
    assert winners(net, grid(128, 1), 4) == 3
    two = nn.Sequential(nn.Dense(1, 4), nn.Maxout(2))
    two.layers[0].weight.data[...] = [[1, 2, -1, 1]]
    assert winners(two, grid(128, 1), 2) == 4


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(maxout, "PIECES", (2, 4, 8))
    experiment = MaxoutContains()
    numbers = experiment.measure(bench)
    assert list(numbers["contains"]) == list(SLOPES)
    assert len(numbers["lives"]) == 8
    assert numbers["sine"].keys() == {"1 of 16", "2 of 8"}
    assert experiment.judge(numbers).words
    contains, lines, won, intervals, table = experiment.charts(numbers)
    assert len(contains.rows) == 4
    assert [len(series.x) for series in lines.series] == [3] * 5
    assert [len(series.y) for series in won.series] == [3] * 4
    assert len(intervals.rows) == 2
    assert len(table.rows) == 8
