"""What goes to a terminal: aligned tables, and nothing that a terminal obeys."""

from collections.abc import Collection, Sequence


def printable(text: str) -> str:
    """The text with ? for control characters, which a name in a file may contain.

    >>> printable("red \\x1b[31m")
    'red ?[31m'
    """
    return "".join(c if c.isprintable() else "?" for c in text)


def one_line(message: str) -> str:
    """A message of several lines on one."""
    return printable(" ".join(message.split()))


def counted(count: int, what: str) -> str:
    """So many of something.

    >>> counted(1, "row"), counted(60000, "row")
    ('1 row', '60,000 rows')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Rows of cells as lines of columns; those numbered in `right` are flush right.

    >>> print(aligned([("layer", "parameters"), ("Dense", "12")], right=[1]))
    layer  parameters
    Dense          12
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)
