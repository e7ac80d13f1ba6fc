"""minidl.grad and minidl.autograd, held to HIPS autograd and to formulas."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, hessian, jacobian
from support import leaf, numbers

import minidl
from minidl import ArgumentError, DTypeError, GraphError, ShapeError, nn, no_grad, tensor
from minidl.engine.tensor import Operation, record

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def same(found, wanted):
    np.testing.assert_allclose(found.numpy(), wanted, **EXACT)


# grad


def test_grad_gives_a_tensor_for_each_input_and_leaves_grad_alone():
    x, w, other = leaf(2.0, 3.0), leaf(5.0, 7.0), leaf(1.0, 1.0)
    h = x * w
    loss = (h * h * other).sum()
    dx, dh, again = minidl.grad(loss, [x, h, x])
    same(dx, 2 * x.data * w.data**2)
    same(dh, 2 * x.data * w.data)
    dx.data[0] = 0
    same(again, 2 * x.data * w.data**2)
    assert x.grad is w.grad is other.grad is None
    assert not dx.requires_grad
    assert minidl.grad(x, x, [1.0, 2.0])[0].numpy().tolist() == [1, 2]


def test_grad_outputs_weigh_the_outputs():
    x = leaf(2.0, 3.0)
    outputs = [x * x, x.sum()]
    same(minidl.grad(outputs, x, [tensor(np.array([10.0, 1.0])), None])[0], [41, 7])
    v = np.array([1.0, 2.0])
    (dx,) = minidl.grad(x + 1, x, [v])
    dx.data[0] = 9
    assert v[0] == 1
    same(minidl.grad([(x * x).sum(), x.sum()], x)[0], [5, 7])


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_lie_in_memory_of_their_own(create_graph):
    a, b = leaf(1.0, 1.0), leaf(1.0, 1.0)
    y, dy = a * 1 + b, tensor(np.array([1.0, 2.0]))
    y.retain_grad()
    found = minidl.grad(y, [a, b, y], dy, True, create_graph)
    y.backward(dy, False, create_graph)
    arrays = [x.data for x in (*found, a.grad, b.grad, y.grad, dy)]
    for i, one in enumerate(arrays):
        np.testing.assert_array_equal(one, [1, 2])
        assert not any(np.shares_memory(one, other) for other in arrays[:i])


def test_a_gradient_that_is_retained_twice_comes_once():
    x = tensor(3.0, requires_grad=True)
    y = x * x
    y.retain_grad()
    y.retain_grad()
    (2 * y).backward()
    same(y.grad, 2)


def test_a_graph_is_used_once_unless_it_is_retained():
    x = leaf(2.0)
    y = x**3
    same(minidl.grad(y, x, retain_graph=True)[0], [12])
    same(minidl.grad(y, x, create_graph=True)[0], [12])
    same(minidl.grad(y, x)[0], [12])
    with pytest.raises(GraphError, match="released"):
        minidl.grad(y, x)
    y = x**3
    minidl.grad(y, x, create_graph=True, retain_graph=False)
    with pytest.raises(GraphError, match="released"):
        y.backward()


def test_a_released_operation_may_have_led_to_an_input():
    x = leaf(2.0)
    h = x * x
    h.backward()
    same(minidl.grad(h * 3, h)[0], [3])
    k = h * 3
    same(minidl.grad(k * k, k)[0], [24])
    for inputs in (x, [x, k], [h, x]):
        with pytest.raises(GraphError, match="released"):
            minidl.grad(k + x, inputs)
    same(minidl.grad([k, k * k], [k, h])[1], [3 + 72])


def test_what_lies_before_an_input_is_not_gone_through():
    x = leaf(2.0)
    h = x * x
    (dh,) = minidl.grad((h * h).sum(), h)
    h.backward(dh)
    same(x.grad, [32])


def test_no_gradient_is_computed_that_leads_elsewhere():
    asked = []

    def gradients(node, dy):
        asked.append([edge is not None for edge in node.inputs])
        return [dy, dy]

    x, w = leaf(1.0), leaf(2.0)
    y = record(Operation("noted", kernel=gradients), x.data + w.data, (x, w))
    for inputs in (x, w, [w, x]):
        minidl.grad(y, inputs, retain_graph=True)
    y.backward()
    assert asked == [[True, False], [False, True], [True, True], [True, True]]


@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_of_one_input_has_the_bits_that_backward_gives(training):
    minidl.manual_seed(0)
    net = nn.Sequential(
        nn.Dense(3, 4), nn.BatchNorm(4), nn.PReLU(4), nn.Dense(4, 6), nn.LayerNorm(6),
        nn.Maxout(2), nn.Bias(3),
    ).train(training)  # fmt: skip
    x = tensor(numbers(5, 3).astype(np.float32), requires_grad=True)
    loss = minidl.functional.cross_entropy(net(x), np.arange(5) % 3)
    inputs = [x, *net.parameters()]
    alone = [minidl.grad(loss, p, retain_graph=True)[0] for p in inputs]
    loss.backward()
    for found, p in zip(alone, inputs, strict=True):
        np.testing.assert_array_equal(found, p.grad)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x, y: minidl.grad(y, tensor(1.0)), GraphError, "inputs.*none at number 0"),
        (lambda x, y: minidl.grad([y, y.detach()], x), GraphError, "outputs.*none at number 1"),
        (
            lambda x, y: minidl.grad(y.sum(), [x, leaf(1.0)]),
            GraphError,
            "another at number 1.*leave",
        ),
        (lambda x, y: minidl.grad(y * 2, x), ShapeError, "single number"),
        (lambda x, y: minidl.grad(y, x, [1.0, 2.0, 3.0]), ShapeError, r"shape \(2,\)"),
        (lambda x, y: minidl.grad([y, y], x, y.data), ArgumentError, "2 gradients"),
        (lambda x, y: minidl.grad([], x), GraphError, "another at number 0"),
        (lambda x, y: minidl.grad(y, x.data), DTypeError, "inputs that are tensors"),
    ],
)
def test_errors_of_grad_leave_all_as_it_was(call, error, message):
    x = leaf(2.0, 3.0)
    y = x * x
    with pytest.raises(error, match=message):
        call(x, y)
    y.backward([1.0, 1.0])
    same(x.grad, [4, 6])


def test_a_value_that_was_changed_in_place_is_no_input():
    x = leaf(1.0, 2.0)
    h = x * 1
    view = h[0]
    y = (h * h).sum()
    h[1] = 5.0 * x[0]
    with pytest.raises(GraphError, match="in place"):
        minidl.grad(y, x)
    with pytest.raises(GraphError, match="shares memory"):
        minidl.grad(y, view)


# Functions, by another library.


def ours(x, w):
    """(4,) and (4, 3) to (3,)."""
    h = ((x * x) @ w).tanh()
    return h * (1 + x[:3]).log() + (w / (1 + w * w)).sum(0) ** 2


def theirs(x, w):
    h = anp.tanh((x * x) @ w)
    return h * anp.log(1 + x[:3]) + anp.sum(w / (1 + w * w), 0) ** 2


X, W = numbers(4), numbers(4, 3, seed=1)
INPUTS = (tensor(X), tensor(W))


def test_jacobian():
    for found, i in zip(minidl.autograd.jacobian(ours, INPUTS), (0, 1), strict=True):
        same(found, jacobian(theirs, i)(X, W))
    same(minidl.autograd.jacobian(lambda x: ours(x, W), INPUTS[0]), jacobian(theirs)(X, W))


def test_a_pass_forward_and_one_back():
    v, dx, dw = numbers(3, seed=2), numbers(4, seed=3), numbers(4, 3, seed=4)
    J, K = (jacobian(theirs, i)(X, W) for i in (0, 1))
    y, (vx, vw) = minidl.autograd.vjp(ours, INPUTS, v)
    same(y, theirs(X, W))
    same(vx, v @ J)
    same(vw, np.tensordot(v, K, 1))
    y, change = minidl.autograd.jvp(ours, INPUTS, (dx, tensor(dw)))
    same(y, theirs(X, W))
    same(change, J @ dx + np.tensordot(K, dw, 2))
    assert not any(t.requires_grad for t in (y, vx, vw, change))


def loss(x, w=W):
    """A number."""
    return (ours(x, w) ** 3).sum()


def their_loss(x, w=W):
    return anp.sum(theirs(x, w) ** 3)


def test_second_and_third_derivatives():
    x, v, H = INPUTS[0], numbers(4, seed=5), hessian(their_loss)(X)
    same(minidl.autograd.hessian(loss, x), H)
    value, found = minidl.autograd.hvp(loss, x, v)
    same(value, their_loss(X))
    same(found, H @ v)
    third = jacobian(hessian(their_loss))(X)
    same(minidl.autograd.jacobian(lambda x: minidl.autograd.hessian(loss, x), x), third)
    same(minidl.autograd.jacobian(lambda x: minidl.autograd.hvp(loss, x, v)[1], x), third @ v)
    twice = minidl.autograd.jvp(lambda x: minidl.autograd.jvp(loss, x, v)[1], x, v)[1]
    same(twice, v @ H @ v)


def test_second_derivatives_of_several_inputs():
    vs = numbers(4, seed=6), numbers(4, 3, seed=7)
    H = [
        [jacobian(lambda x, w: elementwise_grad(their_loss, i)(x, w), j)(X, W) for j in (0, 1)]
        for i in (0, 1)
    ]
    found = minidl.autograd.hessian(loss, INPUTS)
    for i, j in np.ndindex(2, 2):
        same(found[i][j], H[i][j])
    for i, product in enumerate(minidl.autograd.hvp(loss, INPUTS, vs)[1]):
        same(product, sum(np.tensordot(H[i][j], vs[j], vs[j].ndim) for j in (0, 1)))


def test_several_results():
    x = tensor(np.array([1.0, 2.0]))

    def both(x):
        return x * x, x.sum()

    square, total = minidl.autograd.jacobian(both, x)
    same(square, [[2, 0], [0, 4]])
    same(total, [1, 1])
    (y, z), (dy, dz) = minidl.autograd.jvp(both, x, [1.0, 0.0])
    same(y, [1, 4])
    same(z, 3)
    same(dy, [2, 0])
    same(dz, 1)
    same(minidl.autograd.vjp(both, x, ([1.0, 1.0], 10.0))[1], [12, 14])


def test_what_does_not_depend_on_an_input_has_the_derivative_0():
    x, w = tensor(np.ones(2)), tensor(np.ones(3))
    dx, dw = minidl.autograd.jacobian(lambda x, w: 2 * x, (x, w))
    same(dx, 2 * np.eye(2))
    same(dw, np.zeros((2, 3)))
    same(minidl.autograd.jvp(lambda x, w: 2 * x, (x, w), (x, w))[1], [2, 2])
    same(minidl.autograd.jvp(lambda x: w, x, x)[1], np.zeros(3))
    same(minidl.autograd.hessian(lambda x: x.sum(), x), np.zeros((2, 2)))
    same(minidl.autograd.hvp(lambda x: w.sum(), x, x)[1], np.zeros(2))
    same(minidl.autograd.jacobian(lambda x: x[:0], x), np.zeros((0, 2)))


# What is found can be differentiated where something that it depends on wants a gradient.


def test_a_jacobian_is_recorded_for_what_the_function_uses():
    w = leaf(2.0, 3.0)
    J = minidl.autograd.jacobian(lambda x: (x * w).tanh(), tensor(np.array([0.5, 0.25])))
    (J**2).sum().backward()

    def penalty(w):
        t = anp.tanh(w * np.array([0.5, 0.25]))
        return anp.sum((w * (1 - t * t)) ** 2)

    same(w.grad, elementwise_grad(penalty)(w.data))


def test_a_derivative_is_recorded_for_its_inputs_and_directions():
    x, v = leaf(2.0, 3.0), leaf(1.0, 10.0)

    def f(x):
        return x**3

    for product in (minidl.autograd.jvp, minidl.autograd.vjp):
        y, found = product(f, x, v)
        same(minidl.grad(found.sum(), [x, v], retain_graph=True)[0], 6 * x.data * v.data)
        same(minidl.grad(found.sum(), v)[0], 3 * x.data**2)
        same(minidl.grad(y.sum(), x)[0], 3 * x.data**2)
    y, found = minidl.autograd.hvp(lambda x: f(x).sum(), x, v)
    same(minidl.grad(found.sum(), x, retain_graph=True)[0], 6 * v.data)
    same(minidl.grad(found.sum(), v)[0], 6 * x.data)


def test_a_direction_alone_may_want_a_gradient():
    x, v = tensor(np.array([2.0, 3.0])), leaf(1.0, 10.0)
    for product in (minidl.autograd.jvp, minidl.autograd.vjp):
        same(minidl.grad(product(lambda x: x**3, x, v)[1].sum(), v)[0], 3 * x.data**2)
    found = minidl.autograd.hvp(lambda x: (x**3).sum(), x, v)[1]
    same(minidl.grad(found.sum(), v)[0], 6 * x.data)


def test_nothing_is_recorded_for_constants_or_within_no_grad():
    w = leaf(2.0, 3.0)
    x = tensor(np.array([1.0, 2.0]))

    def f(x):
        return (x * x * w).sum()

    with no_grad():
        found = [*minidl.autograd.vjp(f, x), *minidl.autograd.hvp(f, x, x)]
        found += [*minidl.autograd.jvp(f, x, x), minidl.autograd.hessian(f, x)]
        assert not (w * 2).requires_grad
    same(found[1], [4, 12])
    same(found[3], [4, 12])
    same(found[5], 28)
    same(found[6], [[4, 0], [0, 6]])
    found += minidl.autograd.vjp(lambda x: (x * w.detach()).sum(), x)
    assert not any(t.requires_grad for t in found)
    assert w.grad is x.grad is None
    assert not x.requires_grad


@pytest.mark.parametrize("outer", ["jvp", "vjp", "jacobian"])
@pytest.mark.parametrize("inner", ["jvp", "vjp", "jacobian"])
def test_a_derivative_within_another_leaves_no_graph_to_its_copies(outer, inner):
    x, y, w = tensor(np.array(2.0)), tensor(np.array(5.0)), leaf(3.0)

    def slope(which, f, x):
        found = getattr(minidl.autograd, which)(f, x)
        return found if which == "jacobian" else found[1]

    found = slope(outer, lambda y: slope(inner, lambda x: y * x**3, x), y)
    same(found, 12)
    assert not found.requires_grad
    found = slope(outer, lambda y: slope(inner, lambda x: y * x**3 * w.sum(), x), y)
    same(minidl.grad(found, w)[0], [12])


def test_no_grad_within_the_function_makes_constants():
    def f(x):
        with no_grad():
            c = x * x
        return c * x

    same(minidl.autograd.jacobian(f, leaf(2.0, 3.0)), np.diag([4, 9]))


def test_a_function_that_fails_leaves_recording_as_it_was():
    with no_grad(), pytest.raises(ZeroDivisionError):
        minidl.autograd.vjp(lambda x: 1 / 0, leaf(1.0))
    assert (leaf(1.0) * 2).requires_grad


def test_the_function_cannot_change_its_inputs():
    x = leaf(1.0, 2.0) * 1

    def f(x):
        x += 1
        return x

    for given in (x, x.detach()):
        with pytest.raises(GraphError, match="in place"):
            minidl.autograd.vjp(f, given, given)
    same(x, [1, 2])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: minidl.autograd.vjp(lambda x: x.numpy(), x), DTypeError, "ndarray.*Try"),
        (lambda x: minidl.autograd.vjp(lambda x: x * 2, x), ShapeError, "vjp"),
        (lambda x: minidl.autograd.jvp(lambda x: x * 2, x, [1.0]), ShapeError, r"\(3,\)"),
        (lambda x: minidl.autograd.jvp(lambda x: x * 2, (x, x), x), TypeError, "positional"),
        (lambda x: minidl.autograd.jvp(lambda x, y: x * y, (x, x), x), ArgumentError, "2 grad"),
        (lambda x: minidl.autograd.hvp(lambda x: x * 2, x, x), ShapeError, "single number"),
        (lambda x: minidl.autograd.hessian(lambda x: x * 2, x), ShapeError, "hessian.*single"),
        (lambda x: minidl.autograd.jacobian(lambda x: x, x.astype("int64")), DTypeError, "float"),
    ],
)
def test_errors_of_derivatives(call, error, message):
    with pytest.raises(error, match=message):
        call(tensor(np.ones(3)))


def test_float32_stays():
    x = tensor([1.0, 2.0])
    for found in (
        minidl.autograd.jacobian(lambda x: x * x, x),
        minidl.autograd.hessian(lambda x: (x**3).sum(), x),
        minidl.autograd.jvp(lambda x: x * x, x, np.ones(2))[1],
    ):
        assert found.dtype == np.float32


def test_recorded_gradients_are_nobody_elses():
    a, b = (tensor([1.0, 1.0], requires_grad=True) for _ in range(2))
    dy = tensor([1.0, 1.0])
    (a + b).backward(dy, create_graph=True)
    dy *= 3
    a.grad *= 5
    np.testing.assert_array_equal(b.grad.data, [1, 1])
