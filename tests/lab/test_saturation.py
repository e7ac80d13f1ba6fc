"""The experiment 'saturation': its rule, what it measures, and a small run."""

import numpy as np
import pytest

from minidl import data, nn
from minidl_lab.experiments import saturation_measured
from minidl_lab.experiments.saturation import (
    BEFORE,
    EARLY,
    INITS,
    JUDGED,
    LATE,
    PARTS,
    Saturation,
    left,
    split,
)
from minidl_lab.experiments.saturation_measured import look, outputs, standard
from minidl_lab.rules import sensitivity
from minidl_lab.trainings import net_of

DEPTH = 5
GONE, KEPT = (0.05, 0.05), (1.0, 1.0)  # what is left of the gradient, saturation's factor
SPREAD = (0.96, 1.0, 1.04)  # of three seeds


def seen(epoch, everything, saturation, steepest=1.0):
    """A look at a net in which each layer has the same factors."""
    slope = steepest * saturation ** (1 / DEPTH)
    weights = (everything / slope**DEPTH) ** (1 / (DEPTH - 1))
    arriving = [(slope * weights) ** (DEPTH - 1 - i) for i in range(DEPTH)]
    return {
        "epoch": epoch, "mean": [0.5] * DEPTH, "arriving": arriving,
        "gradient": [slope * one for one in arriving],
    }  # fmt: skip


def run(early, late, factor=1.0):
    looks = [(0.0, KEPT), (1 / 32, early), (0.5, early), (1.0, late), (4.0, late)]
    return {
        "looks": [seen(epoch, a * factor, b * factor) for epoch, (a, b) in looks],
        "error": 0.1, "diverged": False, "steepest": 1.0, "histograms": [[0.025] * 40] * DEPTH,
    }  # fmt: skip


def planted(changes=None):
    """Nets in which nothing happens, but for these: (early, late)."""
    nets = [
        {"activation": activation, "init": init,
         "runs": [run(*(changes or {}).get((activation, init), (KEPT, KEPT)), one)
                  for one in SPREAD]}
        for activation in ("sigmoid", "tanh", "softsign", "relu")
        for init in INITS
    ]  # fmt: skip
    return {"rates": dict.fromkeys(("sigmoid", "tanh", "softsign", "relu")), "nets": nets}


def judged(changes=None, **limits):
    return Saturation().judge(planted(changes), **limits)


ALL = {(activation, init): (GONE, GONE) for activation in JUDGED for init in INITS}


def test_reproduced():
    assert judged(ALL).outcome == "reproduced"


def test_not_reproduced():
    assert judged().outcome == "not reproduced"


def test_both_are_needed():
    """Small weights alone take the gradient, and large ones give it back."""
    small, large = (0.05, 1.0), (1.0, 0.05)
    assert judged(dict.fromkeys(ALL, (small, small))).outcome == "not reproduced"
    assert judged(dict.fromkeys(ALL, (large, large))).outcome == "not reproduced"


def test_what_is_before_training_is_not_judged():
    numbers = planted()
    for net in numbers["nets"]:
        for one in net["runs"]:
            one["looks"][0] = seen(0.0, 1e-6, 1e-6)
    assert Saturation().judge(numbers).outcome == "not reproduced"


def test_true_only_when():
    verdict = judged({("sigmoid", init): (GONE, KEPT) for init in INITS})
    assert verdict.outcome == "true only when"
    assert verdict.words == "the net is of sigmoid in the first half epoch"
    one = judged({("tanh", "Glorot"): (KEPT, GONE)})
    assert one.words == "the net is of tanh from the first epoch's end on with Glorot weights"


def test_seeds_that_differ_leave_it_open():
    numbers = planted(ALL)
    for net in numbers["nets"]:
        net["runs"][0] = run(KEPT, KEPT)
    assert Saturation().judge(numbers).outcome == "undecided"


def test_the_limit_is_that_of_the_rule():
    near = dict.fromkeys(ALL, ((0.09, 0.09),) * 2)
    assert judged(near, limit=0.2).outcome == "reproduced"
    assert judged(near, limit=0.05).outcome == "not reproduced"
    assert len(sensitivity(Saturation(), planted(ALL))) == 5


def test_the_factors_make_up_what_is_left():
    one = split(seen(0.0, 0.3, 0.5, steepest=0.25), 0.25)
    assert np.exp([one[part] for part in PARTS]) == pytest.approx(
        [0.3, 0.3 / 0.5 / 0.25**5, 0.25**5, 0.5]
    )


