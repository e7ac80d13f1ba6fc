"""Metrics of outputs that are quantities."""

from typing import Any

import numpy as np

from ...errors import ShapeError, explain
from .labels import as_array


def r2(y: Any, outputs: Any) -> float:
    """R² = 1 - sum (y - outputs)² / sum (y - mean y)²; for several columns, the mean over them.

    (n,) and (n, 1) are the same. A constant column of y gives 1 if the outputs equal it, else 0;
    fewer than two rows give NaN. ShapeError if the shapes differ.

    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    truth, found = in_columns("r2", y, outputs)
    if len(truth) < 2:
        return float("nan")
    missed = ((truth - found) ** 2).sum(axis=0)
    spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    if_constant = np.where(missed == 0, 1.0, np.where(np.isnan(missed), np.nan, 0.0))
    ratio = np.divide(missed, spread, out=1 - if_constant, where=spread != 0)
    return float((1 - ratio).mean())


def mae(y: Any, outputs: Any) -> float:
    """The mean of |y - outputs| over all elements; NaN for none. (n,) and (n, 1) are the same.

    ShapeError if the shapes differ.

    >>> mae([1.0, 2.0], [1.5, 2.0])
    0.25
    """
    truth, found = in_columns("mae", y, outputs)
    return float(np.abs(truth - found).mean()) if truth.size else float("nan")


def in_columns(operation: str, y: Any, outputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 of one shape, with columns; ShapeError if the shapes differ."""
    truth, found = (as_array(values).astype(np.float64) for values in (y, outputs))
    truth, found = (a[:, None] if a.ndim == 1 else a for a in (truth, found))
    if truth.shape != found.shape or truth.ndim == 0:
        expected = f"outputs of y's shape {np.shape(y)}"
        raise ShapeError(explain(operation, expected, np.shape(outputs)))
    return truth, found
