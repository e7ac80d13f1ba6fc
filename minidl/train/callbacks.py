"""`Callback`, which can watch training and change its course; and early stopping."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from ..tools.checks import is_number, is_whole
from .metrics import is_better_when
from .run import Run
from .state import prefixed, require_state, within


class Callback:
    """Its methods are called during training; a subclass defines those that it needs.

    `run.stop(reason)` in any of them ends training. state_dict() returns what the callback needs
    when training is resumed: arrays and values that JSON can hold.

    >>> class Rate(Callback):
    ...     def on_epoch_end(self, run, row):
    ...         print(row["epoch"], row["rate"])
    """

    comes_last = False  # whether it is called after all callbacks that say no

    def check(self, run: Run, row: dict[str, Any]) -> None:
        """Called before anything changes, with a row as the history will have it; raises if the
        callback's own arguments do not fit."""

    def on_train_begin(self, run: Run) -> None:
        """Called before the first step, and again when training is resumed."""

    def on_epoch_begin(self, run: Run) -> None:
        """Called before an epoch's first step."""

    def on_steps(self, run: Run, losses: np.ndarray) -> None:
        """Called after some steps, about ten times a second, with their losses, in order."""

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Called after an epoch and its validation, with the row that the history got."""

    def on_stop(self, run: Run) -> None:
        """Called when training was stopped within an epoch, before on_train_end."""

    def on_train_end(self, run: Run) -> None:
        """Called after the last epoch, or when training was stopped."""

    def close(self, run: Run) -> None:
        """Called at the very end, also after an error."""

    def most_steps(self, run: Run) -> int | None:
        """The most steps before on_steps is called; None if it does not matter."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """The state that the callback needs to go on."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state of state_dict()."""


class EarlyStopping(Callback):
    """Stops training when `monitor`, a column of the history, no longer gets better.

    Training ends when `monitor` was not better than its best by more than `min_delta` for
    `patience` epochs. With `restore_best` the model then has the weights of the best epoch, however
    training ended. `best` and `best_epoch` are the best value and its epoch.

    `mode` says what is better, "min" or "max"; it is known for losses and minidl's metrics. NaN is
    never better. ArgumentError for a column that the history will not have, and for options out of
    range.

    >>> stopping = EarlyStopping("validation_loss", patience=3)
    >>> stopping.patience
    3

    Prechelt, "Early stopping - but when?", in Neural Networks: Tricks of the Trade, 1998.
    """

    def __init__(
        self,
        monitor: str = "validation_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: str | None = None,
    ) -> None:
        if not is_whole(patience, 1):
            expected = "patience: a whole number from 1 up"
            raise ArgumentError(explain("EarlyStopping", expected, repr(patience)))
        if not (is_number(min_delta) and 0 <= min_delta < math.inf):
            expected = "min_delta: a finite number from 0 up"
            raise ArgumentError(explain("EarlyStopping", expected, repr(min_delta)))
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.restore_best = restore_best
        self.sign = sign_of("EarlyStopping", monitor, mode)
        self._forget()

    def _forget(self) -> None:
        self._goes_on = False
        self.best: float | None = None
        self.best_epoch = 0
        self._weights: dict[str, np.ndarray] = {}

    def check(self, run: Run, row: dict[str, Any]) -> None:
        """Checks that there will be such a column."""
        require_column("EarlyStopping", run, row, self.monitor)

    def on_train_begin(self, run: Run) -> None:
        """Starts anew with a new training."""
        if run.step == 0:
            self._forget()
        else:
            if not self._goes_on:  # it is new in this training: its patience begins here
                self.best_epoch = len(run.history)
            if self._weights:  # check now, not after the last epoch, that they fit
                before = run.model.state_dict()
                run.model.load_state_dict(self._weights)
                run.model.load_state_dict(before)
            self._stop_if_late(run, len(run.history))

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Compares with the best value."""
        value = value_of("EarlyStopping", row, self.monitor)
        if self.best is None:
            is_better = not math.isnan(value)
        else:
            is_better = self.sign * (value - self.best) > self.min_delta
        if is_better:
            self.best, self.best_epoch = value, row["epoch"]
            self._weights = run.model.state_dict() if self.restore_best else {}
        self._stop_if_late(run, row["epoch"])

    def _stop_if_late(self, run: Run, epoch: int) -> None:
        if epoch - self.best_epoch >= self.patience:
            run.stop(f"no better {self.monitor} than that of epoch {self.best_epoch}")

    def on_train_end(self, run: Run) -> None:
        """Restores the best weights."""
        if self._weights:
            run.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """The best value, its epoch and its weights."""
        kept = {"monitor": self.monitor, "best": self.best, "best_epoch": self.best_epoch}
        return kept | prefixed("weights", self._weights)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on comparing with that best value; ArgumentError if it is of another column."""
        shape = {"monitor": str, "best": float | None, "best_epoch": int}
        require_state("EarlyStopping", state, shape)
        if state["monitor"] != self.monitor:
            expected = f"monitor={state['monitor']!r}, as when it was saved"
            raise ArgumentError(explain("EarlyStopping", expected, repr(self.monitor)))
        self._goes_on = True
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._weights = within("weights", state)


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


def may_add_columns(callback: Callback) -> bool:
    """Whether a user wrote what the callback does at an epoch's end."""
    return not type(callback).on_epoch_end.__module__.startswith("minidl.")


def may_change_training(callback: Callback) -> bool:
    """Whether a user wrote the callback, so that it may set weights or rates. minidl's do not."""
    return not type(callback).__module__.startswith("minidl.")


def value_of(operation: str, row: dict[str, Any], name: str) -> float:
    """The number in this column, which another callback may have added."""
    value = row.get(name)
    if not is_number(value):
        expected = f"a number in one of the columns {', '.join(row)}"
        raise ArgumentError(explain(operation, expected, f"{name}={value!r}"))
    return float(value)  # type: ignore[arg-type]  # it is a number
