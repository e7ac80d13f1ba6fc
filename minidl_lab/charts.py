"""The pictures and tables of an experiment, as data; `report/` draws them.

None stands for a missing number, such as that of a net that diverged. On a logarithmic axis,
numbers that are not above 0 are left out, and an interval that begins there reaches the end of the
axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Numbers = Sequence[float | None]


class Series(NamedTuple):
    """A line, dots, or the steps of a histogram. With `low` and `high`, the band between them is an
    interval. Steps are around each x; or between them, with one x more than y, as np.histogram has
    its edges. Series with the same name look alike, in all panels."""

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
    """Lines over a common axis. `marks` are horizontal lines with labels, `x_marks` vertical ones;
    `y_range` is the least that the axis shows. The caption says what to see, in a sentence or
    two."""

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
    """Small pictures to compare, two in a row. They share axes and series, unless `same_x` or
    `same_y` is False, or the shared y would flatten one of them."""

    title: str
    panels: Sequence[Lines]
    caption: str = ""
    same_x: bool = True
    same_y: bool = True


@dataclass(frozen=True)
class Intervals:
    """Values with intervals, a row for each. `reference` is where there is no difference; what is
    between the two numbers in `same` is too small a difference to count."""

    title: str
    x_label: str
    rows: Sequence[Row]
    caption: str = ""
    reference: float | None = None
    log: bool = False
    same: tuple[float, float] | None = None


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
    """Numbers in rows and columns, such as one for each pair of digits, on a coloured background:
    one colour above `middle`, another below, fainter near it; full at the farthest number, or from
    `limit` away. `digits` are the decimals shown."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Numbers]
    caption: str = ""
    corner: str = ""  # what the rows and columns stand for
    middle: float = 0.0
    digits: int = 2
    limit: float | None = None


@dataclass(frozen=True)
class Table:
    """Texts in rows and columns; all columns but the first are numbers."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


Chart = Lines | Panels | Intervals | Images | Matrix | Table
