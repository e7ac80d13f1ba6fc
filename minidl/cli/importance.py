"""Permutation importance: how much of the score is lost when a column's values are shuffled."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..layers.containers import Sequential
from ..tables.encoder import Encoder
from ..tools.disk import put_picture
from ..tools.student import half_width
from ..tools.tables import aligned
from ..train import evaluate
from .pictures import FUNCTION, LETTERS, new_figure
from .scores import Data, metrics_of

TITLES = {"accuracy": "accuracy lost", "r2": "R² lost"}


class Importance(NamedTuple):
    """How much of the score is lost without a column: the mean over the shuffles, and the half
    width of its 95 % interval, t s / √n."""

    column: str
    lost: float
    half: float


def importance(
    net: Sequential, data: Data, encoder: Encoder, repeats: int, seed: int
) -> list[Importance]:
    """The importance of each column of the table, the largest first.

    A column's inputs (its mark of missing numbers, its columns of 0 and 1) are shuffled together,
    `repeats` times, while all other columns stay. Breiman, "Random forests", Machine Learning 45,
    2001; Fisher, Rudin, Dominici, "All models are wrong, but many are useful", JMLR 20, 2019.
    """
    x, y = data
    rng = np.random.default_rng(seed)
    whole = score(net, data, encoder)
    found = []
    for name, places in encoder.places().items():
        shuffled, lost = x.copy(), np.empty(repeats)
        for i in range(repeats):
            shuffled[:, places] = x[rng.permutation(len(x))][:, places]
            lost[i] = whole - score(net, (shuffled, y), encoder)
        found.append(Importance(name, float(lost.mean()), half_width(lost)))
    return sorted(found, key=lambda one: -one.lost)


def score(net: Sequential, data: Data, encoder: Encoder) -> float:
    """The accuracy, or R²."""
    (name,) = metrics_of(encoder)
    return float(evaluate(net, data, metrics=[name])[name])


def table(found: Sequence[Importance], encoder: Encoder) -> str:
    """The importances as text."""
    (name,) = metrics_of(encoder)
    rows = [[one.column, f"{one.lost:.4f}", f"{one.half:.4f}"] for one in found]
    return aligned([["shuffled column", TITLES[name], "± 95 %"], *rows], right=[1, 2])


def draw(found: Sequence[Importance], encoder: Encoder, path: Path) -> None:
    """Writes a picture with a bar for each column. Needs matplotlib."""
    (name,) = metrics_of(encoder)
    figure = new_figure(figsize=(7, 0.9 + 0.28 * len(found)), layout="constrained")
    axis = figure.subplots()
    columns, lost, halves = zip(*found, strict=True)
    places = range(len(found))
    axis.barh(places, lost, color=FUNCTION, height=0.7)
    axis.errorbar(lost, places, xerr=halves, fmt="none", ecolor="0.2", capsize=2.5, linewidth=1)
    axis.set_yticks(places, [column.replace("$", r"\$") for column in columns])
    axis.invert_yaxis()
    axis.set_xlabel(f"{TITLES[name]} when the column is shuffled, with 95 % intervals")
    axis.tick_params(labelsize=LETTERS, length=0)
    axis.axvline(0, color="0.6", linewidth=0.7)
    axis.spines[["top", "right", "left"]].set_visible(False)
    put_picture("--plot", figure, path, dpi=160)
