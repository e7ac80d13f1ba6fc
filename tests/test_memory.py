"""Memory: what a step was given is freed when the step is over, without the garbage collector."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, nn, optim
from minidl import functional as F


class Doubled(nn.Layer):
    """y = 2 x, by a forward that has no plan."""

    def forward(self, x: Any) -> minidl.Tensor:
        return 2 * x


def nets():
    """Nets that the kernel runs, and one with a user's layer, which the loop runs."""
    return {
        "planned": nn.MLP([5, 4, 3]),
        "user's layer": nn.Sequential(nn.Dense(5, 3), Doubled()),
        "noise": nn.Sequential(nn.GaussianNoise(0.1), nn.Dense(5, 3), nn.BatchNorm(3)),
    }


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", nets())
@pytest.mark.parametrize("called", [False, True])
def test_batches_are_freed(name, called, no_collector):
    net, rng = nets()[name], np.random.default_rng(0)
    loss = (lambda z, t: F.cross_entropy(z, t)) if called else F.cross_entropy
    step = TrainingStep(net, loss, optim.SGD(net.parameters(), 0.1))
    alive = []
    for _ in range(4):
        x = rng.random((6, 5), np.float32)
        alive.append(weakref.ref(x))
        step(x, np.arange(6) % 3)
        minidl.predict(net, x)
    del x
    assert [one() is not None for one in alive[:-1]] == [False] * 3
