"""The pictures and tables that an experiment can show, as data; `report/` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Series(NamedTuple):
    """A line. Where `low` and `high` are given, the band between them is an interval."""

    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    style: str = "line"  # "line", "dots" or "steps"


class Row(NamedTuple):
    """A value with its interval."""

    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Lines:
    """Lines over a common axis. `marks` are horizontal lines, by their label. The caption says
    what is to be seen, in a sentence or two."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    caption: str = ""
    log_x: bool = False
    log_y: bool = False
    marks: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Panels:
    """Small pictures that have the same axes and series, to be compared."""

    title: str
    panels: Sequence[Lines]
    caption: str = ""


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
    """Grey images, such as the weights of a neuron; 0 is in the middle between black and white."""

    title: str
    images: Sequence[tuple[str, Sequence[Sequence[float]]]]
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """Texts in rows and columns; all columns but the first are numbers."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


Chart = Lines | Panels | Intervals | Images | Table
