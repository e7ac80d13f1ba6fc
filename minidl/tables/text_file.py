"""Text files: cells between commas, semicolons, tabs, spaces or the like; quoted cells may contain
what separates others.

NumPy's reader reads blocks of lines. A block that it refuses, or that has quotes, is read again
cell by cell, by which missing values are found, and the line and the column of what is wrong.
"""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np

from ..errors import DataError, explain
from .cells import are_numbers, is_missing, is_number, shown, with_point
from .file_kinds import content_of
from .layout import BLANKS, Layout, encoding_of, is_comment, layout_of, records
from .raw import Raw, Values
from .words import Index, Words

BLOCK = 1 << 16  # characters
NAMELESS = "Unnamed: {}"  # as pandas calls a column without a name


class TextFile:
    """A text file: its layout and its columns' names are known at once, its rows are read later."""

    def __init__(self, path: Path, said: Layout) -> None:
        content = content_of(path)
        self.source, self.encoding = str(path), encoding_of(content, said.encoding)
        self.file = io.TextIOWrapper(io.BytesIO(content), self.encoding, newline="")
        with self.told():
            self.found = layout_of(path, self.file, said)
        names = self.found.names
        if names is None:
            names = [str(i) for i in range(self.found.width)]
        given = [name or NAMELESS.format(i) for i, name in enumerate(names)]
        name, count = Counter(given).most_common(1)[0]
        if count > 1:
            place, got = f"{path}: line {self.found.line}", f"{name!r} {count} times"
            hint = "to rename one, or to delete what stands above the names"
            raise DataError(explain(place, "a name of its own for each column", got, hint))
        self.names = given
        prefix = NAMELESS.format("")
        self.nameless = frozenset(name for name in given if name.startswith(prefix))

    @contextmanager
    def told(self) -> Iterator[None]:
        """Within the block, what is wrong with the text is a DataError."""
        expected = f"text in {self.encoding.removesuffix('-sig').upper()}"
        try:
            yield
        except UnicodeError as error:
            hint = "--encoding latin-1, or the one that it is in"
            raise DataError(explain(self.source, expected, error, hint)) from error
        except csv.Error as error:
            hint = "--delimiter, or to correct the quotes"
            raise DataError(explain(self.source, expected, error, hint)) from error

    def read(self, skipped: Collection[str] = (), as_text: Collection[str] = ()) -> Raw:
        """The columns but the skipped ones, those in `as_text` as texts even if all are numbers;
        DataError, which names the line and the column, for what cannot be read."""
        below = zip(*(row for row in self.found.rows if len(row) == len(self.names)), strict=True)
        kinds = ["number" if are_numbers(cells) else "text" for cells in below]
        kinds = kinds or ["text"] * len(self.names)
        for i, name in enumerate(self.names):
            if name in as_text:
                kinds[i] = "text"
            if name in skipped:
                kinds[i] = "skipped"
        with self.told():
            columns, places = Rows(self, kinds).all()
        if not len(places):
            got = "the columns' names alone"
            hint = "another file, or --no-header, if they are a row"
            raise DataError(explain(self.source, "lines of numbers", got, hint))
        return Raw(self.source, columns, "line", places, str(self.found), self.nameless)


