"""mse, huber and poisson: definitions, symmetric gradients, kinks, outliers and limits."""

import math

import numpy as np
import pytest

import minidl
from minidl.engine.gradcheck import gradcheck
from minidl.errors import ArgumentError
from minidl.losses import huber, mse, poisson

RNG = np.random.default_rng(0)
Y, TARGET = RNG.normal(size=(5, 3)) * 2, RNG.normal(size=(5, 3))
V = np.array([1.0, 0.0, 2.0, 0.5, 3.0])


def tensor(x):
    return minidl.tensor(x, requires_grad=True)


def squared(e):
    return e**2


def hubers(delta):
    return lambda e: np.where(np.abs(e) <= delta, e**2 / 2, delta * (np.abs(e) - delta / 2))


LOSSES = [
    (mse, squared),
    (huber, hubers(1.0)),
    (lambda y, target, **options: huber(y, target, 0.3, **options), hubers(0.3)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("loss", "formula"), LOSSES, ids=["mse", "huber", "huber 0.3"])
def test_the_definitions(loss, formula, dtype):
    y, target = Y.astype(dtype), TARGET.astype(dtype)
    losses = formula(y.astype(float) - target)
    rtol = 10 * np.finfo(dtype).eps
    for v in (None, V):
        w = np.ones((5, 1)) if v is None else v[:, None]
        mean = (w * losses).sum() / (w.sum() * 3)
        for reduction, wanted in (
            ("mean", mean),
            ("sum", (w * losses).sum()),
            ("none", w * losses),
        ):
            result = loss(y, target, sample_weight=v, reduction=reduction)
            assert result.dtype == dtype
            np.testing.assert_allclose(result.numpy(), wanted, rtol=rtol)


@pytest.mark.parametrize("shape", [(5, 3), (15,), (5, 3, 1)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("loss", "formula"), LOSSES, ids=["mse", "huber", "huber 0.3"])
def test_gradients_for_both_arguments(loss, formula, reduction, shape):
    y, target = tensor(Y.reshape(shape)), tensor(TARGET.reshape(shape))
    v = np.arange(shape[0]) / 2
    assert gradcheck(lambda y, t: loss(y, t, reduction=reduction), [y, target])
    assert gradcheck(lambda y, t: loss(y, t, sample_weight=v, reduction=reduction), [y, target])


def test_one_tensor_as_both_arguments_has_no_gradient():
    y = tensor(Y)
    mse(y, y).backward()
    np.testing.assert_array_equal(y.grad.numpy(), 0 * Y)


def test_huber_at_and_beyond_its_kinks():
    y = tensor(np.array([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]))
    loss = huber(y, np.zeros(7), 2.0, reduction="none")
    np.testing.assert_array_equal(loss.numpy(), [4, 2, 0.5, 0, 0.5, 2, 4])
    loss.sum().backward()
    np.testing.assert_array_equal(y.grad.numpy(), [-2, -2, -1, 0, 1, 2, 2])


def test_an_outlier_does_not_overflow_huber():
    y = tensor(np.array([1e30, -1e30, np.inf], np.float32))
    loss = huber(y, [0, 0, 0], reduction="none")
    np.testing.assert_array_equal(loss.numpy(), np.array([1e30, 1e30, np.inf], np.float32))
    loss.backward(np.ones(3, np.float32))
    np.testing.assert_array_equal(y.grad.numpy(), [1, -1, 1])


@pytest.mark.parametrize("loss", [mse, huber])
def test_nan_stays_where_it_is(loss):
    y = tensor(np.array([np.nan, 1.0]))
    result = loss(y, [0.0, 0.0], reduction="none")
    result.sum().backward()
    np.testing.assert_array_equal(np.isnan(result.numpy()), [True, False])
    np.testing.assert_array_equal(np.isnan(y.grad.numpy()), [True, False])


def test_a_float64_target_beside_float32_gets_a_gradient_of_full_precision():
    y, target = tensor(np.array([1.0, 2.0], np.float32)), tensor(np.array([0.1, 0.7]))
    mse(y, target, reduction="sum").backward()
    expected = 2 * (target.data - y.data.astype(np.float64))
    np.testing.assert_allclose(target.grad.data, expected, rtol=1e-15)


@pytest.mark.parametrize("loss", [mse, huber])
def test_a_target_of_another_dtype_is_taken_to_that_of_y(loss):
    y = tensor(np.array([1.0, 2.0], np.float32))
    target = tensor(np.array([0.0, 0.5]))
    result = loss(y, target)
    result.backward()
    assert result.dtype == y.grad.dtype == np.float32
    assert target.grad.dtype == np.float64
    for constant in ([0, 1], np.array([0, 1]), minidl.tensor(np.array([0, 1])), (False, True)):
        assert loss(y, constant).dtype == np.float32


def test_a_loss_of_single_numbers():
    y = tensor(np.array(3.0))
    loss = mse(y, 1.0)
    loss.backward()
    assert (loss.item(), y.grad.item()) == (4.0, 4.0)


@pytest.mark.parametrize("delta", [0, -1.0, np.nan, np.inf, "1", None, True])
def test_a_delta_that_is_none(delta):
    with pytest.raises(ArgumentError, match="delta"):
        huber(Y, TARGET, delta)


# ---- Counts -------------------------------------------------------------------------------------

COUNTS = np.array([0.0, 1.0, 2.0, 5.0, 30.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_poisson_is_minus_the_log_likelihood_but_for_a_constant(dtype):
    """-ln (e^-m m^t / t!) = m - t ln m + ln t!, m = e^x."""
    x = np.array([-2.0, 0.0, 0.3, 1.5, 3.0], dtype)
    mean = np.exp(x.astype(float))
    chances = [
        math.exp(-m) * m**t / math.factorial(int(t)) for m, t in zip(mean, COUNTS, strict=True)
    ]
    wanted = -np.log(chances) - [math.lgamma(t + 1) for t in COUNTS]
    found = poisson(x, COUNTS, reduction="none")
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy(), wanted, rtol=10 * np.finfo(dtype).eps)


def test_poisson_is_least_where_the_mean_is_the_target():
    x, t = tensor(np.log(COUNTS[1:])), tensor(COUNTS[1:])
    poisson(x, t, reduction="sum").backward()
    np.testing.assert_allclose(x.grad.numpy(), 0, atol=1e-14)
    np.testing.assert_allclose(t.grad.numpy(), -x.numpy())


def test_poisson_far_out():
    """e^100 is no float32, but a mean's slope is one."""
    x = minidl.tensor(np.array([89.0] + [0.0] * 99, np.float32), requires_grad=True)
    loss = poisson(x, np.zeros(100))
    loss.backward()
    np.testing.assert_allclose([loss.item(), x.grad.numpy()[0]], np.exp(89.0) / 100, rtol=1e-6)
    limits = poisson([-np.inf, -np.inf, np.inf, np.inf], [0.0, 1.0, 0.0, 1.0], reduction="none")
    np.testing.assert_array_equal(limits.numpy(), [0, np.inf, np.inf, np.inf])
    ends = tensor(np.array([-np.inf, np.inf]))
    loss = poisson(ends, [0.0, 1.0], reduction="sum")
    for recorded in (False, True):
        (dx,) = minidl.grad(loss, ends, retain_graph=True, create_graph=recorded)
        np.testing.assert_array_equal(dx.numpy(), [0, np.inf])


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_counts_that_make_no_sense(wrong):
    with pytest.raises(ArgumentError, match=f"poisson: expected targets .* from 0 up, got {wrong}"):
        poisson([0.0, 0.0], [1.0, wrong])
