"""Squares, reciprocals, and exponentials and logarithms to other bases than e.

Each takes tensors of float32 or float64, or data for them, of any shape, and returns a tensor of
that dtype; DTypeError for integers.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .arithmetic import operands
from .arrays import summed
from .base import apply, require_float
from .elementwise import by_numpy
from .keywords import Never
from .operation import Operation, record
from .reductions import Axis, reduced

if TYPE_CHECKING:
    from . import Tensor

LN_2, LN_10 = math.log(2), math.log(10)

SQUARE = Operation("square", np.square, x=lambda dy, x: 2 * dy * x)


def square(x: Any) -> "Tensor":
    """x² of each element. DTypeError for integers.

    >>> square([1.0, -3.0])
    tensor([1., 9.])
    """
    return by_numpy(SQUARE, x)


RECIPROCAL = Operation("reciprocal", np.reciprocal, x=lambda dy, result: -dy * result * result)


def reciprocal(x: Any) -> "Tensor":
    """1 / x of each element; infinite at 0. DTypeError for integers.

    >>> reciprocal([4.0, 0.0])
    tensor([0.25,  inf])
    """
    return by_numpy(RECIPROCAL, x)


EXP2 = Operation("exp2", np.exp2, x=lambda dy, result: dy * result * LN_2)


def exp2(x: Any) -> "Tensor":
    """2^x of each element. DTypeError for integers.

    >>> exp2([3.0, -1.0])
    tensor([8. , 0.5])
    """
    return by_numpy(EXP2, x)


LOG2 = Operation("log2", np.log2, x=lambda dy, x: dy / (x * LN_2))


def log2(x: Any) -> "Tensor":
    """The logarithm to base 2 of each element: -inf at 0, NaN below. DTypeError for integers.

    >>> log2([8.0, 0.0]).round(3)
    tensor([  3., -inf])
    """
    return by_numpy(LOG2, x)


LOG10 = Operation("log10", np.log10, x=lambda dy, x: dy / (x * LN_10))


def log10(x: Any) -> "Tensor":
    """The logarithm to base 10 of each element: -inf at 0, NaN below. DTypeError for integers.

    >>> log10([1000.0, 0.0]).round(3)
    tensor([  3., -inf])
    """
    return by_numpy(LOG10, x)


LOGADDEXP = Operation(
    "logaddexp",
    x=lambda dy, x, result: dy * np.exp(x - result),
    y=lambda dy, y, result: dy * np.exp(y - result),
)


def logaddexp(x: Any, y: Any) -> "Tensor":
    """ln(e^x + e^y), element by element; x and y broadcast. Nothing overflows. (`logsumexp` does
    the same along an axis.)

    The slopes are the softmax of x and y; they are NaN where the result is infinite.

    >>> logaddexp(1000.0, [1000.0, -np.inf]).round(1)
    tensor([1000.7, 1000. ])
    """
    a, b = operands("logaddexp", x, y)
    require_float("logaddexp", a, b)
    return record(LOGADDEXP, apply("logaddexp", np.logaddexp, a, b), (a, b))


LOGSUMEXP = Operation(
    "logsumexp",
    x=lambda dy, x, result, kept: dy.reshape(kept) * np.exp(x - result.reshape(kept)),
)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
    """ln(sum of e^x) over all axes or the given ones; nothing overflows.

    -inf if there are no elements. The slopes are the softmax of x; they are NaN where the result is
    infinite.

    >>> logsumexp([[1000.0, 1000.0], [0.0, -np.inf]], axis=1).round(1)
    tensor([1000.7,    0. ])
    """
    x, axes, kept, _ = reduced("logsumexp", x, axis, wrong)
    require_float("logsumexp", x)

    def forward(x: np.ndarray) -> np.ndarray:
        largest = np.max(x, axes, keepdims=True, initial=-np.inf)
        largest = np.where(np.isfinite(largest), largest, 0).astype(x.dtype, copy=False)
        y = np.log(summed(np.exp(x - largest), axes, keepdims=True)) + largest
        return y if keepdims else y.reshape([n for i, n in enumerate(x.shape) if i not in axes])

    return record(LOGSUMEXP, apply("logsumexp", forward, x), (x,), {"kept": kept})
