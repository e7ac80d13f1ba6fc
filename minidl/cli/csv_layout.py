"""The layout of a CSV file: what separates its cells, and whether its first line has names.

Both are found from the first lines. If these can be read in two ways, minidl asks, and does not
guess.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple, TextIO

from ..errors import DataError, explain, some
from .cells import exact, is_missing, is_number

DELIMITERS = ",;\t|"
SAMPLE = 200  # lines from which the layout is found
MANY = 8  # rows that show what numbers a column has


class Layout(NamedTuple):
    """What the command line says about a CSV file; None: to be found."""

    delimiter: str | None = None
    header: bool | None = None  # whether the first line has the columns' names


AS_IT_LOOKS = Layout()


def records(file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a file from its beginning, without blank ones, as stripped cells; each with the
    number of the line that it begins on."""
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
    line = 1
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if len(stripped) > 1 or any(stripped):
            yield line, stripped
        line = reader.line_num + 1


def layout_of(path: Path, file: TextIO, said: Layout) -> tuple[str, bool]:
    """The delimiter, and whether the first line has names: as given, else as found."""
    delimiter = said.delimiter or delimiter_of(path, file)
    if said.header is not None:
        return delimiter, said.header
    first, *rows = sample(file, delimiter) or [[]]
    return delimiter, has_names(path, first, rows)


def sample(file: TextIO, delimiter: str) -> list[list[str]]:
    """The cells of the first lines."""
    return [cells for _, cells in islice(records(file, delimiter), SAMPLE)]


def delimiter_of(path: Path, file: TextIO) -> str:
    """The delimiter that splits all lines into the same number of cells, two or more. If none does,
    the one that splits most lines like the first; DataError if several do."""
    agreeing = {}
    for delimiter in DELIMITERS:
        try:
            counts = [len(cells) for cells in sample(file, delimiter)]
        except csv.Error:  # with this delimiter the quotes make no sense
            continue
        if counts and counts[0] > 1:
            agreeing[delimiter] = counts.count(counts[0]) / len(counts)
    whole = [delimiter for delimiter, share in agreeing.items() if share == 1]
    if len(whole) > 1:
        got = f"lines that {' and '.join(map(repr, whole))} split alike"
        hint = f"--delimiter {whole[-1]!r}, or the other"
        raise DataError(explain(str(path), "one separator between cells", got, hint))
    return max(agreeing, key=agreeing.__getitem__, default=DELIMITERS[0])


def has_names(path: Path, first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names the columns.

    It does if none of its cells is a number, or if a text stands above numbers: in one column, if
    its numbers look like names, else in two. It is a row if one of its texts occurs again below, or
    if all its cells are numbers that do not look like names. DataError in all other cases.
    """
    numbers = [i for i, cell in enumerate(first) if is_number(cell)]
    texts = [i for i, cell in enumerate(first) if not is_number(cell)]
    if not numbers:
        return True
    below = [[row[i] for row in rows if i < len(row)] for i in range(len(first))]
    if any(first[i] in below[i] and not is_missing(first[i]) for i in texts):
        return False
    look_like_names = may_be_names([exact(first[i]) for i in numbers], [below[i] for i in numbers])
    if not texts and not look_like_names:
        return False
    if sum(are_numbers(below[i]) and not is_missing(first[i]) for i in texts) + look_like_names > 1:
        return True
    expected = "a first line of names, or one of values"
    got = f"{some(list(first))}, which may be either"
    raise DataError(explain(str(path), expected, got, "--header, or --no-header"))


def are_numbers(cells: Iterable[str]) -> bool:
    """Whether there are numbers, and otherwise only missing values."""
    given = [cell for cell in cells if not is_missing(cell)]
    return bool(given) and all(map(is_number, given))


def may_be_names(numbers: Sequence[int | float], below: Sequence[Sequence[str]]) -> bool:
    """Whether numbers look like names, as years do: three or more that rise in equal steps, or
    numbers far from all those below them."""
    steps = {b - a for a, b in pairwise(numbers)}
    if len(numbers) > 2 and len(steps) == 1 and min(steps) > 0:
        return True
    return all(map(is_far, numbers, below))


def is_far(number: int | float, cells: Sequence[str]) -> bool:
    """Whether a number is further from many others than these are from each other."""
    others = [exact(cell) for cell in cells if is_number(cell)]
    if len(others) < MANY:
        return False
    low, high = min(others), max(others)
    return not 2 * low - high <= number <= 2 * high - low
