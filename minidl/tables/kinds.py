"""The kinds of columns: numbers, categories, true and false, dates; and which columns are not
learned from: those without a name, that count the rows, that differ in each row or in none."""

import re
import warnings
from typing import NamedTuple

import numpy as np

from ..errors import DataError, GuardWarning, explain, some
from .cells import COMMA, is_number
from .dates import number_of, patterns_of
from .layout import MANY
from .raw import Raw, Values
from .text_file import not_a_number
from .words import Words

NUMBER, CATEGORY, TRUTH, DATE = "number", "category", "true/false", "date"
TRUTHS = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"}, {"on", "off"})
TRUE = {"true", "yes", "t", "y", "on", "1", "1.0"}
FALSE = {"false", "no", "f", "n", "off", "0", "0.0"}
FEW = 5  # so many different whole numbers, three at least, are categories ...
ROWS_EACH = 10  # ... if there are so many rows for each
WITH_COMMAS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
ID = re.compile(r"(.*[^a-z])?id|.*I[dD]")  # names of ids


class Kind(NamedTuple):
    """What a column holds, and of dates how they are written."""

    name: str
    pattern: str = ""


def kind_of(raw: Raw, name: str) -> Kind:
    """The kind that a column's values suggest; DataError for texts among numbers, and for dates
    that can be read in two ways."""
    column = raw.columns[name]
    if isinstance(column, np.ndarray):
        return Kind(CATEGORY if is_few(column) else NUMBER)
    numbers = [word for word in column.words if is_number(word)]
    others = [word for word in column.words if not is_number(word)]
    if not others:
        return Kind(NUMBER)
    has_commas = all(COMMA.fullmatch(word) or WITH_COMMAS.fullmatch(word) for word in others)
    if has_commas or (numbers and len(numbers) >= len(others)):
        raise not_a_number(raw.place(column.row_of(others[0]), name), name, others[0])
    if {word.casefold() for word in others} in TRUTHS and not numbers:
        return Kind(TRUTH)
    patterns = patterns_of(column.words)
    if len(patterns) > 1:
        place = raw.place(column.row_of(others[0]), name)
        hint = f"year-month-day, as 2026-01-31, or --ignore {name!r}"
        got = f"{others[0]!r}, which may be either"
        raise DataError(explain(place, " or ".join(patterns), got, hint))
    return Kind(DATE, patterns[0]) if patterns else Kind(CATEGORY)


def is_few(column: np.ndarray) -> bool:
    """Whether these are a few different whole numbers, many times each."""
    given = column[~np.isnan(column)]
    if not (given[: FEW * ROWS_EACH] == np.floor(given[: FEW * ROWS_EACH])).all():
        return False
    values = np.unique(given)
    is_whole = bool((values == np.floor(values)).all())
    return is_whole and 3 <= len(values) <= FEW and len(given) >= ROWS_EACH * len(values)


def as_kind(raw: Raw, name: str, kind: Kind) -> Values:
    """A column's values as that kind: texts of a category, numbers else; DataError, which names the
    place, for a cell that is not of the kind."""
    column = raw.columns[name]
    if kind.name == CATEGORY:
        return column if isinstance(column, Words) else Words.of_numbers(column)
    if isinstance(column, np.ndarray):
        wrong = ~np.isnan(column) if kind.name == DATE else np.zeros(len(column), bool)
        if kind.name == TRUTH:
            wrong = ~np.isnan(column) & (column != 0) & (column != 1)
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(explain(raw.place(row, name), kind.pattern or kind.name, column[row]))
        return column
    numbers = [number_in(word, kind) for word in column.words]
    for word, number in zip(column.words, numbers, strict=True):
        if number is None:
            place = raw.place(column.row_of(word), name)
            if kind.name == NUMBER:
                raise not_a_number(place, name, word)
            raise DataError(explain(place, kind.pattern or kind.name, repr(word)))
    return np.array([*numbers, np.nan], np.float64)[column.codes]


def number_in(word: str, kind: Kind) -> float | None:
    """The number that a cell means; None if it is not of the kind."""
    if kind.name == DATE:
        return number_of(word, kind.pattern)
    if kind.name == TRUTH:
        word = word.casefold()
        return 1.0 if word in TRUE else 0.0 if word in FALSE else None
    return float(word) if is_number(word) else None


def reasons(raw: Raw, names: list[str]) -> dict[str, str]:
    """Why some of the columns are not learned from. A warning names those without a name and those
    that count the rows; another names numbers that may be ids, but stay."""
    found = {name: "without a name" for name in names if name in raw.nameless}
    for name in found:
        hint = "to name it, or --ignore without names, to learn from it"
        got = f"{name!r}, which is left out"
        warn(raw, explain(raw.source, "a name for each column", got, hint))
    others = {name: raw.columns[name] for name in names if name not in found}
    counting, doubtful = row_numbers(others)
    if len(counting) == len(others):
        counting = []
    for chosen, what, hint in (
        (counting, "which is left out", "--ignore without names, to learn from it"),
        (doubtful, "which is learned from", "--ignore {names}"),
    ):
        if chosen:
            got = f"{some(chosen)} with a different whole number in each row, {what}"
            hint = hint.format(names=" ".join(map(repr, chosen)))
            warn(raw, explain(raw.source, "columns that are useful for other rows too", got, hint))
    found |= dict.fromkeys(counting, "counts the rows")
    for name, column in others.items():
        if len(raw.places) > 1 and is_constant(column):
            found[name] = "constant"
        elif isinstance(column, Words) and is_all_different(column):
            found[name] = "nearly all different"
    return found


def row_numbers(columns: dict[str, Values]) -> tuple[list[str], list[str]]:
    """The columns that number the rows from 0 or 1 in any order; and those that may be ids: that
    number the rows from elsewhere, or are called so and differ in each row."""
    counting: list[str] = []
    doubtful: list[str] = []
    for name, column in columns.items():
        if not isinstance(column, np.ndarray) or len(column) < MANY:
            continue
        low, high = column.min(), column.max()
        is_dense = high - low == len(column) - 1
        if (is_dense or ID.fullmatch(name)) and differs(column):
            (counting if is_dense and low in (0, 1) else doubtful).append(name)
    return counting, doubtful


def differs(column: np.ndarray) -> bool:
    """Whether a column has a different whole number in each row."""
    return bool((column == np.floor(column)).all()) and len(np.unique(column)) == len(column)


def is_constant(column: Values) -> bool:
    """Whether all cells are equal, or missing."""
    if isinstance(column, Words):
        return len(column.words) < 2
    return not np.nanmin(column, initial=np.inf) < np.nanmax(column, initial=-np.inf)


def is_all_different(column: Words) -> bool:
    """Whether these are names or remarks: most of many texts occur once, and are no numbers and no
    dates."""
    counts = column.counts()
    is_so = counts.sum() >= MANY and 2 * (counts == 1).sum() > counts.sum()
    return bool(is_so) and not any(map(is_number, column.words)) and not patterns_of(column.words)


def warn(raw: Raw, message: str) -> None:
    """A warning about a source."""
    warnings.warn(message, GuardWarning, stacklevel=3)
