"""`Report`: the measures by epoch; as a table, as JSON, as pictures, in words."""

import json
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, DataError, explain
from ..tools import strict_json
from ..tools.checks import is_number
from ..tools.tables import aligned, html, preformatted
from ..train.history import finished, panels
from .verdicts import Thresholds, verdicts_on

# The measures in the table, with their headings.
HEADINGS = {
    "mean": "mean", "spread": "sd", "percentile_98": "98 %", "offset": "offset",
    "saturated": "saturated", "inactive": "inactive", "dead": "dead", "win_entropy": "entropy",
    "slope": "slope", "gradient": "‖dy‖", "weight_gradient": "‖dW‖", "sign_agreement": "signs",
    "update_ratio": "update",
}  # fmt: skip
SHARES = {"saturated", "inactive", "dead", "sign_agreement"}


class Report:
    """What `Diagnostics` measured: `epochs` is a list of {layer's path: {measure: number}}.

    - mean, spread: mean and standard deviation of the layer's outputs y; percentile_98: the number
      that 98 % of |y| do not exceed; offset: mean y / √ mean y², 0 if y is zero-centred
    - saturated: share of the outputs with |dy/dz| under 5 % of the largest, for activations that
      are flat at both ends; inactive: the same for the others, such as ReLU
    - dead: share of the units whose slope was 0 on every row of the epoch; for maxout, of pieces
      that never won. An epoch that was stopped has none, unless it is the first
    - win_entropy: for maxout, 1 if all of a unit's pieces win equally often, 0 if one always wins
    - slope, least_slope, largest_slope: PReLU's learned slopes: mean, smallest, largest
    - gradient: ‖dL/dy‖ of the batch; weight_gradient: ‖dL/dW‖
    - sign_agreement: share of a neuron's weight gradients that have the sign of the majority
    - update_ratio: ‖ΔW‖ / ‖W‖ of a step

    `kind` describes the layer in words.

    >>> report = Report([{"1": {"kind": "ReLU()", "dead": 0.38, "mean": 0.5}}])
    >>> report
    layer  kind    mean  dead
        1  ReLU()   0.5  38 %
    >>> report.verdicts()[0][:64]
    'layer 1 (ReLU): 38 % of the units never fired in the last epoch:'
    """

    def __init__(self, epochs: list[dict[str, dict[str, Any]]] | None = None) -> None:
        self.epochs = epochs or []

    def latest(self) -> dict[str, dict[str, Any]]:
        """Each measure's last value, for every layer: a short epoch may have no look."""
        found: dict[str, dict[str, Any]] = {}
        for layers in self.epochs:
            for name, numbers in layers.items():
                found.setdefault(name, {}).update(numbers)
        return found

    def verdicts(self, thresholds: Thresholds | None = None) -> list[str]:
        """What is probably wrong, and what to try: a sentence for each finding; empty if all is
        well."""
        given: Any = Thresholds() if thresholds is None else thresholds
        if not isinstance(given, Thresholds):
            expected, hint = "Thresholds or None", "Thresholds(dead=0.1)"
            raise ArgumentError(explain("verdicts", expected, repr(given), hint))
        return verdicts_on(self.latest(), given)

    def table(self) -> list[list[str]]:
        """Each layer's latest measures as text, with headings."""
        layers = self.latest()
        shown = [m for m in HEADINGS if any(m in numbers for numbers in layers.values())]
        rows = [["layer", "kind", *[HEADINGS[measure] for measure in shown]]]
        for name, numbers in layers.items():
            cells = [cell(measure, numbers.get(measure)) for measure in shown]
            rows.append([name or "net", numbers.get("kind", ""), *cells])
        return rows

    def __repr__(self) -> str:
        rows = self.table()
        return (
            aligned(rows, right=numbers_of(rows)) if rows[1:] else "Report: no epoch was finished"
        )

    def _repr_html_(self) -> str:
        rows = self.table()
        return html(rows, right=numbers_of(rows)) if rows[1:] else preformatted(repr(self))

    def to_json(self) -> str:
        """The whole report as JSON, every number to the last bit."""
        return json.dumps({"epochs": self.epochs})

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """The report of a text from to_json(); DataError for anything else."""
        try:
            epochs = strict_json.parse(text, {"epochs": [{...: dict}]}, "report", False)["epochs"]
            return cls([{name: checked(layers[name]) for name in layers} for layers in epochs])
        except (ValueError, TypeError) as error:  # TypeError if it is not text
            raise DataError(explain("Report.from_json", "a text from to_json()", error)) from None

    def plot(self, path: str | Path | None = None) -> Any:
        """Draws every measure by epoch: one picture for each measure, one line for each layer.

        Returns matplotlib's figure, which a notebook shows as the value of its cell. With a path
        it is saved there, in the format of the path's suffix, and closed. Needs matplotlib:
        pip install 'minidl[examples]'.
        """
        layers = self.latest()
        shown = [m for m in HEADINGS if any(m in numbers for numbers in layers.values())]
        if not shown:
            raise ArgumentError(explain("Report.plot", "an epoch that was finished", "none"))
        figure, axes = panels(len(shown), columns=4)
        for axis, measure in zip(axes, shown, strict=True):
            for name, numbers in layers.items():
                if measure in numbers:
                    axis.plot(*self.line(name, measure), marker=".", label=name or "net")
            axis.set_title(measure)
            axis.set_xlabel("epoch")
            axis.legend()
        return finished("Report.plot", figure, path)

    def line(self, name: str, measure: str) -> tuple[list[int], list[float]]:
        """The epochs, from 1, that have this measure of this layer, and its values."""
        points = [
            (i, layers[name][measure])
            for i, layers in enumerate(self.epochs, 1)
            if measure in layers.get(name, {})
        ]
        return [i for i, _ in points], [value for _, value in points]


def checked(numbers: dict[str, Any]) -> dict[str, Any]:
    """A layer's "kind", a text, and its numbers; ValueError for anything else."""
    for measure, value in numbers.items():
        if not (isinstance(value, str) if measure == "kind" else is_number(value)):
            raise ValueError(f"{measure} = {value!r}")
    return {name: value if name == "kind" else float(value) for name, value in numbers.items()}


def cell(measure: str, value: float | None) -> str:
    """A number as the table shows it."""
    if value is None:
        return ""
    return f"{100 * value:.0f} %" if measure in SHARES else f"{value:.3g}"


def numbers_of(rows: list[list[str]]) -> list[int]:
    """The right-aligned columns: all but the kind."""
    return [i for i in range(len(rows[0])) if i != 1]
