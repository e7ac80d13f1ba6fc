"""Arithmetic: + - * / ** and the matrix product, with NumPy's broadcasting."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _kernels
from ...errors import ArgumentError, DTypeError, ShapeError, explain
from .arrays import FLOATS, Shape, float_beside, for_kernel
from .base import Base, apply, as_tensor, new_result
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

HOLD_NUMBERS = (Base, np.ndarray, np.generic, list, tuple, int, float)


def operands(operation: str, x: Any, y: Any) -> tuple["Tensor", "Tensor"]:
    """Both operands as tensors. Beside a float tensor, any other operand is a constant of its
    dtype. Integers and masks alone keep their dtypes, as in NumPy."""
    if not isinstance(x, Base):
        x = as_tensor(x, operation, like=y if isinstance(y, Base) else None)
    whole = None if x._array.dtype.kind == "f" else x
    b = as_tensor(y, operation, x, number_dtype=np.float32 if whole is None else None)
    return as_tensor(x, operation, like=b), b


def binary(operation: Operation, x: Any, y: Any) -> "Tensor":
    """The operation of x and y: by the kernel if it takes them, else by NumPy's function."""
    if not (isinstance(x, Base) and isinstance(y, Base)):
        try:
            x, y = operands(operation.name, x, y)
        except DTypeError:
            return refused(x, y)
    z = getattr(_kernels.arithmetic, operation.name)(x._array, y._array)
    if z is not None:
        return record(operation, z, (x, y))
    a, b = operands(operation.name, x, y)
    if a._array.dtype.kind != "f":
        return whole(operation, a, b)
    return record(operation, apply(operation.name, operation.forward, a, b), (a, b))


def whole(operation: Operation, a: Base, b: Base) -> "Tensor":
    """The operation of integers and masks, as in NumPy; a quotient has the dtype `float_beside`."""
    if operation is POWER and (b._array < 0).any():
        hint = "x.astype('float64') ** y"
        raise ArgumentError(explain("power", "integers to powers from 0 up", "a negative", hint))
    try:
        z = np.asarray(apply(operation.name, operation.forward, a, b))
    except TypeError:
        expected, got = "numbers", f"{a.dtype} and {b.dtype}"
        raise DTypeError(explain(operation.name, expected, got, "x.astype('int64')")) from None
    if z.dtype.kind == "f":
        z = z.astype(float_beside(np.result_type(a._array, b._array)))
    return new_result(z)


def refused(x: Any, y: Any) -> Any:
    """What an operator does, within the `except`, if an operand cannot become a tensor. If both
    should hold numbers, it raises again. Else it returns NotImplemented: then the other type's
    `__radd__` has its turn, or Python raises TypeError."""
    if isinstance(x, HOLD_NUMBERS) and isinstance(y, HOLD_NUMBERS):
        raise
    return NotImplemented


def operated(function: Callable[[Any, Any], "Tensor"], x: Any, y: Any) -> "Tensor":
    """function(x, y) for an operator."""
    try:
        return function(x, y)
    except DTypeError:
        return refused(x, y)


def of_numbers(operation: Operation, x: Any, y: Any) -> "Tensor":
    """The operation as a function: DTypeError for anything that is not numbers."""
    z = binary(operation, x, y)
    if z is NotImplemented:
        operands(operation.name, x, y)  # raises DTypeError, which says what is wrong
    return z


ADD = Operation("add", np.add, x=lambda dy: dy, y=lambda dy: dy)


def add(x: Any, y: Any) -> "Tensor":
    """x + y, element by element; x and y broadcast.

    >>> add([1.0, 2.0], 3.0)
    tensor([4., 5.])
    """
    return of_numbers(ADD, x, y)


SUBTRACT = Operation("subtract", np.subtract, x=lambda dy: dy, y=lambda dy: -dy)


def subtract(x: Any, y: Any) -> "Tensor":
    """x - y, element by element; x and y broadcast.

    >>> subtract([1.0, 2.0], 3.0)
    tensor([-2., -1.])
    """
    return of_numbers(SUBTRACT, x, y)


MULTIPLY = Operation("multiply", np.multiply, x=lambda dy, y: dy * y, y=lambda dy, x: dy * x)


def multiply(x: Any, y: Any) -> "Tensor":
    """x · y, element by element; x and y broadcast.

    >>> multiply([1.0, 2.0], 3.0)
    tensor([3., 6.])
    """
    return of_numbers(MULTIPLY, x, y)


