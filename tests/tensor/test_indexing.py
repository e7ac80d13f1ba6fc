"""Reading and writing by index: slices, integers, masks, and indices that repeat."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support import LAYOUTS, assert_gradients, numbers

from minidl import no_grad, tensor
from minidl.errors import DTypeError, GraphError, ShapeError

SHAPE = (3, 4, 2)
INDICES = [
    0, -1, np.int64(1), (1, 2), (1, 2, 1), slice(None), slice(2, 0, -1), (slice(None), 1), ...,
    (..., 0), None, (0, None, slice(1, 3)), (), slice(1, 1), True, False, [], [0, 2, 2],
    [[0, 1], [1, 1]], ([0, 1], [1, 1]), (slice(None), [3, 0, 3]), (0, [1, 1], slice(None)),
    ([0, 2], slice(None), [1, 1]), np.array(1), np.array([True, False, True]),
    np.arange(24).reshape(SHAPE) % 3 == 0, (np.array([True, False, True]), 1), range(2),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_values_and_gradients(index):
    x = numbers(*SHAPE)
    wanted = x[np.array(index, int) if isinstance(index, list) and not index else index]
    np.testing.assert_array_equal(assert_gradients(lambda x: x[index], x), wanted)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_index(data):
    shape = data.draw(arrays.array_shapes(max_dims=3, max_side=3))
    index = data.draw(
        st.one_of(
            arrays.basic_indices(shape, allow_newaxis=True),
            arrays.integer_array_indices(shape),
            arrays.arrays(bool, shape),
        )
    )
    x = numbers(*shape)
    np.testing.assert_array_equal(assert_gradients(lambda x: x[index], x), x[index])
    values = numbers(*x[index].shape, seed=1)

    def written(x, values):
        y = x * 1
        y[index] = values
        return y

    wanted = x.copy()
    wanted[index] = values
    np.testing.assert_array_equal(assert_gradients(written, x, values), wanted)


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), [0, 2, 2]), (..., [0, 2, 2]), (slice(None), [1, 1], [0, 2]), ([1, 1], [0, 2]),
        (slice(None), [1, 1], slice(None), [0, 2]), (slice(None), 1, slice(None), [0, 2, 2]),
        (slice(None), [[0], [2]], [[1, 1]]), (slice(None), slice(1, 3), [0, 2, 0]),
        (slice(None), [1, 1], None, [0, 2]), (..., 1, [0, 0]), (None, slice(None), [0, 0]),
        (slice(None), np.arange(12).reshape(3, 4) % 2 == 0, [1]), (slice(None), [], slice(None)),
        (slice(None), True, [1, 1]), (slice(None), slice(None), range(2), None, ...),
    ],
    ids=repr,
)  # fmt: skip
def test_arrays_beside_whole_axes(index):
    """NumPy puts the axes of arrays that stand apart first; the others stay where they were."""
    x = numbers(2, 3, 4, 3)
    np.testing.assert_array_equal(assert_gradients(lambda x: x[index], x), x[index])


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_any_layout(layout):
    assert_gradients(lambda x: x[1:, [0, 0, 2]], layout(numbers(3, 4)))
    assert_gradients(lambda x: x.T[1], layout(numbers(3, 4)))


def test_repeated_indices_add_up():
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[[0, 0, 2, 0]].backward([1.0, 10.0, 100.0, 1000.0])
    np.testing.assert_array_equal(x.grad, [1011, 0, 100])


@pytest.mark.parametrize("whole_at", range(4))
def test_gradients_of_views_add_up_with_each_other_and_with_the_whole(whole_at):
    """Whichever comes first on the way back: a row, an overlapping block, or all of x."""

    def function(x):
        y = x * 1
        parts = [lambda: y[0], lambda: y[:2, 1:], lambda: y[1, 2]]
        parts.insert(whole_at, lambda: y)
        return sum((i + 1) * (part() * 2).sum() for i, part in enumerate(parts)) + (x[2] ** 2).sum()

    assert_gradients(function, numbers(3, 4))


def test_the_gradient_of_a_view_is_its_own_memory():
    x = tensor(np.zeros((2, 3)), requires_grad=True)
    dy = np.ones(3)
    (x[0] * 1).backward(dy)
    x[1].backward(dy)
    whole = x.grad
    x[:].backward(np.ones((2, 3)))
    np.testing.assert_array_equal(whole, [[1, 1, 1], [1, 1, 1]])
    np.testing.assert_array_equal(x.grad, np.full((2, 3), 2))
    np.testing.assert_array_equal(dy, [1, 1, 1])


def test_tensors_as_indices():
    x = tensor(numbers(3, 4), requires_grad=True)
    i = tensor(np.array([0, 2]))
    np.testing.assert_array_equal(x[i].data, x.numpy()[[0, 2]])
    np.testing.assert_array_equal(x[i, i].data, x.numpy()[[0, 2], [0, 2]])
    np.testing.assert_array_equal(x[i[1]].data, x.numpy()[2])
    np.testing.assert_array_equal(x[i[1] :].data, x.numpy()[2:])
    np.testing.assert_array_equal(x[[i[0], i[1]]].data, x.numpy()[[0, 2]])
    np.testing.assert_array_equal(x[x > 1].data, x.numpy()[x.numpy() > 1])
    assert [10, 20, 30][i[1]] == 30
    with pytest.raises(DTypeError, match="index"):
        [10, 20][tensor(1.0)]


def test_an_index_changed_later_does_not_move_the_gradient():
    for index in (np.array([0, 1]), tensor(np.array([0, 1]))):
        x, v = tensor(np.zeros(3), requires_grad=True), tensor(np.ones(2), requires_grad=True)
        y, z = x[index], x * 1
        z[index] = v
        index[0] = 2
        (y.sum() + z.sum()).backward()
        np.testing.assert_array_equal(x.grad, [1, 1, 1])
        np.testing.assert_array_equal(v.grad, [1, 1])
    start = tensor(np.array(1))
    x = tensor(np.zeros(3), requires_grad=True)
    y = x[start:]
    start[...] = 2
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 1, 1])


def test_slices_are_views_and_arrays_copy():
    x = tensor(np.zeros((2, 2)))
    for view in (x[0], x[0, 0], x[..., 1], x[None], x[1][0], next(iter(x))):
        assert np.shares_memory(view.numpy(), x.numpy())
    for copy in (x[[0]], x[np.array(0)], x[x == 0], x[True]):
        assert not np.shares_memory(copy.numpy(), x.numpy())
    number = tensor(np.zeros(3))[1]
    assert number.numpy().base is not None


@pytest.mark.parametrize("index", [3, -4, (0, 4), (0, 0, 0, 0), [0, 3], 1.5, "a", (None, 9)])
def test_indices_that_are_not_there(index):
    x = tensor(numbers(*SHAPE))
    for use in (lambda: x[index], lambda: x.__setitem__(index, 0)):
        with pytest.raises(IndexError, match=r"tensor of shape \(3, 4, 2\)"):
            use()
    np.testing.assert_array_equal(x, numbers(*SHAPE))


def test_a_float_tensor_of_whole_numbers_is_an_index():
    """Python's numbers become float32: `tensor([0, 1])` is one."""
    array = numbers(*SHAPE)
    x = tensor(array, requires_grad=True)
    np.testing.assert_array_equal(x[tensor([0, 2])].data, array[[0, 2]])
    np.testing.assert_array_equal(x[tensor(1), tensor([[0, -1]])].data, array[1, [[0, -1]]])
    np.testing.assert_array_equal(x[tensor(1) :, 0].data, array[1:, 0])
    y = x.detach() * 1
    y[tensor([0, 2])] = 0
    np.testing.assert_array_equal(y[[0, 2]].data, 0)
    x[tensor([1, 1], dtype="float64")].sum().backward()
    np.testing.assert_array_equal(x.grad[:, 0, 0], [0, 2, 0])


