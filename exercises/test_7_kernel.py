"""Exercise 7, kernel.pxd: what the section of squareplus must do."""

import numpy as np
import pytest
from sections import add_sections

import minidl
from minidl import functional as F
from minidl import nn, optim


def true_value(x):
    """y in long double precision, without cancellation."""
    x = np.asarray(x, np.longdouble)
    s = np.sqrt(x * x + 4)
    return np.where(x > 0, (x + s) / 2, 2 / (s - x))


@pytest.fixture(scope="module", autouse=True)
def _compiled(tested, tmp_path_factory):
    """The section, and an activation that runs by it."""
    if add_sections(tested / "kernel.pxd", tmp_path_factory.mktemp("kernel")) != ["squareplus"]:
        raise NotImplementedError("squareplus_forward(real x) is not written yet")

    class Squareplus(nn.Activation):
        name, paper, keeps = "squareplus", "Barron 2021", "y"

        @staticmethod
        def formula(x):
            return (x + (x * x + 4).sqrt()) / 2


def test_values():
    """squareplus is 1 at x = 0, and (x + sqrt(x² + 4)) / 2 elsewhere"""
    x = np.linspace(-5, 5, 101)
    assert F.squareplus(np.zeros(1)).item() == 1
    np.testing.assert_allclose(F.squareplus(x).numpy(), true_value(x).astype(float), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_digits_are_lost_far_out(dtype):
    """from x = -1e6 to 1e6 the relative error is at most 4 roundings"""
    x = np.concatenate([sign * np.logspace(-6, 6, 400) for sign in (-1, 1)]).astype(dtype)
    y, wanted = F.squareplus(x).numpy(), true_value(x)
    assert np.max(abs(y - wanted) / wanted) < 4 * np.finfo(dtype).eps


def test_the_gradient():
    """the gradient agrees with finite differences in float64"""
    x = minidl.tensor(np.linspace(-5, 5, 21), requires_grad=True)
    assert minidl.gradcheck(F.squareplus, [x])


def test_infinity_and_nan():
    """y is 0 and infinite at x = -inf and inf, dy/dx is 0 and 1 there, and NaN stays NaN"""
    x = minidl.tensor(np.array([-np.inf, np.inf, np.nan]), requires_grad=True)
    y = F.squareplus(x)
    y.backward(np.ones(3))
    np.testing.assert_array_equal(y.numpy(), [0, np.inf, np.nan])
    np.testing.assert_array_equal(x.grad.numpy(), [0, 1, np.nan])


def test_a_step_in_the_kernels():
    """a net with squareplus trains in one kernel call: step.why() is empty"""
    net = nn.MLP([3, 8, 1], "squareplus")
    step = minidl.TrainingStep(net, F.mse, optim.SGD(net.parameters(), lr=0.1))
    x = np.random.default_rng(0).standard_normal((32, 3)).astype("float32")
    step.epoch(minidl.data.batches(x, x[:, :1], batch_size=8))
    assert step.why() == ""
