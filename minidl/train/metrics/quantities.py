"""Metrics of outputs that are quantities."""

from typing import Any

import numpy as np

from ...errors import ShapeError, explain
from .labels import as_array


def r2(y: Any, outputs: Any, sample_weight: Any = None) -> float:
    """R² = 1 - sum (y - outputs)² / sum (y - mean y)²; for several columns, the mean over them.
    With weights (n,), the sums and the mean are weighted.

    (n,) and (n, 1) are the same. A constant column of y gives 1 if the outputs equal it, else 0;
    fewer than two rows give NaN. ShapeError if the shapes differ.

    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    truth, found = in_columns("r2", y, outputs)
    if len(truth) < 2:
        return float("nan")
    w = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight)
    missed = w @ (truth - found) ** 2
    spread = w @ (truth - np.average(truth, axis=0, weights=w)) ** 2
    if_constant = np.where(missed == 0, 1.0, np.where(np.isnan(missed), np.nan, 0.0))
    ratio = np.divide(missed, spread, out=1 - if_constant, where=spread != 0)
    return float((1 - ratio).mean())


def mae(y: Any, outputs: Any, sample_weight: Any = None) -> float:
    """The mean of |y - outputs| over all elements, weighted by rows if they have weights (n,); NaN
    for none. (n,) and (n, 1) are the same.

    ShapeError if the shapes differ.

    >>> mae([1.0, 2.0], [1.5, 2.0])
    0.25
    """
    truth, found = in_columns("mae", y, outputs)
    if not truth.size:
        return float("nan")
    return float(np.average(np.abs(truth - found), axis=0, weights=sample_weight).mean())


def in_columns(operation: str, y: Any, outputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 of one shape, with columns; ShapeError if the shapes differ."""
    truth, found = (as_array(values).astype(np.float64) for values in (y, outputs))
    truth, found = (a[:, None] if a.ndim == 1 else a for a in (truth, found))
    if truth.shape != found.shape or truth.ndim == 0:
        expected = f"outputs of y's shape {np.shape(y)}"
        raise ShapeError(explain(operation, expected, np.shape(outputs)))
    return truth, found
