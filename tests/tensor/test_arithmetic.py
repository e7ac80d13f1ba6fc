"""Operators: values are NumPy's, gradients those of central differences, for all that broadcast."""

import itertools
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from support import LAYOUTS, assert_gradients, numbers

import minidl
from minidl import Tensor, tensor
from minidl.errors import ArgumentError, DTypeError, GraphError, ShapeError

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


def named(function):
    return function.__name__


@pytest.mark.parametrize("function", OPERATORS, ids=named)
@given(
    shapes=arrays.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_dims=3, max_side=3)
)
@settings(max_examples=20, deadline=None)
def test_values_and_gradients_of_all_shapes_that_broadcast(function, shapes):
    a, b = (numbers(*shape, seed=i) for i, shape in enumerate(shapes.input_shapes))
    y = assert_gradients(function, a, b)
    assert y.shape == shapes.result_shape
    np.testing.assert_allclose(y, function(a, b), rtol=1e-15)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("function", OPERATORS, ids=named)
def test_operands_of_any_layout(function, layout):
    a, b = numbers(3, 4), numbers(3, 4, seed=1)
    y = assert_gradients(function, layout(a), layout(b))
    np.testing.assert_allclose(y, function(a, b), rtol=1e-15)


def test_negative_and_positive():
    a = numbers(2, 3)
    np.testing.assert_array_equal(assert_gradients(operator.neg, a), -a)
    np.testing.assert_array_equal(assert_gradients(operator.pos, a), a)


@pytest.mark.parametrize("function", OPERATORS, ids=named)
@pytest.mark.parametrize(
    "constant",
    [2, 2.5, True, np.float32(2.5), np.float64(2.5), np.int64(2), np.array(2.5), [1, 2.5, 2],
     np.array([1, 2, 3]), np.array([True] * 3), np.array([1.5, 2, 3], np.float32)],
    ids=repr,
)  # fmt: skip
def test_numbers_and_arrays_on_either_side(function, constant):
    a = numbers(2, 3).astype(np.float32)
    for swapped in (False, True):
        x = tensor(a, requires_grad=True)
        y = function(constant, x) if swapped else function(x, constant)
        b = np.asarray(constant, np.float32)
        assert isinstance(y, Tensor)
        assert y.dtype == np.float32
        wanted = function(b, a) if swapped else function(a, b)
        np.testing.assert_allclose(y.data, wanted, rtol=1e-6)
        y.sum().backward()
        assert x.grad.shape == x.shape
        wide = np.asarray(b, np.float64)

        def result(x, wide=wide, swapped=swapped):
            return function(wide, x) if swapped else function(x, wide)

        double = tensor(a.astype(np.float64), requires_grad=True)
        result(double).sum().backward()
        # float32 rounds each of a handful of steps by up to 6e-8.
        np.testing.assert_allclose(x.grad, double.grad, rtol=1e-5, atol=1e-6)
        assert_gradients(result, a.astype(np.float64))


@pytest.mark.parametrize("function", OPERATORS, ids=named)
def test_of_float32_and_float64_the_wider_wins_and_each_gets_a_gradient_of_its_own(function):
    a, b = numbers(2, 3), numbers(3)
    narrow = tensor(a, dtype=np.float32, requires_grad=True)
    wide = tensor(b, requires_grad=True)
    y = function(narrow * 1, wide)
    assert y.dtype == np.float64
    y.sum().backward()
    assert (narrow.grad.dtype, wide.grad.dtype) == (np.float32, np.float64)
    x, z = tensor(narrow.numpy(), "float64", True), tensor(b, requires_grad=True)
    function(x, z).sum().backward()
    np.testing.assert_allclose(narrow.grad, x.grad, rtol=1e-6)
    np.testing.assert_allclose(wide.grad, z.grad, rtol=1e-14)


@pytest.mark.parametrize("function", [*OPERATORS, operator.matmul], ids=named)
def test_one_tensor_on_both_sides(function):
    assert_gradients(lambda x: function(x, x), numbers(3, 3))


def test_only_the_operand_that_wants_a_gradient_gets_one():
    for function in OPERATORS:
        x, c = tensor([1.0, 2.0], requires_grad=True), tensor([3.0, 4.0])
        (function(x, c) + function(c, x)).sum().backward()
        assert x.grad is not None
        assert c.grad is None


INF, NAN = np.inf, np.nan


