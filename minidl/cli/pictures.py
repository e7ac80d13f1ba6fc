"""The picture of the activations: each function with its derivative, a small plot for each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..engine.tensor import Tensor
from ..errors import MissingPackageError, explain
from ..layers.activations import Activation
from ..tools.disk import put_picture

REACH = 4.5  # of x to either side
BOTTOM, TOP = -2.2, 4.5  # of y, the same for all, so that they can be compared
COLUMNS = 5
POINTS = 601


def draw(kinds: Sequence[type[Activation]], path: Path) -> None:
    """Writes the picture, of the kind that the name's end says. Needs matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        hint = "pip install 'minidl[examples]'"
        raise MissingPackageError(explain("--plot", "matplotlib", error, hint)) from error
    columns = min(COLUMNS, len(kinds))
    rows = -(-len(kinds) // columns)
    figure = Figure(figsize=(max(2.7 * columns, 5), 2.5 * rows + 0.9), layout="constrained")
    figure.suptitle("y = f(x), and its derivative dy/dx; a ring is the slope at a kink")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for plot, kind in zip(axes.flat, kinds, strict=False):
        x, y, slope = curve(kind)
        plot.axhline(0, color="0.8", linewidth=0.8)
        plot.axvline(0, color="0.8", linewidth=0.8)
        plot.plot(x, y, color="C0", label="y")
        plot.plot(x, slope, "--", color="C1", label="dy/dx")
        kinks = kind.kinks()
        plot.plot([*kinks], [*kinks.values()], "o", color="C1", fillstyle="none", label="at a kink")
        note = " of x and 0" if kind.inputs_per_unit(kind().options) > 1 else ""
        plot.set(title=f"{kind.name}{note}", xlim=(-REACH, REACH), ylim=(BOTTOM, TOP))
        plot.tick_params(labelbottom=True)
    for plot in axes.flat[len(kinds) :]:
        plot.axis("off")
    for plot in axes[:, 0]:
        plot.set_ylabel("y, dy/dx")
    for column in range(columns):
        axes[(len(kinds) - 1 - column) // columns, column].set_xlabel("x")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    put_picture("--plot", figure, path, dpi=110)


def curve(kind: type[Activation]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and dy/dx as the activation itself computes them, NaN in dy/dx where it jumps. Of
    several pieces the first is x and the others are 0."""
    x = np.linspace(-REACH, REACH, POINTS)
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
