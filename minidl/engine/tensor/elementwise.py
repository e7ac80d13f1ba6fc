"""Functions of each element on its own, and choices between two tensors.

A function of one tensor takes a tensor, or data for one, of any shape. Most take float32 and
float64 alone, keep that dtype, and raise DTypeError for others.
"""

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _kernels
from ...errors import ArgumentError, DTypeError, explain
from .arithmetic import operands
from .arrays import as_dtype, for_kernel, same
from .base import Base, apply, as_tensor, new_result, require_float
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

NANOSECONDS = 1  # a kernel's time for one float32
SMALL: int = _kernels.rows.POINTWISE_ROW  # the most elements for which one thread is enough


# Gradients are selected, not multiplied by a mask: 0 · inf is NaN.
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
    """The gradient of `own` if it is the same as the result; half of it if `other` is so too."""
    share = np.where(same(result, other), dy / 2, dy)
    return np.where(same(result, own), share, 0)


MAXIMUM = Operation(
    "maximum",
    x=lambda dy, result, x, y: of_winner(dy, result, x, y),
    y=lambda dy, result, x, y: of_winner(dy, result, y, x),
)


def maximum(x: Any, y: Any) -> "Tensor":
    """The larger of x and y, element by element; they broadcast. NaN if either is NaN.

    If x and y are the same, or both NaN, they share the gradient equally.

    >>> maximum([1.0, 5.0], 3.0)
    tensor([3., 5.])
    """
    a, b = operands("maximum", x, y)
    return record(MAXIMUM, apply("maximum", np.maximum, a, b), (a, b))


MINIMUM = Operation(
    "minimum",
    x=lambda dy, result, x, y: of_winner(dy, result, x, y),
    y=lambda dy, result, x, y: of_winner(dy, result, y, x),
)


def minimum(x: Any, y: Any) -> "Tensor":
    """The smaller of x and y, element by element; they broadcast. NaN if either is NaN.

    If x and y are the same, or both NaN, they share the gradient equally.

    >>> minimum([1.0, 5.0], 3.0)
    tensor([1., 3.])
    """
    a, b = operands("minimum", x, y)
    return record(MINIMUM, apply("minimum", np.minimum, a, b), (a, b))


def by_kernel(operation: Operation, x: Any, kernel: str = "") -> "Tensor":
    """The operation of x by the kernel of that name; DTypeError unless x is float32 or float64."""
    a = x if isinstance(x, Base) else as_tensor(x, operation.name)
    function = getattr(_kernels.elementwise, kernel or operation.name)
    n = a._array.size
    threads = 1 if n <= SMALL else _kernels.threads_for(NANOSECONDS * n)
    y = function(a._array, threads)
    if y is None:
        require_float(operation.name, a)
        y = function(for_kernel(a._array), threads)
    return record(operation, y, (a,))


def by_numpy(operation: Operation, x: Any) -> "Tensor":
    """The operation of x by NumPy's function; DTypeError unless x is float32 or float64."""
    x = as_tensor(x, operation.name)
    require_float(operation.name, x)
    forward: Any = operation.forward
    return record(operation, apply(operation.name, forward, x), (x,))


EXP = Operation("exp", x=lambda dy, result: dy * result)


def exp(x: Any) -> "Tensor":
    """e^x of each element. DTypeError for integers.

    >>> exp([0.0, 1.0]).round(3)
    tensor([1.   , 2.718])
    """
    return by_kernel(EXP, x)


EXPM1 = Operation("expm1", x=lambda dy, result: dy * (result + 1))


def expm1(x: Any) -> "Tensor":
    """e^x - 1 of each element, exact near 0. DTypeError for integers.

    >>> expm1([0.0, 1e-30])
    tensor([0.e+00, 1.e-30])
    """
    return by_kernel(EXPM1, x)


LOG = Operation("log", x=lambda dy, x: dy / x)


def log(x: Any) -> "Tensor":
    """The natural logarithm of each element: -inf at 0, NaN below. DTypeError for integers.

    >>> log([1.0, 0.0])
    tensor([  0., -inf])
    """
    return by_kernel(LOG, x)


LOG1P = Operation("log1p", x=lambda dy, x: dy / (1 + x))


