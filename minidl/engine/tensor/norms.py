"""Lengths of vectors: norm, hypot and std.

A length has a kink where it is 0; the slope there is defined as 0.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, explain
from .arithmetic import operands
from .arrays import summed
from .base import apply, require_float
from .keywords import Never
from .operation import Operation, record
from .reductions import Axis, deviations, reduced

if TYPE_CHECKING:
    from . import Tensor


def ratio(x: Any, length: Any) -> Any:
    """x / length; 0 where the length is 0, as there is the kink."""
    is_zero = length == 0
    return np.where(is_zero, 0, x / np.where(is_zero, 1, length))


HYPOT = Operation(
    "hypot",
    x=lambda dy, x, result: dy * ratio(x, result),
    y=lambda dy, y, result: dy * ratio(y, result),
)


def hypot(x: Any, y: Any) -> "Tensor":
    """sqrt(x² + y²), element by element; x and y broadcast. No square overflows. The slopes at
    (0, 0) are 0. DTypeError for integers.

    >>> hypot([3.0, 3e20], [4.0, 4e20])
    tensor([5.e+00, 5.e+20])
    """
    a, b = operands("hypot", x, y)
    require_float("hypot", a, b)
    return record(HYPOT, apply("hypot", np.hypot, a, b), (a, b))


NORM = Operation(
    "norm",
    x=lambda dy, x, result, kept: dy.reshape(kept) * ratio(x, result.reshape(kept)),
)


def norm(
    x: Any, ord: float = 2, axis: Axis = None, keepdims: bool = False, **wrong: Never
) -> "Tensor":
    """The length of x as a vector, over all axes or the given ones.

        ord 2           sqrt(sum of x²)
        ord 1           sum of |x|
        ord math.inf    largest |x|

    x is a float32 or float64 tensor, or data for one, of any shape. The result has its dtype, and
    its shape without these axes; `keepdims` keeps them with length 1. The squares of float32 are
    summed in float64, so none overflows. At x = 0 the slope is 0; several largest elements share
    the gradient.

    DTypeError for integers; ArgumentError for any other `ord`, such as matrix norms, and for axes
    out of range.

    >>> norm([3.0, -4.0]), norm([[3.0, -4.0], [0.0, 1.0]], ord=1, axis=1)
    (tensor(5.), tensor([7., 1.]))
    """
    x, axes, kept, _ = reduced("norm", x, axis, wrong)
    require_float("norm", x)
    if ord == 1:
        return x.abs().sum(axes, keepdims)
    if ord == math.inf:
        return x.abs().max(axes, keepdims)
    if ord != 2:
        hint = "(x.abs() ** p).sum(axis) ** (1 / p)"
        raise ArgumentError(explain("norm", "ord 1, 2 or math.inf", repr(ord), hint))

    def length(x: np.ndarray) -> np.ndarray:
        squares = summed(np.square(x, dtype=np.float64), axes, keepdims)
        return np.sqrt(squares).astype(x.dtype, copy=False)

    return record(NORM, apply("norm", length, x), (x,), {"kept": kept})


def std(
    x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0, **wrong: Never
) -> "Tensor":
    """The standard deviation, the square root of `var`, over all axes or the given ones.

    ddof is 0 as in NumPy; PyTorch's `std` divides by n - 1: use ddof=1. For equal elements the
    result and its slope are 0. ShapeError unless there are more than ddof elements.

    >>> std([1.0, 3.0]), std([[2.0, 2.0], [1.0, 5.0]], axis=1)
    (tensor(1.), tensor([0., 2.]))
    """
    centred, axes, count = deviations("std", x, axis, ddof, wrong)
    return norm(centred, 2, axes, keepdims) / math.sqrt(count)
