"""find_learning_rate: a growing rate, the suggestion, and everything as before."""

import numpy as np
import pytest
from ensembles import X, Y

import minidl
from minidl import TrainingStep, data, nn, optim, train
from minidl import functional as F
from minidl.train.rate_finder import RISE, smooth


def trained_a_little():
    """A net and an optimiser in the middle of a training."""
    minidl.manual_seed(1)
    net = nn.Sequential(nn.Dense(4, 8), nn.BatchNorm(8), nn.ReLU(), nn.Dropout(0.2), nn.Dense(8, 2))
    rest = [p for p in net.parameters() if p is not net[0].weight]
    groups = [{"params": [net[0].weight], "lr": 0.02}, {"params": rest}]
    optimizer = optim.Adam(groups, lr=0.01)
    batches = data.batches(X, Y, 8, shuffle=True, seed=5)
    TrainingStep(net, F.cross_entropy, optimizer).epoch(batches)
    return net, optimizer, batches


def all_of(net, optimizer, batches):
    state = net.state_dict() | optimizer.state_dict()
    bits = {name: np.asarray(value).tobytes() for name, value in state.items()}
    return bits, net.random_state(), minidl.random.random_state(), batches.epoch, [
        (layer.training, p.grad) for layer in net.layers_within() for p in layer.parameters()
    ]  # fmt: skip


@pytest.mark.parametrize("highest", [1.0, 1e30])
def test_everything_is_as_before(highest):
    net, optimizer, batches = trained_a_little()
    before = all_of(net, optimizer, batches)
    curve = train.find_learning_rate(net, batches, F.cross_entropy, optimizer, highest=highest)
    assert all_of(net, optimizer, batches) == before
    assert len(curve.losses) == 100 or highest > 1
    with pytest.raises(minidl.ArgumentError):  # also after an error
        train.find_learning_rate(net, batches, F.cross_entropy, optimizer, metrics=["f1"])
    assert all_of(net, optimizer, batches) == before


def test_its_steps_are_those_of_a_growing_rate():
    net = nn.Dense(4, 2)
    start = net.state_dict()
    optimizer = optim.SGD(net.parameters(), 0.3)
    options = {"lowest": 1e-3, "highest": 0.1, "steps": 12, "batch_size": 60, "shuffle": False}
    curve = train.find_learning_rate(net, (X, Y), F.cross_entropy, optimizer, **options)
    rates = np.geomspace(1e-3, 0.1, 12)
    np.testing.assert_allclose(curve.rates, rates, rtol=1e-12)
    net.load_state_dict(start)
    step = TrainingStep(net, F.cross_entropy, optimizer)
    losses = []
    for rate in curve.rates:
        optimizer.param_groups[0]["lr"] = rate
        losses += [step(X, Y)]
    assert curve.losses.tolist() == losses


def test_the_suggestion_is_stable_and_not_slow():
    """For a quadratic loss whose largest curvature is c, SGD is stable below 2 / c."""
    random = np.random.default_rng(4)
    x = random.normal(size=(64, 5)).astype(np.float32) * 3
    y = x @ random.normal(size=(5, 1)).astype(np.float32)
    curvature = np.linalg.eigvalsh(2 * x.T.astype(np.float64) @ x / 64).max()
    net = nn.Dense(5, 1, bias=False)
    curve = train.find_learning_rate(net, (x, y), F.mse, optim.SGD(net.parameters(), 1.0),
                                     batch_size=64)  # fmt: skip
    assert 0.02 / curvature < curve.suggestion < 2 / curvature
    smoothed = smooth(curve.losses)
    assert smoothed[-1] > RISE * smoothed.min(), "it stops when the loss has risen"
    assert curve.rates[-1] < 10
    np.testing.assert_array_equal(curve.smoothed, smoothed)


def test_the_picture(tmp_path):
    curve = train.RateCurve(np.geomspace(1e-4, 1, 50), np.linspace(2, 1, 50))
    figure = curve.plot(tmp_path / "rates.png")
    assert (tmp_path / "rates.png").read_bytes()[:4] == b"\x89PNG"
    (axis,) = figure.axes
    assert axis.get_ylim() == pytest.approx((0.8, 2.2))
    assert axis.get_xscale() == "log"
    assert axis.lines[2].get_xdata()[0] == curve.suggestion
    assert repr(curve).startswith("rates from 0.0001 to 1: █")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"lowest": 0.0}, "0 < lowest < highest"),
        ({"lowest": 1.0, "highest": 0.1}, "0 < lowest < highest"),
        ({"steps": 1}, "steps: a whole number from 2 up"),
    ],
)
def test_wrong_rates(options, match):
    net = nn.Dense(4, 2)
    with pytest.raises(minidl.ArgumentError, match=match):
        train.find_learning_rate(
            net, (X, Y), F.cross_entropy, optim.SGD(net.parameters(), 0.1), **options
        )
    optimizer = optim.SGD(net.parameters(), 0.1)
    optimizer.param_groups[0]["lr"] = 0.0
    with pytest.raises(minidl.ArgumentError, match="a rate above 0"):
        train.find_learning_rate(net, (X, Y), F.cross_entropy, optimizer)
