"""The softmax kernels against their formulas, at every CPU level.

Tolerances are in eps, half of which is one rounding. A float32 exponential is off by at most 0.69
eps of itself, also for an x - m that had to be rounded (test_accuracy.py); so is the sum, and the
end is rounded to another 0.5: 1.9 eps in all, below 2. In float64 z = x - m is rounded too, which
e^z turns into a relative error of |z| / 2 eps, and a sum of n terms is off by at most n / 2 eps.
"""

import numpy as np
import pytest

from minidl import _kernels
from minidl.losses.reduction import RowLoss

pytestmark = pytest.mark.usefixtures("level")

DTYPES = [np.float32, np.float64]
SHAPES = [(1, 1), (3, 1), (1, 2), (5, 7), (4, 33), (64, 10), (3, 1000), (0, 5)]


def logits(shape, dtype, spread=5.0, seed=0):
    return (np.random.default_rng(seed).normal(size=shape) * spread).astype(dtype)


def run(kernel, *arrays, threads=1):
    y = np.full_like(arrays[0], 7)
    kernel(*arrays, y, threads)
    return y


def run_loss(loss, x, threads):
    losses, dx = np.full((len(x), 1), 7.0), np.full_like(x, 7)
    _kernels.losses.of_rows(loss._replace(reduction="sum"), x, losses, dx, threads)
    return losses[:, 0], dx


def run_labels(x, labels, weights=None, smoothing=0.0, threads=1):
    weights = np.ones(x.shape[1]) if weights is None else weights
    options = np.append(smoothing, weights)[None]
    return run_loss(
        RowLoss("", None, _kernels.LOSSES["cross_entropy"], x.dtype, labels, options), x, threads
    )


def run_targets(x, a, threads=1):
    functions = _kernels.LOSSES["cross_entropy of soft targets"]
    return run_loss(RowLoss("", None, functions, x.dtype, a), x, threads)


def exact(x):
    """z = x - max, e^z / sum and its logarithm, in float64 or better."""
    z = x.astype(np.longdouble)
    z = z - z.max(axis=1, keepdims=True, initial=-np.inf)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    return z, e / total, z - np.log(total)


def close(got, wanted, eps_allowed):
    """`eps_allowed` is in eps of got's dtype; below the normal numbers nothing is relative."""
    info = np.finfo(got.dtype)
    error = np.abs(got - wanted)
    assert (error <= eps_allowed * info.eps + info.tiny).all(), error.max()


def error_of_sum(x):
    """How far off a sum over a row of x may be, of itself, in eps."""
    return 2 if x.dtype == np.float32 else 4 + x.shape[1] / 2


def error_of_p(x, z):
    """How far off e^z / sum e^z may be, of itself, in eps."""
    return error_of_sum(x) + (0 if x.dtype == np.float32 else np.abs(z) / 2)


@pytest.mark.bounds("softmax.softmax")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_is_its_formula(shape, dtype):
    x = logits(shape, dtype)
    z, p, _ = exact(x)
    close(run(_kernels.softmax.softmax, x), p, p * error_of_p(x, z))


