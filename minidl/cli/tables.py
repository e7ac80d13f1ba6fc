"""Data from its name on the command line: a file, or MNIST."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..data.mnist import FILES, mnist
from ..errors import ArgumentError, DataError, explain
from ..tables.assembly import Wishes
from ..tables.encoder import Encoder
from ..tables.file_kinds import CSV, NPY, NPZ, kind_of
from ..tables.layout import Layout
from ..tables.reading import read_file
from ..tables.table import Table

MNIST = "mnist"
LABEL = "digit"
NPZ_TARGET = "y"  # the name of the array
TABLES = (".csv", ".csv.gz", ".npz", ".parquet", ".xlsx")  # suffixes of data files
OF_NAMES = (
    "ignore",
    "category",
    "number",
    "embed",
    "id",
    "columns",
    "keep",
    "weights",
)  # options for named columns
OF_TEXT = ("delimiter", "header", "encoding", "decimal")  # options for text files


def is_mnist(source: str) -> bool:
    """Whether the source is MNIST, by its name or as a folder; DataError for another folder."""
    if source == MNIST or not Path(source).is_dir():
        return source == MNIST
    if any(Path(source).glob("*-ubyte*")):
        return True
    names = ", ".join(file.name for file in FILES)
    expected = f"a file with a table, or a folder with the files {names}"
    found = sorted(path for path in Path(source).iterdir() if path.name.endswith(TABLES))
    hint = f"--data {found[0] if found else MNIST}"
    raise DataError(explain(source, expected, "a folder without them", hint))


def has_names(source: str) -> bool:
    """Whether a file's columns have names; DataError if it is no table at all."""
    return kind_of(Path(source)) not in (NPZ, NPY)


def read_mnist(source: str) -> tuple[Table, Table]:
    """The images for training and those for testing."""
    parts = mnist(None if source == MNIST else source)
    train, test = (
        Table(source, x, None, LABEL, [str(label) for label in y.tolist()], "image",
              range(len(x)), part)
        for part, (x, y) in zip(("those to train with", "those to test with"), parts, strict=True)
    )  # fmt: skip
    return train, test


def read(arguments: argparse.Namespace) -> Table:
    """The rows of the file to train with; options for files of another kind are refused."""
    is_npz = kind_of(Path(arguments.data)) == NPZ
    target = arguments.target or (NPZ_TARGET if is_npz else None)
    wishes = Wishes(
        target, arguments.columns, arguments.category or (), arguments.number or (),
        arguments.ignore, arguments.id or (), missing=arguments.missing,
        weights=arguments.weights,
    )  # fmt: skip
    return of_file(arguments, wishes)


def read_test(arguments: argparse.Namespace, encoder: Encoder, target: str | None) -> Table:
    """The rows to test a trained net with; of MNIST, the test images."""
    if is_mnist(arguments.data):
        return read_mnist(arguments.data)[1]
    keep = getattr(arguments, "keep", None) or ()
    wishes = Wishes(target, keep=keep, missing=arguments.missing).like(encoder)
    return of_file(arguments, wishes)


def of_file(arguments: argparse.Namespace, wishes: Wishes) -> Table:
    """The rows of a file."""
    source = arguments.data
    kind = kind_of(Path(source))
    if kind in (NPZ, NPY):
        refuse(source, "a file with named columns", OF_NAMES, arguments)
    if kind != CSV:
        refuse(source, "a text file", OF_TEXT, arguments)
    if kind != NPZ:
        refuse(source, "an NPZ file", ["inputs"], arguments)
    layout = Layout(arguments.delimiter, arguments.header, arguments.encoding, arguments.decimal)
    return read_file(Path(source), wishes, layout, arguments.inputs or "x")


def refuse(source: str, kind: str, options: Sequence[str], arguments: argparse.Namespace) -> None:
    """ArgumentError for options that are for files of another kind."""
    for name in options:
        if getattr(arguments, name, None) not in (None, []):
            raise ArgumentError(explain(f"--{name}", kind, source))
