"""Functions of each element on its own, comparisons, and choices between two tensors."""

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from ..errors import ArgumentError, DTypeError, explain
from .arithmetic import operands, refused
from .arrays import as_dtype, same
from .base import Base, apply, as_tensor, new_result, require_float
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

NANOSECONDS = 1  # of a kernel for one float32
SMALL = 4096  # up to which one thread is enough


# What is passed on is selected, not multiplied: 0 · inf is NaN.
WHERE = Operation(
    "where",
    condition=lambda dy: None,
    x=lambda dy, condition: np.where(condition, dy, 0),
    y=lambda dy, condition: np.where(condition, 0, dy),
)


def where(condition: Any, x: Any, y: Any) -> "Tensor":
    """x where the condition holds, else y; all three broadcast. No gradient for the condition.

    >>> import minidl
    >>> x = minidl.tensor([-1.0, 2.0])
    >>> minidl.where(x > 0, x, 0.1 * x)
    tensor([-0.1,  2. ])
    """
    choice = as_tensor(condition, "where")
    a, b = operands("where", x, y)
    return record(WHERE, apply("where", np.where, choice, a, b), (choice, a, b))


def of_winner(dy: Any, result: Any, own: Any, other: Any) -> Any:
    """The gradient of `own`, if the result is the same; halved where the other is the same too."""
    share = np.where(same(result, other), dy / 2, dy)
    return np.where(same(result, own), share, 0)


MAXIMUM = Operation(
    "maximum",
    x=lambda dy, result, x, y: of_winner(dy, result, x, y),
    y=lambda dy, result, x, y: of_winner(dy, result, y, x),
)


def maximum(x: Any, y: Any) -> "Tensor":
    """The larger of x and y, NaN if either is; at a tie, also of NaN, both share the gradient."""
    a, b = operands("maximum", x, y)
    return record(MAXIMUM, apply("maximum", np.maximum, a, b), (a, b))


MINIMUM = Operation(
    "minimum",
    x=lambda dy, result, x, y: of_winner(dy, result, x, y),
    y=lambda dy, result, x, y: of_winner(dy, result, y, x),
)


def minimum(x: Any, y: Any) -> "Tensor":
    """The smaller of x and y, NaN if either is; at a tie, also of NaN, both share the gradient."""
    a, b = operands("minimum", x, y)
    return record(MINIMUM, apply("minimum", np.minimum, a, b), (a, b))


def by_kernel(operation: Operation, x: Base, kernel: str = "") -> "Tensor":
    """The operation of x by the kernel of that name; DTypeError unless x is float32 or float64."""
    function = getattr(_kernels.elementwise, kernel or operation.name)
    n = x._array.size
    threads = 1 if n <= SMALL else _kernels.threads_for(NANOSECONDS * n)
    y = function(x._array, threads)
    if y is None:
        require_float(operation.name, x)
        y = function(np.ascontiguousarray(x._array), threads)
    return record(operation, y, (x,))


def by_numpy(operation: Operation, function: np.ufunc, x: Any) -> "Tensor":
    """The operation of x by NumPy's function; DTypeError unless x is float32 or float64."""
    x = as_tensor(x, operation.name)
    require_float(operation.name, x)
    return record(operation, apply(operation.name, function, x), (x,))


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

EXP = Operation("exp", x=lambda dy, result: dy * result)
LOG = Operation("log", x=lambda dy, x: dy / x)
EXPM1 = Operation("expm1", x=lambda dy, result: dy * (result + 1))
LOG1P = Operation("log1p", x=lambda dy, x: dy / (1 + x))
SQRT = Operation("sqrt", x=lambda dy, result: dy / (2 * result))
TANH = Operation("tanh", x=lambda dy, result: dy * (1 - result * result))
SIGN = Operation("sign", x=lambda dy: np.zeros_like(dy))
ABS = Operation("abs", x=lambda dy, x: dy * np.sign(x))
CLIP = Operation("clip", x=lambda dy, x, result: np.where(same(x, result), dy, 0))
ASTYPE = Operation("astype", x=lambda dy: dy)


class Elementwise(Base):
    """The methods that work on each element on its own."""

    __slots__ = ()

    def exp(self) -> "Tensor":
        """e^x."""
        return by_kernel(EXP, self)

    def log(self) -> "Tensor":
        """The natural logarithm: -inf at 0, NaN below."""
        return by_kernel(LOG, self)

    def expm1(self) -> "Tensor":
        """e^x - 1, exact near 0."""
        return by_kernel(EXPM1, self)

    def log1p(self) -> "Tensor":
        """ln(1 + x), exact near 0."""
        return by_kernel(LOG1P, self)

    def sqrt(self) -> "Tensor":
        """The square root; NaN below 0."""
        return by_kernel(SQRT, self, "square_root")

    def tanh(self) -> "Tensor":
        """The hyperbolic tangent."""
        return by_kernel(TANH, self)

    def abs(self) -> "Tensor":
        """|x|; the slope at 0 is 0."""
        return by_kernel(ABS, self, "absolute")

    def __abs__(self) -> "Tensor":
        return self.abs()

    def sign(self) -> "Tensor":
        """-1, 0 or 1; its derivative is 0."""
        require_float("sign", self)
        return record(SIGN, np.sign(self._array), (self,))

    def clip(self, low: Any = None, high: Any = None) -> "Tensor":
        """min(max(x, low), high); None leaves a side open. The slope at a bound is 1, outside 0,
        and 1 at a NaN, which stays one."""
        require_float("clip", self)
        low, high = (
            bound.item() if isinstance(bound, np.ndarray) and bound.ndim == 0 else bound
            for bound in (low, high)
        )
        bounds = (-np.inf if low is None else low, np.inf if high is None else high)
        if not all(isinstance(bound, Real) for bound in bounds):
            raise DTypeError(
                explain(
                    "clip", "numbers as bounds", f"low={low!r}, high={high!r}",
                    "minimum(maximum(x, low), high), which takes arrays and tensors",
                )
            )  # fmt: skip
        if not bounds[0] <= bounds[1]:
            raise ArgumentError(explain("clip", "low <= high", f"low={low}, high={high}"))
        x = self._array
        return record(CLIP, np.clip(x, *(x.dtype.type(bound) for bound in bounds)), (self,))

    def astype(self, dtype: Any) -> "Tensor":
        """The values in another dtype; a float's gradient comes back in this one, integers and
        masks have none."""
        wanted = as_dtype("astype", dtype)
        x = self._array.astype(wanted)
        return record(ASTYPE, x, (self,)) if wanted.kind == "f" else new_result(x)

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
