"""The cross-entropies: definitions, hand-computed values, gradients, large and infinite logits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl.engine.gradcheck import gradcheck
from minidl.losses import binary_cross_entropy_with_logits, cross_entropy, log_softmax, nll

BATCH, CLASSES = 6, 4
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(BATCH, CLASSES)) * 2
LABELS = np.array([0, 3, 1, 1, 2, 3])
SOFT = RNG.random((BATCH, CLASSES))
WEIGHT = np.array([0.5, 1.0, 2.0, 0.25])
SAMPLE_WEIGHT = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 3.0])
OPTIONS = [
    {},
    {"label_smoothing": 0.2},
    {"weight": WEIGHT},
    {"sample_weight": SAMPLE_WEIGHT},
    {"weight": WEIGHT, "sample_weight": SAMPLE_WEIGHT, "label_smoothing": 0.1},
]


def tensor(x):
    return minidl.tensor(x, requires_grad=True)


def definition(logits, targets, weight=None, sample_weight=None, label_smoothing=0.0):
    """The docstring's formulas, sample by sample and class by class: losses and their mean."""
    n, classes = logits.shape
    w = np.ones(classes) if weight is None else weight
    v = np.ones(n) if sample_weight is None else sample_weight
    losses, total = np.zeros(n), 0.0
    for i in range(n):
        p = np.exp(logits[i]) / np.exp(logits[i]).sum()
        for c in range(classes):
            q = targets[i, c] if targets.ndim == 2 else float(targets[i] == c)
            q = (1 - label_smoothing) * q + label_smoothing / classes
            losses[i] -= v[i] * w[c] * q * np.log(p[c])
        total += v[i] * (1 if targets.ndim == 2 else w[targets[i]])
    return losses, losses.sum() / total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("targets", [LABELS, SOFT], ids=["labels", "soft"])
@pytest.mark.parametrize("options", OPTIONS)
def test_cross_entropy_is_its_definition(options, targets, dtype):
    losses, mean = definition(LOGITS.astype(dtype).astype(float), targets, **options)
    given_targets = targets if targets is LABELS else targets.astype(dtype)
    rtol = 20 * np.finfo(dtype).eps  # a few roundings of inputs and results
    for reduction, wanted in (("mean", mean), ("sum", losses.sum()), ("none", losses)):
        loss = cross_entropy(LOGITS.astype(dtype), given_targets, reduction=reduction, **options)
        assert loss.dtype == dtype
        assert loss.shape == np.shape(wanted)
        np.testing.assert_allclose(loss.numpy(), wanted, rtol=rtol)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("targets", [LABELS, SOFT], ids=["labels", "soft"])
@pytest.mark.parametrize("options", OPTIONS)
def test_cross_entropy_gradients(options, targets, reduction):
    assert gradcheck(
        lambda x: cross_entropy(x, targets, reduction=reduction, **options), tensor(LOGITS)
    )


def test_cross_entropy_by_hand():
    """Two classes, logits (ln 3, 0): p = (3/4, 1/4)."""
    x = tensor(np.log([[3.0, 1.0], [1.0, 1.0]]))
    loss = cross_entropy(x, [0, 1])
    np.testing.assert_allclose(loss.item(), (np.log(4 / 3) + np.log(2)) / 2, rtol=1e-15)
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), [[-1 / 8, 1 / 8], [1 / 4, -1 / 4]], rtol=1e-15)


def test_labels_come_in_many_forms():
    wanted = cross_entropy(LOGITS, LABELS).item()
    tensors = [minidl.tensor(LABELS), minidl.tensor(LABELS.tolist())]
    arrays = [LABELS.astype(t) for t in (np.uint8, np.int8, np.int32, np.uint64, np.float32)]
    strided = np.repeat(LABELS, 2)[::2]
    for labels in (*tensors, *arrays, strided, LABELS.tolist(), tuple(LABELS)):
        assert cross_entropy(LOGITS, labels).item() == wanted
    two = LOGITS[:, :2]
    booleans = cross_entropy(two, LABELS > 1).item()
    assert booleans == cross_entropy(two, (LABELS > 1).astype(int)).item()


def test_soft_targets_come_in_many_forms():
    wanted = cross_entropy(LOGITS, SOFT).item()
    for targets in (minidl.tensor(SOFT), SOFT.tolist(), np.asfortranarray(SOFT)):
        assert cross_entropy(LOGITS, targets).item() == wanted
    one_hot = np.eye(CLASSES)[LABELS]
    np.testing.assert_allclose(
        cross_entropy(LOGITS, one_hot).item(), cross_entropy(LOGITS, LABELS).item(), rtol=1e-15
    )


