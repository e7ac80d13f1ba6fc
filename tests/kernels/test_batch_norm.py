"""The kernels of batch normalisation: the formula in float64, finite differences, every level."""

import numpy as np
import pytest
from support import LAYOUTS, assert_gradients, gradients_of_norm, numbers

import minidl
from minidl import _kernels, tensor
from minidl import functional as F
from minidl._kernels import threads as kernel_threads

pytestmark = pytest.mark.usefixtures("level")

EPS = 1e-3  # large enough to be missed where it is forgotten


def normalised(x, mean, var, weight=1, bias=0):
    """The formula."""
    return weight * (x - mean) / np.sqrt(var + EPS) + bias


def running(units, dtype=np.float64):
    """A running mean and variance as training might have left them."""
    return [numbers(units, seed=s).astype(dtype) for s in (5, 6)]


def affine(units, dtype=np.float64):
    return [numbers(units, seed=s).astype(dtype) for s in (7, 8)]


@pytest.mark.bounds("batch_norm.forward")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 1), (3, 31), (5, 32), (2, 33), (64, 100)], ids=str)
def test_the_formula(shape, dtype):
    x = (10 * np.random.default_rng(0).normal(size=shape)).astype(dtype)
    mean, var = running(shape[1], dtype)
    weight, bias = affine(shape[1], dtype)
    wide = x.astype(np.float64)
    tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": 20 * np.finfo(dtype).eps}
    for parameters in ((), (weight, bias)):
        of = {"training": False, "eps": EPS}
        y = F.batch_norm(x, mean, var, *parameters, **of).numpy()
        assert y.dtype == dtype
        np.testing.assert_allclose(y, normalised(wide, mean, var, *parameters), **tolerance)
        y = F.batch_norm(x, None, None, *parameters, **of | {"training": True}).numpy()
        wanted = normalised(wide, wide.mean(axis=0), wide.var(axis=0), *parameters)
        np.testing.assert_allclose(y, wanted, **tolerance)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(2, 3), (5, 34)], ids=str)
def test_gradients(shape, training):
    x, (weight, bias) = numbers(*shape), affine(shape[1])
    of = {"training": training, "eps": EPS, "momentum": 0.0}
    mean, var = running(shape[1])
    assert_gradients(lambda x: F.batch_norm(x, mean, var, **of), x)
    assert_gradients(lambda x, w: F.batch_norm(x, mean, var, w, **of), x, weight)
    assert_gradients(lambda x, b: F.batch_norm(x, mean, var, None, b, **of), x, bias)
    assert_gradients(lambda *xwb: F.batch_norm(xwb[0], mean, var, *xwb[1:], **of), x, weight, bias)
    assert_gradients(lambda w, b: F.batch_norm(x, mean, var, w, b, **of), weight, bias)


@pytest.mark.bounds("batch_norm.backward")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3), (33, 34), (500, 2)], ids=str)
def test_gradients_are_exact_but_for_a_few_roundings(shape, dtype):
    x, dy, (weight, bias) = numbers(*shape), numbers(*shape, seed=1) - 1, affine(shape[1])
    inputs = [tensor(a.astype(dtype), requires_grad=True) for a in (x, weight, bias)]
    y = F.batch_norm(inputs[0], None, None, *inputs[1:], training=True, eps=EPS)
    y.backward(dy.astype(dtype))
    wanted = gradients_of_norm(inputs[0].data, inputs[1].data, dy.astype(dtype), 0, EPS, True)
    # In double precision and rounded once. What the mean takes away of x costs a digit in float64.
    allowed = (0.6 if dtype is np.float32 else len(x) + 20) * np.finfo(dtype).eps
    for found, (exact, size) in zip(inputs, wanted, strict=True):
        assert (np.abs(found.grad.data - exact) <= allowed * size).all()


