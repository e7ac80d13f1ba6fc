"""Losses for outputs that are quantities."""

from typing import Any

import numpy as np

from .._kernels import LOSSES
from ..engine.tensor import Tensor
from ..errors import ArgumentError, explain
from ..tools.checks import is_number
from .checks import common_dtype, floats, target_array, wanting
from .reduction import RowLoss, in_rows, reduced
from .table import any_value, by_rows


def mse_of_rows(shape: tuple[int, ...], dtype: np.dtype, targets: Any) -> RowLoss:
    """The squared error of outputs of this shape."""
    dtype, t = common_dtype(dtype, targets), target_array("mse", targets, shape, dtype)
    return RowLoss(
        squared_error, LOSSES["mse"], dtype, in_rows(t, dtype), by_element=True,
        wanting=wanting(targets),
    )  # fmt: skip


def squared_error(x: Tensor, t: Any, _: np.ndarray) -> Tensor:
    """e² with e = x - t."""
    e = x - t
    return e * e


@by_rows(mse_of_rows)
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
    y = floats("mse", y)
    return reduced("mse", y, mse_of_rows(y.shape, y.dtype, target), sample_weight, reduction)


def huber_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, delta: float = 1.0
) -> RowLoss:
    """Huber's loss of outputs of this shape."""
    if not (is_number(delta) and 0 < delta < np.inf):
        raise ArgumentError(explain("huber", "a finite delta above 0", f"delta={delta!r}"))
    dtype, t = common_dtype(dtype, targets), target_array("huber", targets, shape, dtype)
    options = np.array([[delta]], np.float64)
    return RowLoss(
        clipped_error, LOSSES["huber"], dtype, in_rows(t, dtype), options, by_element=True,
        wanting=wanting(targets),
    )  # fmt: skip


def clipped_error(x: Tensor, t: Any, options: np.ndarray) -> Tensor:
    """c (e - c/2) with e = x - t and c = e clipped to [-delta, delta]: both branches at once."""
    e, delta = x - t, float(options[0, 0])
    c = e.clip(-delta, delta)
    return c * (e - c / 2)


@by_rows(huber_of_rows, delta=any_value)
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
    y = floats("huber", y)
    loss = huber_of_rows(y.shape, y.dtype, target, delta)
    return reduced("huber", y, loss, sample_weight, reduction)
