"""The experiment 'saturation': its rule, what it measures, and a small run."""

import numpy as np
import pytest

from minidl import data, nn
from minidl_lab.experiments import saturation_measured
from minidl_lab.experiments.saturation import Saturation, first_is_first
from minidl_lab.experiments.saturation_measured import look, outputs, standard
from minidl_lab.trainings import net_of

# By activation and first weights: the gradient's ratio, the last layer's least mean, and the
# largest share of saturated outputs.
USUAL = {
    ("sigmoid", "standard"): (0.001, 0.02, 0.3), ("sigmoid", "Glorot"): (0.01, 0.05, 0.3),
    ("tanh", "standard"): (0.099, 0.0, 0.2), ("tanh", "Glorot"): (0.7, 0.0, 0.2),
    ("relu", "standard"): (0.03, 0.3, None), ("relu", "Glorot"): (0.3, 0.3, None),
}  # fmt: skip


def planted(changes=None, depths=(4, 5)):
    """Numbers of two seeds."""
    nets = [
        {"activation": activation, "init": init, "depth": depth,
         "runs": [run(depth, *values), run(depth, *values)]}
        for (activation, init), values in (USUAL | (changes or {})).items()
        for depth in depths
    ]  # fmt: skip
    return {"rates": {}, "nets": nets}


def run(depth, ratio, mean, saturated):
    before = {
        "epoch": 0.0, "mean": [0.5] * depth, "percentile_98": [0.5] * depth,
        "saturated": [0.0] * depth, "gradient": np.geomspace(ratio, 1, depth).tolist(),
    }  # fmt: skip
    after = before | {
        "epoch": 1.0, "mean": [0.5] * (depth - 1) + [mean],
        "percentile_98": [0.99] + [0.5] * (depth - 1),
        "saturated": [saturated] + [0.0] * (depth - 1),
    }  # fmt: skip
    return {"looks": [before, after], "error": 0.1, "diverged": False}


def judged(changes=None):
    return Saturation().judge(planted(changes))


def test_true_only_of_sigmoid():
    verdict = judged()
    assert verdict.outcome == "true only when"
    assert verdict.words == "the activation is sigmoid"


def test_true_only_of_tanh_with_standard_weights_too():
    verdict = judged({("tanh", "standard"): (0.099, 0.0, 0.501)})
    assert verdict.words == "the activation is sigmoid or tanh with standard weights"


@pytest.mark.parametrize("values", [(0.101, 0.0, 0.501), (0.099, 0.0, 0.499)])
def test_tanh_needs_both(values):
    assert judged({("tanh", "standard"): values}).words == "the activation is sigmoid"


def test_reproduced():
    both = {("tanh", init): (0.099, 0.0, 0.501) for init in ("standard", "Glorot")}
    assert judged(both).outcome == "reproduced"


@pytest.mark.parametrize("values", [(0.101, 0.02, 0.9), (0.001, 0.101, 0.9)])
def test_not_reproduced(values):
    both = {("sigmoid", init): values for init in ("standard", "Glorot")}
    assert judged(both).outcome == "not reproduced"


def test_tells_the_numbers_of_all_four_cases():
    """Of the least saturated seed and depth, as the rule has it."""
    numbers = planted({("tanh", "Glorot"): (0.7, 0.0, 0.25)})
    for net in numbers["nets"]:
        net["runs"][1] = run(net["depth"], 0.5, 0.12, 0.15)
        if net["init"] == "Glorot":
            net["runs"][1] = run(net["depth"], 0.5, 0.14, 0.4)
    told = Saturation().judge(numbers).evidence
    assert "falls at some look to 0.12 with standard weights and 0.14 with Glorot weights" in told
    assert "15 % with standard weights and 25 % with Glorot weights, or more" in told
    assert told.count(" and 0.") >= 3


def test_every_seed_has_to_saturate():
    numbers = planted()
    for net in numbers["nets"]:
        if net["activation"] == "sigmoid":
            net["runs"][1]["looks"][1]["mean"][-1] = 0.3
    assert Saturation().judge(numbers).outcome == "not reproduced"


