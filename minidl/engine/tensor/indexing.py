"""Indexing: reading and writing elements by slices, numbers, masks and arrays of places."""

import math
from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _kernels
from ...errors import ArgumentError, DTypeError, ShapeError, explain
from ..recording import recording
from ..tape import Part
from .arrays import Shape, held
from .base import Base, as_tensor, raw, require_float
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

SCATTER_NANOSECONDS = 0.6  # the kernel's time for one float32
WHOLE = slice(None)  # an axis


def as_places(operation: str, index: Any) -> np.ndarray:
    """An index as an array of its own, which a backward pass will read again.

    `tensor([0, 1])` holds floats, as Python's numbers become float32. So a float tensor of whole
    numbers is an index too, as long as its dtype can tell neighbouring ones apart.
    """
    array = np.empty(0, np.intp) if isinstance(index, list) and not index else np.array(raw(index))
    if not isinstance(index, Base) or array.dtype.kind != "f":
        return array
    is_whole = np.abs(array) < 2 / np.finfo(array.dtype).eps
    if index.requires_grad or not (is_whole & (array == np.trunc(array))).all():
        got = "one that wants a gradient" if index.requires_grad else f"others ({index.dtype})"
        expected = "integers or booleans, or a tensor of whole numbers"
        raise DTypeError(explain(operation, expected, got, "x.astype('int64')"))
    return array.astype(np.intp)


def raw_index(index: Any) -> Any:
    """An index as NumPy takes it; all its arrays are copies."""
    if isinstance(index, tuple):
        return tuple([raw_part(part) for part in index])
    return raw_part(index)


def raw_part(part: Any) -> Any:
    """One part of an index, for one axis or more, as NumPy takes it."""
    if isinstance(part, slice):
        return slice(raw_part(part.start), raw_part(part.stop), raw_part(part.step))
    is_array = isinstance(part, (Base, np.ndarray, list, tuple, range))
    return as_places("indexing", part) if is_array else part


def is_basic(part: Any) -> bool:
    """Whether NumPy makes a view if all parts of the index are like this one."""
    return part is None or isinstance(part, slice)


def looked_up(data: np.ndarray, index: Any) -> np.ndarray:
    """data[index] as an array; a view where NumPy's indexing makes one."""
    try:
        axis = axis_taken(index, data.ndim)
        found = data[index] if axis is None else data.take(last_part(index), axis)
    except IndexError as error:
        raise IndexError(f"indexing a tensor of shape {data.shape}: {error}.") from None
    if isinstance(found, np.ndarray):
        return found
    # NumPy copies a single number out, but gives a view of it where an Ellipsis follows.
    return data[(*index, ...) if isinstance(index, tuple) else (index, ...)]


def last_part(index: Any) -> Any:
    """The part of an index for the last axis."""
    return index[-1] if isinstance(index, tuple) and index else index


def axis_taken(index: Any, ndim: int) -> int | None:
    """The axis, if the index has whole numbers along one axis and takes the others whole. There
    NumPy's `take` gives the same elements as indexing, but in order in memory: the next operation
    then reads them in a quarter of the time."""
    places = last_part(index)
    if not isinstance(places, np.ndarray) or places.dtype.kind != "i" or places.ndim == 0:
        return None
    before = without_ellipsis(index, ndim)[:-1]
    return len(before) if whole_axes(before) == len(before) else None


# ---- Gradients -----------------------------------------------------------------------------------


def axes_of(part: Any) -> int:
    """How many axes of x a part of an index covers; 0 for an Ellipsis."""
    if part is None or part is ... or isinstance(part, (bool, np.bool_)):
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def without_ellipsis(index: Any, ndim: int) -> list[Any]:
    """The parts of an index of x, with slices in place of the Ellipsis."""
    parts = list(index) if isinstance(index, tuple) else [index]
    left_out = [WHOLE] * (ndim - sum(map(axes_of, parts)))
    for i, part in enumerate(parts):
        if part is ...:
            return [*parts[:i], *left_out, *parts[i + 1 :]]
    return parts


def axes_before(parts: list[Any]) -> int:
    """How many whole axes come first, in x and in x[parts]."""
    advanced = [i for i, part in enumerate(parts) if not is_basic(part)]
    if advanced and advanced[-1] - advanced[0] >= len(advanced):
        return 0  # NumPy puts the axes of separated arrays first
    return whole_axes(parts)


def whole_axes(parts: list[Any]) -> int:
    """How many parts of an index, from the first on, take whole axes."""
    return sum(1 for _ in takewhile(lambda part: isinstance(part, slice) and part == WHOLE, parts))


