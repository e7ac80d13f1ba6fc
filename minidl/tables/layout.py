"""The layout of a text file: its encoding, what separates its cells, whether its first line has
names, and whether numbers have a decimal comma.

It is found from the first lines. If these can be read in two ways, minidl asks, and does not guess.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise, zip_longest
from pathlib import Path
from typing import NamedTuple, TextIO

from ..errors import DataError, explain, some
from .cells import are_numbers, exact, has_decimal_comma, is_missing, is_number, with_point
from .file_kinds import CHUNK, UTF16

DELIMITERS = ",;\t|"
BLANKS = " "  # as a delimiter: any number of spaces and tabs
COMMENT = "#"
APOSTROPHES = re.compile("'[^']+'")  # around names, as some programs write them for quotes
SEPARATOR = re.compile(r"sep=(.)\s*")  # the first line of some of Excel's files
SAMPLE = 200  # lines from which the layout is found
MANY = 8  # rows that show what numbers a column has

Record = tuple[int, list[str]]


class Layout(NamedTuple):
    """What the user says about a text file; None: to be found."""

    delimiter: str | None = None
    header: bool | None = None  # whether the first line has the columns' names
    encoding: str | None = None
    decimal: str | None = None  # "." or ","


AS_IT_LOOKS = Layout()


class Found(NamedTuple):
    """How a text file is read."""

    delimiter: str
    decimal: str
    names: list[str] | None  # None: there are none, the first line is a row
    line: int  # where the names are
    width: int  # cells in each line
    rows: list[list[str]]  # the cells of the first rows

    def __str__(self) -> str:
        between = "spaces" if self.delimiter == BLANKS else repr(self.delimiter)
        comma = "decimal commas (--decimal), " if self.decimal == "," else ""
        names = "no names" if self.names is None else f"names in line {self.line}"
        return f"cells between {between} (--delimiter), {comma}{names} (--header)"


def encoding_of(content: bytes, said: str | None) -> str:
    """The encoding of a text: as said, else by the mark at its beginning, else UTF-8."""
    if said is not None and codecs.lookup(said).name != "utf-8":
        return said
    return "utf-16" if content.startswith(UTF16) else "utf-8-sig"


def utf8(content: bytes, encoding: str) -> bytes:
    """A text in UTF-8, without a mark, and with a line end at its end."""
    decoder = codecs.getincrementaldecoder(encoding)()
    text = io.BytesIO()
    for i in range(0, len(content), CHUNK):
        text.write(decoder.decode(content[i : i + CHUNK]).encode())
    text.write(f"{decoder.decode(b'', final=True)}\n".encode())
    return text.getvalue()


def records(lines: Iterable[str], delimiter: str, first: int = 1) -> Iterator[Record]:
    """Lines as stripped cells, without blank lines; each with the number of the line that it begins
    on. The first line has the number `first`."""
    if delimiter == BLANKS:
        lines = (blanked(line) for line in lines)
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    line = first
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if len(stripped) > 1 or any(stripped):
            yield line, stripped
        line = first + reader.line_num


def blanked(line: str) -> str:
    """A line with spaces for the tabs between cells, and none at its ends."""
    return (line if '"' in line else line.replace("\t", " ")).strip(" \t\r\n") + "\n"


def is_comment(cells: Sequence[str], width: int) -> bool:
    """Whether these cells are a comment: they begin with # and are not as many as in a row."""
    return len(cells) != width and cells[0].startswith(COMMENT)


def layout_of(path: Path, file: TextIO, said: Layout) -> Found:
    """The layout of a file: as said, else as found."""
    delimiter = said.delimiter or separator_in(file) or delimiter_of(path, file)
    sample = sample_of(file, delimiter)
    if not sample:
        raise DataError(explain(str(path), "lines of cells", "an empty file", "another file"))
    line, first = sample[0]
    rows = [cells for _, cells in sample[1:]]
    width = width_of(sample)
    decimal = said.decimal or decimal_of([first, *rows])
    points = [[with_point(c) for c in row] if decimal == "," else row for row in (first, *rows)]
    is_short = len(first) < width  # as R's write.table leaves out the name of the row names
    header = said.header
    if header is None:
        header = is_short or has_names(path, points[0], points[1:])
    if not header:
        return Found(delimiter, decimal, None, line, width, points)
    if first[0].startswith(COMMENT):
        first = [first[0].removeprefix(COMMENT).strip(), *first[1:]]
    if all(APOSTROPHES.fullmatch(cell) for cell in first):
        first = [cell[1:-1] for cell in first]
    names = [*[""] * is_short, *first]
    return Found(delimiter, decimal, names, line, width, points[1:])


