"""CSV files: cells between commas, semicolons, tabs or the like, which quoted cells may contain.

The first line names the columns; or it is a row like the others, and the columns are named by their
places, from "0" on. The file may be compressed by gzip.
"""

import csv
import io
import re
import warnings
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import TextIO

import numpy as np

from ..errors import DataError, GuardWarning, explain, some
from .cells import is_number, shown
from .csv_layout import AS_IT_LOOKS, Layout, layout_of, records
from .file_kinds import check_unpacked, opened
from .table import Table

NAMELESS = re.compile(r"Unnamed: [0-9]+")  # pandas' name for a column without one


def read_csv(
    path: Path, target: str | None, columns: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None, layout: Layout = AS_IT_LOOKS,
) -> Table:  # fmt: skip
    """The numbers in `columns`, and the target's cells as text.

    By default, `columns` are all columns with a name except the target and the ignored ones. The
    target and the ignored columns are given by name, else by place (-1: the last). With an empty
    `ignore`, nameless columns are read too.

    DataError, which names the file, the line and the column, for a cell that is not a finite
    number.
    """
    try:
        check_unpacked(path)
        with opened(path) as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            return _read(path, text, target, columns, ignore, layout)
    except UnicodeDecodeError as error:
        hint = "iconv -f LATIN1 -t UTF-8, or to save it as UTF-8"
        raise DataError(explain(str(path), "a CSV file in UTF-8", error, hint)) from error
    except csv.Error as error:
        raise DataError(explain(str(path), "a CSV file in UTF-8", error)) from error


def _read(
    path: Path, file: TextIO, target: str | None, columns: Sequence[str] | None,
    ignore: Sequence[str] | None, layout: Layout,
) -> Table:  # fmt: skip
    delimiter, has_names = layout_of(path, file, layout)
    lines = records(file, delimiter)
    first = next(lines, None)
    if first is None:
        raise DataError(explain(str(path), "lines of cells", "an empty file"))
    if has_names:
        names = names_of(path, *first)
        look = f"names in line {first[0]}"
    else:
        names = [str(i) for i in range(len(first[1]))]
        look = "no names (--header)"
        lines = chain([first], lines)
    goal = None if target is None else place_of(path, names, target)
    if columns is None:
        chosen = inputs_of(path, names, goal, ignore)
    else:
        chosen = [named(path, names, name) for name in columns]
    x, values, places = rows_of(path, lines, names, chosen, goal)
    used = {goal, *chosen}
    return Table(
        str(path), x, [names[i] for i in chosen], None if goal is None else names[goal], values,
        "line", places, f"cells between {delimiter!r} (--delimiter), {look}",
        [name for i, name in enumerate(names) if i not in used],
    )  # fmt: skip


def rows_of(
    path: Path, lines: Iterable[tuple[int, list[str]]], names: list[str], chosen: list[int],
    goal: int | None,
) -> tuple[np.ndarray, list[str] | None, array]:  # fmt: skip
    """The numbers in the chosen columns, the cells of the column `goal` if there is one, and each
    row's line number."""
    x, places = array("d"), array("q")
    values: list[str] = []
    spelled: dict[str, str] = {}  # keeps each text once: many rows have the same class
    for line, cells in lines:
        if len(cells) != len(names):
            expected = f"{len(names)} cells, as in the first line"
            raise DataError(explain(f"{path}: line {line}", expected, len(cells)))
        x.extend(numbers(path, line, names, chosen, cells))
        places.append(line)
        if goal is not None:
            values.append(spelled.setdefault(cells[goal], cells[goal]))
    if not places:
        raise DataError(explain(str(path), "lines of numbers", "the columns' names alone"))
    shaped = np.frombuffer(x).reshape(len(places), len(chosen))
    return shaped, None if goal is None else values, places


def names_of(path: Path, line: int, cells: list[str]) -> list[str]:
    """The columns' names, all different."""
    names = [cell or f"Unnamed: {i}" for i, cell in enumerate(cells)]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        got = f"{name!r} {count} times"
        raise DataError(explain(f"{path}: line {line}", "a name of its own for each column", got))
    return names


def inputs_of(
    path: Path, names: list[str], goal: int | None, ignore: Sequence[str] | None
) -> list[int]:
    """The columns to learn from."""
    left_out = {goal, *(place_of(path, names, name) for name in ignore or ())}
    chosen = [i for i in range(len(names)) if i not in left_out]
    if ignore != []:
        for i in [i for i in chosen if NAMELESS.fullmatch(names[i])]:
            hint = "to name it, or --ignore without names, to learn from it"
            got = f"{names[i]!r}, which is left out"
            warnings.warn(explain(str(path), "a name for each column", got, hint), GuardWarning,
                          stacklevel=2)  # fmt: skip
            chosen.remove(i)
    if not chosen:
        raise DataError(explain(str(path), "columns beside the target", "none", split(names)))
    return chosen


def named(path: Path, names: list[str], wanted: str) -> int:
    """The column of that name."""
    if wanted not in names:
        got = f"the columns {some(names)}"
        raise DataError(explain(str(path), f"a column {wanted!r}", got, split(names)))
    return names.index(wanted)


def split(names: list[str]) -> str:
    """What to try if every line has a single cell."""
    return "--delimiter, if lines have several cells" if len(names) == 1 else ""


def place_of(path: Path, names: list[str], wanted: str) -> int:
    """The column of that name, else at that place."""
    if wanted not in names:
        try:
            return range(len(names))[int(wanted)]
        except (ValueError, IndexError):
            pass
    return named(path, names, wanted)


def numbers(
    path: Path, line: int, names: list[str], chosen: list[int], cells: list[str]
) -> list[float]:
    """The numbers in the chosen cells; DataError for a cell that is not a finite number."""
    texts = [cells[i] for i in chosen]
    try:
        row = list(map(float, texts))
        if all(map(isfinite, row)) and "_" not in "".join(texts):
            return row
    except ValueError:
        pass
    wrong = next(i for i, text in enumerate(texts) if not is_number(text))
    name, text = names[chosen[wrong]], texts[wrong]
    hint = f"to correct it, to delete the line, or train --ignore {name!r}"
    if "," in text:
        hint = "a point before decimals, and nothing between thousands"
    raise DataError(explain(f"{path}: line {line}, column {name!r}", "a number", shown(text), hint))