# Base, exponent, and the power's derivatives for either: their limits, and where there is none,
# PyTorch's 0 for the exponent at 0 ** 0.
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("a", "b", "da", "db"),
    [
        (0, -1, -INF, -INF), (0, -2.5, -INF, -INF), (0, 0, 0, 0), (0, 0.5, INF, 0), (0, 1, 1, 0),
        (0, 2, 0, 0), (0, INF, 0, 0), (0, -INF, -INF, -INF), (-0.0, 0, 0, 0), (-0.0, 3, 0, 0),
        (1, 0, 0, 0), (1, -3, -3, 0), (1, INF, INF, 0), (1, -INF, -INF, 0),
        (2, 0, 0, np.log(2)), (2, INF, INF, INF), (2, -INF, 0, 0), (0.5, INF, 0, 0),
        (0.5, -INF, -INF, -INF),
        (INF, 0, 0, INF), (INF, 1, 1, INF), (INF, 0.5, 0, INF), (INF, -1, 0, 0), (INF, -INF, 0, 0),
        (INF, INF, INF, INF),
        (-2, 3, 12, NAN), (-2, 0, 0, NAN), (-2, -1, -0.25, NAN), (-2, 0.5, NAN, NAN),
        (-0.5, INF, 0, NAN), (-INF, -1, 0, NAN), (-INF, 2, -INF, NAN),
        (NAN, 0, 0, NAN), (NAN, 1, 1, NAN), (NAN, 2, NAN, NAN), (2, NAN, NAN, NAN),
        (0, NAN, NAN, NAN),
    ],
)  # fmt: skip
def test_the_derivatives_of_a_power_at_its_edges(a, b, da, db, dtype):
    x, y = (tensor(np.array([v], dtype), requires_grad=True) for v in (a, b))
    (x**y).backward([1])
    np.testing.assert_allclose(x.grad, [da], rtol=1e-6)
    np.testing.assert_allclose(y.grad, [db], rtol=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "da", "db"),
    [
        (1, 0, INF, -INF), (-1, 0, INF, INF), (0, 0, INF, NAN), (1, INF, 0, 0),
        (INF, 2, 0.5, -INF), (0, 1e-310, INF, 0), (1e300, 1e300, 1e-300, -1e-300),
    ],
)  # fmt: skip
def test_the_derivatives_of_a_quotient_at_its_edges(a, b, da, db):
    x, y = (tensor(np.array([v], np.float64), requires_grad=True) for v in (a, b))
    (x / y).backward([1])
    np.testing.assert_allclose(x.grad, [da])
    np.testing.assert_allclose(y.grad, [db])


def test_infinite_and_undefined_results_come_without_a_warning():
    x = tensor(np.array([0.0, 1.0, 1e308, np.inf, np.nan]), requires_grad=True)
    np.testing.assert_array_equal((1 / x).data, [np.inf, 1, 1e-308, 0, np.nan])
    np.testing.assert_array_equal((x - x).data, [0, 0, 0, np.nan, np.nan])
    np.testing.assert_array_equal((x * 10).data, [0, 10, np.inf, np.inf, np.nan])
    (1 / x).sum().backward()
    np.testing.assert_array_equal(x.grad, [-np.inf, -1, -0.0, -0.0, np.nan])


def test_integers_and_masks_beside_floats_are_constants():
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * (x > 1.5) + tensor(np.array([1, 2, 3]))
    y.sum().backward()
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.data, [1, 4, 6])
    np.testing.assert_array_equal(x.grad, [0, 1, 1])
    assert ((x > 1.5).sum() / 3).dtype == np.float64


def test_arrays_and_numpy_scalars_leave_the_operator_to_the_tensor():
    x = tensor([1.0, 2.0], requires_grad=True)
    for y in (np.ones(2, np.float32) + x, np.float64(1) + x, np.float32(1) + x, np.ones(()) + x):
        assert isinstance(y, Tensor)
        assert y.requires_grad
    assert isinstance(np.ones((2, 2), np.float32) @ x, Tensor)


def test_sums_of_lists():
    parts = [tensor([float(i)], requires_grad=True) for i in range(3)]
    total = sum(parts)
    total.backward()
    assert total.item() == 3
    assert [part.grad.item() for part in parts] == [1, 1, 1]


@pytest.mark.parametrize("function", OPERATORS, ids=named)
def test_shapes_that_do_not_broadcast(function):
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(2,\).*Try"):
        function(tensor(np.ones((2, 3))), tensor(np.ones(2)))


@pytest.mark.parametrize("function", [*OPERATORS, operator.matmul], ids=named)
@pytest.mark.parametrize(
    "other",
    [np.array([1j]), np.array([None]), np.array(["a"]), np.float16([1, 2]), ["a"], np.complex64(1),
     np.array(["2020-01-01"], "datetime64[D]")],
    ids=repr,
)  # fmt: skip
def test_arrays_that_hold_no_numbers(function, other):
    x = tensor([1.0, 2.0])
    for left, right in ((x, other), (other, x)):
        with pytest.raises(DTypeError, match="expected"):
            function(left, right)


@pytest.mark.parametrize("function", [*OPERATORS, operator.matmul, operator.and_], ids=named)
@pytest.mark.parametrize("other", [None, 1j, object, {}, {1.0}], ids=repr)
def test_types_that_no_operator_knows(function, other):
    x = tensor([1.0, 2.0])
    for left, right in ((x, other), (other, x)):
        with pytest.raises(TypeError, match="unsupported operand"):
            function(left, right)


