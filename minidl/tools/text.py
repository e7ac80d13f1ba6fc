"""Text for a terminal."""

from ..tools.tables import printable


def one_line(message: str) -> str:
    """A message of several lines on one."""
    return printable(" ".join(message.split()))


def counted(count: int, what: str) -> str:
    """A number of things in words.

    >>> counted(1, "row"), counted(60000, "row")
    ('1 row', '60,000 rows')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"
