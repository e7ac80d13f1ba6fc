"""What small operations run by: the sums, products and extremes of whole arrays, against NumPy."""

import math

import numpy as np
import pytest

from minidl import _kernels

pytestmark = pytest.mark.usefixtures("level")

DTYPES = [np.float32, np.float64]
SIZES = [1, 2, 7, 8, 9, 15, 16, 17, 127, 128, 129, 1000, 4097]
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 3e38, -1.0])
BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
}  # fmt: skip


def drawn(generator, shape, dtype):
    """Numbers of which some are special, in any layout."""
    x = generator.normal(size=shape)
    x = np.where(generator.random(shape) < 0.2, generator.choice(SPECIAL, shape), x)
    with np.errstate(over="ignore"):
        x = np.asarray(x.astype(dtype))
    layout = generator.integers(8)
    if layout == 0:
        return np.asfortranarray(x)
    return np.repeat(x, 2, axis=-1)[..., ::2] if layout == 1 and x.ndim else x


def shapes(generator):
    """Two shapes: alike, one a part of the other, or anything."""
    shape = tuple(
        generator.integers(0 if generator.random() < 0.05 else 1, 6, generator.integers(4))
    )
    way = generator.integers(5)
    if way == 0:
        return shape, shape
    if way == 1:
        return shape, shape[generator.integers(len(shape) + 1) :]
    if way == 2:
        return shape, (*shape[:-1], 1)[: len(shape)]
    if way == 3:
        return shape, (1,) * int(generator.integers(len(shape) + 1))
    return shape, tuple(generator.integers(1, 4, generator.integers(4)))


def assert_same_bits(found, wanted):
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[numbers], np.signbit(wanted)[numbers])


@pytest.mark.bounds("arithmetic.power", *(f"arithmetic.{name}" for name in BINARY))
@pytest.mark.parametrize("name", BINARY)
def test_operators_have_numpys_bits_or_no_answer(name):
    generator, answered = np.random.default_rng(0), 0
    for _ in range(400):
        dtype = DTYPES[generator.integers(2)]
        x, y = (drawn(generator, shape, dtype) for shape in shapes(generator))
        x, y = (y, x) if generator.random() < 0.5 else (x, y)
        found = getattr(_kernels.arithmetic, name)(x, y)
        if found is not None:
            answered += 1
            with np.errstate(all="ignore"):
                assert_same_bits(found, np.asarray(BINARY[name](x, y)))
    assert answered > 150


def test_operators_leave_the_rest_to_numpy():
    x = np.ones((2, 3), np.float32)
    for other in (x.astype(np.float64), x.astype(int), x.astype(">f4"), x.T, x.tolist(), x[:, ::2]):
        assert _kernels.arithmetic.add(x, other) is None
    assert _kernels.arithmetic.power(x, np.array(3, np.float32)) is None
    assert_same_bits(_kernels.arithmetic.power(2 * x, np.array(2, np.float32)), 4 * x)


@pytest.mark.bounds("sums.total")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_sum_of_all_has_numpys_bits(dtype):
    for size in [0, *SIZES]:
        x = np.random.default_rng(size).normal(size=size).astype(dtype)
        total = _kernels.sums.total(x)
        assert_same_bits(total, np.asarray(x.sum()))
        # Sixteen numbers after the other at most, and then the sums of these in pairs.
        passes = 16 + math.log2(max(size, 1))
        allowed = passes * np.finfo(dtype).eps / 2 * math.fsum(np.abs(x).tolist())
        assert abs(float(total) - math.fsum(x.tolist())) <= allowed
    assert _kernels.sums.total(np.ones((2, 4), dtype)[:, ::2]) is None


@pytest.mark.bounds("extremes.max", "extremes.min")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_of_all(name, dtype):
    function, reference = getattr(_kernels.extremes, name), getattr(np, name)
    for size in SIZES:
        for seed in range(20):
            generator = np.random.default_rng((size, seed))
            x = generator.normal(size=size).astype(dtype)
            if seed % 4 == 0:
                x[generator.integers(size)] = generator.choice(SPECIAL).astype(dtype)
            np.testing.assert_array_equal(function(x), reference(x))
    assert function(np.empty(0, dtype)) is None


@pytest.mark.bounds("gemm.of_small_matrices")
@pytest.mark.parametrize("dtype", DTYPES)
def test_small_products(dtype):
    generator = np.random.default_rng(0)
    for _ in range(100):
        m, k, p = generator.integers(0, 20, 3)
        a, b = (
            generator.normal(size=(m, k)).astype(dtype),
            generator.normal(size=(k, p)).astype(dtype),
        )
        wanted = a.astype(np.float64) @ b.astype(np.float64)
        for turned in (False, True):
            left = np.ascontiguousarray(a.T) if turned else a
            right = np.ascontiguousarray(b.T) if turned else b
            found = _kernels.gemm.of_small_matrices(left, right, turned, turned)
            assert found.dtype == dtype
            # Each of k products and sums rounds once.
            scale = np.abs(a).astype(np.float64) @ np.abs(b) + np.finfo(dtype).tiny
            assert (np.abs(found - wanted) <= (k + 1) * np.finfo(dtype).eps * scale).all()
    assert _kernels.gemm.of_small_matrices(np.ones((2, 3), dtype), np.ones((2, 3), dtype)) is None
    assert _kernels.gemm.of_small_matrices(*[np.ones((100, 100), dtype)] * 2) is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_are_of_the_others_dtype(dtype):
    for value in (0, -1, 2.5, np.inf, 1e300):
        with np.errstate(over="ignore"):
            assert_same_bits(_kernels.number(value, np.ones(2, dtype)), np.array(value, dtype))
