"""The experiment 'tanh-sigmoid': its rule, the exact copy, and a small run."""

import json

import numpy as np
import pytest
from scipy import stats

from minidl.step.prediction import predict
from minidl_lab.experiments import tanh_sigmoid
from minidl_lab.experiments.tanh_sigmoid import (
    FAMILY,
    TanhSigmoid,
    compared,
    held_out,
    off,
    sigmoid_copy,
)
from minidl_lab.rules import sensitivity
from minidl_lab.trainings import net_of

TWO, THREE = tanh_sigmoid.NETS
TANH = {
    "errors": np.linspace(0.018, 0.022, 10),
    "steps": np.outer([1.0, 2.0, 3.0], np.linspace(300, 500, 10)),
}
NOISE = 1 + 0.004 * np.random.default_rng(0).normal(size=10)


def planted(errors=(1.0, 1.0), steps=((1.0,) * 3,) * 2, *, is_interior=True, copy=1e-7):
    """For each net sigmoid has so many times tanh's error, and steps to each target; seeds differ
    much more than that, their pairs do not. Another activation is far worse than tanh."""
    settings = []
    for net, times, each in zip(tanh_sigmoid.NETS, errors, steps, strict=True):
        for name, error, to, noise in (
            ("tanh", 1.0, [1.0] * 3, 1.0), ("sigmoid", times, each, NOISE),
            ("gelu", 9.0, [9.0] * 3, NOISE),
        ):  # fmt: skip
            settings.append(
                {"net": net, "activation": name, "is_interior": is_interior, "rate": 0.1,
                 "tried": [(0.1, 0.02)], "copy": copy if name == "tanh" else None,
                 "ends": [0.001] * 10, "errors": (TANH["errors"] * error * noise).tolist(),
                 "steps": [(ours * one * noise).tolist()
                           for ours, one in zip(TANH["steps"], to, strict=True)]}
            )  # fmt: skip
    return {"most": 7020, "settings": settings}


def judged(*found, **options):
    return TanhSigmoid().judge(planted(*found, **options))


WORSE = (1.1, 1.1)
SLOWER = ((1.1,) * 3,) * 2


def test_rule_reproduced():
    assert judged(WORSE, SLOWER).outcome == "reproduced"


def test_rule_not_reproduced():
    assert judged().outcome == "not reproduced"
    assert judged((0.9, 0.9), ((0.5,) * 3,) * 2).outcome == "not reproduced"


def test_rule_true_only_when():
    verdict = judged(WORSE, ((0.85, 1.1, 1.1), (1.1,) * 3))
    assert verdict.outcome == "true only when"
    assert f"the test error of {TWO}, steps to 2 % of {TWO}" in verdict.words
    assert f"5 % of {TWO}" not in verdict.words
    assert "0.85 (0.8" in verdict.evidence


def test_rule_undecided():
    verdict = judged((1.1, 1.05), SLOWER)
    assert verdict.outcome == "undecided"
    assert verdict.words == f"open is the test error of {THREE}"


def test_a_run_of_sigmoid_that_never_arrives_counts_as_all_steps():
    numbers = planted(WORSE, SLOWER)
    numbers["settings"][1]["steps"][0] = [None] * 10
    interval = compared(numbers, "sigmoid")[TWO, "steps to 5 %"]
    logs = np.log(7020 / TANH["steps"][0])
    assert interval.value == pytest.approx(np.exp(logs.mean()))
    wanted = stats.t.interval(1 - 0.05 / FAMILY, 9, logs.mean(), stats.sem(logs))
    assert interval[1:] == pytest.approx(np.exp(wanted), rel=1e-4)


def test_nothing_is_known_where_tanh_never_arrives():
    numbers = planted(WORSE, SLOWER)
    numbers["settings"][0]["steps"][2][4] = None
    assert TanhSigmoid().judge(numbers).outcome == "undecided"
    chart, *_ = TanhSigmoid().charts(numbers)
    assert len(chart.rows) == 14


