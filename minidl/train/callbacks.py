"""`Callback`, which can watch training and change its course; and `Lambda`, made of functions."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from .run import Run

EVENTS = (
    "on_train_begin", "on_epoch_begin", "on_steps", "on_epoch_end", "on_stop", "on_train_end",
)  # fmt: skip


class Callback:
    """Its methods are called during training; a subclass defines those that it needs.

    `run.stop(reason)` in any of them ends training. state_dict() returns what the callback needs
    when training is resumed: arrays and values that JSON can hold.

    >>> class Rate(Callback):
    ...     def on_epoch_end(self, run, row):
    ...         print(row["epoch"], row["rate"])
    """

    comes_last = False  # whether it is called after all callbacks that say no
    sets_rates = False  # of minidl's own: whether it may set rates; a user's may set all

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


class Lambda(Callback):
    """A callback made of functions, by the events that they are called at.

    >>> told = Lambda(on_epoch_end=lambda run, row: print(row["epoch"], row["loss"]))

    ArgumentError for an event that does not exist, or no function.
    """

    def __init__(self, **functions: Callable[..., Any]) -> None:
        for event, function in functions.items():
            if event not in EVENTS or not callable(function):
                got = f"{event}={function!r}"
                expected = f"functions for {', '.join(EVENTS)}"
                raise ArgumentError(explain("Lambda", expected, got))
        vars(self).update(functions)


def may_add_columns(callback: Callback) -> bool:
    """Whether a user wrote what the callback does at an epoch's end."""
    return not str(callback.on_epoch_end.__module__).startswith("minidl.")


def may_change_training(callback: Callback) -> bool:
    """Whether the callback may set weights or rates: a user's may."""
    if callback.sets_rates or isinstance(callback, Lambda):
        return True
    return not type(callback).__module__.startswith("minidl.")
