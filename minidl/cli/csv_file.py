"""CSV files: cells between commas, semicolons or tabs; quoted ones may contain these.

The first line names the columns, unless all its cells are numbers: then they are named by their
places, from "0" on.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TextIO

import numpy as np

from ..errors import DataError, explain
from .table import Table

DELIMITERS = ",;\t"
SHOWN = 20  # columns in a message


def read_csv(
    path: Path, target: str | None, columns: Sequence[str] | None = None, ignore: Sequence[str] = ()
) -> Table:
    """The numbers in `columns`, by default in all but the target and the ignored ones, and the
    target's cells as they are written. Columns are given by name, else by place (-1: the last).

    DataError, which names the file, the line and the column, for a cell that is no finite number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _read(path, records(file), target, columns, ignore)
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(explain(str(path), "a CSV file in UTF-8", error)) from error


def records(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, as cells, each with the number of the line that it begins on;
    what separates them is what makes the first line the most cells."""
    first = file.readline()
    delimiter = max(DELIMITERS, key=lambda d: len(next(csv.reader([first], delimiter=d), ())))
    reader = csv.reader(chain([first], file), delimiter=delimiter, strict=True)
    line = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1


def _read(
    path: Path,
    lines: Iterator[tuple[int, list[str]]],
    target: str | None,
    columns: Sequence[str] | None,
    ignore: Sequence[str],
) -> Table:
    line, header = next(lines, (1, []))
    if not header:
        raise DataError(explain(str(path), "lines of cells", "an empty file"))
    names = [cell.strip() for cell in header]
    if all(map(is_number, header)):
        names, lines = [str(i) for i in range(len(header))], chain([(line, header)], lines)
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        got = f"{name!r} {count} times"
        raise DataError(explain(f"{path}: line {line}", "a name of its own for each column", got))
    goal = None if target is None else place_of(path, names, target)
    if columns is None:
        left_out = {goal, *(place_of(path, names, name) for name in ignore)}
        chosen = [i for i in range(len(names)) if i not in left_out]
    else:
        chosen = [place_of(path, names, name) for name in columns]
    if not chosen:
        raise DataError(explain(str(path), "columns beside the target", "none"))
    rows, cells, places = [], [], []
    for line, record in lines:
        if len(record) != len(names):
            expected = f"{len(names)} cells, as in the first line"
            raise DataError(explain(f"{path}: line {line}", expected, len(record)))
        rows.append(numbers(path, line, names, chosen, record))
        places.append(line)
        if goal is not None:
            cells.append(record[goal].strip())
    if not rows:
        raise DataError(explain(str(path), "lines of numbers", "the columns' names alone"))
    chosen_names = [names[i] for i in chosen]
    x = np.stack(rows)
    if goal is None:
        return Table(str(path), x, chosen_names, None, None, "line", places)
    return Table(str(path), x, chosen_names, names[goal], cells, "line", places)


def place_of(path: Path, names: list[str], wanted: str) -> int:
    """The column of that name, else at that place."""
    if wanted in names:
        return names.index(wanted)
    try:
        return range(len(names))[int(wanted)]
    except (ValueError, IndexError):
        known = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
        raise DataError(
            explain(str(path), f"a column {wanted!r}", f"the columns {known}")
        ) from None


def numbers(
    path: Path, line: int, names: list[str], chosen: list[int], cells: list[str]
) -> np.ndarray:
    """The chosen cells, which have to be finite numbers."""
    texts = [cells[i] for i in chosen]
    try:
        row = np.array(list(map(float, texts)))
    except ValueError:
        row = np.array([float(text) if is_number(text) else np.nan for text in texts])
    bad = ~np.isfinite(row)
    if "_" in "".join(texts):  # which Python allows between digits
        bad |= ["_" in text for text in texts]
    if bad.any():
        i = int(bad.argmax())
        got = repr(texts[i]) if texts[i].strip() else "an empty cell"
        hint = "to fill it, delete the line, or leave the column out"
        place = f"{path}: line {line}, column {names[chosen[i]]!r}"
        raise DataError(explain(place, "a number", got, hint))
    return row


def is_number(text: str) -> bool:
    """Whether Python reads the text as a number, NaN and the infinities included."""
    try:
        float(text)
    except ValueError:
        return False
    return True
