"""The kinds of columns: numbers, categories, true and false, dates; and which columns are not
learned from: those without a name, that count the rows, that differ in each row or in none."""

import re
import warnings
from typing import NamedTuple

import numpy as np

from ..errors import DataError, GuardWarning, explain, some
from .cells import COMMA, is_number
from .dates import COMPACT, PATTERNS, number_of, patterns_of
from .layout import MANY
from .raw import Raw, Values
from .text_file import not_a_number
from .words import Words, spelled

NUMBER, CATEGORY, TRUTH, DATE = "number", "category", "true/false", "date"
TRUTHS = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"}, {"on", "off"})
TRUE = {"true", "yes", "t", "y", "on", "1", "1.0"}
FALSE = {"false", "no", "f", "n", "off", "0", "0.0"}
FEW = 5  # so many different whole numbers, three at least, are categories ...
ROWS_EACH = 10  # ... if each is in so many rows
SLIPS = 4  # numbers for each text among them, if the texts are slips of the pen
WITH_COMMAS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
SPACES = "[., '\u2019\u00a0\u202f]"  # between thousands
DIGITS = rf"[0-9]{{1,3}}(?:{SPACES}[0-9]{{3}})+(?:[.,][0-9]+)?|[0-9]+(?:[.,][0-9]+)?"
# Numbers as programs do not read them, such as $1,200, 7 %, (12), -3 with a long minus, 5 kg.
OTHERWISE = re.compile(rf"[(+\u2212-]?([$€£¥]?) ?(?:{DIGITS}) ?([%$€£¥]|[a-zA-Z]{{1,3}})?\)?")
ID = re.compile(r"(.*[^a-z])?id|.*I[dD]|identifier")  # names of ids


class Kind(NamedTuple):
    """What a column holds, and of dates how they are written."""

    name: str
    pattern: str = ""


def kind_of(raw: Raw, name: str) -> Kind:
    """The kind that a column's values suggest; DataError for texts among numbers, numbers spelled
    otherwise, dates that can be read in two ways, and dates that are written in several."""
    column = raw.columns[name]
    if isinstance(column, Words) and all(map(is_number, column.words)):
        column = as_kind(raw, name, Kind(NUMBER))
    if isinstance(column, np.ndarray):
        if are_dates(column):
            return Kind(DATE, COMPACT)
        return Kind(CATEGORY if is_few(column) else NUMBER)
    words = column.words
    others = [word for word in words if not is_number(word)]
    place = raw.place(column.row_of(others[0]), name)
    has_commas = all(COMMA.fullmatch(word) or WITH_COMMAS.fullmatch(word) for word in others)
    if has_commas or (are_slips(words) and not are_codes(column)):
        raise not_a_number(place, name, others[0])
    if {word.casefold() for word in words} in TRUTHS:
        return Kind(TRUTH)
    if are_spelled_otherwise(words) and not are_codes(column):
        hint = f"digits and a point alone, as -1200.5, --category {name!r} or --ignore {name!r}"
        raise DataError(explain(place, "a number", repr(others[0]), hint))
    patterns = patterns_of(words)
    if len(patterns) > 1:
        hint = f"year-month-day, as 2026-01-31, or --ignore {name!r}"
        got = f"{others[0]!r}, which may be either"
        raise DataError(explain(place, " or ".join(patterns), got, hint))
    if patterns:
        return Kind(DATE, patterns[0])
    if are_dates_of_several_kinds(words):
        hint = f"to write all as 2026-01-31, --category {name!r} or --ignore {name!r}"
        raise DataError(explain(place, "dates written in one way", some(words[:3]), hint))
    return Kind(CATEGORY)


def is_few(column: np.ndarray) -> bool:
    """Whether these are three to five different whole numbers, each in many rows.

    Such numbers are often codes (the class of a cabin, the region, the quarter), and a net learns
    from columns of 0 and 1 what it would from sizes. Where one of them is rare, as the large ones
    of counts are, little can be learned of it alone: these are numbers.
    """
    given = column[~np.isnan(column)]
    if not is_whole(given[: FEW * ROWS_EACH]) or not is_whole(given):
        return False
    values, counts = np.unique(given, return_counts=True)
    return 3 <= len(values) <= FEW and bool(counts.min() >= ROWS_EACH)


def are_dates(column: np.ndarray) -> bool:
    """Whether these are dates without separators, such as 20260131: many different ones, as one
    number of eight digits in 28 is a date by chance."""
    given = column[~np.isnan(column)]
    if not ((given >= 1000_01_01) & (given <= 9999_12_31)).all():
        return False
    values = np.unique(given)
    return len(values) >= MANY and COMPACT in patterns_of([spelled(value) for value in values])


