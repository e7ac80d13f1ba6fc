"""Columns that number the rows: a net memorises them, and they say nothing about other rows."""

import re
import warnings

import numpy as np

from ..errors import GuardWarning, explain, some
from .csv_layout import MANY
from .table import Table

ID = re.compile(r"(.*[^a-z])?id|.*I[dD]")  # names of ids


def without_row_numbers(table: Table) -> Table:
    """The table without inputs that number its rows from 0 or 1 in any order, if others remain. A
    warning names them; another names inputs that may be ids, but stay."""
    if table.columns is None or len(table.x) < MANY:
        return table
    low, high = table.x.min(axis=0), table.x.max(axis=0)
    counts = [i for i in np.flatnonzero(high - low == len(table.x) - 1) if differs(table.x[:, i])]
    out = [i for i in counts if low[i] in (0, 1)]
    if len(out) == len(table.columns):
        out = []
    doubtful = [i for i, name in enumerate(table.columns) if i not in out and (
                i in counts or (ID.fullmatch(name) and differs(table.x[:, i])))]  # fmt: skip
    for places, what, hint in (
        (out, "which is left out", "--ignore without names, to learn from it"),
        (doubtful, "which is learned from", "--ignore {names}"),
    ):
        if places:
            names = [table.columns[i] for i in places]
            got = f"{some(names)} with a different whole number in each row, {what}"
            hint = hint.format(names=" ".join(map(repr, names)))
            message = explain(table.source, "columns that are useful for other rows too", got, hint)
            warnings.warn(message, GuardWarning, stacklevel=2)
    if not out:
        return table
    return table._replace(
        x=np.delete(table.x, out, axis=1),
        columns=[name for i, name in enumerate(table.columns) if i not in out],
        left_out=[*table.left_out, *(table.columns[i] for i in out)],
    )


def differs(column: np.ndarray) -> bool:
    """Whether a column has a different whole number in each row."""
    return bool((column == np.floor(column)).all()) and len(np.unique(column)) == len(column)
