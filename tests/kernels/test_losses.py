"""The losses' kernels against their formulas, at every CPU level.

A float32 formula is worked out in float64 from the same float32 numbers, so what is left is the
kernel's own error. The loss is in double precision; the gradient is rounded to float32 once more.
"""

import numpy as np
import pytest
from ulps import ulps

from minidl import _kernels
from minidl.losses.reduction import NO_OPTIONS, RowLoss

pytestmark = pytest.mark.usefixtures("level")

DTYPES = [np.float32, np.float64]
SHAPES = [(1, 1), (33, 1), (5, 7), (4, 33), (3, 1000), (0, 5)]
INF, NAN = np.inf, np.nan
BINARY = "binary_cross_entropy_with_logits"


def run(kernel, x, targets, options=NO_OPTIONS, threads=1, weights=None, reduction="sum"):
    """The losses and dx. What the kernel does not write would show as 7."""
    functions = _kernels.LOSSES[kernel.split(" of ")[0]]
    loss = RowLoss(
        kernel, None, functions, x.dtype, targets, np.atleast_2d(options), targets.ndim == 2,
        weights=weights, reduction=reduction,
    )  # fmt: skip
    losses, dx = np.full((len(x), loss.per_row), 7.0), np.full_like(x, 7)
    total, _ = _kernels.losses.of_rows(loss, x, losses, dx, threads)
    return losses, dx, total


def binary_formula(x, t, r):
    e = np.exp(-np.abs(x))
    miss, false_alarm = np.maximum(-x, 0) + np.log1p(e), np.maximum(x, 0) + np.log1p(e)
    losses = r * t * miss + (1 - t) * false_alarm
    return losses, ((1 - t) * np.where(x > 0, 1, e) - r * t * np.where(x > 0, e, 1)) / (1 + e)


def huber_formula(x, t, delta):
    e = x - t
    is_near = np.abs(e) <= delta
    losses = np.where(is_near, e * e / 2, delta * (np.abs(e) - delta / 2))
    return losses, np.where(is_near, e, delta * np.sign(e))


def multi_margin_formula(x, labels, margin):
    right = np.arange(len(x)), labels
    margins = x - x[right][:, None] + margin
    margins[right] = 0
    slope = (margins > 0) / x.shape[1]
    slope[right] = -slope.sum(axis=1)
    return np.maximum(margins, 0).sum(axis=1, keepdims=True) / x.shape[1], slope


def kl_formula(x, t, log_target):
    p = np.exp(t) if log_target else t
    return p * ((t if log_target else np.log(t)) - x), -p


def nll_formula(x, labels, *w):
    right = np.arange(len(x)), labels
    slope = np.zeros(x.shape)
    slope[right] = -np.array(w)[labels]
    return (slope * x).sum(axis=1, keepdims=True), slope


# By kernel: the formula of losses and slopes, and its options. One with a further kind of targets
# is "<kernel> of <those>".
FORMULAS = {
    "mse": (lambda x, t: ((x - t) ** 2, 2 * (x - t)), []),
    "huber": (huber_formula, [0.7]),
    BINARY: (binary_formula, [1.0]),
    "hinge": (lambda x, t: (np.maximum(0, 1 - t * x), np.where(1 - t * x > 0, -t, 0)), []),
    "multi_margin": (multi_margin_formula, [0.4]),
    "poisson": (lambda x, t: (np.exp(x) - t * x, np.exp(x) - t), []),
    "kl_divergence": (kl_formula, [0]),
    "kl_divergence of logarithms": (kl_formula, [1]),
    "nll": (nll_formula, np.random.default_rng(7).random(1000) + 0.5),
}
EACH = pytest.mark.parametrize("kernel", FORMULAS)
LABELLED = "multi_margin", "nll"