def log1p(x: Any) -> "Tensor":
    """ln(1 + x) of each element, exact near 0. DTypeError for integers.

    >>> log1p([0.0, 1e-30])
    tensor([0.e+00, 1.e-30])
    """
    return by_kernel(LOG1P, x)


SQRT = Operation("sqrt", x=lambda dy, result: dy / (2 * result))


def sqrt(x: Any) -> "Tensor":
    """The square root of each element; NaN below 0. DTypeError for integers.

    >>> sqrt([4.0, -1.0])
    tensor([ 2., nan])
    """
    return by_kernel(SQRT, x, "square_root")


TANH = Operation("tanh", x=lambda dy, result: dy * (1 - result * result))


def tanh(x: Any) -> "Tensor":
    """tanh x = (e^x - e^-x) / (e^x + e^-x) of each element. DTypeError for integers.

    >>> tanh([0.0, 100.0])
    tensor([0., 1.])
    """
    return by_kernel(TANH, x)


ABS = Operation("abs", x=lambda dy, x: dy * np.sign(x))


def abs(x: Any) -> "Tensor":
    """|x| of each element, also of integers; the slope at 0 is 0.

    >>> abs([-2.0, 3.0])
    tensor([2., 3.])
    """
    x = as_tensor(x, "abs")
    if x._array.dtype.kind != "f":
        return new_result(np.abs(x._array))
    return by_kernel(ABS, x, "absolute")


def flat(dy: Any) -> Any:
    """The gradient of a step function: 0, whatever dy is."""
    return np.where(False, dy, 0)


SIGN = Operation("sign", x=flat)


def sign(x: Any) -> "Tensor":
    """-1, 0 or 1 of each element, also of integers; the derivative is 0. DTypeError for masks.

    >>> sign([-2.0, 0.0, 3.0])
    tensor([-1.,  0.,  1.])
    """
    x = as_tensor(x, "sign")
    if x._array.dtype == bool:
        raise DTypeError(explain("sign", "numbers", "bool"))
    return record(SIGN, np.sign(x._array), (x,))


CLIP = Operation("clip", x=lambda dy, x, result: np.where(same(x, result), dy, 0))


def clip(x: Any, low: Any = None, high: Any = None) -> "Tensor":
    """min(max(x, low), high) for two numbers; None leaves a side open. Integers stay integers.

    The slope is 1 from bound to bound, both included, and 0 outside. A NaN stays NaN, with slope 1.
    ArgumentError unless low <= high; DTypeError for bounds that are not numbers, or not whole
    numbers if x holds integers.

    >>> clip([-2.0, 0.5, 3.0], 0, 1)
    tensor([0. , 0.5, 1. ])
    """
    x = as_tensor(x, "clip")
    if x.dtype.kind not in "iu":
        require_float("clip", x)
    lowest, highest = extremes(x.dtype)
    low, high = (
        bound.item() if isinstance(bound, np.ndarray) and bound.ndim == 0 else bound
        for bound in (low, high)
    )
    bounds = (lowest if low is None else low, highest if high is None else high)
    kind, kinds = (Real, "numbers") if x.dtype.kind == "f" else (Integral, "whole numbers")
    if not all(isinstance(bound, kind) for bound in bounds):
        hint = "minimum(maximum(x, low), high), which takes arrays and tensors"
        got = f"low={low!r}, high={high!r}"
        raise DTypeError(explain("clip", f"{kinds} as bounds", got, hint))
    if not bounds[0] <= bounds[1]:
        raise ArgumentError(explain("clip", "low <= high", f"low={low}, high={high}"))
    limits = [x.dtype.type(min(max(bound, lowest), highest)) for bound in bounds]
    return record(CLIP, np.clip(x._array, *limits), (x,))


def extremes(dtype: np.dtype) -> tuple[float, float]:
    """The smallest and the largest number that the dtype has."""
    if dtype.kind == "f":
        return -np.inf, np.inf
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


ASTYPE = Operation("astype", x=lambda dy: dy)


def astype(x: Any, dtype: Any) -> "Tensor":
    """The values in another dtype. The gradient comes back in this one; integers and masks have no
    gradient.

    >>> astype([1.5, -1.5], int)
    tensor([ 1, -1])
    """
    x = as_tensor(x, "astype")
    wanted = as_dtype("astype", dtype)
    y = x._array.astype(wanted)
    return record(ASTYPE, y, (x,)) if wanted.kind == "f" else new_result(y)
