"""Joining tensors, and taking them apart."""

from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, DTypeError, ShapeError, explain
from ...tools.checks import is_whole
from .base import Base, as_tensor, normal_axes
from .indexing import WHOLE, as_places
from .keywords import Never, refuse
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

CONCATENATE = Operation("concatenate", parts=lambda dy, places, axis: np.split(dy, places, axis))
STACK = Operation("stack", parts=lambda dy, axis: list(np.moveaxis(dy, axis, 0)))


def concatenate(tensors: Iterable[Any], axis: int = 0, **wrong: Never) -> "Tensor":
    """Joins tensors along an existing axis.

    ShapeError if the other axes differ. ArgumentError for no tensors, and for an axis out of range.

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
        raise ShapeError(explain("concatenate", f"equal shapes except along axis {along}", shapes))
    places = list(accumulate([p.shape[along] for p in parts[:-1]]))
    y = np.concatenate([p._array for p in parts], axis=along)
    return record(CONCATENATE, y, tuple(parts), {"places": places, "axis": along})


def stack(tensors: Iterable[Any], axis: int = 0, **wrong: Never) -> "Tensor":
    """Joins tensors of one shape along a new axis.

    ShapeError if the shapes differ. ArgumentError for no tensors, and for an axis out of range.

    >>> import minidl
    >>> minidl.stack([minidl.tensor([1.0, 2.0]), minidl.tensor([3.0, 4.0])])
    tensor([[1., 2.],
            [3., 4.]])
    """
    if wrong:
        refuse("stack", wrong)
    parts = _sequence("stack", tensors)
    if len({p.shape for p in parts}) != 1:
        raise ShapeError(explain("stack", "equal shapes", ", ".join(str(p.shape) for p in parts)))
    (along,) = normal_axes("stack", (axis,), parts[0].ndim + 1)
    arrays = [p._array for p in parts]
    y = np.stack(arrays, along) if along else np.array(arrays)  # array takes a third of the time
    return record(STACK, y, tuple(parts), {"axis": along})


def _sequence(operation: str, tensors: Iterable[Any]) -> list["Tensor"]:
    """The tensors to join; beside a float tensor, integers and masks are constants."""
    if not isinstance(tensors, Iterable):
        raise DTypeError(explain(operation, "a list of tensors", type(tensors).__name__))
    values = list(tensors)
    if not values:
        raise ArgumentError(explain(operation, "at least one tensor", "none"))
    floats = (v for v in values if isinstance(v, Base) and v.dtype.kind == "f")
    like = next(floats, None)
    return [as_tensor(value, operation, like) for value in values]


def vstack(tensors: Iterable[Any]) -> "Tensor":
    """Joins tensors along the first axis; a vector or a number is a row.

    >>> import minidl
    >>> minidl.vstack([minidl.tensor([1.0, 2.0]), minidl.tensor([3.0, 4.0])])
    tensor([[1., 2.],
            [3., 4.]])
    """
    parts = _sequence("vstack", tensors)
    return concatenate([p if p.ndim > 1 else p.reshape(1, -1) for p in parts])


def hstack(tensors: Iterable[Any]) -> "Tensor":
    """Joins tensors along the second axis; vectors and numbers along their only one.

    >>> import minidl
    >>> minidl.hstack([minidl.tensor([[1.0], [2.0]]), minidl.tensor([[3.0], [4.0]])])
    tensor([[1., 3.],
            [2., 4.]])
    """
    parts = [p if p.ndim > 0 else p.reshape(1) for p in _sequence("hstack", tensors)]
    return concatenate(parts, axis=min(1, parts[0].ndim - 1))


def split(x: Any, indices_or_sections: Any, axis: int = 0, **wrong: Never) -> list["Tensor"]:
    """As NumPy's: parts of x along an axis, as views.

    A number of parts makes them equally long: ShapeError if the length is not a multiple of it
    (`array_split` takes any). A list of places makes the parts before, between and after them.
    (PyTorch's number is the length of a part: `split(x, len(x) // number)`.)

    >>> import minidl
    >>> x = minidl.tensor([1.0, 2.0, 3.0, 4.0])
    >>> minidl.split(x, 2)
    [tensor([1., 2.]), tensor([3., 4.])]
    >>> minidl.split(x, [1])
    [tensor([1.]), tensor([2., 3., 4.])]
    """
    refuse("split", wrong)
    x = as_tensor(x, "split")
    (along,) = normal_axes("split", (axis,), x.ndim)
    if is_whole(indices_or_sections, 1) and x.shape[along] % indices_or_sections:
        expected = f"a divisor of {x.shape[along]}, the length of axis {axis}"
        hint = "array_split, whose parts may differ by one"
        raise ShapeError(explain("split", expected, indices_or_sections, hint))
    return parts_at(x, places_of("split", indices_or_sections, x.shape[along]), along)


def array_split(x: Any, indices_or_sections: Any, axis: int = 0, **wrong: Never) -> list["Tensor"]:
    """`split` into parts whose lengths may differ by one: the first ones are the longer ones.

    >>> import minidl
    >>> minidl.array_split(minidl.tensor([1.0, 2.0, 3.0]), 2)
    [tensor([1., 2.]), tensor([3.])]
    """
    refuse("array_split", wrong)
    x = as_tensor(x, "array_split")
    (along,) = normal_axes("array_split", (axis,), x.ndim)
    return parts_at(x, places_of("array_split", indices_or_sections, x.shape[along]), along)


def chunk(x: Any, chunks: int, axis: int = 0, **wrong: Never) -> list["Tensor"]:
    """As PyTorch's: at most `chunks` parts of equal length along an axis, the last may be shorter;
    views.

    >>> import minidl
    >>> [len(part) for part in minidl.chunk(minidl.zeros(7), 4)]
    [2, 2, 2, 1]
    """
    refuse("chunk", wrong)
    x = as_tensor(x, "chunk")
    (along,) = normal_axes("chunk", (axis,), x.ndim)
    if not is_whole(chunks, 1):
        raise ArgumentError(explain("chunk", "a whole number of parts from 1 up", repr(chunks)))
    n = x.shape[along]
    return parts_at(x, list(range(0, max(n, 1), max(-(-n // chunks), 1)))[1:], along)


def places_of(operation: str, indices_or_sections: Any, n: int) -> list[int]:
    """Where the parts of an axis of this length begin, without the first."""
    if is_whole(indices_or_sections, 1):
        size, longer = divmod(n, int(indices_or_sections))
        return [i * size + min(i, longer) for i in range(1, int(indices_or_sections))]
    places = as_places(operation, indices_or_sections)
    if places.ndim != 1 or places.dtype.kind not in "iu":
        expected = "a whole number of parts from 1 up, or a list of places"
        raise ArgumentError(explain(operation, expected, repr(indices_or_sections)))
    return places.tolist()


def parts_at(x: "Tensor", places: list[int], axis: int) -> list["Tensor"]:
    """The parts of x along an axis that begin at 0 and these places."""
    ends = pairwise([0, *places, x.shape[axis]])
    return [x[(*[WHOLE] * axis, slice(start, end))] for start, end in ends]