class Rows:
    """The rows of a text file while they are read; each column is of the kind "number", "text" or
    "skipped"."""

    def __init__(self, text: TextFile, kinds: list[str]) -> None:
        self.source, self.file, self.found = text.source, text.file, text.found
        self.kinds = dict(zip(text.names, kinds, strict=True))
        self.texts = {name: Index() for name, kind in self.kinds.items() if kind == "text"}
        self.parts: dict[str, list[np.ndarray]] = {
            name: [] for name, kind in self.kinds.items() if kind != "skipped"
        }
        self.places: list[np.ndarray] = []
        self.line = 1  # the number of the next line
        delimiter = self.found.delimiter
        self.delimiter = None if delimiter == BLANKS else delimiter
        self.dtype: np.dtype = np.dtype(np.float64)
        if set(kinds) != {"number"}:
            codes = {"number": "f8", "text": "O", "skipped": "U1"}
            self.dtype = np.dtype([(f"f{i}", codes[kind]) for i, kind in enumerate(kinds)])

    def all(self) -> tuple[dict[str, Values], np.ndarray]:
        """All columns, and each row's line number."""
        self.file.seek(0)
        if self.found.names is not None:
            for line, _ in self.records(self.file):
                if line == self.found.line:
                    break
        while block := self.file.readlines(BLOCK):
            if not self.add_at_once(block):
                self.add_by_cell(block)
        columns: dict[str, Values] = {}
        for name, parts in self.parts.items():
            column = np.concatenate(parts) if parts else np.empty(0)
            parts.clear()
            texts = self.texts.get(name)
            columns[name] = column if texts is None else Words(column, texts.words)
        return columns, np.concatenate(self.places) if self.places else np.empty(0, np.int64)

    def records(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """The cells of the lines, which are counted as they are taken."""

        def counted() -> Iterator[str]:
            for line in lines:
                self.line += 1
                yield line

        return records(counted(), self.found.delimiter, self.line)

    def add_at_once(self, block: list[str]) -> bool:
        """Reads a block of lines by NumPy's reader; False if it cannot, or may not."""
        is_plain = self.found.decimal == "." and block[0].strip()
        if not is_plain or any('"' in line for line in block):
            return False
        try:
            rows = np.loadtxt(block, self.dtype, comments=None, delimiter=self.delimiter,
                              ndmin=1 if self.dtype.names else 2)  # fmt: skip
        except ValueError:
            return False
        if len(rows) != len(block) or (not self.dtype.names and rows.shape[1] != len(self.kinds)):
            return False
        columns = [rows[name] for name in self.dtype.names] if self.dtype.names else rows.T
        named = dict(zip(self.kinds, columns, strict=True))
        if any(np.isinf(named[name]).any() for name in self.parts if name not in self.texts):
            return False
        for name, parts in self.parts.items():
            codes = self.texts.get(name)
            parts.append(
                named[name].copy() if codes is None
                else np.fromiter(map(codes.__getitem__, named[name].tolist()), np.int64)
            )  # fmt: skip
        self.places.append(np.arange(self.line, self.line + len(block)))
        self.line += len(block)
        return True

    def add_by_cell(self, block: list[str]) -> None:
        """Reads a block of lines, and of the file what belongs to the last of its rows."""
        end = self.line + len(block)
        values: dict[str, list[float]] = {name: [] for name in self.parts}
        places = []
        for line, cells in self.records(chain(block, self.file)):
            if len(cells) == self.found.width:
                places.append(line)
                for (name, kind), cell in zip(self.kinds.items(), cells, strict=True):
                    if kind == "number":
                        values[name].append(self.number(line, name, cell))
                    elif kind == "text":
                        values[name].append(self.texts[name][self.pointed(cell)])
            elif not is_comment(cells, self.found.width):
                expected = f"{self.found.width} cells, as in the first line"
                place, hint = f"{self.source}: line {line}", "to correct the line, or to delete it"
                raise DataError(explain(place, expected, len(cells), hint))
            if self.line >= end:
                break
        for name, column in values.items():
            self.parts[name].append(np.array(column, np.int64 if name in self.texts else float))
        self.places.append(np.array(places, np.int64))

    def pointed(self, cell: str) -> str:
        """The cell, with a decimal point for the file's decimal comma."""
        return with_point(cell) if self.found.decimal == "," else cell

    def number(self, line: int, name: str, cell: str) -> float:
        """The number in a cell, NaN if it is missing; DataError for anything else."""
        text = self.pointed(cell)
        if is_number(text):
            return float(text)
        if is_missing(text):
            return np.nan
        raise not_a_number(f"{self.source}: line {line}, column {name!r}", name, cell)


def not_a_number(place: str, name: str, cell: str) -> DataError:
    """The error for a text in a column of numbers."""
    hint = f"to correct it, to delete the line, --category {name!r} or --ignore {name!r}"
    if "," in cell:
        hint = "--decimal ',', or a point before decimals and nothing between thousands"
    return DataError(explain(place, "a number", shown(cell), hint))
