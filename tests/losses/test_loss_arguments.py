"""What all losses have in common: reductions, sample weights, and errors that say what to do."""

import numpy as np
import pytest
from support import planted

import minidl
from minidl.engine.tensor import record
from minidl.errors import ArgumentError, DTypeError, ShapeError
from minidl.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    kl_divergence,
    mse,
    multi_margin,
    nll,
    poisson,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 4))  # square: a weight on the wrong axis still broadcasts
LABELS = np.array([2, 0, 1, 1])
UNIT = RNG.random((4, 4))
SIGNS = np.where(UNIT < 0.5, -1.0, 1.0)

# Every loss with targets that fit X.
CASES = {
    "cross_entropy": (cross_entropy, LABELS),
    "cross_entropy, soft": (cross_entropy, UNIT),
    "binary_cross_entropy_with_logits": (binary_cross_entropy_with_logits, UNIT),
    "hinge": (hinge, SIGNS),
    "multi_margin": (multi_margin, LABELS),
    "mse": (mse, UNIT),
    "huber": (huber, UNIT),
    "kl_divergence": (kl_divergence, UNIT),
    "nll": (nll, LABELS),
    "poisson": (poisson, UNIT),
}
EACH = pytest.mark.parametrize(("loss", "targets"), CASES.values(), ids=CASES)
ELEMENTWISE = pytest.mark.parametrize(
    "name",
    ["binary_cross_entropy_with_logits", "hinge", "mse", "huber", "kl_divergence", "poisson"],
)


def gradient(loss, x, targets, **options):
    x = minidl.tensor(x, requires_grad=True)
    result = loss(x, targets, **options)
    result.backward(np.ones(result.shape, result.dtype))
    return result.numpy(), x.grad.numpy()


@EACH
def test_a_weight_of_two_is_a_sample_seen_twice(loss, targets):
    weights, repeats = [2.0, 0.0, 1.0, 3.0], [0, 0, 2, 3, 3, 3]
    for reduction in ("mean", "sum"):
        result, dx = gradient(loss, X, targets, sample_weight=weights, reduction=reduction)
        wanted, dx_repeated = gradient(loss, X[repeats], targets[repeats], reduction=reduction)
        np.testing.assert_allclose(result, wanted, rtol=1e-13)
        summed = np.zeros_like(X)
        np.add.at(summed, repeats, dx_repeated)
        np.testing.assert_allclose(dx, summed, rtol=1e-13, atol=1e-16)


@EACH
def test_the_mean_does_not_change_with_the_scale_of_the_weights(loss, targets):
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    small = loss(X, targets, sample_weight=weights).item()
    for scale in (1e-6, 1e6):
        scaled = loss(X, targets, sample_weight=minidl.tensor(weights * scale)).item()
        np.testing.assert_allclose(scaled, small, rtol=1e-13)


@EACH
def test_float32_keeps_its_dtype_whatever_the_weights(loss, targets):
    x = minidl.tensor(X.astype(np.float32), requires_grad=True)
    received = []

    def backward(dy):
        received.append(dy.dtype)
        return (dy,)

    for weights in (None, [1, 2, 3, 4], np.arange(4), np.arange(4.0), np.ones(4, np.float32)):
        for reduction in ("mean", "sum", "none"):
            listening = record(planted("listen", backward), x.data, (x,))
            result = loss(listening, targets, sample_weight=weights, reduction=reduction)
            result.backward(np.ones(result.shape))
            assert result.dtype == np.float32
    assert set(received) == {np.dtype(np.float32)}


@EACH
def test_a_backward_pass_that_failed_can_be_made_again(loss, targets):
    """Two losses of one x: the tape adds their gradients up, and must not do so in the losses'."""
    x = minidl.tensor(X, requires_grad=True)
    failures = [RuntimeError("once")]

    def backward(dy):
        if failures:
            raise failures.pop()
        return (dy,)

    listening = record(planted("listen", backward), x.data, (x,))
    total = loss(listening, targets) + loss(listening, targets)
    with pytest.raises(RuntimeError, match="once"):
        total.backward()
    total.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * gradient(loss, X, targets)[1], rtol=1e-14)


@EACH
def test_nothing_given_is_changed(loss, targets):
    x, t, v = X.copy(), targets.copy(), np.arange(4.0)
    gradient(loss, x, t, sample_weight=v)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(t, targets)
    np.testing.assert_array_equal(v, np.arange(4.0))


