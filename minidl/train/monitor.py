"""`Monitor`: what callbacks share that follow a column of the history."""

import math
from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError, explain
from ..tools.checks import is_number, is_whole
from .callbacks import Callback, may_add_columns
from .metrics import is_better_when
from .run import Run
from .state import require_state


class Monitor(Callback):
    """Knows the best value of `monitor`, a column of the history, so far: `best`, in the epoch
    `best_epoch` (None and 0 before the first).

    A value is better if it is above the best by more than `min_delta`, or below it: `mode` says
    "max" or "min", and is known for losses and minidl's metrics. NaN is never better.
    ArgumentError for a column that the history will not have, and for options out of range.
    """

    def __init__(self, monitor: str, min_delta: float = 0.0, mode: str | None = None) -> None:
        self.operation = type(self).__name__
        if not (is_number(min_delta) and 0 <= min_delta < math.inf):
            expected = "min_delta: a finite number from 0 up"
            raise ArgumentError(explain(self.operation, expected, repr(min_delta)))
        self.monitor, self.min_delta = monitor, min_delta
        self.sign = sign_of(self.operation, monitor, mode)
        self.goes_on = False  # whether it has a state from before a resume
        self.forget()

    def forget(self) -> None:
        """Begins a new training."""
        self.goes_on = False
        self.best: float | None = None
        self.best_epoch = 0

    def check(self, run: Run, row: dict[str, Any]) -> None:
        """Checks that there will be such a column."""
        require_column(self.operation, run, row, self.monitor)

    def on_train_begin(self, run: Run) -> None:
        """Starts anew with a new training; one that is new in a resumed training begins here."""
        if run.step == 0:
            self.forget()
        elif not self.goes_on:
            self.best_epoch = len(run.history)

    def is_better(self, row: dict[str, Any]) -> bool:
        """Whether the row has a better value than all before; then it is the best."""
        value = value_of(self.operation, row, self.monitor)
        if self.best is None:
            is_better = not math.isnan(value)
        else:
            is_better = self.sign * (value - self.best) > self.min_delta
        if is_better:
            self.best, self.best_epoch = value, row["epoch"]
        return is_better

    def state_dict(self) -> dict[str, Any]:
        """The best value and its epoch."""
        return {"monitor": self.monitor, "best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on comparing with that best value; ArgumentError if it is of another column."""
        shape = {"monitor": str, "best": float | None, "best_epoch": int}
        require_state(self.operation, state, shape)
        if state["monitor"] != self.monitor:
            expected = f"monitor={state['monitor']!r}, as when it was saved"
            raise ArgumentError(explain(self.operation, expected, repr(self.monitor)))
        self.goes_on = True
        self.best, self.best_epoch = state["best"], state["best_epoch"]


def check_patience(operation: str, patience: Any) -> int:
    """A number of epochs; ArgumentError unless it is a whole number from 1 up."""
    if not is_whole(patience, 1):
        expected = "patience: a whole number from 1 up"
        raise ArgumentError(explain(operation, expected, repr(patience)))
    return int(patience)


def sign_of(operation: str, monitor: Any, mode: str | None) -> int:
    """1 if a larger value of this column is better, -1 if a smaller one is."""
    if not isinstance(monitor, str):
        expected = "monitor: the name of a column of the history"
        raise ArgumentError(explain(operation, expected, repr(monitor), "'validation_loss'"))
    if mode is None:
        mode = is_better_when(monitor.removeprefix("validation_"))
    if mode is None and monitor.startswith("val_"):
        hint = f"monitor='validation_{monitor.removeprefix('val_')}'"
        raise ArgumentError(explain(operation, "a column's name", repr(monitor), hint))
    if mode not in ("min", "max"):
        expected = f"mode='min' or mode='max' for {monitor}"
        raise ArgumentError(explain(operation, expected, repr(mode)))
    return 1 if mode == "max" else -1


def require_column(operation: str, run: Run, row: dict[str, Any], name: str) -> None:
    """ArgumentError if the history will not have this column, or no number in it. Columns that a
    user's callback adds are checked when it adds them."""
    if name in row:
        value_of(operation, row, name)
    elif name not in run.names and not any(map(may_add_columns, run.callbacks)):
        hint = ""
        if name.startswith("validation_"):
            own = name.removeprefix("validation_")
            hint = "validation=(x, y)" + (f", metrics=['{own}']" if own != "loss" else "")
        expected = f"one of the columns {', '.join(run.names)}"
        raise ArgumentError(explain(operation, expected, name, hint))


def value_of(operation: str, row: dict[str, Any], name: str) -> float:
    """The number in this column, which another callback may have added."""
    value = row.get(name)
    if not is_number(value):
        expected = f"a number in one of the columns {', '.join(row)}"
        raise ArgumentError(explain(operation, expected, f"{name}={value!r}"))
    return float(value)  # type: ignore[arg-type]  # it is a number
