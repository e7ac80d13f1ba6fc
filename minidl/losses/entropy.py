"""Cross-entropy: minus the logarithm of the probability that was given to what is true."""

from functools import lru_cache
from typing import Any

import numpy as np

from .. import _kernels
from ..checks import is_number
from ..errors import ArgumentError, ShapeError, explain
from ..tensor import Tensor, record
from .checks import (
    constant,
    label_array,
    matrix,
    not_negative,
    pair,
    same_shape,
    weights,
)
from .reduction import left_aligned, reduced, scales
from .softmax import NANOSECONDS


def cross_entropy(
    logits: Any,
    targets: Any,
    *,
    weight: Any = None,
    sample_weight: Any = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """-ln softmax(logits) at the targets: softmax and cross-entropy in one, gradient included.

    With p = softmax(logits), class weights w, sample weights v and smoothing s, for C classes

        loss_i = sum_c w_c ((1 - s) q_ic + s / C) (-ln p_ic)
        mean = sum_i v_i loss_i / sum_i v_i w_(t_i)     for labels t_i
        mean = sum_i v_i loss_i / sum_i v_i             for soft targets q

    where labels mean q_ic = 1 for c = t_i and else 0. These are PyTorch's definitions.

    - logits: (batch, classes), float32 or float64. Large ones are safe; for infinite ones the
      limit is taken as in `softmax`, and a logit of -inf costs nothing if q is 0 there.
    - targets: labels (batch,), whole numbers from 0 to classes - 1, or soft targets
      (batch, classes), floats that are not negative. They need not add up to 1: each is a weight.
      They are constants; for a gradient to them use -(q * log_softmax(logits)).sum(1).
    - weight: (classes,), sample_weight: (batch,); finite and not negative.
    - the result: a number, or (batch,) for reduction="none".

    ShapeError for shapes that do not fit and for the mean of an empty batch; DTypeError for
    logits that are no floats and labels that are not whole; ArgumentError for values out of
    range: labels, weights (or their sum of 0), label_smoothing outside [0, 1), reduction.

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
    operation = "cross_entropy"
    logits = matrix(operation, "logits", logits)
    batch, classes = logits.shape
    if not (is_number(label_smoothing) and 0 <= label_smoothing < 1):
        got = f"label_smoothing={label_smoothing!r}"
        raise ArgumentError(explain(operation, "0 <= label_smoothing < 1", got))
    w = full(classes, 1.0) if weight is None else weights(operation, "weight", weight, (classes,))
    q = constant(operation, "targets", targets)

    x = np.ascontiguousarray(logits.data)
    losses, dx = np.empty(batch), np.empty(x.shape, x.dtype)
    threads = _kernels.threads_for(NANOSECONDS * x.size)
    if q.ndim == 2 and q.dtype.kind == "f":
        same_shape(operation, q.shape, logits.shape)
        not_negative(operation, "soft targets", q)
        scale = row_scales(operation, batch, sample_weight, reduction)
        q = (1 - label_smoothing) * q + label_smoothing / classes
        a = np.ascontiguousarray(w * q, x.dtype)
        total = _kernels.softmax.cross_entropy_of_targets(x, a, scale, losses, dx, threads)
    else:
        labels = label_array(operation, q, batch, classes)
        of_class = 1.0 if weight is None else w[labels]
        scale = row_scales(operation, batch, sample_weight, reduction, of_class)
        total = _kernels.softmax.cross_entropy_of_labels(
            x, labels, w, label_smoothing, scale, losses, dx, threads
        )

    def backward(dy: np.ndarray) -> list[np.ndarray]:
        if dy.ndim == 0 and dy == 1:
            return [dx[...]]  # a view, so that the tape does not add to dx itself
        return [dx * left_aligned(dy, dx.ndim)]

    result = losses if reduction == "none" else total
    return record(operation, np.asarray(result, x.dtype), (logits,), backward)


@lru_cache
def full(n: int, value: float) -> np.ndarray:
    """The weights of a loss where all are alike."""
    array = np.full(n, value)
    array.flags.writeable = False
    return array


def row_scales(
    operation: str, batch: int, sample_weight: Any, reduction: str, of_class: Any = 1.0
) -> np.ndarray:
    """What each row's loss is multiplied by."""
    scale = scales(operation, (batch,), sample_weight, reduction, of_class)
    return full(batch, scale) if isinstance(scale, float) else scale


def binary_cross_entropy_with_logits(
    logits: Any,
    targets: Any,
    *,
    pos_weight: Any = None,
    sample_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """-t ln p - (1 - t) ln(1 - p) with p = sigmoid(logits), for every element.

        loss = r t softplus(-x) + (1 - t) softplus(x)
        dx = (1 - t) sigmoid(x) - r t sigmoid(-x),   dt = r softplus(-x) - softplus(x)

    - logits x: float32 or float64 of any shape. Large ones are safe, and an infinite one costs
      nothing where the target agrees with it.
    - targets t: of the logits' shape, from 0 to 1; they receive a gradient if they want one.
    - pos_weight r: a number or an array that broadcasts to that shape; above 1 it makes misses
      dearer than false alarms. Finite and not negative.
    - sample_weight v: one number for each index of the first axis. The mean is
      sum_i v_i loss_i / sum_i v_i over all elements.

    ShapeError for shapes that differ (nothing is broadcast) and the mean of an empty batch;
    DTypeError for logits that are no floats; ArgumentError for targets outside [0, 1], negative
    weights and an unknown reduction.

    >>> import minidl
    >>> x = minidl.tensor([0.0, 1e4], requires_grad=True)
    >>> binary_cross_entropy_with_logits(x, [1.0, 1.0], reduction="none").numpy()
    array([0.6931472, 0.       ], dtype=float32)
    """
    operation = "binary_cross_entropy_with_logits"
    logits, targets = pair(operation, logits, targets)
    x, t = logits.data, targets.data
    if t.size and not (t.min() >= 0 and t.max() <= 1):
        raise ArgumentError(
            explain(
                operation,
                "targets from 0 to 1",
                f"values from {t.min()} to {t.max()}",
                "(targets + 1) / 2 if they are -1 and +1",
            )
        )
    r = _pos_weight(operation, pos_weight, logits)
    scale = scales(operation, x.shape, sample_weight, reduction)

    e = np.exp(-np.abs(x))
    miss, false_alarm = np.maximum(-x, 0) + np.log1p(e), np.maximum(x, 0) + np.log1p(e)
    losses = _times(r * t, miss) + _times(1 - t, false_alarm)
    dx = ((1 - t) * np.where(x > 0, 1, e) - r * t * np.where(x > 0, e, 1)) / (1 + e)
    dt = r * miss - false_alarm if targets.requires_grad else None
    return reduced(operation, (logits, targets), losses, (dx, dt), scale, reduction)


def _pos_weight(operation: str, value: Any, logits: Tensor) -> Any:
    if value is None:
        return 1.0
    array = not_negative(operation, "pos_weight", constant(operation, "pos_weight", value))
    try:
        np.broadcast_to(array, logits.shape)
    except ValueError:
        wanted = f"pos_weight that broadcasts to {logits.shape}"
        raise ShapeError(explain(operation, wanted, f"shape {array.shape}")) from None
    return array


def _times(weight: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """weight · cost, where 0 · inf is 0: what is not wanted costs nothing."""
    return np.where(weight == 0, weight, weight * np.where(weight == 0, 0, cost))
