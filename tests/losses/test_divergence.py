"""The Kullback-Leibler divergence: its definition, published values, zeros."""

import numpy as np
import pytest

import minidl
from minidl.losses import kl_divergence, log_softmax, softmax

# Wikipedia's example: a binomial distribution, and a uniform one.
P, Q = np.array([9, 12, 4]) / 25, np.full(3, 1 / 3)
INF = np.inf


@pytest.mark.parametrize("log_target", [False, True])
def test_a_published_example(log_target):
    """Kullback 1959, table 2.1."""
    ln2, ln3, ln5 = np.log([2, 3, 5])
    forth, back = (32 * ln2 + 55 * ln3 - 50 * ln5) / 25, (-4 * ln2 - 6 * ln3 + 6 * ln5) / 3
    for p, q, wanted in ((P, Q, forth), (Q, P, back)):
        target = np.log(p) if log_target else p
        found = kl_divergence(np.log(q), target, log_target=log_target, reduction="sum")
        np.testing.assert_allclose(found.item(), wanted, rtol=1e-13)


def test_reductions():
    rng = np.random.default_rng(0)
    x, t, v = np.log(rng.random((4, 3))), rng.random((4, 3)), rng.random(4)
    elements = t * (np.log(t) - x)
    wanted = {
        "none": elements,
        "sum": elements.sum(),
        "mean": elements.mean(),
        "batchmean": elements.sum() / 4,
    }
    weighted = elements * v[:, None]
    wanted_of_weighted = {
        "none": weighted,
        "sum": weighted.sum(),
        "mean": weighted.sum() / (3 * v.sum()),
        "batchmean": weighted.sum() / v.sum(),
    }
    for reduction in wanted:
        found = kl_divergence(x, t, reduction=reduction).numpy()
        np.testing.assert_allclose(found, wanted[reduction])
        found = kl_divergence(x, t, sample_weight=v, reduction=reduction).numpy()
        np.testing.assert_allclose(found, wanted_of_weighted[reduction])


def test_what_has_no_probability_costs_nothing():
    x = minidl.tensor(np.array([[-INF, 0.0, -3.0]]), requires_grad=True)
    for targets, log_target in (([[0.0, 1.0, 0.0]], False), ([[-INF, 0.0, -INF]], True)):
        x.grad = None
        loss = kl_divergence(x, targets, log_target=log_target, reduction="sum")
        assert loss.item() == 0
        loss.backward()
        np.testing.assert_array_equal(x.grad.numpy(), [[0, -1, 0]])
    assert kl_divergence([-INF], [0.5], reduction="sum").item() == INF


def test_the_slope_of_a_probability_of_0_is_its_limit():
    t = minidl.tensor(np.array([0.0, 1.0]), requires_grad=True)
    kl_divergence(np.array([-1.0, -2.0]), t, reduction="sum").backward()
    np.testing.assert_array_equal(t.grad.numpy(), [-INF, 3])


def test_a_distribution_has_no_divergence_from_itself_and_the_slope_0():
    logits = minidl.tensor(np.random.default_rng(0).normal(size=(3, 4)), requires_grad=True)
    loss = kl_divergence(log_softmax(logits), softmax(logits).detach(), reduction="batchmean")
    loss.backward()
    assert abs(loss.item()) < 1e-15
    np.testing.assert_allclose(logits.grad.numpy(), 0, atol=1e-16)


def test_an_unknown_reduction():
    with pytest.raises(minidl.ArgumentError, match="'mean', 'batchmean', 'sum' or 'none'"):
        kl_divergence([0.0], [1.0], reduction="batch")


def test_what_is_changed_afterwards_does_not_reach_the_gradient():
    x = minidl.tensor(np.log([[0.2, 0.8]]), requires_grad=True)
    t, v = minidl.tensor(np.array([[0.5, 0.5]])), minidl.tensor(np.array([2.0]))
    loss = kl_divergence(x, t, sample_weight=v, reduction="sum")
    t += 1
    v += 1
    loss.backward()
    np.testing.assert_array_equal(x.grad, [[-1, -1]])
