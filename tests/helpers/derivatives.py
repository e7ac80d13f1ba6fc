"""Derivatives of the first three orders, held to HIPS autograd's of a like function; activations as
such functions."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import grad
from autograd.scipy.special import erf

import minidl

Function = Callable[..., Any]


def along(gradients: Function, vs: Sequence[np.ndarray]) -> Function:
    """The derivative in the directions vs, of what has these gradients."""
    return lambda *xs: sum((dx * v).sum() for dx, v in zip(gradients(*xs), vs, strict=True))


def our_gradients(function: Function) -> Function:
    return lambda *xs: minidl.autograd.vjp(function, xs)[1]


def their_gradients(function: Function) -> Function:
    return lambda *xs: [grad(function, i)(*xs) for i in range(len(xs))]


def assert_derivatives(
    ours: Function, theirs: Function, *arrays: np.ndarray, order: int = 3
) -> None:
    """Both give the same, and the same derivatives in random directions, to 1e-8."""
    rng = np.random.default_rng(0)
    shape = np.shape(theirs(*arrays))
    vs = [rng.normal(size=x.shape) for x in arrays]
    u, w = rng.normal(size=(2, *shape))

    def number(function: Function) -> Function:
        """Of a result, with a slope and a curvature for each of its elements."""
        return lambda *xs: (lambda y: (u * y + w * (y * y)).sum())(function(*xs))

    tensors = [minidl.tensor(x) for x in arrays]
    np.testing.assert_allclose(ours(*tensors).numpy(), theirs(*arrays), rtol=1e-10, atol=1e-12)
    our, their = number(ours), number(lambda *xs: anp.array(theirs(*xs)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Output seems independent of input")
        for _ in range(order):
            our_all, their_all = our_gradients(our), their_gradients(their)
            for found, wanted in zip(our_all(*tensors), their_all(*arrays), strict=True):
                np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-8, atol=1e-8)
            our, their = along(our_all, vs), along(their_all, vs)


def sigmoid(x):
    return 1 / (1 + anp.exp(-x))


def softplus(x):
    return anp.log(1 + anp.exp(x))


def elu(x, alpha=1.0, width=1.0):
    return anp.where(x > 0, x, alpha * (anp.exp(x / width) - 1))


def gelu(x, approximate=False):
    if approximate:
        return x / 2 * (1 + anp.tanh(anp.sqrt(2 / anp.pi) * (x + 0.044715 * x**3)))
    return x / 2 * (1 + erf(x / anp.sqrt(2)))


# As their papers have them.
BY_AUTOGRAD = {
    "identity": lambda x: x,
    "relu": lambda x: anp.maximum(x, 0),
    "leaky_relu": lambda x, negative_slope=0.01: anp.where(x > 0, x, negative_slope * x),
    "relu6": lambda x: anp.minimum(anp.maximum(x, 0), 6),
    "hard_tanh": lambda x: anp.minimum(anp.maximum(x, -1), 1),
    "hard_sigmoid": lambda x: anp.minimum(anp.maximum(x + 3, 0), 6) / 6,
    "elu": elu,
    "selu": lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "celu": lambda x, alpha=1.0: elu(x, alpha, alpha),
    "sigmoid": sigmoid,
    "tanh": anp.tanh,
    "lecun_tanh": lambda x: 1.7159 * anp.tanh(2 * x / 3),
    "softsign": lambda x: x / (1 + anp.abs(x)),
    "softplus": softplus,
    "log_sigmoid": lambda x: -softplus(-x),
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * anp.tanh(softplus(x)),
    "gelu": gelu,
    "prelu": lambda x, weight: anp.where(x > 0, x, weight * x),
    "maxout": lambda x, pieces=2: anp.max(x.reshape(*x.shape[:-1], -1, pieces), -1),
}
