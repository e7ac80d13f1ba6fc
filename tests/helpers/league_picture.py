"""Draws docs/league.png, the rankings of the laboratory's experiment 'advice'."""

from pathlib import Path

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from minidl_lab.charts import Intervals

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "league.png"
STYLE = ROOT / "docs" / "pictures.mplstyle"
LEFT, RIGHT = 0.7, 6.5  # times ReLU's error; an interval that reaches further is cut there
TICKS = [0.7, 1, 1.5, 2, 3, 4, 6]
BETTER, WORSE, OPEN = "#0072B2", "#D55E00", "#777777"


def draw(charts: list[Intervals], path: Path = PICTURE) -> None:
    """A panel for each data set: errors in units of ReLU's with their intervals, the best on
    top."""
    with style.context(STYLE):
        figure = Figure(figsize=(9.5, 4.6), layout="constrained")
        for axis, chart in zip(
            figure.subplots(1, len(charts), squeeze=False)[0], charts, strict=True
        ):
            draw_panel(axis, chart)
        figure.savefig(path, dpi=130)


def draw_panel(axis: Axes, chart: Intervals) -> None:
    """One data set."""
    assert chart.same is not None
    axis.axvspan(*chart.same, color="0.93", linewidth=0)
    axis.axvline(1, color="0.5", linewidth=1)
    for height, row in enumerate(reversed(chart.rows)):
        assert None not in row[1:]
        colour = colour_of(row.low, row.high, chart.same)
        axis.plot([row.low, row.high], [height, height], color=colour, linewidth=2.5, alpha=0.5)
        axis.plot([row.value], [height], "o", color=colour,
                  markerfacecolor="white" if colour == OPEN else colour)  # fmt: skip
    axis.set_yticks(range(len(chart.rows)), [row.label for row in reversed(chart.rows)])
    axis.set(xscale="log", xlim=(LEFT, RIGHT), xlabel=chart.x_label)
    axis.set_title(chart.title.split(":")[0], loc="left")
    axis.set_xticks(TICKS)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.grid(visible=False, axis="y")


def colour_of(low: float, high: float, same: tuple[float, float]) -> str:
    """Whether the whole interval is beyond the margin."""
    if high < same[0]:
        return BETTER
    return WORSE if low > same[1] else OPEN
