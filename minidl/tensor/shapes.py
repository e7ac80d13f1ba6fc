"""Shapes: reshape, transpose, indexing, joining."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, DTypeError, ShapeError, explain
from ..tape import recording
from .arrays import Shape, unbroadcast
from .base import Base, as_tensor, normal_axes, record, require_float, wanted_shape

if TYPE_CHECKING:
    from . import Tensor


def raw_index(index: Any) -> Any:
    """An index as NumPy takes it. Arrays are copied: a backward pass will read them again."""
    if isinstance(index, tuple):
        return tuple(raw_index(part) for part in index)
    if isinstance(index, slice):
        return slice(raw_index(index.start), raw_index(index.stop), raw_index(index.step))
    if isinstance(index, Base) and index.dtype.kind == "f":
        raise DTypeError(explain("indexing", "integers or booleans", index.dtype))
    if isinstance(index, list) and not index:
        return np.empty(0, np.intp)
    return np.array(index) if isinstance(index, (Base, np.ndarray, list)) else index


def looked_up(data: np.ndarray, index: Any) -> np.ndarray:
    """data[index] as an array, of which NumPy's basic indexing makes a view."""
    try:
        found = data[index]
    except IndexError as error:
        raise IndexError(f"indexing a tensor of shape {data.shape}: {error}.") from None
    if isinstance(found, np.ndarray):
        return found
    # A single number: NumPy copies it out, but gives a view of it where an Ellipsis follows.
    return data[(*index, ...) if isinstance(index, tuple) else (index, ...)]


def last_written(dy: np.ndarray, index: Any) -> np.ndarray:
    """dy[index], but 0 for a value that, the index being repeated, a later one has replaced."""
    found = dy[index]
    numbers = np.arange(found.size).reshape(found.shape)
    writer = np.empty(dy.shape, numbers.dtype)
    writer[index] = numbers
    return np.where(writer[index] == numbers, found, np.zeros((), dy.dtype))


def same_place(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are the same elements of the same memory."""
    return a.__array_interface__ == b.__array_interface__


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
        shape, base = self.shape, self if np.may_share_memory(y, self._array) else None
        return record("reshape", y, (self,), lambda dy: (dy.reshape(shape),), view_of=base)

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
        y = self._array.transpose(order)
        return record("transpose", y, (self,), lambda dy: (dy.transpose(back),), view_of=self)

    @property
    def T(self) -> "Tensor":
        """The axes in reverse order."""
        return self.transpose()

    def __getitem__(self, index: Any) -> "Tensor":
        """Slices give views; integer and boolean arrays copy, and repeated indices add up."""
        where = raw_index(index)
        y = looked_up(self._array, where)
        is_view = np.may_share_memory(y, self._array)
        shape = self.shape

        def backward(dy: np.ndarray) -> tuple[np.ndarray]:
            if is_view:
                dx = np.zeros(shape, dy.dtype)
                dx[where] = dy
            else:  # one after the other, so many of float32 need a wider sum
                total = np.zeros(shape, np.float64)
                np.add.at(total, where, dy.astype(np.float64))
                dx = total.astype(dy.dtype, copy=False)
            return (dx,)

        return record("indexing", y, (self,), backward, view_of=self if is_view else None)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Writes in place; gradients go to `value` there and to the old values elsewhere."""
        where = raw_index(index)
        place = looked_up(self._array, where)
        new = self._assignable(value, place.shape)
        old_shape, new_shape = wanted_shape(self), wanted_shape(new)
        is_view = np.may_share_memory(place, self._array)

        def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
            d_old = d_new = None
            if old_shape is not None:
                d_old = np.array(dy)
                d_old[where] = 0
            if new_shape is not None:
                d_new = dy[where] if is_view else last_written(dy, where)
                d_new = unbroadcast(d_new, new_shape)
            return d_old, d_new

        if recording() and self._was_written_by(new, place):
            self._recorded = new._recorded
        history = record("item assignment", self._array, (self, new), backward)
        self.write("item assignment", new._array, history, where)

    def _assignable(self, value: Any, shape: Shape) -> "Tensor":
        """`value` as a tensor that can be written to a place of that shape."""
        operation = "item assignment"
        new = as_tensor(value, operation, like=self, numbers=None)
        added = new.ndim - len(shape)
        if added > 0 and new.shape[:added] == (1,) * added:
            new = new.reshape(new.shape[added:])
        try:
            np.broadcast_to(new._array, shape)
        except ValueError:
            raise ShapeError(
                explain(operation, f"a value that broadcasts to {shape}", new.shape)
            ) from None
        if new.requires_grad:
            require_float(operation, self)
        if self.dtype.kind != "f":
            with np.errstate(invalid="ignore"):
                held = new._array.astype(self.dtype)
            if not np.array_equal(held, new._array):
                raise DTypeError(
                    explain(
                        operation, f"values that {self.dtype} can hold", f"others ({new.dtype})"
                    )
                )
        return new

    def _was_written_by(self, view: Base, place: np.ndarray) -> bool:
        """Whether this tensor changed last, and only so far as its history does not know, when
        `view`, all of `place`, did: `x[i] += y` changes a view x[i] and then assigns it to x[i]."""
        memory = self._memory
        return (
            view._node is not None
            and view._memory is memory
            and view._node.age == memory.last_writer
            and self._recorded == memory.recorded_writes - 1
            and same_place(view._array, place)
        )

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a tensor without axes")
        return len(self._array)

    def __iter__(self) -> "Iterator[Tensor]":
        return (self[i] for i in range(len(self)))


def concatenate(tensors: Iterable[Any], axis: int = 0) -> "Tensor":
    """Joins tensors along an axis that they have.

    >>> import minidl
    >>> minidl.concatenate([minidl.tensor([1.0]), minidl.tensor([2.0, 3.0])])
    tensor([1., 2., 3.])
    """
    parts = _sequence("concatenate", tensors)
    (along,) = normal_axes("concatenate", (axis,), parts[0].ndim)
    rest = {(*p.shape[:along], *p.shape[along + 1 :], p.ndim) for p in parts}
    if len(rest) != 1:
        shapes = ", ".join(str(p.shape) for p in parts)
        raise ShapeError(explain("concatenate", f"equal shapes but for axis {along}", shapes))
    ends = np.cumsum([p.shape[along] for p in parts])[:-1]
    y = np.concatenate([p._array for p in parts], axis=along)
    return record("concatenate", y, parts, lambda dy: np.split(dy, ends, axis=along))


def stack(tensors: Iterable[Any], axis: int = 0) -> "Tensor":
    """Joins tensors of one shape along a new axis."""
    parts = _sequence("stack", tensors)
    if len({p.shape for p in parts}) != 1:
        raise ShapeError(explain("stack", "equal shapes", ", ".join(str(p.shape) for p in parts)))
    (along,) = normal_axes("stack", (axis,), parts[0].ndim + 1)
    y = np.stack([p._array for p in parts], axis=along)
    return record("stack", y, parts, lambda dy: [np.take(dy, i, along) for i in range(len(parts))])


def _sequence(operation: str, tensors: Iterable[Any]) -> list["Tensor"]:
    """The tensors to join; what holds no floats is a constant beside one that does."""
    if not isinstance(tensors, Iterable):
        raise DTypeError(explain(operation, "a list of tensors", type(tensors).__name__))
    values = list(tensors)
    if not values:
        raise ArgumentError(explain(operation, "at least one tensor", "none"))
    floats = (v for v in values if isinstance(v, Base) and v.dtype.kind == "f")
    like = next(floats, None)
    return [as_tensor(value, operation, like) for value in values]
