"""The experiment 'prelu': its rule, what it reads from a net, and a small run."""

import numpy as np
import pytest

from minidl import nn
from minidl.step.prediction import predict
from minidl_lab.experiments.prelu import (
    SHARING,
    STARTS,
    PReLUSlopes,
    first_less_last,
    kept_by,
    kind_of,
    learn_slopes,
    prelu_net,
    prelus,
    within_1,
)
from minidl_lab.rules import sensitivity

KINDS = [kind_of(sharing, start) for sharing in SHARING for start in STARTS]
GOOD = {"first": 0.6, "last": 0.2, "moved": 0.3}
NOISE = 0.004 * np.random.default_rng(0).normal(size=8)


def rows(first, last, moved):
    """A kind's runs: the first and last layer keep so much."""
    return [
        {"kept": [[0.25] * 3, [first + one, 0.3, last]], "moved": [moved + one] * 3,
         "above_1": 0.5, "below_0": 0.25, "error": 0.02}
        for one in NOISE
    ]  # fmt: skip


def planted(change=None, kinds=KINDS):
    """Numbers in which all holds, but for this change in some kinds."""
    return {
        "kinds": {kind: rows(**GOOD | ((change or {}) if kind in kinds else {})) for kind in KINDS},
        "others": {name: [{"error": 0.02}] * 8 for name in ("relu", "leaky_relu")},
    }


def judged(*change, **limits):
    return PReLUSlopes().judge(planted(*change), **limits)


@pytest.mark.parametrize("change", [{}, {"moved": 0.06}, {"first": 0.12, "last": 0.04}])
def test_reproduced(change):
    assert judged(change).outcome == "reproduced"


BAD = {
    "slopes move": {"moved": 0.04},
    "first layer keeps": {"first": 0.09, "last": 0.0},
    "more than the last": {"last": 0.56},
}


@pytest.mark.parametrize("words", BAD)
def test_not_reproduced(words):
    verdict = judged(BAD[words])
    assert verdict.outcome == "not reproduced"
    (told,) = [part for part in verdict.evidence.split("; ") if words in part]
    assert "holds for 0 of 6 kinds, fails for 6" in told


@pytest.mark.parametrize("words", BAD)
def test_true_only_for_the_kinds_that_it_holds_for(words):
    verdict = judged(BAD[words], KINDS[:1] + KINDS[2:])
    assert verdict.outcome == "true only when"
    assert verdict.words == f"slopes are {KINDS[1]}"


def test_at_the_limit_it_is_undecided():
    assert judged({"last": 0.55}).outcome == "undecided"
    assert judged({"last": 0.55}, more=0.025).outcome == "reproduced"
    assert len(sensitivity(PReLUSlopes(), planted())) == 9


def test_slopes_above_1_decide_nothing():
    numbers = planted()
    for kind in numbers["kinds"].values():
        for row in kind:
            row["above_1"] = 1.0
    assert PReLUSlopes().judge(numbers).outcome == "reproduced"


@pytest.mark.parametrize("a", [0.25, -0.5, 3.0])
def test_a_slope_and_its_inverse_are_one_function(a):
    """A unit flipped and rescaled, as the protocol says."""
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    net, other = (
        nn.Sequential(nn.Dense(6, 4), nn.PReLU(4, init=slope), nn.Dense(4, 2))
        for slope in (a, 1 / a)
    )
    net[0].bias.data[...] = [0.3, -0.2, 0.1, 0.0]
    other[0].weight.data[...] = -net[0].weight.data
    other[0].bias.data[...] = -net[0].bias.data
    other[2].weight.data[...] = -a * net[2].weight.data
    other[2].bias.data[...] = net[2].bias.data
    assert predict(other, x) == pytest.approx(predict(net, x), abs=1e-5)
    assert kept_by(net) == pytest.approx(kept_by(other))


def test_within_1():
    assert within_1(np.array([0.0, 4.0, -4.0, -0.5], np.float32)).tolist() == [0, 0.25, -0.25, -0.5]


@pytest.mark.parametrize(("sharing", "slopes"), [("one per layer", 1), ("one per unit", 128)])
def test_the_net_has_its_slopes(sharing, slopes):
    found = [layer.weight.data for layer in prelus(prelu_net(sharing, 0.5))]
    assert [a.shape for a in found] == [(slopes,)] * 3
    assert all((a == 0.5).all() for a in found)


def test_the_weights_have_the_gain_of_the_slope():
    """1 / √((1 + a²) / 2), He et al. 2015, equation 15; the output layer's is 1."""
    layers = prelu_net("one per unit", 0.5).layers
    spreads = [layer.weight.data.std() * layer.weight.shape[0] ** 0.5 for layer in layers[::2]]
    assert spreads == pytest.approx([1.6**0.5] * 3 + [1], rel=0.05)


def test_first_and_last_are_paired():
    first, last = np.array([0.3, 0.9, 0.5]), np.array([0.1, 0.7, 0.3])
    found = [{"kept": [[0, 0, 0], [a, 0, b]]} for a, b in zip(first, last, strict=True)]
    assert first_less_last(found) == pytest.approx((0.2, 0.2, 0.2))


def test_a_cell_notes_start_and_end(few_digits):
    cell = learn_slopes(few_digits, sharing="one per unit", start=0.5, seed=0, epochs=2)
    kept = np.array(cell["kept"])
    assert kept.shape == (3, 3)
    assert (kept[0] == 0.5).all()
    assert (kept[1] != kept[0]).all()
    assert 0 < min(cell["moved"]) < max(cell["moved"]) < 0.5
    assert cell["below_0"] == 0


def test_measures_judges_and_draws(bench):
    bench.extra = ["gelu"]
    experiment = PReLUSlopes()
    numbers = experiment.measure(bench)
    assert list(numbers["kinds"]) == KINDS
    assert list(numbers["others"]) == ["relu", "leaky_relu", "gelu"]
    assert experiment.judge(numbers).words
    rows, panels, table, errors = experiment.charts(numbers)
    assert len(panels.panels) == len(table.rows) == len(rows.rows) == 6
    assert len(errors.rows) == 8
