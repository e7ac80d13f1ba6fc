"""Comparisons: masks without a gradient."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DTypeError
from .arithmetic import refused
from .base import Base, apply, as_tensor, new_result

if TYPE_CHECKING:
    from . import Tensor

Binary = Callable[[Any, Any], "Tensor"]


def comparison(symbol: str, function: np.ufunc) -> Binary:
    """A function that compares two tensors element by element. Integers can be compared with any
    number, even with one that their dtype cannot hold."""

    def compare(x: Any, y: Any) -> "Tensor":
        if isinstance(y, int) and x.dtype.kind != "f" and not -(2**63) <= y < 2**64:
            y = math.inf if y > 0 else -math.inf  # no integer dtype reaches it
        try:
            b = as_tensor(y, symbol, like=x if x.dtype.kind == "f" else None, number_dtype=None)
        except DTypeError:
            return refused(x, y)
        return new_result(np.asarray(apply(symbol, function, x, b)))

    return compare


less = comparison("<", np.less)
less_equal = comparison("<=", np.less_equal)
greater = comparison(">", np.greater)
greater_equal = comparison(">=", np.greater_equal)
equal = comparison("==", np.equal)
not_equal = comparison("!=", np.not_equal)


class Comparisons(Base):
    """The operators that compare."""

    __slots__ = ()

    def __lt__(self, other: Any) -> "Tensor":
        return less(self, other)

    def __le__(self, other: Any) -> "Tensor":
        return less_equal(self, other)

    def __gt__(self, other: Any) -> "Tensor":
        return greater(self, other)

    def __ge__(self, other: Any) -> "Tensor":
        return greater_equal(self, other)

    def __eq__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return equal(self, other)

    def __ne__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return not_equal(self, other)

    def __contains__(self, value: Any) -> bool:
        return bool(np.asarray(self == value).any())

    __hash__ = object.__hash__  # `==` compares elements; a tensor in a set or dict is itself
