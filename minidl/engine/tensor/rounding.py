"""Rounding, and division with a whole quotient.

Rounding is flat between its jumps: its slope is 0 everywhere. Each function takes tensors, or data
for them, of any shape, and returns a tensor of that dtype; integers stay what they are.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, explain
from ...tools.checks import is_whole
from .arithmetic import in_place, operands, operated
from .base import Base, apply, as_tensor
from .elementwise import flat
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor


FLOOR = Operation("floor", x=flat)


def floor(x: Any) -> "Tensor":
    """The largest whole number that is not above x.

    >>> floor([1.5, -1.5])
    tensor([ 1., -2.])
    """
    return rounded(FLOOR, np.floor, x)


CEIL = Operation("ceil", x=flat)


def ceil(x: Any) -> "Tensor":
    """The smallest whole number that is not below x.

    >>> ceil([1.5, -1.5])
    tensor([ 2., -1.])
    """
    return rounded(CEIL, np.ceil, x)


TRUNC = Operation("trunc", x=flat)


def trunc(x: Any) -> "Tensor":
    """x without its fraction: rounded towards 0.

    >>> trunc([1.5, -1.5])
    tensor([ 1., -1.])
    """
    return rounded(TRUNC, np.trunc, x)


ROUND = Operation("round", x=flat)


def round(x: Any, decimals: int = 0) -> "Tensor":
    """x rounded to this many decimals; halfway between two, to the even one.

    Negative `decimals` round to tens, hundreds, ... ArgumentError unless it is a whole number.

    >>> round([0.5, 1.5, 2.345]), round([15.0, 25.0], decimals=-1)
    (tensor([0., 2., 2.]), tensor([20., 20.]))
    """
    if not is_whole(decimals, -400):
        raise ArgumentError(explain("round", "a whole number of decimals", repr(decimals)))
    return rounded(ROUND, lambda x: np.round(x, decimals), x)


def rounded(operation: Operation, function: Any, x: Any) -> "Tensor":
    """The rounding of x by NumPy's function."""
    x = as_tensor(x, operation.name)
    return record(operation, apply(operation.name, function, x).astype(x.dtype, copy=False), (x,))


FLOOR_DIVIDE = Operation("floor_divide", x=flat, y=flat)


def floor_divide(x: Any, y: Any) -> "Tensor":
    """x // y = floor(x / y); x and y broadcast.

    Between floats, x // 0 is infinite, or NaN; between integers it is an ArgumentError.

    >>> floor_divide([7.0, -7.0], 2)
    tensor([ 3., -4.])
    """
    a, b = divisible("floor_divide", x, y)
    return record(FLOOR_DIVIDE, apply("floor_divide", np.floor_divide, a, b), (a, b))


REMAINDER = Operation(
    "remainder", x=lambda dy: dy, y=lambda dy, x, y: -dy * np.floor_divide(x, y)
)  # fmt: skip


def remainder(x: Any, y: Any) -> "Tensor":
    """x % y = x - floor(x / y) y, which has the sign of y; x and y broadcast.

    Between floats, x % 0 is NaN; between integers it is an ArgumentError.

    >>> remainder([7.0, -7.0], 2)
    tensor([1., 1.])
    """
    a, b = divisible("remainder", x, y)
    return record(REMAINDER, apply("remainder", np.remainder, a, b), (a, b))


def divisible(operation: str, x: Any, y: Any) -> tuple["Tensor", "Tensor"]:
    """Both operands as tensors; ArgumentError for integers by 0, for which NumPy gives 0."""
    a, b = operands(operation, x, y)
    if "f" not in (a.dtype.kind, b.dtype.kind) and not b._array.all():
        raise ArgumentError(explain(operation, "integers to be divided by others than 0", "0"))
    return a, b


class WholeDivision(Base):
    """The operators // and %, and divmod."""

    __slots__ = ()

    def __floordiv__(self, other: Any) -> "Tensor":
        return operated(floor_divide, self, other)

    def __rfloordiv__(self, other: Any) -> "Tensor":
        return operated(floor_divide, other, self)

    def __mod__(self, other: Any) -> "Tensor":
        return operated(remainder, self, other)

    def __rmod__(self, other: Any) -> "Tensor":
        return operated(remainder, other, self)

    def __divmod__(self, other: Any) -> tuple["Tensor", "Tensor"]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple["Tensor", "Tensor"]:
        return other // self, other % self

    def __ifloordiv__(self, other: Any) -> "Tensor":
        return in_place("//=", floor_divide, self, other)

    def __imod__(self, other: Any) -> "Tensor":
        return in_place("%=", remainder, self, other)
