"""Changes in place: the gradient is right, or an error names the operation that it is wrong for."""

import operator

import numpy as np
import pytest
from support import assert_gradients, leaf, numbers

from minidl import Tensor, concatenate, maximum, nn, no_grad, tensor, where
from minidl.errors import ArgumentError, DTypeError, GraphError, ShapeError
from minidl.layers.dense import dense

IN_PLACE = {
    "+=": operator.iadd, "-=": operator.isub, "*=": operator.imul, "/=": operator.itruediv,
    "**=": operator.ipow,
}  # fmt: skip


def refused(backward, operation):
    with pytest.raises(GraphError, match=f"'{operation}' needs a value that was changed in place"):
        backward()


# The change takes part in the differentiation.


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_result_changed_by_a_constant(name):
    def function(x):
        y = x + 1
        same = y
        y = IN_PLACE[name](y, 3.0)
        assert y is same
        return y * 2

    if name != "**=":  # d(y³) needs the old y
        assert_gradients(function, numbers(2, 3))
    else:
        x = leaf(1.0)
        refused(function(x).backward, "power")
        assert x.grad is None


@pytest.mark.parametrize("name", ["+=", "-=", "/="])
def test_a_result_changed_by_a_tensor_that_broadcasts(name):
    def function(x, z):
        y = x * 1
        y = IN_PLACE[name](y, z)
        return y * y

    for shape in ((2, 3), (3,), (2, 1), ()):
        assert_gradients(function, numbers(2, 3), numbers(*shape, seed=1))


def test_a_result_multiplied_by_what_wants_a_gradient_needs_its_old_value():
    x, w = leaf(2.0), leaf(3.0)
    y = x * 1
    y *= w
    np.testing.assert_array_equal(y.data, [6])
    refused(y.backward, "multiply")


@pytest.mark.parametrize("name", ["+=", "-="])
def test_a_tensor_changed_by_itself(name):
    def function(x):
        y = x * 2
        y = IN_PLACE[name](y, y)
        return y * 3 + x

    assert_gradients(function, numbers(3))
    for name in ("*=", "/=", "**="):
        y = leaf(2.0) * 1
        y = IN_PLACE[name](y, y)
        with pytest.raises(GraphError, match="changed in place"):
            y.backward()


def test_a_constant_becomes_a_result():
    w = leaf(1.0, 2.0)
    total = tensor(np.zeros(2))
    for _ in range(3):
        total += w
    assert total.requires_grad
    (total * total).sum().backward()
    np.testing.assert_array_equal(w.grad, 2 * 3 * total.numpy())


@pytest.mark.parametrize(
    "index", [0, (0, 1), slice(1, None), [1, 0], (slice(None), 1), ..., np.array([True, False])]
)
def test_a_part_changed_by_a_tensor(index):
    """Python reads x[i], changes what it got, which may be a view of x, and writes it to x[i]."""

    def function(x, z):
        y = x * 1
        y[index] += z
        y[index] /= 2
        return y * y

    assert_gradients(function, numbers(2, 2), np.array(0.7))
    x, w = tensor(numbers(2, 2)), leaf(1.0)
    x[index] += w.sum()
    x.sum().backward()
    assert w.grad.item() == x.numpy()[index].size


def test_a_shifted_sum_in_place():
    def function(x):
        y = x * 1
        y[1:] += y[:-1]
        return y * y

    x = numbers(4)
    y = x.copy()
    y[1:] += y[:-1].copy()
    np.testing.assert_array_equal(assert_gradients(function, x), y * y)


def test_float64_added_to_float32_in_place():
    x, w = tensor([1.0, 2.0], requires_grad=True), leaf(0.1, 0.2)
    y = x * 2
    y += w
    assert y.dtype == np.float32
    (y * y).sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(w.grad, 2 * y.numpy(), rtol=1e-6)


# The change destroys a value that backward needs, in one of many ways.


def data_changed(x):
    x.data *= 2


