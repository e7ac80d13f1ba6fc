"""`History`: the results of each epoch; as a table, as JSON, as a picture."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError, explain
from ..tools import strict_json
from ..tools.checks import is_number
from ..tools.disk import put_picture
from ..tools.tables import aligned, html, preformatted

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40  # the most characters of a sparkline
ROWS = 20  # the most rows of a table
SHAPE = {"rows": [{"epoch": int}], "seconds": [float], "stopped": str | None}  # in JSON


class History:
    """A row for every epoch: a dict with "epoch", "loss", "rate", and the results of validation.

    `history["loss"]` is a column, `history[-1]` a row. `seconds` has the time of each epoch, and
    `stopped` the reason if training ended before its last epoch: "interrupted", or a callback's.
    Two histories are equal if their rows are; times do not count.

    >>> history = History([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 0.5}])
    >>> history["loss"]
    [2.0, 0.5]
    >>> history[-1]
    {'epoch': 2, 'loss': 0.5}
    >>> history
    epoch  loss
        1     2
        2   0.5
    <BLANKLINE>
     loss  █▁
    """

    def __init__(
        self,
        rows: list[dict[str, Any]] | None = None,
        seconds: list[float] | None = None,
        stopped: str | None = None,
    ) -> None:
        self.rows = rows or []
        self.seconds = seconds or []
        self.stopped = stopped

    def append(self, row: dict[str, Any], seconds: float) -> None:
        """Adds the row of an epoch."""
        self.rows.append(row)
        self.seconds.append(seconds)

    @property
    def names(self) -> list[str]:
        """The columns."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def __getitem__(self, name: str | int | slice) -> Any:
        if isinstance(name, (int, np.integer, slice)):
            return self.rows[name]
        if name not in self.names:
            expected = f"one of {', '.join(self.names)}, or a row's place"
            raise ArgumentError(explain("History", expected, repr(name)))
        return [row.get(name) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self.to_json(False) == other.to_json(False)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def to_json(self, with_seconds: bool = True) -> str:
        """The whole history as JSON, every number to the last bit; NaN as Python writes it."""
        kept: dict[str, Any] = {"rows": self.rows, "stopped": self.stopped}
        return json.dumps(kept | ({"seconds": self.seconds} if with_seconds else {}))

    @classmethod
    def from_json(cls, text: str) -> "History":
        """The history of a text from to_json(); DataError for anything else."""
        try:
            kept = strict_json.parse(text, SHAPE, "history", is_finite=False)
        except (ValueError, TypeError) as error:  # TypeError if it is not text
            raise DataError(explain("History.from_json", "a text from to_json()", error)) from None
        return cls(kept["rows"], kept["seconds"], kept["stopped"])

    def numeric(self) -> list[str]:
        """The columns that hold only numbers, without the epoch's."""
        return [
            name for name in self.names
            if name != "epoch" and all(is_number(value) for value in self[name])
        ]  # fmt: skip

    def table(self) -> list[list[str]]:
        """The rows of numbers as text, with headings; of many, the first and the last ones."""
        names = self.numeric()
        rows = [
            [str(row["epoch"]), *(shown(row[name]) for name in names)] for row in self.rows
        ]  # fmt: skip
        if len(rows) > ROWS:
            rows = [*rows[: ROWS // 2], ["...", *[""] * len(names)], *rows[-ROWS // 2 :]]
        return [["epoch", *names], *rows]

    def __repr__(self) -> str:
        names = self.numeric()
        if not names:
            return f"History: no epoch was finished{self._why()}"
        text = aligned(self.table(), right=range(len(names) + 1))
        if len(self) > 1:
            text = "\n".join([text, *self._sparklines(names)])
        return text + self._why()

    def _repr_html_(self) -> str:
        if not self.numeric():
            return preformatted(repr(self))
        table = html(self.table(), right=range(len(self.names)))
        return table + preformatted(self._why()) if self.stopped else table

    def _sparklines(self, names: list[str]) -> list[str]:
        moving = [name for name in names if len(set(self[name])) > 1]
        width = max(map(len, ["epoch", *moving]))
        return ["", *[f"{name.rjust(width)}  {sparkline(self[name])}" for name in moving]]

    def _why(self) -> str:
        return f"\nstopped: {self.stopped}" if self.stopped else ""

    def plot(self, path: str | Path | None = None) -> Any:
        """Draws losses and metrics by epoch: one picture for each, with training and validation
        together; and the learning rate, if it changes.

        Returns matplotlib's figure, which a notebook shows as the value of its cell. With a path it
        is saved there, in the format of the path's suffix, and closed. Needs matplotlib:
        pip install 'minidl[examples]'.
        """
        drawn = [name for name in self.numeric() if name != "rate" or len(set(self["rate"])) > 1]
        subjects = dict.fromkeys(name.removeprefix("validation_") for name in drawn)
        if not subjects:
            raise ArgumentError(explain("History.plot", "an epoch that was finished", "none"))
        figure, axes = panels(len(subjects), columns=3)
        for axis, subject in zip(axes, subjects, strict=True):
            for name in (subject, f"validation_{subject}"):
                if name in self.names:
                    axis.plot(self["epoch"], self[name], marker=".", label=name)
            axis.set_xlabel("epoch")
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.set_title(subject)
            axis.legend()
        return finished("History.plot", figure, path)


def numbers_in(row: dict[str, Any]) -> dict[str, Any]:
    """A row's columns that hold numbers, without the epoch's."""
    return {name: value for name, value in row.items() if name != "epoch" and is_number(value)}


def panels(count: int, columns: int) -> tuple[Any, list[Any]]:
    """matplotlib's figure with `count` axes, at most `columns` side by side; and the axes."""
    from matplotlib import pyplot

    columns = min(columns, count)
    rows = -(-count // columns)
    size = 3.6 * columns, 2.8 * rows
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False)
    for axis in axes.flat[count:]:
        axis.remove()
    return figure, list(axes.flat[:count])


def finished(operation: str, figure: Any, path: str | Path | None) -> Any:
    """matplotlib's figure with its parts set apart; with a path it is saved there and closed. A
    notebook closes it too: an open figure would be shown again after the cell."""
    from matplotlib import pyplot

    if figure.get_layout_engine() is None:  # else the user has chosen one in matplotlibrc
        figure.tight_layout()
    if path is not None:
        put_picture(operation, figure, path)
    if path is not None or "inline" in pyplot.get_backend():
        pyplot.close(figure)
    return figure


def shown(value: float) -> str:
    """A number with four digits.

    >>> shown(0.123456), shown(0.001), shown(12345.6)
    ('0.1235', '0.001', '1.235e+04')
    """
    return f"{value:.4g}"


def sparkline(values: list[float]) -> str:
    """Numbers as bars from the lowest to the highest; a space where one is not finite.

    >>> sparkline([1, 2, 3, float("nan"), 8])
    '▁▂▃ █'
    """
    array = np.array(values, np.float64)
    if len(array) > WIDTH:
        array = array[np.linspace(0, len(array) - 1, WIDTH).round().astype(int)]
    finite = array[np.isfinite(array)]
    low, span = (finite.min(), np.ptp(finite) or 1.0) if len(finite) else (0.0, 1.0)
    return "".join(
        BARS[round((value - low) / span * (len(BARS) - 1))] if np.isfinite(value) else " "
        for value in array
    )
