"""Functions of each element on its own, comparisons, and choices between two tensors."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, explain
from .arithmetic import operands
from .base import Base, as_tensor, broadcast_shapes, record, require_float, unbroadcast

if TYPE_CHECKING:
    from . import Tensor


def where(condition: Any, x: Any, y: Any) -> "Tensor":
    """x where the condition holds, else y; all three broadcast. No gradient for the condition.

    >>> import minidl
    >>> x = minidl.tensor([-1.0, 2.0])
    >>> minidl.where(x > 0, x, 0.1 * x)
    tensor([-0.1,  2. ])
    """
    choice = np.asarray(as_tensor(condition, "where")._data, dtype=bool)
    first = as_tensor(x, "where", like=y if isinstance(y, Base) else None)
    a, b = operands("where", first, y)
    broadcast_shapes("where", Base._result(choice), a, b)

    def backward(dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        zero = np.zeros((), dy.dtype)
        return (
            unbroadcast(np.where(choice, dy, zero), a),
            unbroadcast(np.where(choice, zero, dy), b),
        )

    return record("where", np.where(choice, a._data, b._data), (a, b), backward)


def maximum(x: Any, y: Any) -> "Tensor":
    """The larger of x and y, NaN if either is; at a tie the gradient is shared equally."""
    return _extremum("maximum", np.maximum, x, y)


def minimum(x: Any, y: Any) -> "Tensor":
    """The smaller of x and y, NaN if either is; at a tie the gradient is shared equally."""
    return _extremum("minimum", np.minimum, x, y)


def _extremum(operation: str, function: np.ufunc, x: Any, y: Any) -> "Tensor":
    first = as_tensor(x, operation, like=y if isinstance(y, Base) else None)
    a, b = operands(operation, first, y)
    result = function(a._data, b._data)

    def backward(dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        share = np.where(a._data == b._data, 0.5, result == a._data).astype(dy.dtype)
        return unbroadcast(dy * share, a), unbroadcast(dy * (1 - share), b)

    # Which of the two it was decides where the gradient goes.
    return record(operation, result, (a, b), backward, keeps=[a, b], keeps_result=True)


class Elementwise(Base):
    """The methods that work on each element on its own."""

    __slots__ = ()

    def exp(self) -> "Tensor":
        """e^x."""
        require_float("exp", self)
        y = np.exp(self._data)
        # Keeps y: the derivative is y itself.
        return record("exp", y, (self,), lambda dy: (dy * y,), keeps_result=True)

    def log(self) -> "Tensor":
        """The natural logarithm: -inf at 0, NaN below."""
        require_float("log", self)
        x = self._data
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.log(x)
        # Keeps x: the derivative is 1 / x.
        return record("log", y, (self,), lambda dy: (dy / x,), keeps=[self])

    def expm1(self) -> "Tensor":
        """e^x - 1, exact near 0."""
        require_float("expm1", self)
        y = np.expm1(self._data)
        # Keeps y: the derivative is y + 1.
        return record("expm1", y, (self,), lambda dy: (dy * (y + 1),), keeps_result=True)

    def log1p(self) -> "Tensor":
        """ln(1 + x), exact near 0."""
        require_float("log1p", self)
        x = self._data
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.log1p(x)
        # Keeps x: the derivative is 1 / (1 + x).
        return record("log1p", y, (self,), lambda dy: (dy / (1 + x),), keeps=[self])

    def sqrt(self) -> "Tensor":
        """The square root; NaN below 0."""
        require_float("sqrt", self)
        with np.errstate(invalid="ignore"):
            y = np.sqrt(self._data)
        # Keeps y: the derivative is 1 / 2y.
        return record("sqrt", y, (self,), lambda dy: (dy / (2 * y),), keeps_result=True)

    def tanh(self) -> "Tensor":
        """The hyperbolic tangent."""
        require_float("tanh", self)
        y = np.tanh(self._data)
        # Keeps y: the derivative is 1 - y².
        return record("tanh", y, (self,), lambda dy: (dy * (1 - y * y),), keeps_result=True)

    def abs(self) -> "Tensor":
        """|x|; the slope at 0 is 0."""
        require_float("abs", self)
        x = self._data
        # Keeps x: the derivative is its sign.
        return record("abs", np.abs(x), (self,), lambda dy: (dy * np.sign(x),), keeps=[self])

    def __abs__(self) -> "Tensor":
        return self.abs()

    def clip(self, low: float | None = None, high: float | None = None) -> "Tensor":
        """min(max(x, low), high); None leaves a side open. The slope at a bound is 1, outside 0."""
        require_float("clip", self)
        if low is not None and high is not None and not low <= high:
            raise ArgumentError(explain("clip", "low <= high", f"low={low}, high={high}"))
        x = self._data
        y = x if low is None and high is None else np.clip(x, low, high)

        def backward(dy: np.ndarray) -> tuple[np.ndarray]:
            return (np.where(x == y, dy, np.zeros((), dy.dtype)),)

        # Keeps x and y: the gradient passes where they are equal.
        return record(
            "clip", y.copy() if y is x else y, (self,), backward, keeps=[self], keeps_result=True
        )

    def astype(self, dtype: Any) -> "Tensor":
        """The values in another dtype; the gradient comes back in this one."""
        wanted = np.dtype(dtype)
        result = as_tensor(self._data.astype(wanted))
        if self.requires_grad:
            require_float("astype", result)
        return record("astype", result._data, (self,), lambda dy: (dy.astype(self.dtype),))

    def _compare(self, operation: str, function: np.ufunc, other: Any) -> "Tensor":
        b = as_tensor(other, operation, like=self)
        broadcast_shapes(operation, self, b)
        return Base._result(np.asarray(function(self._data, b._data)))

    def __lt__(self, other: Any) -> "Tensor":
        return self._compare("<", np.less, other)

    def __le__(self, other: Any) -> "Tensor":
        return self._compare("<=", np.less_equal, other)

    def __gt__(self, other: Any) -> "Tensor":
        return self._compare(">", np.greater, other)

    def __ge__(self, other: Any) -> "Tensor":
        return self._compare(">=", np.greater_equal, other)

    def __eq__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return self._compare("==", np.equal, other)

    def __ne__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return self._compare("!=", np.not_equal, other)

    def __invert__(self) -> "Tensor":
        return Base._result(np.logical_not(self._data))

    __hash__ = object.__hash__  # `==` compares elements; a tensor in a set or dict is itself