def scattered(dy: np.ndarray, index: Any, shape: Shape) -> np.ndarray:
    """Zeros of this shape with dy added at the index, by the kernel.

    The kernel sees x as (axes before, axes of the index, axes after), and the index as numbers of
    places along the middle one.
    """
    parts = without_ellipsis(index, len(shape))
    first = axes_before(parts)
    end = sum(map(axes_of, parts))
    before, middle, after = math.prod(shape[:first]), shape[first:end], math.prod(shape[end:])
    count = math.prod(middle)
    places = np.arange(count, dtype=np.int64).reshape(middle)[tuple(parts[first:])].reshape(-1)
    values = np.ascontiguousarray(dy).reshape(before, places.size, after)
    dx = np.empty((before, count, after), dy.dtype)
    order, ends = np.empty(places.size, np.int64), np.empty(count, np.int64)
    threads = _kernels.threads_for(SCATTER_NANOSECONDS * (values.size + dx.size))
    _kernels.scatter.add_rows(values, places, dx, order, ends, threads)
    return dx.reshape(shape)


PUT = Operation("put", x=lambda dy, index: dy[index])


def comes_once(index: Any) -> bool:
    """Whether the index cannot find an element twice: it has no arrays of places, which repeat."""
    parts = index if isinstance(index, tuple) else (index,)
    return not any(isinstance(part, np.ndarray) and part.dtype != bool for part in parts)


def put_back(dy: Any, index: Any, shape: Shape, is_once: bool) -> Any:
    """The gradient of x[index], for x of this shape: zeros with dy, an array or a tensor, added at
    the index. `is_once`: no place comes twice."""
    values = dy._array if isinstance(dy, Base) else dy
    if is_once:
        dx: Any = Part(values, index, lambda: np.zeros(shape, values.dtype))
    else:
        dx = scattered(values, index, shape)
    if not isinstance(dy, Base):
        return dx
    return record(PUT, dx.added_to(None) if is_once else dx, (dy,), {"index": index})


def cleared(dy: Any, index: Any) -> Any:
    """dy, but 0 at the index: the gradient of the elements that an assignment leaves unchanged."""
    dx: Any = 1 * dy if isinstance(dy, Base) else np.array(dy)  # type: ignore[operator]
    dx[index] = 0
    return dx


def last_written(dy: Any, index: Any, is_once: bool) -> Any:
    """dy[index], but 0 for each value that a later one at the same place has replaced."""
    found = dy[index]
    if is_once:
        return found
    places = np.arange(found.size).reshape(found.shape)
    writer = np.empty(dy.shape, places.dtype)
    writer[index] = places
    return np.where(writer[index] == places, found, 0)


INDEXING = Operation("indexing", x=put_back)
ITEM_ASSIGNMENT = Operation("item assignment", x=cleared, value=last_written)


# ---- Methods -------------------------------------------------------------------------------------


def same_place(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays have the same elements in the same memory."""
    return a.__array_interface__ == b.__array_interface__


class Indexing(Base):
    """Reading and writing by index."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> "Tensor":
        """Slices give views. Arrays of integers or bool copy; gradients of repeated indices add up.

        A tensor of whole numbers is an index even if it holds floats, as `tensor([0, 1])` does.

        >>> import minidl
        >>> x = minidl.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x[0, 1:]
        tensor([2.])
        >>> x[minidl.tensor([1, 1])]
        tensor([[3., 4.],
                [3., 4.]])
        """
        is_number = type(index) is int  # the most frequent case, kept short
        where = index if is_number else raw_index(index)
        y = looked_up(self._array, where)
        is_view = is_number or np.may_share_memory(y, self._array)
        options = {"index": where, "is_once": is_view}
        return record(INDEXING, y, (self,), options, view_of=self if is_view else None)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Writes in place. Gradients go to `value` at the index, to the old values elsewhere."""
        where = raw_index(index)
        place = looked_up(self._array, where)
        new = self._assignable(value, place.shape)
        if recording() and self._was_written_by(new, place):
            self._recorded = new._recorded
        options = {"index": where, "is_once": comes_once(where)}
        history = record(ITEM_ASSIGNMENT, self._array, (self, new), options)
        self.write("item assignment", new._array, history, where)

    def __delitem__(self, index: Any) -> None:
        hint = "x = concatenate([x[:i], x[i + 1 :]])"
        raise ArgumentError(explain("del x[i]", "a list", "a tensor, which keeps its shape", hint))

    def _assignable(self, value: Any, shape: Shape) -> "Tensor":
        """`value` as a tensor that can be written to a place of that shape."""
        operation = "item assignment"
        new = as_tensor(value, operation, like=self, number_dtype=None)
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
        held(operation, new._array, self.dtype)
        return new

    def _was_written_by(self, view: Base, place: np.ndarray) -> bool:
        """Whether `view`, all of `place`, made the last change of this tensor, and the only one
        that its history lacks: `x[i] += y` changes the view x[i], then assigns it to x[i]."""
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
