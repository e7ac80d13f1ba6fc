"""The kernels of norms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl._kernels import norms

DTYPES = ["float32", "float64"]


def numbers(n, dtype, seed):
    return np.random.default_rng(seed).normal(size=n).astype(dtype)


@pytest.mark.bounds("norms.sum_of_squares")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 1000, 1024, 1025, 5000])
def test_sum_of_squares(n, dtype):
    x = numbers(n, dtype, n)
    exact = math.fsum(v * v for v in x.tolist())
    # Every partial sum is below the result, so n additions err by at most n eps of it.
    assert norms.sum_of_squares(x) == pytest.approx(exact, rel=(n + 1) * 2.3e-16, abs=0)


def test_squares_are_added_up_in_blocks_and_to_what_was_there():
    """The blocks of 1024 numbers that a step's threads share out, in order."""
    x = numbers(5000, "float32", 3)
    total = 0.5
    for start in range(0, 5000, 1024):
        total += norms.sum_of_squares(x[start : start + 1024])
    assert norms.sum_of_squares(x, 0.5) == total


def test_sum_of_squares_of_float32_does_not_overflow():
    assert norms.sum_of_squares(np.full(3, 1e38, np.float32)) == pytest.approx(3e76, rel=1e-6)


@pytest.mark.bounds("norms.max_norm")
@pytest.mark.parametrize("dtype", DTYPES)
@given(rows=st.integers(0, 9), units=st.integers(0, 200), limit=st.floats(0.1, 5))
def test_max_norm(dtype, rows, units, limit):
    W = numbers(rows * units, dtype, rows + 10 * units).reshape(rows, units)
    before = W.copy()
    count = norms.max_norm(W, limit, 1)
    exact = np.sqrt((before.astype(np.float64) ** 2).sum(axis=0))
    rounding = (rows + 3) * np.finfo(np.float64).eps  # of a sum, its root and a quotient
    exceeds = exact > limit
    assert count == exceeds.sum()
    scale = np.where(exceeds, limit / np.maximum(exact, limit / 2), 1)
    np.testing.assert_allclose(W, before * scale, rtol=np.finfo(dtype).eps + rounding)
    np.testing.assert_array_equal(W[:, ~exceeds], before[:, ~exceeds])


def test_max_norm_has_the_same_bits_for_every_thread_count():
    W = numbers(50 * 333, "float32", 1).reshape(50, 333)
    results = []
    for threads in (1, 2, 3, 7):
        copy = W.copy()
        results.append((norms.max_norm(copy, 7.0, threads), copy))
    for count, copy in results[1:]:
        assert count == results[0][0] > 0
        np.testing.assert_array_equal(copy, results[0][1])
