"""Sums over many rows: as exact as pairwise summation, wherever the library makes one."""

import math

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, _kernels, data, maximum, minimum, nn, optim, tensor, where
from minidl import functional as F
from minidl._kernels import threads as kernel_threads
from minidl.engine.tensor.arrays import summed

pytestmark = pytest.mark.usefixtures("level")

ROWS = 4096
IN_ORDER = 32  # rows that are added one after the other, at most
DTYPES = [np.float32, np.float64]


def avalanche(dtype, *shape):
    """Ones below a first number that is too large to grow by 1: added in order, all are lost."""
    x = np.ones(shape, dtype)
    x[0] = 2 / np.finfo(dtype).eps
    return x


def assert_summed(found, x):
    """Within the error of sums of IN_ORDER numbers that are added in pairs. (Higham 1993.)"""
    exact = np.array([math.fsum(column) for column in x.T])
    passes = IN_ORDER + np.log2(len(x))
    bound = passes * np.finfo(x.dtype).eps / 2 * np.abs(x).sum(axis=0, dtype=np.float64)
    assert (np.abs(np.asarray(found, np.float64) - exact) <= bound).all()


@pytest.mark.bounds("sums.over_rows")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [0, 1, 31, 32, 33, 65, 1000, ROWS + 31])
@pytest.mark.parametrize("columns", [1, 3, 40, 300])
def test_sums_of_rows(rows, columns, dtype):
    rng = np.random.default_rng(rows)
    for x in (rng.standard_normal((rows, columns)), 1 + rng.random((rows, columns))):
        x = x.astype(dtype)
        if rows:
            assert_summed(summed(x, (0,)), x)
        if 0 < rows <= IN_ORDER and columns > 1:
            np.testing.assert_array_equal(summed(x, (0,)), sum(x[1:], start=x[0]))
    if rows:
        assert_summed(
            summed(avalanche(dtype, rows, columns), (0,)), avalanche(dtype, rows, columns)
        )
    else:
        np.testing.assert_array_equal(summed(x, (0,)), np.zeros(columns))


LAYOUTS = {
    "first": (lambda x: x, (0,)),
    "transposed": (lambda x: np.asfortranarray(x), (0,)),
    "last of the transpose": (lambda x: x.T, (1,)),
    "strided": (lambda x: np.repeat(x, 2, axis=1)[:, ::2], (0,)),
    "reversed": (lambda x: x[::-1][::-1], (0,)),
    "in the middle": (lambda x: np.stack([x, x]), (1,)),
    "in pieces": (lambda x: x.reshape(64, -1, x.shape[1]), (0, 1)),
    "first and last": (lambda x: x.reshape(64, -1, 1, x.shape[1]).transpose(0, 2, 3, 1), (0, 3)),
}


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", LAYOUTS)
def test_axes_of_any_layout(name, keepdims):
    lay, axes = LAYOUTS[name]
    x = avalanche(np.float32, ROWS, 3)
    laid = lay(x)
    found = summed(laid, axes, keepdims)
    assert found.shape == laid.sum(axis=axes, keepdims=keepdims).shape
    assert_summed(found.reshape(-1, 3), x)


def test_all_axes_and_none():
    x = avalanche(np.float32, ROWS, 1)
    for one in (x, x.T, np.repeat(x, 2, axis=1)[:, ::2]):
        assert_summed(summed(one, (0, 1)), x)
        np.testing.assert_array_equal(summed(one, ()), one)


# What is summed over rows: name, and how it comes from x.


def gradient_of(function):
    """The gradient of an operand b = 1 that is broadcast, where that of the result is x."""

    def of(x):
        b = tensor(np.ones(x.shape[1:], x.dtype), requires_grad=True)
        function(tensor(np.ones_like(x)), b).backward(x)
        return b.grad

    return of


def of_layer(make, parameter):
    """A parameter's gradient, where the layer's input is 1 and its result's gradient x."""

    def of(x):
        layer = make(x.shape[1]).astype(x.dtype)
        layer(tensor(np.ones_like(x))).backward(x)
        return getattr(layer, parameter).grad

    return of


def of_prelu(x):
    slopes = tensor(np.ones(x.shape[1], x.dtype), requires_grad=True)
    F.prelu(tensor(-np.ones_like(x)), slopes).backward(-x)
    return slopes.grad