def problem(kernel, shape, dtype, seed=0):
    """Outputs and targets."""
    rng = np.random.default_rng((seed, *shape))
    x = (rng.normal(size=shape) * 2).astype(dtype)
    t = {
        BINARY: rng.random(shape),
        "hinge": np.where(rng.random(shape) < 0.5, -1, 1),
        "poisson": rng.poisson(2, shape),
        "kl_divergence": rng.random(shape),
        **dict.fromkeys(LABELLED, rng.integers(0, shape[1], shape[0])),
    }.get(kernel, rng.normal(size=shape))
    return x, t if t.ndim == 1 else t.astype(dtype)


def options_of(kernel, shape):
    _, options = FORMULAS[kernel]
    is_by_column = kernel == BINARY
    return np.broadcast_to(options, shape[1:]).copy() if is_by_column else np.array([*options, 0.0])


@pytest.mark.bounds(*{f"{kernel.split(' of ')[0]} loss" for kernel in FORMULAS})
@EACH
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_formulas(kernel, shape, dtype):
    """The mean's 1 / n is the scale. Beside an exact value lie a few roundings in double precision
    (multi_margin's sum of n has n / 2) or, where an exponential is involved, within 2 units in the
    last place."""
    x, t = problem(kernel, shape, dtype)
    formula, options = FORMULAS[kernel]
    wanted, slope = formula(x.astype(float), t if t.ndim == 1 else t.astype(float), *options)
    losses, dx, total = run(kernel, x, t, options_of(kernel, shape), reduction="mean")
    scale = 1 / max(wanted.size, 1)
    is_exponential = kernel == BINARY
    eps = 2 * np.finfo(dtype).eps if is_exponential else (8 + shape[1] / 2) * np.finfo(float).eps
    np.testing.assert_allclose(losses, scale * wanted, rtol=eps, atol=eps)
    np.testing.assert_allclose(dx, scale * slope, rtol=2 * np.finfo(dtype).eps, atol=eps)
    in_order = sum((sum(row, start=0.0) for row in losses.tolist()), start=0.0)
    assert total == in_order


@EACH
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bits_depend_neither_on_threads_nor_on_other_rows(kernel, dtype):
    x, t = problem(kernel, (37, 19), dtype)
    options, weights = options_of(kernel, x.shape), np.random.default_rng(1).random(37)

    def results(rows, threads):
        losses, dx, _ = run(kernel, x[rows], t[rows], options, threads, weights[rows].copy())
        return losses, dx

    together = results(slice(None), 1)
    for threads in (2, 3, 8):
        for a, b in zip(together, results(slice(None), threads), strict=True):
            assert a.tobytes() == b.tobytes()
    for row in (0, 17, 36):
        for a, b in zip(together, results(slice(row, row + 1), 1), strict=True):
            assert a[row : row + 1].tobytes() == b.tobytes()


@pytest.mark.parametrize("kernel", sorted(FORMULAS.keys() - set(LABELLED)))
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_element_has_the_same_bits_wherever_it_stands(kernel, dtype):
    """Loops run in vectors, then one by one: all must round alike."""
    x, t = problem(kernel, (1, 45), dtype)
    losses, dx, _ = run(kernel, x, t, options_of(kernel, x.shape))
    for width in range(1, 24):
        part = slice(5, 5 + width)
        x_part, t_part = x[:, part].copy(), t[:, part].copy()
        some, dx_some, _ = run(kernel, x_part, t_part, options_of(kernel, x_part.shape))
        assert some.tobytes() == losses[:, part].tobytes()
        assert dx_some.tobytes() == dx[:, part].tobytes()


