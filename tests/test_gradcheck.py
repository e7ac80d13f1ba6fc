"""The gradient checker, tested with gradients that are wrong: each kind must be found."""

from contextlib import suppress

import numpy as np
import pytest
from support import planted

import minidl
from minidl import gradcheck
from minidl.engine.tensor import Operation, record
from minidl.errors import ArgumentError, DTypeError, GraphError

X = np.random.default_rng(0).normal(size=(2, 3))


def tensor(x, requires_grad=True):
    return minidl.tensor(np.asarray(x, np.float64), requires_grad=requires_grad)


def operation(forward, backward):
    """An operation of one input whose backward may be anything."""
    return lambda x, *_: record(
        planted("planted", lambda dy: (backward(x, dy),)), forward(x.data), (x,)
    )


def found(function, inputs, message, **options):
    """The error is raised, and without exceptions the answer is no."""
    with pytest.raises(GraphError, match=message):
        gradcheck(function, inputs, **options)
    assert gradcheck(function, inputs, raise_exception=False, **options) is False


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x,
        lambda x: x * x + 3,
        lambda x: (x @ x.T).exp(),
        lambda x: x.sum(axis=0),
        lambda x: x.mean(),
        lambda x: x[0, 1],
        lambda x: x.reshape(3, 2, 1) * x.reshape(1, 3, 2, 1),
        lambda x: minidl.tensor(np.ones(4)),
    ],
)
def test_right_gradients_pass(function):
    assert gradcheck(function, tensor(X)) is True

    assert gradcheck(function, tensor(X), order=2) is True


def test_several_inputs_of_which_some_are_constants():
    w, b, v = tensor(X.T), tensor([1.0, 2.0]), tensor([3.0, 4.0], requires_grad=False)
    assert gradcheck(lambda x, w, b, v, k, n: (x @ w + b) * v * k, [tensor(X), w, b, v, 2.0, None])
    labels = minidl.tensor(np.array([0, 2]))
    assert gradcheck(lambda x, labels: x[[0, 1], labels], [tensor(X), labels])


def cube(gradient_of_square=lambda dy, x: 2 * dy * x):
    """x³ as an operation with a kernel, whose `recorded` gradient has another in it."""
    square = Operation("square", x=gradient_of_square)

    def recorded(node, dy, inputs):
        (x,) = inputs
        return [3 * dy * record(square, x.data**2, (x,))]

    operation = Operation(
        "cube", kernel=lambda node, dy: [3 * dy * node.kept[0].array ** 2], recorded=recorded
    )
    return lambda x: record(operation, x.data**3, (x,), keeps=[0])


def test_second_derivatives():
    assert gradcheck(cube(), tensor(X), order=3)
    wrong = cube(lambda dy, x: 2.01 * dy * x)
    assert gradcheck(wrong, tensor(X))
    found(wrong, tensor(X), r"order 2: gradcheck: .*output\[0\] / d input 0\[0, 0\]", order=2)
    unlike = cube(lambda dy, x: dy)
    found(unlike, tensor(X), "order 2", order=2)
    third = cube(lambda dy, x: 2 * dy * np.asarray(x.data))
    assert gradcheck(third, tensor(X), order=2)
    found(third, tensor(X), "order 3", order=3)


def test_a_recorded_gradient_with_another_value_than_the_kernels():
    def recorded(node, dy, inputs):
        return [1.01 * dy]

    operation = Operation("same", kernel=lambda node, dy: [dy], recorded=recorded)

    def other(x):
        return record(operation, x.data.copy(), (x,))

    assert gradcheck(other, tensor(X))
    found(other, tensor(X), r"order 2: .*d output\[0\] / d input 1\[0, 0\]", order=2)


def test_an_input_given_twice():
    x = tensor(X)
    assert gradcheck(lambda x, y: x * y, [x, x])


def test_what_the_function_reaches_by_itself():
    weight = tensor(X.T)
    assert gradcheck(lambda x, _: x @ weight, [tensor(X), weight])
    found(lambda x, _: x @ weight.detach(), [tensor(X), weight], r"d input 1\[0, 0\]")


# ---- what it must find ------------------------------------------------------------------------


def test_a_wrong_gradient():
    found(
        operation(np.sin, lambda x, dy: dy * np.sin(x.data)),
        tensor([0.0, 1.0]),
        r"d output\[0\] / d input 0\[0\] = 1, the central difference, got 0 from backward",
    )


