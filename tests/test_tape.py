"""The backward pass: order, sums, release, errors on the way."""

import gc
import operator
import weakref

import numpy as np
import pytest
from support import leaf, planted

from minidl import Tensor, no_grad, tensor
from minidl import functional as F
from minidl.engine.tensor import record
from minidl.errors import ArgumentError, DTypeError, GraphError, ShapeError


def test_a_tensor_used_twice_sums_its_gradients():
    x = leaf(1.0, 2.0)
    (x * x + x + x).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * x.numpy() + 2)


def test_a_diamond():
    x = leaf(3.0)
    y = x * 2
    (y * y + y.exp() * y).backward()
    e = np.exp(6)
    np.testing.assert_allclose(x.grad, 2 * (12 + e * 6 + e), rtol=1e-14)


def test_paths_of_different_length_meet():
    """An operation waits for all that used its result, however far away they are."""
    x = leaf(1.0)
    y = x * 3
    far = y
    for _ in range(10):
        far = far + 1
    (y * far).backward()
    np.testing.assert_array_equal(x.grad, [3 * (13 + 3)])


def test_two_losses_add_up():
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, [3 + 2, 3 + 4])


def test_a_given_gradient_weighs_the_output():
    x = leaf(1.0, 2.0)
    weights = np.array([10, 100])
    (x * x).backward(weights)
    np.testing.assert_array_equal(x.grad, [20, 400])
    x.grad = None
    (x * x).backward(tensor([1.0, 0.0]))
    np.testing.assert_array_equal(x.grad, [2, 0])
    for wrong in (1.0, [1.0], [[1.0, 2.0]], np.ones(3)):
        with pytest.raises(ShapeError, match=r"backward: expected grad of shape \(2,\), got"):
            (x * x).backward(wrong)
    for wrong in ("ab", [None, None], np.array([1j, 1])):
        with pytest.raises(DTypeError, match="backward: expected"):
            (x * x).backward(wrong)


def test_backward_of_a_leaf():
    x = leaf(1.0, 2.0)
    x.backward([3.0, 4.0])
    x.sum().backward()
    np.testing.assert_array_equal(x.grad, [4, 5])


def test_backward_without_history():
    for x in (tensor([1.0]), tensor(1.0) * 2, leaf(1.0).detach(), tensor(np.array(3))):
        with pytest.raises(GraphError, match="backward: expected a result of operations.*Try"):
            x.backward()
    with pytest.raises(ShapeError, match="backward: expected a single number.*Try: x.sum"):
        (leaf(1.0, 2.0) * 2).backward()


def test_a_result_of_one_element_needs_no_gradient():
    for shape in ((), (1,), (1, 1)):
        x = tensor(np.full(shape, 2.0), requires_grad=True)
        (x * x).backward()
        np.testing.assert_array_equal(x.grad, np.full(shape, 4))


def test_results_keep_no_gradient():
    x = leaf(1.0)
    y = x * 2
    (y * 3).backward()
    assert y.grad is None


def test_what_is_not_reached_gets_nothing():
    x, y = leaf(1.0), leaf(2.0)
    unused = x * y
    (x * 2).backward()
    assert y.grad is None
    unused.backward()
    np.testing.assert_array_equal(y.grad, [1])


# Who owns a gradient.


def test_leaves_share_no_gradient_array():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    dy = np.array([1.0, 2.0])
    (a + b).backward(dy)
    a.grad *= 10
    np.testing.assert_array_equal(b.grad, [1, 2])
    np.testing.assert_array_equal(dy, [1, 2])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x,
        lambda x: x + 0,
        lambda x: +x,
        lambda x: x.reshape(2, 1),
        lambda x: x.T,
        lambda x: x[:],
        lambda x: x.astype("float64"),
        lambda x: x.sum(axis=(), keepdims=True),
    ],
)
def test_the_gradient_given_to_backward_stays_the_callers(function):
    x = leaf(1.0, 2.0)
    dy = np.array([1.0, 2.0]).reshape(function(x).shape)
    function(x).backward(dy)
    function(x).backward(dy)
    np.testing.assert_array_equal(x.grad, [2, 4])
    np.testing.assert_array_equal(dy.ravel(), [1, 2])
    x.grad += 1
    dy *= 0
    np.testing.assert_array_equal(x.grad, [3, 5])


def test_a_broadcast_gradient_is_made_whole():
    x = tensor(np.zeros((2, 3)), requires_grad=True)
    x.sum().backward()
    x.grad[0, 0] = 5
    np.testing.assert_array_equal(x.grad, [[5, 1, 1], [1, 1, 1]])