@EACH
def test_an_empty_batch(loss, targets):
    for reduction in ("sum", "none"):
        result, dx = gradient(loss, X[:0], targets[:0], reduction=reduction)
        assert result.sum() == 0
        assert dx.shape == (0, 4)
    with pytest.raises(ShapeError, match=r"empty batch.*reduction='sum'"):
        loss(X[:0], targets[:0])


@EACH
def test_no_graph_without_need(loss, targets):
    assert not loss(X, targets).requires_grad
    with minidl.no_grad():
        assert not loss(minidl.tensor(X, requires_grad=True), targets).requires_grad


@EACH
@pytest.mark.parametrize("reduction", ["average", None, 1, "Mean"])
def test_an_unknown_reduction(loss, targets, reduction):
    with pytest.raises(ArgumentError, match="'mean', 'batchmean', 'sum' or 'none'"):
        loss(X, targets, reduction=reduction)


@EACH
@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1.0, 1.0], ShapeError, r"sample_weight of shape \(4,\)"),
        (np.ones((4, 1)), ShapeError, r"sample_weight of shape \(4,\)"),
        (2.0, ShapeError, r"sample_weight of shape \(4,\)"),
        ([1.0, -0.5, 1.0, 1.0], ArgumentError, "from 0 up, got -0.5 at index 1"),
        ([1.0, 1.0, np.nan, 1.0], ArgumentError, "from 0 up, got nan at index 2"),
        ([1.0, 1.0, np.inf, 1.0], ArgumentError, "finite"),
        ([0.0] * 4, ArgumentError, "do not add up to 0"),
        (["a"] * 4, DTypeError, "float32, float64, integer or bool"),
    ],
)
def test_weights_that_make_no_sense(loss, targets, weights, error, message):
    with pytest.raises(error, match=message):
        loss(X, targets, sample_weight=weights)


@EACH
def test_no_gradient_goes_to_the_weights(loss, targets):
    with pytest.raises(ArgumentError, match=r"sample_weight.detach\(\)"):
        loss(X, targets, sample_weight=minidl.tensor(np.ones(4), requires_grad=True))


@EACH
def test_integers_are_no_predictions(loss, targets):
    with pytest.raises(DTypeError, match="float32 or float64"):
        loss(np.ones((4, 4), int), targets)


@ELEMENTWISE
def test_a_column_beside_a_row_is_not_broadcast(name):
    loss, targets = CASES[name]
    for x, t in ((X[:, 0], targets[:, :1]), (X[:, :1], targets[:, 0]), (X, targets[0])):
        with pytest.raises(ShapeError, match=r"targets.reshape\(\["):
            loss(x, t)
    with pytest.raises(ShapeError):
        loss(X, targets[0, 0])


# ---- labels and soft targets ------------------------------------------------------------------

LABELLED = pytest.mark.parametrize("loss", [cross_entropy, multi_margin, nll])


@LABELLED
@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([2, 0, 4, 1], ArgumentError, "labels from 0 to 3, got 4.* at index 2"),
        ([2, 0, 1, -1], ArgumentError, "labels from 0 to 3, got -1.* at index 3"),
        ([2, 0, 1, 1e300], ArgumentError, "labels from 0 to 3, got 1e.300 at index 3"),
        (np.array([2, 0, 1, 2**40]), ArgumentError, "labels from 0 to 3"),
        (np.array([2, 0, 1, 2**64 - 1], np.uint64), ArgumentError, "labels from 0 to 3"),
        ([2, 0, 0.5, 1], DTypeError, "whole numbers as labels, got 0.5 at index 2"),
        ([2, np.nan, 1, 1], DTypeError, "whole numbers as labels, got nan at index 1"),
        ([2, np.inf, 1, 1], DTypeError, "whole numbers as labels, got inf at index 1"),
        ([2, 0, 1], ShapeError, r"targets of shape \(4,\), got \(3,\)"),
        (LABELS[:, None], ShapeError, r"targets of shape .*, got \(4, 1\)"),
        (LABELS[:, None] * 1.0, ShapeError, r"targets of shape .*, got \(4, 1\)"),
        (1, ShapeError, r"targets of shape \(4,\), got \(\)"),
        (np.eye(4, dtype=int)[LABELS], ShapeError, r"targets of shape \(4,\), got \(4, 4\)"),
        (["a", "b", "c", "d"], DTypeError, "integer"),
    ],
)
def test_labels_that_make_no_sense(loss, labels, error, message):
    with pytest.raises(error, match=message):
        loss(X, labels)


@LABELLED
@pytest.mark.parametrize("x", [X[0], X[None], X[:, :0], 1.0])
def test_predictions_that_are_no_matrix(loss, x):
    with pytest.raises(ShapeError, match=r"of shape \(batch, classes\)"):
        loss(x, LABELS)


