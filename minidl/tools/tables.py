"""Tables: rows of cells as aligned lines for a terminal, and as HTML for a notebook."""

from collections.abc import Collection, Sequence
from html import escape

Rows = Sequence[Sequence[str]]


def printable(text: str) -> str:
    """The text with ? for control characters, which a name in a file may contain.

    >>> printable("red \\x1b[31m")
    'red ?[31m'
    """
    return "".join(c if c.isprintable() else "?" for c in text)


def aligned(rows: Rows, right: Collection[int] = ()) -> str:
    """Rows of cells as lines of columns; the columns numbered in `right` are right-aligned.

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


def html(rows: Rows, right: Collection[int] = ()) -> str:
    """The same as an HTML table with the first row as heading; a cell's leading spaces stay.

    >>> print(html([("layer",), ("  <Dense>",)]))
    <table>
    <tr><th style="text-align:left">layer</th></tr>
    <tr><td style="text-align:left">&#160;&#160;&lt;Dense&gt;</td></tr>
    </table>
    """
    lines = ["<table>"]
    for number, row in enumerate(rows):
        tag = "td" if number else "th"
        sides = ["right" if i in right else "left" for i in range(len(row))]
        cells = [
            f'<{tag} style="text-align:{side}">{spaced(cell)}</{tag}>'
            for side, cell in zip(sides, row, strict=True)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table>"])


def spaced(cell: str) -> str:
    """The cell's text as HTML, its leading spaces kept."""
    text = printable(cell)
    indent = len(text) - len(text.lstrip(" "))
    return "&#160;" * indent + escape(text[indent:])


def preformatted(text: str) -> str:
    """A text as HTML that keeps its lines.

    >>> preformatted("a < b")
    '<pre>a &lt; b</pre>'
    """
    return f"<pre>{escape(text)}</pre>"
