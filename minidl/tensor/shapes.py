"""Shapes: reshape, transpose, indexing, joining."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, DTypeError, ShapeError, explain
from ..tape import recording
from .arrays import Shape
from .base import Base, as_tensor, normal_axes, require_float
from .keywords import Never, refuse
from .operation import Operation, record

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


def put(dy: np.ndarray, index: Any, shape: Shape, is_view: bool) -> np.ndarray:
    """An array of zeros to which dy is added at the index."""
    if is_view:
        dx = np.zeros(shape, dy.dtype)
        dx[index] = dy
        return dx
    total = np.zeros(shape, np.float64)  # one after the other, so many of float32 need a wider sum
    np.add.at(total, index, dy.astype(np.float64))
    return total.astype(dy.dtype, copy=False)


PUT = Operation("put", x=lambda dy, index: dy[index])


def put_back(dy: Any, index: Any, shape: Shape, is_view: bool) -> Any:
    """The gradient of x[index], for x of this shape: `put`, of an array or a tensor."""
    if not isinstance(dy, Base):
        return put(dy, index, shape, is_view)
    dx = put(dy._array, index, shape, is_view)
    return record(PUT, dx, (dy,), {"index": index})


def cleared(dy: Any, index: Any) -> Any:
    """dy, but 0 at the index: the gradient of what an assignment leaves as it was."""
    dx: Any = 1 * dy if isinstance(dy, Base) else np.array(dy)  # type: ignore[operator]
    dx[index] = 0
    return dx


def last_written(dy: Any, index: Any, is_view: bool) -> Any:
    """dy[index], but 0 for a value that, the index being repeated, a later one has replaced."""
    found = dy[index]
    if is_view:
        return found
    numbers = np.arange(found.size).reshape(found.shape)
    writer = np.empty(dy.shape, numbers.dtype)
    writer[index] = numbers
    return np.where(writer[index] == numbers, found, 0)


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
INDEXING = Operation("indexing", x=put_back)
ITEM_ASSIGNMENT = Operation("item assignment", x=cleared, value=last_written)
CONCATENATE = Operation(
    "concatenate", each=lambda dy, i, ends, axis: dy[(slice(None),) * axis + (slice(*ends[i]),)]
)
STACK = Operation("stack", each=lambda dy, i, axis: dy[(slice(None),) * axis + (i,)])


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

    def __getitem__(self, index: Any) -> "Tensor":
        """Slices give views; integer and boolean arrays copy, and repeated indices add up."""
        where = raw_index(index)
        y = looked_up(self._array, where)
        is_view = np.may_share_memory(y, self._array)
        options = {"index": where, "is_view": is_view}
        return record(INDEXING, y, (self,), options, view_of=self if is_view else None)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Writes in place; gradients go to `value` there and to the old values elsewhere."""
        where = raw_index(index)
        place = looked_up(self._array, where)
        new = self._assignable(value, place.shape)
        is_view = np.may_share_memory(place, self._array)
        if recording() and self._was_written_by(new, place):
            self._recorded = new._recorded
        options = {"index": where, "is_view": is_view}
        history = record(ITEM_ASSIGNMENT, self._array, (self, new), options)
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


def concatenate(tensors: Iterable[Any], axis: int = 0, **wrong: Never) -> "Tensor":
    """Joins tensors along an axis that they have.

    >>> import minidl
    >>> minidl.concatenate([minidl.tensor([1.0]), minidl.tensor([2.0, 3.0])])
    tensor([1., 2., 3.])
    """
    if wrong:
        refuse("concatenate", wrong)
    parts = _sequence("concatenate", tensors)
    (along,) = normal_axes("concatenate", (axis,), parts[0].ndim)
    rest = {(*p.shape[:along], *p.shape[along + 1 :], p.ndim) for p in parts}
    if len(rest) != 1:
        shapes = ", ".join(str(p.shape) for p in parts)
        raise ShapeError(explain("concatenate", f"equal shapes but for axis {along}", shapes))
    ends = list(pairwise([0, *accumulate(p.shape[along] for p in parts)]))
    y = np.concatenate([p._array for p in parts], axis=along)
    return record(CONCATENATE, y, tuple(parts), {"ends": ends, "axis": along})


def stack(tensors: Iterable[Any], axis: int = 0, **wrong: Never) -> "Tensor":
    """Joins tensors of one shape along a new axis."""
    if wrong:
        refuse("stack", wrong)
    parts = _sequence("stack", tensors)
    if len({p.shape for p in parts}) != 1:
        raise ShapeError(explain("stack", "equal shapes", ", ".join(str(p.shape) for p in parts)))
    (along,) = normal_axes("stack", (axis,), parts[0].ndim + 1)
    y = np.stack([p._array for p in parts], axis=along)
    return record(STACK, y, tuple(parts), {"axis": along})


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
