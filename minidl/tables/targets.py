"""The target: classes with their names, or numbers."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..errors import DataError, explain, some
from .cells import exact, is_missing, is_number, shown
from .kinds import are_slips, are_spelled_otherwise, is_few
from .table import Table
from .words import in_order

MOST = 20  # classes that are whole numbers
ROWS_EACH = 2  # on average, of classes
EXACT = 2**53  # up to here float64 holds all whole numbers
CLASSIFICATION, REGRESSION = TASKS = ("classification", "regression")


def task_of(table: Table) -> str:
    """The task that the target suggests.

    Texts are classes, and so are whole numbers ("1.0" counts as one) that look like labels: two of
    them, a few that each occur often, or at most 20 that follow one another from 0 or 1. Other
    numbers are to be predicted as numbers (regression): prices, counts and years have gaps between
    them, and of a class that occurs once nothing can be learned.

    DataError for a target that is neither: texts among numbers, numbers that are spelled otherwise,
    and texts or long ids that nearly all differ.
    """
    values = given(table)
    kinds = list(dict.fromkeys(values))
    texts = [kind for kind in kinds if not is_number(kind)]
    sizes = sorted({exact(kind) for kind in kinds if is_number(kind)})
    has_fractions = any(size != int(size) for size in sizes)
    if not texts:
        if not has_fractions and look_like_labels(sizes, values):
            return CLASSIFICATION
        if has_fractions or max(map(abs, sizes)) <= EXACT:
            return REGRESSION
    is_doubtful = ROWS_EACH * len(kinds) > len(values) or are_slips(kinds)
    is_doubtful = is_doubtful or are_spelled_otherwise(kinds)
    if has_fractions or (len(kinds) > MOST and is_doubtful):
        row = values.index((texts or kinds)[0])
        raise DataError(
            explain(
                f"{table.place(row)}, {table.target!r}",
                "classes that occur often, or numbers",
                f"{values[row]!r}, and {len(kinds)} different values in {len(values)} rows",
                "to correct it, --task classification, or another --target",
            )
        )
    return CLASSIFICATION


def look_like_labels(numbers: Sequence[int | float], values: list[str]) -> bool:
    """Whether whole numbers in order of size are labels of classes rather than sizes."""
    if len(numbers) < 3:
        return True
    column = np.array(values, np.float64)
    follow = numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1
    is_often = len(numbers) <= MOST and ROWS_EACH * len(numbers) <= len(values)
    return is_few(column) or (follow and is_often)


def class_names(table: Table) -> list[str]:
    """The classes as they are spelled; numbers in order of size, else in alphabetical order."""
    names = in_order(set(given(table)))
    if all(map(is_number, names)):
        for one, other in pairwise(names):
            if exact(one) == exact(other):
                place = f"{table.source}: target {table.target!r}"
                raise DataError(explain(place, "one spelling of a class", f"{one!r} and {other!r}"))
    return names


def require_two(table: Table) -> None:
    """DataError for a target with a single value: there is nothing to learn."""
    values = given(table)
    if len(set(values)) < 2:
        place = f"{table.source}: target {table.target!r}"
        got = f"{values[0]!r} alone"
        raise DataError(explain(place, "two different values or more", got, "another --target"))


def labels(table: Table, names: Sequence[str]) -> np.ndarray:
    """The class of each row, int64 (rows,). Numbers are compared by value, so that "1.0" is the
    class "1"."""
    values = given(table)
    number = {name: i for i, name in enumerate(names)}
    if all(map(is_number, names)):
        of_size = {exact(name): i for i, name in enumerate(names)}
        others = {value for value in values if is_number(value)} - number.keys()
        number |= {value: of_size.get(exact(value), -1) for value in others}
    found = np.array([number.get(value, -1) for value in values], np.int64)
    if found.min() < 0:
        row = int(found.argmin())
        place = f"{table.place(row)}, {table.target!r}"
        raise DataError(explain(place, f"one of {some(names)}", repr(values[row])))
    return found


def numbers(table: Table) -> np.ndarray:
    """The target as numbers, float64 (rows,)."""
    values = given(table)
    wrong = next((row for row, value in enumerate(values) if not is_number(value)), None)
    if wrong is not None:
        place = f"{table.place(wrong)}, {table.target!r}"
        raise DataError(explain(place, "a number", repr(values[wrong])))
    return np.fromiter(map(float, values), np.float64, len(values))


def given(table: Table) -> list[str]:
    """The target's cells; DataError if one is missing."""
    values = table.values or []
    missing = [row for row, value in enumerate(values) if is_missing(value)]
    if missing:
        got = f"{shown(values[missing[0]])}, as in {len(missing)} of {len(values)} rows"
        hint = "to delete these, or another spelling, if it is a class"
        place = f"{table.place(missing[0])}, {table.target!r}"
        raise DataError(explain(place, "a value", got, hint))
    return values
