"""What data may be: a pair (x, y), or batches (x, y); and the errors for anything else."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..engine.tensor.arrays import require_values, to_array
from ..errors import ArgumentError, DTypeError, ShapeError, explain
from ..tables.frames import is_frame
from .frames import ENCODED, numbers_of
from .pixels import warn_unless_pixels

BATCHES = "a pair (x, y), batches(...), or an iterable of batches (x, y)"


def is_array(value: Any) -> bool:
    """Whether this is an array, a tensor, or can become one, like a table of pandas."""
    names = ("__array__", "toarray")  # sparse matrices have the latter
    return isinstance(value, Tensor) or any(hasattr(value, name) for name in names)


def is_pair(data: Any) -> bool:
    """Whether this is (x, y), and not an iterable of such pairs."""
    return isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], tuple)


def is_gone_through_once(data: Any) -> bool:
    """Whether this is an iterator of Python's own, such as a generator, which cannot begin anew.
    (Iterators of other classes may be able to.)"""
    return isinstance(data, Iterator) and type(data).__module__ in ("builtins", "itertools")


def require_data(operation: str, what: str, data: Any) -> None:
    """ArgumentError for data that is neither a pair (x, y) nor an iterable of batches."""
    if is_pair(data):
        return
    got, hint = type(data).__name__, "(x, y), a tuple of two"
    if is_frame(data):
        hint = "key=([...], 'y'), the names of x's columns and of y"
    is_sequence = isinstance(data, (list, tuple))
    if is_sequence and any(map(is_array, data)):
        got = f"{got} of {len(data)}"
        hint = f"{hint}; weights as sample_weight" if len(data) == 3 else hint
    elif hasattr(data, "__iter__") and not (is_array(data) or isinstance(data, (Mapping, str))):
        return
    raise ArgumentError(explain(operation, f"{what}: {BATCHES}", got, hint))


def parts_of(operation: str, batches: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """The batches, one by one; ArgumentError for one that is neither (x, y) nor
    (x, y, sample_weight)."""
    for batch in batches:
        is_triple = isinstance(batch, (tuple, list)) and len(batch) == 3
        parts = (*pair(operation, batch[:2]), batch[2]) if is_triple else pair(operation, batch)
        yield tuple(map(as_array, parts))


def as_array(values: Any) -> Any:
    """Another library's tensor as an array; anything else as it is."""
    is_other = hasattr(values, "__array__") and not isinstance(values, (Tensor, np.ndarray))
    return np.asarray(values) if is_other else values


def pair(operation: str, batch: Any) -> tuple[Any, Any]:
    """A batch (x, y); ArgumentError if it is anything else."""
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        x, y = batch
        if np.ndim(y) == 0:
            hint = "batch_size=64, if these are samples; else np.stack of many"
            raise ArgumentError(explain(operation, "batches (x, y) of rows", "a single y", hint))
        return x, y
    got, hint = type(batch).__name__, "[(x, y)]"
    if isinstance(batch, Mapping):
        got = f"a dict of {', '.join(map(repr, batch))}"
        names = [f"batch[{name!r}]" for name in [*batch, "x", "y"][:2]]
        hint = f"[({', '.join(names)}) for batch in data]"
    elif isinstance(batch, (tuple, list)):
        got = f"{got} of {len(batch)}"
        hint = "(x, y) of each, without its weights" if len(batch) == 3 else ""
    raise ArgumentError(explain(operation, "batches (x, y)", got, hint))


def rows_of(operation: str, name: str, values: Any) -> np.ndarray:
    """x or y as an array (n, ...): of an array, a list, a tensor or a data frame of numbers."""
    require_values(operation, name, values)
    if is_frame(values):
        return single(numbers_of(operation, name, values))
    try:
        array = values.data if isinstance(values, Tensor) else np.asarray(values)
    except ValueError as error:
        raise ShapeError(explain(operation, f"{name} in rows of equal length", error)) from None
    if array.ndim == 0:
        raise ShapeError(explain(operation, f"{name} of shape (n, ...)", array.shape))
    return single(array)


def single(values: Any) -> Any:
    """Half precision as float32, which has all of its numbers; anything else as it is."""
    is_half = getattr(values, "dtype", None) == np.float16
    return np.asarray(values, np.float32) if is_half else values


def inputs_of(operation: str, x: Any, dtype: np.dtype | None) -> np.ndarray:
    """x as an array (n, ...); floats and Python numbers in a model's dtype. Whole numbers stay:
    they are indices that a layer looks up, or pixels, which the kernels convert to float32 (to
    float64 here, if that is the model's dtype)."""
    array = rows_of(operation, "x", x)
    if array.dtype == np.uint8 and dtype == np.float64:
        warn_unless_pixels(operation, array)
        return array / 255
    if array.dtype.kind == "f":
        return array.astype(array.dtype if dtype is None else dtype, copy=False)
    if array.dtype.kind not in "biu":
        are_texts = any(isinstance(value, str) for value in array.flat)
        hint = ENCODED if are_texts else "x.astype('float32')"
        raise DTypeError(explain(operation, "x of numbers", array.dtype, hint))
    return to_array(x if isinstance(x, (list, tuple)) else array, None, operation, dtype)
