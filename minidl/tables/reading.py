"""`table`: a table from a file, a data frame, a dict of columns, or a pair of arrays."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from ..tools.checks import to_path
from .assembly import FILL, MISSING, Wishes, assembled
from .encoder import Encoder
from .file_kinds import FRAMES, NPY, NPZ, kind_of
from .frame_files import read_frame_file
from .frames import Frame, is_frame
from .layout import Layout
from .npz_file import numbers_of, read_npy, read_npz, texts
from .table import Table
from .text_file import TextFile


def table(
    source: Any, target: str | None = None, *, columns: Sequence[str] | None = None,
    category: Sequence[str] = (), number: Sequence[str] = (),
    ignore: Sequence[str] | None = None, id: Sequence[str] = (), missing: str = FILL,
    like: Encoder | None = None, delimiter: str | None = None, header: bool | None = None,
    encoding: str | None = None, decimal: str | None = None, inputs: str = "x",
) -> Table:  # fmt: skip
    """The rows of a table, with the kinds of its columns found.

    - source: the path of a text file (.csv, .tsv, also packed as .gz; "-" for stdin), of an NPZ
      file with the arrays `inputs` and `target`, of a .npy file (`target` is the path of the other
      one), of a Parquet, Arrow or Excel file (by pandas or polars); a data frame of pandas, polars
      or pyarrow; a dict of columns; or a pair of arrays (x, y)
    - target: the column to be predicted, by name or place (-1: the last); rows without it are left
      out
    - columns: those to learn from, by default all others
    - category, number: columns of which this is said; by default text and three to five whole
      numbers that occur ten times each are categories
    - ignore, id: columns to leave out. Columns without a name, constant ones, those that count
      the rows, those called an id, and text that is nearly all different are left out too, unless
      ignore=[]
    - missing: what a missing input (an empty cell, NA, N/A, nan, null, ?, -) becomes: "fill", by
      the `Encoder`; "drop", its row is left out; "error"
    - like: the encoder of a training, whose columns and kinds the table is to have
    - delimiter, header, encoding, decimal: how a text file is laid out; by default as it looks

    DataError, which names the file, the line and the column, for what cannot be read, and for what
    could be read in two ways.

    >>> found = table({"size": [50, 81, 66], "town": ["Ulm", "Ulm", "Bonn"], "y": [1, 0, 1]}, "y")
    >>> found.columns, list(found.categories), found.values
    (['size'], ['town'], ['1', '0', '1'])
    """
    if missing not in MISSING:
        raise ArgumentError(explain("table", f"missing: one of {MISSING}", repr(missing)))
    wishes = Wishes(target, columns, category, number, ignore, id, missing=missing)
    if like is not None:
        wishes = wishes.like(like)
    if isinstance(source, tuple) and len(source) == 2:
        return from_arrays(*source)
    if isinstance(source, Mapping) or is_frame(source):
        return assembled(Frame(source), wishes)
    layout = Layout(delimiter, header, encoding, decimal)
    return read_file(to_path("table", source), wishes, layout, inputs)


def read_file(path: Path, wishes: Wishes, layout: Layout, inputs: str) -> Table:
    """The rows of a file of any kind."""
    kind = kind_of(path)
    if kind == NPZ:
        return read_npz(path, inputs, wishes.target)
    if kind == NPY:
        return read_npy(path, wishes.target)
    if kind in FRAMES:
        return assembled(read_frame_file(path, kind), wishes)
    return assembled(TextFile(path, layout), wishes)


def from_arrays(x: Any, y: Any) -> Table:
    """A table without names."""
    numbers = numbers_of("table: x", np.asarray(x))
    values = texts("table: y", np.asarray(y), len(numbers))
    return Table("table", numbers, None, "y", values, "row", range(len(numbers)), "arrays x and y")
