"""The update kernels: what they may depend on, and the norms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl._kernels import update

DTYPES = ["float32", "float64"]


def cut(sizes, longest):
    """The spans over parameters of these sizes."""
    rows, start = [], 0
    for k, size in enumerate(sizes):
        for first in range(0, size, longest):
            rows.append((k, first, start + first, min(longest, size - first)))
        start += size
    return np.array(rows, np.intp).reshape(-1, 4)


def numbers(n, dtype, seed):
    return np.random.default_rng(seed).normal(size=n).astype(dtype)


def run(kernel, weights, gradients, spans, threads=1):
    """Three steps; returns the weights and the state, all new."""
    weights = [None if w is None else w.copy() for w in weights]
    total, dtype = sum(w.size for w in weights), weights[0].dtype
    state = [np.zeros(total, dtype) for _ in range(3)]
    places = np.empty((2, len(weights)), np.intp)
    nothing = np.empty(0, dtype)
    rule, states, columns = {
        "sgd": ("sgd", [], (0.1, 0.1)),
        "momentum": ("momentum", [0], (0.1, 0.1, 0.9, 0.9, 0)),
        "nesterov": ("momentum", [0], (0.1, 0.1, 0.9, 0.9, 1)),
        "adam": ("adam", [0, 1], (0.1, 0.9, 0.1, 0.9, 0.9, 0.99, 1e-8)),
        "rmsprop": ("rmsprop", [0], (0.1, 0.1, 0.9, 1e-8, 0.0)),
        "centred": ("rmsprop", [0, 1, 2], (0.1, 0.1, 0.9, 1e-8, 0.9)),
        "adagrad": ("adagrad", [0], (0.1, 0.1, 1e-8)),
    }[kernel]
    arrays = [state[k] if k in states else nothing for k in range(3)]
    numbers_of_all = np.tile(columns, (len(weights), 1))
    for _ in range(3):
        update.step(
            update.RULES[rule][dtype.name], weights, gradients, spans, places, *arrays,
            numbers_of_all, threads,
        )  # fmt: skip
    return weights, state


KERNELS = ["sgd", "momentum", "nesterov", "adam", "rmsprop", "centred", "adagrad"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_bits_depend_neither_on_spans_nor_on_threads(kernel, dtype):
    sizes = [1, 700, 0, 33, 2048]
    weights = [numbers(n, dtype, n) for n in sizes]
    gradients = [numbers(n, dtype, n + 1) for n in sizes]
    expected, expected_state = run(kernel, weights, gradients, cut(sizes, 10_000))
    for longest, threads in [(1, 1), (7, 2), (64, 3), (500, 5), (10_000, 2)]:
        got, state = run(kernel, weights, gradients, cut(sizes, longest), threads)
        for x, y in zip(got + state, expected + expected_state, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_number_has_the_same_bits_in_every_place(kernel, dtype):
    """The loop's vector part and its remainder must round alike."""
    w, g = numbers(1, dtype, 5), numbers(1, dtype, 6)
    for n in (1, 2, 3, 7, 8, 31, 67):
        (result,), _ = run(kernel, [np.repeat(w, n)], [np.repeat(g, n)], cut([n], n))
        (alone,), _ = run(kernel, [w], [g], cut([1], 1))
        np.testing.assert_array_equal(result, np.repeat(alone, n))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_none_leaves_a_parameter_and_its_state_alone(kernel, dtype):
    weights = [numbers(5, dtype, k) for k in range(3)]
    gradients = [numbers(5, dtype, 7), None, numbers(5, dtype, 8)]
    got, state = run(kernel, weights, gradients, cut([5, 5, 5], 2))
    np.testing.assert_array_equal(got[1], weights[1])
    assert all((array[5:10] == 0).all() for array in state)
    (alone,), _ = run(kernel, [weights[2]], [gradients[2]], cut([5], 5))
    np.testing.assert_array_equal(got[2], alone)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gradient_may_be_the_weights_themselves(dtype):
    w = numbers(100, dtype, 1)
    expected = w - np.asarray(0.5, dtype) * w
    nothing = [np.empty(0, dtype)] * 3
    update.step(update.RULES["sgd"][dtype], [w], [w], cut([100], 100), np.empty((2, 1), np.intp),
                *nothing, np.array([[0.5, 0.0]]), 1)  # fmt: skip
    np.testing.assert_array_equal(w, expected)


def test_arrays_that_are_not_contiguous_or_writable_are_refused():
    places, nothing = np.empty((2, 1), np.intp), [np.empty(0)] * 3
    sgd, columns = update.RULES["sgd"]["float64"], np.array([[0.5, 0.0]])
    read_only = np.ones(4)
    read_only.flags.writeable = False
    for w, g in [
        (read_only, np.ones(4)),
        (np.ones(8)[::2], np.ones(4)),
        (np.ones(4), np.ones(8)[::2]),
    ]:
        with pytest.raises((ValueError, BufferError)):
            update.step(sgd, [w], [g], cut([4], 4), places, *nothing, columns, 1)


def test_a_rule_of_another_dtype_is_refused():
    places, nothing = np.empty((2, 1), np.intp), [np.empty(0)] * 3
    w, columns = np.ones(4), np.array([[0.5, 0.0]])
    with pytest.raises(ValueError, match="incorrect name"):
        update.step(
            update.RULES["sgd"]["float32"], [w], [w], cut([4], 4), places, *nothing, columns, 1
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 1000])
def test_sum_of_squares(n, dtype):
    x = numbers(n, dtype, n)
    exact = math.fsum(v * v for v in x.tolist())
    # Every partial sum is below the result, so n additions err by at most n eps of it.
    assert update.sum_of_squares(x) == pytest.approx(exact, rel=(n + 1) * 2.3e-16, abs=0)


def test_sum_of_squares_of_float32_does_not_overflow():
    assert update.sum_of_squares(np.full(3, 1e38, np.float32)) == pytest.approx(3e76, rel=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@given(rows=st.integers(0, 9), units=st.integers(0, 200), limit=st.floats(0.1, 5))
def test_max_norm(dtype, rows, units, limit):
    W = numbers(rows * units, dtype, rows + 10 * units).reshape(rows, units)
    before, norms = W.copy(), np.empty(units)
    update.max_norm(W, limit, norms, 1)
    exact = np.sqrt((before.astype(np.float64) ** 2).sum(axis=0))
    rounding = (rows + 3) * np.finfo(np.float64).eps  # of a sum, its root and a quotient
    np.testing.assert_allclose(norms, exact, rtol=rounding)
    scale = np.where(norms > limit, limit / np.maximum(exact, limit / 2), 1)
    np.testing.assert_allclose(W, before * scale, rtol=np.finfo(dtype).eps + rounding)
    np.testing.assert_array_equal(W[:, norms <= limit], before[:, norms <= limit])


def test_max_norm_has_the_same_bits_for_every_thread_count():
    W = numbers(50 * 333, "float32", 1).reshape(50, 333)
    results = []
    for threads in (1, 2, 3, 7):
        copy, norms = W.copy(), np.empty(333)
        update.max_norm(copy, 7.0, norms, threads)
        results.append((copy, norms))
    for copy, norms in results[1:]:
        np.testing.assert_array_equal(copy, results[0][0])
        np.testing.assert_array_equal(norms, results[0][1])
