"""The experiment 'tanh-sigmoid': its rule, the exact copy, and a small run."""

import json

import numpy as np
import pytest

from minidl.step.prediction import predict
from minidl_lab.experiments import tanh_sigmoid
from minidl_lab.experiments.tanh_sigmoid import TanhSigmoid, held_out, off, sigmoid_copy
from minidl_lab.trainings import net_of

TWO, THREE = tanh_sigmoid.NETS


def planted(errors, steps, *, is_interior=True, copy=1e-7):
    """Numbers with these lower ends, for each net; another activation is far worse than tanh."""
    against = [
        {"net": net, "activation": "sigmoid", "error": [low + 0.01, low, low + 0.02],
         "steps": [ratio + 0.5, ratio, ratio + 1], "is_least": ratio > 5}
        for net, low, ratio in zip(tanh_sigmoid.NETS, errors, steps, strict=True)
    ]  # fmt: skip
    against.append(against[0] | {"activation": "gelu", "error": [1, 1, 1], "steps": [9, 9, 9]})
    settings = [
        {"net": net, "activation": "tanh", "is_interior": is_interior, "copy": copy}
        for net in tanh_sigmoid.NETS
    ]
    return {"settings": settings, "against_tanh": against}


def test_rule_reproduced():
    assert TanhSigmoid().judge(planted([1e-6, 1e-6], [1.01, 1.01])).outcome == "reproduced"


def test_rule_not_reproduced():
    assert TanhSigmoid().judge(planted([0.0, -0.01], [1.0, 0.5])).outcome == "not reproduced"


@pytest.mark.parametrize(
    ("errors", "steps", "held"),
    [
        ([0.0, 1e-6], [1.01, 1.01], f"the test error of {THREE}, the steps of {TWO} and the "
         f"steps of {THREE}"),
        ([0.0, 0.0], [1.01, 1.0], f"the steps of {TWO}"),
        ([1e-6, 0.0], [1.0, 1.0], f"the test error of {TWO}"),
    ],
)  # fmt: skip
def test_rule_true_only_when(errors, steps, held):
    verdict = TanhSigmoid().judge(planted(errors, steps))
    assert verdict.outcome == "true only when"
    assert verdict.words == f"one looks at {held}"


def test_words_tell_where_sigmoid_never_got_there():
    words = str(TanhSigmoid().judge(planted([0, 0], [1.5, 5.5])))
    assert "takes 2.00 (1.50 to 2.50) times" in words
    assert "takes at least 6.00 (5.50 to 6.50) times" in words


def test_words_tell_of_the_copy_and_of_a_tuning_that_failed():
    words = str(TanhSigmoid().judge(planted([0, 0], [1, 1], is_interior=False, copy=3e-7)))
    assert "within 3e-07 of the largest" in words
    assert "inside the grid was found for tanh, two layers, tanh, three layers" in words
    assert "inside" not in str(TanhSigmoid().judge(planted([0, 0], [1, 1])))


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
    arguments = {"hidden": [8], "activation": "tanh", "lr": 0.1, "seed": 0}
    assert held_out(few_digits, **arguments) == {"error": 0.25}
    assert len(seen["x_held"]) == 512 // 6
    assert np.array_equal(np.concatenate([seen["x"], seen["x_held"]]), few_digits.x)
    assert np.array_equal(np.concatenate([seen["y"], seen["y_held"]]), few_digits.y)


def test_a_rate_that_diverges_has_no_error(few_digits):
    arguments = {"hidden": [8], "activation": "relu", "lr": 1e30, "seed": 0}
    assert held_out(few_digits, **arguments) == {"error": None}


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(tanh_sigmoid, "NETS", {"two layers": [16], "three layers": [16, 8]})
    monkeypatch.setattr(tanh_sigmoid, "TARGETS", [0.5, 0.4])
    bench.extra = ["softsign"]
    experiment = TanhSigmoid()
    numbers = json.loads(json.dumps(experiment.measure(bench), allow_nan=False))
    settings, against = numbers["settings"], numbers["against_tanh"]
    assert [one["activation"] for one in settings] == ["tanh", "sigmoid", "softsign"] * 2
    assert [one["activation"] for one in against] == ["sigmoid", "softsign"] * 2
    expected = np.mean(settings[1]["errors"]) - np.mean(settings[0]["errors"])
    assert against[0]["error"][0] == pytest.approx(expected)
    assert all((one["copy"] is None) == (one["activation"] != "tanh") for one in settings)
    assert max(one["copy"] for one in settings if one["copy"]) < 1e-5
    tuning = {c.arguments["seed"] for c in bench.cells if c.what == "held_out"}
    assert tuning.isdisjoint(c.arguments["seed"] for c in bench.cells if c.what == "learn")
    assert experiment.judge(numbers).words
    assert len(experiment.charts(numbers)) == 4
