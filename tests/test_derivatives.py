"""Derivatives of layers and of their functions beyond the first, by HIPS autograd."""

import autograd.numpy as anp
import numpy as np
import pytest
from activation_cases import CASES, case_id
from derivatives import BY_AUTOGRAD, assert_derivatives
from support import numbers

import minidl
from minidl import functional as F
from minidl import nn

X = np.random.default_rng(0).normal(size=(5, 3))
W, B = numbers(3, 10, low=-1), numbers(10, low=-0.5)
WEIGHT, BIAS = numbers(3), numbers(3, seed=1)


def test_dense():
    assert_derivatives(F.dense, lambda x, W, b: x @ W + b, X, W, B)
    assert_derivatives(F.dense, lambda x, W: x @ W, X, W)
    assert_derivatives(F.dense, lambda x, W: x @ W, X.reshape(5, 1, 3), W)


@pytest.mark.parametrize(("kind", "options"), CASES, ids=case_id)
def test_dense_with_an_activation(kind, options):
    layer = kind(**options).astype(np.float64)
    learned = [p.numpy() for p in layer.parameters()]
    by_autograd = BY_AUTOGRAD[kind.name]
    assert_derivatives(
        lambda x, W, b: F.dense(x, W, b, layer),
        lambda x, W, b: by_autograd(x @ W + b, *learned, **options),
        *[X, W, B],
        order=2,
    )


def normalized(x, mean, var, weight=1.0, bias=0.0, eps=1e-5):
    return (x - mean) / anp.sqrt(var + eps) * weight + bias


def test_batch_norm():
    assert_derivatives(
        lambda x, weight, bias: F.batch_norm(x, None, None, weight, bias, training=True),
        lambda x, weight, bias: normalized(x, anp.mean(x, 0), anp.var(x, 0), weight, bias),
        *[X, WEIGHT, BIAS],
    )
    assert_derivatives(
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: normalized(x, anp.mean(x, 0), anp.var(x, 0)),
        X,
    )
    assert_derivatives(
        lambda x, weight, bias: F.batch_norm(x, WEIGHT, BIAS, weight, bias),
        lambda x, weight, bias: normalized(x, WEIGHT, BIAS, weight, bias),
        *[X, WEIGHT, BIAS],
    )


def test_layer_norm_and_rms_norm():
    def of_rows(x, weight=1.0, bias=0.0):
        mean, var = anp.mean(x, -1, keepdims=True), anp.var(x, -1, keepdims=True)
        return normalized(x, mean, var, weight, bias)

    def by_size(x, weight=1.0):
        return x / anp.sqrt(anp.mean(x * x, -1, keepdims=True) + 1e-3) * weight

    assert_derivatives(F.layer_norm, of_rows, X, WEIGHT, BIAS)
    assert_derivatives(F.layer_norm, of_rows, X.reshape(1, 5, 3))
    assert_derivatives(lambda x, weight: F.rms_norm(x, weight, eps=1e-3), by_size, X, WEIGHT)
    assert_derivatives(lambda x: F.rms_norm(x, eps=1e-3), by_size, X.reshape(5, 1, 3))


def test_embedding():
    """Cubed, as its own second derivative is 0."""
    indices = np.array([[0, 4], [4, 2]])
    assert_derivatives(lambda W: F.embedding(indices, W) ** 3, lambda W: W[indices] ** 3, X)


@pytest.mark.parametrize("offset", [0, 1e3, 1e5])
def test_batch_norm_of_float32_has_the_kernels_gradients(offset):
    """Though what is left of x after the mean has been taken away is small."""
    x, w, b = [
        minidl.tensor(a.astype(np.float32), requires_grad=True) for a in (offset + X, WEIGHT, BIAS)
    ]
    dy = np.random.default_rng(1).normal(size=X.shape)
    y = F.batch_norm(x, None, None, w, b, training=True)
    by_kernel = minidl.grad(y, [x, w, b], dy, retain_graph=True)
    recorded = minidl.grad(y, [x, w, b], dy, create_graph=True)
    for one, other in zip(by_kernel, recorded, strict=True):
        assert other.dtype == np.float32
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-6, atol=1e-6)


def test_noise_is_the_same_in_every_derivative():
    kept = F.dropout(np.ones((5, 3)), 0.4, seed=1).numpy()
    moved = F.gaussian_noise(np.zeros((5, 3)), 0.5, seed=1).numpy()
    assert 0 < np.count_nonzero(kept) < kept.size
    assert_derivatives(lambda x: F.dropout(x, 0.4, seed=1) ** 3, lambda x: (x * kept) ** 3, X)
    assert_derivatives(
        lambda x: F.gaussian_noise(x, 0.5, seed=1) ** 3, lambda x: (x + moved) ** 3, X
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_softmax(axis):
    def softmax(x):
        return anp.exp(x) / anp.sum(anp.exp(x), axis, keepdims=True)

    assert_derivatives(lambda x: F.softmax(x, axis), softmax, X)
    assert_derivatives(lambda x: F.log_softmax(x, axis), lambda x: anp.log(softmax(x)), X)


def test_softmax_far_out():
    """Finite at every order where the probabilities are 0 and 1."""
    x = minidl.tensor([[1e4, -1e4, 0.0], [np.inf, 0.0, 1.0], [0.0, -np.inf, -np.inf]])
    for function in (F.softmax, F.log_softmax):
        H = minidl.autograd.hessian(lambda x, f=function: (f(x)[:, 0] ** 2).sum(), x)
        np.testing.assert_array_equal(H.numpy(), 0)


@pytest.mark.parametrize("training", [True, False])
def test_a_net_of_every_kind_of_layer(training):
    """By differences of the gradients that its kernels give."""
    minidl.manual_seed(0)
    net = nn.Sequential(
        *[nn.Dense(2, 2), nn.BatchNorm(2), nn.Tanh(), nn.Dropout(0.3), nn.GaussianNoise(0.1)],
        *[nn.Residual(nn.LayerNorm(2)), nn.Concat(nn.Dense(2, 1), nn.Identity()), nn.RMSNorm(3)],
        *[nn.Dense(3, 2), nn.PReLU(2), nn.MLP([2, 2, 1], "maxout"), nn.Bias(1)],
    ).astype(np.float64)
    net.train(training)
    x = minidl.tensor(X[:4, :2], requires_grad=True)

    def function(x, *_):
        for layer in net:
            vars(layer)["calls"] = 0
        return net(x)

    assert minidl.gradcheck(function, [x, *net.parameters()], order=2, atol=1e-6)
