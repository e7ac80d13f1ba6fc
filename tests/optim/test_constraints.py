"""Clipping of gradients and the max-norm of weights."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl.errors import ArgumentError, DTypeError, GraphError, ShapeError
from minidl.optim import clip_grad_norm, max_norm


def with_gradient(grad, dtype="float32"):
    grad = np.asarray(grad, dtype)
    w = minidl.tensor(np.zeros(grad.shape, dtype), requires_grad=True)
    w.grad = minidl.tensor(grad)
    return w


@pytest.mark.bounds("norms.scale_of")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(scale=st.floats(1e-3, 1e3), limit=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_clipping(dtype, scale, limit, seed):
    random = np.random.default_rng(seed)
    grads = [(scale * random.normal(size=n)).astype(dtype) for n in [(3, 4), (), (0,), (9,)]]
    parameters = [with_gradient(g, dtype) for g in grads]
    parameters.append(minidl.tensor([1.0], requires_grad=True))  # without a gradient
    norm = math.sqrt(math.fsum(float(v) ** 2 for g in grads for v in g.ravel()))
    returned = clip_grad_norm(iter(parameters), limit)
    # Every gradient is rounded twice, and the sum of 22 squares in double precision.
    rounding = 2 * np.finfo(dtype).eps + 25 * np.finfo(np.float64).eps
    assert isinstance(returned, float)
    assert returned == pytest.approx(norm, rel=25 * np.finfo(np.float64).eps)
    factor = min(1, limit / (norm + 1e-6))
    for p, g in zip(parameters, grads, strict=False):
        np.testing.assert_allclose(p.grad.data, g * factor, rtol=rounding)
        assert p.grad.dtype == dtype
    assert clip_grad_norm(parameters, math.inf) <= limit * (1 + rounding)


def test_small_gradients_are_not_touched():
    w = with_gradient([0.1, 0.7])
    before = w.grad.data.copy()
    assert clip_grad_norm([w], 1.0) == pytest.approx(math.sqrt(0.5), rel=1e-7)
    np.testing.assert_array_equal(w.grad.data, before)


def test_the_norm_is_that_of_all_gradients_together():
    a, b = with_gradient([3.0]), with_gradient([[4.0]], "float64")
    assert clip_grad_norm([a, b], 0.5) == 5.0
    assert a.grad.item() == pytest.approx(0.3, rel=1e-6)
    assert b.grad.item() == pytest.approx(0.4, rel=1e-6)


def test_infinite_and_nan_norms_pass_as_in_pytorch():
    w = with_gradient([np.inf, 1.0])
    assert clip_grad_norm([w], 1.0) == math.inf
    np.testing.assert_array_equal(w.grad.data, [np.nan, 0.0])
    w = with_gradient([np.nan, 1.0])
    assert math.isnan(clip_grad_norm([w], 1.0))
    assert np.isnan(w.grad.data).all()


def test_an_infinite_bound_only_measures():
    w = with_gradient([np.inf, 1.0])
    assert clip_grad_norm([w], math.inf) == math.inf
    assert w.grad.data.tolist() == [np.inf, 1.0]


@pytest.mark.parametrize("array", [np.full((2, 3), 2.0), np.full((3, 2), 2.0).T])
def test_gradients_in_every_layout_are_clipped_and_marked(array):
    w = minidl.tensor(np.zeros((2, 3)), requires_grad=True)
    w.grad = minidl.Tensor(array)
    leaf = minidl.tensor(1.0, dtype="float64", requires_grad=True)
    product = (leaf * w.grad).sum()
    clip_grad_norm([w], 1.0)
    np.testing.assert_allclose(w.grad.data, np.full((2, 3), 1 / math.sqrt(6)), rtol=1e-6)
    with pytest.raises(GraphError):
        product.backward()


def test_no_gradients_have_norm_zero():
    with pytest.warns(minidl.GuardWarning, match="clip_grad_norm: expected a gradient to clip"):
        assert clip_grad_norm([minidl.tensor([1.0], requires_grad=True)], 1.0) == 0.0


@pytest.mark.parametrize("bound", [-1.0, math.nan, "1", None, True, -math.inf])
def test_a_bound_out_of_range_is_refused(bound):
    w = with_gradient([3.0, 4.0])
    with pytest.raises(ArgumentError, match="clip_grad_norm: expected max_norm"):
        clip_grad_norm([w], bound)
    with pytest.raises(ArgumentError, match="max_norm: expected limit"):
        max_norm([w], bound)
    with pytest.raises(ArgumentError, match="max_norm: expected limit"):
        max_norm([w], 0)
    assert w.grad.data.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("bounded", [clip_grad_norm, max_norm])
def test_only_lists_of_tensors_are_taken(bounded):
    w = with_gradient([3.0, 4.0])
    for params in (w, [w.data], [w, None], 3):
        with pytest.raises(DTypeError):
            bounded(params, 1.0)
    with pytest.raises(ArgumentError):
        bounded([], 1.0)


def test_a_gradient_of_another_shape_is_refused_before_anything_is_changed():
    a, b = with_gradient([3.0, 4.0]), with_gradient([1.0])
    b.grad = minidl.tensor([1.0, 2.0])
    with pytest.raises(ShapeError):
        clip_grad_norm([a, b], 1.0)
    assert a.grad.data.tolist() == [3.0, 4.0]


def test_max_norm_bounds_every_column():
    W = minidl.tensor([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]], requires_grad=True)
    b = minidl.tensor([9.0, 9.0, 9.0], requires_grad=True)
    max_norm([W, b], 2.0)
    np.testing.assert_allclose(W.data, [[1.2, 0.3, 0.0], [1.6, 0.4, 0.0]], rtol=1e-7)
    assert W.data[0, 1] == np.float32(0.3)
    assert b.data.tolist() == [9.0, 9.0, 9.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(shape=st.tuples(st.integers(0, 8), st.integers(0, 80)), limit=st.floats(0.1, 5))
def test_max_norm_keeps_directions_and_is_idempotent(dtype, shape, limit):
    before = np.random.default_rng(shape[0] + 9 * shape[1]).normal(size=shape).astype(dtype)
    W = minidl.tensor(before, requires_grad=True)
    max_norm([W], limit)
    eps = np.finfo(dtype).eps + 10 * np.finfo(np.float64).eps  # norms are sums of up to 8 squares
    norms = np.linalg.norm(W.data.astype(np.float64), axis=0)
    assert (norms <= limit * (1 + eps)).all()
    # The same direction: the scalar product with what it was is the product of the norms.
    old = before.astype(np.float64)
    np.testing.assert_allclose(
        (W.data * old).sum(axis=0), norms * np.linalg.norm(old, axis=0), rtol=4 * eps
    )
    again = W.data.copy()
    max_norm([W], limit)
    np.testing.assert_allclose(W.data, again, rtol=2 * eps)


def test_max_norm_marks_what_it_changes():
    large, small = (minidl.tensor([[x]], requires_grad=True) for x in (5.0, 0.5))
    of_large, of_small = (large * large).sum(), (small * small).sum()
    max_norm([large, small], 1.0)
    of_small.backward()
    with pytest.raises(GraphError):
        of_large.backward()


def test_max_norm_of_a_transposed_array_is_still_by_column():
    W = minidl.Tensor(np.array([[3.0, 4.0], [0.0, 1.0]], np.float32).T, requires_grad=True)
    max_norm([W], 1.0)
    np.testing.assert_allclose(W.data, [[0.6, 0.0], [0.8, 1.0]], rtol=1e-7)


def test_max_norm_leaves_nan_where_it_is():
    W = minidl.tensor([[np.nan, 3.0], [1.0, 4.0]], requires_grad=True)
    max_norm([W], 1.0)
    np.testing.assert_array_equal(W.data[:, 0], np.array([np.nan, 1.0], np.float32))
    np.testing.assert_allclose(W.data[:, 1], [0.6, 0.8], rtol=1e-7)


def test_integer_matrices_have_no_max_norm():
    with pytest.raises(DTypeError):
        max_norm([minidl.tensor(np.ones((2, 2), np.int64))], 1.0)
