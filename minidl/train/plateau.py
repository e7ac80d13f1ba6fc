"""`ReduceOnPlateau`: a smaller learning rate when training no longer gets better."""

from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError, explain
from ..tools.checks import is_number
from .monitor import Monitor, check_patience
from .run import Run
from .state import require_state


class ReduceOnPlateau(Monitor):
    """Multiplies the learning rates by `factor` when `monitor`, a column of the history, was not
    better than its best by more than `min_delta` for `patience` epochs; then again after as many.
    No rate falls below `lowest`.

    As in Keras, `patience` = 2 reduces after the second such epoch; PyTorch waits for one more.
    Columns, `mode` and errors as for every `Monitor`; ArgumentError beside a schedule, which sets
    the rates too.

    >>> ReduceOnPlateau("validation_loss", factor=0.5, patience=3).factor
    0.5
    """

    sets_rates = True

    def __init__(
        self,
        monitor: str = "validation_loss",
        factor: float = 0.1,
        patience: int = 5,
        min_delta: float = 0.0,
        lowest: float = 0.0,
        mode: str | None = None,
    ) -> None:
        super().__init__(monitor, min_delta, mode)
        if not (is_number(factor) and 0 < factor < 1):
            expected = "factor: a number between 0 and 1"
            raise ArgumentError(explain(self.operation, expected, repr(factor)))
        if not (is_number(lowest) and lowest >= 0):
            expected = "lowest: a rate from 0 up"
            raise ArgumentError(explain(self.operation, expected, repr(lowest)))
        self.factor, self.lowest = factor, lowest
        self.patience = check_patience(self.operation, patience)

    def forget(self) -> None:
        """Begins a new training."""
        super().forget()
        self.reduced = 0  # the epoch after which the rates were reduced last

    def on_train_begin(self, run: Run) -> None:
        """Checks that nothing else sets the rates."""
        super().on_train_begin(run)
        if run.schedule is not None:
            expected = "no schedule, which sets the rates too"
            raise ArgumentError(explain(self.operation, expected, "both"))

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Reduces the rates, if it is time."""
        if self.is_better(row):
            return
        if row["epoch"] - max(self.best_epoch, self.reduced) >= self.patience:
            self.reduced = row["epoch"]
            for group in run.optimizer.param_groups:
                group["lr"] = max(group["lr"] * self.factor, min(self.lowest, group["lr"]))

    def state_dict(self) -> dict[str, Any]:
        """The best value, its epoch, and the last reduction; the optimiser keeps the rates."""
        return super().state_dict() | {"reduced": self.reduced}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on waiting."""
        super().load_state_dict(state)
        require_state(self.operation, state, {"reduced": int})
        self.reduced = state["reduced"]