@pytest.mark.bounds("softmax.log_softmax")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_log_softmax_is_its_formula(shape, dtype):
    x = logits(shape, dtype)
    _, _, log_p = exact(x)
    close(run(_kernels.softmax.log_softmax, x), log_p, np.abs(log_p) + error_of_sum(x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [2, 3, 5, 9, 1000, 65537])
def test_the_logarithm_of_sums_of_every_size(classes, dtype):
    """All classes alike: the sum is `classes`, and every y is -ln classes."""
    y = run(_kernels.softmax.log_softmax, np.zeros((1, classes), dtype))
    np.testing.assert_allclose(y, -np.log(classes), rtol=np.finfo(dtype).eps)


@pytest.mark.bounds("softmax.softmax_backward", "softmax.log_softmax_backward")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_backward_kernels_are_their_formulas(shape, dtype):
    y = run(_kernels.softmax.softmax, logits(shape, dtype))
    dy = logits(shape, dtype, 1.0, seed=1)
    p, g = y.astype(np.float64), dy.astype(np.float64)
    wanted = p * (g - (p * g).sum(axis=1, keepdims=True))
    dx = run(_kernels.softmax.softmax_backward, y, dy)
    close(dx, wanted, p * (3 * np.abs(g) + shape[1] / 2))

    log_y = run(_kernels.softmax.log_softmax, logits(shape, dtype))
    total = g.sum(axis=1, keepdims=True)
    wanted = g - np.exp(log_y.astype(np.float64)) * total
    dx = run(_kernels.softmax.log_softmax_backward, log_y, dy)
    close(dx, wanted, np.abs(g) + np.abs(total) + shape[1] / 2)


@pytest.mark.bounds("cross_entropy loss", "cross_entropy of soft targets loss")
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_is_its_formula(shape, dtype, smoothing):
    rng = np.random.default_rng(2)
    x = logits(shape, dtype)
    labels = rng.integers(0, shape[1], shape[0])
    w = rng.random(shape[1]) + 0.5
    z, p, log_p = exact(x)
    a = w * ((1 - smoothing) * np.eye(shape[1])[labels] + smoothing / shape[1])
    wanted = -(a * log_p).sum(axis=1)
    slope = a.sum(axis=1, keepdims=True) * p - a

    for losses, dx in (run_labels(x, labels, w, smoothing), run_targets(x, a.astype(dtype))):
        close(losses.astype(dtype), wanted, (wanted + a.sum(axis=1)) * error_of_sum(x))
        close(dx, slope, a.sum(axis=1, keepdims=True) * p * error_of_p(x, z) + a * 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_without_classes(dtype):
    x = np.zeros((3, 0), dtype)
    for kernel in (_kernels.softmax.softmax, _kernels.softmax.log_softmax):
        assert run(kernel, x).shape == (3, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_confident_prediction_keeps_its_gradient(dtype):
    """p = 1 - 2e-9 rounds to 1 in float32; p - 1 must not become 0."""
    x = np.array([[0.0, -20.0]], dtype)
    losses, dx = run_labels(x, np.array([0]))
    miss = np.exp(-20) / (1 + np.exp(-20))
    np.testing.assert_allclose(dx, [[-miss, miss]], rtol=1e-6)
    np.testing.assert_allclose(losses, np.log1p(np.exp(-20)), rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_logits_stay_finite(dtype):
    x = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 0]], dtype)
    losses, dx = run_labels(x, np.array([1, 2, 0]))
    np.testing.assert_allclose(losses, [2e4, np.log(3), np.log(2)], rtol=1e-7)
    third, half = 1 / 3, 1 / 2
    wanted = [[1, -1, 0], [third, third, third - 1], [half - 1, half, 0]]
    np.testing.assert_allclose(dx, wanted, rtol=1e-6)


INF, NAN = np.inf, np.nan


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("x", "p"),
    [
        ([0, -INF, 0], [0.5, 0, 0.5]),
        ([0, INF, -INF], [0, 1, 0]),
        ([INF], [1]),
        ([-INF], [1]),
        ([INF, INF, 0], [NAN, NAN, NAN]),
        ([-INF, -INF], [NAN, NAN]),
        ([0, NAN, 1], [NAN, NAN, NAN]),
        ([NAN, INF], [NAN, NAN]),
        ([-INF, NAN], [NAN, NAN]),
    ],
)
def test_infinite_logits_give_the_limit_and_nan_gives_nan(x, p, dtype):
    """The row in the middle is as given; those around it must not notice."""
    rows = np.stack([np.arange(len(x)), x, np.arange(len(x))]).astype(dtype)
    y = run(_kernels.softmax.softmax, rows)
    np.testing.assert_array_equal(y[1], np.array(p, dtype))
    with np.errstate(divide="ignore"):
        log_p = np.log(np.array(p))
    log_y = run(_kernels.softmax.log_softmax, rows)
    np.testing.assert_allclose(log_y[1], log_p, rtol=1e-6)
    for label, wanted in enumerate(log_p):
        losses, dx = run_labels(rows, np.full(3, label))
        np.testing.assert_allclose(losses[1], -wanted, rtol=1e-6)
        np.testing.assert_array_equal(dx[1], (np.array(p) - np.eye(len(x))[label]).astype(dtype))
        assert np.isfinite(losses[[0, 2]]).all()
    assert np.isfinite(y[[0, 2]]).all()
    assert np.isfinite(log_y[[0, 2]]).all()


def test_an_impossible_class_that_is_not_wanted_costs_nothing():
    x = np.array([[0.0, -INF]])
    np.testing.assert_array_equal(run_targets(x, np.array([[1.0, 0.0]]))[0], [0])
    np.testing.assert_array_equal(run_labels(x, np.array([1]), np.array([1.0, 0.0]))[0], [0])
    np.testing.assert_array_equal(run_labels(x, np.array([0]), smoothing=0.1)[0], [INF])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bits_depend_neither_on_threads_nor_on_other_rows(dtype):
    x, dy = logits((37, 19), dtype), logits((37, 19), dtype, seed=1)
    labels = np.random.default_rng(2).integers(0, 19, 37)

    def results(rows, threads):
        part = [np.ascontiguousarray(a[rows]) for a in (x, dy, np.abs(dy))]
        kernels = _kernels.softmax
        y = run(kernels.softmax, part[0], threads=threads)
        log_y = run(kernels.log_softmax, part[0], threads=threads)
        return [
            y,
            log_y,
            run(kernels.softmax_backward, y, part[1], threads=threads),
            run(kernels.log_softmax_backward, log_y, part[1], threads=threads),
            *run_labels(part[0], labels[rows], smoothing=0.1, threads=threads),
            *run_targets(part[0], part[2], threads=threads),
        ]

    together = results(slice(None), 1)
    for threads in (2, 3, 8):
        for a, b in zip(together, results(slice(None), threads), strict=True):
            assert a.tobytes() == b.tobytes()
    for row in (0, 17, 36):
        for a, b in zip(together, results(slice(row, row + 1), 1), strict=True):
            assert a[row : row + 1].tobytes() == b.tobytes()