def test_options_may_differ_by_row():
    x, t = problem(BINARY, (6, 5), np.float64)
    r = np.random.default_rng(3).random((6, 5)) * 3
    wanted, slope = binary_formula(x, t, r)
    losses, dx, _ = run(BINARY, x, t, r)
    np.testing.assert_allclose(losses, wanted, rtol=1e-14)
    np.testing.assert_allclose(dx, slope, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("target", [0.0, 1.0, 0.3, 0.001])
def test_float32_binary_cross_entropy_keeps_its_bounds(target):
    """Over the whole range of float32, and where the functions bend. A sweep of every 211th pattern
    found 1.47 ULP for the loss of targets 0 and 1, 1.88 between them, where a sum is rounded once
    more, and 1.44 for the slope. Between them that is a difference, so its error is absolute."""
    patterns = np.arange(0, 2**32, 49_999, dtype=np.uint32).view(np.float32)
    grids = [np.linspace(-a, a, 50_001, dtype=np.float32) for a in (2, 18, 110)]
    x = np.concatenate([patterns[np.isfinite(patterns)], *grids])[None]
    t = np.full_like(x, target)
    losses, dx, _ = run(BINARY, x, t, np.ones(x.shape[1]))
    exact, slope = binary_formula(x.astype(float), t.astype(float), 1.0)
    assert ulps(losses.astype(np.float32), exact).max() <= (1.5 if target in (0, 1) else 1.9)
    if target in (0, 1):
        assert ulps(dx, slope).max() <= 1.5
    else:
        assert (np.abs(dx - slope) <= 0.5 * np.finfo(np.float32).eps).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("kernel", "x", "t", "loss", "slope"),
    [
        ("mse", INF, 0, INF, INF),
        ("mse", INF, INF, NAN, NAN),
        ("mse", NAN, 0, NAN, NAN),
        ("huber", -INF, 0, INF, -0.7),
        ("huber", NAN, 0, NAN, NAN),
        ("hinge", INF, 1, 0, 0),
        ("hinge", INF, -1, INF, 1),
        ("hinge", NAN, 1, NAN, -1),
        (BINARY, INF, 1, 0, 0),
        (BINARY, INF, 0, INF, 1),
        (BINARY, -INF, 0, 0, 0),
        (BINARY, -INF, 1, INF, -1),
        (BINARY, INF, 0.5, INF, 0.5),
        (BINARY, NAN, 1, NAN, NAN),
        (BINARY, NAN, 0, NAN, NAN),
        ("poisson", INF, 1, INF, INF),
        ("poisson", INF, 0, INF, INF),
        ("poisson", -INF, 1, INF, -1),
        ("poisson", -INF, 0, 0, 0),
        ("poisson", NAN, 0, NAN, NAN),
        ("kl_divergence", -INF, 0.5, INF, -0.5),
        ("kl_divergence", -INF, 0, 0, 0),
        ("kl_divergence", NAN, 1, NAN, -1),
        ("kl_divergence of logarithms", -INF, -INF, 0, 0),
        ("kl_divergence of logarithms", -INF, 0, INF, -1),
    ],
)
def test_infinities_and_nan_stay_in_their_element(kernel, x, t, loss, slope, dtype):
    """In a vector of ordinary numbers, and at its end."""
    for at in (3, 20):
        outputs, targets = np.zeros((1, 21), dtype), np.ones((1, 21), dtype)
        outputs[0, at], targets[0, at] = x, t
        losses, dx, _ = run(kernel, outputs, targets, options_of(kernel, outputs.shape))
        np.testing.assert_array_equal(losses[0, at], loss)
        np.testing.assert_array_equal(dx[0, at], dtype(slope))
        others = np.arange(21) != at
        assert np.isfinite(losses[0, others]).all()
        assert np.isfinite(dx[0, others]).all()


def test_a_pos_weight_of_0_makes_an_infinite_miss_free():
    x, t = np.array([[-INF, -INF]]), np.array([[1.0, 0.5]])
    losses, _, _ = run(BINARY, x, t, np.zeros(2))
    np.testing.assert_array_equal(losses, [[0, 0]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_float32_errors_do_not_overflow_on_the_way(dtype):
    x, t = np.array([[1e25, 1.0]], dtype), np.array([[-1e25, 0.5]], dtype)
    losses, dx, total = run("mse", x, t, reduction="mean")
    np.testing.assert_allclose(losses, [[2e50, 0.125]], rtol=1e-6)
    np.testing.assert_allclose(dx, [[2e25, 0.5]], rtol=1e-6)
    np.testing.assert_allclose(total, 2e50, rtol=1e-6)