class Foreign:
    """A type that knows what to do with a tensor on the other side."""

    def __array__(self, dtype=None, copy=None):
        return np.array(["foreign"])

    def answer(self, other):
        return "foreign"

    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __rmatmul__ = __rand__ = answer
    __lt__ = __gt__ = __le__ = __ge__ = __eq__ = __ne__ = answer
    __hash__ = None


@pytest.mark.parametrize(
    "function",
    [*OPERATORS, operator.matmul, operator.and_, operator.lt, operator.le, operator.gt,
     operator.ge, operator.eq, operator.ne, operator.iadd, operator.imul],
    ids=named,
)  # fmt: skip
def test_a_foreign_type_has_its_turn(function):
    assert function(tensor([1.0, 2.0]), Foreign()) == "foreign"


def test_a_list_of_unequal_rows_is_no_operand():
    with pytest.raises(ShapeError, match="multiply.*equal length"):
        tensor([1.0, 2.0]) * [[1.0], [2.0, 3.0]]


WHOLE = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "**": operator.pow, "//": operator.floordiv, "%": operator.mod, "&": operator.and_,
    "|": operator.or_, "^": operator.xor, "<": operator.lt, "==": operator.eq,
}  # fmt: skip
WHOLE_DTYPES = [np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, bool]


@pytest.mark.parametrize("symbol", WHOLE)
def test_integers_are_computed_with_as_numpy_does(symbol):
    """But for quotients: of dtypes that float32 holds they are float32, not float64."""
    generator, function = np.random.default_rng(0), WHOLE[symbol]
    for first, second in itertools.product(WHOLE_DTYPES, repeat=2):
        x, y = (generator.integers(1, 5, (2, 3)).astype(dtype) for dtype in (first, second))
        try:
            wanted = function(x, y)
        except TypeError:
            with pytest.raises(DTypeError):
                function(tensor(x), tensor(y))
            continue
        found = function(tensor(x), tensor(y))
        assert not found.requires_grad
        if symbol == "/":
            is_small = max(np.dtype(first).itemsize, np.dtype(second).itemsize) <= 2
            wanted = wanted.astype(np.float32 if is_small else np.float64)
        assert found.dtype == wanted.dtype, (first, second)
        np.testing.assert_array_equal(found.data, wanted)


def test_python_numbers_beside_integers():
    x = tensor(np.array([2**24 + 1, 3]))
    for y, wanted in ((x + 0, [2**24 + 1, 3]), (1 - x, [-(2**24), -2]), (x * True, x.data)):
        assert y.dtype == np.int64
        np.testing.assert_array_equal(y.data, wanted)
    np.testing.assert_array_equal((x + 0.5).data, [2**24 + 1.5, 3.5])
    assert (x + 0.5).dtype == (x / 2).dtype == np.float64
    pixels = tensor(np.array([0, 255], np.uint8))
    assert (pixels + 1).dtype == np.uint8
    np.testing.assert_array_equal((pixels / 255).data, np.array([0, 1], np.float32))
    assert (pixels / 255).dtype == ((pixels > 0) * 0.5).dtype == np.float32
    with pytest.raises(DTypeError, match="add: expected a number that uint8 can hold, got 256"):
        pixels + 256
    with pytest.raises(DTypeError, match="multiply: .* that float32 can hold, got 10"):
        tensor([1.0]) * 10**400


def test_what_integers_cannot_do():
    x = tensor(np.array([1, 2]))
    with pytest.raises(ArgumentError, match=r"power: expected integers to powers from 0 up.*Try"):
        x**-1
    masks = (lambda: -tensor(np.array([True])), lambda: (x > 1) - (x > 1), lambda: (x > 1).sign())
    for refused in masks:
        with pytest.raises(DTypeError):
            refused()


def test_a_list_of_tensors_does_not_lose_their_gradients():
    w = tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(GraphError, match="stack"):
        tensor([1.0, 2.0]) * [w[0], w[1]]
    with minidl.no_grad():
        np.testing.assert_array_equal(tensor([1.0, 2.0]) * [w[0], w[1]], [1, 4])


def test_float32_gradients_are_as_good_as_float32():
    a, b = numbers(4, 3), numbers(3, seed=1)
    gradients = {}
    for dtype in (np.float32, np.float64):
        x, y = (tensor(array, dtype, requires_grad=True) for array in (a, b))
        ((x * y - x / y) ** 2 + y**x).sum().backward()
        gradients[dtype] = x.grad.numpy(), y.grad.numpy()
        assert x.grad.dtype == y.grad.dtype == dtype
    for narrow, wide in zip(*gradients.values(), strict=True):
        # A dozen roundings of 6e-8 each, of terms up to 30 times the result.
        np.testing.assert_allclose(narrow, wide, rtol=12 * 30 * 6e-8)
