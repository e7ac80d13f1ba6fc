"""The sum of all W² before each step of a TrainingStep, which penalties go by."""

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F
from minidl._kernels import threads as kernel_threads

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(23, 41))
Y = RANDOM.integers(0, 7, 23)


@pytest.fixture(autouse=True)
def share_everything(monkeypatch):
    """Small nets are shared out among threads too, which would not be worth it otherwise."""
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)


def squares(dtype, threads, way):
    """Those of an epoch's steps, and the weights after it."""
    minidl.manual_seed(1)
    # Weights in panels and not, with columns that fill no vector.
    net = nn.MLP([41, 67, 300, 5, 7], "tanh").astype(dtype)
    optimizer = optim.SGD(net.parameters(), 0.1, weight_decay=0.1)
    step = TrainingStep(net, F.cross_entropy, optimizer)
    step.squares = []
    expected = []
    batches = data.batches(X.astype(dtype), Y, 5)
    with minidl.set_num_threads(threads):
        if way == "epoch":
            step.epoch(batches)
        else:
            for x, y in batches:
                weights = [p.data.astype("f8") for name, p in net.named_parameters() if "w" in name]
                expected.append(sum((W * W).sum() for W in weights))
                if way == "loop":
                    step.loss = lambda a, b: F.cross_entropy(a, b)
                step(x, y)
    return np.concatenate(step.squares), expected


@pytest.mark.bounds("weights.squares")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_the_formula_with_the_same_bits_on_every_path(dtype, level):
    found, expected = squares(dtype, 1, "loop")
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    for way in ("epoch", "single steps"):
        for threads in (1, 2, 3):
            again, _ = squares(dtype, threads, way)
            np.testing.assert_array_equal(again, found)


def test_weights_that_are_used_twice_count_once():
    shared = nn.Dense(41, 41)
    net = nn.Sequential(shared, nn.ReLU(), shared, nn.Dense(41, 7))
    expected = sum((p.data.astype("f8") ** 2).sum() for p in net.parameters() if p.ndim == 2)
    for loss in (F.cross_entropy, lambda a, b: F.cross_entropy(a, b)):
        step = TrainingStep(net, loss, optim.SGD(net.parameters(), lr=1e-30))
        step.squares = []
        step(X.astype("f4"), Y)
        np.testing.assert_allclose(step.squares, [[expected]], rtol=1e-13)
