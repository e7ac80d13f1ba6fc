"""Reductions over one, several or all axes.

Each takes a tensor, or data for one, of any shape. `axis` is a number or several, None for all. The
result is without these axes; `keepdims` keeps them with length 1. Floats keep their dtype.
ArgumentError for axes that are out of range, or given twice.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _kernels
from ...errors import ArgumentError, DTypeError, ShapeError, explain
from .arrays import FLOATS, Shape, as_dtype, same, summed
from .base import Base, apply, as_tensor, new_result, normal_axes
from .keywords import Never, refuse
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

Axis = int | tuple[int, ...] | None


def of_extremum(dy: Any, x: Any, result: Any, kept: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """The gradient of a largest or smallest element; elements that are the same share it."""
    winners = same(x, result.reshape(kept))
    share = dy.reshape(kept) / winners.sum(axis=axes, keepdims=True).astype(dy.dtype)
    return np.where(winners, share, 0)


def reduced(
    operation: str, x: Any, axis: Axis, wrong: dict[str, Any]
) -> tuple["Tensor", tuple[int, ...], tuple[int, ...], int]:
    """x as a tensor, the axes, the shape with these at length 1, and how many elements make one
    element of the result."""
    if wrong:
        refuse(operation, wrong)
    x = as_tensor(x, operation)
    axes = tuple(sorted(normal_axes(operation, axis, x.ndim)))
    kept = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
    return x, axes, kept, math.prod([x.shape[i] for i in axes])


def spread(dy: Any, shape: Shape) -> Any:
    """dy stretched to this shape, as an array of its own: NumPy takes 3 us to make a view of one
    number, and a tenth of that to fill one of the small arrays that sums usually have."""
    if isinstance(dy, Base):
        return np.broadcast_to(dy, shape)  # type: ignore[call-overload]
    dx = np.empty(shape, dy.dtype)
    dx[...] = dy
    return dx


WHOLE = {"kept": (), "axes": None}  # the options of a reduction over all axes
SUM = Operation("sum", x=lambda dy, kept, shape: spread(dy.reshape(kept), shape))


def sum(
    x: Any, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None, **wrong: Never
) -> "Tensor":
    """The sum; 0 if there are no elements. Integers stay integers; of masks the True are counted.
    `dtype` converts the elements first.

    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    tensor([4., 6.])
    """
    if axis is None and not keepdims and dtype is None and not wrong and isinstance(x, Base):
        total = _kernels.sums.total(x._array)
        if total is not None:
            return record(SUM, total, (x,), WHOLE)
    x, axes, kept, _ = reduced("sum", x, axis, wrong)
    if dtype is not None:
        x = x.astype(dtype)
    total = apply("sum", lambda x: summed(x, axes, keepdims), x)
    return record(SUM, total, (x,), {"kept": kept})


MEAN = Operation(
    "mean",
    x=lambda dy, kept, shape, count: spread(dy.reshape(kept) / (count or 1), shape),
)


def mean(
    x: Any, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None, **wrong: Never
) -> "Tensor":
    """The mean; NaN if there are no elements. Integers and masks give float32; `dtype` may be
    float32 or float64.

    >>> mean([[1.0, 2.0], [3.0, 4.0]], axis=1)
    tensor([1.5, 3.5])
    """
    if axis is None and not keepdims and dtype is None and not wrong and isinstance(x, Base):
        total = _kernels.sums.total(x._array)
        if total is not None:
            count = x._array.size
            y = _kernels.arithmetic.divide(total, _kernels.number(count, total))
            return record(MEAN, y, (x,), {"kept": (), "count": count})
    x, axes, kept, count = reduced("mean", x, axis, wrong)
    own = x.dtype if x.dtype in FLOATS else np.dtype(np.float32)
    wanted = own if dtype is None else as_dtype("mean", dtype)
    if wanted not in FLOATS:
        raise DTypeError(explain("mean", "dtype float32 or float64", wanted))
    if x.dtype in FLOATS and x.dtype != wanted:
        x = x.astype(wanted)

    def forward(x: np.ndarray) -> np.ndarray:
        floats = x if x.dtype in FLOATS else x.astype(np.float64)
        total = summed(floats, axes, keepdims)
        return np.asarray(total / total.dtype.type(count), wanted)

    return record(MEAN, apply("mean", forward, x), (x,), {"kept": kept, "count": count})


def var(
    x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0, **wrong: Never
) -> "Tensor":
    """The variance: the sum of (x - mean)² divided by n - ddof.

    ddof is 0 as in NumPy; PyTorch's `var` divides by n - 1: use ddof=1. ShapeError unless there are
    more than ddof elements.

    >>> var([1.0, 3.0]), var([1.0, 3.0], ddof=1)
    (tensor(1.), tensor(2.))
    """
    centred, axes, count = deviations("var", x, axis, ddof, wrong)
    return (centred * centred).sum(axes, keepdims) / count


def deviations(
    operation: str, x: Any, axis: Axis, ddof: int, wrong: dict[str, Any]
) -> tuple["Tensor", tuple[int, ...], int]:
    """x minus its mean, the axes, and n - ddof; ShapeError unless n - ddof is positive."""
    x, axes, _, count = reduced(operation, x, axis, wrong)
    if count <= ddof:
        got = f"{count} of shape {x.shape}"
        raise ShapeError(explain(operation, f"more than ddof={ddof} elements", got))
    return x - x.mean(axes, keepdims=True), axes, count - ddof


MAX = Operation("max", np.maximum.reduce, x=of_extremum)
MIN = Operation("min", np.minimum.reduce, x=of_extremum)


def max(x: Any, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
    """The largest element; NaN if any element is NaN. Several that are the same, or NaN, share the
    gradient equally. ShapeError if there is no element.

    >>> max([[1.0, 2.0], [3.0, 4.0]], axis=1)
    tensor([2., 4.])
    """
    return extremum(MAX, x, axis, keepdims, wrong)


def min(x: Any, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
    """The smallest element; NaN if any element is NaN. Several that are the same, or NaN, share the
    gradient equally. ShapeError if there is no element.

    >>> min([[1.0, 2.0], [3.0, 4.0]], axis=1)
    tensor([1., 3.])
    """
    return extremum(MIN, x, axis, keepdims, wrong)


def extremum(
    operation: Operation, x: Any, axis: Axis, keepdims: bool, wrong: dict[str, Any]
) -> "Tensor":  # fmt: skip
    """The largest or the smallest element."""
    forward: Any = operation.forward
    if axis is None and not keepdims and not wrong and isinstance(x, Base):
        y = getattr(_kernels.extremes, operation.name)(x._array)
        if y is not None:
            return record(operation, y, (x,), WHOLE)
    x, axes, kept, count = reduced(operation.name, x, axis, wrong)
    if count == 0:
        raise ShapeError(explain(operation.name, "at least one element", f"shape {x.shape}"))
    y = forward(x._array, axis=axes, keepdims=keepdims)
    return record(operation, y, (x,), {"kept": kept, "axes": axes})


def argmax(x: Any, axis: int | None = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
    """The index of the first largest element, along one axis or in the flat tensor. ShapeError if
    there is no element.

    >>> argmax([[1.0, 2.0], [4.0, 3.0]], axis=1)
    tensor([1, 0])
    """
    return index_of("argmax", x, axis, keepdims, wrong)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
    """The index of the first smallest element, along one axis or in the flat tensor. ShapeError if
    there is no element.

    >>> argmin([[1.0, 2.0], [4.0, 3.0]], axis=1)
    tensor([0, 1])
    """
    return index_of("argmin", x, axis, keepdims, wrong)


def index_of(
    operation: str, x: Any, axis: int | None, keepdims: bool, wrong: dict[str, Any]
) -> "Tensor":  # fmt: skip
    """The index of the first extreme element."""
    x, axes, kept, count = reduced(operation, x, axis, wrong)
    if axis is not None and len(axes) != 1:
        raise ArgumentError(explain(operation, "one axis or None", f"axis={axis!r}"))
    if count == 0:
        raise ShapeError(explain(operation, "at least one element", f"shape {x.shape}"))
    index = np.asarray(getattr(x._array, operation)(axis=None if axis is None else axes[0]))
    return new_result(index.reshape(kept) if keepdims else index)


def all(x: Any, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
    """Whether all elements are true (not 0).

    >>> all([[True, False], [True, True]], axis=1)
    tensor([False,  True])
    """
    x, axes, _, _ = reduced("all", x, axis, wrong)
    return new_result(np.asarray(x._array.all(axis=axes, keepdims=keepdims)))


def any(x: Any, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
    """Whether any element is true (not 0).

    >>> any([[True, False], [False, False]], axis=1)
    tensor([ True, False])
    """
    x, axes, _, _ = reduced("any", x, axis, wrong)
    return new_result(np.asarray(x._array.any(axis=axes, keepdims=keepdims)))
