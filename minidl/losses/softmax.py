"""Softmax and its logarithm."""

import math
from typing import Any

import numpy as np

from .. import _kernels
from ..errors import ArgumentError, explain
from ..tensor import Tensor, as_tensor, record, require_float
from ..tensor.base import normal_axes

NANOSECONDS = 2  # for one float32, most of them in its exponential


def softmax(x: Any, axis: int = -1) -> Tensor:
    """y_j = e^(x_j) / sum_k e^(x_k) along an axis: positive numbers that add up to 1.

    x is float32 or float64 of any shape with that axis, and y is like it. Nothing overflows, as
    the largest x is subtracted first. The limit is taken where x is infinite: -inf gives 0, and
    the only +inf gives 1; where there is no limit (several +inf, nothing but -inf), and in a row
    with NaN, all is NaN. The sums are in double precision and in one order, so a row's bits
    depend neither on the threads nor on the other rows.

    DTypeError for integers, ArgumentError for an axis that is not there.

    >>> import minidl
    >>> softmax(minidl.tensor([[0.0, 0.0], [1e4, -1e4]]))
    tensor([[0.5, 0.5],
            [1. , 0. ]])

    Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
    """
    kernels = _kernels.softmax
    return _along("softmax", x, axis, kernels.softmax, kernels.softmax_backward)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """y_j = ln softmax(x)_j = x_j - ln sum_k e^(x_k) along an axis.

    As `softmax`, and finite also where softmax would round to 0.

    >>> import minidl
    >>> log_softmax(minidl.tensor([0.0, 1e4]))
    tensor([-10000.,      0.])
    """
    kernels = _kernels.softmax
    return _along("log_softmax", x, axis, kernels.log_softmax, kernels.log_softmax_backward)


def _along(operation: str, x: Any, axis: int, forward: Any, backward_kernel: Any) -> Tensor:
    x = as_tensor(x, operation)
    require_float(operation, x)
    axes = normal_axes(operation, axis, x.ndim)
    if axis is None or len(axes) != 1:
        raise ArgumentError(explain(operation, "one axis", f"axis={axis!r}"))
    swapped = x.data.swapaxes(axes[0], -1).shape
    threads = _kernels.threads_for(NANOSECONDS * x.size)

    def rows(array: np.ndarray) -> np.ndarray:
        contiguous = np.ascontiguousarray(array.swapaxes(axes[0], -1))
        return contiguous.reshape(math.prod(swapped[:-1]), swapped[-1])

    def arranged(array: np.ndarray) -> np.ndarray:
        return array.reshape(swapped).swapaxes(axes[0], -1)

    x_rows = rows(x.data)
    y = np.empty_like(x_rows)
    forward(x_rows, y, threads)

    def backward(dy: np.ndarray) -> tuple[np.ndarray]:
        dx = np.empty_like(y)
        backward_kernel(y, rows(dy), dx, threads)
        return (arranged(dx),)

    # Keeps y: the derivative needs only the output.
    return record(operation, arranged(y), (x,), backward, keeps_result=True)
