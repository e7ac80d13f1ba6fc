"""Functions of each element on its own, comparisons, and choices between two tensors."""

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from ..errors import ArgumentError, DTypeError, explain
from .arithmetic import operands, operator
from .arrays import as_dtype, same, unbroadcast
from .base import Base, apply, as_tensor, record, require_float, wanted_shape

if TYPE_CHECKING:
    from . import Tensor

NANOSECONDS = 1  # of a kernel for one float32


def where(condition: Any, x: Any, y: Any) -> "Tensor":
    """x where the condition holds, else y; all three broadcast. No gradient for the condition.

    >>> import minidl
    >>> x = minidl.tensor([-1.0, 2.0])
    >>> minidl.where(x > 0, x, 0.1 * x)
    tensor([-0.1,  2. ])
    """
    choice = as_tensor(condition, "where")
    first = as_tensor(x, "where", like=y if isinstance(y, Base) else None)
    a, b = operands("where", first, y)
    a_shape, b_shape = wanted_shape(a), wanted_shape(b)
    chosen = choice._array.astype(bool, copy=False)

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        zero = np.zeros((), dy.dtype)  # selected, not multiplied: 0 · inf is NaN
        da, db = np.where(chosen, dy, zero), np.where(chosen, zero, dy)
        return unbroadcast(da, a_shape), unbroadcast(db, b_shape)

    # Keeps the condition: it decides where the gradient goes.
    result = apply("where", np.where, choice, a, b)
    return record("where", result, (a, b), backward, keeps=[choice])


def maximum(x: Any, y: Any) -> "Tensor":
    """The larger of x and y, NaN if either is; at a tie, also of NaN, both share the gradient."""
    return _extremum("maximum", np.maximum, x, y)


def minimum(x: Any, y: Any) -> "Tensor":
    """The smaller of x and y, NaN if either is; at a tie, also of NaN, both share the gradient."""
    return _extremum("minimum", np.minimum, x, y)


def _extremum(operation: str, function: np.ufunc, x: Any, y: Any) -> "Tensor":
    first = as_tensor(x, operation, like=y if isinstance(y, Base) else None)
    a, b = operands(operation, first, y)
    a_shape, b_shape = wanted_shape(a), wanted_shape(b)
    p, q = a._array, b._array
    result = apply(operation, function, a, b)

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        zero = np.zeros((), dy.dtype)
        from_p, from_q = same(result, p), same(result, q)
        shared = np.where(from_p & from_q, dy / 2, dy).astype(dy.dtype, copy=False)
        da, db = np.where(from_p, shared, zero), np.where(from_q, shared, zero)
        return unbroadcast(da, a_shape), unbroadcast(db, b_shape)

    # Which of the two it was decides where the gradient goes.
    return record(operation, result, (a, b), backward, keeps=[a, b], keeps_result=True)


def by_kernel(operation: str, x: Base) -> np.ndarray:
    """The kernel of that name at every element of x; DTypeError unless x is float32 or float64."""
    require_float(operation, x)
    data = np.ascontiguousarray(x._array)
    y = np.empty(x._array.shape, data.dtype)
    threads = _kernels.threads_for(NANOSECONDS * data.size)
    getattr(_kernels.elementwise, operation)(data, y, threads)
    return y


