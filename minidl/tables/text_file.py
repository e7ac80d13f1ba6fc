"""Text files: cells between commas, semicolons, tabs, spaces or the like; quoted cells may contain
what separates others.

A kernel reads plain rows. Where it stops, a row is read cell by cell, by which comments and quotes
are understood, and the line and the column of what is wrong are found.
"""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .._kernels import text_rows
from ..errors import DataError, explain
from .cells import Numbers, are_numbers, shown, with_point
from .file_kinds import content_of
from .layout import Layout, Record, encoding_of, is_comment, layout_of, records, utf8
from .raw import Raw, Values
from .words import Index, Words

NAMELESS = "Unnamed: {}"  # as pandas calls a column without a name


class TextFile:
    """A text file: its layout and its columns' names are known at once, its rows are read later."""

    def __init__(self, path: Path, said: Layout) -> None:
        content = content_of(path)
        self.source, self.encoding = str(path), encoding_of(content, said.encoding)
        with self.told():
            self.text = utf8(content, self.encoding)
            self.file = io.TextIOWrapper(io.BytesIO(self.text), "utf-8", newline="")
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
        self.source, self.found = text.source, text.found
        self.text, self.file = text.text, text.file
        self.kinds = dict(zip(text.names, kinds, strict=True))
        tidy = tidy_with_comma if self.found.decimal == "," else str.strip
        self.columns: dict[str, Numbers | Index] = {
            name: Numbers(tidy) if kind == "number" else Index(tidy)
            for name, kind in self.kinds.items() if kind != "skipped"
        }  # fmt: skip
        lines = self.text.count(b"\n") + self.text.count(b"\r") - self.text.count(b"\r\n")
        most = min(lines, len(self.text) // self.found.width)  # memory that no row needs stays free
        self.values = np.empty((len(self.columns), most))
        self.places = np.empty(most, np.int64)
        self.row = 0  # the number of the next row
        self.line = 1  # and of the next line
        self.at = 0  # and where that begins

    def all(self) -> tuple[dict[str, Values], np.ndarray]:
        """All columns, and each row's line number."""
        if self.found.names is not None:
            for line, _ in self.records():
                if line == self.found.line:
                    break
        while self.at < len(self.text):
            self.add_plain()
            self.add_record()
        found: dict[str, Values] = {}
        for (name, column), values in zip(self.columns.items(), self.values, strict=True):
            read = values[: self.row]
            found[name] = read
            if isinstance(column, Index):
                found[name] = Words(read.astype(np.int64), column.words)
        return found, self.places[: self.row]

    def records(self) -> Iterator[Record]:
        """The cells of the lines from here on, which are counted as they are taken."""

        def counted() -> Iterator[str]:
            for line in self.file:
                self.line += 1
                self.at += len(line.encode())
                yield line

        self.file.seek(self.at)
        return records(counted(), self.found.delimiter, self.line)

    def add_plain(self) -> None:
        """Adds rows as far as the kernel reads them."""
        delimiter, first = self.found.delimiter, self.row
        if self.found.width == 1 or not delimiter.isascii():
            return
        kinds = "".join(kind[0] for kind in self.kinds.values())
        columns = [self.columns.get(name) for name in self.kinds]
        self.at, self.row = text_rows.read(
            self.text, self.at, ord(delimiter), ord(self.found.decimal), kinds, columns,
            self.values, first,
        )  # fmt: skip
        end = self.line + self.row - first
        self.places[first : self.row] = np.arange(self.line, end)
        self.line = end

    def add_record(self) -> None:
        """Adds one row, cell by cell; DataError, which names its place, for what is wrong."""
        for line, cells in self.records():
            if len(cells) == self.found.width:
                self.values[:, self.row] = list(self.numbers(line, cells))
                self.places[self.row] = line
                self.row += 1
            elif not is_comment(cells, self.found.width):
                expected = f"{self.found.width} cells, as in the first line"
                place, hint = f"{self.source}: line {line}", "to correct the line, or to delete it"
                raise DataError(explain(place, expected, len(cells), hint))
            break

    def numbers(self, line: int, cells: list[str]) -> Iterator[float]:
        """The numbers in a row's cells, and the codes of its texts."""
        for name, cell in zip(self.kinds, cells, strict=True):
            if name in self.columns:
                try:
                    yield self.columns[name][cell]
                except KeyError:
                    place = f"{self.source}: line {line}, column {name!r}"
                    raise not_a_number(place, name, cell) from None


def tidy_with_comma(cell: str) -> str:
    """The cell with a decimal point for the file's decimal comma."""
    return with_point(cell.strip())


def not_a_number(place: str, name: str, cell: str) -> DataError:
    """The error for a text in a column of numbers."""
    hint = f"to correct it, to delete the line, --category {name!r} or --ignore {name!r}"
    if "," in cell:
        hint = "--decimal ',', or a point before decimals and nothing between thousands"
    return DataError(explain(place, "a number", shown(cell), hint))
