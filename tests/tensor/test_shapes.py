"""Shapes: reshape, transpose, concatenate, stack."""

import numpy as np
import pytest
from support import LAYOUTS, assert_gradients, numbers

from minidl import concatenate, nn, stack, tensor
from minidl.errors import ArgumentError, DTypeError, ShapeError


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.reshape(3, 4),
        lambda x: x.reshape((2, -1)),
        lambda x: x.reshape([12]),
        lambda x: x.reshape(-1, 1, 6),
        lambda x: x.flatten(),
        lambda x: x.T,
        lambda x: x.T.reshape(-1),
        lambda x: x.reshape(2, 2, 3).transpose(2, 0, 1),
        lambda x: x.reshape(2, 2, 3).transpose((-1, 0, 1)).reshape(4, 3).T,
        lambda x: x.reshape(2, 2, 3).transpose(),
        lambda x: x.transpose([1, 0]),
    ],
)
def test_values_and_gradients(function, layout):
    """NumPy has the same methods, so the same function makes the values to compare with."""
    x = numbers(4, 3)
    np.testing.assert_array_equal(assert_gradients(function, layout(x)), function(x))


def test_no_axes_and_no_elements():
    assert_gradients(lambda x: x.reshape(1, 1), np.array(2.0))
    assert_gradients(lambda x: x.reshape(()), np.array([2.0]))
    assert_gradients(lambda x: x.reshape(), np.array([2.0]))
    assert_gradients(lambda x: x.flatten(), np.array(2.0))
    assert_gradients(lambda x: x.T, np.array(2.0))
    assert_gradients(lambda x: x.reshape(3, 0), np.zeros((0, 2)))
    assert tensor(np.zeros((0, 3))).reshape(-1).shape == (0,)


@pytest.mark.parametrize(
    "shape", [(4,), (2, 2), (-1, 4), (-1, -1), (-2, -3), (1.5, 4), ("a",), (None,), (7, -1)]
)
def test_shapes_of_another_size(shape):
    with pytest.raises(ShapeError, match=r"reshape: expected a shape of 6 elements for \(2, 3\)"):
        tensor(np.ones((2, 3))).reshape(*shape)


@pytest.mark.parametrize("axes", [(0,), (0, 0), (0, 1, 1), (0, 2), (-3, 0), (0.0, 1), (None, 0)])
def test_axes_that_make_no_order(axes):
    with pytest.raises(ArgumentError, match="transpose"):
        tensor(np.ones((2, 3))).transpose(*axes)


def test_len_and_iteration():
    x = tensor(numbers(3, 2), requires_grad=True)
    assert len(x) == 3
    rows = list(x)
    assert [row.shape for row in rows] == [(2,)] * 3
    (rows[0] * rows[2]).sum().backward()
    np.testing.assert_array_equal(x.grad, [x.numpy()[2], [0, 0], x.numpy()[0]])
    a, b = tensor([1.0, 2.0])
    assert (a.item(), b.item()) == (1, 2)
    for use in (len, iter, list):
        with pytest.raises(TypeError, match="without axes"):
            use(tensor(1.0))


def test_membership():
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert 3 in x
    assert 5.0 not in x
    assert None not in x


@pytest.mark.parametrize("axis", [0, 1, -1, 2, np.int64(0)])
def test_concatenate_and_stack(axis):
    parts = [numbers(2, 3, seed=i) for i in range(3)]
    if axis != 2:
        y = assert_gradients(lambda *parts: concatenate(parts, axis), *parts)
        np.testing.assert_array_equal(y, np.concatenate(parts, axis))
    y = assert_gradients(lambda *parts: stack(parts, axis), *parts)
    np.testing.assert_array_equal(y, np.stack(parts, axis))


def test_pieces_of_different_length_and_layout():
    parts = [numbers(3, 2), numbers(2, 0).reshape(0, 2), numbers(2, 5).T[:, :2], numbers(1, 2)]
    y = assert_gradients(lambda *parts: concatenate(parts), *parts)
    np.testing.assert_array_equal(y, np.concatenate(parts))


@pytest.mark.parametrize("join", [concatenate, stack])
def test_one_tensor_several_times(join):
    assert_gradients(lambda x: join([x, x * 2, x]), numbers(2, 2))
    assert_gradients(lambda x: join([x]), numbers(2, 2))
    assert_gradients(lambda x: join(x for _ in range(2)), numbers(2, 2))
    assert_gradients(lambda x: join(x), numbers(2, 2))


@pytest.mark.parametrize("join", [concatenate, stack])
def test_each_part_gets_a_gradient_of_its_own_dtype(join):
    narrow = tensor([[1.0, -2.0]], requires_grad=True)
    wide = tensor(np.array([[3.0, 4.0]]), requires_grad=True)
    # The kernel of ReLU takes a float32 gradient only.
    y = join([nn.ReLU()(narrow), wide])
    y.sum().backward()
    assert (y.dtype, narrow.grad.dtype, wide.grad.dtype) == (np.float64, np.float32, np.float64)
    np.testing.assert_array_equal(narrow.grad, [[1, 0]])


@pytest.mark.parametrize("join", [concatenate, stack])
def test_integers_beside_floats_are_constants(join):
    x = tensor([1.0, 2.0], requires_grad=True)
    y = join([np.array([3, 4]), x, [5, 6]])
    y.sum().backward()
    assert y.dtype == np.float32
    np.testing.assert_array_equal(x.grad, [1, 1])
    labels = join([np.array([2**24 + 1, 4]), np.array([5, 6])])
    assert labels.dtype == np.int64
    assert labels.numpy().flat[0] == 2**24 + 1


def test_parts_that_do_not_fit():
    for parts in ([np.ones((2, 3)), np.ones((2, 2))], [np.ones(2), np.ones((2, 1))]):
        with pytest.raises(ShapeError, match="expected equal shapes except along axis 0"):
            concatenate(parts)
        with pytest.raises(ShapeError, match="stack: expected equal shapes"):
            stack(parts)
    for join in (concatenate, stack):
        with pytest.raises(ArgumentError, match="at least one tensor"):
            join([])
        with pytest.raises(DTypeError, match="a list of tensors, got int"):
            join(5)
        with pytest.raises(ArgumentError, match="axis within"):
            join([np.ones(2)], 2)
        with pytest.raises(DTypeError, match=join.__name__):
            join([tensor([1.0]), "a"])
    with pytest.raises(ArgumentError, match="axis within 0 axes"):
        concatenate([1.0, 2.0])
