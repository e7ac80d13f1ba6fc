"""Values and slopes at the ends of domains, where functions are infinite, and at NaN."""

import numpy as np
import pytest
from support import leaf

import minidl
from minidl import tensor
from minidl.errors import DTypeError

INF, NAN, PI = np.inf, np.nan, np.pi


@pytest.mark.parametrize(
    ("name", "x", "y", "slope"),
    [
        ("sin", INF, NAN, NAN), ("cos", -INF, NAN, NAN), ("tan", INF, NAN, NAN),
        ("arcsin", 1, PI / 2, INF), ("arcsin", -1, -PI / 2, INF), ("arcsin", 2, NAN, NAN),
        ("arccos", 1, 0, -INF), ("arccos", -1, PI, -INF), ("arccos", -1.5, NAN, NAN),
        ("arctan", INF, PI / 2, 0), ("arctan", -1e200, -PI / 2, 0),
        ("sinh", INF, INF, INF), ("cosh", -INF, INF, -INF), ("sinh", 1e4, INF, INF),
        ("arcsinh", INF, INF, 0), ("arcsinh", 1e200, np.arcsinh(1e200), 1e-200),
        ("arccosh", 1, 0, INF), ("arccosh", 0.5, NAN, NAN), ("arccosh", INF, INF, 0),
        ("arctanh", 1, INF, INF), ("arctanh", -1, -INF, INF),
        ("square", INF, INF, INF), ("reciprocal", 0, INF, -INF), ("reciprocal", INF, 0, 0),
        ("exp2", -INF, 0, 0), ("exp2", 1e4, INF, INF), ("log2", 0, -INF, INF),
        ("log10", 0, -INF, INF), ("log2", INF, INF, 0),
    ],
)  # fmt: skip
def test_limits_come_without_a_warning(name, x, y, slope):
    x = leaf(float(x))
    result = getattr(x, name)()
    result.sum().backward()
    np.testing.assert_allclose(result.detach(), [y], rtol=1e-15)
    np.testing.assert_allclose(x.grad, [slope], rtol=1e-15)


SMOOTH = [
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "arcsinh", "arccosh",
    "arctanh", "square", "reciprocal", "exp2", "log2", "log10",
]  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_nan_stays_nan_and_its_slope_is_nan(name):
    x = leaf(NAN)
    y = getattr(x, name)()
    y.sum().backward()
    assert np.isnan([y.item(), x.grad.item()]).all()


@pytest.mark.parametrize("name", SMOOTH)
def test_functions_take_what_a_tensor_can_be_made_of(name):
    function = getattr(minidl, name)
    for data in ([[0.5, 0.25]], np.array([0.5]), np.float64(0.5), 0.5, tensor([0.5])):
        with np.errstate(invalid="ignore"):
            wanted = getattr(np, name)(np.asarray(data, np.float64))
        y = function(data)
        np.testing.assert_allclose(y, wanted, rtol=1e-6)
        assert y.dtype == (np.float64 if hasattr(data, "dtype") else np.float32) or y.size == 1
    with pytest.raises(DTypeError, match=f"{name}: expected float32 or float64, got int64.*Try"):
        function(np.array([1, 2]))


@pytest.mark.parametrize("name", ["hypot", "arctan2", "logaddexp"])
def test_functions_of_two_want_floats_and_shapes_that_fit(name):
    function = getattr(minidl, name)
    assert function([1.0, 2.0], 3).dtype == np.float32
    with pytest.raises(DTypeError, match=name):
        function(np.array([1]), np.array([2]))
    with pytest.raises(minidl.ShapeError, match=name):
        function([1.0, 2.0], [1.0, 2.0, 3.0])


def test_the_angle_in_every_quadrant_and_of_extreme_lengths():
    y, x = np.meshgrid([-1.0, -0.0, 0.0, 1.0], [-1.0, -0.0, 0.0, 1.0])
    np.testing.assert_array_equal(minidl.arctan2(y, x), np.arctan2(y, x))
    for size in (1e-30, 1e30):
        a, b = (tensor(np.float32(n * size), requires_grad=True) for n in (3, 4))
        minidl.arctan2(a, b).backward()
        np.testing.assert_allclose(a.grad.item() * size, 4 / 25, rtol=1e-6)
        np.testing.assert_allclose(b.grad.item() * size, -3 / 25, rtol=1e-6)
    a, b = leaf(0.0), leaf(0.0)
    minidl.arctan2(a, b).sum().backward()
    assert np.isnan([a.grad.item(), b.grad.item()]).all()
