"""`Diagnostics`: measures a net while it trains."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from ..layers.base import Layer
from ..step.firing import Firing
from ..tools.checks import is_whole
from ..train import Callback, Run
from . import measures
from .look import Loss, Numbers, look, matrices
from .report import Report

SHARE = 0.02  # of the time, for looks


class Diagnostics(Callback):
    """Measures every layer of a net while it trains; `report` has the numbers by epoch.

        diagnostics = Diagnostics(net)
        train.fit(net, ..., callbacks=[diagnostics])
        print(diagnostics.report)
        print(diagnostics.report.verdicts())

    The kernel notes which units fired, for every row that the net trains on. All other measures
    come from looks at single steps: every `every` steps; by default as often as 2 % of the time
    allows. The measure of an epoch is the mean over its looks. `Report` lists the measures.
    Training keeps its bits.

    In your own loop:

        step = TrainingStep(net, loss, optimizer)
        step.firing = diagnostics.firing
        for i, (x, y) in enumerate(batches):
            if i % 100 == 0:
                diagnostics.look(x, y, loss)
            step(x, y)
            diagnostics.stepped()
        diagnostics.end_epoch()

    Without the line about firing, only the rows of the looks are noted; without `stepped` there is
    no update ratio.

    >>> from minidl import nn, functional as F
    >>> net = nn.Sequential(nn.Dense(2, 3), nn.ReLU(), nn.Dense(3, 2))
    >>> net[0].weight.data[...] = [[1.0, 1.0, -1.0], [1.0, 2.0, -1.0]]
    >>> diagnostics = Diagnostics(net)
    >>> diagnostics.look(np.ones((4, 2), np.float32), [0, 1, 1, 0], F.cross_entropy)
    >>> diagnostics.end_epoch()
    >>> print(diagnostics.report.verdicts()[1])
    layer 1 (ReLU): 33 % of the units never fired in the last epoch: lower the learning rate or \
try leaky ReLU
    """

    def __init__(self, net: Layer, every: int | None = None) -> None:
        if not isinstance(net, Layer):
            raise ArgumentError(explain("Diagnostics", "a layer as net", type(net).__name__))
        if every is not None and not is_whole(every, 1):
            expected = "every: a whole number of steps from 1 up, or None"
            raise ArgumentError(explain("Diagnostics", expected, repr(every)))
        self.net, self.every = net, every
        self.firing = Firing(net)
        self._forget()

    def _forget(self) -> None:
        self.report = Report()
        self._looks: list[dict[str, Numbers]] = []
        self._before: dict[str, np.ndarray] | None = None  # the weights before a step with a look
        self._next = 0.0
        self.firing.forget()

    def look(self, x: Any, y: Any, loss: Loss) -> None:
        """Looks at a batch: a forward and a backward pass with the present weights, which change
        nothing."""
        began = perf_counter()
        self._looks.append(look(self.net, x, y, loss, self.firing))
        self._before = matrices(self.net)
        done = perf_counter()
        self._next = done + (done - began) / SHARE

    def stepped(self) -> None:
        """Measures how far a step has moved the weights, if a look came just before it."""
        if self._before is None:
            return
        after, numbers = matrices(self.net), self._looks[-1]
        for path in self._before.keys() & numbers.keys():
            if "weight_gradient" in numbers[path]:
                ratio = measures.update_ratio(self._before[path], after[path])
                numbers[path]["update_ratio"] = ratio
        self._before = None

    def end_epoch(self) -> None:
        """Adds a row to the report, and begins the next."""
        self._add_row(is_whole=True)

    def _add_row(self, is_whole: bool) -> None:
        layers = averages(self._looks)
        if is_whole or not self.report.epochs:
            for name, fired in self.firing.fired().items():
                layers.setdefault(name, {})["dead"] = measures.silent_share(fired)
        self.report.epochs.append(layers)
        self._looks, self._before = [], None
        self.firing.forget()

    def on_train_begin(self, run: Run) -> None:
        """Lets the run note what fires; a new training starts with an empty report."""
        if run.model is not self.net:
            expected = "the net of Diagnostics(net) as model"
            raise ArgumentError(explain("fit", expected, f"another {type(run.model).__name__}"))
        if run.stepper.firing is not None:
            raise ArgumentError(explain("fit", "one Diagnostics among the callbacks", "two"))
        run.stepper.firing = self.firing
        if run.step == 0:
            self._forget()

    def on_epoch_begin(self, run: Run) -> None:
        """Looks at the first step, if a look is due."""
        if run.batch == 0:
            self.firing.forget()
        self._look_ahead(run)

    def on_steps(self, run: Run, losses: np.ndarray) -> None:
        """Compares the weights with those before a step with a look; looks again if it is due."""
        self.stepped()
        self._look_ahead(run)

    def _look_ahead(self, run: Run) -> None:
        is_due = perf_counter() >= self._next if self.every is None else not run.step % self.every
        batch = run.feed.upcoming() if is_due else None
        if batch is not None:
            self.look(*batch, run.loss)

    def most_steps(self, run: Run) -> int | None:
        """One step after a look; else the number of steps to the next look."""
        if self._before is not None:
            return 1
        return None if self.every is None else self.every - run.step % self.every

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Adds the epoch's row."""
        self.end_epoch()

    def close(self, run: Run) -> None:
        """Adds a last row for an epoch that was stopped or failed; its few rows say nothing about
        dead units, so it has none if an earlier epoch did. The kernel stops noting."""
        if run.stepper.firing is not self.firing:
            return
        if (run.batch or self._looks) and len(self.report.epochs) < run.epoch:
            self._add_row(is_whole=False)
        run.stepper.firing = None

    def state_dict(self) -> dict[str, Any]:
        """The report, the looks of this epoch, and what fired in it. A look whose step is still to
        come is made again."""
        looks = self._looks if self._before is None else self._looks[:-1]
        fired = {f"fired:{name}": flags for name, flags in self.firing.fired().items()}
        return {"report": as_bytes(self.report), "looks": as_bytes(Report(looks)), **fired}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state of `state_dict`."""
        self._forget()
        self.report, self._looks = of_bytes(state["report"]), of_bytes(state["looks"]).epochs
        for name, flags in state.items():
            if name.startswith("fired:"):
                path, columns = name.removeprefix("fired:"), np.asarray(flags)
                if columns.ndim != 1 or columns.dtype != bool:
                    got = f"{columns.dtype} {columns.shape}"
                    raise ArgumentError(explain("Diagnostics", f"truth values (n,) as {name}", got))
                self.firing.flags_for(path, 1, len(columns), np.dtype(np.float32))[0] = columns


def averages(looks: list[dict[str, Numbers]]) -> dict[str, Numbers]:
    """Each number's mean over the looks that have it, for every layer. Values that are not finite
    are left out: a net that diverged is described by its last numbers before that."""
    collected: dict[str, dict[str, list[Any]]] = {}
    for layers in looks:
        for name, numbers in layers.items():
            for measure, value in numbers.items():
                if measure != "kind" and not np.isfinite(value):
                    continue
                collected.setdefault(name, {}).setdefault(measure, []).append(value)
    return {
        name: {
            measure: values[-1] if measure == "kind" else float(np.mean(values))
            for measure, values in numbers.items()
        }
        for name, numbers in collected.items()
    }


def as_bytes(report: Report) -> np.ndarray:
    """A report as an array, the form in which a checkpoint takes texts of any length."""
    return np.frombuffer(report.to_json().encode(), np.uint8)


def of_bytes(array: np.ndarray) -> Report:
    """The report of an array from `as_bytes`."""
    return Report.from_json(np.asarray(array).tobytes().decode())
