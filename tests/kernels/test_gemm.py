"""The matrix product's kernel, at every CPU level that this machine can run."""

from importlib import import_module
from itertools import product as combinations
from types import ModuleType

import numpy as np
import pytest

from minidl import _kernels

# Rows, depth, columns: empty, single, a tile of each level and one beside it, few rows and few
# steps, narrow, and more than one block of the depth, slab of A or task of rows. One row of every
# number of columns and steps that whole squares of B leave.
SHAPES = [
    (0, 5, 7), (5, 0, 7), (5, 7, 0), (12, 0, 16), (0, 0, 0), (1, 1, 1), (1, 300, 1), (2, 1, 50),
    (1, 784, 128), (3, 4, 5), (4, 3, 33), (7, 5, 8), (8, 4, 16), (8, 3, 9), (9, 5, 17),
    (6, 16, 16), (12, 16, 32), (11, 9, 31), (13, 8, 34), (23, 33, 65), (64, 31, 10), (64, 64, 70),
    (10, 255, 20), (10, 256, 20), (10, 257, 100), (18, 600, 33), (67, 513, 70), (400, 20, 12),
    (797, 5, 33), (900, 30, 70), (300, 70, 129), (5, 270, 300), (7, 3, 2), (9, 20, 1), (3, 2, 30),
    *((1, steps, columns) for steps in (2, 3, 4, 9) for columns in (3, 4, 7, 16, 29)),
]  # fmt: skip
rng = np.random.default_rng(0)
SHAPES += [tuple(rng.integers(1, 90, 3).tolist()) for _ in range(8)]

TRANSPOSES = list(combinations([False, True], [False, True]))