@pytest.mark.parametrize(("low", "keeps"), [(0.51, True), (0.49, False), (2.1, False)])
def test_says_whether_glorots_weights_keep_the_gradient(low, keeps):
    words = str(judged({("tanh", "Glorot"): (low, 0.0, 0.2)}))
    assert ("weights keep" in words, "weights do not keep" in words) == (keeps, not keeps)


def test_which_layer_saturates_first():
    def seen(*looks):
        return {"looks": [{"percentile_98": list(sizes)} for sizes in looks]}

    assert first_is_first(seen((0.5, 0.5), (0.98, 0.97), (0.99, 0.98)))
    assert not first_is_first(seen((0.5, 0.5), (0.97, 0.98), (0.99, 0.98)))
    assert not first_is_first(seen((0.5, 0.5), (0.98, 0.98)))
    assert not first_is_first(seen((0.5, 0.5), (0.97, 0.97)))


def test_standard_weights_are_the_papers():
    W = standard((100, 400), np.random.default_rng(0))
    assert np.abs(W).max() <= 0.1
    assert np.isclose(W.var(), 1 / 300, rtol=0.02)  # of U(-a, a): a²/3


def test_a_look_is_what_float64_finds():
    rng = np.random.default_rng(0)
    x, y = rng.random((50, 20)).astype(np.float32), rng.integers(0, 3, 50)
    net = net_of([20, 16, 12, 3], "tanh", 0)
    for p in net.parameters():
        p.data[...] *= 3
    hidden, pre = [x.astype(np.float64)], []
    dense = [layer for layer in net.layers if isinstance(layer, nn.Dense)]
    for layer in dense:
        pre.append(hidden[-1] @ layer.weight.data.astype(np.float64) + layer.bias.data)
        hidden.append(np.tanh(pre[-1]))
    dz = np.exp(pre[-1] - pre[-1].max(1, keepdims=True))
    dz = (dz / dz.sum(1, keepdims=True) - np.eye(3)[y]) / len(x)
    norms = []
    for layer, h in zip(dense[:0:-1], hidden[-2:0:-1], strict=True):
        dz = dz @ layer.weight.data.T.astype(np.float64) * (1 - h**2)
        norms.insert(0, np.sqrt((dz**2).sum()))
    found = look(net, x, y)
    outs = hidden[1:3]
    assert np.allclose(found["gradient"], norms, rtol=1e-4)
    assert np.allclose(found["mean"], [h.mean() for h in outs], atol=1e-6)
    assert np.allclose(found["spread"], [h.std() for h in outs], rtol=1e-5)
    sizes = [np.percentile(np.abs(h), 98) for h in outs]
    assert np.allclose(found["percentile_98"], sizes, rtol=1e-5)
    assert np.allclose(found["saturated"], [(1 - h**2 < 0.05).mean() for h in outs])


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
    found = saturation_measured.learn(few_digits, depth=5, init="standard", epochs=1, **options)
    assert found["diverged"]
    assert found["histograms"] is None
    assert [seen["epoch"] for seen in found["looks"]] == [0.0]  # after a step there is no number


def test_measures_judges_and_draws(bench, monkeypatch):
    monkeypatch.setattr(saturation_measured, "WIDTH", 16)
    bench.extra = ["gelu"]
    experiment = Saturation()
    numbers = experiment.measure(bench)
    assert [*numbers["rates"]] == ["sigmoid", "tanh", "softsign", "relu", "gelu"]
    assert len(numbers["nets"]) == 12
    assert experiment.judge(numbers).words
    charts = experiment.charts(numbers)
    assert [len(chart.panels) for chart in charts] == [2, 4, 2, 2, 3]
    sigmoid, tanh = charts[3].panels
    assert (sigmoid.title, tanh.title) == ("sigmoid", "tanh")
    for panel in (sigmoid, tanh):
        assert panel.log_y
        assert len(panel.series) == 5
    (net,) = [
        net
        for net in numbers["nets"]
        if (net["activation"], net["depth"], net["init"]) == ("tanh", 5, "standard")
    ]
    seen = np.mean([run["looks"][-1]["gradient"] for run in net["runs"]], axis=0)
    assert [series.y[-1] for series in tanh.series] == pytest.approx(seen)
