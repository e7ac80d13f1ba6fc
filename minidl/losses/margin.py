"""Margin losses, for scores that are not probabilities: support vector machines."""

from typing import Any

import numpy as np

from .._kernels import LOSSES
from ..engine.tensor import Tensor, where
from ..errors import ArgumentError, explain
from ..tools.checks import is_number
from .checks import constant, label_array, require_matrix
from .declaration import by_rows, run
from .reduction import RowLoss, of_elements


def hinge_of_rows(shape: tuple[int, ...], dtype: np.dtype, targets: Any) -> RowLoss:
    """The hinge loss of scores of this shape."""
    given = constant("hinge", "targets", targets)
    loss = of_elements("hinge", shortfall, shape, dtype, given)
    if not (np.abs(loss.targets) == 1).all():
        hint = "2 * targets - 1 for 0 and 1"
        raise ArgumentError(explain("hinge", "targets -1 and +1", _some_values(given), hint))
    return loss


def _some_values(x: np.ndarray) -> str:
    values = np.unique(x)
    return f"{x.dtype} values {', '.join(map(str, values[:4]))}{' ...' if len(values) > 4 else ''}"


def shortfall(x: Tensor, t: Any, _: np.ndarray) -> Tensor:
    """max(0, 1 - t x); the slope at the kink is 0."""
    margin = 1 - t * x
    return where(margin <= 0, 0, margin)


@by_rows(hinge_of_rows)
def hinge(
    scores: Any, targets: Any, *, sample_weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """max(0, 1 - t s): a binary support vector machine's loss.

    - scores s: float32 or float64 of any shape.
    - targets t: -1 or +1, of the scores' shape; constants.
    - sample_weight v: one number for each index of the first axis. The mean is
      sum_i v_i loss_i / sum_i v_i over all elements.

    The slope is -t where t s < 1, and 0 from the kink at t s = 1 on.

    ShapeError for shapes that differ (nothing is broadcast) and for the mean of an empty batch;
    DTypeError for scores that are not floats; ArgumentError for other targets (2 t - 1 turns
    labels 0 and 1 into -1 and +1), negative weights and an unknown reduction.

    >>> import minidl
    >>> scores = minidl.tensor([0.5, 2.0, 0.5], requires_grad=True)
    >>> loss = hinge(scores, [1, 1, -1], reduction="sum")
    >>> loss.item()
    2.0
    >>> loss.backward()
    >>> scores.grad
    tensor([-1.,  0.,  1.])

    Cortes, Vapnik, "Support-vector networks", Machine Learning 20, 1995.
    """
    return run("hinge", scores, targets, sample_weight, reduction)


def multi_margin_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, margin: float = 1.0
) -> RowLoss:
    """The multi-class hinge loss of scores of this shape."""
    operation = "multi_margin"
    require_matrix(operation, "scores", shape)
    if not (is_number(margin) and 0 <= margin < np.inf):
        raise ArgumentError(explain(operation, "a finite margin from 0 up", f"margin={margin!r}"))
    labels = label_array(operation, constant(operation, "targets", targets), *shape)
    options = np.array([[margin]], np.float64)
    return RowLoss(operation, shortfalls, LOSSES[operation], dtype, labels, options)


def shortfalls(x: Tensor, labels: np.ndarray, options: np.ndarray) -> Tensor:
    """(1 / C) sum over c != label of max(0, margin + x_c - x_label); the slope at the kink is 0."""
    rows, is_label = np.arange(len(labels)), np.eye(x.shape[1], dtype=bool)[labels]
    margin = float(options[0, 0]) + (x - x[rows, labels][:, None])
    return where(is_label | (margin.data <= 0), 0, margin).sum(1) / x.shape[1]


@by_rows(multi_margin_of_rows)
def multi_margin(
    scores: Any,
    targets: Any,
    *,
    margin: float = 1.0,
    sample_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """The multi-class hinge: every wrong class should score less than the right one by a margin.

        loss_i = (1 / C) sum over c != t_i of max(0, margin - s_(i, t_i) + s_ic)

    PyTorch's multi_margin_loss divides by the number of classes C, and so does this. Weston and
    Watkins, and the course CS231n, take the plain sum.

    - scores s: (batch, classes), float32 or float64.
    - targets t: labels (batch,), whole numbers from 0 to classes - 1; constants.
    - sample_weight v: (batch,). The mean is sum_i v_i loss_i / sum_i v_i.
    - the result: a number, or (batch,) for reduction="none".

    The slope at the kink is 0.

    ShapeError for shapes that do not fit and for the mean of an empty batch; DTypeError for scores
    that are not floats and labels that are not whole; ArgumentError for labels out of range, a
    margin that is not a number from 0 up, negative weights and an unknown reduction.

    >>> import minidl
    >>> scores = minidl.tensor([[3.0, 2.5, 0.0]], requires_grad=True)
    >>> loss = multi_margin(scores, [0])
    >>> print(f"{loss:.6f}")
    0.166667
    >>> loss.backward()
    >>> scores.grad
    tensor([[-0.33333334,  0.33333334,  0.        ]])

    Weston, Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999.
    """
    return run("multi_margin", scores, targets, sample_weight, reduction, margin=margin)
