"""Questions about elements: NumPy's answers, as masks without a gradient."""

from itertools import product

import numpy as np
import pytest
from support import leaf

import minidl
from minidl import tensor
from minidl.errors import ShapeError

ODD = np.array([[0.0, -0.0, 1.0, -2.5], [np.inf, -np.inf, np.nan, 1e-9]])


@pytest.mark.parametrize("name", ["isnan", "isinf", "isfinite", "logical_not"])
def test_of_one(name):
    function = getattr(minidl, name)
    for data in (ODD, ODD.astype(np.float32), np.array([0, 3]), np.array([True, False]), 2.0, []):
        y = function(data)
        assert y.dtype == bool
        np.testing.assert_array_equal(y, getattr(np, name)(data))
        assert not function(leaf(*ODD[0])).requires_grad


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "isclose"])
def test_of_two(name):
    x, y = np.meshgrid(ODD, [*ODD.ravel(), 1 + 1e-6, 2e-9])
    for a, b in ((x, y), (x, y[0]), (ODD, 1.0), (0.0, ODD), (x > 0, y < 0), ([1, 0], [1, 1])):
        wanted = getattr(np, name)(a, b)
        np.testing.assert_array_equal(getattr(minidl, name)(a, b), wanted)
        np.testing.assert_array_equal(getattr(minidl, name)(tensor(np.array(a)), b), wanted)
    with pytest.raises(ShapeError, match=name):
        getattr(minidl, name)([1.0, 2.0], [1.0, 2.0, 3.0])


def test_tolerances():
    x, y = np.meshgrid([1.0, 100.0, np.nan, np.inf], [1.05, 101.0, np.nan, np.inf])
    for rtol, atol, equal_nan in product([0, 0.02], [0, 0.5, 2], [True, False]):
        options = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan}
        wanted = np.isclose(x, y, **options)
        np.testing.assert_array_equal(minidl.isclose(x, y, **options), wanted)
        assert minidl.allclose(x, y, **options) is False
        for a, b, answer in zip(x.flat, y.flat, wanted.flat, strict=True):
            assert minidl.allclose(tensor(a), b, **options) == answer


def test_counts():
    for axis in (None, 0, 1, (0, 1), ()):
        y = tensor(ODD).count_nonzero(axis)
        assert y.dtype == np.int64
        np.testing.assert_array_equal(y, np.count_nonzero(ODD, axis) if axis != () else ODD != 0)
    assert minidl.count_nonzero([True, False, True]).item() == 2
