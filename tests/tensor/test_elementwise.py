"""Functions of each element, comparisons, and choices between two tensors."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from support import LAYOUTS, assert_gradients, numbers

from minidl import Tensor, maximum, minimum, tensor, where
from minidl.errors import ArgumentError, DTypeError, MinidlError, ShapeError

# Each function with NumPy's, and values around which it is smooth.
FUNCTIONS = {
    "exp": (np.exp, [-30.0, -1.0, 0.0, 2.0]),
    "expm1": (np.expm1, [-30.0, -1.0, 1e-9, 2.0]),
    "log": (np.log, [0.01, 0.5, 1.0, 7.0]),
    "log1p": (np.log1p, [-0.9, -1e-9, 0.0, 7.0]),
    "sqrt": (np.sqrt, [0.01, 0.5, 1.0, 7.0]),
    "tanh": (np.tanh, [-20.0, -1.0, 0.0, 0.5]),
    "abs": (np.abs, [-3.0, -0.1, 0.1, 7.0]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_values_and_gradients(name, layout):
    function, values = FUNCTIONS[name]
    x = layout(np.array(values).reshape(2, 2))
    y = assert_gradients(getattr(Tensor, name), x)
    np.testing.assert_allclose(y, function(x), rtol=3 * np.finfo(np.float64).eps)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0), (2, 1, 3)], ids=str)
def test_shape_and_dtype_stay(name, dtype, shape):
    x = tensor(np.full(shape, 0.5, dtype), requires_grad=True)
    y = getattr(x, name)()
    y.backward(np.ones(shape))
    assert (y.shape, y.dtype) == (x.grad.shape, x.grad.dtype) == (shape, dtype)


@pytest.mark.parametrize(
    ("name", "x", "y", "slope"),
    [
        ("exp", np.inf, np.inf, np.inf), ("exp", -np.inf, 0, 0), ("exp", 1e4, np.inf, np.inf),
        ("expm1", -np.inf, -1, 0), ("expm1", 1e4, np.inf, np.inf),
        ("log", 0, -np.inf, np.inf), ("log", -1, np.nan, -1), ("log", np.inf, np.inf, 0),
        ("log1p", -1, -np.inf, np.inf), ("log1p", -2, np.nan, -1),
        ("sqrt", 0, 0, np.inf), ("sqrt", -1, np.nan, np.nan),
        ("tanh", np.inf, 1, 0), ("tanh", -1e4, -1, 0),
        ("abs", 0, 0, 0), ("abs", -0.0, 0, 0), ("abs", -np.inf, np.inf, -1),
    ],
)  # fmt: skip
def test_limits_and_kinks_come_without_a_warning(name, x, y, slope):
    x = tensor([x], requires_grad=True)
    result = getattr(x, name)()
    result.sum().backward()
    np.testing.assert_array_equal(result.data, [y])
    np.testing.assert_array_equal(x.grad, [slope])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan(name):
    assert np.isnan(getattr(tensor([np.nan]), name)().item())


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - {"abs"}))
def test_integers_have_no_functions(name):
    with pytest.raises(DTypeError, match=f"{name}: expected float32 or float64, got int64.*Try"):
        getattr(tensor(np.array([1, 2])), name)()


def test_integers_stay_integers():
    x = np.array([-(2**53) - 1, 0, 2**53 + 1])
    for name, arguments in (("abs", ()), ("sign", ()), ("clip", (-1, None)), ("clip", (None, 5))):
        y = getattr(tensor(x), name)(*arguments)
        assert y.dtype == np.int64
        wanted = np.clip(x, *arguments) if name == "clip" else getattr(np, name)(x)
        np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(tensor(np.array([1, 2], np.int8)).clip(2, 1000), [2, 2])
    with pytest.raises(DTypeError, match="clip: expected whole numbers as bounds, got low=0.5"):
        tensor(x).clip(0.5)
    with pytest.raises(DTypeError, match="clip: expected float32 or float64, got bool"):
        tensor(x > 0).clip(0)


def test_built_in_abs():
    np.testing.assert_array_equal(abs(tensor([-1.0, 2.0])), [1, 2])


@pytest.mark.parametrize("bounds", [(-1, 1), (None, 0.5), (0.5, None), (None, None), (1, 1)])
def test_clip(bounds):
    x = np.array([-3.0, -0.7, 0.2, 0.8, 4.0])
    y = assert_gradients(lambda x: x.clip(*bounds), x)
    low, high = (-np.inf, np.inf) if bounds == (None, None) else bounds
    np.testing.assert_array_equal(y, np.clip(x, low, high))


def test_the_slope_of_clip_at_a_bound_and_at_a_nan_is_1():
    x = tensor([-1.0, 1.0, np.nan, -np.inf], requires_grad=True)
    y = x.clip(-1, 1)
    y.sum().backward()
    np.testing.assert_array_equal(y.data, [-1, 1, np.nan, -1])
    np.testing.assert_array_equal(x.grad, [1, 1, 1, 0])


def test_clip_keeps_the_dtype_and_gives_memory_of_its_own():
    x = tensor([0.1, 0.9])
    assert x.clip(np.float64(0.1), np.float64(0.9)).dtype == np.float32
    np.testing.assert_array_equal(x.clip(0.1, 0.9), x)
    y = x.clip()
    y += 1
    np.testing.assert_array_equal(x, tensor([0.1, 0.9]))


@pytest.mark.parametrize("bounds", [(2, 1), (np.nan, 1), (0, np.nan)])
def test_clip_refuses_bounds_the_wrong_way_round(bounds):
    with pytest.raises(ArgumentError, match="low <= high"):
        tensor([1.0]).clip(*bounds)


def test_clip_takes_arrays_that_are_one_number():
    x = tensor([-1.0, 0.5, 2.0])
    np.testing.assert_array_equal(x.clip(np.array(0), np.array(1.0)), [0, 0.5, 1])


@pytest.mark.parametrize(
    "bound", ["1", [1.0], np.ones(2), np.array("1"), tensor(1.0, requires_grad=True), 1j]
)
def test_clip_takes_numbers_only_so_that_no_gradient_is_lost(bound):
    with pytest.raises(DTypeError, match="clip: expected numbers.*maximum"):
        tensor([1.0]).clip(bound, 5)


@pytest.mark.parametrize("function", [maximum, minimum])
@given(shapes=arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3))
@settings(max_examples=20, deadline=None)
def test_maximum_and_minimum(function, shapes):
    a, b = (numbers(*shape, seed=i) for i, shape in enumerate(shapes.input_shapes))
    y = assert_gradients(function, a, b)
    np.testing.assert_array_equal(y, getattr(np, function.__name__)(a, b))


@pytest.mark.parametrize("function", [maximum, minimum])
def test_a_tie_is_shared_and_a_loser_gets_nothing(function):
    x = tensor([1.0, np.nan, 2.0], requires_grad=True)
    y = tensor([1.0, 1.0, np.nan], requires_grad=True)
    z = function(x, y)
    z.sum().backward()
    np.testing.assert_array_equal(z.data, [1, np.nan, np.nan])
    assert (x.grad[0].item(), y.grad[0].item()) == (0.5, 0.5)
    x = tensor([-1.0], requires_grad=True)
    (function(x, 0) if function is maximum else function(x, -2)).log().backward()
    assert x.grad.item() == 0  # not 0 · inf


def test_maximum_of_numbers_and_tensors_on_either_side():
    x = tensor([-1.0, 3.0], requires_grad=True)
    for y in (maximum(x, 0), maximum(0, x), maximum(np.zeros(2, np.float32), x)):
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y.data, [0, 3])
        y.sum().backward()
        np.testing.assert_array_equal(x.grad, [0, 1])
        x.grad = None
    assert maximum(1, 2).item() == 2


@given(shapes=arrays.mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_dims=2))
@settings(max_examples=30, deadline=None)
def test_where(shapes):
    rng = np.random.default_rng(0)
    condition = rng.random(shapes.input_shapes[0]) < 0.5
    a, b = (numbers(*shape, seed=i) for i, shape in enumerate(shapes.input_shapes[1:]))
    y = assert_gradients(lambda x, y: where(condition, x, y), a, b)
    np.testing.assert_array_equal(y, np.where(condition, a, b))


def test_where_shields_from_gradients_that_are_not_finite():
    x = tensor(np.array([0.0, 4.0]), requires_grad=True)
    where(x > 0, x, 1.0).log().sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 0.25])
    x.grad = None
    y = where([True, False], x, x * 3)
    y.backward(np.array([np.inf, np.nan]))
    assert not np.isnan(x.grad.numpy()[0])


def test_where_takes_numbers_lists_and_conditions_of_any_kind():
    x = tensor([1.0, 2.0], requires_grad=True)
    for condition in ([True, False], np.array([1, 0]), tensor(np.array([2.0, 0.0])), x < 2):
        np.testing.assert_array_equal(where(condition, x, 0).data, [1, 0])
        np.testing.assert_array_equal(where(condition, 0, x).data, [0, 2])
    assert where(True, x, 0).dtype == np.float32
    assert where([True, False], 1, 2).dtype == np.float32
    with pytest.raises(ShapeError, match=r"where.*\(3,\) and \(2,\) and \(\)"):
        where(np.ones(3), x, 0)
    with pytest.raises(DTypeError, match="where"):
        where(x > 0, x, None)


def test_astype_carries_the_gradient_back_in_the_old_dtype():
    x = tensor([1.0, 2.0], requires_grad=True)
    y = x.astype(np.float64)
    (y * np.array([1.0, 1e-3])).sum().backward()
    assert (y.dtype, x.grad.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(x.grad, [1, 1e-3], rtol=1e-7)
    same = x.astype(np.float32)
    assert not np.shares_memory(same.numpy(), x.numpy())
    labels = x.astype("int64")
    assert labels.dtype == np.int64
    assert not labels.requires_grad
    for dtype in ("float16", complex, object, "nonsense", str):
        with pytest.raises(DTypeError, match="astype: expected float32.*got.*Try"):
            x.astype(dtype)


COMPARISONS = {"<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__", "==": "__eq__",
               "!=": "__ne__"}  # fmt: skip


@pytest.mark.parametrize("name", COMPARISONS.values(), ids=COMPARISONS)
def test_comparisons(name):
    a, b = np.array([1.0, 2.0, 3.0, np.nan]), np.array([[2.0], [3.0]])
    x = tensor(a, requires_grad=True)
    for other in (b, tensor(b), 2.0, 2, np.float64(2), [1.0, 3.0, 3.0, 1.0]):
        y = getattr(x, name)(other)
        assert y.dtype == bool
        assert not y.requires_grad
        np.testing.assert_array_equal(y, getattr(a, name)(np.asarray(other)))


def test_comparisons_with_an_array_on_the_left():
    x = tensor([1.0, 2.0])
    a = np.array([2.0, 1.0])
    np.testing.assert_array_equal(a > x, [True, False])
    np.testing.assert_array_equal(2 >= x, [True, True])
    np.testing.assert_array_equal(a == x, [False, False])
    np.testing.assert_array_equal(np.float64(2) != x, [True, False])


def test_integers_are_compared_exactly():
    beyond_float32 = 2**24 + 1
    x = tensor(np.array([2**24]))
    assert not (x == beyond_float32)
    assert not (x == [beyond_float32])
    assert x < beyond_float32
    assert x == 2.0**24


@pytest.mark.parametrize("dtype", "?bqQ")
@pytest.mark.parametrize(
    "other", [2**64, 10**400, -(2**63) - 1, -(10**400)], ids=["64", "400", "-63", "-400"]
)
def test_integers_are_compared_to_what_none_of_them_holds(dtype, other):
    x = np.array([0, 1], dtype)
    for function in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        wanted = [function(int(number), other) for number in x]
        np.testing.assert_array_equal(function(tensor(x), other), wanted)


def test_equality_with_what_is_no_number_is_false():
    x = tensor([1.0])
    for other in (None, "1", object(), {}):
        assert (x == other) is False
        assert (x != other) is True
    assert x in [None, x]
    with pytest.raises(TypeError, match="'<' not supported between .* 'Tensor' and 'NoneType'"):
        x < None  # noqa: B015
    with pytest.raises(ShapeError, match="=="):
        tensor([1.0, 2.0]) == [1.0, 2.0, 3.0]  # noqa: B015


def test_a_tensor_is_a_key_by_identity():
    x, y = tensor([1.0]), tensor([1.0])
    assert {x: 1, y: 2}[x] == 1
    assert len({x, y, x}) == 2


def test_masks_combine():
    x = tensor([0.0, 1.0, 2.0])
    np.testing.assert_array_equal((x > 0) & (x < 2), [False, True, False])
    np.testing.assert_array_equal((x < 1) | np.array([False, False, True]), [True, False, True])
    np.testing.assert_array_equal(True & (x < 1), [True, False, False])
    np.testing.assert_array_equal(~(x < 1), [False, True, True])
    for combine in (lambda: ~x, lambda: x & True, lambda: (x > 0) & x):
        with pytest.raises(DTypeError, match="masks"):
            combine()
    with pytest.raises(MinidlError, match="&"):
        (x > 0) & np.array([True, False])
