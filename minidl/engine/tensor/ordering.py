"""Functions of the elements' order: sort, argsort, topk, unique, nonzero."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, GraphError, ShapeError, explain
from ...tools.checks import is_whole
from ..recording import recording
from .base import as_tensor, new_result, normal_axes
from .gathering import take_along_axis
from .keywords import Never, refuse

if TYPE_CHECKING:
    from . import Tensor


def order(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    """The index that sorts x along an axis. Equal elements keep their order, and NaN counts as the
    largest."""
    if not descending:
        return np.argsort(x, axis, kind="stable")
    last = x.shape[axis] - 1
    return np.flip(last - np.argsort(np.flip(x, axis), axis, kind="stable"), axis)


def argsort(
    x: Any, axis: int | None = -1, *, descending: bool = False, **wrong: Never
) -> "Tensor":  # fmt: skip
    """The index, in whole numbers, that sorts x along an axis; without an axis, of the flat tensor.

    Equal elements keep their order, and NaN counts as the largest.

    >>> import minidl
    >>> minidl.argsort(minidl.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    refuse("argsort", wrong)
    x = as_tensor(x, "argsort")
    if axis is None:
        x, axis = x.reshape(-1), 0
    (along,) = normal_axes("argsort", (axis,), x.ndim)
    return new_result(order(x._array, along, descending))


def sort(x: Any, axis: int | None = -1, *, descending: bool = False, **wrong: Never) -> "Tensor":
    """x sorted along an axis, as a new tensor; without an axis, flat. NaN counts as the largest.

    The gradient goes back to the place that each element came from.

    >>> import minidl
    >>> minidl.sort(minidl.tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([3., 2., 1.])
    """
    refuse("sort", wrong)
    return take_along_axis(x, argsort(x, axis, descending=descending), axis)


def topk(
    x: Any, k: int, axis: int = -1, largest: bool = True, **wrong: Never
) -> tuple["Tensor", "Tensor"]:
    """The k largest elements along an axis, or the k smallest, the most extreme first; and their
    indices along it. ArgumentError unless the axis has k elements.

    >>> import minidl
    >>> values, index = minidl.topk(minidl.tensor([3.0, 1.0, 2.0]), 2)
    >>> values, index
    (tensor([3., 2.]), tensor([0, 2]))
    """
    refuse("topk", wrong)
    x = as_tensor(x, "topk")
    (along,) = normal_axes("topk", (axis,), x.ndim)
    if not (is_whole(k, 0) and k <= x.shape[along]):
        expected = f"k from 0 to {x.shape[along]}, the length of axis {axis}"
        raise ArgumentError(explain("topk", expected, repr(k)))
    index = order(x._array, along, largest).take(range(k), along)
    return take_along_axis(x, index, along), new_result(index)


def unique(
    x: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False
) -> Any:
    """The sorted elements of x, each once.

    On request also, as np.unique gives them: the place of each one's first occurrence in the flat
    tensor, the place of each element of x among the results, and how often each occurs. GraphError
    for a tensor that wants a gradient, which equal elements would have to share.

    >>> import minidl
    >>> minidl.unique(minidl.tensor([2.0, 1.0, 2.0]), return_counts=True)
    (tensor([1., 2.]), tensor([1, 2]))
    """
    x = as_tensor(x, "unique")
    if x.requires_grad and recording():
        expected = "a tensor that wants no gradient"
        raise GraphError(explain("unique", expected, "one that does", "x.detach()"))
    wanted: tuple[Any, ...] = (return_index, return_inverse, return_counts)
    found = np.unique(x._array, *wanted)
    return tuple(map(new_result, found)) if isinstance(found, tuple) else new_result(found)


def nonzero(x: Any) -> tuple["Tensor", ...]:
    """The indices of the elements that are not 0, or True in a mask.

    One tensor of whole numbers for each axis, so that x[nonzero(x)] are these elements. ShapeError
    for a tensor without axes.

    >>> import minidl
    >>> minidl.nonzero(minidl.tensor([[0.0, 2.0], [3.0, 0.0]]))
    (tensor([0, 1]), tensor([1, 0]))
    """
    x = as_tensor(x, "nonzero")
    if x.ndim == 0:
        raise ShapeError(explain("nonzero", "at least one axis", "none", "x.reshape(1)"))
    return tuple(map(new_result, np.nonzero(x._array)))
