"""`Raw`: the columns of a source as they were read, before anything is decided about them."""

from typing import NamedTuple

import numpy as np

from ..errors import DataError, explain, some
from .words import Words

Values = np.ndarray | Words  # float64 (rows,), NaN where a cell is missing; or texts


def rows_of(column: Values) -> int:
    """The number of a column's rows."""
    return len(column.codes) if isinstance(column, Words) else len(column)


class Raw(NamedTuple):
    """Columns of numbers, where all cells are numbers or missing, and of texts. Row i came from
    `unit` number places[i] of the source."""

    source: str
    columns: dict[str, Values]
    unit: str
    places: np.ndarray
    look: str = ""  # how the source was read, in words
    nameless: frozenset[str] = frozenset()  # columns to which the source gives no name

    def place(self, row: int, name: str) -> str:
        """Where a cell came from, for a message."""
        return f"{self.source}: {self.unit} {self.places[row]}, column {name!r}"


def named(source: str, names: list[str], wanted: str) -> str:
    """The name, if a column has it; DataError if none does."""
    if wanted not in names:
        got = f"the columns {some(names)}"
        hint = "--delimiter, if lines have several cells" if len(names) == 1 else ""
        raise DataError(explain(source, f"a column {wanted!r}", got, hint))
    return wanted


def name_at(source: str, names: list[str], wanted: str) -> str:
    """The column of that name, else the one at that place (-1: the last)."""
    if wanted not in names:
        try:
            return names[int(wanted)]
        except (ValueError, IndexError):
            pass
    return named(source, names, wanted)
