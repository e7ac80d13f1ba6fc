"""The logic of masks, and of the bits of whole numbers; the results have no gradient."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DTypeError, explain
from .arithmetic import in_place, refused
from .base import Base, apply, as_tensor, new_result

if TYPE_CHECKING:
    from . import Tensor


def require_bits(symbol: str, *tensors: Base) -> None:
    """DTypeError unless all tensors hold truth values or whole numbers."""
    for x in tensors:
        if x._array.dtype.kind == "f":
            raise DTypeError(explain(symbol, "masks (bool) or integers", x.dtype, "x != 0"))


def of_bits(symbol: str, function: np.ufunc) -> Callable[[Any, Any], "Tensor"]:
    """A function that combines masks, or the bits of whole numbers."""

    def combine(x: Any, y: Any) -> "Tensor":
        try:
            a = as_tensor(x, symbol, like=y if isinstance(y, Base) else None, number_dtype=None)
            b = as_tensor(y, symbol, like=a, number_dtype=None)
        except DTypeError:
            return refused(x, y)
        require_bits(symbol, a, b)
        return new_result(np.asarray(apply(symbol, function, a, b)))

    return combine


bitwise_and = of_bits("&", np.bitwise_and)
bitwise_or = of_bits("|", np.bitwise_or)
bitwise_xor = of_bits("^", np.bitwise_xor)
left_shift = of_bits("<<", np.left_shift)
right_shift = of_bits(">>", np.right_shift)


class Bits(Base):
    """The operators that combine masks and bits."""

    __slots__ = ()

    def __and__(self, other: Any) -> "Tensor":
        return bitwise_and(self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> "Tensor":
        return bitwise_or(self, other)

    __ror__ = __or__

    def __xor__(self, other: Any) -> "Tensor":
        return bitwise_xor(self, other)

    __rxor__ = __xor__

    def __lshift__(self, other: Any) -> "Tensor":
        return left_shift(self, other)

    def __rlshift__(self, other: Any) -> "Tensor":
        return left_shift(other, self)

    def __rshift__(self, other: Any) -> "Tensor":
        return right_shift(self, other)

    def __rrshift__(self, other: Any) -> "Tensor":
        return right_shift(other, self)

    def __invert__(self) -> "Tensor":
        require_bits("~", self)
        return new_result(np.asarray(~self._array))

    def __iand__(self, other: Any) -> "Tensor":
        return in_place("&=", bitwise_and, self, other)

    def __ior__(self, other: Any) -> "Tensor":
        return in_place("|=", bitwise_or, self, other)

    def __ixor__(self, other: Any) -> "Tensor":
        return in_place("^=", bitwise_xor, self, other)

    def __ilshift__(self, other: Any) -> "Tensor":
        return in_place("<<=", left_shift, self, other)

    def __irshift__(self, other: Any) -> "Tensor":
        return in_place(">>=", right_shift, self, other)
