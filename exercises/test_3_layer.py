"""Exercise 3, layer.py: what Highway must do."""

import numpy as np
from layer import Highway

import minidl

X = np.random.default_rng(0).standard_normal((5, 4))


def test_parameters():
    """a Highway has the weights and biases of two Dense layers, `gate` and `transform`"""
    assert {name: p.shape for name, p in Highway(4).named_parameters()} == {
        "gate.weight": (4, 4), "gate.bias": (4,),
        "transform.weight": (4, 4), "transform.bias": (4,),
    }  # fmt: skip


def test_closed_gates():
    """every bias of the gate starts at -2"""
    np.testing.assert_array_equal(Highway(4).gate.bias.numpy(), -2)


def test_values_of_the_formula():
    """y is t h + (1 - t) x with t = sigmoid(W_t x + b_t) and h = relu(W x + b)"""
    layer = Highway(4).astype("float64")
    w = {name: p.numpy() for name, p in layer.named_parameters()}
    t = 1 / (1 + np.exp(-(X @ w["gate.weight"] + w["gate.bias"])))
    h = np.maximum(0, X @ w["transform.weight"] + w["transform.bias"])
    np.testing.assert_allclose(layer(X).numpy(), t * h + (1 - t) * X, atol=1e-12)


def test_gradients():
    """x and all four parameters get the gradients of finite differences"""
    layer = Highway(4).astype("float64")
    x = minidl.tensor(X, requires_grad=True)
    assert minidl.gradcheck(lambda x, *parameters: layer(x), [x, *layer.parameters()])
