"""Data from its name on the command line: a file, or MNIST."""

import argparse
from pathlib import Path

from ..data.mnist import FILES, mnist
from ..errors import ArgumentError, DataError, explain
from ..tables.assembly import Wishes
from ..tables.encoder import Encoder
from ..tables.file_kinds import NPZ, kind_of
from ..tables.layout import Layout
from ..tables.reading import read_file
from ..tables.table import Table

MNIST = "mnist"
LABEL = "digit"
NPZ_TARGET = "y"  # the name of the array
TABLES = (".csv", ".csv.gz", ".npz")  # suffixes of data files
OF_TEXT = (  # options for files with named columns
    "ignore", "category", "number", "id", "columns", "delimiter", "header", "encoding", "decimal",
)  # fmt: skip


def is_mnist(source: str) -> bool:
    """Whether the source is MNIST, by its name or as a folder; DataError for another folder."""
    if source == MNIST or not Path(source).is_dir():
        return source == MNIST
    if any(Path(source).glob("*-ubyte*")):
        return True
    names = ", ".join(file.name for file in FILES)
    expected = f"a CSV file, an NPZ file, or a folder with the files {names}"
    found = sorted(path for path in Path(source).iterdir() if path.name.endswith(TABLES))
    hint = f"--data {found[0] if found else MNIST}"
    raise DataError(explain(source, expected, "a folder without them", hint))


def is_npz(source: str) -> bool:
    """Whether the source is an NPZ file; DataError if it is no table at all."""
    return kind_of(Path(source)) == NPZ


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
    target = arguments.target or (NPZ_TARGET if is_npz(arguments.data) else None)
    wishes = Wishes(
        target, arguments.columns, arguments.category or (), arguments.number or (),
        arguments.ignore, arguments.id or (), arguments.missing,
    )  # fmt: skip
    return of_file(arguments, wishes)


def read_test(arguments: argparse.Namespace, encoder: Encoder, target: str | None) -> Table:
    """The rows to test a trained net with; of MNIST, the test images."""
    if is_mnist(arguments.data):
        return read_mnist(arguments.data)[1]
    wishes = Wishes(target, missing=arguments.missing).like(encoder)
    return of_file(arguments, wishes)


def of_file(arguments: argparse.Namespace, wishes: Wishes) -> Table:
    """The rows of a file."""
    source = arguments.data
    given = {f"--{name}": getattr(arguments, name, None) for name in OF_TEXT}
    if is_npz(source):
        refuse(source, "a file with named columns", given)
    else:
        refuse(source, "an NPZ file", {"--inputs": arguments.inputs})
    layout = Layout(arguments.delimiter, arguments.header, arguments.encoding, arguments.decimal)
    return read_file(Path(source), wishes, layout, arguments.inputs or "x")


def refuse(source: str, kind: str, options: dict[str, object]) -> None:
    """ArgumentError for options that are for files of another kind."""
    for option, value in options.items():
        if value is not None and value != []:
            raise ArgumentError(explain(option, kind, source))