def test_logits_of_any_layout():
    for layout in (np.asfortranarray(LOGITS), np.repeat(LOGITS, 2, axis=1)[:, ::2]):
        x = minidl.Tensor(layout, requires_grad=True)
        loss = cross_entropy(x, LABELS)
        assert loss.item() == cross_entropy(LOGITS, LABELS).item()
        assert gradcheck(lambda x: cross_entropy(x, LABELS), x)


def test_cross_entropy_goes_on_backward_through_what_made_the_logits():
    x = tensor(LOGITS)
    (3 * cross_entropy(x * 2, LABELS, reduction="sum")).backward()
    wanted = tensor(LOGITS * 2)
    cross_entropy(wanted, LABELS, reduction="sum").backward()
    np.testing.assert_allclose(x.grad.numpy(), 6 * wanted.grad.numpy(), rtol=1e-14)


def test_the_logits_may_be_overwritten_before_backward():
    x = tensor(LOGITS)
    loss = cross_entropy(x, LABELS, reduction="sum")
    with minidl.no_grad():
        x *= 0
    loss.backward()
    p = np.exp(log_softmax(LOGITS).numpy())
    np.testing.assert_allclose(x.grad.numpy(), p - np.eye(CLASSES)[LABELS], atol=1e-15)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=3), min_size=1, max_size=5
    ),
    st.integers(0, 2),
    st.sampled_from([0.0, 0.3]),
)
def test_large_logits_give_finite_losses_and_gradients_of_sum_zero(rows, label, smoothing):
    x = minidl.tensor(rows, requires_grad=True)
    loss = cross_entropy(x, [label] * len(rows), label_smoothing=smoothing, reduction="none")
    assert loss.dtype == np.float32
    assert np.isfinite(loss.numpy()).all()
    assert (loss.numpy() >= 0).all()
    loss.sum().backward()
    # Each of three numbers up to 1 is rounded to eps / 2.
    assert np.abs(x.grad.numpy().sum(axis=1)).max() <= 3 * np.finfo(np.float32).eps


def test_a_class_that_is_ruled_out():
    """-inf: probability 0, a cost only for those who want it."""
    x = tensor(np.array([[0.0, 0.0, -np.inf], [0.0, 0.0, -np.inf]]))
    loss = cross_entropy(x, [0, 2], reduction="none")
    np.testing.assert_allclose(loss.numpy(), [np.log(2), np.inf])
    loss.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[-0.5, 0.5, 0], [0.5, 0.5, -1]])


def test_nan_stays_in_its_sample():
    loss = cross_entropy([[0.0, np.nan], [0.0, 0.0]], [0, 0], reduction="none").numpy()
    assert np.isnan(loss[0])
    np.testing.assert_allclose(loss[1], np.log(2), rtol=1e-6)


# ---- ignored labels, and log-probabilities -----------------------------------------------------


@pytest.mark.parametrize("index", [-100, 1, CLASSES])
@pytest.mark.parametrize("options", OPTIONS)
def test_an_ignored_label_is_a_sample_that_is_not_there(options, index):
    labels, kept = LABELS.copy(), LABELS != 1
    labels[~kept] = index
    x, rest = tensor(LOGITS), tensor(LOGITS[kept])
    of_rest = dict(options)
    if "sample_weight" in options:
        of_rest["sample_weight"] = options["sample_weight"][kept]
    loss = cross_entropy(x, labels, ignore_index=index, **options)
    wanted = cross_entropy(rest, LABELS[kept], **of_rest)
    np.testing.assert_allclose(loss.item(), wanted.item(), rtol=1e-14)
    loss.backward()
    wanted.backward()
    np.testing.assert_allclose(x.grad.numpy()[kept], rest.grad.numpy(), rtol=1e-14)
    np.testing.assert_array_equal(x.grad.numpy()[~kept], 0)


@pytest.mark.parametrize("loss", [cross_entropy, nll])
def test_ignored_rows_may_hold_anything(loss):
    x = tensor(np.array([[np.nan, np.inf], [1.0, 2.0]]))
    y = loss(x, [-1, 0], ignore_index=-1, reduction="none")
    assert y.numpy()[0] == 0
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy()[0], [0, 0])
    assert loss(x, [-1, 0], ignore_index=-1).item() == y.numpy()[1]
    with pytest.raises(minidl.ArgumentError, match="do not add up to 0"):
        loss(x, [-1, -1], ignore_index=-1)


