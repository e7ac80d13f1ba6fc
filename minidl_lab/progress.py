"""The progress of the laboratory, and the time that it still needs."""

import shutil
import sys
from collections.abc import Sequence
from time import monotonic
from typing import TextIO

from .experiment import Experiment
from .scale import Scale

EVERY = 60  # seconds between lines, where they cannot be written over


class Progress:
    """On stderr, a line for each experiment. On a terminal another line shows the present cell; in
    a file or pipe whole lines tell that an experiment begins and, once a minute, how far it is.

    The time left is the expected time of the experiments to come, times how much slower or faster
    than expected the work has been so far. A cell that was found in the folder counts with the time
    that it once took.
    """

    def __init__(
        self, experiments: Sequence[Experiment], scale: Scale, file: TextIO | None = None
    ) -> None:
        self.file = file or sys.stderr
        self.expected = {one.name: one.seconds[scale.name] for one in experiments}
        self.names = [one.name for one in experiments]
        self.ahead = sum(self.expected.values())  # expected, of the experiments not yet ended
        self.said = self.took = 0.0  # expected and measured, of those that have ended
        self.now = ""

    def experiment_begins(self, experiment: Experiment) -> None:
        """The next one."""
        self.now, self.done, self.cells = experiment.name, 0.0, 0
        self.began = self.told = monotonic()
        if self.file.isatty():
            self._over(f"{self._place()}: begins")
        else:
            self._write(f"{self._place()} begins\n")

    def cell_begins(self, words: str) -> None:
        """Shows what is measured."""
        self._over(f"{self._place()}: {words}")

    def cell_ends(self, seconds: float) -> None:
        """Counts it."""
        self.done, self.cells = self.done + seconds, self.cells + 1
        now = monotonic()
        if not self.file.isatty() and now - self.told >= EVERY:
            self.told = now
            self._write(
                f"{self._place()}: {self.cells} cells, {clock(now - self.began)} elapsed, "
                f"{clock(self.left())} left\n"
            )

    def experiment_ends(self, verdict: object) -> None:
        """A line that stays."""
        said = self.expected[self.now]
        self.ahead -= said
        self.said, self.took = self.said + said, self.took + self.done
        start = "\r\033[K" if self.file.isatty() else ""
        self._write(f"{start}{self._place()} {self.done:.0f} s  {verdict}\n")
        self.now = ""

    def left(self) -> float:
        """Seconds that are probably left."""
        pace = self.took / self.said if self.said else 1.0
        current = min(self.done, self.expected[self.now] * pace) if self.now else 0.0
        return max(0.0, self.ahead * pace - current)

    def _place(self) -> str:
        number = self.names.index(self.now) + 1
        return f"[{number}/{len(self.names)}] {self.now}"

    def _over(self, text: str) -> None:
        if self.file.isatty():
            width = shutil.get_terminal_size().columns - 1  # the last column would wrap
            self._write("\r\033[K" + f"{clock(self.left())} left  {text}"[:width])

    def _write(self, text: str) -> None:
        self.file.write(text)
        self.file.flush()


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(4), clock(3600)
    ('0:04', '60:00')
    """
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
