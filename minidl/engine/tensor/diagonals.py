"""Diagonals and triangles of matrices."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, ShapeError, explain
from ...tools.checks import is_whole
from .base import as_tensor, normal_axes
from .indexing import put_back
from .operation import Operation, record
from .shapes import moveaxis

if TYPE_CHECKING:
    from . import Tensor


def check_offset(operation: str, offset: Any) -> None:
    """ArgumentError unless the offset of a diagonal is a whole number."""
    if not is_whole(offset, -(2**62)):
        raise ArgumentError(explain(operation, "a whole number for the diagonal", repr(offset)))


def diagonal_index(count: int, offset: int) -> tuple[Any, ...]:
    """The index of the elements x[..., i, i + offset]."""
    rows = np.arange(count) + max(-offset, 0)
    return (..., rows, rows + offset)


DIAGONAL = Operation(
    "diagonal", x=lambda dy, index, shape: put_back(dy, index, shape, is_once=True)
)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> "Tensor":
    """y[..., i] = x[i, i + offset, ...], the diagonals of matrices along two axes.

    The diagonal is the last axis of the result: a view, which can be written to. ShapeError for
    fewer than two axes.

    >>> import minidl
    >>> minidl.diagonal(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    x = as_tensor(x, "diagonal")
    check_offset("diagonal", offset)
    if x.ndim < 2:
        raise ShapeError(explain("diagonal", "at least two axes", f"shape {x.shape}"))
    axes = normal_axes("diagonal", (axis1, axis2), x.ndim)
    if axes != (x.ndim - 2, x.ndim - 1):
        x = moveaxis(x, axes, (-2, -1))
    y = x._array.diagonal(offset, -2, -1)
    y.flags.writeable = x._array.flags.writeable
    index = diagonal_index(y.shape[-1], offset)
    return record(DIAGONAL, y, (x,), {"index": index}, view_of=x)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> "Tensor":
    """The sum of each `diagonal`, of matrices along two axes. ShapeError for fewer than two axes.

    >>> trace([[1.0, 2.0], [3.0, 4.0]])
    tensor(5.)
    """
    return diagonal(x, offset, axis1, axis2).sum(-1)


DIAG = Operation("diag", x=lambda dy, index: dy[index])


def diag(x: Any, k: int = 0) -> "Tensor":
    """For a vector, the matrix with it as diagonal number k and 0 elsewhere; for a matrix, its
    diagonal number k. k counts upwards from the main diagonal, 0.

    >>> import minidl
    >>> minidl.diag(minidl.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    x = as_tensor(x, "diag")
    check_offset("diag", k)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(explain("diag", "a vector or a matrix", f"shape {x.shape}"))
    return record(DIAG, np.diag(x._array, k), (x,), {"index": diagonal_index(x.size, k)[1:]})


def triangle(operation: Operation, function: Any, x: Any, k: int) -> "Tensor":
    """np.tril or np.triu of the matrices along the last two axes."""
    x = as_tensor(x, operation.name)
    check_offset(operation.name, k)
    if x.ndim < 2:
        raise ShapeError(explain(operation.name, "at least two axes", f"shape {x.shape}"))
    return record(operation, function(x._array, k), (x,), {"k": k})


TRIL = Operation("tril", x=lambda dy, k: np.tril(dy, k))


def tril(x: Any, k: int = 0) -> "Tensor":
    """x[..., i, j] where j <= i + k, else 0: the triangle up to diagonal number k.

    >>> import minidl
    >>> minidl.tril(minidl.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return triangle(TRIL, np.tril, x, k)


TRIU = Operation("triu", x=lambda dy, k: np.triu(dy, k))


def triu(x: Any, k: int = 0) -> "Tensor":
    """x[..., i, j] where j >= i + k, else 0: the triangle from diagonal number k on.

    >>> import minidl
    >>> minidl.triu(minidl.ones(2, 2))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return triangle(TRIU, np.triu, x, k)
