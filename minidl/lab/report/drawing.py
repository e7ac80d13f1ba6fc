"""Charts as SVG, by matplotlib, in the colours of the page: light or dark, as the reader has it.

matplotlib draws in colours that stand for the page's CSS variables, and these take their place in
the text of the SVG.
"""

import io
import re
from typing import Any

import numpy as np

from ..charts import Images, Intervals, Lines, Panels, Series

WIDTH = 4.6  # inches of 72 points: as wide as a phone's page, so that its text is not shrunk there
INK, FAINT, PAPER = "#010101", "#020202", "#030303"
HUES = [f"#0401{i:02x}" for i in range(8)]
VARIABLES = {INK: "--ink", FAINT: "--faint", PAPER: "--paper"} | {
    hue: f"--hue-{i}" for i, hue in enumerate(HUES)
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "minidl",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
}


def svg(chart: Lines | Panels | Intervals | Images) -> str:
    """The chart as an <svg> element."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(layout="constrained")
        DRAW[type(chart)](figure, chart)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return themed(file.getvalue(), chart.title)


def themed(text: str, title: str) -> str:
    """The <svg> element alone, as wide as its place, in the page's colours."""
    text = text[text.index("<svg") :]
    text = re.sub(
        r'width="[\d.]+pt" height="[\d.]+pt"', f'role="img" aria-label="{title}"', text, count=1
    )
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text


def draw_lines(figure: Any, chart: Lines) -> None:
    """One picture."""
    figure.set_size_inches(WIDTH, 3.0)
    axes = figure.subplots()
    lines(axes, chart)
    legend(figure, axes)


def draw_panels(figure: Any, chart: Panels) -> None:
    """Pictures side by side, two in a row."""
    columns = min(2, len(chart.panels))
    rows = -(-len(chart.panels) // columns)
    figure.set_size_inches(WIDTH, 0.5 + 1.8 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, panel in zip(grid.flat, chart.panels, strict=False):
        lines(axes, panel)
        axes.set_title(panel.title)
        axes.label_outer()
    for axes in grid.flat[len(chart.panels) :]:
        axes.axis("off")
    legend(figure, grid[0, 0])


def lines(axes: Any, chart: Lines) -> None:
    """The series of one picture."""
    if chart.log_x:
        axes.set_xscale("log")
    if chart.log_y:
        axes.set_yscale("log")
    for series, hue in zip(chart.series, HUES, strict=False):
        one_line(axes, series, hue)
    for label, height in chart.marks.items():
        axes.axhline(height, color=INK, linewidth=0.8, linestyle=":")
        axes.annotate(
            label, (1, height), xycoords=("axes fraction", "data"), ha="right", va="bottom"
        )
    axes.set(xlabel=chart.x_label, ylabel=chart.y_label)


def one_line(axes: Any, series: Series, hue: str) -> None:
    """A line with its band, or dots."""
    y = np.array([np.nan if v is None else v for v in series.y], np.float64)
    look = {"line": "-", "dots": "o", "steps": "-"}[series.style]
    kind = {"drawstyle": "steps-mid"} if series.style == "steps" else {}
    axes.plot(series.x, y, look, color=hue, label=series.label, linewidth=1.4, markersize=4, **kind)
    if series.low is not None and series.high is not None:
        axes.fill_between(series.x, series.low, series.high, color=hue, alpha=0.2, linewidth=0)


def legend(figure: Any, axes: Any) -> None:
    """Above the picture, if there is more than one series."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside upper left", ncols=3)


def draw_intervals(figure: Any, chart: Intervals) -> None:
    """A row for each value, the first on top."""
    figure.set_size_inches(WIDTH, 0.8 + 0.26 * len(chart.rows))
    axes = figure.subplots()
    if chart.log:
        axes.set_xscale("log")
    for i, row in enumerate(chart.rows):
        axes.plot([row.low, row.high], [i, i], color=HUES[0], linewidth=2.5, alpha=0.5)
        axes.plot([row.value], [i], "o", color=HUES[0], markersize=5)
    if chart.reference is not None:
        axes.axvline(chart.reference, color=INK, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(chart.rows)), [row.label for row in chart.rows])
    axes.set_ylim(len(chart.rows) - 0.5, -0.5)
    axes.set_xlabel(chart.x_label)
    axes.grid(axis="y", visible=False)


def draw_images(figure: Any, chart: Images) -> None:
    """Images in rows of four."""
    columns = min(4, len(chart.images))
    rows = -(-len(chart.images) // columns)
    figure.set_size_inches(WIDTH, 1.35 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, (label, pixels) in zip(grid.flat, chart.images, strict=False):
        top = float(np.abs(pixels).max()) or 1.0
        axes.imshow(np.asarray(pixels), cmap="RdBu", vmin=-top, vmax=top)
        axes.set_title(label)


DRAW: dict[type, Any] = {
    Lines: draw_lines,
    Panels: draw_panels,
    Intervals: draw_intervals,
    Images: draw_images,
}
