"""fit with accumulate: whole groups of batches, whatever cuts training into pieces."""

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim, schedules, train
from minidl import functional as F

RNG = np.random.default_rng(4)
X = RNG.normal(size=(58, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 58)
SIZE, BATCHES, GROUP = 10, 6, 4  # an epoch has a group of 4 batches and one of 2


def plain(outputs, y):
    return F.cross_entropy(outputs, y)


EVERY_WAY = [
    pytest.mark.parametrize("loss", [F.cross_entropy, plain], ids=["kernel", "loop"]),
    pytest.mark.parametrize("kind", ["batches", "list"]),
    pytest.mark.parametrize("seconds", [0, 1e9], ids=["a group at a time", "all at once"]),
]


def in_every_way(test):
    for mark in EVERY_WAY:
        test = mark(test)
    return test


def made(lr=0.05):
    minidl.manual_seed(1)
    net = nn.Sequential(nn.Dense(6, 20), nn.ReLU(), nn.Dropout(0.3, seed=5), nn.Dense(20, 3))
    return net, optim.SGD(net.parameters(), lr, momentum=0.5)


def given(kind):
    batches = data.batches(X, Y, SIZE)
    return batches if kind == "batches" else [(x.data.copy(), y) for x, y in batches]


def values(net):
    return [p.data.tobytes() for p in net.parameters()]


def by_hand(net, optimizer, schedule, epochs):
    """The losses of the loop written out."""
    losses, batches = [], given("list")
    for group in [batches[:GROUP], batches[GROUP:]] * epochs:
        optimizer.zero_grad()
        for x, y in group:
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            losses.append(loss.item())
        for p in optimizer.all_parameters():
            p.grad.data *= 1 / len(group)
        optimizer.step()
        schedule.step()
    return losses


@in_every_way
def test_the_bits_of_the_loop(loss, kind, seconds, monkeypatch):
    monkeypatch.setattr("minidl.train.feed.SECONDS", seconds)
    monkeypatch.setattr("minidl.train.feed.HELD", 7)
    net, optimizer = made()
    expected = by_hand(net, optimizer, schedules.Schedule(optimizer, schedules.cosine(9)), 3)
    again, other = made()
    history = train.fit(
        again, given(kind), loss, other, 3, schedule=schedules.cosine(9), accumulate=GROUP,
        progress=False,
    )  # fmt: skip
    assert values(again) == values(net)
    epochs = np.array(expected).reshape(3, BATCHES).mean(axis=1)
    np.testing.assert_allclose(history["loss"], epochs, rtol=1e-6)
    assert other.lr == optimizer.lr


class Stops(train.Callback):
    def __init__(self, at):
        self.at = at

    def on_steps(self, run, losses):
        if run.step >= self.at:
            run.stop("enough")


@pytest.mark.parametrize("at", [1, 4, 5, 9])
@pytest.mark.parametrize("kind", ["batches", "list"])
def test_training_is_stopped_and_resumed_between_groups(at, kind, monkeypatch, tmp_path):
    monkeypatch.setattr("minidl.train.feed.SECONDS", 0)

    def trained(folder, *callbacks):
        net, optimizer = made()
        history = train.fit(
            net, given(kind), F.cross_entropy, optimizer, 3, accumulate=GROUP, resume=True,
            callbacks=[train.Checkpoint(folder), *callbacks], progress=False,
        )  # fmt: skip
        return values(net), len(history) and history["loss"]

    trained(tmp_path / "cut", Stops(at))
    assert trained(tmp_path / "cut") == trained(tmp_path / "whole")


@in_every_way
def test_a_loss_that_is_not_finite_leaves_the_weights_before_its_group(
    loss, kind, seconds, monkeypatch
):
    monkeypatch.setattr("minidl.train.feed.SECONDS", seconds)
    net, optimizer = made(lr=100)
    with pytest.raises(minidl.DivergedError) as caught:
        train.fit(
            net, given(kind), loss, optimizer, 20, accumulate=GROUP, guards=False, progress=False
        )
    epochs, batch = divmod(caught.value.step - 1, BATCHES)
    assert (caught.value.epoch, caught.value.batch) == (epochs + 1, batch + 1)
    assert batch % GROUP, "within a group, or this shows nothing"
    again, other = made(lr=100)
    step = TrainingStep(again, loss, other, accumulate=GROUP)
    for _ in range(epochs):
        step.on_batches(given("list"))
    step.on_batches(given("list")[: batch // GROUP * GROUP])
    assert values(net) == values(again)
