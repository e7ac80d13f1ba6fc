"""Data from its name on the command line: a CSV file, an NPZ file, MNIST."""

from collections.abc import Sequence
from pathlib import Path

from ..data.mnist import FILES, mnist
from ..errors import ArgumentError, DataError, explain
from .csv_file import read_csv
from .csv_layout import AS_IT_LOOKS, Layout
from .file_kinds import NPZ, kind_of
from .npz_file import read_npz
from .row_numbers import without_row_numbers
from .table import Table

MNIST = "mnist"
LABEL = "digit"
TABLES = (".csv", ".csv.gz", ".npz")  # suffixes of data files


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
    """Whether the source is an NPZ file; DataError if it is neither that nor a CSV file."""
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


def read_file(
    source: str, inputs: str | None, target: str | None, columns: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None, layout: Layout = AS_IT_LOOKS,
) -> Table:  # fmt: skip
    """The rows of a CSV file or an NPZ file; options for the other kind are refused. Without
    `columns`, inputs that number the rows are left out, unless `ignore` is empty."""
    if is_npz(source):
        refuse(source, "a CSV file", {
            "--ignore": ignore or None, "--delimiter": layout.delimiter, "--header": layout.header,
        })  # fmt: skip
        return read_npz(Path(source), inputs or "x", target)
    refuse(source, "an NPZ file", {"--inputs": inputs})
    table = read_csv(Path(source), target, columns, ignore, layout)
    return table if columns is not None or ignore == [] else without_row_numbers(table)


def refuse(source: str, kind: str, options: dict[str, object]) -> None:
    """ArgumentError for options that are for files of another kind."""
    for option, value in options.items():
        if value is not None:
            raise ArgumentError(explain(option, kind, source))


def read_test(
    source: str, inputs: str | None, target: str | None, columns: Sequence[str] | None,
    layout: Layout = AS_IT_LOOKS,
) -> Table:  # fmt: skip
    """The rows to test a trained net with; of MNIST, the test images."""
    if is_mnist(source):
        return read_mnist(source)[1]
    return read_file(source, inputs, target, columns, [], layout)
