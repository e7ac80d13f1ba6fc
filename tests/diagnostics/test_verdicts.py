"""The verdicts: each from planted numbers, on either side of its threshold; and from real nets."""

import numpy as np
import pytest

from minidl import functional as F
from minidl import nn
from minidl.diagnostics import Diagnostics, Report, Thresholds

HEALTHY = {"kind": "Tanh()", "mean": 0.0, "spread": 0.5, "offset": 0.0, "saturated": 0.1,
           "dead": 0.0, "gradient": 0.1}  # fmt: skip
DENSE = {"kind": "Dense(4, 4)", "mean": 0.0, "spread": 1.0, "offset": 0.0, "gradient": 0.1,
         "weight_gradient": 0.1, "sign_agreement": 0.6, "update_ratio": 1e-3}  # fmt: skip


def verdicts(first=(), second=(), third=(), thresholds=None):
    layers = {"0": DENSE | dict(first), "1": HEALTHY | dict(second), "2": DENSE | dict(third)}
    return Report([layers]).verdicts(thresholds)


def test_a_healthy_net_has_none():
    assert verdicts() == []


def test_where_nothing_comes_back_the_rate_is_not_to_blame():
    assert verdicts(third={"update_ratio": 0.0, "weight_gradient": 0.0, "gradient": 0.0}) == []


def test_numbers_that_are_missing_give_no_verdict():
    assert Report([{"1": {"inactive": 0.1}, "2": {"weight_gradient": 1.0}}]).verdicts() == []


@pytest.mark.parametrize(
    ("numbers", "below", "above", "words"),
    [
        ({"dead": None}, 0.1, 0.38, "38 % of the units never fired in the last epoch"),
        ({"dead": None, "win_entropy": 0.5}, 0.1, 0.2, "20 % of the pieces never won"),
        ({"saturated": None}, 0.5, 0.71, "71 % of the outputs are saturated"),
        ({"offset": None}, 0.9, 0.95, "not zero-centred"),
        ({"offset": None}, -0.9, -0.95, "not zero-centred"),
        ({"spread": None}, 1e-3, 5e-4, "hardly differ"),
        ({"win_entropy": None}, 0.2, 0.1, "mostly one piece"),
        ({"slope": None}, 0.94, 0.97, "the learned slope is 0.97"),
        ({"slope": None}, 1.06, 1.03, "the learned slope is 1.03"),
    ],
)
def test_units(numbers, below, above, words):
    def of(value):
        return {name: value if old is None else old for name, old in numbers.items()}

    assert verdicts(second=of(below)) == []
    (verdict,) = verdicts(second=of(above))
    assert verdict.startswith("layer 1 (Tanh): ")
    assert words in verdict


@pytest.mark.parametrize(
    ("measure", "below", "above", "words"),
    [
        ("sign_agreement", 0.9, 0.95, "95 % of a neuron's gradients have one sign"),
        ("update_ratio", 0.03, 0.05, "lower the learning rate"),
        ("update_ratio", 1e-5, 1e-6, "raise the learning rate"),
    ],
)
def test_weights(measure, below, above, words):
    assert verdicts(third={measure: below}) == []
    (verdict,) = verdicts(third={measure: above})
    assert verdict.startswith("layer 2 (Dense): ")
    assert words in verdict


@pytest.mark.parametrize(("near", "far", "word"), [(2e-4, 9e-5, "vanishes"), (90, 110, "explodes")])
def test_depth(near, far, word):
    assert verdicts(first={"gradient": near}) == []
    (verdict,) = verdicts(first={"gradient": far})
    assert word in verdict


def test_thresholds_are_the_users():
    assert verdicts(second={"dead": 0.3}, thresholds=Thresholds(dead=0.5)) == []


def test_the_last_known_value_counts():
    report = Report([{"1": HEALTHY | {"saturated": 0.9, "dead": 0.9}}, {"1": {"dead": 0.0}}])
    (verdict,) = report.verdicts()
    assert "90 % of the outputs are saturated" in verdict


def test_numbers_without_a_look_are_enough():
    assert "never fired" in Report([{"1": {"dead": 0.9}}]).verdicts()[0]


def deep(activation, gain):
    rng = np.random.default_rng(0)
    layers = [layer for _ in range(8) for layer in (nn.Dense(32, 32), activation())]
    net = nn.Sequential(*layers, nn.Dense(32, 4))
    for p in net.parameters():
        if p.ndim == 2:
            p.data[...] = rng.normal(size=p.shape) * gain / np.sqrt(p.shape[0])
    diagnostics = Diagnostics(net)
    x = rng.normal(size=(64, 32)).astype(np.float32)
    diagnostics.look(x, rng.integers(0, 4, 64), F.cross_entropy)
    diagnostics.end_epoch()
    return " ".join(diagnostics.report.verdicts())


def test_nets_with_known_illnesses():
    assert deep(nn.Tanh, 1.0) == ""
    assert "vanishes" in deep(nn.Sigmoid, 1.0)
    assert "not zero-centred" in deep(nn.Sigmoid, 1.0)
    assert "saturated" in deep(nn.Tanh, 10.0)
    assert "explodes" in deep(nn.LeakyReLU, 5.0)
