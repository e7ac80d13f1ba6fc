"""Running sums and products, and the product: also where elements are 0."""

from itertools import combinations

import numpy as np
import pytest
from support import numbers

import minidl
from minidl import gradcheck, tensor
from minidl.errors import ArgumentError


def some_zeros(count):
    x = numbers(6, low=-2, high=2)
    x[[4, 1, 3][:count]] = 0
    return tensor(x)


@pytest.mark.parametrize("zeros", range(4))
def test_derivatives_of_a_product_are_products_of_the_others(zeros):
    """Of n elements, d/dx_i is the product of the other n - 1, d²/dx_i dx_j of the other n - 2."""
    x = some_zeros(zeros)
    _, gradient = minidl.autograd.vjp(minidl.prod, x)
    H = minidl.autograd.hessian(minidl.prod, x)
    np.testing.assert_allclose(
        gradient, [np.delete(x.data, i).prod() for i in range(6)], rtol=1e-13, atol=1e-15
    )
    wanted = np.zeros((6, 6))
    for i, j in combinations(range(6), 2):
        wanted[i, j] = wanted[j, i] = np.delete(x.data, [i, j]).prod()
    np.testing.assert_allclose(H, wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("zeros", range(4))
def test_derivatives_of_a_running_product(zeros):
    """That of the k-th is the product's of the first k."""
    x = some_zeros(zeros)
    J = minidl.autograd.jacobian(minidl.cumprod, x)
    H = minidl.autograd.jacobian(lambda x: minidl.autograd.jacobian(minidl.cumprod, x), x)
    for k in range(6):
        first = tensor(x.data[: k + 1])
        slopes, curvatures = np.zeros(6), np.zeros((6, 6))
        slopes[: k + 1] = minidl.autograd.vjp(minidl.prod, first)[1]
        curvatures[: k + 1, : k + 1] = minidl.autograd.hessian(minidl.prod, first)
        np.testing.assert_allclose(J[k], slopes, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(H[k], curvatures, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (1,), np.int64(-3)])
def test_axes(name, axis):
    x = numbers(2, 3, 4)

    def run(x):
        return getattr(x, name)(axis)

    plain = axis[0] if isinstance(axis, tuple) else axis
    np.testing.assert_allclose(run(tensor(x)), getattr(x, name)(plain), rtol=1e-14)
    assert gradcheck(run, tensor(x[:, :, :2].copy(), requires_grad=True))


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_lengths_and_dtypes(name):
    for n in range(20):  # the gradient of a running product takes log2(n) passes
        x = tensor(numbers(n, low=0.9, high=1.1), requires_grad=True)
        getattr(x, name)().sum().backward()
        wanted = np.arange(n, 0, -1) if name == "cumsum" else slopes_of_sum(x.data)
        np.testing.assert_allclose(x.grad, wanted, rtol=1e-13)
    for data in (np.array([True, True]), np.array([2, 2**53 + 1]), np.array([3, 5], np.int8)):
        y = getattr(tensor(data), name)()
        wanted = getattr(data, name)()
        assert y.dtype == wanted.dtype
        np.testing.assert_array_equal(y, wanted)
    with pytest.raises(ArgumentError, match=f"{name}: expected one axis or None"):
        getattr(tensor(numbers(2, 2)), name)((0, 1))
    with pytest.raises(ArgumentError, match=f"{name}: expected axis within 1 axes"):
        getattr(minidl, name)([1.0], 1)


def slopes_of_sum(x):
    """Of the sum of all running products, one slope after the other."""
    return [sum(x[:k].prod() / x[i] for k in range(i + 1, len(x) + 1)) for i in range(len(x))]


def test_a_running_sum_of_float32_goes_on_beyond_two_to_the_24():
    x = tensor([2**24, 1, 1, 1, 1], requires_grad=True)
    y = x.cumsum()
    assert y[-1].item() == 2**24 + 4
    y.backward([1, 1, 1, 1, 2**24])
    assert x.grad[0].item() == 2**24 + 4


def test_products_of_whole_numbers():
    x = np.array([[2, 3], [5, 2**53 + 1]])
    for axis in (None, 0, 1, (0, 1), ()):
        y = tensor(x).prod(axis)
        assert y.dtype == np.int64
        np.testing.assert_array_equal(y, x.prod(axis))
    assert minidl.prod([]).item() == 1