@pytest.mark.bounds("batch_norm.follow")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_running_numbers_are_rounded_once(dtype):
    was, x = numbers(40, seed=2).astype(dtype), numbers(40, seed=3)
    now = was.copy()
    _kernels.batch_norm.follow(now, x, 1.25, 0.1)
    wide = was.astype(np.float64)
    exact = wide + 0.1 * (1.25 * x - wide)
    np.testing.assert_allclose(
        now, exact, rtol=(0.6 if dtype is np.float32 else 4) * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(layout):
    x, parameters, buffers = numbers(6, 8), affine(8), running(8)
    laid = [LAYOUTS[layout](array) for array in (x, *parameters, *buffers)]
    wanted = F.batch_norm(x, *buffers, *parameters).numpy()
    y = F.batch_norm(laid[0], *laid[3:], *laid[1:3]).numpy()
    np.testing.assert_array_equal(y, wanted)
    wanted = F.batch_norm(x, *buffers, *parameters, training=True).numpy()
    into = np.zeros((2, 16))[:, ::2]
    y = F.batch_norm(laid[0], *into, *laid[1:3], training=True).numpy()
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_allclose(into[0], 0.1 * x.mean(axis=0), rtol=1e-12)
    assert_gradients(lambda x: F.batch_norm(x, None, None, training=True), laid[0])


def test_a_mean_far_from_0_costs_no_digits():
    """The variance of 10^6 + x is that of x: squares would be rounded to 10^-4 in float64."""
    x = np.round(np.random.default_rng(0).normal(size=(50, 3)), 3)
    near, far = (F.batch_norm(x + c, None, None, training=True).numpy() for c in (0.0, 1e6))
    np.testing.assert_allclose(far, near, rtol=1e-8, atol=1e-8)
    far = F.batch_norm((x + 1000).astype("f"), None, None, training=True).numpy()
    np.testing.assert_allclose(far, near, rtol=1e-3, atol=1e-4)


def test_a_float32_sum_is_not_rounded_on_the_way():
    """20,000 rows of 1 and small numbers: a float32 sum would be off by some 1e-5 of itself."""
    x = (1 + 1e-3 * np.random.default_rng(0).normal(size=(20_000, 2))).astype(np.float32)
    mean, var = np.zeros(2, np.float32), np.ones(2, np.float32)
    F.batch_norm(x, mean, var, training=True, momentum=1.0)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=1e-7)
    np.testing.assert_allclose(var, wide.var(axis=0, ddof=1), rtol=2e-7)


def test_nan_and_infinity_stay_in_their_unit():
    x = np.random.default_rng(0).normal(size=(4, 5))
    x[1, 0], x[2, 3] = np.nan, np.inf
    y = F.batch_norm(x, None, None, training=True).numpy()
    assert np.isnan(y[:, [0, 3]]).all()
    assert np.isfinite(y[:, [1, 2, 4]]).all()
    leaf = minidl.tensor(x, requires_grad=True)
    y = F.batch_norm(leaf, np.zeros(5), np.ones(5))
    np.testing.assert_array_equal(np.isfinite(y.numpy()), np.isfinite(x))
    y.sum().backward()
    assert np.isfinite(leaf.grad.numpy()).all(), "in evaluation dx does not depend on x"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_do_not_depend_on_the_threads(dtype, monkeypatch):
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)
    x, dy = np.random.default_rng(0).normal(size=(2, 50, 203)).astype(dtype)

    def bits(threads, training):
        inputs = [minidl.tensor(a, requires_grad=True) for a in (x, *affine(203, dtype))]
        buffers = running(203, dtype)
        with minidl.set_num_threads(threads):
            y = F.batch_norm(inputs[0], *buffers, *inputs[1:], training=training)
            y.backward(dy)
        return [a.tobytes() for a in (y.data, *buffers, *(p.grad.data for p in inputs))]

    for training in (True, False):
        for threads in (2, 3, 8):
            assert bits(threads, training) == bits(1, training)
