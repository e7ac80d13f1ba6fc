"""Sums of products of two tensors: tensordot, dot, inner, outer, and the parts of einsum.

Each axis has a label, a letter or a number. To contract two tensors, their axes are arranged as
those of matrices. Labels of both tensors that the result has too count matrices; labels of both
that the result does not have are summed over; labels of one tensor make rows or columns.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, ShapeError, explain
from ...tools.checks import is_whole
from .arithmetic import matrices, multiply, operands
from .base import Base, as_tensor, normal_axes
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

Labels = tuple[Any, ...]  # one for each axis


def lengths(*parts: tuple[Any, Labels]) -> dict[Any, int]:
    """The length of each label's axes; ShapeError if lengths other than 1 differ."""
    found: dict[Any, int] = {}
    for x, labels in parts:
        for label, n in zip(labels, x.shape, strict=True):
            if found.get(label, 1) == 1:
                found[label] = n
            elif n not in (1, found[label]):
                shapes = " and ".join(str(x.shape) for x, _ in parts)
                expected = f"axes {label!r} of one length (or 1)"
                raise ShapeError(explain("einsum", expected, f"shapes {shapes}"))
    return found


def laid_out(
    x: np.ndarray, labels: Labels, groups: Sequence[Labels], sizes: dict[Any, int]
) -> np.ndarray:
    """x with one axis for each group of its labels."""
    order = [label for group in groups for label in group]
    x = x.transpose([labels.index(label) for label in order])
    return x.reshape([math.prod([sizes[label] for label in group]) for group in groups])


def contracted(x: Any, y: Any, of_x: Labels, of_y: Labels, of_result: Labels) -> Any:
    """The products of x and y, arrays or tensors, summed over labels that the result does not have.

    Each label occurs in exactly two of x, y and the result, or in all three, and once in each.
    """
    if isinstance(x, Base) or isinstance(y, Base):
        return contract(as_tensor(x), as_tensor(y), of_x, of_y, of_result)
    sizes = dict(zip(of_x + of_y, x.shape + y.shape, strict=True))
    both = [label for label in of_x if label in of_y]
    batch = tuple(label for label in both if label in of_result)
    summed = tuple(label for label in both if label not in of_result)
    rows = tuple(label for label in of_x if label not in of_y)
    columns = tuple(label for label in of_y if label not in of_x)
    a = laid_out(x, of_x, (batch, rows, summed), sizes)
    b = laid_out(y, of_y, (batch, summed, columns), sizes)
    c = matrices(a, b) if summed else a * b
    found = (*batch, *rows, *columns)
    c = c.reshape([sizes[label] for label in found])
    return c.transpose([found.index(label) for label in of_result])


EINSUM = Operation(
    "einsum",
    x=lambda dy, y, of_x, of_y, of_result: contracted(dy, y, of_result, of_y, of_x),
    y=lambda dy, x, of_x, of_y, of_result: contracted(dy, x, of_result, of_x, of_y),
)


def contract(
    x: "Tensor", y: "Tensor", of_x: Labels, of_y: Labels, of_result: Labels
) -> "Tensor":  # fmt: skip
    """The sum of products of two tensors with any labels, where 1 broadcasts."""
    sizes = lengths((x, of_x), (y, of_y))
    # An axis of length 1 beside a longer one counts as no axis.
    x, of_x = summed_over(x, of_x, {a for a, n in zip(of_x, x.shape, strict=True) if n != sizes[a]})
    y, of_y = summed_over(y, of_y, {a for a, n in zip(of_y, y.shape, strict=True) if n != sizes[a]})
    x, of_x = summed_over(x, of_x, {*of_x}.difference(of_y, of_result))
    y, of_y = summed_over(y, of_y, {*of_y}.difference(of_x, of_result))
    options = {"of_x": of_x, "of_y": of_y, "of_result": of_result}
    return record(EINSUM, contracted(x._array, y._array, **options), (x, y), options)


def summed_over(x: "Tensor", labels: Labels, summed: set[Any]) -> tuple["Tensor", Labels]:
    """x summed over some of its labels, and the others."""
    axes = tuple(axis for axis, label in enumerate(labels) if label in summed)
    return (x.sum(axes) if axes else x), tuple(label for label in labels if label not in summed)


def tensordot(x: Any, y: Any, axes: Any = 2) -> "Tensor":
    """The products of x and y, summed over the last `axes` axes of x and the first `axes` of y, or
    over two given lists of axes.

    The result has the other axes of x, then those of y. Both are tensors, or data for one.
    ShapeError for axes of different lengths, ArgumentError for axes out of range.

    >>> tensordot([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0], axes=1)
    tensor([12., 34.])
    """
    a, b = operands("tensordot", x, y)
    if is_whole(axes, 0):
        axes = (list(range(a.ndim - axes, a.ndim)), list(range(axes)))
    if not isinstance(axes, (tuple, list)) or len(axes) != 2:
        expected = "a number of axes, or axes of x and axes of y"
        raise ArgumentError(explain("tensordot", expected, f"axes={axes!r}"))
    return summed_along("tensordot", a, b, *axes)


def dot(x: Any, y: Any) -> "Tensor":
    """The sum of products over the last axis of x and the last but one of y (or its only one).

    For vectors it is their scalar product, for matrices x @ y, for a number and a tensor x · y.
    Both are tensors, or data for one. ShapeError for axes of different lengths.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    tensor(11.)
    """
    a, b = operands("dot", x, y)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    return summed_along("dot", a, b, -1, -2 if b.ndim > 1 else -1)


def inner(x: Any, y: Any) -> "Tensor":
    """The sum of products over the last axes of x and y; for vectors their scalar product.

    >>> inner([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0])
    tensor([12., 34.])
    """
    a, b = operands("inner", x, y)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    return summed_along("inner", a, b, -1, -1)


def outer(x: Any, y: Any) -> "Tensor":
    """The product of every element of x with every element of y: z_ij = x_i y_j of flat tensors.

    >>> outer([1.0, 2.0], [3.0, 4.0])
    tensor([[3., 4.],
            [6., 8.]])
    """
    a, b = operands("outer", x, y)
    return multiply(a.reshape(-1, 1), b.reshape(1, -1))


def summed_along(operation: str, x: "Tensor", y: "Tensor", of_x: Any, of_y: Any) -> "Tensor":
    """The products of x and y, summed over pairs of axes of equal length."""
    axes_x, axes_y = normal_axes(operation, of_x, x.ndim), normal_axes(operation, of_y, y.ndim)
    if [x.shape[i] for i in axes_x] != [y.shape[i] for i in axes_y]:
        got = f"axes {of_x} of {x.shape} and {of_y} of {y.shape}"
        raise ShapeError(explain(operation, "pairs of axes of equal lengths", got))
    labels_x, labels_y = list(range(x.ndim)), list(range(x.ndim, x.ndim + y.ndim))
    for i, j in zip(axes_x, axes_y, strict=True):
        labels_y[j] = i
    result = [label for label in labels_x + labels_y if label not in axes_x]
    return contract(x, y, tuple(labels_x), tuple(labels_y), tuple(result))
