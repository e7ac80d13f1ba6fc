"""What the commands' options share: kinds of values, and options of several commands."""

import argparse
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from .._kernels import set_num_threads
from ..errors import ArgumentError, explain
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


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the model file that a command reads."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a file from train --save")


def add_data(parser: argparse.ArgumentParser, of_mnist: str) -> None:
    """Adds the options for the source of the rows."""
    parser.add_argument(
        "--data", required=True, metavar="mnist|FILE",
        help="a CSV file (or .csv.gz); an NPZ file of arrays; mnist, or a folder with MNIST's "
        f"files: {of_mnist}",
    )  # fmt: skip
    parser.add_argument("--delimiter", type=delimiter, metavar="CHARACTER",
                        help="the separator of a CSV file's cells; tab for a tab (default: comma, "
                        "semicolon, tab or |, whichever splits all lines alike)")  # fmt: skip
    parser.add_argument("--header", action=argparse.BooleanOptionalAction,
                        help="whether the first line has the columns' names (default: as it "
                        "looks)")  # fmt: skip
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