class Elementwise(Base):
    """The methods that work on each element on its own."""

    __slots__ = ()

    def exp(self) -> "Tensor":
        """e^x."""
        y = by_kernel("exp", self)
        # Keeps y: the derivative is y itself.
        return record("exp", y, (self,), lambda dy: (dy * y,), keeps_result=True)

    def log(self) -> "Tensor":
        """The natural logarithm: -inf at 0, NaN below."""
        x = self._array
        y = by_kernel("log", self)
        # Keeps x: the derivative is 1 / x.
        return record("log", y, (self,), lambda dy: (dy / x,), keeps=[self])

    def expm1(self) -> "Tensor":
        """e^x - 1, exact near 0."""
        y = by_kernel("expm1", self)
        # Keeps y: the derivative is y + 1.
        return record("expm1", y, (self,), lambda dy: (dy * (y + 1),), keeps_result=True)

    def log1p(self) -> "Tensor":
        """ln(1 + x), exact near 0."""
        x = self._array
        y = by_kernel("log1p", self)
        # Keeps x: the derivative is 1 / (1 + x).
        return record("log1p", y, (self,), lambda dy: (dy / (1 + x),), keeps=[self])

    def sqrt(self) -> "Tensor":
        """The square root; NaN below 0."""
        require_float("sqrt", self)
        y = apply("sqrt", np.sqrt, self)
        # Keeps y: the derivative is 1 / 2y.
        return record("sqrt", y, (self,), lambda dy: (dy / (2 * y),), keeps_result=True)

    def tanh(self) -> "Tensor":
        """The hyperbolic tangent."""
        y = by_kernel("tanh", self)
        # Keeps y: the derivative is 1 - y².
        return record("tanh", y, (self,), lambda dy: (dy * (1 - y * y),), keeps_result=True)

    def abs(self) -> "Tensor":
        """|x|; the slope at 0 is 0."""
        require_float("abs", self)
        x = self._array
        # Keeps x: the derivative is its sign.
        return record("abs", np.abs(x), (self,), lambda dy: (dy * np.sign(x),), keeps=[self])

    def __abs__(self) -> "Tensor":
        return self.abs()

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
        y = np.clip(x, *(x.dtype.type(bound) for bound in bounds))

        def backward(dy: np.ndarray) -> tuple[np.ndarray]:
            return (np.where(same(x, y), dy, np.zeros((), dy.dtype)),)

        # Keeps x and y: the gradient passes where they are the same.
        return record("clip", y, (self,), backward, keeps=[self], keeps_result=True)

    def astype(self, dtype: Any) -> "Tensor":
        """The values in another dtype; a float's gradient comes back in this one, integers and
        masks have none."""
        wanted = as_dtype("astype", dtype)
        x = self._array.astype(wanted)
        return record("astype", x, (self,) if wanted.kind == "f" else (), lambda dy: (dy,))

    def _compare(self, operation: str, function: np.ufunc, other: Any) -> "Tensor":
        b = as_tensor(other, operation, like=self, numbers=None)
        return Base._result(np.asarray(apply(operation, function, self, b)))

    @operator
    def __lt__(self, other: Any) -> "Tensor":
        return self._compare("<", np.less, other)

    @operator
    def __le__(self, other: Any) -> "Tensor":
        return self._compare("<=", np.less_equal, other)

    @operator
    def __gt__(self, other: Any) -> "Tensor":
        return self._compare(">", np.greater, other)

    @operator
    def __ge__(self, other: Any) -> "Tensor":
        return self._compare(">=", np.greater_equal, other)

    @operator
    def __eq__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return self._compare("==", np.equal, other)

    @operator
    def __ne__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return self._compare("!=", np.not_equal, other)

    def _combine(self, operation: str, function: np.ufunc, *others: Any) -> "Tensor":
        masks = [self, *(as_tensor(other, operation) for other in others)]
        for mask in masks:
            if mask.dtype != bool:
                raise DTypeError(explain(operation, "masks (bool)", mask.dtype, "x != 0"))
        return Base._result(np.asarray(apply(operation, function, *masks)))

    @operator
    def __and__(self, other: Any) -> "Tensor":
        return self._combine("&", np.logical_and, other)

    __rand__ = __and__

    @operator
    def __or__(self, other: Any) -> "Tensor":
        return self._combine("|", np.logical_or, other)

    __ror__ = __or__

    def __invert__(self) -> "Tensor":
        return self._combine("~", np.logical_not)

    def __contains__(self, value: Any) -> bool:
        return bool(np.asarray(self == value).any())

    __hash__ = object.__hash__  # `==` compares elements; a tensor in a set or dict is itself
