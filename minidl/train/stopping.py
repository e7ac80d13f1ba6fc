"""Callbacks that end training: `EarlyStopping`, and `Timer` after a time."""

import math
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from ..tools.checks import is_number
from .callbacks import Callback
from .monitor import Monitor, check_patience
from .run import Run
from .state import prefixed, require_state, within


class EarlyStopping(Monitor):
    """Stops training when `monitor`, a column of the history, no longer gets better.

    Training ends when `monitor` was not better than its best by more than `min_delta` for
    `patience` epochs. With `restore_best` the model then has the weights of the best epoch, however
    training ended. `best` and `best_epoch` are the best value and its epoch. Columns, `mode` and
    errors as for every `Monitor`.

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
        super().__init__(monitor, min_delta, mode)
        self.patience = check_patience(self.operation, patience)
        self.restore_best = restore_best

    def forget(self) -> None:
        """Begins a new training."""
        super().forget()
        self._weights: dict[str, np.ndarray] = {}

    def on_train_begin(self, run: Run) -> None:
        """Starts anew with a new training."""
        super().on_train_begin(run)
        if run.step == 0:
            return
        if self._weights:  # check now, not after the last epoch, that they fit
            before = run.model.state_dict()
            run.model.load_state_dict(self._weights)
            run.model.load_state_dict(before)
        self._stop_if_late(run, len(run.history))

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Compares with the best value."""
        if self.is_better(row):
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
        return super().state_dict() | prefixed("weights", self._weights)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on comparing with that best value; ArgumentError if it is of another column."""
        super().load_state_dict(state)
        self._weights = within("weights", state)


class Timer(Callback):
    """Stops training after so many `seconds`, after the steps that run; `used` counts them. A
    resumed training goes on counting. ArgumentError for seconds that are not above 0.

    >>> timer = Timer(seconds=3600)
    >>> timer.used
    0.0
    """

    def __init__(self, seconds: float) -> None:
        if not (is_number(seconds) and 0 < seconds < math.inf):
            expected = "seconds: a finite number above 0"
            raise ArgumentError(explain("Timer", expected, repr(seconds)))
        self.seconds, self.used = seconds, 0.0

    def on_train_begin(self, run: Run) -> None:
        """Starts the clock."""
        self.used = self.used if run.step else 0.0
        self._seen = perf_counter()

    def on_steps(self, run: Run, losses: np.ndarray) -> None:
        """Looks at the clock."""
        now = perf_counter()
        self.used, self._seen = self.used + now - self._seen, now
        if self.used >= self.seconds:
            run.stop(f"{self.seconds:g} seconds are over")

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Looks again, as validation takes time too."""
        self.on_steps(run, np.empty(0))

    def state_dict(self) -> dict[str, Any]:
        """The seconds of training so far."""
        return {"used": self.used}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on counting."""
        require_state("Timer", state, {"used": float})
        self.used = state["used"]
