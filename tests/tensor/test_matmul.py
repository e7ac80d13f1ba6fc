"""The matrix product: shapes as NumPy has them, by minidl's own kernel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support import LAYOUTS, assert_gradients, numbers

from minidl import set_num_threads, tensor
from minidl.errors import ShapeError

SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((1, 1), (1, 1)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
    ((2, 1, 2, 3), (3, 3, 2)),
    ((1, 2, 3), (4, 3, 2)),
    ((2, 2, 2, 3), (3,)),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
    ((2, 3), (3, 0)),
    ((0,), (0,)),
    ((0, 2, 3), (3, 4)),
    ((0, 2, 3), (1, 3, 4)),
]


@pytest.mark.parametrize(("left", "right"), SHAPES, ids=str)
def test_values_and_gradients(left, right):
    a, b = numbers(*left), numbers(*right, seed=1)
    y = assert_gradients(lambda x, z: x @ z, a, b)
    assert y.shape == np.matmul(a, b).shape
    np.testing.assert_allclose(y, np.matmul(a, b), rtol=1e-14)


@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_batch_axes_broadcast(data):
    batches = data.draw(
        arrays.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_dims=2, max_side=2)
    )
    rows, depth, columns = data.draw(st.tuples(*[st.integers(0, 3)] * 3))
    a = numbers(*batches.input_shapes[0], rows, depth)
    b = numbers(*batches.input_shapes[1], depth, columns, seed=1)
    y = assert_gradients(lambda x, z: x @ z, a, b)
    np.testing.assert_allclose(y, a @ b, rtol=1e-14)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_operands_of_any_layout(layout):
    a, b = numbers(2, 3, 4), numbers(2, 4, 3, seed=1)
    np.testing.assert_allclose(
        assert_gradients(lambda x, y: x @ y, layout(a), layout(b)), a @ b, rtol=1e-14
    )
    assert_gradients(lambda x, y: x @ y.T, layout(a[0]), layout(a[1]))


def test_a_gradient_that_is_a_view():
    assert_gradients(lambda x, y: (x @ y).T, numbers(2, 3), numbers(3, 4))
    assert_gradients(lambda x, y: (x @ y).sum(0), numbers(2, 3), numbers(3, 4))


def test_float32_and_float64():
    a, b = numbers(20, 30), numbers(30, 10, seed=1)
    narrow, wide = tensor(a, np.float32, requires_grad=True), tensor(b, requires_grad=True)
    assert (narrow @ narrow.T).dtype == np.float32
    y = narrow @ wide
    y.sum().backward()
    assert y.dtype == np.float64
    assert (narrow.grad.dtype, wide.grad.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(narrow.grad, np.ones((20, 10)) @ b.T, rtol=1e-6)
    np.testing.assert_allclose(wide.grad, narrow.numpy().T.astype(float) @ np.ones((20, 10)))


def test_arrays_and_integers_on_either_side():
    x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    swap = [[0, 1], [1, 0]]
    for permutation in (swap, np.array(swap), tensor(np.array(swap))):
        np.testing.assert_array_equal((x @ permutation).data, [[2, 1], [4, 3]])
        np.testing.assert_array_equal((permutation @ x).data, [[3, 4], [1, 2]])
    assert (np.array(swap) @ x).dtype == np.float32


def test_only_the_wanted_gradient():
    x, W = tensor(np.ones((2, 3))), tensor(np.ones((3, 4)), requires_grad=True)
    (x @ W).sum().backward()
    assert x.grad is None
    np.testing.assert_array_equal(W.grad, np.full((3, 4), 2))


def test_bits_depend_neither_on_threads_nor_on_the_other_rows(level):
    a, b = numbers(70, 90).astype(np.float32), numbers(90, 50, seed=1).astype(np.float32)
    with set_num_threads(1):
        alone = [(tensor(a[i : i + 1]) @ b).numpy() for i in range(len(a))]
    with set_num_threads(3):
        together = (tensor(a) @ b).numpy()
    np.testing.assert_array_equal(together, np.concatenate(alone))


@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3), (2, 3)), ((3,), (2,)), ((), (3,)), ((3,), ()), ((2, 3), (4, 3)), ((2, 2, 3), (2,))],
    ids=str,
)
def test_shapes_that_do_not_match(left, right):
    with pytest.raises(ShapeError, match=r"matmul: expected shapes .*m, k.*Try"):
        tensor(np.ones(left)) @ tensor(np.ones(right))


def test_batch_axes_that_do_not_match():
    with pytest.raises(ShapeError, match="batch axes"):
        tensor(np.ones((2, 2, 3))) @ tensor(np.ones((3, 3, 2)))


def test_integers_alone():
    x, y = np.arange(6).reshape(2, 3), np.arange(3)
    found = tensor(x) @ tensor(y)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found.data, x @ y)
