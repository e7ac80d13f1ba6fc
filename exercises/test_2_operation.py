"""Exercise 2, operation.py: what unit must do."""

import numpy as np
from operation import UNIT, unit

import minidl

X = np.random.default_rng(0).standard_normal((3, 4))


def test_values():
    """unit([3, 4]) is [0.6, 0.8], and every row has the length 1"""
    np.testing.assert_allclose(unit(minidl.tensor([3.0, 4.0])).numpy(), [0.6, 0.8], rtol=1e-6)
    y = unit(X).numpy()
    np.testing.assert_allclose(np.linalg.norm(y, axis=-1), 1)
    np.testing.assert_allclose(y * np.linalg.norm(X, axis=-1, keepdims=True), X)


def test_the_gradient():
    """the gradient agrees with finite differences in float64"""
    assert minidl.gradcheck(unit, [minidl.tensor(X, requires_grad=True)])


def test_no_change_along_x():
    """making x longer does not change y, so the gradient has no part in the direction of x"""
    x = minidl.tensor(X, requires_grad=True)
    unit(x).backward(np.random.default_rng(1).standard_normal(X.shape))
    np.testing.assert_allclose((x.grad.numpy() * X).sum(-1), 0, atol=1e-12)


def test_one_operation():
    """the tape has one node for it, UNIT, not one for each step of the formula"""
    y = unit(minidl.tensor(X, requires_grad=True))
    assert y._node.operation is UNIT


def test_the_gradient_of_the_gradient():
    """the gradient can be differentiated in its turn, as it computes with tensors too"""
    assert minidl.gradcheck(unit, [minidl.tensor(X, requires_grad=True)], order=2)