@pytest.mark.parametrize("element", [(0, 0), (0, 2), (1, 1), (1, 2)])
def test_a_gradient_that_is_wrong_in_one_element_by_one_percent(element):
    def backward(x, dy):
        dx = 2 * x.data * dy
        dx[element] *= 1.01
        return dx

    place = ", ".join(map(str, element))
    found(operation(np.square, backward), tensor(X), rf"output\[{place}\] / d input 0\[{place}\]")


def test_a_gradient_that_is_right_in_its_sum_only():
    """One row of the Jacobian for all: a check of sum(y) would not notice."""
    found(operation(lambda x: x * 2, lambda x, dy: dy[::-1] * 2), tensor([1.0, 2.0]), "output")


def test_a_wrong_gradient_of_the_second_input_only():
    def product(x, y):
        return record(
            planted("planted", lambda dy: (dy * y.data, dy * y.data)), x.data * y.data, (x, y)
        )

    found(product, [tensor([1.0]), tensor([2.0])], r"d input 1\[0\] = 1, .* got 2 from backward")


def test_a_missing_gradient():
    found(operation(np.exp, lambda x, dy: None), tensor([1.0]), "= 2.71828183, .* got no gradient")
    found(lambda x: minidl.tensor(x.data * 2), tensor([1.0]), "= 2, .* got no gradient")


def test_a_gradient_of_a_wrong_shape():
    wrong = operation(lambda x: x * 2, lambda x, dy: 2 * dy[:, None])
    with pytest.raises(GraphError, match=r"planted: .* input 0's shape \(2,\), got \(2, 1\)"):
        gradcheck(wrong, tensor([1.0, 2.0]))


def test_a_gradient_that_is_not_a_number():
    found(operation(np.exp, lambda x, dy: dy * np.nan), tensor([1.0]), "got nan from backward")
    found(operation(np.exp, lambda x, dy: dy * np.inf), tensor([1.0]), "got inf from backward")


def test_a_gradient_where_the_value_is_not_a_number():
    found(lambda x: x.log(), tensor([-1.0]), "= nan")


def changes_its_input(x):
    with minidl.no_grad():
        x += 1
    return x * 2


def writes_into_the_array(x):
    x.data[0] = 7
    return x * 2


@pytest.mark.parametrize("function", [changes_its_input, writes_into_the_array])
def test_an_input_that_is_changed_in_place(function):
    x = tensor([1.0, 2.0])
    with pytest.raises(GraphError, match="leaves its inputs alone, got input 0 changed in place"):
        gradcheck(function, x)
    np.testing.assert_array_equal(x.numpy(), [1.0, 2.0])


def test_a_constant_that_is_changed_in_place():
    with pytest.raises(GraphError, match="input 1 changed in place"):
        gradcheck(lambda x, c: x * c.data.__iadd__(1), [tensor([1.0]), tensor([1.0], False)])


def test_a_value_that_is_kept_and_then_changed():
    def function(x):
        y = x * 1
        z = y * y
        with minidl.no_grad():
            y += 1
        return z

    with pytest.raises(GraphError, match="changed in place"):
        gradcheck(function, tensor([1.0]))


def test_a_function_that_is_another_every_time():
    with pytest.raises(GraphError, match="the same values at every call"):
        gradcheck(lambda x: minidl.functional.dropout(x, 0.5), tensor(np.ones(50)))


# ---- kinks, tolerances and what is left behind ------------------------------------------------


def test_elements_at_a_kink_are_skipped_and_no_others():
    x = tensor([-1.0, 0.0, 9e-6, 2.0])
    assert gradcheck(lambda x: x.abs(), x, kinks=[0.0])
    slope_7_near_0 = operation(
        np.abs, lambda x, dy: dy * np.where(np.abs(x.data) < 1e-5, 7, np.sign(x.data))
    )
    assert gradcheck(slope_7_near_0, x, kinks=[5.0, 0.0])
    found(lambda x: x.abs(), tensor([1.0, 5e-7]), r"input 0\[1\]")
    wrong = operation(np.abs, lambda x, dy: dy)
    found(wrong, tensor([-1.0, 0.0]), r"input 0\[0\] = -1", kinks=[0.0])
    found(wrong, tensor([-11e-6]), r"input 0\[0\] = -1", kinks=[5.0, 0.0])


