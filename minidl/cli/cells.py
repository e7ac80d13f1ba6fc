"""The content of a table's cell: a number, nothing, or a text."""

import re
from math import isfinite

# How programs mark a missing value; "none" is not among them, as it may be a class.
MISSING = {
    "", "?", "NA", "N/A", "n/a", "na", "#N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "-nan", "NULL",
    "Null", "null", "None", "NaT",
}  # fmt: skip
WHOLE = re.compile(r"[+-]?[0-9]+")


def is_missing(text: str) -> bool:
    """Whether the cell marks a missing value.

    >>> is_missing(" "), is_missing("NA"), is_missing("0")
    (True, True, False)
    """
    return text.strip() in MISSING


def is_number(text: str) -> bool:
    """Whether the cell is a finite number, written without separators between thousands.

    >>> is_number("-1e3"), is_number("nan"), is_number("1,5"), is_number("1_000")
    (True, False, False, False)
    """
    try:
        return isfinite(float(text)) and "_" not in text  # which Python allows between digits
    except ValueError:
        return False


def exact(number: str) -> int | float:
    """The exact number: equal for "1", "01" and "1.0", different for any two long ids."""
    return int(number) if WHOLE.fullmatch(number) else float(number)


def shown(text: str) -> str:
    """The cell as a message shows it."""
    return repr(text) if text.strip() else "an empty cell"
