"""Binary cross-entropy: a yes-or-no decision for every output on its own."""

from functools import lru_cache
from typing import Any

import numpy as np

from ..engine.tensor import Tensor, stack
from ..errors import ArgumentError, ShapeError, explain
from ..tools.checks import not_negative
from .checks import constant
from .declaration import by_rows, run
from .reduction import RowLoss, in_rows, of_elements, width_of
from .softmax import log_softmax

BINARY = "binary_cross_entropy_with_logits"


def is_of_columns(pos_weight: Any) -> bool:
    """Whether pos_weight is the same for every row of a batch."""
    return np.ndim(pos_weight) <= 1


def binary_cross_entropy_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, pos_weight: Any = None
) -> RowLoss:
    """The binary cross-entropy of logits of this shape."""
    loss = of_elements(BINARY, yes_and_no, shape, dtype, targets, require_shares)
    options = one_pos_weight(width_of(shape))
    if pos_weight is not None:
        options = _pos_weight(pos_weight, shape)
    return loss._replace(options=options)


def require_shares(operation: str, name: str, t: np.ndarray) -> None:
    """ArgumentError unless all numbers are from 0 to 1."""
    if t.size and not (t.min() >= 0 and t.max() <= 1):
        raise ArgumentError(
            explain(
                operation,
                f"{name} from 0 to 1",
                f"values from {t.min()} to {t.max()}",
                "(targets + 1) / 2 if they are -1 and +1",
            )
        )


def yes_and_no(x: Tensor, t: Any, r: np.ndarray) -> Tensor:
    """-r t ln p - (1 - t) ln(1 - p): sigmoid(x) is the softmax of (0, x)."""
    log_p = log_softmax(stack([np.zeros(x.shape), x], -1))
    return -(r * t * log_p[..., 1] + (1 - t) * log_p[..., 0])


@lru_cache
def one_pos_weight(width: int) -> np.ndarray:
    """The pos_weight of every column if none is given."""
    array = np.ones((1, width))
    array.flags.writeable = False
    return array


def _pos_weight(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A weight for every column; for every row too, if they differ."""
    array = not_negative(BINARY, "pos_weight", constant(BINARY, "pos_weight", value, np.float64))
    try:
        whole = np.broadcast_to(array, shape)
    except ValueError:
        wanted = f"pos_weight that broadcasts to {shape}"
        raise ShapeError(explain(BINARY, wanted, f"shape {array.shape}")) from None
    is_alike = array.ndim < len(shape) or array.shape[:1] in ((), (1,))
    return in_rows(whole[:1] if is_alike and shape else whole, np.dtype(np.float64))


@by_rows(binary_cross_entropy_of_rows, pos_weight=is_of_columns)
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

    - logits x: float32 or float64 of any shape. Large ones do not overflow, and an infinite one
      costs nothing if the target agrees with it.
    - targets t: of the logits' shape, from 0 to 1; they receive a gradient if they want one.
    - pos_weight r: a number or an array that broadcasts to that shape, finite and not negative;
      above 1 it makes missed positives cost more than false alarms.
    - sample_weight v: one number for each index of the first axis. The mean is
      sum_i v_i loss_i / sum_i v_i over all elements.

    ShapeError for shapes that differ (nothing is broadcast) and for the mean of an empty batch;
    DTypeError for logits that are not floats; ArgumentError for targets outside [0, 1], negative
    weights and an unknown reduction.

    >>> import minidl
    >>> x = minidl.tensor([0.0, 1e4], requires_grad=True)
    >>> binary_cross_entropy_with_logits(x, [1.0, 1.0], reduction="none").numpy()
    array([0.6931472, 0.       ], dtype=float32)
    """
    return run(BINARY, logits, targets, sample_weight, reduction, pos_weight=pos_weight)
