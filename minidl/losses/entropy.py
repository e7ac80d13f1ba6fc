"""Cross-entropy: minus the logarithm of the probability that the net gives to the true class."""

from functools import lru_cache
from typing import Any

import numpy as np

from .._kernels import LOSSES
from ..engine.tensor import Tensor, where
from ..errors import ArgumentError, explain
from ..tools.checks import is_number, is_whole, not_negative
from .checks import (
    common_dtype,
    constant,
    label_array,
    require_matrix,
    same_shape,
    wanting,
    weights,
)
from .declaration import by_rows, run
from .reduction import RowLoss, in_rows
from .softmax import log_softmax


def cross_entropy_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, weight: Any = None,
    ignore_index: int | None = None, label_smoothing: float = 0.0,
) -> RowLoss:  # fmt: skip
    """The cross-entropy of logits of this shape."""
    operation = "cross_entropy"
    require_matrix(operation, "logits", shape)
    if not (is_number(label_smoothing) and 0 <= label_smoothing < 1):
        got = f"label_smoothing={label_smoothing!r}"
        raise ArgumentError(explain(operation, "0 <= label_smoothing < 1", got))
    w = None if weight is None else weights(operation, "weight", weight, shape[1:])
    wanted = wanting(targets)
    is_wanted = wanted is not None and wanted.ndim == 2
    q = constant(operation, "targets", targets.detach() if is_wanted else targets)
    if q.ndim == 2 and q.dtype.kind == "f":
        same_shape(operation, q.shape, shape)
        not_negative(operation, "soft targets", q)
        if ignore_index is not None:
            got = f"ignore_index={ignore_index!r}"
            raise ArgumentError(explain(operation, "no ignored label beside soft targets", got))
        a: Any = (1 - label_smoothing) * (targets if is_wanted else q) + label_smoothing / shape[1]
        a = a if w is None else w * a
        dtype, rows = common_dtype(dtype, targets), a.data if is_wanted else a
        kernel = LOSSES["cross_entropy of soft targets"]
        return RowLoss(operation, costs, kernel, dtype, in_rows(rows, dtype), wanting=wanting(a))
    labels, counts = counted_labels(operation, q, shape, w, ignore_index)
    options = plain_options(shape[1], label_smoothing)
    if w is not None:
        options = np.append(label_smoothing, w)[None]
    kernel = LOSSES[operation]
    return RowLoss(operation, costs_of_labels, kernel, dtype, labels, options, counts=counts)


def counted_labels(
    operation: str, targets: np.ndarray, shape: tuple[int, ...], weight: np.ndarray | None,
    ignore_index: int | None,
) -> tuple[np.ndarray, np.ndarray | None]:  # fmt: skip
    """The labels, and how much each row counts in the mean; None: 1 each. Ignored labels become an
    extra class behind the others, which does not count."""
    if ignore_index is None:
        labels = label_array(operation, targets, *shape)
        return labels, None if weight is None else weight[labels]
    if not is_whole(ignore_index, -(2**63)):
        got = f"ignore_index={ignore_index!r}"
        raise ArgumentError(explain(operation, "a whole number as the label to ignore", got))
    is_ignored = targets == ignore_index
    labels = label_array(operation, np.where(is_ignored, 0, targets), *shape)
    labels[is_ignored] = shape[1]
    counted = np.append(np.ones(shape[1]) if weight is None else weight, 0.0)
    return labels, counted[labels]


@lru_cache
def plain_options(classes: int, label_smoothing: float) -> np.ndarray:
    """The options of the labels' kernel, if all classes have the weight 1."""
    array = np.append(label_smoothing, np.ones(classes))[None]
    array.flags.writeable = False
    return array


def costs(x: Tensor, a: Any, _: np.ndarray) -> Tensor:
    """- sum_c a_c ln p_c."""
    return -(a * log_softmax(x)).sum(1)


def costs_of_labels(x: Tensor, labels: np.ndarray, options: np.ndarray) -> Tensor:
    """The same, with a_c = w_c s / C, plus w_c (1 - s) for the label; 0 for an ignored label, which
    is none of the C classes."""
    classes = x.shape[1]
    smoothing, w = options[0, 0], options[0, 1:]
    share = np.where(labels < classes, smoothing / classes, 0)[:, None]
    return costs(x, w * (share + (1 - smoothing) * np.eye(classes + 1, classes)[labels]), options)


