"""Charts as SVG, by matplotlib, in the colours of the page, light or dark as the reader's."""

import io
import math
from collections.abc import Callable, Sequence
from functools import partial
from textwrap import fill
from typing import Any

import numpy as np

from ..charts import Intervals, Lines, Panels, Row, Series
from .alternatives import alternative, number
from .inline import inline

WIDTH = 4.4  # inches of 72 points: narrower than a phone's page, where its text is not shrunk
INK, FAINT, CARD = "#010101", "#020202", "#030303"  # stand for the page's colours
HUES = [f"#0401{i:02x}" for i in range(8)]
VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", CARD: "var(--card)"} | {
    hue: f"var(--hue-{i})" for i, hue in enumerate(HUES)
}
DASHES: list[Any] = ["-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (7, 1.5, 1.5, 1.5))]
MARKERS = "osD^vPX*"
MARKED = 8  # markers on a line, about
THICK, THIN, LARGE, SMALL = 2.2, 1.2, 6.0, 3.5  # the first and the last of several series
FLAT = 5  # a panel whose values take less than a fifth of the others' scale has its own
STEPS = [1, 2, 2.5, 5, 10]  # between ticks, times powers of ten
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "minidl",
    "text.parse_math": False,
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.titlesize": 10,
    "figure.facecolor": "none",
    "font.size": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "lines.markersize": 4.5,
    "lines.linewidth": 1.4,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


def svg(chart: Lines | Panels | Intervals, name: str) -> str:
    """The chart as an <svg> element; all ids in it begin with `name`."""
    return drawn(partial(DRAW[type(chart)], chart=chart), name, alternative(chart))


def keys(chart: Lines | Panels | Intervals, name: str) -> list[tuple[str, str]]:
    """The legend: each series' label, and how it looks as an <svg> element. One series has none;
    intervals have what their dots say, where there is a reference."""
    if isinstance(chart, Intervals):
        said = {told: look for row in chart.rows for told, look in [against(chart, row)] if told}
        return [
            (told, drawn(partial(draw_dot, look=look), f"{name}-{i}"))
            for i, (told, look) in enumerate(said.items())
        ]
    found = looks(chart)
    if len(found) < 2:
        return []
    series = {one.label: one for one in all_series(chart)}
    return [
        (label, drawn(partial(draw_key, series=series[label], look=look), f"{name}-{i}"))
        for i, (label, look) in enumerate(found.items())
    ]


def drawn(draw: Callable[[Any], None], name: str, label: str = "") -> str:
    """The SVG of what `draw` draws on a figure."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]):
        figure = Figure(layout="constrained")
        draw(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return inline(file.getvalue(), name, VARIABLES, label)


def all_series(chart: Lines | Panels) -> list[Series]:
    """The series of all panels."""
    panels = chart.panels if isinstance(chart, Panels) else [chart]
    return [series for panel in panels for series in panel.series]


def looks(chart: Lines | Panels) -> dict[str, dict[str, Any]]:
    """The colour, dashes and marker of each series' label; series of one colour differ in both
    dashes and markers. Later ones are thinner, so that those below are seen where they meet."""
    labels = dict.fromkeys(series.label for series in all_series(chart))
    return {
        label: {
            "color": HUES[i % len(HUES)],
            "linestyle": DASHES[(i + i // len(HUES)) % len(DASHES)],
            "marker": MARKERS[(i + i // len(HUES)) % len(MARKERS)],
            "linewidth": THICK - (THICK - THIN) * i / max(1, len(labels) - 1),
            "markersize": LARGE - (LARGE - SMALL) * i / max(1, len(labels) - 1),
        }
        for i, label in enumerate(labels)
    }


def draw_lines(figure: Any, chart: Lines) -> None:
    """One picture."""
    figure.set_size_inches(WIDTH, 3.0)
    axes = figure.subplots()
    lines(axes, chart, looks(chart), 48, 20)
    ticks(axes, 6, whole_x(chart.series))


def draw_panels(figure: Any, chart: Panels) -> None:
    """Pictures side by side, two in a row."""
    columns = min(2, len(chart.panels))
    rows = -(-len(chart.panels) // columns)
    figure.set_size_inches(WIDTH, 0.5 + 1.7 * rows)
    same_y = chart.same_y and not flattens(chart.panels)
    grid = figure.subplots(
        rows, columns, squeeze=False, sharex=chart.same_x, sharey=same_y
    ).flat  # fmt: skip
    found = looks(chart)
    for i, (axes, panel) in enumerate(zip(grid, chart.panels, strict=False)):
        lines(axes, panel, found, 24, 15)
        axes.set_title(fill(panel.title, 24 if same_y else 21))
        if i + columns < len(chart.panels):
            axes.set_xlabel("")
        if i % columns:
            axes.set_ylabel("")
    for axes in grid[len(chart.panels) :]:
        axes.axis("off")
        grid[len(chart.panels) - columns].tick_params(labelbottom=True)
    for axes, panel in zip(grid, chart.panels, strict=False):
        ticks(axes, 4, whole_x(panel.series))


def flattens(panels: Sequence[Lines]) -> bool:
    """Whether a common scale would flatten one of the panels."""
    spans = []
    for panel in panels:
        y = np.concatenate([floats(series.y) for series in panel.series] or [floats([])])
        y = np.log(y[y > 0]) if panel.log_y else y[np.isfinite(y)]
        if len(y) and np.ptp(y) > 0:
            spans.append((y.min(), y.max()))
    low, high = min((a for a, _ in spans), default=0.0), max((b for _, b in spans), default=0.0)
    return any(FLAT * (b - a) < high - low for a, b in spans)


def lines(
    axes: Any, chart: Lines, found: dict[str, dict[str, Any]], width: int, height: int
) -> None:
    """The series and marks of one picture, which is so many letters wide and high."""
    if chart.log_x:
        axes.set_xscale("log")
    if chart.log_y:
        axes.set_yscale("log")
    for i, series in enumerate(chart.series):
        one_series(axes, series, found[series.label], i / len(chart.series), len(chart.series) == 1)
    box = {"facecolor": CARD, "edgecolor": "none", "alpha": 0.75, "pad": 1}
    for label, y in chart.marks.items():
        axes.axhline(y, color=INK, linewidth=0.9, linestyle=":")
        place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
        axes.annotate(fill(label, width), (1, y), bbox=box, **place)
    for label, x in chart.x_marks.items():
        axes.axvline(x, color=INK, linewidth=0.9, linestyle=":")
        place = {"xycoords": ("data", "axes fraction"), "ha": "right", "va": "top"}
        axes.annotate(fill(label, 24), (x, 1), rotation=90, bbox=box, **place)
    for y in chart.y_range or ():
        axes.axhline(y, linestyle="none")
    axes.set(xlabel=fill(chart.x_label, width), ylabel=fill(chart.y_label, height))


def one_series(axes: Any, series: Series, look: dict[str, Any], shift: float, alone: bool) -> None:
    """A line with its band, dots, or steps, which are filled if they are alone. Markers that are
    not at every point are shifted by a share of their distance, so that those of several lines are
    not in one place."""
    x, y = floats(series.x), floats(series.y)
    if axes.get_xscale() == "log":
        x[x <= 0] = math.nan
    if axes.get_yscale() == "log":
        y[y <= 0] = math.nan
    if series.style == "steps":
        edges = x if len(x) > len(y) else around(x)
        kind = {name: look[name] for name in ("color", "linestyle", "linewidth")}
        axes.stairs(y, edges, baseline=None, **kind)
        if alone:
            axes.stairs(y, edges, fill=True, color=look["color"], alpha=0.15)
        return
    every = max(1, -(-len(x) // MARKED))
    if series.style == "dots":
        look, every = look | {"linestyle": "none"}, 1
    axes.plot(x, y, markevery=(int(shift * every), every), **look)
    if series.low is not None and series.high is not None:
        low, high = floats(series.low), floats(series.high)
        axes.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def draw_key(figure: Any, series: Series, look: dict[str, Any]) -> None:
    """A line of the legend: a piece of the series."""
    from matplotlib.lines import Line2D

    figure.set(layout_engine="none", size_inches=(0.45, 0.17))
    changed = {"steps": {"marker": ""}, "dots": {"linestyle": "none"}}.get(series.style, {})
    figure.add_artist(Line2D([0, 0.5, 1], [0.5] * 3, markevery=[1], **look | changed))


def draw_intervals(figure: Any, chart: Intervals) -> None:
    """A row for each value, the first on top."""
    labels = [fill(row.label.replace(" %", "\u00a0%"), 28) for row in chart.rows]
    heights = [0.1 + 0.17 * (1 + label.count("\n")) for label in labels]
    figure.set_size_inches(WIDTH, 0.7 + sum(heights))
    axes = figure.subplots()
    if chart.log:
        axes.set_xscale("log")
    edges = np.cumsum([0.0, *heights])
    middles = (edges[1:] + edges[:-1]) / 2
    if chart.same:
        axes.axvspan(*chart.same, color=FAINT, alpha=0.4, linewidth=0)
    if chart.reference is not None:
        axes.axvline(chart.reference, color=INK, linewidth=0.9, linestyle=":")
    for row, y in zip(chart.rows, middles, strict=True):
        low, value, high = floats([row.low, row.value, row.high])
        axes.plot([low, high], [y, y], color=HUES[0], linewidth=4, alpha=0.4)
        axes.plot([value], [y], **against(chart, row)[1])
    axes.yaxis.set_ticks(middles, labels)
    axes.set_ylim(max(edges[-1], 0.1), 0)
    axes.set_xlabel(fill(chart.x_label, 28))
    axes.grid(axis="y", visible=False)
    ticks(axes, 5)


def against(chart: Intervals, row: Row) -> tuple[str, dict[str, Any]]:
    """What an interval says of the reference, and the look of its dot: full where it is beyond it,
    and beyond what counts as the same; hollow where it cannot tell; a square where it is within."""
    look = {"color": HUES[0], "marker": "o", "markersize": 5.5, "markeredgewidth": 1.4}
    if chart.reference is None or row.low is None or row.high is None:
        return "", look
    low, high = chart.same or (chart.reference, chart.reference)
    if row.low > high or row.high < low:
        return "differs", look
    if chart.same and low < row.low and row.high < high:
        return "the same, within the margin", look | {"marker": "s"}
    return "cannot be told", look | {"markerfacecolor": CARD}


def draw_dot(figure: Any, look: dict[str, Any]) -> None:
    """A line of the legend: the dot of an interval."""
    from matplotlib.lines import Line2D

    figure.set(layout_engine="none", size_inches=(0.45, 0.17))
    figure.add_artist(Line2D([0.5], [0.5], **look))


def floats(values: Sequence[float | None]) -> np.ndarray:
    """The values as an array, with NaN for None."""
    return np.array([math.nan if value is None else value for value in values], np.float64)


def whole_x(series: Sequence[Series]) -> bool:
    """Whether all x are whole, such as numbers of layers: then nothing lies between them."""
    return all(float(x).is_integer() for one in series for x in one.x)


def around(x: np.ndarray) -> np.ndarray:
    """Edges with each x between two of them."""
    inner = (x[1:] + x[:-1]) / 2
    first, last = (inner[0], inner[-1]) if len(inner) else (x[0] + 0.5, x[-1] - 0.5)
    return np.array([2 * x[0] - first, *inner, 2 * x[-1] - last])


def ticks(axes: Any, most: int, whole: bool = False) -> None:
    """At most `most` ticks on each axis, with plain numbers; on request whole ones on x."""
    from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

    ends = (*axes.get_xlim(), *axes.get_ylim())
    for axis, low, high in ((axes.xaxis, *ends[:2]), (axes.yaxis, *ends[2:])):
        if axis.get_scale() != "log":
            if not isinstance(axis.get_major_locator(), FixedLocator):
                axis.set_major_locator(
                    MaxNLocator(most, steps=STEPS, integer=whole and axis is axes.xaxis)
                )
            continue
        decades = math.log10(high / low)
        subs = (1.0,) if decades > 2 else (1.0, 2.0, 5.0)
        axis.set_major_locator(
            LogLocator(subs=subs, numticks=most)
            if decades > 0.9
            else MaxNLocator(most, steps=STEPS)
        )
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda value, _: number(value))


DRAW: dict[type, Any] = {Lines: draw_lines, Panels: draw_panels, Intervals: draw_intervals}