def test_pairs_are_compared():
    """Steps of the seeds differ by a third, those of a pair by under 1 %."""
    value, low, high = compared(planted(), "sigmoid")[TWO, "steps to 2 %"]
    assert 0.99 < low < value < high < 1.01


def test_words_tell_of_the_copy_and_of_a_tuning_that_failed():
    words = str(judged(is_interior=False, copy=3e-7))
    assert "within 3e-07 of the largest" in words
    assert "inside the grid was found for tanh, two layers, sigmoid, two layers" in words
    assert "inside" not in str(judged())
    assert len(sensitivity(TanhSigmoid(), planted())) == 5


@pytest.mark.parametrize("hidden", [[], [16], [24, 16], [16, 16, 16]])
def test_a_sigmoid_net_can_be_a_tanh_net(hidden, few_digits):
    net = net_of([784, *hidden, 10], "tanh", 0)
    for p in net.parameters():
        p.data += np.float32(0.05)  # biases too
    assert off(net, few_digits.x_test) < 1e-5
    copy = sigmoid_copy(net)
    x = few_digits.x_test[:20] / 255.0
    h = x
    for i, layer in enumerate(copy.layers[::2]):  # the copy alone, in float64
        h = h @ layer.weight.data.astype(float) + layer.bias.data
        if i < len(hidden):
            h = 1 / (1 + np.exp(-h))
    assert h == pytest.approx(predict(net, few_digits.x_test[:20]), abs=1e-4)


def test_a_net_that_is_no_copy_is_off(few_digits, monkeypatch):
    other = net_of([784, 16, 10], "sigmoid", 1)
    monkeypatch.setattr(tanh_sigmoid, "sigmoid_copy", lambda net: other)
    assert off(net_of([784, 16, 10], "tanh", 0), few_digits.x_test) > 0.1


def test_tuning_never_sees_what_it_is_measured_on(few_digits, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        tanh_sigmoid, "train", lambda net, x, y, *_, **__: seen.update(x=x, y=y) or [1.0]
    )
    monkeypatch.setattr(
        tanh_sigmoid, "error", lambda net, x, y: seen.update(x_held=x, y_held=y) or 0.25
    )
    arguments = {"hidden": [8], "activation": "tanh", "lr": 0.1, "seed": 0, "epochs": 1}
    assert held_out(few_digits, **arguments) == {"error": 0.25}
    assert len(seen["x_held"]) == 512 // 6
    assert np.array_equal(np.concatenate([seen["x"], seen["x_held"]]), few_digits.x)
    assert np.array_equal(np.concatenate([seen["y"], seen["y_held"]]), few_digits.y)


def test_a_rate_that_diverges_has_no_error(few_digits):
    arguments = {"hidden": [8], "activation": "relu", "lr": 1e30, "seed": 0, "epochs": 1}
    assert held_out(few_digits, **arguments) == {"error": None}


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(tanh_sigmoid, "NETS", {TWO: [16], THREE: [16, 8]})
    monkeypatch.setattr(tanh_sigmoid, "TARGETS", [0.7, 0.6, 0.5])
    bench.extra = ["softsign"]
    experiment = TanhSigmoid()
    numbers = json.loads(json.dumps(experiment.measure(bench), allow_nan=False))
    settings = numbers["settings"]
    assert [one["activation"] for one in settings] == ["tanh", "sigmoid", "softsign"] * 2
    expected = np.exp(np.mean(np.log(settings[1]["errors"]) - np.log(settings[0]["errors"])))
    assert compared(numbers, "sigmoid")[TWO, "test error"][0] == pytest.approx(expected)
    assert all((one["copy"] is None) == (one["activation"] != "tanh") for one in settings)
    assert max(one["copy"] for one in settings if one["copy"]) < 1e-5
    tuning = {c.arguments["seed"] for c in bench.measured if c.what == "held_out"}
    assert tuning.isdisjoint(c.arguments["seed"] for c in bench.measured if c.what == "learn")
    assert experiment.judge(numbers).words
    assert len(experiment.charts(numbers)) == 3
