"""Lengths: their kinks at 0, what is very large or small, and other norms."""

import math

import numpy as np
import pytest
from support import assert_gradients, leaf, numbers

import minidl
from minidl import tensor
from minidl.errors import ArgumentError, DTypeError

X = numbers(3, 4, low=-2, high=2)

# Each is 0 at equal elements or at 0, with a slope of 0 and no curvature.
LENGTHS = {
    "norm": lambda x: x.norm(),
    "norm of rows": lambda x: x.reshape(1, -1).norm(axis=1),
    "hypot": lambda x: minidl.hypot(x, x).sum(),
    "std": lambda x: x.std(),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_the_slope_of_a_length_at_0_is_0_and_stays_so(name):
    x = tensor(np.zeros(3))
    y, gradient = minidl.autograd.vjp(lambda x: LENGTHS[name](x).sum(), x)
    assert y.item() == 0
    np.testing.assert_array_equal(gradient, np.zeros(3))
    H = minidl.autograd.hessian(lambda x: LENGTHS[name](x).sum(), x)
    np.testing.assert_array_equal(H, np.zeros((3, 3)))


def test_a_row_of_zeros_beside_another():
    x = leaf([0.0, 0.0], [3.0, 4.0])
    x.norm(axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0, 0], [0.6, 0.8]], rtol=1e-15)


@pytest.mark.parametrize("ord", [1, 2, 2.0, math.inf])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_norms(ord, axis):
    y = assert_gradients(lambda x: x.norm(ord, axis), X)
    flat = X.ravel() if axis is None else X
    np.testing.assert_allclose(y, np.linalg.norm(flat, ord, axis), rtol=1e-14)
    kept = tensor(X).norm(ord, axis, keepdims=True)
    np.testing.assert_array_equal(kept, y.numpy().reshape(kept.shape))


@pytest.mark.parametrize("ord", [0, 3, -math.inf, "fro", None])
def test_other_norms_are_refused(ord):
    with pytest.raises(ArgumentError, match=r"norm: expected ord 1, 2 or math.inf, got.*Try: \(x"):
        tensor(X).norm(ord)


def test_integers_have_no_norm():
    for x in (np.array([1, 2]), np.array([True])):
        with pytest.raises(DTypeError, match="norm"):
            tensor(x).norm()


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_squares_of_float32_neither_overflow_nor_vanish(size):
    x = tensor(np.array([3 * size, 4 * size], np.float32), requires_grad=True)
    for length in (lambda x: x.norm(), lambda x: minidl.hypot(x[0], x[1])):
        y = length(x)
        x.grad = None
        y.backward()
        np.testing.assert_allclose(y.item(), 5 * size, rtol=1e-6)
        np.testing.assert_allclose(x.grad, [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(x.detach().std().item(), 0.5 * size, rtol=1e-6)


def test_std_divides_by_n_less_ddof():
    for ddof in (0, 1, 2):
        y = assert_gradients(lambda x, ddof=ddof: x.std(1, ddof=ddof), X)
        np.testing.assert_allclose(y, X.std(1, ddof=ddof), rtol=1e-13)
    assert minidl.std(tensor(np.array([1, 3]))).item() == 1


def test_logsumexp_far_out():
    x = leaf([1000.0, 1000.0], [-1000.0, -np.inf], [-np.inf, -np.inf], [np.inf, 0.0])
    y = x.logsumexp(1)
    np.testing.assert_allclose(y.detach(), [1000 + math.log(2), -1000, -np.inf, np.inf], rtol=1e-15)
    y[:2].sum().backward()
    np.testing.assert_allclose(x.grad[:2], [[0.5, 0.5], [1, 0]], rtol=1e-12)
    assert np.isnan(minidl.logsumexp([0.0, np.nan]).item())
    np.testing.assert_allclose(
        minidl.logaddexp(x.detach()[:, 0], x.detach()[:, 1]), y.detach(), rtol=1e-15
    )
