"""`Run`: the state of training, for callbacks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.random import random_state
from ..optim.schedules import Schedule
from ..step.training import TrainingStep
from .feed import Feed
from .history import History


class Run:
    """What callbacks see of training.

    - model, loss, optimizer, schedule (or None), history: the arguments and the result of `fit`
    - stepper: the TrainingStep that makes the steps
    - epochs, epoch: how many there will be, and the present one, from 1
    - step, batch: the number of steps so far, in all and in this epoch
    - losses: those of this epoch's steps, as arrays, one for each call of on_steps
    - names: the columns that every row of the history will have
    - stopped: why training will end, or None
    - origin: what a resume has found, in words, or None

    `stop(reason)` ends training after the current steps.
    """

    def __init__(
        self, stepper: TrainingStep, feed: Feed, epochs: int, names: Sequence[str],
        callbacks: Sequence[Any],
    ) -> None:  # fmt: skip
        self.stepper, self.model, self.loss = stepper, stepper.net, stepper.loss
        self.optimizer, self.schedule = stepper.optimizer, stepper.schedule
        self.feed, self.epochs, self.names = feed, epochs, list(names)
        self.callbacks = sorted(callbacks, key=lambda callback: callback.comes_last)
        self.history = History()
        self.epoch = self.step = self.batch = 0
        self.losses: list[np.ndarray] = []
        self.stopped: str | None = None
        self.is_rehearsed = False  # whether a batch was tried before the first step
        self.origin: str | None = None
        self.resumed: Path | None = None  # the file that training goes on from
        self.settings: dict[str, str] = {}  # of this training, if it is saved
        self.start: dict[str, Any] = {}  # what this epoch's order was drawn from

    def follow(self, schedule: Schedule | None) -> None:
        """Takes the learning rates from this schedule."""
        self.schedule = self.stepper.schedule = schedule

    @property
    def lr(self) -> float:
        """The learning rate of the first group."""
        return self.optimizer.param_groups[0]["lr"]

    @property
    def mean_loss(self) -> float:
        """The mean loss of this epoch's steps so far."""
        losses = self.losses[0] if len(self.losses) == 1 else np.concatenate(self.losses)
        return float(np.add.reduce(losses) / len(losses))  # mean() takes five times as long

    def stop(self, reason: str) -> None:
        """Ends training; only the first reason counts."""
        self.stopped = self.stopped or reason

    def notify(self, event: str, *arguments: Any) -> None:
        """Calls the method `event` of every callback."""
        for callback in self.callbacks:
            getattr(callback, event)(self, *arguments)

    def place(self) -> dict[str, Any]:
        """What an epoch's order is drawn from, if it begins now."""
        return {"random": random_state(), "feed": self.feed.state_dict()}

    def end_epoch(self) -> None:
        """Drops the epoch's steps."""
        self.batch, self.losses = 0, []

    def add_steps(self, losses: np.ndarray) -> None:
        """Counts steps that were made."""
        self.losses.append(losses)
        self.step += len(losses)
        self.batch += len(losses)
