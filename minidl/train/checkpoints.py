"""`Checkpoint`: saves everything that training goes on from; and how training goes on from it."""

import os
from time import monotonic
from typing import Any

import numpy as np

from ..checkpoint import Folder
from ..errors import ArgumentError, CheckpointError, MinidlError, explain
from ..tools.checks import is_number, is_whole
from .callbacks import Callback
from .monitor import require_column, sign_of, value_of
from .run import Run
from .same import settings_of
from .state import OF_OTHER_FILES, load_whole, split, whole


class Checkpoint(Callback):
    """Saves training to a folder: at the beginning, after each epoch, and when it is interrupted.

    On request also after every `every_steps` steps, or about every `every_seconds` seconds. A file
    is complete or does not exist, whenever the process is killed. The newest `keep` files stay;
    with a `monitor`, a column of the history, also the one after the best epoch (`mode`: "min" or
    "max", as for EarlyStopping). `fit(..., resume=True)` goes on from the newest file;
    `checkpoint.load_model` reads the weights alone. Needs the safetensors package.

    ArgumentError for a folder that has another training, and for options out of range.
    """

    comes_last = True  # so that it saves what the other callbacks have learned from the epoch

    def __init__(
        self,
        folder: str | os.PathLike[str] | Folder,
        every_steps: int | None = None,
        every_seconds: float | None = None,
        keep: int = 3,
        monitor: str | None = None,
        mode: str | None = None,
    ) -> None:
        if every_steps is not None and not is_whole(every_steps, 1):
            expected = "every_steps: a whole number from 1 up"
            raise ArgumentError(explain("Checkpoint", expected, repr(every_steps)))
        if every_seconds is not None and not (is_number(every_seconds) and every_seconds >= 0):
            expected = "every_seconds: a number from 0 up"
            raise ArgumentError(explain("Checkpoint", expected, repr(every_seconds)))
        self.folder = folder if isinstance(folder, Folder) else Folder(folder, keep)
        self.every_steps, self.every_seconds = every_steps, every_seconds
        self.monitor = monitor
        self.sign = 1 if monitor is None else sign_of("Checkpoint", monitor, mode)
        self.saved_at = monotonic()

    def check(self, run: Run, row: dict[str, Any]) -> None:
        """Checks that there will be such a column, and that the folder is writable."""
        if self.monitor is not None:
            require_column("Checkpoint", run, row, self.monitor)
        self.folder.require_writable()

    def on_train_begin(self, run: Run) -> None:
        """Saves the beginning. ArgumentError for a folder with another training, whose files would
        be mistaken for later ones of this training."""
        newest = self.folder.newest()
        if newest is not None and newest.step > run.step:
            got = f"{self.folder.path} with a training that is at step {newest.step}"
            hint = "resume=True, or another folder"
            raise ArgumentError(explain("Checkpoint", "a folder for this training", got, hint))
        if newest is None or newest.path != run.resumed:  # else training goes on from this file
            self.save(run)
        self.saved_at = monotonic()

    def most_steps(self, run: Run) -> int | None:
        """The number of steps to the next multiple of every_steps."""
        return self.every_steps and self.every_steps - run.step % self.every_steps

    def on_steps(self, run: Run, losses: np.ndarray) -> None:
        """Saves if it is due."""
        is_due = self.every_steps is not None and run.step % self.every_steps == 0
        if self.every_seconds is not None:
            is_due = is_due or monotonic() - self.saved_at >= self.every_seconds
        if is_due:
            self.save(run)

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Saves, with the score of this epoch."""
        if self.monitor is None:
            self.save(run)
        else:
            self.save(run, self.sign * value_of("Checkpoint", row, self.monitor))

    def on_stop(self, run: Run) -> None:
        """Saves where training stopped."""
        self.save(run)

    def save(self, run: Run, score: float | None = None) -> None:
        """Writes a checkpoint."""
        arrays, state = split(whole(run))
        self.folder.save(run.step, arrays, state, score)
        self.saved_at = monotonic()


def resume(run: Run, wanted: Any, validation: Any) -> None:
    """Notes the settings of the training, if it is saved, and goes on from the newest checkpoint:
    of the folder `wanted`, or for True of the callback's. If that has no checkpoint yet, training
    begins; any other folder without one is refused."""
    folders = [c.folder for c in run.callbacks if isinstance(c, Checkpoint)]
    is_wanted = wanted is not None and wanted is not False
    if folders or is_wanted:
        run.settings = settings_of(run, validation)
    if not is_wanted:
        return
    if wanted is True:
        if len(folders) != 1:
            hint = 'callbacks=[Checkpoint("run")]'
            expected = "one Checkpoint among the callbacks for resume=True"
            raise ArgumentError(explain("fit", expected, len(folders), hint))
        folder = folders[0]
    else:
        folder = wanted if isinstance(wanted, Folder) else Folder(wanted)
    saved = folder.newest()
    if saved is None:
        if folder.path.resolve() not in [own.path.resolve() for own in folders]:
            hint = "resume=True, which begins where the folder of the Checkpoint has none yet"
            expected = f"a checkpoint in {folder.path} to resume"
            raise ArgumentError(explain("fit", expected, "none", hint))
        run.origin = f"begins: no checkpoint in {folder.path} to resume"
        return
    run.origin, run.resumed = f"resumes {saved.path}", saved.path
    try:
        if saved.state["run:step"] != saved.step:
            raise ValueError(f"step {saved.state['run:step']!r}")
        load_whole(run, {**saved.arrays, **saved.state})
    except OF_OTHER_FILES as error:
        if isinstance(error, MinidlError):
            raise
        got = f"{saved.path}: {type(error).__name__}: {error}"
        hint = "checkpoint.load_model, for its weights alone"
        raise CheckpointError(explain("fit", "a file that a Checkpoint saved", got, hint)) from None
