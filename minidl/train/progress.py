"""The progress of training: tqdm's bar, a line for each epoch, or messages of a logger."""

import io
import logging
import math
import sys
from time import perf_counter
from typing import Any, TextIO

import numpy as np

from ..errors import ArgumentError, explain
from .callbacks import Callback
from .history import numbers_in, shown
from .run import Run

LOGGER = logging.getLogger("minidl")
LINES = 100  # for epochs ...
PAUSE = 1.0  # ... or as many as come after so many seconds each
SECONDS = 0.05  # the least time between two displays within an epoch


def progress_of(wanted: Any) -> list[Callback]:
    """The callbacks that show progress: "bar", "line", "log", or False for none. True is the log of
    an application that has configured logging to show messages of the level INFO, else the bar, or
    the line if tqdm is missing."""
    if wanted not in (True, False, "bar", "line", "log"):
        expected = "progress: True, False, 'bar', 'line' or 'log'"
        raise ArgumentError(explain("fit", expected, repr(wanted)))
    if not wanted:
        return []
    if wanted == "log" or (wanted is True and LOGGER.isEnabledFor(logging.INFO)):
        return [Line(Log())]
    return [Line()] if wanted == "line" or not has_tqdm() else [Bar()]


def has_tqdm() -> bool:
    """Whether tqdm is installed."""
    try:
        from tqdm import tqdm  # noqa: F401
    except ImportError:
        return False
    return True


class Meter(Callback):
    """Counts samples and time for all displays. It tells once what makes training slow."""

    is_told = False

    def write(self, text: str) -> None:
        """Writes a separate line."""

    def on_train_begin(self, run: Run) -> None:
        """Starts the clock."""
        self.began = self.shown_at = perf_counter()
        self.samples, self.before = 0, run.feed.seen

    def on_epoch_begin(self, run: Run) -> None:
        """Starts counting this epoch's samples; in a resumed epoch, those to come."""
        self.before = run.feed.seen

    def on_steps(self, run: Run, losses: np.ndarray) -> None:
        """Counts; and shows, if the last display was long enough ago."""
        self.samples += run.feed.seen - self.before
        self.before = run.feed.seen
        if not self.is_told and run.stepper.is_slow():
            self.is_told = True
            self.write(
                f"each step is taken by itself, at half the speed or less: {run.stepper.why()}"
            )
        now = perf_counter()
        if now - self.shown_at >= SECONDS:
            self.shown_at = now
            self.show(run)

    def show(self, run: Run) -> None:
        """Shows the progress of the epoch."""

    def total(self, run: Run) -> int | None:
        """The samples of all epochs; None if unknown."""
        return None if run.feed.samples is None else run.epochs * run.feed.samples

    def done(self, run: Run) -> int:
        """The samples of all epochs so far."""
        return (run.epoch - 1) * (run.feed.samples or 0) + run.feed.seen


class Log(io.TextIOBase):
    """A file whose lines are messages of the logger "minidl", of the level INFO."""

    def write(self, text: str) -> int:
        """Hands a line on."""
        if text.strip():
            LOGGER.info("%s", text.strip())
        return len(text)


class Line(Meter):
    """A line for every epoch, of more than a hundred short ones for every so many; on a terminal it
    is overwritten until then."""

    def __init__(self, file: TextIO | io.TextIOBase | None = None) -> None:
        self.file = file or sys.stderr
        self.ended_at = 0.0  # when the last line did

    def on_train_begin(self, run: Run) -> None:
        """Says what a resume has found."""
        super().on_train_begin(run)
        if run.origin:
            self._write(f"{run.origin}\n")

    def write(self, text: str) -> None:
        """Writes a line of its own."""
        self._write(("\r\033[K" if self.file.isatty() else "") + text + "\n")

    def show(self, run: Run) -> None:
        """Writes the line again."""
        if self.file.isatty():
            values = {"loss": run.mean_loss, "rate": run.lr}
            self._write("\r\033[K" + self.text(run, values))

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Writes the epoch's last line."""
        is_one = run.epoch in (1, run.epochs) or run.epoch % math.ceil(run.epochs / LINES) == 0
        now = perf_counter()
        if not is_one and now - self.ended_at < PAUSE:
            return
        self.ended_at = now
        start = "\r\033[K" if self.file.isatty() else ""
        self._write(start + self.text(run, numbers_in(row)) + "\n")

    def on_train_end(self, run: Run) -> None:
        """Ends an unfinished line, and says why training stopped."""
        if run.stopped:
            self._write(
                ("\n" if self.file.isatty() and run.batch else "") + f"stopped: {run.stopped}\n"
            )

    def text(self, run: Run, values: dict[str, Any]) -> str:
        """Epoch, values, samples per second, and the time left."""
        parts = [f"epoch {run.epoch}/{run.epochs}"]
        parts += [f"{name} {shown(value)}" for name, value in values.items()]
        speed = self.samples / max(perf_counter() - self.began, 1e-9)
        parts.append(f"{speed:,.0f} samples/s")
        total = self.total(run)
        if total is not None and speed:
            seconds = round((total - self.done(run)) / speed)
            parts.append(f"{seconds // 60}:{seconds % 60:02d} left")
        return "  ".join(parts)

    def _write(self, text: str) -> None:
        self.file.write(text)
        self.file.flush()


class Bar(Meter):
    """tqdm's bar over all epochs."""

    def on_train_begin(self, run: Run) -> None:
        """Says what a resume has found, and opens the bar."""
        from tqdm.auto import tqdm

        super().on_train_begin(run)
        if run.origin:
            tqdm.write(run.origin, file=sys.stderr)
        done = len(run.history) * (run.feed.samples or 0) + run.feed.seen
        self.bar = tqdm(
            total=self.total(run), initial=done, unit=" samples", unit_scale=True,
            mininterval=0, miniters=1,  # minidl decides when it is shown
        )  # fmt: skip
        self.told = 0
        self.values: dict[str, float] = {}  # of the last epoch

    def write(self, text: str) -> None:
        """Writes a line above the bar."""
        self.bar.write(text, file=sys.stderr)

    def show(self, run: Run) -> None:
        """Moves the bar on."""
        values = self.values | ({"loss": run.mean_loss, "rate": run.lr} if run.batch else {})
        self.bar.total = self.total(run)
        self.bar.set_description(f"epoch {run.epoch}/{run.epochs}", refresh=False)
        self.bar.set_postfix({name: shown(x) for name, x in values.items()}, refresh=False)
        self.bar.update(self.samples - self.told)
        self.told = self.samples

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Keeps the results of the epoch."""
        self.values = numbers_in(row)

    def on_train_end(self, run: Run) -> None:
        """Shows the end, and says why training stopped."""
        self.show(run)
        if run.stopped:
            self.bar.write(f"stopped: {run.stopped}", file=sys.stderr)

    def close(self, run: Run) -> None:
        """Closes the bar, if there is one."""
        if hasattr(self, "bar"):
            self.bar.close()
