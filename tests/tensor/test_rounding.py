"""Rounding, and whole quotients: steps have a slope, and it is 0."""

import operator

import numpy as np
import pytest
from support import leaf

import minidl
from minidl import tensor
from minidl.errors import ArgumentError, DTypeError

ODD = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, -0.0, np.inf, -np.inf, np.nan, 1e300])
STEPS = ["floor", "ceil", "trunc", "round", "sign"]


@pytest.mark.parametrize("name", STEPS)
def test_steps(name):
    x = leaf(*ODD)
    y = getattr(x, name)()
    np.testing.assert_array_equal(y.detach(), getattr(np, name)(ODD))
    y.backward(np.full(ODD.shape, np.inf))
    np.testing.assert_array_equal(x.grad, np.zeros(ODD.shape))


@pytest.mark.parametrize("name", STEPS)
def test_steps_of_integers_are_integers(name):
    x = np.array([-(2**53) - 1, 0, 2**53 + 1])
    y = getattr(tensor(x), name)()
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, np.sign(x) if name == "sign" else x)


@pytest.mark.parametrize("decimals", [-2, -1, 0, 1, np.int64(3)])
def test_decimals(decimals):
    x = np.random.default_rng(0).uniform(-500, 500, 50)
    np.testing.assert_array_equal(tensor(x).round(decimals), x.round(decimals))
    whole = x.astype(int)
    np.testing.assert_array_equal(tensor(whole).round(decimals), whole.round(decimals))


@pytest.mark.parametrize("decimals", [0.5, "1", None, True])
def test_decimals_that_are_none(decimals):
    with pytest.raises(ArgumentError, match="round: expected a whole number of decimals, got"):
        minidl.round([1.0], decimals)


OPERATORS = {"//": operator.floordiv, "%": operator.mod, "divmod": divmod}


@pytest.mark.parametrize("symbol", OPERATORS)
def test_whole_quotients_are_numpys(symbol):
    x, y = np.meshgrid(ODD, [*ODD, 0.0, 3.0, -0.7])
    with np.errstate(all="ignore"):
        wanted = OPERATORS[symbol](x, y)
        by_numbers = OPERATORS[symbol](x, 0.3), OPERATORS[symbol](7, x)
    np.testing.assert_array_equal(OPERATORS[symbol](tensor(x), tensor(y)), wanted)
    np.testing.assert_array_equal(OPERATORS[symbol](tensor(x), y), wanted)
    np.testing.assert_array_equal(OPERATORS[symbol](tensor(x), 0.3), by_numbers[0])
    np.testing.assert_array_equal(OPERATORS[symbol](7, tensor(x)), by_numbers[1])


@pytest.mark.parametrize("symbol", OPERATORS)
def test_whole_quotients_of_integers(symbol):
    x, y = tensor(np.array([7, -7, 2**53 + 1])), tensor(np.array([2, 2, 1]))
    np.testing.assert_array_equal(OPERATORS[symbol](x, y), OPERATORS[symbol](x.numpy(), y.numpy()))
    for zero in (0, np.array([1, 0, 1])):
        with pytest.raises(ArgumentError, match="expected integers to be divided by others than 0"):
            OPERATORS[symbol](x, zero)


def test_in_place():
    x = tensor([7.0, -7.0])
    y = x[:1]
    x //= 2
    np.testing.assert_array_equal(x, [3, -4])
    x %= 3
    np.testing.assert_array_equal(x, [0, 2])
    assert y.item() == 0
    whole = tensor(np.array([2**53 + 1, -7]))
    whole //= 2
    whole %= 10
    np.testing.assert_array_equal(whole, [6, 6])
    w = leaf(5.0, 7.0)
    z = w * 1
    z %= 4
    z.backward([1.0, 2.0])
    np.testing.assert_array_equal(w.grad, [1, 2])


def test_what_is_no_number():
    x = tensor([1.0])
    for divide in OPERATORS.values():
        with pytest.raises(TypeError):
            divide(x, None)
        with pytest.raises(TypeError):
            divide(object(), x)
    with pytest.raises(DTypeError, match="floor_divide"):
        minidl.floor_divide(x, "1")