def test_nothing_is_ignored_unless_it_is_said():
    with pytest.raises(minidl.ArgumentError, match="labels from 0 to 3, got -100"):
        cross_entropy(LOGITS, [0, 1, 2, 3, -100, 0])


def test_nll_of_log_softmax_is_cross_entropy():
    for options in OPTIONS:
        if "label_smoothing" not in options:
            wanted = cross_entropy(LOGITS, LABELS, **options).item()
            found = nll(log_softmax(LOGITS), LABELS, **options).item()
            np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_a_class_without_weight_costs_nothing_even_if_it_is_ruled_out():
    assert nll([[-np.inf, -1.0]], [0], weight=[0.0, 1.0], reduction="none").numpy() == 0
    assert nll([[-np.inf, -1.0]], [0], reduction="none").numpy() == np.inf


# ---- binary cross-entropy ---------------------------------------------------------------------

T = RNG.random((BATCH, CLASSES))
BCE_OPTIONS = [
    {},
    {"pos_weight": 3.0},
    {"pos_weight": WEIGHT},
    {"pos_weight": WEIGHT, "sample_weight": SAMPLE_WEIGHT},
    {"pos_weight": np.arange(6.0)[:, None]},
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", BCE_OPTIONS)
def test_binary_cross_entropy_is_its_definition(options, dtype):
    x = LOGITS.astype(dtype).astype(float)
    t = T.astype(dtype).astype(float)
    p = 1 / (1 + np.exp(-x))
    r = options.get("pos_weight", 1.0)
    v = options.get("sample_weight", np.ones(BATCH))[:, None]
    losses = v * (-r * t * np.log(p) - (1 - t) * np.log(1 - p))
    mean = losses.sum() / (v.sum() * CLASSES)
    for reduction, wanted in (("mean", mean), ("sum", losses.sum()), ("none", losses)):
        loss = binary_cross_entropy_with_logits(
            LOGITS.astype(dtype), T.astype(dtype), reduction=reduction, **options
        )
        assert loss.dtype == dtype
        np.testing.assert_allclose(loss.numpy(), wanted, rtol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("options", BCE_OPTIONS)
def test_binary_cross_entropy_gradients_for_logits_and_targets(options, reduction):
    assert gradcheck(
        lambda x, t: binary_cross_entropy_with_logits(x, t, reduction=reduction, **options),
        [tensor(LOGITS), tensor(T)],
    )


def test_binary_cross_entropy_is_that_of_two_classes():
    """sigmoid(x) is the softmax of (0, x)."""
    x, t = LOGITS[:, 0], np.array([0, 1, 1, 0, 1, 0])
    pairs = np.stack([np.zeros(BATCH), x], axis=1)
    wanted = cross_entropy(pairs, t, reduction="none").numpy()
    loss = binary_cross_entropy_with_logits(x, t, reduction="none").numpy()
    np.testing.assert_allclose(loss, wanted, rtol=1e-14)


def test_binary_cross_entropy_of_large_and_infinite_logits():
    x = tensor(np.array([1e4, -1e4, 1e4, -1e4, np.inf, -np.inf, np.inf, -np.inf], np.float32))
    t = [1, 0, 0, 1, 1, 0, 0, 1]
    loss = binary_cross_entropy_with_logits(x, t, reduction="none")
    np.testing.assert_array_equal(loss.numpy(), [0, 0, 1e4, 1e4, 0, 0, np.inf, np.inf])
    loss.backward(np.ones(8, np.float32))
    np.testing.assert_array_equal(x.grad.numpy(), [0, 0, 1, -1, 0, 0, 1, -1])


def test_binary_cross_entropy_keeps_nan():
    loss = binary_cross_entropy_with_logits([np.nan] * 3, [0.0, 0.5, 1.0], reduction="none")
    assert np.isnan(loss.numpy()).all()


def test_binary_cross_entropy_of_a_sure_miss_has_no_cancellation():
    """For x = -40 and t = 1 the slope is -(1 - 4e-18), for x = 40 it is -4e-18."""
    x = tensor(np.array([-40.0, 40.0]))
    binary_cross_entropy_with_logits(x, [1, 1], reduction="sum").backward()
    np.testing.assert_allclose(x.grad.numpy(), [-1, -np.exp(-40.0)], rtol=1e-15)
