"""What the commands' options share: kinds of values, and options of several commands."""

import argparse
import codecs
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from .._kernels import set_num_threads
from ..errors import ArgumentError, explain
from ..tables.assembly import FILL, MISSING
from ..tools.disk import writable


class UsageError(Exception):
    """Options that contradict or need each other."""


def whole(least: int) -> Callable[[str], int]:
    """Reads a whole number, `least` or more."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {least} up, got {text!r}"
            )
        return value

    return read


def number(low: float, high: float = math.inf, *, above: bool = False) -> Callable[[str], float]:
    """Reads a number from `low` (or above it) to below `high`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not ((value > low if above else value >= low) and value < high):
            wanted = f"above {low:g}" if above else f"from {low:g} up"
            limit = f" and below {high:g}" if high < math.inf else ""
            raise argparse.ArgumentTypeError(f"expected a number {wanted}{limit}, got {text!r}")
        return value

    return read


def delimiter(text: str) -> str:
    """Reads the character that separates the cells of a CSV file."""
    character = {"tab": "\t", "\\t": "\t", "space": " "}.get(text, text)
    if len(character) != 1 or character in '"\r\n' or character.isalnum():
        expected = "a character such as ';', or tab, or space"
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
    return character


def encoding(text: str) -> str:
    """Reads the name of an encoding that Python knows."""
    try:
        return codecs.lookup(text).name
    except LookupError:
        expected = "an encoding such as utf-8 or latin-1"
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}") from None


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the model file that a command reads."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a file from train --save")


def add_data(
    parser: argparse.ArgumentParser, of_mnist: str, missing: Sequence[str] = MISSING
) -> None:
    """Adds the options for the source of the rows."""
    parser.add_argument(
        "--data", required=True, metavar="mnist|FILE",
        help="a text file with cells between commas, semicolons, tabs or spaces (or its .gz; - for "
        "stdin); a Parquet, Arrow or Excel file; an NPZ file of arrays, or a .npy file; mnist, "
        f"or a folder with MNIST's files: {of_mnist}",
    )  # fmt: skip
    parser.add_argument("--delimiter", type=delimiter, metavar="CHARACTER",
                        help="the separator of a text file's cells; tab for a tab, space for any "
                        "number of spaces (default: whichever splits all lines alike)")  # fmt: skip
    parser.add_argument("--header", action=argparse.BooleanOptionalAction,
                        help="whether the first line has the columns' names (default: as it "
                        "looks)")  # fmt: skip
    parser.add_argument("--encoding", type=encoding, metavar="NAME",
                        help="of a text file, such as latin-1 (default: UTF-8, or UTF-16 by its "
                        "mark)")  # fmt: skip
    parser.add_argument("--decimal", choices=[".", ","],
                        help="what stands before decimals (default: as it looks)")  # fmt: skip
    parser.add_argument("--missing", choices=missing, default=FILL,
                        help="what a missing input becomes: the mean or the most frequent text of "
                        "the training's rows, with a column that marks it; or its row is left out; "
                        "or an error (default: fill)")  # fmt: skip
    parser.add_argument(
        "--inputs", metavar="NAME", help="the array of inputs in an NPZ file (default: x)"
    )


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Adds the number of threads; results have the same bits for any number."""
    parser.add_argument("--threads", type=whole(1), metavar="N", help="default: one for each CPU")


def add_force(parser: argparse.ArgumentParser) -> None:
    """Adds the permission to replace files."""
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def threads(count: int | None) -> AbstractContextManager[None]:
    """Within the block this many threads; None leaves the number unchanged."""
    return nullcontext() if count is None else set_num_threads(count)


def check_output(path: Path, force: bool) -> None:
    """Refuses, before any work, an existing file, a missing folder, and a path that cannot be
    written to."""
    target = writable(path)
    if target.old is not None and not target.is_stream and not force:
        hint = "another name, or --force to replace it"
        raise ArgumentError(explain("output", "a new file", f"{path}, which exists", hint))
    if not target.path.parent.is_dir():
        raise ArgumentError(explain("output", "a file in an existing folder", str(path)))
