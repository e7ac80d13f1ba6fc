"""`Encoder`: turns rows of a table into a net's inputs, and a net's outputs into answers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError, DataError, explain, some
from . import targets
from .category import COLUMN, UNSEEN, Category
from .kinds import Kind
from .scale import Scale
from .table import Table

WIDEST = 20_000  # columns of inputs


class Encoder(NamedTuple):
    """What was learned from the rows to train with, to treat other rows in the same way.

    Numbers, and the target of a regression, get mean 0 and standard deviation 1; a missing number
    is the mean, and a column of its own marks it if there were missing ones in training. Categories
    are columns of 0 and 1; those to embed come last, as a column of whole numbers each, for
    `nn.EntityEmbedding`. Pixels become numbers from 0 to 1.

    >>> from minidl import data
    >>> ages = [20, 30, None, 40]
    >>> found = data.table({"age": ages, "town": ["Ulm", "Bonn"] * 2, "y": [0, 1, 1, 0]}, "y")
    >>> encoder = Encoder.of(found)
    >>> encoder.names
    ['age', 'age is missing', 'town = Bonn', 'town = Ulm', 'town = another']
    >>> x, y = encoder(found)
    >>> x.dtype, x[2], y
    (dtype('float32'), array([0., 1., 0., 1., 0.], dtype=float32), array([0, 1, 1, 0]))
    """

    columns: list[str] | None  # the names of the numbers; None: only their places are known
    width: int  # how many numbers there are
    is_pixels: bool
    kinds: dict[str, Kind]  # of numbers that are dates, or true and false
    with_missing: list[int]  # the places of numbers of which some were missing
    categories: dict[str, Category]
    embedded: list[str]  # which of the categories are columns of whole numbers
    target: str
    classes: list[str] | None  # None: a regression
    is_scaled: bool
    inputs_scale: Scale | None  # None: of pixels that are not scaled
    target_scale: Scale | None

    @classmethod
    def of(
        cls, table: Table, rows: Sequence[int] | np.ndarray | None = None, task: str | None = None,
        scales: bool | None = None, unseen: str = COLUMN, embed: Sequence[str] = (),
    ) -> "Encoder":  # fmt: skip
        """The encoder for a table, fitted on `rows` (by default all).

        - task: "classification" or "regression"; by default what the target suggests
        - scales: whether numbers are standardised; by default all but pixels
        - unseen: "column", a text of a category that training did not have is encoded in a column
          of its own; or "error"
        - embed: the categories that become whole numbers; `counts` says below which number each is

        DataError for a column to embed that is no category, and for a target that suggests no task
        or has a single value.
        """
        if unseen not in UNSEEN:
            raise ArgumentError(explain("Encoder", f"unseen: one of {UNSEEN}", repr(unseen)))
        require_categories(table, embed)
        rows = np.arange(len(table)) if rows is None else np.asarray(rows)
        targets.require_two(table)
        task = task or targets.task_of(table)
        scales = not table.is_pixels if scales is None else scales
        classes = targets.class_names(table) if task == targets.CLASSIFICATION else None
        x = from_0_to_1(table.x[rows])
        return cls(
            table.columns,
            table.x.shape[1],
            table.is_pixels,
            table.kinds,
            np.flatnonzero(np.isnan(x).any(axis=0)).tolist(),
            {name: Category.of(table, name, rows, unseen) for name in table.categories},
            list(embed),
            table.target or "",
            classes,
            scales,
            Scale.of(x) if scales or not table.is_pixels else None,
            Scale.of(targets.numbers(table)[rows, None]) if scales and classes is None else None,
        )

    @property
    def outputs(self) -> int:
        """The number of outputs that a net needs."""
        return 1 if self.classes is None else len(self.classes)

    @property
    def inputs(self) -> int:
        """The number of inputs that a net needs."""
        widths = (category.width for category in self.one_hot.values())
        return self.width + len(self.with_missing) + sum(widths) + len(self.embedded)

    @property
    def one_hot(self) -> dict[str, Category]:
        """The categories that are columns of 0 and 1."""
        return {name: c for name, c in self.categories.items() if name not in self.embedded}

    @property
    def counts(self) -> list[int]:
        """How many whole numbers each embedded category has: the number of its embedding's rows."""
        return [self.categories[name].width for name in self.embedded]

    @property
    def names(self) -> list[str]:
        """The names of the inputs."""
        numbers = self.columns or [str(i) for i in range(self.width)]
        categories = (column.outputs(name) for name, column in self.one_hot.items())
        marks = (f"{numbers[i]} is missing" for i in self.with_missing)
        return [*numbers, *marks, *(name for names in categories for name in names), *self.embedded]

    def places(self) -> dict[str, list[int]]:
        """Which of the inputs each column of the table has become."""
        numbers = self.columns or [str(i) for i in range(self.width)]
        found = {name: [i] for i, name in enumerate(numbers)}
        for mark, i in enumerate(self.with_missing, start=self.width):
            found[numbers[i]].append(mark)
        at = self.width + len(self.with_missing)
        for name, column in self.one_hot.items():
            found[name] = [*range(at, at + column.width)]
            at += column.width
        return found | {name: [i] for i, name in enumerate(self.embedded, start=at)}

    def described(self, table: Table, of_task: str = "") -> str:
        """What was understood of a table, in lines; `of_task` is the option for the target."""
        if table.target is None:
            return str(table)
        what = f"{len(self.classes)} classes: {some(self.classes)}" if self.classes else "a number"
        return table.described(f"{table.target}, {what}{of_task and f' ({of_task})'}")

    def __call__(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) for `fit`: `encode` and `targets` of the table."""
        return self.encode(table), self.targets(table)

    def encode(self, table: Table) -> np.ndarray:
        """The net's inputs, float32 (rows, inputs); pixels stay uint8 if they are not scaled.

        DataError for a table with other columns, and for a number that float32 cannot hold.
        """
        self.require_same_columns(table)
        if self.inputs_scale is None:
            return table.x
        if self.inputs > WIDEST and self.one_hot:
            name = max(self.one_hot, key=lambda name: self.one_hot[name].width)
            hint = f"--ignore {name!r}, which has the most texts, or --embed '{name}:16'"
            expected = f"at most {WIDEST:,} inputs"
            raise DataError(explain(table.source, expected, f"{self.inputs:,}", hint))
        x = np.zeros((len(table), self.inputs), np.float32)
        numbers = from_0_to_1(table.x)
        missing = np.isnan(numbers)
        x[:, : self.width] = self.filled(numbers, missing)
        for row, column in np.argwhere(~np.isfinite(x[:, : self.width])):
            place = f"{table.place(row)}, column {table.column(column)!r}"
            raise DataError(explain(place, "a number that float32 holds", numbers[row, column]))
        at = self.width + len(self.with_missing)
        x[:, self.width : at] = missing[:, self.with_missing]
        for name, column in self.one_hot.items():
            column.encode(table, name, x[:, at : at + column.width])
            at += column.width
        for i, name in enumerate(self.embedded, start=at):
            x[:, i] = self.categories[name].numbers(table, name)
        return x

    def filled(self, numbers: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """The numbers, scaled if they are to be; missing ones are the mean."""
        assert self.inputs_scale is not None
        numbers = np.where(missing, self.inputs_scale.mean, numbers) if missing.any() else numbers
        return scaled(numbers, self.inputs_scale if self.is_scaled else None)

    def require_same_columns(self, table: Table) -> None:
        """DataError for a table with other columns than that of the training."""
        kind, got = (("pixels" if p else "numbers") for p in (self.is_pixels, table.is_pixels))
        if table.x.shape[1] != self.width or kind != got:
            expected = f"{self.width} columns of {kind}, as in training"
            raise DataError(explain(table.source, expected, f"{table.x.shape[1]} of {got}"))
        if table.columns is None or self.columns is None:
            return
        own = self.columns, self.kinds, [*self.categories]
        if own != (table.columns, table.kinds, [*table.categories]):
            hint = "data.table(..., like=encoder)"
            expected = f"the columns {some(self.columns + own[2])}, of the kinds of the training"
            raise DataError(explain(table.source, expected, some(table.names), hint))

    def targets(self, table: Table) -> np.ndarray:
        """The net's targets: labels int64 (rows,), or numbers float32 (rows, 1)."""
        if self.classes is not None:
            return targets.labels(table, self.classes)
        numbers = targets.numbers(table)
        y = scaled(numbers[:, None], self.target_scale)
        for row, _ in np.argwhere(~np.isfinite(y)):
            place = f"{table.place(row)}, {table.target!r}"
            raise DataError(explain(place, "a number that float32 holds", numbers[row]))
        return y

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """The outputs of a regression (rows, 1) in the target's own unit, float64 (rows,)."""
        y = outputs[:, 0].astype(np.float64)
        if self.target_scale is not None:
            y = y * self.target_scale.sd + self.target_scale.mean
        return y


def require_categories(table: Table, names: Sequence[str]) -> None:
    """DataError unless these are categories of the table, and all different."""
    for i, name in enumerate(names):
        if name in table.categories and name not in names[:i]:
            continue
        got, hint = f"{name!r} twice", ""
        if name not in table.categories:
            why = table.left_out.get(name, "no category")
            got, hint = f"{name!r} ({why})", f"--category {name!r}"
        raise DataError(explain(f"{table.source}: --embed", "categories", got, hint))


def scaled(x: np.ndarray, scale: Scale | None) -> np.ndarray:
    """z as float32, infinite if float32 cannot hold it; x itself without a scale."""
    with np.errstate(over="ignore", invalid="ignore"):
        z = x if scale is None else (x - scale.mean) / scale.sd
        return z.astype(np.float32)


def from_0_to_1(x: np.ndarray) -> np.ndarray:
    """Pixels as numbers from 0 to 1; numbers unchanged."""
    return x.astype(np.float32) / 255 if x.dtype == np.uint8 else x
