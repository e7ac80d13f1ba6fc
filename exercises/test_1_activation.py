"""Exercise 1, activation.py: what Snake must do."""

import numpy as np
import pytest
from activation import Snake

import minidl
from minidl import functional as F
from minidl import nn

X = np.linspace(-4, 4, 33)


def test_values_of_the_formula():
    """snake(x) is x + sin²(x), so snake(0) = 0 and snake(π/2) = π/2 + 1"""
    y = F.snake(minidl.tensor([0.0, np.pi / 2])).numpy()
    np.testing.assert_allclose(y, [0, np.pi / 2 + 1], atol=1e-6)
    np.testing.assert_allclose(F.snake(X).numpy(), X + np.sin(X) ** 2, atol=1e-12)


def test_its_option():
    """snake(x, a=3) is x + sin²(3 x) / 3, as a function and as the layer Snake(a=3)"""
    wanted = X + np.sin(3 * X) ** 2 / 3
    np.testing.assert_allclose(F.snake(X, a=3).numpy(), wanted, atol=1e-12)
    np.testing.assert_allclose(Snake(a=3)(X).numpy(), wanted, atol=1e-12)


def test_the_gradient_that_the_tape_finds():
    """dy/dx is 1 + sin(2 a x), the derivative of the formula"""
    x = minidl.tensor(X, requires_grad=True)
    F.snake(x, a=0.5).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 + np.sin(X), atol=1e-12)


def test_an_option_that_makes_no_sense():
    """snake(x, a=0) raises ArgumentError before anything is computed"""
    with pytest.raises(minidl.ArgumentError, match="a > 0"):
        F.snake(X, a=0)


def test_a_net_of_it_learns():
    """a net with 16 units of Snake fits sin(3 x) with a mean square error below 0.05"""
    x = np.linspace(-2, 2, 64)[:, None]
    t = np.sin(3 * x)
    net = nn.MLP([1, 16, 1], "snake").astype("float64")
    optimizer = minidl.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(300):
        optimizer.zero_grad()
        F.mse(net(x), t).backward()
        optimizer.step()
    assert F.mse(net(x), t).item() < 0.05
