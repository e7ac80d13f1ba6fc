"""Which rows are for training and which for validation, and how much each counts."""

import argparse
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError, DataError, explain
from ..tables import targets
from ..tables.cells import is_number
from ..tables.table import Table
from ..train.rows import class_weights, split
from .options import UsageError


class Split(NamedTuple):
    """Which rows are for training, and which for validation."""

    train: np.ndarray
    validation: np.ndarray

    @classmethod
    def of(cls, table: Table, share: float, seed: int, task: str | None) -> "Split":
        """A random share of the rows for validation, at least one row if the share is above 0; of
        classes the same share of each."""
        count = len(table)
        if not share:
            return cls(np.arange(count), np.arange(0))
        kept = max(1, round(share * count))
        if kept >= count:
            expected = "rows to train with and rows for validation"
            raise ArgumentError(explain(table.source, expected, count, "--validation 0"))
        by_class = (task or targets.task_of(table)) == targets.CLASSIFICATION
        classes = np.unique(table.values or [], return_inverse=True)[1]
        return cls(*split(classes if by_class else np.zeros(count), kept / count, seed))


def weights_of(
    arguments: argparse.Namespace, table: Table, y: np.ndarray, rows: np.ndarray
) -> np.ndarray | None:
    """How much each of these rows counts: by --weights and --class-weight; None if all alike."""
    weights = None
    if arguments.weights is not None:
        weights = column_of_weights(table, arguments.weights)[rows]
    if arguments.class_weight is not None:
        if y.dtype.kind == "f":
            raise UsageError("--class-weight is for classes, and the target is a number")
        by_class = class_weights(y[rows], arguments.class_weight)
        weights = by_class if weights is None else weights * by_class
    return weights


def column_of_weights(table: Table, name: str) -> np.ndarray:
    """The numbers in the column that says how much each row counts."""
    codes, words = next(iter(table.kept.values()))
    numbers = [float(word) if is_number(word) else np.nan for word in words]
    weights = np.array([*numbers, np.nan])[codes]
    wrong = ~(weights >= 0)
    if wrong.any():
        row = int(wrong.argmax())
        got = repr(words[codes[row]]) if codes[row] >= 0 else "none"
        place = f"{table.place(row)}, column {name!r}"
        raise DataError(explain(place, "a weight from 0 up", got))
    if not weights.any():
        raise DataError(explain(table.source, "weights above 0", f"only 0 in column {name!r}"))
    return weights