def nll_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, weight: Any = None,
    ignore_index: int | None = None,
) -> RowLoss:  # fmt: skip
    """The negative log-likelihood of log-probabilities of this shape."""
    require_matrix("nll", "log_probabilities", shape)
    w = None if weight is None else weights("nll", "weight", weight, shape[1:])
    given = constant("nll", "targets", targets)
    labels, counts = counted_labels("nll", given, shape, w, ignore_index)
    options = np.ones((1, shape[1])) if w is None else w[None]
    return RowLoss("nll", picked, LOSSES["nll"], dtype, labels, options, counts=counts)


def picked(x: Tensor, labels: np.ndarray, options: np.ndarray) -> Tensor:
    """-w_t x_t; 0 for a row that does not count."""
    is_there = labels < x.shape[1]
    at = np.where(is_there, labels, 0)
    w = np.where(is_there, options[0, at], 0)
    return where(w > 0, -w * x[np.arange(len(labels)), at], 0)


@by_rows(cross_entropy_of_rows)
def cross_entropy(
    logits: Any,
    targets: Any,
    *,
    weight: Any = None,
    ignore_index: int | None = None,
    sample_weight: Any = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """-ln softmax(logits) at the targets: softmax and cross-entropy in one, gradient included.

    With p = softmax(logits), class weights w, sample weights v and smoothing s, for C classes

        loss_i = sum_c w_c ((1 - s) q_ic + s / C) (-ln p_ic)
        mean = sum_i v_i loss_i / sum_i v_i w_(t_i)     for labels t_i
        mean = sum_i v_i loss_i / sum_i v_i             for soft targets q

    where a label means q_ic = 1 for c = t_i, else 0. Without options, the gradient of loss_i with
    respect to the logits is p_i - q_i. These are PyTorch's definitions.

    - logits: (batch, classes), float32 or float64. Large ones do not overflow; infinite ones give
      the limit, as in `softmax`, and a logit of -inf costs nothing if q is 0 there.
    - targets: labels (batch,), whole numbers from 0 to classes - 1, or soft targets
      (batch, classes), floats that are not negative. Soft targets need not add up to 1, as each is
      a weight; they receive a gradient if they want one.
    - ignore_index: samples with this label count as if they were not there. None: no label is
      ignored (PyTorch's default is -100).
    - weight: (classes,), sample_weight: (batch,); finite and not negative.
    - the result: a number, or (batch,) for reduction="none".

    ShapeError for shapes that do not fit and for the mean of an empty batch; DTypeError for
    logits that are not floats and labels that are not whole; ArgumentError for values out of
    range (labels, weights or their sum of 0, label_smoothing outside [0, 1), reduction) and for
    an ignore_index beside soft targets.

    >>> import minidl
    >>> logits = minidl.tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
    >>> loss = cross_entropy(logits, [0, 1])
    >>> print(f"{loss:.6f}")
    0.410038
    >>> loss.backward()
    >>> logits.grad
    tensor([[-0.05960146,  0.05960146],
            [ 0.25      , -0.25      ]])

    Label smoothing: Szegedy et al., "Rethinking the Inception architecture", CVPR 2016.
    """
    return run(
        "cross_entropy", logits, targets, sample_weight, reduction,
        weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip


@by_rows(nll_of_rows)
def nll(
    log_probabilities: Any,
    targets: Any,
    *,
    weight: Any = None,
    ignore_index: int | None = None,
    sample_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of the true class, the negative log-likelihood: cross-entropy after
    `log_softmax`.

        loss_i = -w_(t_i) x_(i, t_i)
        mean = sum_i v_i loss_i / sum_i v_i w_(t_i)

    - log_probabilities x: (batch, classes), float32 or float64.
    - targets t, and the options: the labels and options of `cross_entropy`, with the same errors.
    - the result: a number, or (batch,) for reduction="none".

    >>> import minidl
    >>> losses = nll(minidl.tensor([[0.9, 0.1], [0.6, 0.4]]).log(), [0, 1], reduction="none")
    >>> losses.numpy().round(6)
    array([0.105361, 0.916291], dtype=float32)
    """
    options = {"weight": weight, "ignore_index": ignore_index}
    return run("nll", log_probabilities, targets, sample_weight, reduction, **options)
