"""The target: classes with their names, or numbers."""

import re
from collections.abc import Sequence

import numpy as np

from ..errors import DataError, explain
from .csv_file import is_number
from .table import Table

WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
FEW = 20  # classes that no question is asked about
SHOWN = 20  # classes in a message
TASKS = ("classification", "regression")


def task_of(table: Table) -> str:
    """What the target asks for: numbers with fractions are for regression, texts and whole numbers
    are classes. DataError where that is doubtful: whole numbers, or texts among numbers, of which
    nearly each is another one."""
    values = given(table)
    texts = [value for value in values if not is_number(value)]
    if not texts and not all(map(WHOLE.fullmatch, values)):
        return "regression"
    kinds = len(set(values))
    if kinds > FEW and kinds > len(values) / 2:
        raise DataError(
            explain(
                f"{table.source}: target {table.target!r}",
                "numbers with fractions, or classes of several rows each",
                f"{kinds} different values in {len(values)} rows, such as {(texts or values)[0]!r}",
                "--task regression, or --task classification",
            )
        )
    return "classification"


def class_names(table: Table) -> list[str]:
    """The classes, whole numbers by size, else in the order of their letters; two at least."""
    values = set(given(table))
    if all(map(WHOLE.fullmatch, values)):
        names = [str(number) for number in sorted(set(map(int, values)))]
    else:
        names = sorted(values)
    if len(names) < 2:
        place = f"{table.source}: target {table.target!r}"
        raise DataError(explain(place, "two classes or more", f"{names[0]!r} alone"))
    return names


def labels(table: Table, names: Sequence[str]) -> np.ndarray:
    """Which of the classes each row has, int64 (rows,)."""
    number = {name: i for i, name in enumerate(names)}
    if all(map(WHOLE.fullmatch, names)):  # 01, +1 and 1 are one class
        number |= {v: number.get(str(int(v)), -1) for v in given(table) if WHOLE.fullmatch(v)}
    found = np.array([number.get(value, -1) for value in given(table)], np.int64)
    if found.min() < 0:
        row = int(found.argmin())
        known = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
        got = repr(given(table)[row])
        raise DataError(explain(f"{table.place(row)}, {table.target!r}", f"one of {known}", got))
    return found


def numbers(table: Table) -> np.ndarray:
    """The target as numbers, float64 (rows,)."""
    values = given(table)
    found = np.array([float(value) if is_number(value) else np.nan for value in values])
    if not np.isfinite(found).all():
        row = int(np.isfinite(found).argmin())
        got = repr(values[row])
        raise DataError(explain(f"{table.place(row)}, {table.target!r}", "a number", got))
    return found


def given(table: Table) -> list[str]:
    """The target's cells, none of which may be empty."""
    values = table.values or []
    if "" in values:
        place = f"{table.place(values.index(''))}, {table.target!r}"
        raise DataError(explain(place, "a value", "an empty cell", "to delete the line"))
    return values
