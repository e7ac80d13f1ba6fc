"""Softmax and its logarithm."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _kernels
from ..engine.tape import Node
from ..engine.tensor import Operation, Tensor, as_tensor, record, require_float
from ..engine.tensor.base import normal_axes
from ..engine.tensor.keywords import Never, refuse
from ..engine.tensor.operation import as_recorded
from ..errors import ArgumentError, explain

NANOSECONDS = 2  # for one float32; most of it computes the exponential


def softmax(x: Any, axis: int = -1, **wrong: Never) -> Tensor:
    """y_j = e^(x_j) / sum_k e^(x_k) along an axis: positive numbers that add up to 1.

    x is float32 or float64 of any shape with that axis; y is like x. Nothing overflows, as the
    largest x is subtracted first. Infinite x give the limit: -inf gives 0, and a single +inf gives
    1. Where there is no limit (several +inf, only -inf), and in a row with NaN, all is NaN. The
    sums are in double precision and in a fixed order, so a row's bits depend neither on the number
    of threads nor on the other rows. The gradient is dx = y (dy - sum of dy y).

    DTypeError for integers, ArgumentError for an axis out of range.

    >>> import minidl
    >>> softmax(minidl.tensor([[0.0, 0.0], [1e4, -1e4]]))
    tensor([[0.5, 0.5],
            [1. , 0. ]])

    Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
    """
    return _along(SOFTMAX, x, axis, wrong)


def log_softmax(x: Any, axis: int = -1, **wrong: Never) -> Tensor:
    """y_j = ln softmax(x)_j = x_j - ln sum_k e^(x_k) along an axis.

    Shapes and errors as in `softmax`; finite even where softmax would round to 0.

    >>> import minidl
    >>> log_softmax(minidl.tensor([0.0, 1e4]))
    tensor([-10000.,      0.])
    """
    return _along(LOG_SOFTMAX, x, axis, wrong)


def _along(operation: Operation, x: Any, axis: int, wrong: dict[str, Any]) -> Tensor:
    name = operation.name
    refuse(name, wrong)
    x = as_tensor(x, name)
    require_float(name, x)
    axes = normal_axes(name, axis, x.ndim)
    if axis is None or len(axes) != 1:
        raise ArgumentError(explain(name, "one axis", f"axis={axis!r}"))
    x_rows = rows(x.data, axes[0])
    y = np.empty_like(x_rows)
    getattr(_kernels.softmax, name)(x_rows, y, _kernels.threads_for(NANOSECONDS * x.size))
    return record(operation, arranged(y, x.shape, axes[0]), (x,), {"axis": axes[0]}, keeps=[1])


def rows(array: np.ndarray, axis: int) -> np.ndarray:
    """The array as a contiguous matrix, with this axis along its rows."""
    swapped = array.swapaxes(axis, -1)
    return np.ascontiguousarray(swapped).reshape(math.prod(swapped.shape[:-1]), swapped.shape[-1])


def arranged(matrix: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """The matrix from `rows`, arranged as the array of this shape again."""
    swapped = list(shape)
    swapped[axis], swapped[-1] = swapped[-1], swapped[axis]
    return matrix.reshape(swapped).swapaxes(axis, -1)


def gradients(node: Node, dy: np.ndarray) -> list[np.ndarray]:
    """dx from y and dy, by the kernel."""
    axis, y = node.options["axis"], node.kept[1].array
    y_rows = rows(y, axis)
    dx = np.empty_like(y_rows)
    kernel = getattr(_kernels.softmax, f"{node.operation.name}_backward")
    kernel(y_rows, rows(dy, axis), dx, _kernels.threads_for(NANOSECONDS * y.size))
    return [arranged(dx, y.shape, axis)]


def softmax_recorded(node: Node, dy: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """dx = y (dy - sum of dy y)."""
    y = as_recorded(node, 1)
    return [y * (dy - (dy * y).sum(node.options["axis"], keepdims=True))]


def log_softmax_recorded(node: Node, dy: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """dx = dy - e^y sum of dy."""
    return [dy - as_recorded(node, 1).exp() * dy.sum(node.options["axis"], keepdims=True)]


SOFTMAX = Operation("softmax", kernel=gradients, recorded=softmax_recorded)
LOG_SOFTMAX = Operation("log_softmax", kernel=gradients, recorded=log_softmax_recorded)
