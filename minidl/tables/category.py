"""`Category`: a column of texts as columns of 0 and 1, or as numbers of an embedding's rows."""

from typing import NamedTuple

import numpy as np

from ..errors import DataError, explain, some
from .table import Table
from .words import in_order

COLUMN, ERROR = UNSEEN = ("column", "error")


class Category(NamedTuple):
    """A column of 0 and 1 for each name; then one for other texts, unless these are errors; then
    one that marks missing cells, if there were any in training. A missing cell is taken for the
    most frequent name. Or one column of numbers: those of the column with the 1, and for a missing
    cell that of its mark, if there is one."""

    names: list[str]
    most_frequent: int
    has_others: bool
    has_missing: bool

    @classmethod
    def of(cls, table: Table, name: str, rows: np.ndarray, unseen: str) -> "Category":
        """The columns for these rows of a table. Texts that occur once are among the others: of an
        unseen text a net can know what it learned of rare ones."""
        column = table.categories[name].take(rows)
        counts = column.counts()
        seen = np.flatnonzero(counts > 0)
        often = np.flatnonzero(counts > 1) if unseen == COLUMN else seen
        names = in_order([column.words[i] for i in (often if len(often) else seen)])
        mode = names.index(column.words[int(counts.argmax())]) if names else 0
        return cls(names, mode, unseen == COLUMN, bool((column.codes < 0).any()))

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.names) + self.has_others + self.has_missing

    def outputs(self, name: str) -> list[str]:
        """The columns' names."""
        names = [f"{name} = {text}" for text in self.names]
        others = [f"{name} = another"] * self.has_others
        return [*names, *others, *[f"{name} is missing"] * self.has_missing]

    def encode(self, table: Table, name: str, out: np.ndarray) -> None:
        """Writes the rows of a table into float32 (rows, width), which is 0."""
        places = self.places(table, name)
        missing = places < 0
        out[np.arange(len(out)), np.where(missing, self.most_frequent, places)] = 1
        if self.has_missing:
            out[:, -1] = missing

    def numbers(self, table: Table, name: str) -> np.ndarray:
        """The rows of a table as numbers from 0 to width - 1, int64 (rows,)."""
        places = self.places(table, name)
        return np.where(
            places < 0, self.width - 1 if self.has_missing else self.most_frequent, places
        )

    def places(self, table: Table, name: str) -> np.ndarray:
        """The place of each row's text among the names, int64 (rows,): -1 for a missing cell,
        `len(names)` for another text; DataError if that is an error."""
        column = table.categories[name]
        places = column.among(self.names)
        others = places == len(self.names)
        if others.any() and not self.has_others:
            row = int(others.argmax())
            place = f"{table.place(row)}, column {name!r}"
            got = repr(column.words[column.codes[row]])
            raise DataError(explain(place, f"one of {some(self.names)}, as in training", got))
        return places
