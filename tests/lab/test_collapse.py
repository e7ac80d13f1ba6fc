"""The experiment 'collapse': its rule, its bound, and a small run."""

import numpy as np
import pytest

from minidl import nn
from minidl_lab.experiments.collapse import Collapse, off

PLANTED = {
    "rounding": 0.1,
    "errors": {},
    "less_than_one_layer": {
        "one layer": [0.0, 0.0, 0.0],
        "two layers, identity": [0.001, -0.002, 0.003],
        "two layers, relu": [0.05, 0.04, 0.06],
    },
}


def planted(**gains):
    less = PLANTED["less_than_one_layer"]
    return PLANTED | {"less_than_one_layer": less | gains}


def test_rule_reproduced():
    assert Collapse().judge(PLANTED).outcome == "reproduced"


@pytest.mark.parametrize(
    "numbers",
    [
        PLANTED | {"rounding": 1.5},
        planted(**{"two layers, identity": [0.02, 0.01, 0.03]}),
        planted(**{"two layers, identity": [-0.02, -0.03, -0.01]}),
        planted(**{"two layers, relu": [0.05, 0.009, 0.09]}),
    ],
    ids=["not one matrix", "linear is better", "linear is worse", "ReLU is no better"],
)
def test_rule_not_reproduced(numbers):
    assert Collapse().judge(numbers).outcome == "not reproduced"


def test_a_linear_net_is_one_matrix_within_the_bound():
    x = np.random.default_rng(0).integers(0, 256, (50, 784)).astype(np.uint8)
    assert 0 < off(nn.MLP([784, 64, 32, 10], "identity"), x) < 1


def test_a_net_with_an_activation_is_not():
    x = np.random.default_rng(0).integers(0, 256, (50, 784)).astype(np.uint8)
    assert off(nn.MLP([784, 64, 10], "relu"), x) > 100


def test_measures_judges_and_draws(bench):
    experiment = Collapse()
    numbers = experiment.measure(bench)
    assert set(numbers["errors"]) == set(numbers["less_than_one_layer"])
    assert all(len(values) == 2 for values in numbers["errors"].values())
    assert experiment.judge(numbers).words
    assert len(experiment.charts(numbers)) == 2