def are_slips(words: list[str]) -> bool:
    """Whether most of these are numbers, and the others so few that they are slips of the pen or
    marks of missing values. Tickets and serial numbers have many texts among many numbers."""
    others = sum(not is_number(word) for word in words)
    numbers = len(words) - others
    return numbers >= max(1, others * (1 if others < MANY else SLIPS))


def are_codes(column: Words) -> bool:
    """Whether these are texts and at most five numbers that occur often, such as 4, 6 and rotary
    for the cylinders of a car, or 1 pt and 2 pt."""
    numbers = sum(map(is_number, column.words))
    return numbers <= FEW and len(column.codes) >= ROWS_EACH * len(column.words)


def are_spelled_otherwise(words: list[str]) -> bool:
    """Whether these are numbers, all with the same sign of a unit or with none, of which some are
    not spelled as programs read them."""
    found = [OTHERWISE.fullmatch(word) for word in words]
    units = {match[1] or match[2] for match in found if match}
    return all(found) and len(units) == 1


def are_dates_of_several_kinds(words: list[str]) -> bool:
    """Whether each of these is a date or a time, though no one pattern fits all."""
    return all(any(number_of(word, name) is not None for name in PATTERNS) for word in words)


def as_kind(raw: Raw, name: str, kind: Kind) -> Values:
    """A column's values as that kind: texts of a category, numbers else; DataError, which names the
    place, for a cell that is not of the kind."""
    column = raw.columns[name]
    if kind.name == CATEGORY:
        return column if isinstance(column, Words) else Words.of_numbers(column)
    if isinstance(column, np.ndarray):
        if kind.name == DATE:
            return as_kind(raw._replace(columns={name: Words.of_numbers(column)}), name, kind)
        wrong = np.zeros(len(column), bool)
        if kind.name == TRUTH:
            wrong = ~np.isnan(column) & (column != 0) & (column != 1)
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(explain(raw.place(row, name), kind.name, column[row]))
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
        if name in counting:
            continue
        if len(raw.places) > 1 and is_constant(column):
            found[name] = "constant"
        elif is_identifier(name, column):
            found[name] = "an identifier"
        elif isinstance(column, Words) and is_all_different(column):
            found[name] = "nearly all different"
    return found


def row_numbers(columns: dict[str, Values]) -> tuple[list[str], list[str]]:
    """The columns that number the rows from 0 or 1 in any order; and those that may be ids, as they
    number the rows from elsewhere."""
    counting: list[str] = []
    doubtful: list[str] = []
    for name, column in columns.items():
        if not isinstance(column, np.ndarray) or len(column) < MANY:
            continue
        low, high = column.min(), column.max()
        if high - low == len(column) - 1 and differs(column):
            (counting if low in (0, 1) else doubtful).append(name)
    return counting, doubtful


def is_identifier(name: str, column: Values) -> bool:
    """Whether a column is called an id, and most of its cells are different whole numbers or texts:
    some rows may be about the same thing."""
    if isinstance(column, Words):
        different, cells = len(column.words), int((column.codes >= 0).sum())
    else:
        given = column[~np.isnan(column)]
        different, cells = len(np.unique(given)) if is_whole(given) else 0, len(given)
    return bool(ID.fullmatch(name)) and cells >= MANY and 2 * different > cells


def differs(column: np.ndarray) -> bool:
    """Whether a column has a different whole number in each row."""
    return is_whole(column) and len(np.unique(column)) == len(column)


def is_whole(column: np.ndarray) -> bool:
    """Whether all are whole numbers."""
    return bool((column == np.floor(column)).all())


def is_constant(column: Values) -> bool:
    """Whether all cells are equal, or missing."""
    if isinstance(column, Words):
        return len(column.words) < 2
    return not np.nanmin(column, initial=np.inf) < np.nanmax(column, initial=-np.inf)


def is_all_different(column: Words) -> bool:
    """Whether these are names or remarks: most of many texts occur once, and are neither dates nor
    numbers with slips of the pen or spelled otherwise."""
    counts = column.counts()
    if counts.sum() < MANY or 2 * (counts == 1).sum() <= counts.sum():
        return False
    words = column.words
    return not (
        are_slips(words) or are_spelled_otherwise(words) or are_dates_of_several_kinds(words)
    )


def warn(raw: Raw, message: str) -> None:
    """A warning about a source."""
    warnings.warn(message, GuardWarning, stacklevel=3)
