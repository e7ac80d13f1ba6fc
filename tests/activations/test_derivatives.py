"""Derivatives of activations beyond the first, and those that are recorded."""

import numpy as np
import pytest
from activation_cases import CASES, UNITS, case_id, learned
from derivatives import BY_AUTOGRAD, assert_derivatives

import minidl
from minidl import functional as F
from minidl.layers.activations import REGISTRY

POINTWISE = [case for case in CASES if case[0].inputs_per_unit(case[1]) == 1]
EACH = pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)


@EACH
def test_derivatives_of_three_orders(kind, options):
    x = np.random.default_rng(0).uniform(-7, 7, (2, UNITS))
    assert_derivatives(
        lambda *xs: getattr(F, kind.name)(*xs, **options),
        lambda *xs: BY_AUTOGRAD[kind.name](*xs, **options),
        *[x, *learned(kind, np.float64)],
    )


@EACH
def test_gradcheck_of_the_second_order(kind, options):
    """Against the kernel's gradient, not autograd's."""
    x = np.random.default_rng(1).uniform(-7, 7, (1, UNITS))
    inputs = [minidl.tensor(a, requires_grad=True) for a in (x, *learned(kind, np.float64))]
    function = getattr(F, kind.name)
    assert minidl.gradcheck(lambda *xs: function(*xs, **options), inputs, order=2, atol=1e-6)


def test_every_activation_is_held_to_autograd():
    assert set(BY_AUTOGRAD) == {k.name for k in REGISTRY.values() if "minidl" in k.__module__}


def recorded(kind, options, values, dtype):
    """First derivatives by the kernel and recorded, and the second, at these values of x."""
    x = minidl.tensor(np.repeat(values, UNITS).reshape(-1, UNITS), dtype, requires_grad=True)
    y = getattr(F, kind.name)(x, *map(minidl.tensor, learned(kind, dtype)), **options)
    (by_kernel,) = minidl.grad(y.sum(), x, retain_graph=True)
    (slope,) = minidl.grad(y.sum(), x, create_graph=True)
    linear = not slope.requires_grad
    second = np.zeros(x.shape) if linear else minidl.grad(slope.sum(), x)[0].numpy()
    return by_kernel.numpy(), slope.numpy(), second


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "options"), POINTWISE, ids=case_id)
def test_far_out_slopes_are_right_and_curvatures_vanish(kind, options, dtype):
    near = np.array([0, 1e-30, 1e-3, 20, 50, 90, 110, 700, 740, 800])
    far = np.array([1e3, 1e10, 1e30, np.finfo(dtype).max, np.inf])
    for sign in (1, -1):
        by_kernel, slope, second = recorded(kind, options, sign * near, dtype)
        np.testing.assert_allclose(slope, by_kernel, rtol=1e-5, atol=1e-6)
        assert np.isfinite(second).all()
        by_kernel, slope, second = recorded(kind, options, sign * far, dtype)
        np.testing.assert_allclose(slope, by_kernel, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(second, 0, atol=1e-8)


@EACH
def test_a_recorded_slope_at_a_kink_is_the_declared_one(kind, options):
    for kink, declared in kind.kinks(**options).items():
        by_kernel, slope, second = recorded(kind, options, np.array([kink]), np.float64)
        np.testing.assert_array_equal(slope, by_kernel)
        if not kind.learned:
            np.testing.assert_array_equal(slope, declared)
        assert np.isfinite(second).all()
