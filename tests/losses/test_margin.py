"""The margin losses: definitions, kinks, gradients."""

import numpy as np
import pytest

import minidl
from minidl.engine.gradcheck import gradcheck
from minidl.errors import ArgumentError
from minidl.losses import hinge, multi_margin

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(5, 4)) * 2
SIGNS = np.where(RNG.random((5, 4)) < 0.5, -1, 1)
LABELS = np.array([0, 3, 1, 2, 2])
SAMPLE_WEIGHT = np.array([1.0, 0.0, 2.0, 0.5, 3.0])
WEIGHTS = pytest.mark.parametrize("v", [None, SAMPLE_WEIGHT], ids=["plain", "weighted"])
REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def tensor(x):
    return minidl.tensor(x, requires_grad=True)


def reduce(losses, v, reduction):
    """Losses (5, ...) weighted by sample and reduced."""
    v = np.ones(5) if v is None else v
    losses = losses * v.reshape((5,) + (1,) * (losses.ndim - 1))
    per_sample = losses.size / 5
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / (v.sum() * per_sample)}[
        reduction
    ]


@WEIGHTS
@REDUCTIONS
def test_hinge_is_its_definition(reduction, v):
    losses = np.array(
        [[max(0.0, 1 - t * s) for s, t in zip(*pair, strict=True)]
         for pair in zip(SCORES, SIGNS, strict=True)]
    )  # fmt: skip
    loss = hinge(SCORES, SIGNS, sample_weight=v, reduction=reduction)
    np.testing.assert_allclose(loss.numpy(), reduce(losses, v, reduction), rtol=1e-14)
    assert gradcheck(
        lambda s: hinge(s, SIGNS, sample_weight=v, reduction=reduction),
        tensor(SCORES),
        kinks=[-1, 1],
    )


def test_hinge_at_and_around_its_kink():
    s = tensor(np.array([0.5, 1.0, 1.5, -0.5, -1.0, -1.5]))
    loss = hinge(s, [1, 1, 1, -1, -1, -1], reduction="none")
    np.testing.assert_array_equal(loss.numpy(), [0.5, 0, 0, 0.5, 0, 0])
    loss.sum().backward()
    np.testing.assert_array_equal(s.grad.numpy(), [-1, 0, 0, 1, 0, 0])


@pytest.mark.parametrize("targets", [[0, 1], [2, 1], [0.5, 1], [np.nan, 1], [True, False]])
def test_hinge_takes_signs_only(targets):
    with pytest.raises(ArgumentError, match=r"-1 and \+1.*2 \* targets - 1"):
        hinge([1.0, 2.0], targets)


@WEIGHTS
@REDUCTIONS
@pytest.mark.parametrize("margin", [1.0, 0.25, 0])
def test_multi_margin_is_its_definition(margin, reduction, v):
    losses = np.zeros(5)
    for i, right in enumerate(LABELS):
        for c in range(4):
            if c != right:
                losses[i] += max(0.0, margin - SCORES[i, right] + SCORES[i, c]) / 4
    options = {"margin": margin, "sample_weight": v, "reduction": reduction}
    loss = multi_margin(SCORES, LABELS, **options)
    np.testing.assert_allclose(loss.numpy(), reduce(losses, v, reduction), rtol=1e-14)
    assert gradcheck(lambda s: multi_margin(s, LABELS, **options), tensor(SCORES))


def test_multi_margin_of_cs231n_by_hand():
    """The course's example, scores (13, -7, 11) of which the first is right, margin 10: 8."""
    s = tensor(np.array([[13.0, -7.0, 11.0]]))
    loss = multi_margin(s, [0], margin=10.0) * 3
    assert loss.item() == 8.0
    loss.backward()
    np.testing.assert_array_equal(s.grad.numpy(), [[-1, 0, 1]])


def test_multi_margin_at_its_kink():
    s = tensor(np.array([[2.0, 1.0, 1.5]]))
    multi_margin(s, [0], reduction="sum").backward()
    np.testing.assert_allclose(s.grad.numpy(), [[-1 / 3, 0, 1 / 3]], rtol=1e-15)


def test_multi_margin_of_large_infinite_and_missing_scores():
    s = tensor(np.array([[1e4, -1e4], [-1e4, 1e4], [np.inf, 0], [0, np.nan]], np.float32))
    loss = multi_margin(s, [0, 0, 0, 0], reduction="none")
    np.testing.assert_array_equal(loss.numpy(), np.array([0, 20001 / 2, 0, np.nan], np.float32))
    loss[:3].sum().backward()
    np.testing.assert_array_equal(s.grad.numpy()[:3], [[0, 0], [-0.5, 0.5], [0, 0]])


@pytest.mark.parametrize("margin", [-1.0, np.nan, np.inf, "1", True])
def test_a_margin_that_is_none(margin):
    with pytest.raises(ArgumentError, match="margin"):
        multi_margin(SCORES, LABELS, margin=margin)


@pytest.mark.parametrize("loss", [lambda s: hinge(s, SIGNS), lambda s: multi_margin(s, LABELS)])
def test_float32_stays_float32_and_any_layout_will_do(loss):
    s = minidl.Tensor(np.asfortranarray(SCORES.astype(np.float32)), requires_grad=True)
    y = loss(s)
    y.backward()
    assert y.dtype == s.grad.dtype == np.float32
    np.testing.assert_allclose(y.item(), loss(minidl.tensor(SCORES)).item(), rtol=1e-6)
