"""The picture: every ratio to a peer as a dot, from the smallest to the largest round a line."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from outcome import Outcome
from rows.row import Row

from minidl.tools.disk import put_picture

MET, MISSED = "#1b7837", "#b2182b"
# The rows that compare times with peers', in columns of about the same length.
COLUMNS = (
    ("epoch-2", "epoch-3", "step", "inference", "estimators", "operations", "graph", "loop",
     "views"),
    ("activations",),
    ("products",),
)  # fmt: skip


def draw(rows: Sequence[Row], outcomes: Sequence[Outcome], file: Path) -> None:
    """Dots right of 1: minidl is faster."""
    compared = [o for o in outcomes if o.what.endswith("/ minidl") and o.target is not None]
    columns = [[o for o in compared if o.row in names] for names in COLUMNS]
    columns = [column for column in columns if column]
    if not columns:
        return
    titles = {row.name: row.title for row in rows}
    height = 1.6 + 0.17 * max(len(column) + 2 * len({o.row for o in column}) for column in columns)
    figure, axes = plt.subplots(
        1, len(columns), figsize=(6.4 * len(columns), height), squeeze=False, layout="constrained"
    )
    for plot, column in zip(axes[0], columns, strict=True):
        draw_column(plot, column, titles)
    figure.suptitle("How many times as fast as its peers minidl is (peer's time / minidl's)")
    put_picture("picture", figure, file, dpi=110)
    plt.close(figure)


def draw_column(plot: plt.Axes, outcomes: Sequence[Outcome], titles: dict[str, str]) -> None:
    labels, places, place, row = [], [], 0.0, ""
    for outcome in outcomes:
        if outcome.row != row:
            row, place = outcome.row, place + 1
            labels.append(titles[row])
            places.append(place)
        place += 1
        labels.append(outcome.what.removesuffix(" / minidl"))
        places.append(place)
        colour, spread = MET if outcome.met else MISSED, outcome.spread
        plot.plot([spread.low, spread.high], [place, place], color=colour, linewidth=1.2)
        plot.plot(spread.median, place, "o", color=colour, markersize=4)
    plot.axvline(1, color="0.5", linewidth=0.8)
    plot.set_xscale("log", base=2)
    plot.set(xlabel="slower  ←  1  →  faster", ylim=(place + 1, 0))
    plot.set_yticks(places, labels, fontsize=7)
    for label in plot.get_yticklabels():
        if label.get_text() in titles.values():
            label.set_fontweight("bold")
    plot.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    plot.grid(axis="x", which="both", alpha=0.2)
