"""The scatter kernel, at every CPU level that this machine can run."""

from importlib import import_module
from types import ModuleType

import numpy as np
import pytest

from minidl import _kernels


@pytest.fixture(params=_kernels.levels())
def scatter(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(f"minidl._kernels.{request.param}.scatter")


def add_rows(scatter, x, places, rows, threads=1):
    places = np.asarray(places, np.int64)
    y = np.full((len(x), rows, x.shape[2]), np.nan, x.dtype)
    order, ends = np.full(len(places), -1), np.full(rows, -1)
    scatter.add_rows(x, places, y, order, ends, threads)
    return y


SHAPES = [
    (1, 5, 3, 1), (3, 100, 7, 1), (2, 40, 200, 1), (1, 30, 130, 2), (2, 9, 4, 511), (1, 6, 2, 512),
    (1, 20, 3, 513), (2, 7, 65, 1100),
]  # fmt: skip


@pytest.mark.bounds("scatter.add_rows")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_sum_of_what_came_from_each_place(scatter, shape, dtype):
    n, m, rows, columns = shape
    rng = np.random.default_rng(m)
    x = rng.standard_normal((n, m, columns)).astype(dtype)
    places = rng.integers(rows, size=m)
    wanted = np.zeros((n, rows, columns))
    for j, place in enumerate(places):  # in the order of the index
        wanted[:, place] += x[:, j]
    for threads in (1, 2, 5):
        y = add_rows(scatter, x, places, rows, threads)
        np.testing.assert_array_equal(y, wanted.astype(dtype))


def test_many_numbers_of_one_place_are_summed_in_double_precision(scatter):
    x = np.ones((1, 4097, 1), np.float32)
    x[0, 0] = 2**24
    assert add_rows(scatter, x, np.zeros(4097), 1).item() == 2**24 + 4096
    x = np.ones((1, 4097, 3), np.float32)
    x[0, 0] = 2**24
    np.testing.assert_array_equal(add_rows(scatter, x, np.zeros(4097), 1)[0, 0], 2**24 + 4096)


@pytest.mark.parametrize("shape", [(0, 3, 2, 1), (1, 0, 2, 3), (1, 0, 0, 1), (2, 3, 4, 0)], ids=str)
def test_empty_arrays(scatter, shape):
    n, m, rows, columns = shape
    y = add_rows(scatter, np.ones((n, m, columns)), np.zeros(m), rows, threads=2)
    np.testing.assert_array_equal(y, np.zeros((n, rows, columns)))


def test_a_nan_stays_at_its_place(scatter):
    x = np.array([[[1.0], [np.nan], [2.0], [np.inf]]])
    np.testing.assert_array_equal(
        add_rows(scatter, x, [2, 0, 2, 1], 3)[0, :, 0], [np.nan, np.inf, 3]
    )


def test_nothing_beside_the_output_is_written(scatter):
    around, order, ends = np.full((4, 3, 2), -1.0), np.full(6, -1), np.full(5, -1)
    x = np.ones((2, 4, 2))
    scatter.add_rows(x, np.array([0, 2, 1, 2]), around[1:3], order[1:5], ends[1:4], 2)
    np.testing.assert_array_equal(around[:, :, 0], [[-1] * 3, [1, 1, 2], [1, 1, 2], [-1] * 3])
    np.testing.assert_array_equal(order, [-1, 0, 2, 1, 3, -1])
    np.testing.assert_array_equal(ends, [-1, 1, 2, 4, -1])
