"""Data frames of numbers, of pandas, polars or pyarrow, as arrays."""

from contextlib import suppress
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, explain

NUMBERS = "biuf"
ENCODED = "data.table and data.Encoder, which encode texts, categories and dates"


def numbers_of(operation: str, name: str, frame: Any) -> np.ndarray:
    """The columns of a data frame as an array (n, columns). A missing number is NaN.

    ArgumentError for two columns of one name, DTypeError that names a column of anything but
    numbers, true and false. Texts that look like numbers are texts.
    """
    columns = list(getattr(frame, "column_names", frame.columns))  # the first is pyarrow's
    if len(set(columns)) < len(columns):
        raise ArgumentError(explain(operation, "a name of its own for each column", columns))
    first = frame[:1]  # enough for the dtypes
    if all(np.asarray(first[column]).dtype.kind in NUMBERS for column in columns):
        array = np.asarray(frame)
        if array.dtype.kind in NUMBERS:
            return array
    parts = [column_of(operation, name, column, frame[column]) for column in columns]
    return np.column_stack(parts) if parts else np.empty((len(frame), 0))


def column_of(operation: str, name: str, column: Any, values: Any) -> np.ndarray:
    """A column's numbers. Numbers that may be missing are objects in NumPy."""
    array = np.asarray(values)
    if array.dtype.kind == "O" and not any(isinstance(value, (str, bytes)) for value in array):
        with suppress(TypeError):  # of dates, lists
            array = np.array([np.nan if is_missing(value) else float(value) for value in array])
    if array.ndim != 1 or array.dtype.kind not in NUMBERS:
        got = f"column {column!r} of {getattr(values, 'dtype', array.dtype)}"
        raise DTypeError(explain(operation, f"{name} of numbers", got, ENCODED))
    return array


def is_missing(value: Any) -> bool:
    """Whether this is None, or pandas' NA, which is not even equal to itself."""
    return value is None or type(value).__name__ == "NAType"
