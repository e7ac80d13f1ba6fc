"""What is seen on a picture, in words and numbers, for readers who do not see it."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..charts import Intervals, Lines, Panels, Series


def alternative(chart: Lines | Panels | Intervals) -> str:
    """The title, and what each series, panel or row shows."""
    if isinstance(chart, Panels):
        told = " ".join(f"{panel.title}: {lines(panel)}" for panel in chart.panels)
    elif isinstance(chart, Lines):
        told = lines(chart)
    else:
        told = intervals(chart)
    return f"{chart.title}. {told}".strip()


def lines(chart: Lines) -> str:
    """The axes, the course of each series, and the marks.

    >>> lines(Lines("", "epoch", "error", [Series("relu", [1, 2, 3], [0.5, 0.1, 0.2])]))
    'error by epoch. relu: from 0.5 at 1 to 0.2 at 3, least 0.1 at 2.'
    """
    marks = [f"{name}: {number(at)}" for name, at in {**chart.marks, **chart.x_marks}.items()]
    told = [*map(course, chart.series), *([f"marked: {', '.join(marks)}"] if marks else [])]
    return f"{chart.y_label} by {chart.x_label}. {'; '.join(told) or 'Nothing'}."


def course(series: Series) -> str:
    """Where a series begins and ends, and its extremes between; of dots and steps, its range."""
    x = middles(series.x) if len(series.x) > len(series.y) else series.x
    known = [(float(a), float(b)) for a, b in zip(x, series.y, strict=True) if b is not None]
    if not known:
        return f"{series.label}: none"
    low, high = (pick(known, key=lambda point: point[1]) for pick in (min, max))
    if series.style != "line":
        return f"{series.label}: from {point(low)} to {point(high)}"
    told = f"{series.label}: from {point(known[0])} to {point(known[-1])}"
    ends = known[0][1], known[-1][1]
    extremes = [("least", low, min(ends)), ("most", high, max(ends))]
    return ", ".join(
        [told, *[f"{name} {point(one)}" for name, one, end in extremes if one[1] != end]]
    )


def point(point: tuple[float, float]) -> str:
    """A value and its place."""
    x, y = point
    return f"{number(float(f'{y:.3g}'))} at {number(float(f'{x:.3g}'))}"


def middles(edges: Sequence[float]) -> list[float]:
    """The middles between edges."""
    return [(a + b) / 2 for a, b in pairwise(edges)]


def intervals(chart: Intervals) -> str:
    """Each row's value with its interval.

    >>> from minidl_lab.charts import Row
    >>> intervals(Intervals("", "times", [Row("a", 2.0, 1.5, 3.0), Row("b", None, None, None)]))
    'times. a: 2 (1.5 to 3); b: none.'
    """
    shown = [
        [None if one is None else number(float(f"{one:.3g}")) for one in row[1:]]
        for row in chart.rows
    ]
    told = [
        f"{row.label}: {value} ({low} to {high})" if value else f"{row.label}: none"
        for row, (value, low, high) in zip(chart.rows, shown, strict=True)
    ]
    return f"{chart.x_label}. {'; '.join(told) or 'Nothing'}."


def pixels(label: str, image: Sequence[Sequence[float]]) -> str:
    """An image's size, and where its largest and smallest numbers are.

    >>> pixels("a", [[0.0, 2.0], [-1.0, 0.0]])
    'a: 2 by 2 pixels; most 2 in row 1, column 2; least −1 in row 2, column 1'
    """
    x = np.array(image, np.float64)
    told = [f"{label}: {x.shape[0]} by {x.shape[1]} pixels"]
    for name, at in (("most", x.argmax()), ("least", x.argmin())):
        row, column = np.unravel_index(at, x.shape)
        value = number(float(f"{x[row, column]:.3g}"))
        told.append(f"{name} {value} in row {row + 1}, column {column + 1}")
    return "; ".join(told)


def number(value: float) -> str:
    """A number in few characters.

    >>> number(0.25), number(3e-7), number(100000)
    ('0.25', '3·10⁻⁷', '10⁵')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.5g}".replace("-", "−")
    digits, exponent = f"{value:.2e}".split("e")
    power = "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    digits = digits.rstrip("0").rstrip(".")
    return power if digits == "1" else f"{digits.replace('-', '−')}·{power}"
