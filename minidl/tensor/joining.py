"""Joining tensors."""

from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, DTypeError, ShapeError, explain
from .base import Base, as_tensor, normal_axes
from .keywords import Never, refuse
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

CONCATENATE = Operation(
    "concatenate", each=lambda dy, i, ends, axis: dy[(slice(None),) * axis + (slice(*ends[i]),)]
)
STACK = Operation("stack", each=lambda dy, i, axis: dy[(slice(None),) * axis + (i,)])


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