DIVIDE = Operation(
    "divide",
    np.divide,
    x=lambda dy, y: dy / y,
    y=lambda dy, result, y: dy * (-result / y),
)


def divide(x: Any, y: Any) -> "Tensor":
    """x / y, element by element; x and y broadcast.

    >>> divide([1.0, 2.0], 4.0)
    tensor([0.25, 0.5 ])
    """
    return of_numbers(DIVIDE, x, y)


def base_slope(dy: Any, x: Any, y: Any) -> Any:
    """dy · y x^(y-1). It is 0 for y = 0, and where the power goes to 0 faster than y to
    infinity."""
    if y.ndim == 0 and y == 2:  # takes a tenth of the time
        return dy * (2 * x)
    lower = x ** (y - ((abs(x) > 0) | (y != 0)))
    vanishes = (lower == 0) & (abs(y) == np.inf)
    return dy * np.where(vanishes, lower, y * lower)


def exponent_slope(dy: Any, x: Any, y: Any, result: Any) -> Any:
    """dy · x^y ln x; 0 where the power goes to 0 faster than the logarithm to infinity."""
    vanishes = ((x == 0) & (y >= 0)) | ((x == np.inf) & (y < 0))
    return dy * (result * np.log(np.where(vanishes, 1, x).astype(result.dtype)))


POWER = Operation("power", np.power, x=base_slope, y=exponent_slope)


def power(x: Any, y: Any) -> "Tensor":
    """x ** y, element by element; x and y broadcast.

    The derivative with respect to the exponent is x^y ln x. At x = 0 it is its limit: -inf for
    y < 0, and 0 for y > 0; for y = 0 it is 0, as in PyTorch. For x < 0 it is NaN. Where either
    derivative is 0 · inf, as at the base 0 and the exponent inf, it is its limit 0.

    ArgumentError for integers to negative integer powers.

    >>> power([2.0, 3.0], 2)
    tensor([4., 9.])
    """
    return of_numbers(POWER, x, y)


NEGATIVE = Operation("negative", x=lambda dy: -dy)


def negative(x: Any) -> "Tensor":
    """-x. DTypeError for masks.

    >>> negative([1.0, -2.0])
    tensor([-1.,  2.])
    """
    x = as_tensor(x, "negative")
    if x._array.dtype == bool:
        raise DTypeError(explain("negative", "numbers", "bool", "~x"))
    return record(NEGATIVE, -x._array, (x,))


def product(
    a: np.ndarray, b: np.ndarray, a_transposed: bool = False, b_transposed: bool = False
) -> np.ndarray:
    """The matrix products of (n, m, k) and (n, k, p) arrays, by the kernel."""
    a, b = for_kernel(a), for_kernel(b)
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


def matrices(a: Any, b: Any, a_transposed: bool = False, b_transposed: bool = False) -> Any:
    """a · b for arrays or tensors of two or more axes; all axes but the last two broadcast."""
    if isinstance(a, Base) or isinstance(b, Base):
        left = a.swapaxes(-1, -2) if a_transposed else a
        return matmul(left, b.swapaxes(-1, -2) if b_transposed else b)
    c = _kernels.gemm.of_small_matrices(a, b, a_transposed, b_transposed)
    if c is not None:
        return c
    batch, dtype = np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), np.result_type(a, b)
    if dtype not in FLOATS:
        return np.matmul(a, b)
    c = product(stacked(a, batch, dtype), stacked(b, batch, dtype), a_transposed, b_transposed)
    return c.reshape(*batch, *c.shape[1:])


def as_row(x: Any) -> Any:
    """A left factor as a matrix, or as several; a vector is a row."""
    return x[None, :] if x.ndim == 1 else x


def as_column(y: Any) -> Any:
    """A right factor as a matrix, or as several; a vector is a column."""
    return y[:, None] if y.ndim == 1 else y


def as_matrix(dy: Any, shape: Shape, other: Shape) -> Any:
    """The gradient of x @ y, for x and y of these shapes, as if both were matrices."""
    dy = dy[..., None] if len(other) == 1 else dy
    return dy[..., None, :] if len(shape) == 1 else dy


