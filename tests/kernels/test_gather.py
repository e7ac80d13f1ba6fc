"""The gather kernel, at every CPU level that this machine can run."""

from importlib import import_module
from types import ModuleType

import numpy as np
import pytest

from minidl import _kernels


@pytest.fixture(params=_kernels.levels())
def gather(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(f"minidl._kernels.{request.param}.gather")


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype:
    return np.dtype(request.param)


def pixels(gather, x, rows, dtype, threads=1):
    y = np.full((len(rows), x.shape[1]), np.nan, dtype)
    gather.pixels(x, np.asarray(rows, dtype=np.int64), y, threads)
    return y


@pytest.mark.bounds("gather.pixels")
def test_each_of_the_256_values_is_rounded_correctly(gather, dtype):
    x = np.arange(256, dtype=np.uint8)[None]
    # Rounding v / 255 to double first does not change its rounding to float: a double has more
    # than twice a float's digits and two to spare.
    np.testing.assert_array_equal(pixels(gather, x, [0], dtype)[0], (x[0] / 255.0).astype(dtype))


@pytest.mark.parametrize("width", [1, 3, 31, 32, 33, 784])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_rows_are_picked_in_the_order_of_the_index(gather, dtype, width, threads):
    rng = np.random.default_rng(width)
    x = rng.integers(0, 256, (40, width), dtype=np.uint8)
    rows = [39, 0, 7, 7, 38, 1, 0]
    expected = (x[rows] / 255.0).astype(dtype)
    np.testing.assert_array_equal(pixels(gather, x, rows, dtype, threads), expected)


@pytest.mark.parametrize(("rows", "width"), [(0, 784), (3, 0), (0, 0)])
def test_empty_arrays(gather, dtype, rows, width):
    x = np.zeros((5, width), np.uint8)
    assert pixels(gather, x, [0] * rows, dtype, threads=2).shape == (rows, width)


def test_nothing_beside_the_output_is_written(gather, dtype):
    x = np.full((2, 13), 255, np.uint8)
    around = np.full((5, 13), -1, dtype)
    gather.pixels(x, np.array([0, 1, 0], dtype=np.int64), around[1:4], 2)
    np.testing.assert_array_equal(around[:, 0], [-1, 1, 1, 1, -1])
    np.testing.assert_array_equal(around, around[:, :1].repeat(13, axis=1))
