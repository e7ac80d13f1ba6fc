"""The target: classes with their names, or numbers."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..errors import DataError, explain, some
from .cells import WHOLE, exact, is_missing, is_number, shown
from .table import Table
from .words import in_order

FEW = 20  # so many classes are accepted without a question
CLASSIFICATION, REGRESSION = TASKS = ("classification", "regression")


def task_of(table: Table) -> str:
    """The task that the target suggests: texts and a few whole numbers ("1.0" counts as one) mean
    classes, numbers with fractions mean regression.

    DataError if that is doubtful: for many whole numbers, which may be counts; for texts among
    numbers with fractions; for many texts that nearly all differ.
    """
    values = given(table)
    kinds = set(values)
    numbers = [exact(value) for value in kinds if is_number(value)]
    is_whole = all(number == int(number) for number in numbers)
    is_many = len(kinds) > FEW
    if len(numbers) == len(kinds):
        has_points = not all(map(WHOLE.fullmatch, kinds))
        if not is_whole or (is_many and has_points):
            return REGRESSION
    are_numbers = len(numbers) > len(kinds) / 2
    if not is_whole or (is_many and (are_numbers or len(kinds) > len(values) / 2)):
        texts = [value for value in values if not is_number(value)]
        raise DataError(
            explain(
                f"{table.source}: target {table.target!r}",
                f"numbers with fractions, or at most {FEW} classes",
                f"{len(kinds)} different values in {len(values)} rows, such as "
                f"{(texts or values)[0]!r}",
                "--task regression, or --task classification",
            )
        )
    return CLASSIFICATION


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
        raise DataError(explain(place, "two different values or more", f"{values[0]!r} alone"))


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
