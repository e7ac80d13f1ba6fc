"""Warnings of what is doubtful in a table: a net would learn it badly."""

import warnings
from collections import defaultdict

import numpy as np

from ..errors import GuardWarning, explain, some
from .encoder import Encoder
from .table import Table


def warn_of_doubts(table: Table, rows: np.ndarray, encoder: Encoder) -> None:
    """Warns of what a net learns badly from these rows of a table: a column of numbers that does
    not vary, classes with one row or none, and classes that differ only like a slip of the pen."""
    if not table.is_pixels:
        still = np.flatnonzero((table.x[rows] == table.x[rows[0]]).all(axis=0))
        if len(still):
            names = some([f"column {table.column(int(i))!r}" for i in still])
            got = f"the same number in all rows of {names}"
            warn(table, "inputs that vary in the rows to train with", got, "--ignore")
    if encoder.classes is None:
        return
    counts = np.bincount(encoder.targets(table)[rows], minlength=encoder.outputs)
    rare = [name for name, n in zip(encoder.classes, counts, strict=True) if n < 2]
    if rare:
        warn(table, "two rows or more of each class to train with", f"fewer of {some(rare)}")
    alike = defaultdict(list)
    for name in encoder.classes:
        alike[" ".join(name.casefold().split())].append(name)
    slips = [repr(name) for group in alike.values() if len(group) > 1 for name in group]
    if slips:
        warn(table, "one spelling of each class", f"{some(slips)} as classes of their own")


def warn(table: Table, expected: str, got: str, hint: str = "") -> None:
    """A warning about a table."""
    warnings.warn(explain(table.source, expected, got, hint), GuardWarning, stacklevel=3)
