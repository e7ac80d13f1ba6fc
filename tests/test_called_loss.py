"""A loss of a user's own is called between two kernel calls, with the bits of the loop."""

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F
from minidl._kernels import threads as kernel_threads


@pytest.fixture(autouse=True)
def share_everything(monkeypatch):
    """Small nets are shared out among threads too, which would not be worth it otherwise."""
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)


def net_of():
    minidl.manual_seed(0)
    return nn.Sequential(
        nn.Dropout(0.1), nn.Dense(20, 40), nn.BatchNorm(40), nn.PReLU(), nn.Dense(40, 3)
    )


def batches_of():
    x = np.random.default_rng(0).normal(size=(60, 20)).astype(np.float32)
    return data.batches(x, np.arange(60) % 3, 16, shuffle=True, seed=1, drop_last=True)


def absolute(y, labels):
    return (y - np.eye(3, dtype=np.float32)[labels]).abs().mean()


LOSSES = {
    "a lambda": lambda net: lambda y, t: F.cross_entropy(y, t, label_smoothing=0.1),
    "a formula": lambda net: absolute,
    "a penalty": lambda net: lambda y, t: F.cross_entropy(y, t) + 0.01 * (net[1].weight ** 2).sum(),
    "a part of the outputs": lambda net: lambda y, t: F.cross_entropy(y[:, :2], t % 2),
}


def state_of(net, optimizer, losses):
    values = [*net.state_dict().values(), *optimizer.state_dict().values(), np.float32(losses)]
    return [np.asarray(v).tobytes() for v in values], net.random_state()


def written_out(name):
    net = net_of()
    loss_of, optimizer = LOSSES[name](net), optim.Adam(net.parameters(), 0.01)
    losses = []
    for x, y in [*batches_of(), *batches_of()]:
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return state_of(net, optimizer, losses)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", LOSSES)
def test_the_bits_of_the_loop(name, threads, level, monkeypatch):
    monkeypatch.setattr("minidl.step.training.WORTH_PACKING", threads % 2)
    net = net_of()
    optimizer = optim.Adam(net.parameters(), 0.01)
    step = TrainingStep(net, LOSSES[name](net), optimizer)
    with minidl.set_num_threads(threads):
        losses = [*step.epoch(batches_of()), *step.epoch(batches_of())]
    assert state_of(net, optimizer, losses) == written_out(name)
    assert (step._not_called is None) == (name != "a penalty")
    assert step.why()


def test_no_layer_is_called(monkeypatch):
    net = net_of()
    step = TrainingStep(net, LOSSES["a lambda"](net), optim.SGD(net.parameters(), 0.1))
    monkeypatch.setattr("minidl.layers.dense.dense", None)
    assert np.isfinite(step.epoch(batches_of())).all()


def test_an_error_in_the_loss_changes_no_weight():
    def fails(y, t):
        raise RuntimeError("a user's")

    net = net_of()
    step = TrainingStep(net, fails, optim.SGD(net.parameters(), 0.1))
    before = [p.data.copy() for p in net.parameters()]
    with pytest.raises(RuntimeError, match="a user's"):
        step.epoch(batches_of())
    for p, values in zip(net.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, values)
    step.loss = F.cross_entropy
    assert np.isfinite(step.epoch(batches_of())).all()
