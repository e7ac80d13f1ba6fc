"""From the columns of a file to a `Table`: which are learned from, what kinds they have, and which
rows are left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..errors import DataError, explain
from .encoder import Encoder
from .frames import Frame
from .kinds import CATEGORY, NUMBER, Kind, as_kind, kind_of, reasons
from .raw import Raw, name_at, named
from .table import Table
from .text_file import TextFile
from .words import Words

FILL, DROP, ERROR = MISSING = ("fill", "drop", "error")


class Wishes(NamedTuple):
    """What is said about columns, by name or place from 0 up (-1: the last)."""

    target: str | None = None
    columns: Sequence[str] | None = None  # to learn from; None: all
    category: Sequence[str] = ()
    number: Sequence[str] = ()
    ignore: Sequence[str] | None = None  # []: nothing is left out but `identifier`
    identifier: Sequence[str] = ()
    keep: Sequence[str] = ()  # as texts beside the inputs
    weights: str | None = None  # kept, and no input
    missing: str = FILL
    kinds: Mapping[str, Kind] | None = None  # the columns of a training; {}: numbers by place

    def like(self, encoder: Encoder) -> "Wishes":
        """The same with the columns of a training."""
        numbers = {name: encoder.kinds.get(name, Kind(NUMBER)) for name in encoder.columns or ()}
        return self._replace(kinds=numbers | dict.fromkeys(encoder.categories, Kind(CATEGORY)))


class Chosen(NamedTuple):
    """The columns of a file by name: the target, the inputs, what is said of their kinds, and
    which others are left out for which reason."""

    target: str | None
    inputs: list[str]
    kinds: dict[str, Kind]
    left_out: dict[str, str]
    kept: list[str]

    @classmethod
    def of(cls, source: str, names: list[str], wishes: Wishes) -> "Chosen":
        """The columns that the wishes mean; DataError for one that is not there."""

        def found(wanted: Iterable[str] | None) -> list[str]:
            return [name_at(source, names, name) for name in wanted or ()]

        target = None if wishes.target is None else name_at(source, names, wishes.target)
        kinds = dict.fromkeys(found(wishes.number), Kind(NUMBER))
        kinds |= dict.fromkeys(found(wishes.category), Kind(CATEGORY))
        left_out = dict.fromkeys(found(wishes.ignore), "--ignore")
        left_out |= dict.fromkeys(found(wishes.identifier), "--id")
        weights = found([] if wishes.weights is None else [wishes.weights])
        left_out |= dict.fromkeys(weights, "--weights")
        inputs = names
        if wishes.kinds is not None:
            kinds = {named(source, names, name): kind for name, kind in wishes.kinds.items()}
            kinds = kinds or {name: Kind(NUMBER) for name in names if name != target}
            inputs = list(kinds)
        elif wishes.columns is not None:
            inputs = found(wishes.columns)
        left_out |= {name: "not chosen" for name in names if name not in inputs}
        left_out.pop(target or "", None)
        inputs = [name for name in inputs if name != target and name not in left_out]
        return cls(target, inputs, kinds, left_out, [*found(wishes.keep), *weights])


def assembled(file: TextFile | Frame, wishes: Wishes) -> Table:
    """The table of a file with named columns; DataError, which names the place, for what is not as
    it has to be."""
    chosen = Chosen.of(file.source, file.names, wishes)
    as_text = {name for name, kind in chosen.kinds.items() if kind.name == CATEGORY}
    if chosen.target is not None:
        as_text.add(chosen.target)
    as_text.update(chosen.kept)
    raw = file.read(chosen.left_out.keys() - chosen.kept, as_text)
    left_out, kinds = dict(chosen.left_out), chosen.kinds
    if wishes.kinds is None and wishes.ignore != [] and wishes.columns is None:
        left_out |= reasons(raw, [name for name in chosen.inputs if name not in kinds])
    names = [name for name in chosen.inputs if name not in left_out]
    if not names:
        got = "none" if not left_out else ", ".join(f"{n!r} ({why})" for n, why in left_out.items())
        hint = "--ignore without names, to learn from all" if left_out else ""
        hint = "--delimiter, if lines have several cells" if len(file.names) == 1 else hint
        raise DataError(explain(raw.source, "columns beside the target", got, hint))
    kinds = {name: kinds.get(name) or kind_of(raw, name) for name in names}
    values = {name: as_kind(raw, name, kinds[name]) for name in names}
    numbers = {name: v for name, v in values.items() if isinstance(v, np.ndarray)}
    x = np.empty((len(raw.places), len(numbers)))
    for i, column in enumerate(numbers.values()):
        x[:, i] = column
    found = Table(
        raw.source,
        x,
        list(numbers),
        chosen.target,
        None,
        raw.unit,
        raw.places,
        raw.look,
        {name: kinds[name] for name in numbers if kinds[name].name != NUMBER},
        {name: v for name, v in values.items() if isinstance(v, Words)},
        left_out,
        kept={n: v for n in chosen.kept if isinstance(v := raw.columns[n], Words)},
    )
    return with_rows(with_target(found, raw), wishes.missing)


def with_target(table: Table, raw: Raw) -> Table:
    """The table with its target; rows that have none are left out."""
    if table.target is None:
        return table
    column = raw.columns[table.target]
    assert isinstance(column, Words)  # it was asked for as text
    if not column.words:
        place = raw.place(0, table.target)
        raise DataError(explain(place, "values of the target", "none", "another --target"))
    return without(
        replace(table, values=column.cells()), column.codes < 0, f"without {table.target}"
    )


def with_rows(table: Table, missing: str) -> Table:
    """The table as it is, or without rows in which an input is missing; DataError if there are any
    and they are errors."""
    if missing == FILL:
        return table
    gaps = dict(zip(table.columns or (), np.isnan(table.x.T), strict=True))
    gaps |= {name: words.codes < 0 for name, words in table.categories.items()}
    rows = np.logical_or.reduce(list(gaps.values()))
    if missing == ERROR and rows.any():
        row = int(rows.argmax())
        name = next(name for name, gap in gaps.items() if gap[row])
        place = f"{table.place(row)}, column {name!r}"
        hint = "--missing fill, or --missing drop"
        raise DataError(explain(place, "a value", f"none, as in {rows.sum()} rows", hint))
    return without(table, rows, "with a missing input")


def without(table: Table, rows: np.ndarray, why: str) -> Table:
    """The table without these rows; DataError if none remains."""
    if not rows.any():
        return table
    if rows.all():
        raise DataError(explain(table.source, "rows to learn from", f"only rows {why}"))
    kept = table.take(np.flatnonzero(~rows))
    return replace(kept, dropped=table.dropped | {why: int(rows.sum())})
