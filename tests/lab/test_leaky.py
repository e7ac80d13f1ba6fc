"""The experiment 'leaky': its rule, its pairs, and a small run."""

import numpy as np
import pytest
from scipy import stats

from minidl import nn
from minidl_lab.experiments import leaky
from minidl_lab.experiments.leaky import Leaky, gains, learn

NOTHING = [0.0, -0.001, 0.001]
BETTER = [0.001, 1e-6, 0.002]
WORSE = [-0.001, -0.002, -1e-6]


def planted(*found):
    names = [f"leaky_relu {slope}" for slope in leaky.SLOPES]
    errors = {"relu": [0.02, 0.02]} | {name: [0.019, 0.021] for name in names}
    return {"errors": errors, "gains": dict(zip(names, found, strict=True))}


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ([NOTHING] * 4, "reproduced"),
        ([[0.001, 0.0, 0.002]] * 4, "reproduced"),
        ([[-0.001, -0.002, 0.0]] * 4, "reproduced"),
        ([BETTER, NOTHING, NOTHING, WORSE], "reproduced"),
        ([BETTER] * 4, "not reproduced"),
        ([WORSE] * 4, "not reproduced"),
        ([NOTHING, BETTER, BETTER, BETTER], "true only when"),
        ([NOTHING, NOTHING, NOTHING, WORSE], "true only when"),
    ],
)
def test_rule(found, outcome):
    assert Leaky().judge(planted(*found)).outcome == outcome


def test_words_claim_no_more_than_was_shown():
    words = Leaky().judge(planted(*[NOTHING] * 4)).words
    assert words == "no difference is shown at any slope, with these seeds"


def test_words_name_the_slopes():
    words = Leaky().judge(planted(NOTHING, BETTER, NOTHING, BETTER)).words
    none = "where no difference is shown"
    assert words == f"the slope is 0.01 or 0.18, {none}; at 0.1 and 0.3 it is better"
    assert "better with 1 of 2 seeds" in str(
        Leaky().judge(planted(NOTHING, BETTER, NOTHING, BETTER))
    )
    words = Leaky().judge(planted(WORSE, NOTHING, NOTHING, NOTHING)).words
    assert words == f"the slope is 0.1 or 0.18 or 0.3, {none}; at 0.01 it is worse"


def test_gains_are_paired_and_hold_for_four():
    """The errors vary far more from seed to seed than within a pair."""
    base = np.array([0.02, 0.05, 0.03, 0.09])
    less = np.array([0.001, 0.002, 0.0015, 0.0012])
    found = gains({"relu": base.tolist(), "leaky_relu 0.1": (base - less).tolist()})
    expected = stats.t.interval(1 - 0.05 / 4, 3, loc=less.mean(), scale=stats.sem(less))
    assert found["leaky_relu 0.1"][1:] == pytest.approx(expected, rel=1e-4)
    assert "relu" not in found


def test_pairs_start_from_the_same_weights_and_slope_is_what_differs(few_digits, monkeypatch):
    starts = []

    def start(net, *arguments, **options):
        starts.append(net)
        return []

    monkeypatch.setattr(leaky, "train", start)
    learn(few_digits, activation="relu", slope=0.0, seed=3, epochs=1)
    learn(few_digits, activation="leaky_relu", slope=0.3, seed=3, epochs=1)
    learn(few_digits, activation="relu", slope=0.0, seed=4, epochs=1)
    relu, leaking, other = (net.layers[0].weight.data for net in starts)
    assert np.array_equal(relu, leaking)
    assert not np.array_equal(relu, other)
    assert relu.std() == pytest.approx((2 / 784) ** 0.5, rel=0.01)
    assert isinstance(starts[0].layers[1], nn.ReLU)
    assert starts[1].layers[1].options == {"negative_slope": 0.3}


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(leaky, "SIZES", [784, 16, 16, 10])
    bench.extra = ["gelu"]
    experiment = Leaky()
    numbers = experiment.measure(bench)
    names = [f"leaky_relu {slope}" for slope in leaky.SLOPES]
    assert list(numbers["errors"]) == ["relu", *names, "gelu"]
    assert list(numbers["gains"]) == [*names, "gelu"]
    assert experiment.judge(numbers).words
    _, table = experiment.charts(numbers)
    assert table.header[2:] == [f"seed {seed}" for seed in bench.scale.some(10)]
