"""Losses in training: behind a layer that has no kernel, by the loop; what is looked at before the
first step."""

from functools import partial

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim, train
from minidl import functional as F

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype(np.float32)
LABELS = RNG.integers(0, 4, 20)
SOME = np.where(np.arange(20) % 5 == 0, -1, LABELS)
SOFT = RNG.dirichlet(np.ones(4), 20).astype(np.float32)


class LogSoftmax(nn.Layer):
    def forward(self, x):
        return F.log_softmax(x)


LOSSES = {
    "nll": (F.nll, LABELS),
    "nll, ignored": (partial(F.nll, ignore_index=-1), SOME),
    "cross_entropy, ignored": (partial(F.cross_entropy, ignore_index=-1), SOME),
    "kl_divergence": (partial(F.kl_divergence, reduction="batchmean"), SOFT),
    "kl_divergence, logarithms": (partial(F.kl_divergence, log_target=True), np.log(SOFT)),
}
EACH = pytest.mark.parametrize("name", LOSSES)


def made(loss):
    minidl.manual_seed(0)
    net = nn.Sequential(nn.Dense(3, 8), nn.Tanh(), nn.Dense(8, 4), LogSoftmax())
    return net, optim.SGD(net.parameters(), lr=0.5)


def bits(net):
    return [p.numpy().tobytes() for p in net.parameters()]


@EACH
def test_a_training_step_is_the_loop(name):
    loss, y = LOSSES[name]
    net, optimizer = made(loss)
    losses = []
    for images, targets in data.batches(X, y, batch_size=10):
        optimizer.zero_grad()
        result = loss(net(images), targets)
        result.backward()
        optimizer.step()
        losses.append(result.item())
    other, optimizer = made(loss)
    found = TrainingStep(other, loss, optimizer).epoch(data.batches(X, y, batch_size=10))
    np.testing.assert_array_equal(found, losses)
    assert bits(other) == bits(net)


@EACH
def test_fit_learns(name):
    loss, y = LOSSES[name]
    net, optimizer = made(loss)
    history = train.fit(net, (X, y), loss, optimizer, epochs=30, batch_size=10, progress=False)
    assert history["loss"][-1] < 0.9 * history["loss"][0]


@pytest.mark.parametrize(
    ("loss", "wrong"),
    [(F.nll, 4), (F.cross_entropy, -1), (partial(F.nll, ignore_index=-1), -2)],
)
def test_fit_refuses_a_wrong_label_before_the_first_step(loss, wrong):
    y = SOME.copy() if isinstance(loss, partial) else LABELS.copy()
    y[-1] = wrong
    net, optimizer = made(loss)
    before = bits(net)
    with pytest.raises(minidl.ArgumentError, match=rf"labels from 0 to 3, got {wrong} at index"):
        train.fit(net, (X, y), loss, optimizer, epochs=1, batch_size=10, progress=False)
    assert bits(net) == before


def test_a_batch_whose_rows_have_no_weight_is_refused_before_the_first_step():
    """It has no mean. As a sum it is nothing but a batch without a gradient."""
    last = np.arange(20) >= 10
    ignored, none = np.where(last, -1, LABELS), np.where(last, 0.0, 1.0)
    of_class = partial(F.cross_entropy, weight=[1.0, 1.0, 1.0, 0.0])
    cases = [
        (partial(F.cross_entropy, ignore_index=-1), ignored, None),
        (F.cross_entropy, LABELS, none),
        (of_class, np.where(last, 3, LABELS), None),
    ]
    for loss, y, weights in cases:
        for reduction in ("mean", "sum"):
            net = nn.MLP([3, 8, 4])
            step = TrainingStep(
                net, partial(loss, reduction=reduction), optim.SGD(net.parameters(), 0.5)
            )
            before = bits(net)
            batches = data.batches(X, y, 10, sample_weight=weights)
            if reduction == "sum":
                assert step.epoch(batches)[1] == 0
                assert bits(net) != before
                continue
            with pytest.raises(minidl.ArgumentError, match=r"add up to 0, got 0.0 in batch 2 of 2"):
                step.epoch(batches)
            assert bits(net) == before


def test_a_rehearsal_on_rows_without_weight_is_no_mistake():
    """What fit tries beforehand are rows that need not be a batch: here the ignored ones."""
    y = np.where(np.arange(20) % 10 == 0, -1, LABELS)
    loss = partial(F.cross_entropy, ignore_index=-1)
    net = nn.MLP([3, 4])
    optimizer = optim.SGD(net.parameters(), 0.1)
    train.fit(net, data.batches(X, y, 2), loss, optimizer, epochs=1, progress=False, guards=False)


def test_a_batch_without_weight_is_refused_before_any_step(monkeypatch):
    monkeypatch.setattr("minidl.step.training.CALL", 1)  # each step is a call of its own
    x, y = np.ones((40, 3), np.float32), np.zeros(40, int)
    weights = np.repeat([1.0, 0.0], 20)
    net = nn.Sequential(nn.Dense(3, 2))
    before = net.state_dict()
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1))
    with pytest.raises(minidl.ArgumentError):
        step.epoch(data.batches(x, y, 10, sample_weight=weights))
    for name, values in net.state_dict().items():
        np.testing.assert_array_equal(values, before[name])