@pytest.fixture(params=_kernels.levels())
def gemm(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(f"minidl._kernels.{request.param}.gemm")


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype:
    return np.dtype(request.param)


def stored(a, transposed):
    return np.ascontiguousarray(a.swapaxes(1, 2) if transposed else a)


def product(gemm, a, b, a_transposed=False, b_transposed=False, threads=1):
    """a · b for stacks of matrices, handed to the kernel transposed where asked."""
    c = np.full((len(a), a.shape[1], b.shape[2]), 7, a.dtype)
    gemm.product(
        stored(a, a_transposed), a_transposed, stored(b, b_transposed), b_transposed, c, threads
    )
    return c


def matrices(shape, dtype, count=1):
    rng = np.random.default_rng(sum(shape))
    rows, depth, columns = shape
    a = rng.standard_normal((count, rows, depth)).astype(dtype)
    b = rng.standard_normal((count, depth, columns)).astype(dtype)
    return a, b


def assert_product(c, a, b):
    """Within the error of any sum of `depth` products: depth · eps · |a| · |b|."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    bound = a.shape[2] * np.finfo(c.dtype).eps * (abs(a) @ abs(b))
    assert np.all(abs(c - a @ b) <= bound)


@pytest.mark.bounds("gemm.product")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_product(gemm, dtype, shape):
    a, b = matrices(shape, dtype)
    for transposed in TRANSPOSES:
        assert_product(product(gemm, a, b, *transposed), a, b)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_element_is_one_sum_in_the_order_of_the_depth(gemm, dtype, shape):
    a, b = matrices(shape, dtype)
    # Products with powers of two are exact, so a fused multiply-add rounds as an addition does.
    b = np.copysign(2.0 ** np.round(3 * b), b).astype(dtype)
    expected = np.zeros((1, shape[0], shape[2]), dtype)
    for p in range(shape[1]):
        expected += a[:, :, p, None] * b[:, p, None, :]
    for transposed in TRANSPOSES:
        c = product(gemm, a, b, *transposed)
        np.testing.assert_array_equal(c, expected, str(transposed))


@pytest.mark.parametrize("shape", [*SHAPES[5:], (1000, 64, 200)], ids=str)
def test_threads_do_not_change_bits(gemm, dtype, shape):
    a, b = matrices(shape, dtype)
    for transposed in TRANSPOSES:
        alone = product(gemm, a, b, *transposed)
        for threads in (2, 3, 8):
            c = product(gemm, a, b, *transposed, threads=threads)
            np.testing.assert_array_equal(c, alone, f"{transposed}, {threads} threads")


@pytest.mark.parametrize("b_transposed", [False, True])
@pytest.mark.parametrize(("depth", "columns"), [(5, 10), (70, 3), (3, 40), (300, 37), (33, 64)])
def test_a_row_has_the_same_bits_alone_and_in_a_batch(gemm, dtype, depth, columns, b_transposed):
    a, b = matrices((29, depth, columns), dtype)
    batch = product(gemm, a, b, False, b_transposed)[0]
    for start in range(29):
        for stop in {start + 1, min(start + 7, 29), 29}:
            some = product(gemm, a[:, start:stop], b, False, b_transposed)[0]
            np.testing.assert_array_equal(some, batch[start:stop])


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, lambda a: a.astype(np.float16)),
        (1, lambda b: b.astype(np.int32)),
        (1, lambda b: b.astype(b.dtype.newbyteorder())),
        (1, lambda b: b.astype(np.float32 if b.dtype == np.float64 else np.float64)),
        (0, lambda a: a[0]),
        (1, lambda b: b.swapaxes(1, 2)),
        (2, lambda c: c[..., None]),
        (2, lambda c: np.broadcast_to(c, c.shape)),
    ],
    ids=["float16", "int", "byte order", "two dtypes", "matrix", "strided", "4 axes", "read-only"],
)
def test_other_arrays_are_refused(gemm, dtype, number, change):
    a, b = matrices((2, 3, 4), dtype)
    c = np.full((1, 2, 4), 7, dtype)
    arrays = [a, b, c]
    arrays[number] = change(arrays[number])
    with pytest.raises(ValueError, match="expected C-contiguous a, b and c"):
        gemm.product(arrays[0], False, arrays[1], False, arrays[2], 1)
    assert np.all(c == 7)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(7, 5, 9), (20, 30, 40), (1, 3, 1), (50, 0, 3)], ids=str)
def test_stack_of_products(gemm, dtype, shape, threads):
    a, b = matrices(shape, dtype, count=5)
    for transposed in TRANSPOSES:
        c = product(gemm, a, b, *transposed, threads=threads)
        for n in range(5):
            alone = product(gemm, a[n : n + 1], b[n : n + 1], *transposed)
            np.testing.assert_array_equal(c[n : n + 1], alone)
        product(gemm, a[:0], b[:0], *transposed, threads=threads)  # an empty stack


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "shape", [(5, 6, 7), (5, 8, 40), (21, 10, 37), (13, 9, 10), (50, 300, 70)], ids=str
)
def test_nan_and_infinity_reach_their_row_or_column_and_no_more(gemm, dtype, shape, value):
    a, b = matrices(shape, dtype)
    a[0, -1, -1], a[0, 1, -2] = value, 0
    b[0, -2, -1], b[0, -1, 0] = value, 0
    with np.errstate(invalid="ignore"):
        expected = (a[:, :, :, None] * b[:, None, :, :]).astype(np.float64).sum(axis=2)
    for transposed in TRANSPOSES:
        c = product(gemm, a, b, *transposed)
        np.testing.assert_array_equal(np.isfinite(c), np.isfinite(expected))
        np.testing.assert_array_equal(c[~np.isfinite(c)], expected[~np.isfinite(c)])
        assert np.isnan(c[0, -1, 0]), "a zero times NaN or infinity is NaN"
        assert np.isnan(c[0, 1, -1]), "a zero times NaN or infinity is NaN"


@pytest.mark.parametrize("shape", [(5, 6, 7), (21, 10, 37), (400, 9, 10)], ids=str)
@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_beside_the_output_is_written(gemm, dtype, shape, threads):
    a, b = matrices(shape, dtype)
    around = np.full((3, shape[0], shape[2]), -7, dtype)
    gemm.product(a, False, b, False, around[1:2], threads)
    assert_product(around[1:2], a, b)
    assert np.all(around[::2] == -7)


# Beyond this depth each block of it has a sum of its own; of at most so many steps on any level.
DEEP, BLOCK = 1024, 533


@pytest.mark.parametrize("transposes", TRANSPOSES, ids=str)
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 40), (3, 70), (26, 9), (40, 130)])
def test_deep_products_lose_no_more_than_blocks_do(gemm, dtype, rows, columns, transposes):
    depth = 8000
    a, b = matrices((rows, depth, columns), dtype)
    a, b = np.abs(a), np.abs(b)
    b[:, 0] = 2 / np.finfo(dtype).eps  # a number that what comes after it cannot move
    a[:, :, 0] = 1
    c = product(gemm, a, b, *transposes)
    exact = a[:, :, 1:].astype(np.float64) @ b[:, 1:].astype(np.float64) + b[:, :1]
    steps = BLOCK + 8 * depth / BLOCK  # the shortest blocks, of float64 on v4, are an eighth
    assert (np.abs(c - exact) <= steps * np.finfo(dtype).eps / 2 * exact).all()
    np.testing.assert_array_equal(product(gemm, a, b, *transposes, threads=3), c)
    for i in (0, rows - 1):
        alone = product(gemm, a[:, i : i + 1], b, *transposes)
        np.testing.assert_array_equal(alone[:, 0], c[:, i])


@pytest.mark.parametrize("depth", [DEEP - 1, DEEP])
def test_up_to_there_a_product_is_one_sum(gemm, dtype, depth):
    a, b = matrices((9, depth, 40), dtype)
    b = np.copysign(2.0 ** np.round(3 * b), b).astype(dtype)  # exact products, so fused or not
    expected = np.zeros((1, 9, 40), dtype)
    for p in range(depth):
        expected += a[:, :, p, None] * b[:, p, None]
    np.testing.assert_array_equal(product(gemm, a, b), expected)
