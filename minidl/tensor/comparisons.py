"""Comparisons, and the logic of masks and of bits: results without a gradient."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, explain
from .arithmetic import refused
from .base import Base, apply, as_tensor, new_result

if TYPE_CHECKING:
    from . import Tensor

Binary = Callable[[Any, Any], "Tensor"]


def comparison(symbol: str, function: np.ufunc) -> Binary:
    """The function that compares two tensors element by element: a mask without a gradient."""

    def compare(x: Any, y: Any) -> "Tensor":
        try:
            b = as_tensor(y, symbol, like=x, numbers=None)
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


def require_bits(symbol: str, *tensors: Base) -> None:
    """DTypeError unless all tensors hold truth values or whole numbers."""
    for x in tensors:
        if x._array.dtype.kind == "f":
            raise DTypeError(explain(symbol, "masks (bool) or integers", x.dtype, "x != 0"))


def of_bits(symbol: str, function: np.ufunc) -> Binary:
    """The function that combines masks, or the bits of whole numbers."""

    def combine(x: Any, y: Any) -> "Tensor":
        try:
            b = as_tensor(y, symbol, numbers=None)
        except DTypeError:
            return refused(x, y)
        require_bits(symbol, x, b)
        return new_result(np.asarray(apply(symbol, function, x, b)))

    return combine


bitwise_and = of_bits("&", np.bitwise_and)
bitwise_or = of_bits("|", np.bitwise_or)
bitwise_xor = of_bits("^", np.bitwise_xor)


class Comparisons(Base):
    """The operators that compare, or combine masks and bits."""

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

    def __and__(self, other: Any) -> "Tensor":
        return bitwise_and(self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> "Tensor":
        return bitwise_or(self, other)

    __ror__ = __or__

    def __xor__(self, other: Any) -> "Tensor":
        return bitwise_xor(self, other)

    __rxor__ = __xor__

    def __invert__(self) -> "Tensor":
        require_bits("~", self)
        return new_result(np.asarray(~self._array))

    def __contains__(self, value: Any) -> bool:
        return bool(np.asarray(self == value).any())

    __hash__ = object.__hash__  # `==` compares elements; a tensor in a set or dict is itself
