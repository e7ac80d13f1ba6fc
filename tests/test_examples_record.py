"""The record on MNIST: where an image moves, held to finite differences in float64. Its runs are
tested with those of the papers (test_examples_papers.py)."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax

import minidl
from minidl import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "examples/papers"))
record = importlib.import_module("record_mnist")

PIXELS = 6


def small_net(classes, dtype=np.float64, scale=1.0):
    """A smooth net in training mode, whose batch normalisation has seen other images."""
    minidl.manual_seed(0)
    net = nn.Sequential(
        nn.Dense(PIXELS, 8), nn.BatchNorm(8), nn.Tanh(), nn.Dense(8, classes)
    ).astype(dtype)  # fmt: skip
    net(images(50, dtype, seed=1))
    net[-1].weight.data[...] *= scale
    return net


def images(n, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(size=(n, PIXELS)).astype(dtype)


def log_probabilities(net, x):
    """log p(class | x) in evaluation, (n, classes), by the formula in float64."""
    dense, norm, _, out = net
    z = x.astype(float) @ dense.weight.data + dense.bias.data
    z = (z - norm.running_mean) / np.sqrt(norm.running_var + norm.eps)
    h = np.tanh(z * norm.weight.data + norm.bias.data)
    return log_softmax(h @ out.weight.data.astype(float) + out.bias.data, axis=1)


def divergence(net, x, moved):
    """KL(p(. | x) || p(. | moved)) for each pair of images."""
    p, q = log_probabilities(net, x), log_probabilities(net, moved)
    return (np.exp(p) * (p - q)).sum(1)


def hessian_at(net, x, h=1e-3):
    """The second derivatives of KL(p(. | x) || p(. | x + r)) by r at r = 0, for one image, by
    central differences."""
    steps = h * np.eye(PIXELS)
    ends = {
        (a, b): divergence(net, x, x + (a * steps[:, None] + b * steps[None]).reshape(-1, PIXELS))
        for a in (1, -1) for b in (1, -1)
    }  # fmt: skip
    mixed = ends[1, 1] - ends[1, -1] - ends[-1, 1] + ends[-1, -1]
    return mixed.reshape(PIXELS, PIXELS) / (4 * h * h)


def test_between_two_classes_it_is_the_virtual_adversarial_direction():
    """The dominant eigenvector of that Hessian, which the power iteration looks for."""
    net, x = small_net(2), images(7)
    for one, way in zip(x, record.direction(net, x), strict=True):
        values, vectors = np.linalg.eigh(hessian_at(net, one[None]))
        assert values[-1] > 1e3 * np.abs(values[:-1]).max()
        assert abs(way @ vectors[:, -1]) == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1, 300])  # for 300 many probabilities round to 1 in float32
def test_the_nets_own_answer_loses_fastest_along_it(dtype, scale):
    net, x = small_net(4, dtype, scale), images(20, dtype)
    way = record.direction(net, x)
    assert way.dtype == dtype
    assert way.shape == x.shape
    exact = log_probabilities(net, x)
    if scale > 1:
        assert np.median(exact.max(1)) > -1e-8
    answers = exact.argmax(1)[:, None]

    def margin(x):
        """log of the odds against the answer."""
        logs = log_probabilities(net, x)
        others = np.exp(logs)
        np.put_along_axis(others, answers, 0, axis=1)
        return np.log(others.sum(1)) - np.take_along_axis(logs, answers, 1)[:, 0]

    h = 1e-5
    slope = np.stack([margin(x + h * e) - margin(x - h * e) for e in np.eye(PIXELS)], axis=1)
    slope /= np.linalg.norm(slope, axis=1, keepdims=True)
    np.testing.assert_allclose(way, slope, atol=1e-7 if dtype == np.float64 else 1e-5)


def test_looking_for_the_direction_leaves_the_net_alone():
    net = small_net(3)
    state = net.state_dict()
    record.direction(net, images(5))
    assert all(layer.training for layer in net)
    assert all(p.grad is None for p in net.parameters())
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, state[name])


def test_without_a_slope_an_image_stays_where_it_is():
    net = small_net(3)
    net[0].weight.data[...] = 0
    np.testing.assert_array_equal(record.direction(net, images(2)), np.zeros((2, PIXELS)))


def test_in_training_each_image_moves_by_a_random_share_of_the_way(monkeypatch):
    net, seen = small_net(3), []
    adversary = record.Adversary(net, 2.5)
    net.forward = lambda x: seen.append(np.asarray(x)) or minidl.Tensor(np.asarray(x)[:, :3])
    x, way = images(4000), np.zeros(PIXELS)
    way[1] = 1
    monkeypatch.setattr(record, "direction", lambda net, x: np.tile(way, (len(x), 1)))
    adversary(x)
    adversary(x)
    adversary.eval()(x)
    first, second, untouched = seen
    assert untouched is x
    shares = (first - x) @ way / 2.5
    np.testing.assert_allclose(first, x + 2.5 * shares[:, None] * way)
    assert 0 <= shares.min() < 0.01
    assert 0.99 < shares.max() <= 1
    quarters = np.histogram(shares, 4, (0, 1))[0]
    assert np.abs(quarters - 1000).max() < 5 * np.sqrt(1000)
    assert abs(np.corrcoef(first[:, 1] - x[:, 1], second[:, 1] - x[:, 1])[0, 1]) < 0.1


def test_the_net_is_that_of_the_virtual_adversarial_paper():
    net = record.network([6, 4])
    part = ["Dense", "BatchNorm"]
    assert [type(layer).__name__ for layer in net] == [*part, "ReLU", *part, "ReLU", *part]
    sizes = [layer.weight.shape for layer in net if isinstance(layer, nn.Dense)]
    assert sizes == [(784, 6), (6, 4), (4, 10)]


@pytest.mark.parametrize("steps", [1, 2, 90, 91])
def test_the_rate_falls_on_a_straight_line(steps):
    factor = record.falls(steps)
    values = [factor(step) for step in range(steps + 1)]
    flat = int(0.3 * steps)
    assert values[: flat + 1] == [1.0] * (flat + 1)
    assert values[flat:] == pytest.approx(np.linspace(1, 0, steps - flat + 1))