def sample_of(file: TextIO, delimiter: str) -> list[Record]:
    """The first lines, without comments."""
    begin = 2 if separator_in(file) else 1
    if begin == 1:
        file.seek(0)
    lines = list(islice(records(file, delimiter, begin), SAMPLE))
    width = width_of([line for line in lines if not line[1][0].startswith(COMMENT)] or lines)
    return [(number, cells) for number, cells in lines if not is_comment(cells, width)]


def separator_in(file: TextIO) -> str:
    """The separator that the first line says, which is read then; or nothing."""
    file.seek(0)
    match = SEPARATOR.fullmatch(file.readline(9))
    return match[1] if match else ""


def width_of(lines: Sequence[Record]) -> int:
    """The number of cells in a row: as in the first line; one more, if all others have that, and
    have different texts or numbers in the first and something in the last cell."""
    if not lines:
        return 0
    first, *rows = (cells for _, cells in lines)
    width = len(first) + 1
    is_short = bool(rows) and all(len(row) == width for row in rows)
    if is_short and len({row[0] for row in rows}) == len(rows) and any(row[-1] for row in rows):
        return width
    return len(first)


def delimiter_of(path: Path, file: TextIO) -> str:
    """The delimiter that splits all lines into the same number of cells, two or more; of several
    one that does so with the first line too, then the one between whose cells there are only
    numbers; DataError if that does not tell. Spaces
    separate cells only if nothing else does. If no delimiter splits all lines alike, the one that
    splits most lines like the first."""
    shares, with_numbers, short = {}, [], set()
    for delimiter in [*DELIMITERS, BLANKS]:
        try:
            sample = sample_of(file, delimiter)
        except csv.Error:  # with this delimiter the quotes make no sense
            continue
        width = width_of(sample)
        if width < 2:
            continue
        rows = [cells for _, cells in sample]
        if len(rows[0]) < width:
            short.add(delimiter)
        shares[delimiter] = sum(len(r) == width for r in rows[1:]) + 1, len(rows)
        if all(are_numbers(map(with_point, row)) for row in rows[1:]):
            with_numbers.append(delimiter)
    whole = [delimiter for delimiter, (alike, rows) in shares.items() if alike == rows]
    whole = [delimiter for delimiter in whole if delimiter not in short] or whole
    if len(whole) > 1 and whole[-1] == BLANKS:
        whole.pop()
    numeric = [delimiter for delimiter in whole if delimiter in with_numbers]
    if len(whole) > 1 and len(numeric) == 1:
        return numeric[0]
    if len(whole) > 1:
        got = f"lines that {' and '.join(map(repr, whole))} split alike"
        hint = f"--delimiter {whole[-1]!r}, or the other"
        raise DataError(explain(str(path), "one separator between cells", got, hint))
    if whole:
        return whole[0]
    shares.pop(BLANKS, None)
    return max(shares, key=lambda d: shares[d][0] / shares[d][1], default=DELIMITERS[0])


def decimal_of(rows: Sequence[Sequence[str]]) -> str:
    """A comma, if the numbers of a column have decimal commas, and no number has a point."""
    columns = [
        [c for c in column if not is_missing(c)] for column in zip_longest(*rows, fillvalue="")
    ]
    texts = [cell for column in columns for cell in column]
    if any("." in cell and is_number(cell) for cell in texts):
        return "."
    for column in columns:
        below = column[1:]  # the first may be a name
        if any(map(has_decimal_comma, below)) and are_numbers(map(with_point, below)):
            return ","
    return "."


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
