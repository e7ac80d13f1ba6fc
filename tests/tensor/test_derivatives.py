"""Derivatives of operations beyond the first, by HIPS autograd. A function is given NumPy, whose
functions take tensors, or autograd's own functions of the same names."""

import autograd.numpy as anp
import numpy as np
import pytest
from derivatives import assert_derivatives
from support import numbers

import minidl
from minidl import tensor

X, Y = numbers(3, 4), numbers(3, 4, seed=1)
SQUARE = numbers(3, 3, seed=2)
STACK = numbers(2, 3, 4, seed=3)

# Functions of NumPy (np or autograd's), and what they are given.
CASES = {
    "add": (lambda np, x, y: x + y, X, Y[0]),
    "subtract": (lambda np, x, y: x - y, X, Y[:, :1]),
    "multiply": (lambda np, x, y: x * y, X, Y[0]),
    "divide": (lambda np, x, y: x / y, X, Y[:, :1]),
    "power": (lambda np, x, y: x**y, X, Y),
    "negative": (lambda np, x: -x, X),
    "numbers": (lambda np, x: 2 / (1 - 3 * x) + 2**x - x**3 + 1, X + 1),
    "matmul": (lambda np, x, y: x @ y.T, X, Y),
    "row matmul": (lambda np, x, y: x[0] @ y.T, X, Y),
    "column matmul": (lambda np, x, y: x @ y[1], X, Y),
    "dot": (lambda np, x, y: x[0] @ y[1], X, Y),
    "matmul of stacks": (lambda np, x, y: x @ y, SQUARE, STACK),
    "matmul of stacks, a vector": (lambda np, x, y: x @ y[0], STACK, Y),
    "exp": (lambda np, x: np.exp(x), X),
    "log": (lambda np, x: np.log(x), X),
    "expm1": (lambda np, x: np.expm1(x), X),
    "log1p": (lambda np, x: np.log1p(x), X),
    "sqrt": (lambda np, x: np.sqrt(x), X),
    "tanh": (lambda np, x: np.tanh(x), X),
    "abs": (lambda np, x: np.abs(x - 1), X),
    "sign": (lambda np, x: x * np.sign(x - 1), X),
    "clip": (lambda np, x: np.clip(x, 0.8, 1.5) * x, X),
    "maximum": (lambda np, x, y: np.maximum(x, y) * x, X, Y[0]),
    "minimum": (lambda np, x, y: np.minimum(x, y) * x, X, Y[0]),
    "where": (lambda np, x, y: np.where(x > 1, x * y, y**2), X, Y[0]),
    "sum": (lambda np, x: np.sum(x, 1, keepdims=True) * x, X),
    "sum of all": (lambda np, x: np.sum(x) ** 2, X),
    "mean": (lambda np, x: np.mean(x, 0) * x, X),
    "var": (lambda np, x: np.var(x, 1), X),
    "max": (lambda np, x: np.max(x, 1) ** 2, X),
    "min": (lambda np, x: np.min(x, 0) * x, X),
    "reshape": (lambda np, x: np.reshape(x * x, (2, 6)), X),
    "transpose": (lambda np, x: np.transpose(x * x, (2, 0, 1)), STACK),
    "slice": (lambda np, x: x[::-1, 1:3] ** 2, X),
    "repeated index": (lambda np, x: x[[0, 0, 2]] ** 2 * x, X),
    "two indices": (lambda np, x: x[[0, 2, 2], [1, 0, 0]] ** 3, X),
    "mask": (lambda np, x: x[np.array([True, False, True])] ** 3, X),
    "concatenate": (lambda np, x, y: np.concatenate([x, x * y], 1) ** 2, X, Y),
    "stack": (lambda np, x, y: np.stack([x, x * y]) ** 2, X, Y),
    "broadcast_to": (lambda np, x: np.broadcast_to(x[:1], (3, 4)) * x, X),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_derivatives_of_three_orders(name):
    function, *arrays = CASES[name]
    assert_derivatives(lambda *xs: function(np, *xs), lambda *xs: function(anp, *xs), *arrays)


UNARY = {
    "tanh": lambda np, x: np.tanh(x),
    "log": lambda np, x: np.log(x * x + 0.5),
    "sqrt": lambda np, x: np.sqrt(x * x + 0.5),
    "power": lambda np, x: (x * x + 0.5) ** 0.7 - 1,
    "quotient": lambda np, x: x / (1 + x * x),
    "exp": lambda np, x: np.exp(-x * x),
    "centred": lambda np, x: x - np.mean(x, 0),
    "spread": lambda np, x: x / np.sqrt(1 + np.var(x)),
    "share": lambda np, x: x * np.max(x, 1, keepdims=True),
    "rows": lambda np, x: x[[1, 1, 2]],
    "flipped": lambda np, x: x[:, ::-1],
    "turned": lambda np, x: np.reshape(np.transpose(x), x.shape),
    "doubled": lambda np, x: np.concatenate([x, x], 1)[:, 2:6],
    "clipped": lambda np, x: np.clip(x, -0.7, 0.7) * x,
}  # fmt: skip
BINARY = {
    "sum": lambda np, x, y: x + y,
    "product": lambda np, x, y: x * y,
    "difference": lambda np, x, y: x - y[0],
    "quotient": lambda np, x, y: x / (1 + y * y),
    "larger": lambda np, x, y: np.maximum(x, y),
    "choice": lambda np, x, y: np.where(x > y, x, y * y),
    "matrices": lambda np, x, y: np.tanh(x @ np.transpose(y)) @ x,
    "row": lambda np, x, y: x + np.sum(y, 0) * 0.3,
}  # fmt: skip


def program(seed):
    """A function of eight steps, each of results of earlier ones."""
    rng = np.random.default_rng(seed)
    steps = []
    for step in range(8):
        operations = list((UNARY if rng.random() < 0.5 else BINARY).values())
        places = rng.integers(0, 2 + step, 2)
        steps.append((operations[rng.integers(len(operations))], places))

    def run(np, x, y):
        values = [x, y]
        for operation, places in steps:
            count = operation.__code__.co_argcount - 1
            values.append(operation(np, *[values[place] for place in places[:count]]))
        return values[-1] + values[-2]

    return run


@pytest.mark.parametrize("seed", range(60))
def test_programs_drawn_at_random(seed):
    function = program(seed)
    x, y = np.random.default_rng(seed).normal(size=(2, 3, 4))
    assert_derivatives(lambda *xs: function(np, *xs), lambda *xs: function(anp, *xs), x, y, order=2)


# Where formulas are not enough.


@pytest.mark.parametrize("power", range(6))
def test_powers_at_zero(power):
    x = tensor(np.array([0.0, 1.0, -2.0]))

    def derivative(x, n):
        """Number n of the sum of x's powers, of which each is one element's."""
        if n == 0:
            return (x**power).sum()
        return minidl.autograd.vjp(lambda x: derivative(x, n - 1), x)[1].sum()

    for n in range(1, 5):
        coefficient = float(np.prod(np.arange(power, power - n, -1)))
        wanted = coefficient * x.data ** max(power - n, 0)
        found = derivative(x, n).item()
        np.testing.assert_allclose(found, wanted.sum(), rtol=1e-12, atol=1e-12)


def test_the_base_0_of_a_power_has_a_curvature_for_its_exponent():
    exponents = tensor(np.array([0.5, 1.0, 2.0]))
    H = minidl.autograd.hessian(lambda y: (0.0**y).sum(), exponents)
    np.testing.assert_array_equal(H.numpy(), np.zeros((3, 3)))


def test_kinks_and_ties_have_constant_slopes():
    x = tensor(np.array([0.0, 1.0, 1.0]))
    for function in (
        lambda x: x.abs() * x,
        lambda x: x.clip(0, 1) * x,
        lambda x: minidl.maximum(x, x[1]) * x,
        lambda x: x.max() * x,
    ):
        gradient = minidl.autograd.vjp(lambda x, f=function: f(x).sum(), x)[1]
        H = minidl.autograd.hessian(lambda x, f=function: f(x).sum(), x)
        assert np.isfinite(gradient.numpy()).all()
        np.testing.assert_allclose(H.numpy(), H.numpy().T)


def test_item_assignment():
    def ours(x, y):
        z = x * y
        z[1:] = y[1:] ** 3
        z[0, [0, 2]] = x[1, [2, 0]] ** 2
        return z

    def theirs(x, y):
        z = x[0] * y[0]
        row = anp.stack([x[1, 2] ** 2, z[1], x[1, 0] ** 2, z[3]])
        return anp.concatenate([row[None], y[1:] ** 3])

    assert_derivatives(ours, theirs, X, Y)