CHANGES = {
    "+=": lambda x: operator.iadd(x, 1),
    "item": lambda x: x.__setitem__(0, 5),
    "view": lambda x: operator.iadd(x[0], 1),
    "view of a view": lambda x: x.reshape(1, -1).T[1].__setitem__(..., 7),
    "detached": lambda x: operator.imul(x.detach(), 2),
    "wrapped": lambda x: operator.imul(Tensor(x), 2),
    "data": data_changed,
}
NEEDS_INPUT = {
    "multiply": lambda x, w: x * w,
    "divide": lambda x, w: w / x,
    "power": lambda x, w: w**x,
    "matmul": lambda x, w: x @ w,
    "maximum": maximum,
    "where": lambda x, w: where(x, w, 0.0),
    "dense": lambda x, w: dense(x.reshape(1, 2), w.reshape(2, 1)),
}
NEEDS_ITS_INPUT = {
    "multiply": lambda x: x * x,
    "power": lambda x: x**3,
    "log": Tensor.log,
    "log1p": Tensor.log1p,
    "abs": Tensor.abs,
    "clip": lambda x: x.clip(0, 1),
    "max": Tensor.max,
    "min": lambda x: x.min(0),
    "matmul": lambda x: x @ x,
    "gelu": nn.GELU(),
}
NEEDS_RESULT = {
    "exp": Tensor.exp,
    "expm1": Tensor.expm1,
    "sqrt": Tensor.sqrt,
    "tanh": Tensor.tanh,
    "divide": lambda x: 1 / x,
    "power": lambda x: 2**x,
    "clip": lambda x: x.clip(0, 1),
    "maximum": lambda x: maximum(x, 1.5),
    "relu": nn.ReLU(),
}
NEEDS_NOTHING = {
    "add": lambda x: x + x,
    "subtract": lambda x: 1 - x,
    "negative": lambda x: -x,
    "multiply": lambda x: x * 3,
    "divide": lambda x: x / 3,
    "sum": Tensor.sum,
    "mean": Tensor.mean,
    "reshape": lambda x: x.T.reshape(2, 1),
    "indexing": lambda x: x[1:],
    "lookup": lambda x: x[[1, 1]],
    "concatenate": lambda x: concatenate([x, x]),
    "where": lambda x: where([True, False], x, 0.0),
    "astype": lambda x: x.astype(np.float32),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", NEEDS_INPUT)
def test_a_constant_changed_before_backward(name, change):
    x, w = tensor(np.array([1.0, 2.0])), leaf(3.0, 4.0)
    y = NEEDS_INPUT[name](x, w).sum()
    change(x)
    refused(y.backward, name)
    assert w.grad is None


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", NEEDS_ITS_INPUT)
def test_an_input_changed_before_backward(name, change):
    x = leaf(1.0, 2.0)
    between = x * 1
    y = NEEDS_ITS_INPUT[name](between).sum()
    change(between)
    refused(y.backward, name)
    assert x.grad is None


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", NEEDS_RESULT)
def test_a_result_changed_before_backward(name, change):
    x = leaf(1.0, 2.0)
    y = NEEDS_RESULT[name](x)
    z = y.sum()
    change(y)
    refused(z.backward, name)
    assert x.grad is None


@pytest.mark.parametrize("name", NEEDS_NOTHING)
def test_a_change_that_no_gradient_depends_on_is_allowed(name):
    unchanged, x = leaf(1.0, 2.0), leaf(1.0, 2.0)
    NEEDS_NOTHING[name](unchanged * 1).sum().backward()
    between = x * 1
    y = NEEDS_NOTHING[name](between).sum()
    with no_grad():
        between *= 5
    y.backward()
    np.testing.assert_array_equal(x.grad, unchanged.grad)


def test_an_optimisers_step_between_forward_and_backward():
    W = leaf(1.0, 2.0)
    loss = (W * W).sum()
    with no_grad():
        W -= 0.1
    refused(loss.backward, "multiply")
    assert W.grad is None
    (W * W).sum().backward()
    np.testing.assert_allclose(W.grad, 2 * W.numpy())


def test_a_step_that_this_loss_does_not_depend_on():
    W, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    loss = (W * W).sum()
    with no_grad():
        v -= 0.1
    loss.backward()
    np.testing.assert_array_equal(W.grad, [2, 4])


def test_data_replaced_between_forward_and_backward():
    """The graph keeps the old array, so its gradient is right."""
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = (x * w).sum()
    x.data = np.array([100.0, 100.0])
    y.backward()
    np.testing.assert_array_equal(w.grad, [1, 2])
    y = (x * w).sum()
    x.data = x.data[::-1]  # the same memory
    x.data[0] = 5
    refused(y.backward, "multiply")
    with pytest.raises(GraphError, match="leaf"):
        x += w


def test_data_taken_from_a_tensor_is_shared_with_it():
    x, w, source = leaf(1.0, 2.0), leaf(1.0, 1.0), tensor(np.array([5.0, 6.0]))
    x.data = source
    y = (x * w).sum()
    source += 1
    np.testing.assert_array_equal(x.data, [6, 7])
    refused(y.backward, "multiply")


# Views: a view and its base are one memory, but have each a history.


def test_a_view_taken_before_its_base_was_changed():
    w, x = leaf(5.0), leaf(1.0, 2.0)
    y = x * 1
    view = y[0]
    earlier = view * 3
    y[0] = w[0]
    for use in (lambda: view * 2, lambda: view.backward(), lambda: view.sum(),
                lambda: operator.iadd(view, 1), lambda: view.__setitem__(..., 1)):  # fmt: skip
        with pytest.raises(GraphError, match="shares memory with another.*Try"):
            use()
    np.testing.assert_array_equal(y.data, [5, 2])
    (y.sum() + earlier).backward()
    np.testing.assert_array_equal(x.grad, [3, 1])
    np.testing.assert_array_equal(w.grad, [1])


def test_a_base_used_after_its_view_was_changed():
    w = leaf(1.0)
    for base in (leaf(1.0, 2.0) * 1, tensor(np.array([1.0, 2.0]))):
        base[:1].__iadd__(w)
        other = leaf(1.0, 1.0)
        for use in (lambda: base * 3, lambda: base + other, lambda: base[1:], lambda: base.T,
                    lambda: concatenate([other, base]), lambda: other @ base):  # fmt: skip
            with pytest.raises(GraphError, match="shares memory with another"):
                use()
        np.testing.assert_array_equal(base.detach() * 2, [4, 4])
        with no_grad():
            np.testing.assert_array_equal(base * 2, [4, 4])


def test_only_the_part_that_was_changed_may_be_written_back():
    w = leaf(1.0, 1.0)
    x = tensor(np.array([1.0, 2.0]))
    view = x[:]
    view += w
    with pytest.raises(GraphError, match="shares memory"):
        x[:1] = view[:1]
    other = x.detach()[1:]
    other += w[1:]
    with pytest.raises(GraphError, match="shares memory"):
        x[:] = view
    with no_grad():
        x[1:] = other
    with pytest.raises(GraphError, match="shares memory"):
        x * 2


def test_a_view_of_a_view_written_to_its_end():
    def function(x):
        y = (x * 1).reshape(2, 2)
        row = y[0]
        row[1] += 3
        row *= 2
        return row * row

    assert_gradients(function, numbers(4))
    y = (leaf(1.0, 2.0) * 1).reshape(2, 1)
    y[0][0] = 5
    with pytest.raises(GraphError, match=r"not x\[i\]\[j\] = y"):
        y.sum()


def test_reshape_that_had_to_copy_is_no_view():
    def function(x):
        y = x * 1
        copy = y.T.reshape(-1)
        copy *= 3
        return y.reshape(-1) + copy

    assert_gradients(function, numbers(2, 3))


def test_leaves_and_their_views_are_not_changed_with_recording():
    x, w = leaf(1.0, 2.0), leaf(1.0, 1.0)
    for change in (*CHANGES.values(), lambda x: operator.iadd(x, w)):
        if change is data_changed or change in (CHANGES["detached"], CHANGES["wrapped"]):
            continue  # these take no part in the history
        with pytest.raises(GraphError, match=r"(\+=|item assignment): .* is a leaf.*no_grad"):
            change(x)
    with pytest.raises(GraphError, match="leaf"):
        operator.iadd(x.detach(), w)
    np.testing.assert_array_equal(x.data, [1, 2])
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2])


