"""Arithmetic: + - * / ** and the matrix product, with NumPy's broadcasting."""

import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from ..errors import DTypeError, ShapeError, explain
from .arrays import Shape, chain, unbroadcast
from .base import Base, apply, as_tensor, record, require_float, wanted_shape

if TYPE_CHECKING:
    from . import Tensor

HOLD_NUMBERS = (Base, np.ndarray, np.generic, list, tuple, int, float)


def operator(method: Callable[[Any, Any], "Tensor"]) -> Callable[[Any, Any], "Tensor"]:
    """The method of an operator such that a type which minidl does not know has its turn: its own
    `__radd__`, or else Python's TypeError. What should hold numbers and does not is a DTypeError.
    """

    @wraps(method)
    def operation(self: Base, other: Any) -> "Tensor":
        try:
            return method(self, other)
        except DTypeError:
            if isinstance(other, HOLD_NUMBERS):
                raise
            return NotImplemented

    return operation


def operands(operation: str, x: Base, y: Any) -> tuple["Tensor", "Tensor"]:
    """Both sides of an operator as float tensors."""
    b = as_tensor(y, operation, like=x)
    a = as_tensor(x, operation, like=b)
    require_float(operation, a, b)
    return a, b


def add(x: Base, y: Any) -> "Tensor":
    """x + y."""
    a, b = operands("add", x, y)
    a_shape, b_shape = wanted_shape(a), wanted_shape(b)

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        return unbroadcast(dy, a_shape), unbroadcast(dy, b_shape)

    return record("add", apply("add", np.add, a, b), (a, b), backward)


def subtract(x: Base, y: Any) -> "Tensor":
    """x - y."""
    a, b = operands("subtract", x, y)
    a_shape, b_shape = wanted_shape(a), wanted_shape(b)

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        return unbroadcast(dy, a_shape), chain(dy, -1, b_shape)

    return record("subtract", apply("subtract", np.subtract, a, b), (a, b), backward)


def multiply(x: Base, y: Any) -> "Tensor":
    """x · y, element by element."""
    a, b = operands("multiply", x, y)
    a_shape, b_shape = wanted_shape(a), wanted_shape(b)
    # Each factor is the derivative for the other one.
    p = a._array if b.requires_grad else None
    q = b._array if a.requires_grad else None

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        return chain(dy, q, a_shape), chain(dy, p, b_shape)

    keeps = [factor for factor, kept in ((a, p), (b, q)) if kept is not None]
    return record("multiply", apply("multiply", np.multiply, a, b), (a, b), backward, keeps=keeps)


def divide(x: Base, y: Any) -> "Tensor":
    """x / y, element by element."""
    a, b = operands("divide", x, y)
    a_shape, b_shape = wanted_shape(a), wanted_shape(b)
    result = apply("divide", np.divide, a, b)
    # d(a/b) = da / b - (a/b) / b db: the divisor and the quotient.
    divisor = b._array
    quotient = result if b.requires_grad else None

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        da = None if a_shape is None else unbroadcast(dy / divisor, a_shape)
        db = None if quotient is None else chain(dy, -quotient / divisor, b_shape)
        return da, db

    return record("divide", result, (a, b), backward, keeps=[b], keeps_result=b.requires_grad)


def power(x: Base, y: Any) -> "Tensor":
    """x ** y, element by element.

    The derivative for the exponent, x^y ln x, is at x = 0 its limit -inf for y < 0 and 0 for
    y > 0, and 0 for y = 0, as in PyTorch; for x < 0 there is none: NaN. Where either derivative is
    0 · inf, as at the base 0 and the exponent inf, it is its limit 0.
    """
    a, b = operands("power", x, y)
    a_shape, b_shape = wanted_shape(a), wanted_shape(b)
    result = apply("power", np.power, a, b)
    # Both derivatives need a and b, that for b needs the result too.
    p, q = a._array, b._array
    power = result if b.requires_grad else None

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        da = db = None
        if a_shape is not None:
            # b · a^(b-1), where the power goes faster to 0 than b to infinity.
            lower = p ** (q - (q != 0))
            da = chain(dy, np.where(lower == 0, lower, q * lower), a_shape)
        if b_shape is not None:
            # a^b ln a, where the power goes faster to 0 than the logarithm to infinity.
            vanishes = ((p == 0) & (q >= 0)) | ((p == np.inf) & (q < 0))
            slope = power * np.log(p, dtype=dy.dtype)
            db = chain(dy, np.where(vanishes, np.zeros((), dy.dtype), slope), b_shape)
        return da, db

    return record("power", result, (a, b), backward, keeps=[a, b], keeps_result=b.requires_grad)


def negative(x: Base) -> "Tensor":
    """-x."""
    require_float("negative", x)
    return record("negative", -x._array, (x,), lambda dy: (-dy,))


def product(
    a: np.ndarray, b: np.ndarray, a_transposed: bool = False, b_transposed: bool = False
) -> np.ndarray:
    """The matrix product of (n, m, k) and (n, k, p) arrays, by the kernel."""
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    m, k = a.shape[:0:-1] if a_transposed else a.shape[1:]
    p = b.shape[1] if b_transposed else b.shape[2]
    c = np.empty((len(a), m, p), a.dtype)
    threads = _kernels.threads_for(len(a) * _kernels.product_nanoseconds(m, k, p))
    _kernels.gemm.product(a, a_transposed, b, b_transposed, c, threads)
    return c


