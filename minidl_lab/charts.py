"""The pictures and tables that an experiment can show, as data; `report/` draws them.

None stands for a number that there is not, such as that of a net which diverged. On a logarithmic
axis what is not above 0 is left out, and an interval that begins there reaches the axis's end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Numbers = Sequence[float | None]


class Series(NamedTuple):
    """A line, dots, or the steps of a histogram. Where `low` and `high` are given, the band between
    them is an interval. Steps are around each x, or, with one x more than y, between them: as
    np.histogram has its edges. Series of one name look alike, in all panels too."""

    label: str
    x: Sequence[float]
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    style: str = "line"  # "line", "dots" or "steps"


class Row(NamedTuple):
    """A value with its interval."""

    label: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Lines:
    """Lines over a common axis. `marks` are horizontal lines by their label, `x_marks` vertical
    ones; `y_range` is what the axis shows at least. The caption says what is to be seen, in a
    sentence or two."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    caption: str = ""
    log_x: bool = False
    log_y: bool = False
    marks: dict[str, float] = field(default_factory=dict)
    x_marks: dict[str, float] = field(default_factory=dict)
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Panels:
    """Small pictures to be compared, two in a row. They have the same axes and series, unless
    `same_x` or `same_y` says that each has its own axis."""

    title: str
    panels: Sequence[Lines]
    caption: str = ""
    same_x: bool = True
    same_y: bool = True


@dataclass(frozen=True)
class Intervals:
    """Values with intervals, a row for each. `reference` is where there is no difference."""

    title: str
    x_label: str
    rows: Sequence[Row]
    caption: str = ""
    reference: float | None = None
    log: bool = False


@dataclass(frozen=True)
class Images:
    """Small images, such as the weights of a neuron: one colour above 0, another below, none at 0.
    Colours are full at ±`limit`, or in each image at its own largest number."""

    title: str
    images: Sequence[tuple[str, Sequence[Sequence[float]]]]
    caption: str = ""
    limit: float | None = None


@dataclass(frozen=True)
class Matrix:
    """Numbers in rows and columns, such as one for each pair of digits, with a colour behind: one
    for what is above `middle`, another for what is below, the fainter the nearer. `digits` are
    shown after the point."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Numbers]
    caption: str = ""
    corner: str = ""  # what the names of rows and columns are
    middle: float = 0.0
    digits: int = 2


@dataclass(frozen=True)
class Table:
    """Texts in rows and columns; all columns but the first are numbers."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


Chart = Lines | Panels | Intervals | Images | Matrix | Table
