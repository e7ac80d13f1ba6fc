"""Elements by their places along an axis: take, gather, scatter."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DTypeError, ShapeError, explain
from .arrays import Shape
from .base import Base, as_tensor, normal_axes, require_float
from .elementwise import where
from .indexing import WHOLE, as_places, looked_up, put_back
from .keywords import Never, refuse
from .shapes import broadcast_to

if TYPE_CHECKING:
    from . import Tensor


def take(x: Any, indices: Any, axis: int | None = None, **wrong: Never) -> "Tensor":
    """x[indices] along an axis, or of the flat tensor; the axes of `indices` replace that axis.

    DTypeError for indices that are not whole numbers, IndexError for one out of range.

    >>> import minidl
    >>> minidl.take(minidl.tensor([[1.0, 2.0, 3.0]]), [2, 0, 0], axis=1)
    tensor([[3., 1., 1.]])
    """
    refuse("take", wrong)
    x = as_tensor(x, "take")
    places = as_places("take", indices)
    if places.dtype.kind not in "iu":
        raise DTypeError(explain("take", "whole numbers", places.dtype, "x[mask]"))
    if axis is None:
        return x.reshape(-1)[places]
    (along,) = normal_axes("take", (axis,), x.ndim)
    return x[(*[WHOLE] * along, places)]


def along_axis(operation: str, x: Base, index: Any, axis: int, lengths: Shape | None) -> Any:
    """The index of x that takes `index` along one axis, and along every other axis all places up to
    its length."""
    (along,) = normal_axes(operation, (axis,), x.ndim)
    places = as_places(operation, index)
    if places.dtype.kind not in "iu" or places.ndim != x.ndim:
        expected = f"whole numbers with {x.ndim} axes"
        got = f"{places.dtype} of shape {places.shape}"
        raise ShapeError(explain(operation, expected, got, "take(x, index, axis)"))
    lengths = places.shape if lengths is None else lengths
    grid = list(np.ogrid[tuple([slice(n) for n in lengths])])
    grid[along] = places
    return tuple(grid)


def take_along_axis(x: Any, indices: Any, axis: int | None = -1, **wrong: Never) -> "Tensor":
    """y[i, j] = x[i, indices[i, j]] along the last axis, and likewise along any other.

    `argsort` and `argmax(keepdims=True)` give such indices. `indices` has as many axes as x; all
    but the chosen one have the same length as in x, or 1. Without an axis, x and the result are
    flat. IndexError for an index out of range.

    >>> import minidl
    >>> x = minidl.tensor([[3.0, 1.0, 2.0]])
    >>> minidl.take_along_axis(x, minidl.argsort(x))
    tensor([[1., 2., 3.]])
    """
    refuse("take_along_axis", wrong)
    x = as_tensor(x, "take_along_axis")
    if axis is None:
        x, axis = x.reshape(-1), 0
    return x[along_axis("take_along_axis", x, indices, axis, x.shape)]


def gather(x: Any, axis: int, index: Any, **wrong: Never) -> "Tensor":
    """y[i, j] = x[i, index[i, j]] along the last axis, and likewise along any other.

    As PyTorch's: `index` has as many axes as x, may be shorter, and has the shape of the result.
    IndexError for an index out of range.

    >>> import minidl
    >>> minidl.gather(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, [[1, 1, 0]])
    tensor([[2., 2., 1.]])
    """
    refuse("gather", wrong)
    x = as_tensor(x, "gather")
    return x[along_axis("gather", x, index, axis, None)]


def scatter(x: Any, axis: int, index: Any, values: Any, **wrong: Never) -> "Tensor":
    """A copy of x with y[i, index[i, j]] = values[i, j] along the last axis, and likewise along any
    other.

    As PyTorch's. `values` broadcast to the shape of `index`; if several go to one place, the last
    one stays.

    >>> import minidl
    >>> minidl.scatter(minidl.zeros(2, 3), 1, [[2], [0]], 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    refuse("scatter", wrong)
    y = as_tensor(x, "scatter").copy()
    y[along_axis("scatter", y, index, axis, None)] = values
    return y


def scatter_add(x: Any, axis: int, index: Any, values: Any, **wrong: Never) -> "Tensor":
    """A copy of x with y[i, index[i, j]] += values[i, j] along the last axis, and likewise along
    any other.

    As PyTorch's. `values` broadcast to the shape of `index`; if several go to one place, all are
    added.

    >>> import minidl
    >>> minidl.scatter_add(minidl.zeros(3), 0, [2, 0, 2], [1.0, 10.0, 100.0])
    tensor([ 10.,   0., 101.])
    """
    refuse("scatter_add", wrong)
    x = as_tensor(x, "scatter_add")
    where = along_axis("scatter_add", x, index, axis, None)
    added = broadcast_to(as_tensor(values, "scatter_add", like=x), looked_up(x._array, where).shape)
    require_float("scatter_add", x, added)
    return x + put_back(added, where, x.shape, is_once=False)


def masked_fill(x: Any, mask: Any, value: Any) -> "Tensor":
    """`value` where the mask holds, else x. Elements of x that it hides get no gradient.

    >>> import minidl
    >>> x = minidl.tensor([1.0, -2.0])
    >>> x.masked_fill(x < 0, 0.0)
    tensor([1., 0.])
    """
    return where(mask, value, x)
