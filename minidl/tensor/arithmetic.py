"""Arithmetic: + - * / ** and the matrix product, with NumPy's broadcasting."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from ..errors import ShapeError, explain
from .base import Base, as_tensor, broadcast_shapes, record, require_float, unbroadcast

if TYPE_CHECKING:
    from . import Tensor


def operands(operation: str, x: Base, y: Any) -> tuple["Tensor", "Tensor"]:
    """Both sides of an operator as float tensors of shapes that broadcast."""
    b = as_tensor(y, operation, like=x)
    a = as_tensor(x, operation, like=b)
    require_float(operation, a, b)
    broadcast_shapes(operation, a, b)
    return a, b


def add(x: Base, y: Any) -> "Tensor":
    """x + y."""
    a, b = operands("add", x, y)

    def backward(dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return unbroadcast(dy, a), unbroadcast(dy, b)

    return record("add", a._data + b._data, (a, b), backward)


def subtract(x: Base, y: Any) -> "Tensor":
    """x - y."""
    a, b = operands("subtract", x, y)

    def backward(dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return unbroadcast(dy, a), unbroadcast(-dy, b)

    return record("subtract", a._data - b._data, (a, b), backward)


def multiply(x: Base, y: Any) -> "Tensor":
    """x · y, element by element."""
    a, b = operands("multiply", x, y)

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        da = unbroadcast(dy * b._data, a) if a.requires_grad else None
        db = unbroadcast(dy * a._data, b) if b.requires_grad else None
        return da, db

    # Each factor is the derivative for the other one.
    keeps = [p for p, q in ((a, b), (b, a)) if q.requires_grad]
    return record("multiply", a._data * b._data, (a, b), backward, keeps=keeps)


def divide(x: Base, y: Any) -> "Tensor":
    """x / y, element by element."""
    a, b = operands("divide", x, y)
    quotient = a._data / b._data

    def backward(dy: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        da = dy / b._data
        db = unbroadcast(-da * quotient, b) if b.requires_grad else None
        return unbroadcast(da, a), db

    # d(a/b) = da / b - (a/b) db / b: the divisor and the quotient.
    return record("divide", quotient, (a, b), backward, keeps=[b], keeps_result=b.requires_grad)


def power(x: Base, y: Any) -> "Tensor":
    """x ** y, element by element.

    The derivative for the exponent, x^y ln x, is taken as 0 at x = 0, as in PyTorch.
    """
    a, b = operands("power", x, y)
    result = np.power(a._data, b._data)

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        da = db = None
        if a.requires_grad:
            # b · a^(b-1), without 0 · inf where the exponent is 0.
            slope = np.where(
                b._data == 0, 0, np.power(a._data, np.where(b._data == 0, 1, b._data) - 1)
            )
            da = unbroadcast(dy * b._data * slope, a)
        if b.requires_grad:
            logarithm = np.log(np.where(a._data == 0, 1, a._data))
            db = unbroadcast(dy * result * logarithm, b)
        return da, db

    # The derivative for a needs a and b, that for b needs a and the result.
    keeps = [a, b] if a.requires_grad else [a]
    return record("power", result, (a, b), backward, keeps=keeps, keeps_result=b.requires_grad)


def negative(x: Base) -> "Tensor":
    """-x."""
    require_float("negative", x)
    return record("negative", -x._data, (x,), lambda dy: (-dy,))


def product(
    a: np.ndarray, b: np.ndarray, a_transposed: bool = False, b_transposed: bool = False
) -> np.ndarray:
    """The matrix product of (n, m, k) and (n, k, p) arrays, by the kernel."""
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    m, k = a.shape[:0:-1] if a_transposed else a.shape[1:]
    p = b.shape[1] if b_transposed else b.shape[2]
    c = np.empty((len(a), m, p), a.dtype)
    threads = _kernels.threads_for(2 * len(a) * m * k * p)
    _kernels.gemm.product(a, a_transposed, b, b_transposed, c, threads)
    return c


def matmul(x: Base, y: Any) -> "Tensor":
    """The matrix product x @ y, as NumPy defines it for 1-D, 2-D and stacks of matrices.

    (m, k) @ (k, p) is (m, p); of more axes all but the last two are batch axes, which broadcast;
    a 1-D operand is a row on the left and a column on the right. Computed by minidl's kernel, so
    a row's bits depend neither on the thread count nor on the other rows.
    """
    a = as_tensor(x, "matmul")
    b = as_tensor(y, "matmul", like=a)
    require_float("matmul", a, b)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ShapeError(
            explain(
                "matmul",
                "shapes (..., m, k) and (..., k, p)",
                f"{a.shape} and {b.shape}",
                "x @ y.T, or x * y for the product element by element",
            )
        )
    dtype = np.result_type(a._data, b._data)
    # As matrices: a row for 1-D on the left, a column on the right.
    left = a._data[None, :] if a.ndim == 1 else a._data
    right = b._data[:, None] if b.ndim == 1 else b._data
    try:
        stack = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        raise ShapeError(
            explain("matmul", "batch axes that broadcast", f"{a.shape} and {b.shape}")
        ) from None

    def stacked(matrix: np.ndarray) -> np.ndarray:
        shape = stack + matrix.shape[-2:]
        return np.broadcast_to(matrix, shape).astype(dtype, copy=False).reshape(-1, *shape[-2:])

    rows, columns = left.shape[-2], right.shape[-1]
    shape = stack + (() if a.ndim == 1 else (rows,)) + (() if b.ndim == 1 else (columns,))

    def backward(dy: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        dy = dy.reshape(-1, rows, columns)
        da = db = None
        if a.requires_grad:
            da = product(dy, stacked(right), b_transposed=True)
            da = da.reshape(stack + (() if a.ndim == 1 else (rows,)) + left.shape[-1:])
            da = unbroadcast(da, a)
        if b.requires_grad:
            db = product(stacked(left), dy, a_transposed=True)
            db = db.reshape(stack + right.shape[-2:-1] + (() if b.ndim == 1 else (columns,)))
            db = unbroadcast(db, b)
        return da, db

    # Each factor is the derivative for the other one.
    keeps = [p for p, q in ((a, b), (b, a)) if q.requires_grad]
    result = product(stacked(left), stacked(right)).reshape(shape)
    return record("matmul", result, (a, b), backward, keeps=keeps)


class Arithmetic(Base):
    """The operators. Each also takes numbers and arrays on the other side."""

    __slots__ = ()

    def __add__(self, other: Any) -> "Tensor":
        return add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Tensor":
        return subtract(self, other)

    def __rsub__(self, other: Any) -> "Tensor":
        return subtract(as_tensor(other, "subtract", like=self), self)

    def __mul__(self, other: Any) -> "Tensor":
        return multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Tensor":
        return divide(self, other)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return divide(as_tensor(other, "divide", like=self), self)

    def __pow__(self, other: Any) -> "Tensor":
        return power(self, other)

    def __rpow__(self, other: Any) -> "Tensor":
        return power(as_tensor(other, "power", like=self), self)

    def __neg__(self) -> "Tensor":
        return negative(self)

    def __pos__(self) -> "Tensor":
        return self  # type: ignore[return-value]

    def __matmul__(self, other: Any) -> "Tensor":
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> "Tensor":
        return matmul(as_tensor(other, "matmul", like=self), self)

    def _in_place(self, operation: str, new: "Tensor") -> "Tensor":
        if new.shape != self.shape:
            raise ShapeError(
                explain(
                    operation,
                    f"a result of the shape {self.shape} that is written to",
                    new.shape,
                    "x = x + y instead of x += y",
                )
            )
        self.write(operation, new)
        return self  # type: ignore[return-value]

    def __iadd__(self, other: Any) -> "Tensor":
        return self._in_place("+=", add(self, other))

    def __isub__(self, other: Any) -> "Tensor":
        return self._in_place("-=", subtract(self, other))

    def __imul__(self, other: Any) -> "Tensor":
        return self._in_place("*=", multiply(self, other))

    def __itruediv__(self, other: Any) -> "Tensor":
        return self._in_place("/=", divide(self, other))

    def __ipow__(self, other: Any) -> "Tensor":
        return self._in_place("**=", power(self, other))
