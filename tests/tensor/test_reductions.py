"""Reductions: over every set of axes, with and without them kept."""

from itertools import chain, combinations

import numpy as np
import pytest
from support import LAYOUTS, assert_gradients, numbers

from minidl import Tensor, tensor
from minidl.errors import ArgumentError, DTypeError, ShapeError

SHAPE = (2, 3, 2)
AXES = [
    None, 0, 1, -1, -3, np.int64(1), [0, 2],
    *chain.from_iterable(combinations(range(3), n) for n in range(4)), (-1, 0),
]  # fmt: skip
DIFFERENTIABLE = ["sum", "mean", "var", "max", "min", "std", "prod", "norm", "logsumexp"]
FORMULAS = {
    "norm": lambda x, axis, keepdims: np.sqrt((x * x).sum(axis, keepdims=keepdims)),
    "logsumexp": lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims)),
}


def as_numpy(axis):
    return tuple(axis) if isinstance(axis, list) else axis


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=repr)
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_values_and_gradients(name, axis, keepdims):
    x = numbers(*SHAPE)
    y = assert_gradients(lambda x: getattr(x, name)(axis=axis, keepdims=keepdims), x)
    wanted = FORMULAS.get(name, getattr(np, name, None))(x, axis=as_numpy(axis), keepdims=keepdims)
    assert y.shape == wanted.shape
    np.testing.assert_allclose(y, wanted, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_any_layout(name, layout):
    assert_gradients(lambda x: getattr(x, name)(axis=-1), layout(numbers(3, 4)))
    assert_gradients(lambda x: getattr(x.T, name)(axis=0), layout(numbers(3, 4)))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(name, dtype):
    x = tensor(numbers(3, 4), dtype, requires_grad=True)
    y = getattr(x, name)()
    y.backward()
    assert (y.dtype, x.grad.dtype) == (dtype, dtype)
    assert getattr(x[0], name)(axis=0).dtype == dtype


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_result_has_memory_of_its_own(name):
    x = tensor(numbers(2, 2))
    for axis in (None, 0, ()):
        assert not np.shares_memory(getattr(x, name)(axis=axis).numpy(), x.numpy())


def test_var_divides_by_n_less_ddof():
    x = numbers(3, 4)
    for ddof in (0, 1, 2):
        y = assert_gradients(lambda x, ddof=ddof: x.var(1, ddof=ddof), x)
        np.testing.assert_allclose(y, x.var(1, ddof=ddof), rtol=1e-13)
    with pytest.raises(ShapeError, match="var: expected more than ddof=4 elements, got 4"):
        tensor(x).var(1, ddof=4)


def test_a_tie_shares_the_gradient():
    x = tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]], requires_grad=True)
    x.max(1).backward([1.0, 3.0])
    np.testing.assert_array_equal(x.grad, [[0, 0.5, 0.5], [1, 1, 1]])


def test_nan_and_infinity():
    x = tensor([1.0, np.nan, np.inf], requires_grad=True)
    for name in ("sum", "mean", "max", "min"):
        assert np.isnan(getattr(x, name)().item())
    x.max().backward()
    assert np.isfinite(x.grad.numpy()[[0, 2]]).all()
    assert tensor([np.inf, -np.inf, 1.0]).max().item() == np.inf
    assert np.isnan(tensor([np.inf, -np.inf]).sum().item())
    assert tensor([3e38, 3e38]).sum().item() == np.inf


def test_a_gradient_that_is_not_finite_stays_where_it_belongs():
    x = tensor([[0.0, -1.0]], requires_grad=True)
    x.max(1).log().backward()
    np.testing.assert_array_equal(x.grad, [[np.inf, 0]])