def left_gradient(dy: Any, y: Any, shape: Shape) -> Any:
    """dx = dy · yᵀ."""
    return matrices(as_matrix(dy, shape, y.shape), as_column(y), b_transposed=True)


def right_gradient(dy: Any, x: Any, shape: Shape) -> Any:
    """xᵀ · dy."""
    dy = matrices(as_row(x), as_matrix(dy, x.shape, shape), a_transposed=True)
    return dy[..., 0] if len(shape) == 1 else dy


def check_product(a: Base, b: Base) -> None:
    """ShapeError if a @ b is not defined."""
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
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ShapeError(
            explain("matmul", "batch axes that broadcast", f"{a.shape} and {b.shape}")
        ) from None


MATMUL = Operation("matmul", x=left_gradient, y=right_gradient)


def matmul(x: Base, y: Any) -> "Tensor":
    """The matrix product x @ y, as NumPy defines it for vectors, matrices and stacks of matrices.

    (m, k) @ (k, p) is (m, p). Of more axes, all but the last two are batch axes, which broadcast.
    A vector is a row on the left and a column on the right. minidl's kernel computes the product:
    the bits of a row depend neither on the number of threads nor on the other rows.

    ShapeError for shapes that do not fit.

    >>> matmul([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0])
    tensor([12., 34.])
    """
    if isinstance(x, Base) and isinstance(y, Base):
        c = _kernels.gemm.of_small_matrices(x._array, y._array)
        if c is not None:
            return record(MATMUL, c, (x, y))
    a, b = operands("matmul", x, y)
    check_product(a, b)
    c = matrices(as_row(a._array), as_column(b._array))
    row, column = c.shape[-2:-1] * (a.ndim > 1), c.shape[-1:] * (b.ndim > 1)
    return record(MATMUL, c.reshape((*c.shape[:-2], *row, *column)), (a, b))


def in_place(operation: str, function: Callable[[Any, Any], "Tensor"], x: Any, y: Any) -> "Tensor":
    """Writes function(x, y) into x, and gives x the history of the result."""
    new = operated(function, x, y)
    if new is NotImplemented:
        return new
    if not np.can_cast(new.dtype, x.dtype, "same_kind"):
        hint = "x = x + y instead of x += y"
        raise DTypeError(explain(operation, f"a result that {x.dtype} can hold", new.dtype, hint))
    if new.shape != x.shape:
        raise ShapeError(
            explain(
                operation,
                f"a result of the shape {x.shape} that is written to",
                new.shape,
                "x = x + y instead of x += y",
            )
        )
    x.write(operation, new._array, new)
    return x


class Arithmetic(Base):
    """The operators. Each also takes numbers, lists and arrays on the other side."""

    __slots__ = ()

    def __add__(self, other: Any) -> "Tensor":
        return binary(ADD, self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Tensor":
        return binary(SUBTRACT, self, other)

    def __rsub__(self, other: Any) -> "Tensor":
        return binary(SUBTRACT, other, self)

    def __mul__(self, other: Any) -> "Tensor":
        return binary(MULTIPLY, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Tensor":
        return binary(DIVIDE, self, other)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return binary(DIVIDE, other, self)

    def __pow__(self, other: Any) -> "Tensor":
        return binary(POWER, self, other)

    def __rpow__(self, other: Any) -> "Tensor":
        return binary(POWER, other, self)

    def __neg__(self) -> "Tensor":
        return negative(self)

    def __pos__(self) -> "Tensor":
        return self  # type: ignore[return-value]

    def __matmul__(self, other: Any) -> "Tensor":
        try:
            return matmul(self, other)
        except DTypeError:
            return refused(self, other)

    def __rmatmul__(self, other: Any) -> "Tensor":
        try:
            return matmul(other, self)
        except DTypeError:
            return refused(other, self)

    def __iadd__(self, other: Any) -> "Tensor":
        return in_place("+=", add, self, other)

    def __isub__(self, other: Any) -> "Tensor":
        return in_place("-=", subtract, self, other)

    def __imul__(self, other: Any) -> "Tensor":
        return in_place("*=", multiply, self, other)

    def __itruediv__(self, other: Any) -> "Tensor":
        return in_place("/=", divide, self, other)

    def __ipow__(self, other: Any) -> "Tensor":
        return in_place("**=", power, self, other)

    def __imatmul__(self, other: Any) -> "Tensor":
        return in_place("@=", matmul, self, other)
