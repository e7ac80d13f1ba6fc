"""The arrays within tensors: their dtypes, and the gradients of broadcast ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError, GraphError, ShapeError, explain
from ..tape import Backward, recording

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
DTYPES = frozenset(map(np.dtype, "?bhilqBHILQfd"))  # in this machine's byte order
KINDS = "float32, float64, integer or bool"

Shape = tuple[int, ...]


def to_array(
    data: Any, dtype: Any = None, operation: str = "tensor", numbers: Any = np.float32
) -> np.ndarray:
    """`data` as an array of a dtype that tensors have: float32, float64, integers or bool.

    Python numbers become `numbers`, or if that is None what NumPy makes of them. An array keeps
    its dtype, and so does a list of arrays or tensors, so that nothing is rounded unasked. It is
    not copied unless it has to be.
    """
    if type(data) is np.ndarray and dtype is None and data.dtype in DTYPES:  # the usual case
        return data
    if recording() and requires_grad(data):
        raise GraphError(
            explain(operation, "numbers", "a list with tensors that require grad", "stack(list)")
        )
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError(
            explain(operation, "numbers in rows of equal length", f"{type(data).__name__}: {error}")
        ) from None
    if array.dtype.kind not in "biuf":
        got = getattr(data, "dtype", type(data).__name__)
        raise DTypeError(explain(operation, f"{KINDS} data", got))
    if dtype is None:
        is_python = array.dtype.kind in "iuf" and not hasattr(first_element(data), "__array__")
        dtype = numbers if is_python and numbers is not None else array.dtype
    return array.astype(as_dtype(operation, dtype), copy=False)


def first_element(data: Any) -> Any:
    """What stands first in nested lists."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def requires_grad(data: Any) -> bool:
    """Whether nested lists hold a tensor whose gradient would get lost in an array."""
    if not isinstance(data, (list, tuple)):
        return False
    return any(getattr(part, "requires_grad", False) or requires_grad(part) for part in data)


def as_dtype(operation: str, dtype: Any) -> np.dtype:
    """`dtype` in this machine's byte order; DTypeError if tensors do not have it."""
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


def in_dtypes(dtypes: Sequence[np.dtype | None], backward: Backward) -> Backward:
    """`backward` with every gradient in its input's dtype; None: this one is not wanted."""

    def converted(dy: np.ndarray) -> list[np.ndarray | None]:
        return [
            None if dx is None or dtype is None else dx.astype(dtype, copy=False)
            for dx, dtype in zip(backward(dy), dtypes, strict=True)
        ]

    return converted


def unbroadcast(dy: np.ndarray, shape: Shape | None) -> np.ndarray | None:
    """The gradient of an operand of `shape` that NumPy's broadcasting stretched to that of dy:
    the sum over its copies. A shape of None is that of an operand without a gradient."""
    if shape is None:
        return None
    if dy.shape == shape:
        return dy
    added = dy.ndim - len(shape)
    stretched = [
        added + axis for axis, n in enumerate(shape) if n == 1 and dy.shape[added + axis] != 1
    ]
    return dy.sum(axis=(*range(added), *stretched), keepdims=True).reshape(shape)


def chain(dy: np.ndarray, slope: Any, shape: Shape | None) -> np.ndarray | None:
    """The chain rule for an operand of `shape`: dy times dy/dx, summed over its copies."""
    return None if shape is None else unbroadcast(dy * slope, shape)
