"""Exercise 4, block.py: what Block must do."""

import math

import numpy as np
from block import Block

import minidl
from minidl import functional as F
from minidl import nn, optim

X = np.random.default_rng(0).standard_normal((20, 4))


def gelu(x):
    """x Φ(x), Φ the normal distribution."""
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def test_values_of_the_formula():
    """y is x + W2 gelu(W1 norm(x) + b1) + b2, norm(x) = (x - mean) / sqrt(variance + 1e-5)"""
    block = Block(4, 8).astype("float64")
    w = {p.shape: p.numpy() for p in block.parameters() if p.ndim == 2}
    normal = (X - X.mean(1, keepdims=True)) / np.sqrt(X.var(1, keepdims=True) + 1e-5)
    wanted = X + gelu(normal @ w[4, 8]) @ w[8, 4]  # the biases start at 0
    np.testing.assert_allclose(block(X).numpy(), wanted, atol=1e-10)


def net_and_step():
    """A net of two blocks, and its training step."""
    minidl.manual_seed(0)
    net = nn.Sequential(Block(4, 8), Block(4, 8), nn.Dense(4, 1))
    return net, minidl.TrainingStep(net, F.mse, optim.SGD(net.parameters(), lr=0.05))


def test_all_of_it_in_the_kernels():
    """step.why() is empty: nothing keeps the training step out of the kernels"""
    _, step = net_and_step()
    batches = minidl.data.batches(X.astype("float32"), X[:, :1].astype("float32"), batch_size=8)
    step.epoch(batches)
    assert step.why() == ""


def test_the_same_weights_as_the_loop():
    """an epoch in the kernels gives the same weights as forward, backward and step by hand"""
    x, t = X.astype("float32"), X[:, :1].astype("float32")
    net, step = net_and_step()
    step.epoch(minidl.data.batches(x, t, batch_size=8))
    by_hand, _ = net_and_step()
    optimizer = optim.SGD(by_hand.parameters(), lr=0.05)
    for images, targets in minidl.data.batches(x, t, batch_size=8):
        optimizer.zero_grad()
        F.mse(by_hand(images), targets).backward()
        optimizer.step()
    for p, q in zip(net.parameters(), by_hand.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())
