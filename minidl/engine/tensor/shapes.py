"""Shapes: the same elements along other axes. These functions give views where NumPy does."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _kernels
from ...errors import ArgumentError, ShapeError, explain
from .base import Base, as_tensor, normal_axes
from .keywords import Never, refuse
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

Axes = int | tuple[int, ...] | None

RESHAPE = Operation("reshape", x=lambda dy, shape: dy.reshape(shape))
REVERSE = Operation("transpose", x=lambda dy: dy.T)
TRANSPOSE = Operation("transpose", x=lambda dy, order: dy.transpose(np.argsort(order).tolist()))
BROADCAST = Operation("broadcast_to", x=lambda dy: dy)  # summed over the copies, like all gradients


def given_apart(numbers: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values behind *numbers: f(2, 3) is f((2, 3))."""
    is_one = len(numbers) == 1 and isinstance(numbers[0], (tuple, list))
    return tuple(numbers[0]) if is_one else numbers


def broadcast_to(x: Any, shape: Any) -> "Tensor":
    """x stretched to this shape by NumPy's broadcasting: copies without memory of their own, which
    cannot be written to. ShapeError if x does not broadcast to the shape.

    >>> import minidl
    >>> minidl.broadcast_to(minidl.tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    x = as_tensor(x, "broadcast_to")
    try:
        y = np.broadcast_to(x._array, shape)
    except (ValueError, TypeError):
        raise ShapeError(
            explain("broadcast_to", f"a shape that {x.shape} can be stretched to", shape)
        ) from None
    return record(BROADCAST, y, (x,), view_of=x)


def squeeze(x: Any, axis: Axes = None, **wrong: Never) -> "Tensor":
    """x without the axes of length 1: all of them, or the given ones; a view. ShapeError if a given
    axis is longer.

    >>> import minidl
    >>> minidl.squeeze(minidl.zeros(1, 3, 1), axis=0).shape
    (3, 1)
    """
    refuse("squeeze", wrong)
    x = as_tensor(x, "squeeze")
    axes = [i for i, n in enumerate(x.shape) if n == 1]
    if axis is not None:
        axes = list(normal_axes("squeeze", axis, x.ndim))
    if any(x.shape[i] != 1 for i in axes):
        raise ShapeError(explain("squeeze", f"length 1 along axis {axis}", f"shape {x.shape}"))
    return x.reshape([n for i, n in enumerate(x.shape) if i not in axes])


def expand_dims(x: Any, axis: int | tuple[int, ...], **wrong: Never) -> "Tensor":
    """x with new axes of length 1 at these places of the result's shape; a view. PyTorch's
    `unsqueeze`.

    >>> import minidl
    >>> minidl.expand_dims(minidl.zeros(2, 3), (0, -1)).shape
    (1, 2, 3, 1)
    """
    refuse("expand_dims", wrong)
    x = as_tensor(x, "expand_dims")
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = normal_axes("expand_dims", tuple(given), x.ndim + len(given))
    lengths = iter(x.shape)
    return x.reshape([1 if i in axes else next(lengths) for i in range(x.ndim + len(axes))])


def swapaxes(x: Any, axis1: int, axis2: int) -> "Tensor":
    """x with two axes swapped; a view.

    >>> import minidl
    >>> minidl.swapaxes(minidl.zeros(2, 3, 4), 0, -1).shape
    (4, 3, 2)
    """
    x = as_tensor(x, "swapaxes")
    order = list(range(x.ndim))
    (i,), (j,) = (normal_axes("swapaxes", (axis,), x.ndim) for axis in (axis1, axis2))
    order[i], order[j] = j, i
    return x.transpose(order)


def moveaxis(x: Any, source: Any, destination: Any) -> "Tensor":
    """x with the axes `source` moved to the places `destination`, the others in order; a view.

    >>> import minidl
    >>> minidl.moveaxis(minidl.zeros(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    x = as_tensor(x, "moveaxis")
    sources = normal_axes("moveaxis", source, x.ndim)
    places = normal_axes("moveaxis", destination, x.ndim)
    if len(sources) != len(places):
        got = f"{source} and {destination}"
        raise ArgumentError(explain("moveaxis", "as many places as axes", got))
    order = [axis for axis in range(x.ndim) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return x.transpose(order)


class Shapes(Base):
    """The methods that change shapes."""

    __slots__ = ()

    def reshape(self, *shape: Any) -> "Tensor":
        """The same elements in another shape: reshape(2, -1) or reshape((2, -1)).

        -1 stands for the length that fits. ShapeError if the numbers of elements differ.

        >>> import minidl
        >>> minidl.arange(6).reshape(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
        """
        wanted = given_apart(shape)
        try:
            y = self._array.reshape(wanted)
        except (ValueError, TypeError):
            raise ShapeError(
                explain("reshape", f"a shape of {self.size} elements for {self.shape}", wanted)
            ) from None
        base = self if _kernels.starts_with(y, self._array) else None
        return record(RESHAPE, y, (self,), None, base)

    def flatten(self, start: int = 0, end: int = -1) -> "Tensor":
        """The elements of the axes from `start` to `end`, both included, along one axis.

        ArgumentError if `start` comes after `end`.

        >>> import minidl
        >>> minidl.zeros(2, 3, 4).flatten(1).shape
        (2, 12)
        """
        if self.ndim == 0:
            return self.reshape(1)
        (first,), (last,) = (normal_axes("flatten", (axis,), self.ndim) for axis in (start, end))
        if first > last:
            got = f"start={start}, end={end}"
            raise ArgumentError(explain("flatten", "start not to come after end", got))
        middle = math.prod(self.shape[first : last + 1])
        return self.reshape(*self.shape[:first], middle, *self.shape[last + 1 :])

    def ravel(self) -> "Tensor":
        """All elements along one axis."""
        return self.reshape(-1)

    def expand(self, *shape: Any) -> "Tensor":
        """`broadcast_to`, with -1 for an axis that keeps its length: expand(4, -1).

        >>> import minidl
        >>> minidl.zeros(3, 1).expand(2, -1, 4).shape
        (2, 3, 4)
        """
        wanted = list(given_apart(shape))
        for i in range(-1, -1 - min(len(wanted), self.ndim), -1):
            if wanted[i] == -1:
                wanted[i] = self.shape[i]
        return broadcast_to(self, tuple(wanted))

    def transpose(self, *axes: Any) -> "Tensor":
        """The axes in another order; reversed if none is given. A view.

        >>> import minidl
        >>> minidl.zeros(2, 3, 4).transpose(1, 0, 2).shape
        (3, 2, 4)
        """
        if not axes:
            return self.T
        wanted = given_apart(axes)
        order = normal_axes("transpose", wanted, self.ndim)
        if len(order) != self.ndim:
            raise ArgumentError(explain("transpose", f"all {self.ndim} axes once", wanted))
        y = self._array.transpose(order)
        return record(TRANSPOSE, y, (self,), {"order": order}, view_of=self)

    @property
    def T(self) -> "Tensor":
        """The axes in reverse order."""
        return record(REVERSE, self._array.T, (self,), None, self)
