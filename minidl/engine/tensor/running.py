"""Running sums and products, and the product of all elements.

No gradient here divides by an element, so gradients, and their gradients, are right even where
elements are 0.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, explain
from .base import Base, apply, as_tensor, normal_axes
from .keywords import Never, refuse
from .operation import Operation, record
from .reductions import Axis, reduced

if TYPE_CHECKING:
    from . import Tensor


def running_sum(x: Any, axis: int) -> Any:
    """The running sum of an array or a tensor along an axis; float32 is added up in float64."""
    if isinstance(x, Base):
        return cumsum(x, axis)
    if x.dtype.kind != "f":
        return np.cumsum(x, axis)
    return np.cumsum(x, axis, np.float64).astype(x.dtype, copy=False)


def of_running_sum(dy: Any, axis: int) -> Any:
    """The gradient: an element counts in its own sum and in all later ones."""
    backward = (slice(None),) * axis + (slice(None, None, -1),)
    return running_sum(dy[backward], axis)[backward]


CUMSUM = Operation("cumsum", x=of_running_sum)


def cumsum(x: Any, axis: int | None = None, **wrong: Never) -> "Tensor":
    """y_k = x_0 + ... + x_k along an axis; without one, of the flat tensor, as in NumPy.

    x is a tensor, or data for one, of any shape, and y has that shape. Floats keep their dtype, and
    float32 is added up in float64; integers stay integers. ArgumentError for an axis out of range.

    >>> cumsum([1.0, 2.0, 3.0])
    tensor([1., 3., 6.])
    """
    x, along = to_run("cumsum", x, axis, wrong)
    return record(CUMSUM, running_sum(x._array, along), (x,), {"axis": along})


def recurrence(a: Any, b: Any) -> Any:
    """s_k = a_k s_(k-1) + b_k along the first axis, with nothing before s_0 = b_0.

    Each pass joins each element with what lies `step` elements before it, so there are log2(n)
    passes (Hillis, Steele 1986), over arrays or tensors.
    """
    step = 1
    while step < len(b):
        b = np.concatenate([b[:step], b[step:] + a[step:] * b[:-step]])
        a = np.concatenate([a[:step], a[step:] * a[:-step]])
        step *= 2
    return b


def of_running_product(dy: Any, x: Any, result: Any, axis: int) -> Any:
    """The gradient: dx_k = y_(k-1) g_k, where g_k = dy_k + x_(k+1) g_(k+1)."""
    dy, x, y = dy.swapaxes(0, axis), x.swapaxes(0, axis), result.swapaxes(0, axis)
    one = np.ones_like(x[:1])
    g = recurrence(np.concatenate([one, x[:0:-1]]), dy[::-1])[::-1]
    return (g * np.concatenate([one, y[:-1]])).swapaxes(0, axis)


CUMPROD = Operation("cumprod", x=of_running_product)


def cumprod(x: Any, axis: int | None = None, **wrong: Never) -> "Tensor":
    """y_k = x_0 · ... · x_k along an axis; without one, of the flat tensor, as in NumPy.

    x is a tensor, or data for one, of any shape, and y has that shape. Floats keep their dtype,
    integers stay integers. ArgumentError for an axis out of range.

    >>> cumprod([1.0, 2.0, 3.0])
    tensor([1., 2., 6.])
    """
    x, along = to_run("cumprod", x, axis, wrong)
    y = apply("cumprod", lambda x: np.cumprod(x, along), x)
    return record(CUMPROD, y, (x,), {"axis": along})


def to_run(
    operation: str, x: Any, axis: int | None, wrong: dict[str, Any]
) -> tuple["Tensor", int]:  # fmt: skip
    """x as a tensor, flat without an axis, and the axis to run along."""
    refuse(operation, wrong)
    x = as_tensor(x, operation)
    if axis is None:
        return x.reshape(-1), 0
    axes = normal_axes(operation, axis, x.ndim)
    if len(axes) != 1:
        raise ArgumentError(explain(operation, "one axis or None", f"axis={axis!r}"))
    return x, axes[0]


def product_before(x: Any) -> Any:
    """For each column of a matrix the product of all columns before it, 1 for the first."""
    return np.cumprod(np.concatenate([np.ones_like(x[:, :1]), x[:, :-1]], axis=1), axis=1)


def of_product(dy: Any, x: Any, kept: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """The gradient: dy times the product of all other elements, before and after."""
    order = [*(axis for axis in range(x.ndim) if axis not in axes), *axes]
    moved = x.transpose(order)
    n = math.prod(moved.shape[x.ndim - len(axes) :])
    rows = moved.reshape(math.prod(moved.shape[: x.ndim - len(axes)]), n)
    others = product_before(rows) * product_before(rows[:, ::-1])[:, ::-1]
    back = np.argsort(order).tolist()
    return dy.reshape(kept) * others.reshape(moved.shape).transpose(back)


PROD = Operation("prod", x=of_product)


def prod(x: Any, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
    """The product over all axes or the given ones; 1 if there are no elements.

    x is a tensor, or data for one, of any shape. Floats keep their dtype, integers stay integers.
    ArgumentError for axes out of range.

    >>> prod([[1.0, 2.0], [3.0, 4.0]]), prod([[1.0, 2.0], [3.0, 4.0]], axis=0)
    (tensor(24.), tensor([3., 8.]))
    """
    x, axes, kept, _ = reduced("prod", x, axis, wrong)
    y = apply("prod", lambda x: x.prod(axis=axes, keepdims=keepdims), x)
    return record(PROD, y, (x,), {"kept": kept, "axes": axes})