def test_nothing_to_reduce():
    x = tensor(np.zeros((0, 3)), requires_grad=True)
    np.testing.assert_array_equal(x.sum(0).data, [0, 0, 0])
    np.testing.assert_array_equal(x.mean(0).data, [np.nan] * 3)
    assert np.isnan(x.mean().item())
    assert x.max(1).shape == (0,)
    for y in (x.sum(), x.mean(), x.sum(0).sum(), x.max(1).sum()):
        y.backward()
        assert x.grad.shape == (0, 3)
    for name in ("max", "min", "argmax", "argmin"):
        with pytest.raises(ShapeError, match=rf"{name}: expected at least one element, got.*0, 3"):
            getattr(x, name)(0)
    for name in ("var", "std"):
        with pytest.raises(ShapeError, match=name):
            getattr(x, name)(0)
    assert x.norm().item() == 0
    assert x.prod().item() == 1
    assert x.logsumexp().item() == -np.inf


def test_numbers_without_axes():
    for name in DIFFERENTIABLE:
        assert_gradients(lambda x, name=name: getattr(x, name)(), np.array(3.0))
    assert tensor(3.0).argmax().item() == 0


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_index_of_an_extremum(name):
    x = np.array([[1.0, 3.0, 3.0], [2.0, 0.0, 0.0]])
    for axis in (None, 0, 1, -1, (1,), np.int64(0)):
        plain = axis[0] if isinstance(axis, tuple) else axis
        y = getattr(tensor(x, requires_grad=True), name)(axis)
        assert y.dtype == np.int64
        assert not y.requires_grad
        np.testing.assert_array_equal(y, getattr(x, name)(plain))
        kept = getattr(tensor(x), name)(axis, keepdims=True)
        np.testing.assert_array_equal(kept, getattr(x, name)(plain, keepdims=True))
    with pytest.raises(ArgumentError, match=f"{name}: expected one axis"):
        getattr(tensor(x), name)((0, 1))


def test_all_and_any():
    x = np.array([[1.0, 0.0], [2.0, 3.0]])
    for axis in (None, 0, (0, 1)):
        np.testing.assert_array_equal(tensor(x).all(axis), x.all(axis))
        np.testing.assert_array_equal((tensor(x) > 1).any(axis), (x > 1).any(axis))
        for name in ("all", "any", "count_nonzero"):
            y = getattr(tensor(x), name)(axis, keepdims=True)
            np.testing.assert_array_equal(y, getattr(np, name)(x, axis=axis, keepdims=True))


def test_dtype_turns_the_elements_first():
    x = tensor(np.full(10, 0.1, np.float32), requires_grad=True)
    y = x.sum(dtype=np.float64)
    assert y.item() == np.float64(np.float32(0.1)) * 10
    y.backward()
    assert x.grad.dtype == np.float32
    assert tensor(np.array([True, True])).sum(dtype=np.float32).dtype == np.float32
    for dtype, data in ((np.float64, x), (np.float32, tensor(np.array([1, 2])))):
        mean = data.mean(dtype=dtype)
        assert mean.dtype == dtype
        np.testing.assert_array_equal(mean.detach(), data.detach().numpy().mean(dtype=dtype))
    with pytest.raises(DTypeError, match="mean: expected dtype float32 or float64, got int64"):
        x.mean(dtype=int)


def test_integers_and_masks():
    x = tensor(np.array([[1, 2], [3, 5]]))
    assert x.sum().item() == 11
    assert x.sum().dtype.kind == "i"
    assert x.max(0).dtype == np.int64
    assert x.mean().item() == 2.75
    assert x.mean().dtype == np.float32
    assert x.var().item() == np.var([1, 2, 3, 5])
    assert (x > 1).sum().item() == 3
    assert (x > 1).mean().item() == 0.75


REDUCTIONS = [*DIFFERENTIABLE, "argmax", "argmin", "all", "any"]


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [2, -3, "0", 1.0, True, (0, 2)], ids=repr)
def test_axes_that_are_not_there(name, axis):
    with pytest.raises(ArgumentError, match=f"{name}: expected axis within 2 axes, got"):
        getattr(tensor([[1.0, 2.0]]), name)(axis=axis)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_an_axis_given_twice(name):
    with pytest.raises(ArgumentError, match=f"{name}: expected every axis once"):
        getattr(tensor([[1.0, 2.0]]), name)(axis=(0, -2))


def test_reductions_are_methods_of_tensors():
    assert all(callable(getattr(Tensor, name)) for name in REDUCTIONS)