# A change that is refused changes nothing.


def test_shapes_that_cannot_stay():
    x = tensor(np.ones((1, 2)))
    with pytest.raises(ShapeError, match=r"\+=: expected a result of the shape \(1, 2\).*Try"):
        x += np.ones((3, 2))
    with pytest.raises(ShapeError, match="broadcast|agree"):
        x *= np.ones(3)
    np.testing.assert_array_equal(x, [[1, 1]])


@pytest.mark.parametrize("name", IN_PLACE)
def test_integers_are_not_changed_by_float_arithmetic(name):
    x = tensor(np.array([2**24 + 1, 2]))
    with pytest.raises(DTypeError, match="expected a result that int64 can hold, got float64"):
        IN_PLACE[name](x, 1.0)
    np.testing.assert_array_equal(x, [2**24 + 1, 2])


def test_integers_are_changed_by_their_own_arithmetic():
    x = tensor(np.array([2**24 + 1, 2]))
    x += 1
    x *= 2
    np.testing.assert_array_equal(x.data, [2**25 + 4, 6])


def test_memory_that_is_read_only():
    x, w = Tensor(np.broadcast_to(np.array(1.0), 2)), leaf(1.0, 2.0)
    for change in (lambda: operator.iadd(x, w), lambda: x.__setitem__(0, w[0])):
        with pytest.raises(ArgumentError, match="expected memory to write to, got a read-only"):
            change()
        assert not x.requires_grad
    (x * w).sum().backward()
    np.testing.assert_array_equal(w.grad, [1, 1])
