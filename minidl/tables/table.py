"""`Table`: rows of data whose columns have kinds, before they are encoded for a net."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import some
from ..tools.tables import aligned, printable
from ..tools.text import counted
from .kinds import DATE, TRUTH, Kind
from .words import Words

LABELS = {"": "numbers", TRUTH: "true/false", DATE: "dates"}


@dataclass(frozen=True, repr=False, eq=False)
class Table:
    """Inputs, and a target as text; row i came from `unit` number places[i] of the source.

    Numbers are the columns of x: also true and false (1 and 0) and dates (days since 1970), as
    `kinds` says of those names. Categories are texts.
    """

    source: str
    x: np.ndarray  # (rows, columns): float64, NaN where a cell is missing; or uint8 for pixels
    columns: list[str] | None  # the names of x's columns; None: only their places are known
    target: str | None  # its name
    values: list[str] | None  # the target's cells
    unit: str
    places: np.ndarray | range
    look: str  # how the source was read, in words
    kinds: dict[str, Kind] = field(default_factory=dict)  # of columns that are no numbers
    categories: dict[str, Words] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # columns of the source, and why
    dropped: dict[str, int] = field(default_factory=dict)  # how many rows are left out, and why
    kept: dict[str, Words] = field(default_factory=dict)  # columns that are no inputs, as texts

    def __len__(self) -> int:
        return len(self.x)

    def __str__(self) -> str:
        return self.described("" if self.target is None else self.target)

    __repr__ = __str__

    @property
    def is_pixels(self) -> bool:
        """Whether the inputs are pixels from 0 to 255."""
        return self.x.dtype == np.uint8

    @property
    def names(self) -> list[str]:
        """The names of the columns to learn from, numbers first."""
        return [*(self.columns or ()), *self.categories]

    def missing(self) -> dict[str, int]:
        """How many cells are missing in each column that has missing ones."""
        counts: dict[str, int] = {}
        if not self.is_pixels:
            of_numbers = np.isnan(self.x).sum(axis=0).tolist()
            counts = {self.column(i): n for i, n in enumerate(of_numbers)}
        counts |= {name: int((w.codes < 0).sum()) for name, w in self.categories.items()}
        return {name: n for name, n in counts.items() if n}

    def take(self, rows: np.ndarray) -> "Table":
        """These rows."""
        return replace(
            self,
            x=self.x[rows],
            values=None if self.values is None else [self.values[row] for row in rows],
            places=np.asarray(self.places)[rows],
            categories={name: words.take(rows) for name, words in self.categories.items()},
            kept={name: words.take(rows) for name, words in self.kept.items()},
        )

    def place(self, row: int) -> str:
        """Where a row came from, for a message."""
        return f"{self.source}: {self.unit} {self.places[row]}"

    def column(self, i: int) -> str:
        """The name of a column of x, else its place."""
        return self.columns[i] if self.columns else str(i)

    def described(self, target: str) -> str:
        """What was understood, in lines: rows, how they were read, the kinds of columns, what is
        left out or missing, the target in these words, and the options that say otherwise."""
        rows = list(self._kinds())
        whys = dict.fromkeys(self.left_out.values())
        for why in whys:
            names = [name for name, its in self.left_out.items() if its == why]
            rows.append(("left out", f"{some(names)} ({why})"))
        missing = [f"{name} {count:,}" for name, count in self.missing().items()]
        if missing:
            rows.append(("missing", f"{some(missing)} (--missing)"))
        rows += [("", f"{counted(n, 'row')} {why}, left out") for why, n in self.dropped.items()]
        if target:
            rows.append(("target", target))
        look = printable(f"{self.source}: {counted(len(self), 'row')}, {self.look}")
        return f"{look}\n{aligned([(f'  {label}', words) for label, words in rows])}"

    def _kinds(self) -> Iterable[tuple[str, str]]:
        """The kinds of columns, and which columns are of each."""
        if self.columns is None:
            label = "pixels" if self.is_pixels else "numbers"
            yield label, counted(self.x.shape[1], "column")
        for kind, label in LABELS.items():
            named = self.columns or []
            names = [n for n in named if self.kinds.get(n, Kind("")).name == kind]
            if names:
                yield label, f"{counted(len(names), 'column')}: {some(names)}"
        if self.categories:
            names = [f"{name} ({len(words.words)})" for name, words in self.categories.items()]
            yield "categories", f"{counted(len(names), 'column')}: {some(names)} (--category)"
