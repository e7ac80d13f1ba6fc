"""Gaussian noise as a function of tensors: what it depends on, its gradient, its errors."""

import numpy as np
import pytest
from support import LAYOUTS

import minidl
from minidl import functional as F
from minidl.errors import ArgumentError, DTypeError

X = np.random.default_rng(0).normal(size=(7, 13))


def tensor(x):
    return minidl.tensor(x, requires_grad=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sd_scales_one_noise(dtype):
    x = X.astype(dtype)
    one = F.gaussian_noise(np.zeros(X.shape), 1, seed=4).numpy()
    for sd in (0.1, 1, np.float32(0.25), 30.0):
        y = F.gaussian_noise(x, sd, seed=4)
        assert (y.shape, y.dtype) == (X.shape, dtype)
        np.testing.assert_allclose(y.numpy(), x + float(sd) * one, rtol=1e-6, atol=1e-6)


def test_the_gradient_is_dy():
    x = tensor(X)
    y = F.gaussian_noise(x, 0.5)
    dy = np.random.default_rng(1).normal(size=X.shape)
    with minidl.no_grad():
        x *= 0
        y *= 0
    y.backward(dy)
    np.testing.assert_array_equal(x.grad.numpy(), dy)
    assert minidl.gradcheck(lambda x: F.gaussian_noise(x, 0.5, seed=2, step=1), tensor(X))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_and_shape(layout):
    wanted = F.gaussian_noise(X, 0.5, seed=1).numpy()
    np.testing.assert_array_equal(F.gaussian_noise(LAYOUTS[layout](X), 0.5, seed=1).numpy(), wanted)
    np.testing.assert_array_equal(
        F.gaussian_noise(X.ravel(), 0.5, seed=1).numpy(), wanted.ravel(), "position only"
    )
    assert F.gaussian_noise(np.array(3.0), 1).shape == ()


def test_without_training_or_at_sd_0_nothing_happens():
    x = tensor(X)
    minidl.manual_seed(1)
    wanted = minidl.random.fresh_seed()
    minidl.manual_seed(1)
    assert F.gaussian_noise(x, 0.5, training=False) is x
    assert F.gaussian_noise(x, 0) is x
    F.gaussian_noise(x, 0.5, seed=1)
    assert minidl.random.fresh_seed() == wanted, "no seed was drawn"


def test_it_depends_on_seed_and_step():
    def noise(**where):
        return F.gaussian_noise(np.zeros(20), 1, **where).numpy().tobytes()

    drawn = [noise(seed=s, step=t) for s in (0, 1, 2**32, 2**64 - 1) for t in (0, 1, 2**32)]
    assert len(set(drawn)) == len(drawn)
    assert noise(seed=1) == noise(seed=np.int64(1), step=np.uint8(0))
    minidl.manual_seed(1)
    first = [noise() for _ in range(3)]
    minidl.manual_seed(1)
    assert [noise() for _ in range(3)] == first
    assert len(set(first)) == 3


def test_the_bits_do_not_depend_on_the_threads():
    x = np.random.default_rng(0).normal(size=20_003).astype(np.float32)
    results = set()
    for threads in (1, 2, 5):
        with minidl.set_num_threads(threads):
            results.add(F.gaussian_noise(x, 0.3, seed=1).numpy().tobytes())
    assert len(results) == 1


def test_empty_tensors():
    x = tensor(np.zeros((0, 3)))
    F.gaussian_noise(x, 1).sum().backward()
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize("sd", [-0.1, np.nan, np.inf, "0.5", None, True, np.array([0.5])])
def test_an_sd_that_is_none(sd):
    for training in (True, False):
        with pytest.raises(ArgumentError, match="gaussian_noise: expected sd to be a finite"):
            F.gaussian_noise(X, sd, training)
    with pytest.raises(ArgumentError, match="GaussianNoise: expected sd to be a finite"):
        minidl.nn.GaussianNoise(sd)


@pytest.mark.parametrize("value", [-1, 2**64, 0.5, "1", True])
@pytest.mark.parametrize("name", ["seed", "step"])
def test_seeds_and_steps_that_are_none(name, value):
    with pytest.raises(
        ArgumentError, match=rf"gaussian_noise: expected a {name} from 0 to 2\*\*64"
    ):
        F.gaussian_noise(X, 1, **{name: value})


def test_integers_are_refused():
    with pytest.raises(DTypeError, match="float32 or float64"):
        F.gaussian_noise(np.ones(3, int), 1)
