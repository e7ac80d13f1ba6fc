"""The pictures: every ratio to a peer as a dot, with its range over the rounds as a line."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator
from outcome import Outcome, Spread, number
from rows.row import Row

from minidl.tools.disk import put_picture

# The rows that compare times with peers', in columns: what a user does, and what that consists of.
TASKS = (("epoch-2", "epoch-3", "step", "inference", "estimators"),)
PARTS = (("activations", "operations", "graph", "loop", "views"), ("products",))

# Okabe and Ito's colours, which colour-blind readers tell apart.
FASTER, EITHER, SLOWER = "#0072B2", "#999999", "#D55E00"
MEANING = {
    FASTER: "minidl is faster in every round",
    EITHER: "in some",
    SLOWER: "in none",
}


def draw(rows: Sequence[Row], outcomes: Sequence[Outcome], file: Path) -> None:
    """The tasks in `file`, and in a second picture beside it the parts."""
    titles = {row.name: row.title for row in rows}
    compared = [o for o in outcomes if o.what.endswith("/ minidl") and o.target is not None]
    for columns, path in ((TASKS, file), (PARTS, file.with_stem(f"{file.stem}-parts"))):
        drawn = [[o for o in compared if o.row in names] for names in columns]
        if any(drawn):
            draw_columns([column for column in drawn if column], titles, path)


def draw_columns(columns: Sequence[Sequence[Outcome]], titles: dict[str, str], file: Path) -> None:
    """A picture of some columns."""
    lines = max(len(column) + 2 * len({o.row for o in column}) for column in columns)
    figure = Figure(figsize=(8 * len(columns), 1.4 + 0.21 * lines), layout="constrained")
    for axis, column in zip(
        figure.subplots(1, len(columns), squeeze=False)[0], columns, strict=True
    ):
        draw_column(axis, column, titles)
    figure.suptitle("Peer's time / minidl's: the median of the rounds, and their range")
    handles = [
        Line2D([], [], color=colour, marker="o", label=meaning)
        for colour, meaning in MEANING.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    put_picture("picture", figure, file, dpi=110)


def draw_column(axis: Axes, outcomes: Sequence[Outcome], titles: dict[str, str]) -> None:
    """Outcomes below each other, each row under its title. Right of 1 minidl is faster."""
    place, row, places = 0.0, "", []
    right = axis.get_yaxis_transform()  # x as a fraction of the width, y as a place
    for outcome in outcomes:
        if outcome.row != row:
            row, place = outcome.row, place + 1.6
            axis.text(0, place, titles[row], transform=right, va="center", fontweight="bold")
        place += 1
        places.append(place)
        spread, colour = outcome.spread, colour_of(outcome.spread)
        axis.plot([spread.low, spread.high], [place, place], color=colour, linewidth=2)
        axis.plot(spread.median, place, "o", color=colour, markersize=6)
        axis.text(1.01, place, f"{number(spread.median)} ×", transform=right, va="center")
    axis.axvline(1, color="0.3", linewidth=1, zorder=0)
    axis.set_xscale("log", base=2)
    axis.set(ylim=(place + 1, 0.4))
    axis.text(1, 0.4, "minidl slower  ←   → faster", ha="center", va="bottom")
    axis.set_yticks(places, [outcome.what.removesuffix(" / minidl") for outcome in outcomes])
    axis.tick_params(axis="y", length=0)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.grid(axis="x", color="0.9")
    axis.spines[["top", "left", "right"]].set_visible(False)


def colour_of(spread: Spread) -> str:
    """What the rounds agree on."""
    return FASTER if spread.low > 1 else SLOWER if spread.high < 1 else EITHER