def test_a_phase_has_its_looks():
    numbers = planted({("tanh", "standard"): ((0.5, 0.9), (0.2, 0.8))})
    found = [left(numbers, "tanh", "standard", phase, "all")[0] for phase in (BEFORE, EARLY, LATE)]
    assert found == pytest.approx([1.0, 0.5, 0.2], rel=1e-3)


def test_standard_weights_are_the_papers():
    W = standard((100, 400), np.random.default_rng(0))
    assert np.abs(W).max() <= 0.1
    assert np.isclose(W.var(), 1 / 300, rtol=0.02)  # of U(-a, a): a²/3


@pytest.mark.parametrize(("activation", "steepest"), [("tanh", 1.0), ("sigmoid", 0.25)])
def test_a_look_is_what_float64_finds(activation, steepest):
    rng = np.random.default_rng(0)
    x, y = rng.random((50, 20)).astype(np.float32), rng.integers(0, 3, 50)
    net = net_of([20, 16, 12, 3], activation, 0)
    for p in net.parameters():
        p.data[...] *= 3
    hidden, pre = [x.astype(np.float64)], []
    dense = [layer for layer in net.layers if isinstance(layer, nn.Dense)]
    for layer in dense:
        pre.append(hidden[-1] @ layer.weight.data.astype(np.float64) + layer.bias.data)
        h = np.tanh(pre[-1]) if activation == "tanh" else 1 / (1 + np.exp(-pre[-1]))
        hidden.append(h)
    dz = np.exp(pre[-1] - pre[-1].max(1, keepdims=True))
    dz = (dz / dz.sum(1, keepdims=True) - np.eye(3)[y]) / len(x)
    gradient, arriving = [], []
    for layer, h in zip(dense[:0:-1], hidden[-2:0:-1], strict=True):
        dh = dz @ layer.weight.data.T.astype(np.float64)
        dz = dh * (1 - h**2 if activation == "tanh" else h * (1 - h))
        arriving.insert(0, np.sqrt((dh**2).sum()))
        gradient.insert(0, np.sqrt((dz**2).sum()))
    found = look(net, x, y)
    assert np.allclose(found["gradient"], gradient, rtol=1e-4)
    assert np.allclose(found["arriving"], arriving, rtol=1e-4)
    assert np.allclose(found["mean"], [h.mean() for h in hidden[1:3]], atol=1e-6)
    assert saturation_measured.steepest(net) == pytest.approx(steepest)


def test_histograms_hold_every_output():
    x = np.random.default_rng(0).random((50, 20)).astype(np.float32)
    found = outputs(net_of([20, 16, 12, 3], "softsign", 0), x)
    assert [len(shares) for shares in found] == [40, 40]
    assert np.allclose([sum(shares) for shares in found], 1)


def test_looks_are_within_the_epochs_and_all_rows_are_trained_on():
    batches = data.batches(np.zeros((643, 2), np.float32), np.zeros(643, int), 10, shuffle=True)
    found = saturation_measured.pieces(batches, 2)
    assert [when for when, _ in found] == [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2]
    assert [len(rows) for _, rows in found] == [20, 20, 40, 80, 160, 323, 643]
    first = np.concatenate([rows for when, rows in found if when <= 1])
    assert np.array_equal(np.sort(first), np.arange(643))


def test_a_training_that_diverges_is_told(few_digits):
    options = {"activation": "relu", "lr": 1e9, "seed": 0}
    assert saturation_measured.last_loss(few_digits, **options) == {"loss": None}
    found = saturation_measured.learn(few_digits, init="standard", epochs=1, **options)
    assert found["diverged"]
    assert found["histograms"] is None
    assert [seen["epoch"] for seen in found["looks"]] == [0.0]  # after a step there is no number


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(saturation_measured, "WIDTH", 16)
    bench.extra = ["gelu"]
    experiment = Saturation()
    numbers = experiment.measure(bench)
    assert [*numbers["rates"]] == ["sigmoid", "tanh", "softsign", "relu", "gelu"]
    assert len(numbers["nets"]) == 10
    assert experiment.judge(numbers).words
    courses, parts, *_, table = experiment.charts(numbers)
    assert [len(panel.series) for panel in courses.panels] == [5, 5]
    assert len(parts.panels) == 5
    for panel in parts.panels:
        everything, *three = (np.array(series.y) for series in panel.series)
        assert np.prod(three, axis=0) == pytest.approx(everything)
    assert len(table.rows) == 10