SUMS = {
    "sum": lambda x: tensor(x).sum(0),
    "mean": lambda x: tensor(x).mean(0) * len(x),
    "+": gradient_of(lambda x, b: x + b),
    "-": gradient_of(lambda x, b: b - x),
    "*": gradient_of(lambda x, b: x * b),
    "/": gradient_of(lambda x, b: b / x),
    "**": gradient_of(lambda x, b: b**x),
    "where": gradient_of(lambda x, b: where([True], b, x)),
    "maximum": gradient_of(lambda x, b: maximum(x - 1, b)),
    "minimum": gradient_of(lambda x, b: minimum(x + 1, b)),
    "Dense": of_layer(lambda units: nn.Dense(units, units), "bias"),
    "Bias": of_layer(nn.Bias, "bias"),
    "BatchNorm": of_layer(lambda units: nn.BatchNorm(units).eval(), "bias"),
    "LayerNorm": of_layer(nn.LayerNorm, "bias"),
    "RMSNorm": of_layer(lambda units: nn.RMSNorm(units, eps=1e-30), "weight"),
    "PReLU": of_prelu,
}


@pytest.mark.bounds("prelu gradient")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SUMS)
def test_every_sum_over_rows(name, dtype):
    x = avalanche(dtype, ROWS, 3)
    assert_summed(SUMS[name](x), x)


@pytest.mark.bounds("rows.in_order")
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sum_in_order_is_in_double_precision(dtype):
    x = np.random.default_rng(0).standard_normal(999).astype(dtype)
    allowed = len(x) * np.finfo(float).eps / 2 * math.fsum(np.abs(x).tolist())
    assert abs(_kernels.rows.in_order(x) - math.fsum(x.tolist())) <= allowed


def test_the_gradient_of_an_element_that_is_looked_up_often():
    x = avalanche(np.float32, ROWS, 3)
    table = tensor(np.zeros((2, 3), np.float32), requires_grad=True)
    table[np.ones(ROWS, int)].backward(x)
    assert_summed(table.grad[1], x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_statistics(dtype):
    x = avalanche(dtype, ROWS, 3)
    mean, var = np.zeros((2, 3), dtype)
    F.batch_norm(x, mean, var, training=True, momentum=1.0)
    assert_summed(mean * len(x), x)
    wanted = x.astype(np.float64).var(axis=0, ddof=1)
    np.testing.assert_allclose(var, wanted, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(tensor(x).var(0, ddof=1), wanted, rtol=1e-6)


@pytest.mark.parametrize("outputs", [3, 40])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bias_in_the_kernels_step(dtype, outputs, monkeypatch):
    """A step of SGD moves the bias by its gradient, which for the mean squared error of outputs 0
    is -2 target / count."""
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)
    targets = avalanche(dtype, ROWS, outputs)
    for threads in (1, 2):
        net = nn.Sequential(nn.Dense(1, outputs)).astype(dtype)
        net[0].weight.data[...] = 0
        optimizer = optim.SGD(net.parameters(), targets.size / 2)
        inputs = np.zeros((ROWS, 1), dtype)
        with minidl.set_num_threads(threads):
            step = TrainingStep(net, F.mse, optimizer)
            step.epoch(data.batches(inputs, targets, batch_size=ROWS))
        assert_summed(net[0].bias.data, targets)


@pytest.mark.parametrize("outputs", [3, 40])
def test_the_kernels_step_of_a_large_batch_has_the_loops_bits(outputs, monkeypatch):
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)
    rng = np.random.default_rng(0)
    x, y = rng.random((3000, 30), np.float32), rng.random((3000, outputs), np.float32)
    results = []
    for threads in (0, 1, 2):
        minidl.manual_seed(0)
        net = nn.Sequential(nn.Dense(30, outputs), nn.PReLU(outputs))
        optimizer = optim.SGD(net.parameters(), 0.1)
        if threads:
            with minidl.set_num_threads(threads):
                TrainingStep(net, F.mse, optimizer).epoch(data.batches(x, y, batch_size=3000))
        else:
            F.mse(net(x), y).backward()
            optimizer.step()
        results.append([p.numpy().tobytes() for p in net.parameters()])
    assert results[1:] == results[:1] * 2


def test_threads_do_not_change_a_sum(monkeypatch):
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)
    x = np.random.default_rng(0).standard_normal((2, 300, 700)).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        with minidl.set_num_threads(threads):
            results.append(summed(x, (1,)).tobytes())
    assert results[1:] == results[:1] * 2


def test_means_of_many_integers_and_masks():
    x = np.full((ROWS, 2), 2**24 + 1)
    np.testing.assert_allclose(tensor(x).mean(0), 2**24 + 1, rtol=6e-8)
    assert tensor(x > 0).mean(0).dtype == np.float32