def test_a_check_that_would_skip_everything_is_none():
    with pytest.raises(ArgumentError, match="away from the kinks, got none in input 1"):
        gradcheck(lambda x, y: x + y.abs(), [tensor([1.0]), tensor([0.0])], kinks=[0.0])


def test_the_tolerances_are_used():
    by_1_percent = operation(lambda x: x * 2, lambda x, dy: dy * 2.02)
    assert gradcheck(by_1_percent, tensor([1.0]), rtol=0.011)
    assert gradcheck(by_1_percent, tensor([1.0]), atol=0.021)
    assert not gradcheck(by_1_percent, tensor([1.0]), rtol=0.009, raise_exception=False)
    assert not gradcheck(by_1_percent, tensor([1.0]), atol=0.019, raise_exception=False)


@pytest.mark.parametrize("large", [1e6, -1e6 / 3])
def test_a_difference_is_divided_by_the_step_that_was_taken(large):
    """Near 10^6, x + 10^-6 is rounded to a step that is off by up to a part in 10^4."""
    assert gradcheck(lambda x: x * 2, tensor([large]), rtol=1e-12, atol=0)


@pytest.mark.parametrize("view", [X.T, X[:, ::2], X[::-1, ::-1], np.asfortranarray(X)])
def test_inputs_that_are_not_contiguous(view):
    x = minidl.Tensor(view, requires_grad=True)
    before = X.copy()
    assert gradcheck(lambda x: x * x.exp(), x)
    found(operation(np.square, lambda x, dy: 2 * x.data[::-1] * dy), x, "input 0")
    np.testing.assert_array_equal(X, before)


def breaks_off(x):
    if not minidl.engine.recording.recording():
        raise RuntimeError("broke off")
    return x * 2


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * x,
        operation(np.exp, lambda x, dy: dy),
        breaks_off,
        lambda x: "nothing",
    ],
    ids=["right", "wrong", "breaks off", "no tensor"],
)
@pytest.mark.parametrize("had", [None, [5.0, 6.0]])
def test_values_and_gradients_are_left_as_they_were(function, had):
    x = tensor([1.0, 2.0])
    grad = x.grad = None if had is None else tensor(had)
    constant = tensor([3.0], requires_grad=False)
    with suppress(RuntimeError, DTypeError):  # GraphError is a RuntimeError
        gradcheck(lambda x, _: function(x), [x, constant])
    assert x.grad is grad
    assert had is None or grad.numpy().tolist() == had
    assert constant.grad is None
    np.testing.assert_array_equal(x.numpy(), [1.0, 2.0])


# ---- what it does not take --------------------------------------------------------------------


def test_float32_is_refused():
    with pytest.raises(DTypeError, match="expected float64, got input 1 of float32"):
        gradcheck(lambda x, y: x + y, [tensor([1.0]), minidl.tensor([1.0])])
    with pytest.raises(DTypeError, match="returns a float64 tensor, got one of float32"):
        gradcheck(lambda x: x.astype(np.float32), tensor([1.0]))


def test_a_function_that_returns_no_tensor():
    with pytest.raises(DTypeError, match="returns a float64 tensor, got ndarray"):
        gradcheck(lambda x: x.numpy(), tensor([1.0]))


@pytest.mark.parametrize("inputs", [[], [tensor(X, False)], [1.0], [X]])
def test_nothing_to_check(inputs):
    with pytest.raises(ArgumentError, match="an input with requires_grad=True"):
        gradcheck(lambda *x: tensor(1.0), inputs)


def test_results_and_read_only_arrays_are_refused():
    with pytest.raises(ArgumentError, match="leaves whose values can be changed"):
        gradcheck(lambda x: x, tensor(X) * 2)
    frozen = minidl.Tensor(np.broadcast_to(X, (4, 2, 3)), requires_grad=True)
    with pytest.raises(ArgumentError, match="tensor"):
        gradcheck(lambda x: x, frozen)


@pytest.mark.parametrize("option", [{"eps": 0}, {"eps": -1e-6}, {"rtol": -1}, {"atol": np.nan}])
def test_options_out_of_range(option):
    with pytest.raises(ArgumentError, match="eps > 0"):
        gradcheck(lambda x: x, tensor(X), **option)


def test_empty_inputs_and_outputs():
    assert gradcheck(lambda x: x * 2, tensor(np.zeros((0, 3))))
    assert gradcheck(lambda x: x[:0], tensor([1.0]))
