"""The content of a table's cell: a number, nothing, or a text."""

import re
from collections.abc import Callable, Iterable
from math import isfinite, nan

# How people and programs mark a missing value; "none" is not among them, as it may be a class.
MISSING = {
    "", "?", "-", "NA", "N/A", "n/a", "na", "#N/A", "#NA", "<NA>", "NULL", "Null", "null", "None",
    "NaT",
}  # fmt: skip
NANS = {"nan", "+nan", "-nan"}
LONGEST = max(map(len, MISSING | NANS))  # most cells are longer, which is seen at once
WHOLE = re.compile(r"[+-]?[0-9]+")
COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")


def is_missing(text: str) -> bool:
    """Whether the cell marks a missing value.

    >>> is_missing(" "), is_missing("NA"), is_missing("0")
    (True, True, False)
    """
    text = text.strip()
    return len(text) <= LONGEST and (text in MISSING or text.lower() in NANS)


def is_number(text: str) -> bool:
    """Whether the cell is a finite number, written without separators between thousands.

    >>> is_number("-1e3"), is_number("nan"), is_number("1,5"), is_number("1_000")
    (True, False, False, False)
    """
    try:
        return isfinite(float(text)) and "_" not in text  # which Python allows between digits
    except ValueError:
        return False


def are_numbers(cells: Iterable[str]) -> bool:
    """Whether there are numbers, and otherwise only missing values."""
    given = [cell for cell in cells if not is_missing(cell)]
    return bool(given) and all(map(is_number, given))


class Numbers(dict[str, float]):
    """The number in a cell, NaN if it is missing; KeyError for anything else. `tidy` removes what
    is around a cell."""

    __slots__ = ("tidy",)  # a file of one line may have many columns

    def __init__(self, tidy: Callable[[str], str] = str.strip) -> None:
        super().__init__()
        self.tidy = tidy

    def __missing__(self, cell: str) -> float:
        text = self.tidy(cell)
        if is_number(text):
            return float(text)
        if not is_missing(text):
            raise KeyError(cell)
        self[cell] = nan  # which recurs, as numbers do not
        return nan


def exact(number: str) -> int | float:
    """The exact number: equal for "1", "01" and "1.0", different for any two long ids."""
    return int(number) if WHOLE.fullmatch(number) else float(number)


def has_decimal_comma(text: str) -> bool:
    """Whether the cell is a number with a decimal comma, which cannot stand between thousands.

    >>> has_decimal_comma("1,5"), has_decimal_comma("1,500"), has_decimal_comma("0,500")
    (True, False, True)
    """
    return bool(COMMA.fullmatch(text)) and not THOUSANDS.fullmatch(text)


def with_point(text: str) -> str:
    """The cell with a decimal point for a decimal comma; a text that is no number unchanged.

    >>> with_point("1,5"), with_point("a,b")
    ('1.5', 'a,b')
    """
    return text.replace(",", ".") if COMMA.fullmatch(text) else text


def shown(text: str) -> str:
    """The cell as a message shows it."""
    return repr(text) if text.strip() else "an empty cell"
