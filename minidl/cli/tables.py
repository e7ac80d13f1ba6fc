"""Data by its name on the command line: a CSV file, an NPZ file, MNIST."""

from collections.abc import Sequence
from pathlib import Path

from ..data.mnist import mnist
from ..errors import ArgumentError, explain
from .csv_file import read_csv
from .npz_file import read_npz
from .table import Table

MNIST = "mnist"
LABEL = "digit"


def is_mnist(source: str) -> bool:
    """Whether the source is MNIST, by its name or as a folder."""
    return source == MNIST or Path(source).is_dir()


def is_npz(source: str) -> bool:
    """Whether the source is an NPZ file, by its name."""
    return Path(source).suffix.lower() == ".npz"


def read_mnist(source: str) -> tuple[Table, Table]:
    """The images to train with and those to test with."""
    parts = mnist(None if source == MNIST else source)
    train, test = (
        Table(source, x, None, LABEL, [str(label) for label in y.tolist()], "image", range(len(x)))
        for x, y in parts
    )
    return train, test


def read_file(
    source: str,
    inputs: str | None,
    target: str | None,
    columns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
) -> Table:
    """The rows of a CSV file or an NPZ file; options that are the other's are refused."""
    if is_npz(source):
        if ignore:
            raise ArgumentError(explain("--ignore", "a CSV file", source))
        return read_npz(Path(source), inputs or "x", target)
    if inputs is not None:
        raise ArgumentError(explain("--inputs", "an NPZ file", source))
    return read_csv(Path(source), target, columns, ignore)


def read_test(
    source: str, inputs: str | None, target: str | None, columns: Sequence[str] | None
) -> Table:
    """The rows that a trained net is tried on: of MNIST, those to test with."""
    if is_mnist(source):
        return read_mnist(source)[1]
    return read_file(source, inputs, target, columns)
