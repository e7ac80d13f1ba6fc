"""Losses for outputs that are quantities."""

from typing import Any

import numpy as np

from .._kernels import LOSSES
from ..checks import is_number
from ..errors import ArgumentError, explain
from ..tensor import Tensor
from .checks import common_dtype, pair, target_array
from .reduction import RowLoss, in_rows, reduced


def mse(y: Any, target: Any, *, sample_weight: Any = None, reduction: str = "mean") -> Tensor:
    """(y - target)², the squared error of every element.

    - y: float32 or float64 of any shape; target: of the same shape. Either receives a gradient
      if it wants one.
    - sample_weight v: one number for each index of the first axis. The mean is
      sum_i v_i loss_i / sum_i v_i over all elements.

    ShapeError for shapes that differ (nothing is broadcast) and the mean of an empty batch;
    DTypeError for y that is no float; ArgumentError for negative weights and an unknown
    reduction.

    >>> import minidl
    >>> y = minidl.tensor([1.0, 4.0], requires_grad=True)
    >>> loss = mse(y, [0.0, 2.0])
    >>> loss.item()
    2.5
    >>> loss.backward()
    >>> y.grad
    tensor([1., 2.])
    """
    y, target = pair("mse", y, target)
    loss = mse_of_rows(y.shape, common_dtype(y, target), target)
    return reduced("mse", y, loss, sample_weight, reduction, target)


def mse_of_rows(shape: tuple[int, ...], dtype: np.dtype, targets: Any) -> RowLoss:
    """The squared error of outputs of this shape, as its kernel takes it."""
    t = target_array("mse", targets, shape, dtype)
    return RowLoss(LOSSES["mse"], dtype, in_rows(t, dtype), by_element=True)


def huber(
    y: Any,
    target: Any,
    delta: float = 1.0,
    *,
    sample_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Half the squared error, but linear beyond delta: outliers pull with a bounded force.

        e²/2 where |e| <= delta, else delta (|e| - delta/2),   e = y - target
        slope: e clipped to [-delta, delta]

    Shapes, weights and errors as for `mse`; ArgumentError also for a delta that is no finite
    positive number.

    >>> import minidl
    >>> y = minidl.tensor([0.5, 3.0], requires_grad=True)
    >>> loss = huber(y, [0.0, 0.0], reduction="none")
    >>> loss.numpy()
    array([0.125, 2.5  ], dtype=float32)
    >>> loss.sum().backward()
    >>> y.grad
    tensor([0.5, 1. ])

    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics, 1964.
    """
    y, target = pair("huber", y, target)
    loss = huber_of_rows(y.shape, common_dtype(y, target), target, delta)
    return reduced("huber", y, loss, sample_weight, reduction, target)


def huber_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, delta: float = 1.0
) -> RowLoss:
    """Huber's loss of outputs of this shape, as its kernel takes it."""
    t = target_array("huber", targets, shape, dtype)
    if not (is_number(delta) and 0 < delta < np.inf):
        raise ArgumentError(explain("huber", "a finite delta above 0", f"delta={delta!r}"))
    options = np.array([[delta]], np.float64)
    return RowLoss(LOSSES["huber"], dtype, in_rows(t, dtype), options, by_element=True)
