"""Draws the results of compare_activations.py: train loss and test error by epoch.

python examples/curves.py results/results.json curves.png
"""

import json
import sys
from itertools import cycle, groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

# Okabe and Ito's colours, each with its own dash and marker, so that two lines on top of each other
# still look like two.
LOOKS = [
    ("#E69F00", "-", "s"),
    ("#0072B2", "--", "D"),
    ("#000000", "-", "o"),
    ("#D55E00", (0, (3, 3)), "x"),
    ("#CC79A7", "-.", "^"),
    ("#009E73", (0, (6, 1.5)), "v"),
]
PANELS = {  # with the ticks of each power of ten
    "train_loss": ("train loss", (1, 2, 5)),
    "test_error": ("test error, %", (1, 1.5, 2, 3, 5, 7)),
}
GAP = 0.06  # between two names at the lines' ends, as a fraction of the height


def of_each_net(trainings: list[dict]) -> list[list[dict]]:
    """The trainings of each net with each activation, all seeds together, in their first order."""
    nets, names = ([*dict.fromkeys(t[what] for t in trainings)] for what in ("net", "activation"))

    def order(training: dict) -> tuple[int, int]:
        return nets.index(training["net"]), names.index(training["activation"])

    return [list(seeds) for _, seeds in groupby(sorted(trainings, key=order), order)]


def draw(trainings: list[dict], file: Path) -> None:
    """A row for each net: the seeds' median as a line, their range as a band."""
    nets = [list(group) for _, group in groupby(of_each_net(trainings), lambda s: s[0]["net"])]
    figure = Figure(figsize=(10, 3.9 * len(nets)), layout="constrained")
    axes = figure.subplots(len(nets), len(PANELS), squeeze=False, sharey="col")
    for row, net in zip(axes, nets, strict=True):
        for axis, what in zip(row, PANELS, strict=True):
            draw_lines(axis, net, what)
    for row, net in zip(axes, nets, strict=True):  # when the frames are final
        for axis, what in zip(row, PANELS, strict=True):
            name_ends(axis, net, what)
    seeds = len(nets[0][0])
    if seeds > 1:
        figure.suptitle(f"Lines: medians of {seeds} seeds. Bands: from the least to the greatest.")
    figure.savefig(file, dpi=130)


def draw_lines(axis: Axes, net: list[list[dict]], what: str) -> None:
    """One measure by epoch, for each activation of a net."""
    for seeds, (colour, dash, marker) in zip(net, cycle(LOOKS), strict=False):
        values = np.array([training[what] for training in seeds])
        epochs = np.arange(1, values.shape[1] + 1)
        axis.fill_between(
            epochs, values.min(0), values.max(0), color=colour, alpha=0.2, linewidth=0
        )
        axis.plot(epochs, np.median(values, axis=0), color=colour, linestyle=dash, marker=marker,
                  linewidth=1.5, markersize=5, markerfacecolor="white")  # fmt: skip
    title, ticks = PANELS[what]
    axis.set_title(f"{net[0][0]['net']}: {title}", loc="left", fontsize=11)
    axis.set(xlabel="epoch", yscale="log")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.yaxis.set_major_locator(LogLocator(subs=ticks))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.grid(color="0.9")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def name_ends(axis: Axes, net: list[list[dict]], what: str) -> None:
    """Each line's name beside its end."""
    ends = sorted(
        (
            float(np.median([training[what][-1] for training in seeds])),
            seeds[0]["activation"],
            look[0],
        )
        for seeds, look in zip(net, cycle(LOOKS), strict=False)
    )
    bottom, top = np.log(axis.get_ylim())
    places = apart((np.log([end for end, *_ in ends]) - bottom) / (top - bottom))
    for place, (end, name, colour) in zip(places, ends, strict=True):
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 4}
        axis.annotate(name, (len(net[0][0][what]), end), (1.03, place), color=colour, va="center",
                      textcoords="axes fraction", arrowprops=line)  # fmt: skip


def apart(heights: np.ndarray) -> list[float]:
    """The places nearest to these rising heights that are GAP apart or more: isotonic regression,
    by its formula of the greatest least mean."""
    count = len(heights)
    wanted = heights - GAP * np.arange(count)
    return [
        max(min(wanted[i : k + 1].mean() for k in range(j, count)) for i in range(j + 1)) + GAP * j
        for j in range(count)
    ]


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text())["trainings"], Path(sys.argv[2]))
