"""What goes to a terminal: nothing that it obeys."""

from ..tools.tables import printable


def one_line(message: str) -> str:
    """A message of several lines on one."""
    return printable(" ".join(message.split()))


def counted(count: int, what: str) -> str:
    """So many of something.

    >>> counted(1, "row"), counted(60000, "row")
    ('1 row', '60,000 rows')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"
