"""The experiment 'zigzag': its rule, what it measures, and a small run."""

from itertools import product

import numpy as np
import pytest

from minidl import nn
from minidl_lab.experiments import zigzag
from minidl_lab.experiments.zigzag import SIZES, Zigzag, chance, gradient, inputs_of, of_coins
from minidl_lab.trainings import net_of

CHANCE = 0.54
USUAL = {
    "sigmoid": (1.0, 0.87), "tanh": (0.53, 0.54), "relu": (1.0, 0.7),
    "raw pixels": (1.0, 0.64), "centred pixels": (0.83, 0.67),
}  # fmt: skip
ALL = {"sigmoid": (1.0, 0.771), "relu": (1.0, 0.771), "raw pixels": (1.0, 0.771)}  # half is 0.77


def run(alone, usual):
    agreement = [alone if size == 1 else usual for size in SIZES]
    look = {"agreement": agreement, "least": agreement, "chance": [CHANCE] * len(SIZES)}
    return {"before": look, "after": look}


def planted(changes=None, raw=(0.4, 0.42), centred=(0.2, 0.21)):
    sources = {
        source: [run(*values), run(*values)] for source, values in (USUAL | (changes or {})).items()
    }
    tuned = {"rate": 0.1, "is_interior": True, "tried": []}
    trained = [
        {"pixels": pixels, "batch": batch, "tuned": tuned, "losses": list(losses)}
        for batch in (1, 64)
        for pixels, losses in (("raw pixels", raw), ("centred pixels", centred))
    ]
    return {"sources": sources, "trained": trained}


def judged(changes=None, **losses):
    return Zigzag().judge(planted(changes, **losses))


def test_true_only_of_small_batches_or_what_lasts():
    verdict = judged()
    assert verdict.outcome == "true only when"
    assert verdict.words == "the batch is small or the inputs are from sigmoid"


def test_half_of_the_way_from_chance_is_the_threshold():
    assert judged(ALL).outcome == "reproduced"
    less = judged(ALL | {"relu": (1.0, 0.769)})
    assert less.words.startswith("the batch is small or the inputs are from sigmoid or the ")
    none = judged(dict.fromkeys(ALL, (1.0, 0.769)))
    assert none.words == "the batch is small"


def test_agreement_has_to_last_through_training():
    numbers = planted(ALL)
    for one in numbers["sources"]["sigmoid"]:
        one["after"] = run(1.0, 0.6)["after"]
    assert Zigzag().judge(numbers).outcome == "true only when"


@pytest.mark.parametrize(
    "changes",
    [{"sigmoid": (0.9999, 0.9)}, {"raw pixels": (0.9999, 0.9)}, {"tanh": (1.0, 0.5)},
     {"centred pixels": (1.0, 0.5)}],
    ids=["sigmoid is not exact", "pixels are not exact", "tanh agrees", "centred pixels agree"],
)  # fmt: skip
def test_not_reproduced(changes):
    assert judged(ALL | changes).outcome == "not reproduced"


def test_tells_how_much_slower_raw_pixels_are():
    assert "is 2.00 (2.00 to 2.00) with batches of 1" in str(judged(raw=(0.4, 0.42)))
    assert "not known with batches of 1, which diverged" in str(judged(raw=(0.4, None)))


@pytest.mark.parametrize("n", range(1, 11))
def test_what_coins_give(n):
    throws = [sum(signs) for signs in product((0, 1), repeat=n)]
    assert np.isclose(of_coins(n), np.mean([max(heads, n - heads) / n for heads in throws]))


def test_chance_counts_only_what_is_not_zero():
    dW = np.array([[1.0, 0.0, 0.0], [-2.0, 3.0, 0.0]])
    assert chance(dW) == (0.75 + 1) / 2
    assert chance(np.zeros((3, 2))) is None


def test_the_gradient_is_that_of_the_rows():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 12)).astype(np.uint8), rng.integers(0, 3, 40)
    net = net_of([12, 8, 6, 3], "sigmoid", 0)
    first, second, last = (layer for layer in net.layers if isinstance(layer, nn.Dense))
    rows = np.array([7, 3, 30])
    W = [layer.weight.data.astype(np.float64) for layer in (first, second, last)]
    a = 1 / (1 + np.exp(-(x[rows] / 255) @ W[0]))
    h = 1 / (1 + np.exp(-a @ W[1]))
    p = np.exp(h @ W[2])
    dz = (p / p.sum(1, keepdims=True) - np.eye(3)[y[rows]]) / 3 @ W[2].T * h * (1 - h)
    assert np.allclose(gradient(net, second, x, y, rows), a.T @ dz, rtol=1e-4, atol=1e-8)


def test_centred_pixels_have_mean_zero(few_digits):
    x = inputs_of(few_digits, "centred pixels")
    assert x.dtype == np.float32
    assert np.abs(x.mean(axis=0, dtype=np.float64)).max() < 1e-6
    raw = few_digits.x / 255
    assert np.allclose(x - x[0], raw - raw[0], atol=1e-6)


@pytest.mark.parametrize("source", ["relu", "raw pixels"])
def test_one_image_gives_one_sign(few_digits, source, monkeypatch):
    monkeypatch.setattr(zigzag, "SIZES", (1, 4))
    monkeypatch.setattr(zigzag, "LOOKS", 4)
    found = zigzag.signs(few_digits, source=source, seed=0)
    for when in ("before", "after"):
        assert found[when]["least"][0] == found[when]["agreement"][0] == 1
        assert found[when]["chance"][1] < found[when]["agreement"][1] < 1


def test_a_training_that_diverges_is_told(few_digits):
    found = zigzag.learn(few_digits, pixels="raw pixels", batch=64, lr=1e38, seed=0)
    assert found == {"loss": None}


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(zigzag, "LOOKS", 2)
    monkeypatch.setattr(zigzag, "UNITS", 16)
    bench.extra = ["gelu"]
    experiment = Zigzag()
    numbers = experiment.measure(bench)
    assert [*numbers["sources"]] == [
        "sigmoid", "tanh", "relu", "gelu", "raw pixels", "centred pixels"
    ]  # fmt: skip
    assert len(numbers["trained"]) == 4
    assert experiment.judge(numbers).words
    panels, signs, losses = experiment.charts(numbers)
    assert all(len(panel.series) == 6 for panel in panels.panels)
    assert (len(signs.rows), len(losses.rows)) == (6, 4)


def test_an_activation_without_gradients_is_left_out_of_the_charts():
    numbers = planted()
    nothing = dict.fromkeys(("agreement", "least", "chance"), [None] * len(SIZES))
    numbers["sources"]["mine"] = [{"before": nothing, "after": nothing}]
    assert len(Zigzag().charts(numbers)[1].rows) == 5
