"""Shapes: reshape, transpose, indexing, joining."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, DTypeError, ShapeError, explain
from .base import FLOATS, Base, as_tensor, normal_axes, record, require_float, unbroadcast

if TYPE_CHECKING:
    from . import Tensor


def raw_index(index: Any) -> Any:
    """An index with the tensors in it replaced by their arrays."""
    if isinstance(index, tuple):
        return tuple(raw_index(part) for part in index)
    if isinstance(index, Base):
        if index.dtype in FLOATS:
            raise DTypeError(explain("indexing", "integers or booleans", index.dtype))
        return index._data
    return np.asarray(index) if isinstance(index, list) else index


def is_basic(index: Any) -> bool:
    """Whether NumPy answers this index with a view (no arrays in it)."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer))
        for part in parts
        if not isinstance(part, (bool, np.bool_))
    ) and not any(isinstance(part, (bool, np.bool_)) for part in parts)


def looked_up(data: np.ndarray, index: Any) -> Any:
    """data[index], with NumPy's complaint as a plain IndexError that names the shape."""
    try:
        return data[index]
    except IndexError as error:
        raise IndexError(f"indexing a tensor of shape {data.shape}: {error}.") from None


class Shapes(Base):
    """The methods that arrange elements anew. Where NumPy gives a view, so do they."""

    __slots__ = ()

    def reshape(self, *shape: Any) -> "Tensor":
        """The same elements in another shape, reshape(2, -1) or reshape((2, -1))."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        try:
            y = self._data.reshape(wanted)
        except (ValueError, TypeError):
            raise ShapeError(
                explain(
                    "reshape", f"a shape of {self.size} elements for {self.shape}", tuple(wanted)
                )
            ) from None
        return record("reshape", y, (self,), lambda dy: (dy.reshape(self.shape),), view_of=self)

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
        back = tuple(int(i) for i in np.argsort(order))
        y = self._data.transpose(order)
        return record("transpose", y, (self,), lambda dy: (dy.transpose(back),), view_of=self)

    @property
    def T(self) -> "Tensor":
        """The axes in reverse order."""
        return self.transpose()

    def __getitem__(self, index: Any) -> "Tensor":
        """Slices give views; integer and boolean arrays copy, and repeated indices add up."""
        where = raw_index(index)
        y = looked_up(self._data, where)
        view = is_basic(where)

        def backward(dy: np.ndarray) -> tuple[np.ndarray]:
            dx = np.zeros(self.shape, dy.dtype)
            if view:
                dx[where] = dy
            else:
                np.add.at(dx, where, dy)
            return (dx,)

        return record("indexing", y, (self,), backward, view_of=self if view else None)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Writes in place; gradients go to `value` there and to the old values elsewhere."""
        where = raw_index(index)
        place = looked_up(self._data, where)
        new = as_tensor(value, "item assignment", like=self)
        try:
            np.broadcast_to(new._data, place.shape)
        except ValueError:
            raise ShapeError(
                explain("item assignment", f"a value that broadcasts to {place.shape}", new.shape)
            ) from None
        if new.requires_grad:
            require_float("item assignment", self)
        result = self._data.copy()
        result[where] = new._data

        def backward(dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            d_old = dy.copy()
            d_old[where] = 0
            # Where an index is repeated, only the value that was written last is there.
            writer = np.full(dy.shape, -1)
            numbers = np.arange(place.size).reshape(place.shape)
            writer[where] = numbers
            d_new = np.where(writer[where] == numbers, dy[where], np.zeros((), dy.dtype))
            leading = (1,) * (new.ndim - d_new.ndim)  # a value may have more axes than its place
            return d_old, unbroadcast(d_new.reshape(leading + d_new.shape), new)

        self.write("item assignment", record("item assignment", result, (self, new), backward))

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a tensor without axes")
        return len(self._data)

    def __iter__(self) -> "Iterator[Tensor]":
        return (self[i] for i in range(len(self)))


def concatenate(tensors: Sequence[Any], axis: int = 0) -> "Tensor":
    """Joins tensors along an axis that they have.

    >>> import minidl
    >>> minidl.concatenate([minidl.tensor([1.0]), minidl.tensor([2.0, 3.0])])
    tensor([1., 2., 3.])
    """
    parts = _sequence("concatenate", tensors)
    (along,) = normal_axes("concatenate", axis, parts[0].ndim)
    rest = {(*p.shape[:along], *p.shape[along + 1 :], p.ndim) for p in parts}
    if len(rest) != 1:
        shapes = ", ".join(str(p.shape) for p in parts)
        raise ShapeError(explain("concatenate", f"equal shapes but for axis {along}", shapes))
    ends = np.cumsum([p.shape[along] for p in parts])[:-1]
    y = np.concatenate([p._data for p in parts], axis=along)
    return record("concatenate", y, parts, lambda dy: np.split(dy, ends, axis=along))


def stack(tensors: Sequence[Any], axis: int = 0) -> "Tensor":
    """Joins tensors of one shape along a new axis."""
    parts = _sequence("stack", tensors)
    if len({p.shape for p in parts}) != 1:
        raise ShapeError(explain("stack", "equal shapes", ", ".join(str(p.shape) for p in parts)))
    (along,) = normal_axes("stack", axis, parts[0].ndim + 1)
    y = np.stack([p._data for p in parts], axis=along)
    return record("stack", y, parts, lambda dy: [np.take(dy, i, along) for i in range(len(parts))])


def _sequence(operation: str, tensors: Sequence[Any]) -> list["Tensor"]:
    parts = [as_tensor(t, operation) for t in tensors]
    if not parts:
        raise ArgumentError(explain(operation, "at least one tensor", "none"))
    return parts