def stacked(matrix: np.ndarray, batch: Shape, dtype: np.dtype) -> np.ndarray:
    """A matrix, or some with batch axes, as an (n, rows, columns) array for `product`."""
    if matrix.shape[:-2] != batch:
        matrix = np.broadcast_to(matrix, batch + matrix.shape[-2:])
    return matrix.astype(dtype, copy=False).reshape(math.prod(batch), *matrix.shape[-2:])


def batch_axes(a: Base, b: Base) -> Shape:
    """The axes before the matrices of a @ b; ShapeError if there is no such product."""
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ShapeError(
            explain(
                "matmul",
                "shapes (..., m, k) and (..., k, p)",
                f"{a.shape} and {b.shape}",
                "x @ y.T, or x * y for the product element by element",
            )
        )
    try:
        return np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ShapeError(
            explain("matmul", "batch axes that broadcast", f"{a.shape} and {b.shape}")
        ) from None


def matmul(x: Base, y: Any) -> "Tensor":
    """The matrix product x @ y, as NumPy defines it for 1-D, 2-D and stacks of matrices.

    (m, k) @ (k, p) is (m, p); of more axes all but the last two are batch axes, which broadcast;
    a 1-D operand is a row on the left and a column on the right. Computed by minidl's kernel, so
    a row's bits depend neither on the thread count nor on the other rows.
    """
    a, b = operands("matmul", x, y)
    a_shape, b_shape = wanted_shape(a), wanted_shape(b)
    batch = batch_axes(a, b)
    dtype = np.result_type(a._array, b._array)
    # As matrices: a row for 1-D on the left, a column on the right.
    left = a._array[None, :] if a.ndim == 1 else a._array
    right = b._array[:, None] if b.ndim == 1 else b._array
    rows, depth, columns = *left.shape[-2:], right.shape[-1]
    row_axis, column_axis = (rows,) * (a.ndim > 1), (columns,) * (b.ndim > 1)
    c = product(stacked(left, batch, dtype), stacked(right, batch, dtype))

    # Each factor is the derivative for the other one.
    kept_left = left if b.requires_grad else None
    kept_right = right if a.requires_grad else None

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        dy = dy.reshape(math.prod(batch), rows, columns)
        da = db = None
        if kept_right is not None:
            da = product(dy, stacked(kept_right, batch, dtype), b_transposed=True)
            da = unbroadcast(da.reshape(*batch, *row_axis, depth), a_shape)
        if kept_left is not None:
            db = product(stacked(kept_left, batch, dtype), dy, a_transposed=True)
            db = unbroadcast(db.reshape(*batch, depth, *column_axis), b_shape)
        return da, db

    keeps = [factor for factor, kept in ((a, kept_left), (b, kept_right)) if kept is not None]
    shape = (*batch, *row_axis, *column_axis)
    return record("matmul", c.reshape(shape), (a, b), backward, keeps=keeps)


class Arithmetic(Base):
    """The operators. Each also takes numbers, lists and arrays on the other side."""

    __slots__ = ()

    @operator
    def __add__(self, other: Any) -> "Tensor":
        return add(self, other)

    __radd__ = __add__

    @operator
    def __sub__(self, other: Any) -> "Tensor":
        return subtract(self, other)

    @operator
    def __rsub__(self, other: Any) -> "Tensor":
        return subtract(as_tensor(other, "subtract", like=self), self)

    @operator
    def __mul__(self, other: Any) -> "Tensor":
        return multiply(self, other)

    __rmul__ = __mul__

    @operator
    def __truediv__(self, other: Any) -> "Tensor":
        return divide(self, other)

    @operator
    def __rtruediv__(self, other: Any) -> "Tensor":
        return divide(as_tensor(other, "divide", like=self), self)

    @operator
    def __pow__(self, other: Any) -> "Tensor":
        return power(self, other)

    @operator
    def __rpow__(self, other: Any) -> "Tensor":
        return power(as_tensor(other, "power", like=self), self)

    def __neg__(self) -> "Tensor":
        return negative(self)

    def __pos__(self) -> "Tensor":
        return self  # type: ignore[return-value]

    @operator
    def __matmul__(self, other: Any) -> "Tensor":
        return matmul(self, other)

    @operator
    def __rmatmul__(self, other: Any) -> "Tensor":
        return matmul(as_tensor(other, "matmul", like=self), self)

    def _in_place(self, operation: str, new: "Tensor") -> "Tensor":
        require_float(operation, self)
        if new.shape != self.shape:
            raise ShapeError(
                explain(
                    operation,
                    f"a result of the shape {self.shape} that is written to",
                    new.shape,
                    "x = x + y instead of x += y",
                )
            )
        self.write(operation, new._array, new)
        return self  # type: ignore[return-value]

    @operator
    def __iadd__(self, other: Any) -> "Tensor":
        return self._in_place("+=", add(self, other))

    @operator
    def __isub__(self, other: Any) -> "Tensor":
        return self._in_place("-=", subtract(self, other))

    @operator
    def __imul__(self, other: Any) -> "Tensor":
        return self._in_place("*=", multiply(self, other))

    @operator
    def __itruediv__(self, other: Any) -> "Tensor":
        return self._in_place("/=", divide(self, other))

    @operator
    def __ipow__(self, other: Any) -> "Tensor":
        return self._in_place("**=", power(self, other))
