"""Exercise 5, loss.py: what quantile must do."""

import numpy as np
import pytest
from loss import quantile

import minidl
from minidl import functional as F


def test_values():
    """with q = 0.9 a prediction that is 2 too low costs 1.8, one that is 2 too high costs 0.2"""
    found = quantile(np.array([1.0, 5.0]), np.array([3.0, 3.0]), 0.9, reduction="none")
    np.testing.assert_allclose(found.numpy(), [1.8, 0.2])
    assert F.quantile(np.array([1.0, 5.0]), np.array([3.0, 3.0]), 0.9).item() == pytest.approx(1)


def test_the_gradient():
    """dy is -q for each element that is too low, and 1 - q for each that is too high"""
    y = minidl.tensor(np.array([1.0, 5.0]), requires_grad=True)
    quantile(y, np.array([3.0, 3.0]), 0.9, reduction="sum").backward()
    np.testing.assert_allclose(y.grad.numpy(), [-0.9, 0.1])


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_the_best_constant_is_the_quantile(q):
    """of all constant predictions the q-quantile of the targets has the smallest loss"""
    targets = np.random.default_rng(0).exponential(size=501)
    best = np.quantile(targets, q)
    loss = [quantile(np.full(501, c), targets, q).item() for c in (best - 0.1, best, best + 0.1)]
    assert loss[1] == min(loss)


def test_weights():
    """the mean counts each sample by its weight: (3 · 1.8 + 1 · 0.2) / 4 is 1.4"""
    y, target = np.array([1.0, 5.0]), np.array([3.0, 3.0])
    assert quantile(y, target, 0.9, sample_weight=[3, 1]).item() == pytest.approx(1.4)


@pytest.mark.parametrize("q", [0.0, 1.0, -0.5])
def test_an_option_that_makes_no_sense(q):
    """q = 0, q = 1 and q = -0.5 raise ArgumentError"""
    with pytest.raises(minidl.ArgumentError, match="q"):
        quantile(np.ones(2), np.ones(2), q)
