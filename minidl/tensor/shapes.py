"""Shapes: the same elements along other axes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, ShapeError, explain
from .base import Base, as_tensor, normal_axes
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor


BROADCAST = Operation("broadcast_to", x=lambda dy: dy)  # summed over the copies, as all are


def broadcast_to(x: Any, shape: Any) -> "Tensor":
    """x, stretched to this shape by NumPy's broadcasting: copies without memory of their own.

    >>> import minidl
    >>> minidl.broadcast_to(minidl.tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    x = as_tensor(x, "broadcast_to")
    try:
        y = np.broadcast_to(x._array, shape)
    except ValueError:
        raise ShapeError(
            explain("broadcast_to", f"a shape that {x.shape} can be stretched to", shape)
        ) from None
    return record(BROADCAST, y, (x,), view_of=x)


RESHAPE = Operation("reshape", x=lambda dy, shape: dy.reshape(shape))
TRANSPOSE = Operation("transpose", x=lambda dy, order: dy.transpose(np.argsort(order).tolist()))


class Shapes(Base):
    """The methods that arrange elements anew. Where NumPy gives a view, so do they."""

    __slots__ = ()

    def reshape(self, *shape: Any) -> "Tensor":
        """The same elements in another shape, reshape(2, -1) or reshape((2, -1))."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        try:
            y = self._array.reshape(wanted)
        except (ValueError, TypeError):
            raise ShapeError(
                explain(
                    "reshape", f"a shape of {self.size} elements for {self.shape}", tuple(wanted)
                )
            ) from None
        base = self if np.may_share_memory(y, self._array) else None
        return record(RESHAPE, y, (self,), view_of=base)

    def flatten(self) -> "Tensor":
        """All elements along one axis."""
        return self.reshape(-1)

    def transpose(self, *axes: Any) -> "Tensor":
        """The axes in another order; reversed if none is given."""
        wanted = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
        order = normal_axes("transpose", tuple(wanted), self.ndim) if wanted else None
        order = tuple(reversed(range(self.ndim))) if order is None else order
        if len(order) != self.ndim:
            raise ArgumentError(explain("transpose", f"all {self.ndim} axes once", tuple(wanted)))
        y = self._array.transpose(order)
        return record(TRANSPOSE, y, (self,), {"order": order}, view_of=self)

    def swapaxes(self, first: int, second: int) -> "Tensor":
        """Two axes in each other's place."""
        order = list(range(self.ndim))
        i, j = normal_axes("swapaxes", (first, second), self.ndim) if first != second else (0, 0)
        order[i], order[j] = order[j], order[i]
        return self.transpose(order)

    @property
    def T(self) -> "Tensor":
        """The axes in reverse order."""
        return self.transpose()
