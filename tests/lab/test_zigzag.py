"""The experiment 'zigzag': its rule, what it measures, and a small run."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from minidl import functional as F
from minidl import nn
from minidl.step.prediction import predict
from minidl.step.training import TrainingStep
from minidl_lab.experiments import zigzag, zigzag_measured
from minidl_lab.experiments.zigzag import FAMILY, RACES, Zigzag, slowdown
from minidl_lab.experiments.zigzag_measured import (
    SHIFTED,
    SIZES,
    chance,
    gradient,
    learn,
    of_coins,
    plain,
    second,
    zigzag_net,
)
from minidl_lab.rules import sensitivity
from minidl_lab.trainings import net_of

CHANCE = 0.54
USUAL = {"tanh": (0.53, 0.54), SHIFTED: (1.0, 0.9), "sigmoid": (1.0, 0.9), "relu": (1.0, 0.7)}
STEPS = np.linspace(400, 700, 10)  # of ten seeds
NOISE = 1 + 0.01 * np.random.default_rng(0).normal(size=10)


def run(alone, usual):
    agreement = [alone if size == 1 else usual for size in SIZES]
    look = {"agreement": agreement, "least": agreement, "chance": [CHANCE] * len(SIZES)}
    return {"before": look, "after": look}


def planted(slowdowns=(1.5, 1.2, 1.0), changes=None):
    """With so many times the steps by + 1, for batches of 1, 10 and 100."""
    tuned = {"rate": 0.1, "is_interior": True, "tried": []}
    return {
        "sources": {
            source: [run(*values)] * 3 for source, values in (USUAL | (changes or {})).items()
        },
        "races": [
            {"batch": batch, "is_shifted": is_shifted, "tuned": tuned, "most": RACES[batch][1],
             "steps": {target: (STEPS * (times * NOISE if is_shifted else 1)).tolist()
                       for target in ("5 %", "10 %")}}
            for batch, times in zip(RACES, slowdowns, strict=True)
            for is_shifted in (False, True)
        ],
    }  # fmt: skip


def judged(*slowdowns, changes=None, **limits):
    return Zigzag().judge(planted(slowdowns or (1.5, 1.2, 1.0), changes), **limits)


def test_reproduced():
    assert judged().outcome == "reproduced"


@pytest.mark.parametrize(
    ("slowdowns", "words"),
    [
        ((1.0, 1.0, 1.0), "false: it is slower with batches of 1"),
        ((1.5, 1.5, 1.5), "false: batches mitigate it"),
        ((1.05, 1.2, 0.8), "false: it is slower with batches of 1"),
    ],
)
def test_not_reproduced(slowdowns, words):
    verdict = judged(*slowdowns)
    assert verdict.outcome == "not reproduced"
    assert words in verdict.words


@pytest.mark.parametrize(
    "changes",
    [{"sigmoid": (0.9999, 0.9)}, {SHIFTED: (0.9999, 0.9)}, {"tanh": (1.0, 0.5)}],
    ids=["sigmoid is not exact", "+ 1 is not exact", "tanh agrees"],
)
def test_signs_of_one_image_decide(changes):
    verdict = judged(changes=changes)
    assert verdict.outcome == "not reproduced"
    assert "false: one image gives all gradients one sign" in verdict.words


def test_undecided_at_the_margin():
    assert judged(1.1, 1.0, 0.8).outcome == "undecided"
    assert judged(1.1, 1.0, 0.8, margin=0.05).outcome == "reproduced"
    assert len(sensitivity(Zigzag(), planted())) == 6


def test_slowdown_is_paired():
    logs = np.log(1.2 * NOISE)
    wanted = stats.t.interval(1 - 0.05 / FAMILY, 9, logs.mean(), stats.sem(logs))
    found = slowdown(planted(), 10, "5 %")
    assert found[1:] == pytest.approx(np.exp(wanted), rel=1e-4)


def test_who_never_arrives():
    """With + 1 it counts as all steps; without, nothing is known."""
    numbers = planted()
    numbers["races"][1]["steps"]["5 %"][0] = None
    assert slowdown(numbers, 1, "5 %").value > slowdown(planted(), 1, "5 %").value
    assert Zigzag().judge(numbers).outcome == "undecided"  # what batches do is not known
    numbers["races"][0]["steps"]["5 %"][0] = None
    assert slowdown(numbers, 1, "5 %")[1:] == (0.0, np.inf)
    assert len(Zigzag().charts(numbers)[0].rows) == 5


def test_the_other_target_is_judged_too():
    numbers = planted()
    for race in numbers["races"]:
        race["steps"]["10 %"] = STEPS.tolist()
    assert Zigzag().judge(numbers, target="10 %").outcome == "not reproduced"


def test_plus_1_begins_as_the_same_function_and_is_learned_in_the_kernel(few_digits):
    usual, shifted = (zigzag_net(name, 0) for name in ("tanh", SHIFTED))
    x, y = few_digits.x[:64], few_digits.y[:64]
    assert predict(shifted, x) == pytest.approx(predict(usual, x), abs=1e-5)
    one = shifted.layers[2]
    step = TrainingStep(shifted, F.cross_entropy, plain(shifted, 0.1))
    step((x / 255).astype(np.float32), y)
    assert step.why() == ""
    assert (one.bias.data == 1).all()
    assert second(shifted).weight.shape == (128, 128)


def test_chance_is_the_expectation_over_coins():
    for n in range(1, 13):
        heads = [sum(flips) for flips in product((0, 1), repeat=n)]
        assert of_coins(n) == pytest.approx(np.mean([max(k, n - k) for k in heads]) / n)


def test_chance_is_the_mean_over_neurons_that_have_gradients():
    dW = np.zeros((4, 3))
    dW[:1, 0] = -1
    dW[:, 1] = 1
    assert chance(dW) == pytest.approx((of_coins(1) + of_coins(4)) / 2)
    assert chance(np.zeros((4, 3))) is None


def test_gradient_is_that_of_the_rows():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 12)).astype(np.uint8), rng.integers(0, 3, 40)
    net = net_of([12, 8, 6, 3], "sigmoid", 0)
    first, middle, last = (layer for layer in net.layers if isinstance(layer, nn.Dense))
    rows = np.array([7, 3, 30])
    W = [layer.weight.data.astype(np.float64) for layer in (first, middle, last)]
    a = 1 / (1 + np.exp(-(x[rows] / 255) @ W[0]))
    h = 1 / (1 + np.exp(-a @ W[1]))
    p = np.exp(h @ W[2])
    dz = (p / p.sum(1, keepdims=True) - np.eye(3)[y[rows]]) / 3 @ W[2].T * h * (1 - h)
    assert np.allclose(gradient(net, middle, x, y, rows), a.T @ dz, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("source", ["relu", SHIFTED])
def test_one_image_gives_one_sign(few_digits, source, monkeypatch):
    monkeypatch.setattr(zigzag_measured, "SIZES", (1, 4))
    monkeypatch.setattr(zigzag_measured, "LOOKS", 4)
    found = zigzag_measured.signs(few_digits, source=source, seed=0)
    for when in ("before", "after"):
        assert found[when]["least"][0] == found[when]["agreement"][0] == 1
        assert found[when]["chance"][1] < found[when]["agreement"][1] < 1


def test_a_training_that_diverges_never_arrives(few_digits):
    found = learn(few_digits, batch=64, is_shifted=True, lr=1e38, seed=0, most=20)
    assert found == {"5 %": None, "10 %": None}


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(zigzag_measured, "LOOKS", 2)
    monkeypatch.setattr(zigzag_measured, "HIDDEN", (16, 16))
    monkeypatch.setattr(zigzag_measured, "TARGETS", {"5 %": 0.4, "10 %": 0.5})
    monkeypatch.setattr(zigzag, "RACES", {1: (0.02, 800), 10: (0.1, 200), 100: (0.5, 100)})
    bench.extra = ["gelu"]
    experiment = Zigzag()
    numbers = experiment.measure(bench)
    assert [*numbers["sources"]] == ["tanh", SHIFTED, "sigmoid", "relu", "gelu"]
    assert len(numbers["races"]) == 6
    assert experiment.judge(numbers).words
    _, panels, signs, steps = experiment.charts(numbers)
    assert all(len(panel.series) == 5 for panel in panels.panels)
    assert (len(signs.rows), len(steps.rows)) == (5, 6)


def test_an_activation_without_gradients_is_left_out_of_the_charts():
    numbers = planted()
    nothing = dict.fromkeys(("agreement", "least", "chance"), [None] * len(SIZES))
    numbers["sources"]["mine"] = [{"before": nothing, "after": nothing}]
    assert len(Zigzag().charts(numbers)[2].rows) == 4