@pytest.mark.parametrize(
    "index",
    [
        tensor(0.5), tensor([0.0, np.nan]), tensor([np.inf]), (0, tensor([-0.5])),
        slice(tensor(0.5), None), tensor([2.0**24]), tensor([1.0], requires_grad=True),
    ],
    ids=repr,
)  # fmt: skip
def test_other_floats_are_no_index(index):
    x = tensor(np.zeros((2, 2)))
    with pytest.raises(DTypeError, match="indexing: expected integers or booleans, or .* whole"):
        x[index]
    with pytest.raises(DTypeError, match="indexing"):
        x[index] = 1
    with pytest.raises(IndexError, match="tensor of shape"):
        x[np.array([0.0])]


ASSIGNMENTS = [
    (0, (4, 2)), (0, ()), (0, (2,)), (slice(1), (1, 4, 2)), (slice(1), (1, 1)), (0, (1, 1, 4, 1)),
    ((slice(None), 1), (3, 1)), (([0, 1], [1, 1]), (2,)), (([0, 0], [1, 1]), (2, 2)),
    (([0, 0], [1, 1]), (2,)), (np.arange(24).reshape(SHAPE) % 3 == 0, (8,)), (..., (4, 1)),
    ((2, 3, 1), ()), ([2, 2, 2], (3, 1, 2)), ([2, 2, 2], ()), (slice(1, 1), (0, 4, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("index", "shape"), ASSIGNMENTS, ids=repr)
def test_assignment_sends_gradients_to_the_value_and_to_what_stays(index, shape):
    def written(x, value):
        y = x * 1
        y[index] = value
        return y * y

    x, value = numbers(*SHAPE), numbers(*shape, seed=1)
    wanted = x.copy()
    wanted[index] = value
    np.testing.assert_array_equal(assert_gradients(written, x, value), wanted * wanted)


def test_a_tensor_is_filled_row_by_row():
    w = tensor([1.0, 2.0], requires_grad=True)
    table = tensor(np.zeros((3, 2)))
    for i in range(3):
        table[i] = w * (i + 1)
    (table * table).sum().backward()
    np.testing.assert_array_equal(w.grad, 2 * w.numpy() * (1 + 4 + 9))


def test_assignment_from_itself():
    def shifted(x):
        y = x * 1
        y[1:] = y[:-1]
        y[[0, 1]] = y[2:0:-1]
        return y * np.arange(1.0, 5.0)

    x = numbers(4)
    y = x.copy()
    y[1:] = y[:-1].copy()
    y[[0, 1]] = y[2:0:-1].copy()
    np.testing.assert_array_equal(assert_gradients(shifted, x), y * np.arange(1.0, 5.0))


def test_a_number_of_its_own_is_written():
    w, u = tensor(2.0, requires_grad=True), tensor(1.0, requires_grad=True)
    y = w * 2
    y[...] = u
    y.exp().backward()
    assert w.grad.item() == 0
    np.testing.assert_allclose(u.grad, np.e, rtol=1e-6)


def test_integers_are_written_exactly():
    x = tensor(np.array([1, 2]))
    x[0] = 2**24 + 1
    x[1] = 3.0
    np.testing.assert_array_equal(x, [2**24 + 1, 3])
    for value in (2.5, np.nan, [1.5, 2.0]):
        with pytest.raises(DTypeError, match="item assignment: expected values that int64"):
            x[:] = value
    with pytest.raises(DTypeError, match="uint8"):
        tensor(np.array([1], np.uint8))[0] = 300
    with pytest.raises(DTypeError, match="item assignment"):
        x[0] = tensor(1.0, requires_grad=True)
    np.testing.assert_array_equal(x, [2**24 + 1, 3])
    mask = tensor(np.array([True, True]))
    mask[0] = False
    np.testing.assert_array_equal(mask, [False, True])


def test_values_that_do_not_fit_change_nothing():
    x = tensor(np.zeros((2, 3)))
    for index, value in ((0, [1.0, 2.0]), (slice(None), np.ones((3, 2))), (0, np.ones((2, 3)))):
        with pytest.raises(ShapeError, match="item assignment: expected a value that broadcasts"):
            x[index] = value
    for value in (None, "a", 1j):
        with pytest.raises(DTypeError, match="item assignment"):
            x[0] = value
    with pytest.raises(GraphError, match="stack"):
        x[0] = [tensor(1.0, requires_grad=True)] * 3
    np.testing.assert_array_equal(x, np.zeros((2, 3)))


def test_writing_without_recording():
    x = tensor(np.zeros(3), requires_grad=True)
    with no_grad():
        x[1:] = 2
        x[0] += 1
    np.testing.assert_array_equal(x.data, [1, 2, 2])
    assert x.requires_grad
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 4, 4])