@pytest.mark.parametrize("wrong", [-0.1, np.nan, np.inf])
def test_soft_targets_that_make_no_sense(wrong):
    soft = UNIT.copy()
    soft[1, 2] = wrong
    with pytest.raises(ArgumentError, match=f"soft targets.*got {wrong} at index 1, 2"):
        cross_entropy(X, soft)


def test_soft_targets_of_another_shape():
    with pytest.raises(ShapeError, match=r"targets of shape \(4, 4\), got \(4, 2\)"):
        cross_entropy(X, UNIT[:, :2])


@pytest.mark.parametrize("name", ["cross_entropy", "multi_margin", "nll", "hinge"])
def test_no_gradient_goes_to_targets_that_are_constants(name):
    loss, targets = CASES[name]
    with pytest.raises(ArgumentError, match=r"targets.detach\(\)"):
        loss(X, minidl.tensor(targets.astype(float), requires_grad=True))


@pytest.mark.parametrize("loss", [cross_entropy, nll])
@pytest.mark.parametrize("wrong", [1.5, "0", True, [0]])
def test_an_ignored_label_that_is_none(loss, wrong):
    with pytest.raises(ArgumentError, match="a whole number as the label to ignore"):
        loss(X, LABELS, ignore_index=wrong)


def test_soft_targets_have_no_label_to_ignore():
    with pytest.raises(ArgumentError, match="no ignored label beside soft targets"):
        cross_entropy(X, UNIT, ignore_index=0)


def test_targets_of_a_divergence_are_not_negative():
    with pytest.raises(ArgumentError, match="targets of finite numbers from 0 up"):
        kl_divergence(X, -UNIT)
    kl_divergence(X, -UNIT, log_target=True)


# ---- options of single losses -----------------------------------------------------------------


@pytest.mark.parametrize("value", [-0.1, 1.0, 1.5, np.nan, "0.1", None, True])
def test_label_smoothing_out_of_range(value):
    with pytest.raises(ArgumentError, match="0 <= label_smoothing < 1"):
        cross_entropy(X, LABELS, label_smoothing=value)


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (np.ones(3), ShapeError, r"weight of shape \(4,\), got \(3,\)"),
        (1.0, ShapeError, r"weight of shape \(4,\)"),
        ([1.0, -1.0, 1.0, 1.0], ArgumentError, "weight of finite numbers from 0 up, got -1.0"),
        ([1.0, np.nan, 1.0, 1.0], ArgumentError, "weight of finite numbers from 0 up, got nan"),
        ([0.0, 0.0, 0.0, 1.0], ArgumentError, "do not add up to 0"),
    ],
)
def test_class_weights_that_make_no_sense(weight, error, message):
    with pytest.raises(error, match=message):
        cross_entropy(X, LABELS, weight=weight)


@pytest.mark.parametrize(
    ("pos_weight", "error", "message"),
    [
        (np.ones(3), ShapeError, r"pos_weight that broadcasts to \(4, 4\), got shape \(3,\)"),
        (np.ones((2, 4, 4)), ShapeError, "pos_weight that broadcasts"),
        (-1.0, ArgumentError, "pos_weight of finite numbers from 0 up, got -1.0"),
    ],
)
def test_pos_weights_that_make_no_sense(pos_weight, error, message):
    with pytest.raises(error, match=message):
        binary_cross_entropy_with_logits(X, UNIT, pos_weight=pos_weight)


@pytest.mark.parametrize("wrong", [-1.0, 1.5, np.nan])
def test_binary_targets_out_of_range(wrong):
    with pytest.raises(ArgumentError, match=r"from 0 to 1.*\(targets \+ 1\) / 2"):
        binary_cross_entropy_with_logits([1.0, 2.0], [1.0, wrong])


@EACH
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_what_changes_after_the_loss_changes_no_gradient(loss, targets, reduction):
    gradients = []
    for is_changed in (False, True):
        x = minidl.tensor(X, requires_grad=True)
        t, weights = minidl.tensor(targets), np.array([1.0, 2.0, 3.0, 4.0])
        result = loss(x * 1, t, sample_weight=weights, reduction=reduction)
        if is_changed:
            t.data[...] = t.data[::-1].copy()
            weights[:] = 7
        gradients += minidl.grad(result, x, retain_graph=True)
        gradients += minidl.grad(result, x, create_graph=True)
    for found in gradients[1:]:
        np.testing.assert_allclose(found.data, gradients[0].data, rtol=1e-12)