def test_gradients_handed_out_are_not_changed_by_the_next_pass():
    w, u = leaf(1.0, 2.0), leaf(1.0, 1.0)
    (w * 3).sum().backward()
    first = w.grad
    penalty = (first * u).sum()
    (w * 4).sum().backward()
    np.testing.assert_array_equal(first, [3, 3])
    np.testing.assert_array_equal(w.grad, [7, 7])
    penalty.backward()
    np.testing.assert_array_equal(u.grad, [3, 3])


def test_one_gradient_for_two_leaves_is_not_added_to_in_place():
    a, b = leaf(1.0), leaf(2.0)
    a.grad = b.grad = tensor(np.array([10.0]))
    (a * 1).backward()
    np.testing.assert_array_equal(a.grad, [11])
    np.testing.assert_array_equal(b.grad, [10])


def test_a_gradient_may_be_any_array():
    x = leaf(1.0)
    x.grad = np.array([10.0])
    (x * 2).backward()
    np.testing.assert_array_equal(x.grad, [12])


def test_the_gradient_has_the_leafs_dtype():
    x = tensor([1.0, 2.0], requires_grad=True)
    (x * np.array([0.1, 0.2])).sum().backward()
    assert x.grad.dtype == np.float32


def test_a_leaf_frozen_meanwhile_gets_nothing():
    x, w = leaf(1.0), leaf(2.0)
    y = x * w
    x.requires_grad = False
    y.backward()
    assert x.grad is None
    np.testing.assert_array_equal(w.grad, [1])


# The graph is let go.


def test_a_second_backward_names_the_operation():
    x = leaf(1.0)
    y = (x * 2).exp()
    z = y + 1
    z.backward()
    for again in (z, y):
        with pytest.raises(GraphError, match="'(add|exp)'.*earlier backward.*Try"):
            again.backward()
    np.testing.assert_allclose(x.grad, 2 * np.exp(2))


def test_a_second_loss_on_a_released_trunk_changes_nothing():
    x, w = leaf(1.0), leaf(1.0)
    trunk = x * 2
    (trunk + 1).backward()
    head = w * 3
    with pytest.raises(GraphError, match="multiply"):
        (trunk + head).backward()
    np.testing.assert_array_equal(x.grad, [2])
    assert w.grad is None
    head.backward()
    np.testing.assert_array_equal(w.grad, [3])


def test_a_backward_pass_that_failed_leaves_no_trace_in_what_it_went_through():
    x, w = leaf(1.0), leaf([1.0, -2.0, 3.0])
    stale = x * x
    with no_grad():
        x += 1
    logits = w * 1
    penalty = (logits * 2).sum()
    loss = F.cross_entropy(logits, [0])  # younger than the penalty, so its gradient is added to
    with pytest.raises(GraphError, match="changed in place"):
        (stale + penalty + loss).backward()
    loss.backward()
    again = leaf([1.0, -2.0, 3.0])
    F.cross_entropy(again * 1, [0]).backward()
    np.testing.assert_array_equal(w.grad, again.grad)


