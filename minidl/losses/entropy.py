"""Cross-entropy: minus the logarithm of the probability that was given to what is true."""

from functools import lru_cache
from typing import Any

import numpy as np

from .._kernels import LOSSES
from ..checks import is_number
from ..errors import ArgumentError, ShapeError, explain
from ..tensor import Tensor
from .checks import (
    common_dtype,
    constant,
    label_array,
    matrix,
    not_negative,
    pair,
    same_shape,
    target_array,
    weights,
)
from .reduction import RowLoss, Scale, in_rows, reduced, width_of

BINARY = "binary_cross_entropy_with_logits"


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
    logits = matrix("cross_entropy", "logits", logits)
    loss = cross_entropy_of_rows(logits.shape, logits.dtype, targets, weight, label_smoothing)
    return reduced("cross_entropy", logits, loss, sample_weight, reduction)


def cross_entropy_of_rows(
    shape: tuple[int, ...],
    dtype: np.dtype,
    targets: Any,
    weight: Any = None,
    label_smoothing: float = 0.0,
) -> RowLoss:
    """The cross-entropy of logits of this shape, as its kernel takes it."""
    operation = "cross_entropy"
    batch, classes = shape
    if not (is_number(label_smoothing) and 0 <= label_smoothing < 1):
        got = f"label_smoothing={label_smoothing!r}"
        raise ArgumentError(explain(operation, "0 <= label_smoothing < 1", got))
    w = None if weight is None else weights(operation, "weight", weight, (classes,))
    q = constant(operation, "targets", targets)
    if q.ndim == 2 and q.dtype.kind == "f":
        same_shape(operation, q.shape, shape)
        not_negative(operation, "soft targets", q)
        q = (1 - label_smoothing) * q + label_smoothing / classes
        a = in_rows(q if w is None else w * q, dtype)
        return RowLoss(LOSSES["cross_entropy of soft targets"], dtype, a)
    labels = label_array(operation, q, batch, classes)
    options = plain_options(classes, label_smoothing)
    if w is not None:
        options = np.append(label_smoothing, w)[None]
    return RowLoss(LOSSES[operation], dtype, labels, options, class_weight=w)


@lru_cache
def plain_options(classes: int, label_smoothing: float) -> np.ndarray:
    """What the kernel of labels wants where all classes have the weight 1."""
    array = np.append(label_smoothing, np.ones(classes))[None]
    array.flags.writeable = False
    return array


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
    logits, targets = pair(BINARY, logits, targets)
    dtype = common_dtype(logits, targets)
    loss = binary_cross_entropy_of_rows(logits.shape, dtype, targets, pos_weight)

    def target_slope(_: np.ndarray, scale: Scale) -> np.ndarray:
        """The loss for t = 1 less that for t = 0: it is linear in t."""
        ends = [loss._replace(targets=np.full_like(loss.targets, t)) for t in (1, 0)]
        yes, no = (end.run(logits.data, scale)[0] for end in ends)
        return (yes - no).astype(dtype)

    return reduced(BINARY, logits, loss, sample_weight, reduction, targets, target_slope)


def binary_cross_entropy_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, pos_weight: Any = None
) -> RowLoss:
    """The binary cross-entropy of logits of this shape, as its kernel takes it."""
    t = target_array(BINARY, targets, shape, dtype)
    if t.size and not (t.min() >= 0 and t.max() <= 1):
        raise ArgumentError(
            explain(
                BINARY,
                "targets from 0 to 1",
                f"values from {t.min()} to {t.max()}",
                "(targets + 1) / 2 if they are -1 and +1",
            )
        )
    options = one_pos_weight(width_of(shape))
    if pos_weight is not None:
        options = _pos_weight(pos_weight, shape)
    return RowLoss(LOSSES[BINARY], dtype, in_rows(t, dtype), options, by_element=True)


@lru_cache
def one_pos_weight(width: int) -> np.ndarray:
    """The pos_weight of every column where none is given."""
    array = np.ones((1, width))
    array.flags.writeable = False
    return array


def _pos_weight(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A weight for every column; of every row, if they differ."""
    array = not_negative(BINARY, "pos_weight", constant(BINARY, "pos_weight", value, np.float64))
    try:
        whole = np.broadcast_to(array, shape)
    except ValueError:
        wanted = f"pos_weight that broadcasts to {shape}"
        raise ShapeError(explain(BINARY, wanted, f"shape {array.shape}")) from None
    is_alike = array.ndim < len(shape) or array.shape[:1] in ((), (1,))
    return in_rows(whole[:1] if is_alike and shape else whole, np.dtype(np.float64))
