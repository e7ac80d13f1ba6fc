"""The experiment 'collapse': its rule, its bound, and a small run."""

import numpy as np
import pytest

from minidl import nn
from minidl_lab.experiments.collapse import Collapse, off
from minidl_lab.rules import sensitivity

NOISE = 1 + 0.001 * np.array([0, 1, -1, 2, -2])


def planted(two=1.0, three=1.0, relu=0.3, rounding=0.1, noise=NOISE):
    """Errors in units of one layer's."""
    base = np.array([0.08, 0.081, 0.079, 0.082, 0.078])
    ratios = {
        "two layers, identity": two, "three layers, identity": three,
        "two layers, relu": relu, "three layers, relu": 0.25,
    }  # fmt: skip
    errors = {net: (r * base * noise).tolist() for net, r in ratios.items()}
    return {"errors": {"one layer": base.tolist()} | errors, "rounding": rounding}


def test_rule_reproduced():
    assert Collapse().judge(planted()).outcome == "reproduced"
    assert Collapse().judge(planted(two=0.97)).outcome == "reproduced"  # within the margin


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (planted(rounding=1.5), "false: a deep linear net is one matrix"),
        (planted(two=0.93), "false: it learns what one layer does"),
        (planted(three=1.07), "false: it learns what one layer does"),
        (planted(relu=0.97), "false: ReLU nets err less"),
    ],
    ids=["not one matrix", "linear is better", "linear is worse", "ReLU is no better"],
)
def test_rule_not_reproduced(numbers, words):
    verdict = Collapse().judge(numbers)
    assert verdict.outcome == "not reproduced"
    assert verdict.words.startswith(words)


@pytest.mark.parametrize(
    "numbers",
    [planted(two=1 / 1.05), planted(relu=1 / 1.05), planted(noise=np.array([1, 2, 0.5, 1.5, 0.7]))],
    ids=["at the border", "ReLU at the border", "noise"],
)
def test_what_lies_over_a_border_is_undecided(numbers):
    assert Collapse().judge(numbers).outcome == "undecided"


def test_other_limits():
    found = {(one.limit, one.value): one.verdict.outcome
             for one in sensitivity(Collapse(), planted(two=0.965, rounding=0.6))}  # fmt: skip
    assert found == {
        ("margin", 0.025): "not reproduced", ("margin", 0.1): "reproduced",
        ("allowed", 0.5): "not reproduced", ("allowed", 2.0): "reproduced",
        ("level", 0.9): "reproduced", ("level", 0.99): "reproduced",
        ("method", "bootstrap"): "reproduced",
    }  # fmt: skip


def test_a_linear_net_is_one_matrix_within_the_bound():
    x = np.random.default_rng(0).integers(0, 256, (50, 784)).astype(np.uint8)
    assert 0 < off(nn.MLP([784, 64, 32, 10], "identity"), x) < 1


def test_a_net_with_an_activation_is_not():
    x = np.random.default_rng(0).integers(0, 256, (50, 784)).astype(np.uint8)
    assert off(nn.MLP([784, 64, 10], "relu"), x) > 100


def test_measures_judges_and_draws(bench):
    experiment = Collapse()
    numbers = experiment.measure(bench)
    assert len(numbers["errors"]) == 5
    assert all(len(values) == 2 for values in numbers["errors"].values())
    assert experiment.judge(numbers).effect
    assert len(experiment.charts(numbers)) == 2
