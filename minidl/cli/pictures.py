"""The picture of the activations: each function with its derivative, a small plot for each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import MissingPackageError, explain
from ..layers.activations import Activation
from ..tools.disk import put_picture

FUNCTION, SLOPE = "#0072B2", "#D55E00"  # Okabe and Ito's: colour-blind readers tell them apart
REACH = 4.0  # of x to either side
BOTTOM, TOP = -1.9, 3.3  # of y; one frame for all, so that they can be compared
BEYOND = 2.0  # how far a frame goes beyond a kink that lies outside the usual one
COLUMNS = 5
POINTS = 241
LETTERS = 9  # points: 10 pixels where five columns are shown 800 pixels wide


def draw(kinds: Sequence[type[Activation]], path: Path) -> None:
    """Writes the picture, of the kind that the name's end says. Needs matplotlib."""
    columns = min(COLUMNS, len(kinds))
    rows = -(-len(kinds) // columns)
    figure = new_figure(figsize=(max(2 * columns, 6), 1.8 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for place, (axis, kind) in enumerate(zip(axes.flat, kinds, strict=False)):
        draw_one(axis, kind)
        has_own_frame = scale(kind) > 1
        axis.tick_params(labelleft=has_own_frame or place % columns == 0,
                         labelbottom=has_own_frame or place + columns >= len(kinds))  # fmt: skip
    for axis in axes.flat[len(kinds) :]:
        axis.axis("off")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False,
                  fontsize=LETTERS + 1)  # fmt: skip
    put_picture("--plot", figure, path, dpi=160)


def new_figure(**options: Any) -> Any:
    """A figure of matplotlib's; MissingPackageError without the package."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        hint = "pip install 'minidl[examples]'"
        raise MissingPackageError(explain("--plot", "matplotlib", error, hint)) from error
    return Figure(**options)


def draw_one(axis: Any, kind: type[Activation]) -> None:
    """One activation: y, dy/dx with the area under it, and what the slope is at a kink."""
    x, y, slope = curve(kind)
    kinks = kind.kinks()
    axis.plot(x, y, color=FUNCTION, linewidth=2, label="y = f(x)")
    axis.plot(x, slope, linestyle=(0, (4, 1.5)), color=SLOPE, linewidth=1.5,
              label="derivative dy/dx")  # fmt: skip
    axis.fill_between(x, slope, color=SLOPE, alpha=0.12, linewidth=0)
    axis.plot([*kinks], np.interp([*kinks], x, y), "o", color=FUNCTION, markersize=4.5,
              label="kink")  # fmt: skip
    axis.plot([*kinks], [*kinks.values()], "o", color=SLOPE, markerfacecolor="white",
              markersize=4.5, label="derivative there")  # fmt: skip
    note = " of x and 0" if kind.inputs_per_unit(kind().options) > 1 else ""
    axis.set_title(f"{kind.name}{note}", loc="left", fontsize=LETTERS + 1, pad=3)
    axis.set(xlim=(-REACH, scale(kind) * REACH), ylim=(BOTTOM, scale(kind) * TOP))
    axis.set_xticks(np.arange(-4, scale(kind) * REACH + 1, 4))
    axis.set_yticks(np.arange(0, scale(kind) * TOP, 2))
    axis.tick_params(labelsize=LETTERS, length=0, labelcolor="0.35", pad=2)
    axis.grid(color="0.9", linewidth=0.7)
    axis.axhline(0, color="0.6", linewidth=0.7, zorder=1)
    axis.axvline(0, color="0.6", linewidth=0.7, zorder=1)
    axis.spines[:].set_color("0.85")


def scale(kind: type[Activation]) -> float:
    """How many times as large as usual the frame is, so that each kink lies inside."""
    far = max(map(abs, kind.kinks()), default=0.0)
    return 1.0 if far < REACH else (far + BEYOND) / REACH


def curve(kind: type[Activation]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and dy/dx as the activation itself computes them, NaN in dy/dx where it jumps. Of
    several pieces the first is x and the others are 0."""
    x = np.linspace(-REACH, scale(kind) * REACH, POINTS)
    jumps = [*kind.kinks()]
    beside = [jump + side for jump in jumps for side in (-1e-9, 1e-9)]
    x = np.sort(np.concatenate([x[~np.isin(x, jumps)], jumps, beside]))
    layer = kind().astype(np.float64)
    inputs = np.zeros((len(x), kind.inputs_per_unit(layer.options)))
    inputs[:, 0] = x
    tensor = Tensor(inputs, requires_grad=True)
    y = layer(tensor)
    y.sum().backward()
    slope = tensor.grad.data[:, 0].copy()  # type: ignore[union-attr]  # backward made it
    slope[np.isin(x, jumps)] = np.nan
    return x, y.data[:, 0], slope