@pytest.fixture
def no_collector():
    """Nothing is freed but by reference counts."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


PROGRAMS = {
    "arithmetic": lambda x: (x * x + x - x / 2) ** 2,
    "functions": lambda x: x.exp().log().abs().sqrt().tanh().clip(0, 1),
    "matmul": lambda x: x.reshape(1, 2) @ x.reshape(2, 1),
    "views": lambda x: x[::-1].T.reshape(2, 1)[0],
    "reductions": lambda x: x.max() + x.min() + x.mean() + x.var(),
    "in place": lambda x: increased(x * 1),
    "written": lambda x: written(x * 1),
}


def increased(y):
    y += y
    y *= 2
    y[0] += 1
    return y


def written(y):
    y[[0, 0]] = y[::-1]
    y[1:] = y[:1]
    return y


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("run_backward", [True, False])
def test_reference_counts_free_the_graph(program, run_backward):
    x = leaf(1.0, 2.0)
    kept = x * 1.5  # an array that the graph holds on to
    watched = weakref.ref(kept.data)
    y = (program(kept) * kept).sum()
    del kept
    assert watched() is not None
    if run_backward:
        y.backward()
        assert watched() is None, "backward keeps an array"
    y = weakref.ref(y)
    assert y() is None
    assert watched() is None


@pytest.mark.usefixtures("no_collector")
def test_what_backward_does_not_need_is_freed_at_once():
    x = leaf(1.0, 2.0)
    for unneeded in (lambda y: y + 1, lambda y: y * 2, lambda y: y / 2, lambda y: y.sum(),
                     lambda y: -y, lambda y: y[[0, 0]], lambda y: y.exp()):  # fmt: skip
        y = x * 1
        watched = weakref.ref(y.data)
        y = unneeded(y)
        assert watched() is None


# Long graphs.


def test_100_000_operations_in_a_row():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + x
    y.backward()
    np.testing.assert_array_equal(x.grad, [100_001])


def minus(y, x):
    return y - x


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("step", [minus, operator.iadd], ids=["new", "in place"])
def test_a_long_graph_is_dropped_without_recursion(step):
    """So many, each freed within the one before it, would overflow the stack of C."""
    x = leaf(1.0)
    y = x * 1
    for _ in range(200_000):
        y = step(y, x)
    watched = weakref.ref(y)
    del y
    assert watched() is None


# Errors on the way.


def failing(x):
    def backward(dy):
        raise ZeroDivisionError

    return record(planted("failing", backward), x.data.copy(), (x,))


def test_an_error_on_the_way_leaves_all_gradients_as_they_were():
    x, w = leaf(1.0), leaf(1.0)
    x.grad = tensor(np.array([5.0]))
    y = failing(x) + w * 2 + x
    with pytest.raises(ZeroDivisionError):
        y.backward()
    np.testing.assert_array_equal(x.grad, [5])
    assert w.grad is None
    (x * w).backward()
    np.testing.assert_array_equal(x.grad, [6])


def test_an_operation_with_too_few_gradients_is_an_error():
    x, w = leaf(1.0), leaf(1.0)
    y = record(planted("short", lambda dy: (dy,)), x.data + w.data, (x, w))
    with pytest.raises(ValueError, match="zip"):
        y.backward()
    assert x.grad is None


def test_an_operation_may_leave_a_gradient_out():
    x, w = leaf(1.0), leaf(1.0)
    record(planted("one", lambda dy: (None, dy)), x.data + w.data, (x, w)).backward()
    assert x.grad is None
    np.testing.assert_array_equal(w.grad, [1])


# no_grad.


def test_nothing_is_recorded_within_no_grad():
    x = leaf(1.0, 2.0)
    with no_grad():
        for y in (x * 2, x.exp(), x[0], x.reshape(2, 1), x @ x, x.sum(), x.max(), Tensor(x)):
            assert not y.requires_grad
        w = tensor([1.0], requires_grad=True)
    assert w.requires_grad
    assert (x * 2).requires_grad


def test_no_grad_ends_with_its_block_whatever_happens():
    x = leaf(1.0)
    block = no_grad()
    with block, block:
        with no_grad():
            pass
        assert not (x * 2).requires_grad
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (x * 2).requires_grad


def test_no_grad_as_a_decorator():
    x = leaf(1.0)

    @no_grad()
    def doubled(depth):
        """Twice x."""
        if depth:
            doubled(depth - 1)
        return x * 2

    assert not doubled(2).requires_grad
    assert doubled.__doc__ == "Twice x."
    assert (x * 2).requires_grad


def test_a_generator_records_nothing_and_its_taker_does():
    """Whichever way the body is entered: next, send, throw or close; and what it returns."""
    x, seen = leaf(1.0), []

    @no_grad()
    def results(n):
        """Of n items."""
        try:
            for _ in range(n):
                try:
                    seen.append((yield x * 2))
                except KeyError:
                    yield x * 3
        finally:
            seen.append(x * 4)
        return x * 5

    items = results(2)
    for take in (lambda: next(items), lambda: items.send("sent"), lambda: items.throw(KeyError)):
        assert not take().requires_grad
        assert (x * 2).requires_grad
    with pytest.raises(StopIteration) as end:
        next(items)
    assert not end.value.value.requires_grad
    assert seen[0] == "sent"
    assert not seen[1].requires_grad
    closed = results(1)
    next(closed)
    closed.close()
    assert len(seen) == 3
    assert not seen[2].requires_grad
    with pytest.raises(ValueError, match="other"):
        (items := results(1)).__next__(), items.throw(ValueError("other"))
    assert (x * 2).requires_grad
    assert results.__doc__ == "Of n items."


def test_no_grad_refuses_asynchronous_functions():
    """Between its awaits, others would run in the same thread."""
    with pytest.raises(ArgumentError, match="no_grad: .*async def.*Try: with no_grad"):

        @no_grad()
        async def wait():
            pass


def test_backward_runs_within_no_grad():
    x = leaf(3.0)
    y = x * x
    with no_grad():
        y.backward()
    np.testing.assert_array_equal(x.grad, [6])


def test_a_gradient_set_by_hand_has_the_shape():
    x, w = leaf(1.0, 2.0), leaf(1.0, 2.0)
    x.grad = tensor(np.ones(3))
    y = (x * w).sum()
    with pytest.raises(ShapeError, match=r"backward: expected x.grad of shape \(2,\), got \(3,\)"):
        y.backward()
    assert w.grad is None
    x.grad = None
    y.backward()
    np.testing.assert_array_equal(w.grad, [1, 2])
