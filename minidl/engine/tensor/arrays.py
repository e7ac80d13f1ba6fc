"""The arrays within tensors: dtypes, sums, and the gradients of broadcast operands."""

import math
from typing import Any

import numpy as np

from ... import _kernels
from ...errors import DTypeError, GraphError, ShapeError, explain
from ..recording import recording

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
DTYPES = frozenset(map(np.dtype, "?bhilqBHILQfd"))  # in this machine's byte order
KINDS = "float32, float64, integer or bool"
SUM_NANOSECONDS = 0.1  # the kernel's time for one float32

Shape = tuple[int, ...]


def to_array(
    data: Any, dtype: Any = None, operation: str = "tensor", number_dtype: Any = np.float32
) -> np.ndarray:
    """`data` as an array of a dtype that tensors have: float32, float64, integers or bool.

    Python numbers become `number_dtype`; if it is None, NumPy chooses. An array keeps its dtype,
    and so does a list of arrays or tensors: nothing is rounded unasked. The array is copied only
    if it has to be.
    """
    if type(data) is np.ndarray and dtype is None and data.dtype in DTYPES:  # the usual case
        return data
    if recording() and requires_grad(data):
        raise GraphError(
            explain(operation, "numbers", "a list with tensors that require grad", "stack(list)")
        )
    require_values(operation, "x", data)
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError(
            explain(operation, "numbers in rows of equal length", f"{type(data).__name__}: {error}")
        ) from None
    if array.dtype.kind not in "biuf":
        got = getattr(data, "dtype", type(data).__name__)
        hint = "np.unique(words, return_inverse=True)[1]" if array.dtype.kind in "US" else ""
        raise DTypeError(explain(operation, f"{KINDS} data", got, hint))
    if dtype is None:
        is_python = array.dtype.kind in "iuf" and not hasattr(first_element(data), "__array__")
        dtype = number_dtype if is_python and number_dtype is not None else array.dtype
    return array.astype(as_dtype(operation, dtype), copy=False)


def require_values(operation: str, name: str, data: Any) -> None:
    """DTypeError for data that NumPy would misread: it would make one object of SciPy's sparse
    matrix, and would count the values behind the mask of a masked array."""
    if hasattr(data, "toarray"):
        got, hint = f"a sparse {type(data).__name__}", f"{name}.toarray()"
        raise DTypeError(explain(operation, f"{name} as an array", got, hint))
    if hasattr(data, "filled") and np.any(data.mask):
        expected, hint = f"{name} without masked values", f"{name}.filled(0)"
        raise DTypeError(explain(operation, expected, "a masked array", hint))


def held(operation: str, values: Any, dtype: np.dtype) -> np.ndarray:
    """The values in this dtype; DTypeError if whole numbers or bool cannot hold them."""
    array = to_array(values, None, operation, None)
    with np.errstate(invalid="ignore"):
        result = array.astype(dtype)
    if dtype.kind != "f" and not np.array_equal(result, array):
        got = f"others ({array.dtype})"
        raise DTypeError(explain(operation, f"values that {dtype} can hold", got))
    return result


def first_element(data: Any) -> Any:
    """The first element of nested lists."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def requires_grad(data: Any) -> bool:
    """Whether nested lists hold a tensor whose gradient an array would lose."""
    if not isinstance(data, (list, tuple)):
        return False
    return any(getattr(part, "requires_grad", False) or requires_grad(part) for part in data)


def as_dtype(operation: str, dtype: Any) -> np.dtype:
    """`dtype` in this machine's byte order; DTypeError if tensors cannot have it."""
    try:
        wanted = np.dtype(dtype).newbyteorder("=")
    except TypeError:
        wanted = None
    if wanted is None or not (wanted in FLOATS or wanted.kind in "biu"):
        raise DTypeError(
            explain(
                operation,
                KINDS,
                dtype if wanted is None else wanted,
                "tensor(data, dtype='float32')",
            )
        )
    return wanted


def same(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where x equals y; NaN equals NaN.

    Functions that choose a number (`max`, `maximum`, `clip`) hand the gradient to the inputs that
    are the same as the result. So the gradient of a NaN goes to the NaN, as in PyTorch's `max`. At
    a NaN, activations made of straight lines (`relu`, `hard_tanh`) have the slope of the piece that
    hands the NaN on, and smooth activations have the slope NaN. No choice, activation or loss has
    the slope 0 at a NaN: the error would vanish.
    """
    return np.asarray((x == y) | ((x != x) & (y != y)))


def for_kernel(x: np.ndarray) -> np.ndarray:
    """x as kernels take it, C-contiguous and aligned; copied only if it is not."""
    return np.require(x, requirements=["C", "A"])


def summed(x: np.ndarray, axes: Shape, keepdims: bool = False) -> np.ndarray:
    """The sum over these axes, in increasing order, as exact as pairwise summation.

    NumPy sums pairwise along the axes that lie last in memory. Along others it adds row after row:
    a float32 sum that has reached 2^24 no longer grows by 1.
    """
    few = math.prod([x.shape[axis] for axis in axes]) <= _kernels.sums.IN_ORDER
    if few or x.dtype not in FLOATS:
        return np.asarray(x.sum(axis=axes, keepdims=keepdims))
    if x.flags.f_contiguous and not x.flags.c_contiguous:
        mirrored = tuple([x.ndim - 1 - axis for axis in reversed(axes)])
        return summed(x.T, mirrored, keepdims).T
    x = np.ascontiguousarray(x)
    first = axes[0]
    if first == x.ndim - len(axes):
        return np.asarray(x.sum(axis=axes, keepdims=keepdims))
    before, after = x.shape[:first], x.shape[first + 1 :]
    rows = x.reshape(math.prod(before), x.shape[first], math.prod(after))
    y = sum_of_rows(rows).reshape(before + after)
    if len(axes) > 1:
        y = summed(y, tuple([axis - 1 for axis in axes[1:]]))
    return np.expand_dims(y, axes) if keepdims else y


def sum_of_rows(x: np.ndarray) -> np.ndarray:
    """The sum over the middle one of three axes, by the kernel."""
    sums = np.empty((x.shape[0], x.shape[2]), x.dtype)
    _kernels.sums.over_rows(x, sums, _kernels.threads_for(SUM_NANOSECONDS * x.size))
    return sums


def unbroadcast(dy: Any, shape: Shape) -> Any:
    """The gradient of an operand of `shape` that NumPy broadcast to the shape of dy, an array or a
    tensor: the sum over the operand's copies."""
    added = dy.ndim - len(shape)
    stretched = [
        added + axis for axis, n in enumerate(shape) if n == 1 and dy.shape[added + axis] != 1
    ]
    axes = (*range(added), *stretched)
    return (summed(dy, axes) if type(dy) is np.ndarray else dy.sum(axes)).reshape(shape)


def beside_whole(value: Any, dtype: np.dtype) -> np.ndarray:
    """A Python number beside integers or masks. A whole number gets their dtype (int64 beside
    masks), a float gets `float_beside`. OverflowError if the dtype cannot hold it."""
    if isinstance(value, float):
        return np.array(value, float_beside(dtype))
    return np.array(value, np.int64 if dtype.kind == "b" else dtype)


def float_beside(dtype: np.dtype) -> type:
    """The float dtype for integers of this dtype: float32 if it holds them all, else float64."""
    return np.float32 if dtype.itemsize <= 2 else np.float64
