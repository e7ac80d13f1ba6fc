"""What training writes beside checkpoints: the best weights, a CSV file, TensorBoard's events."""

import csv
import io
import os
from time import time
from typing import Any

from ..checkpoint import save_model
from ..errors import MissingPackageError, explain
from ..tools.checks import to_path
from ..tools.disk import put, writable
from .callbacks import Callback
from .history import History, numbers_in
from .monitor import Monitor
from .run import Run


class BestWeights(Monitor):
    """Writes the model's weights to a file whenever `monitor`, a column of the history, is better
    than in all epochs before. `checkpoint.load_model` reads them. The file is complete or does not
    exist, whenever the process is killed. Needs the safetensors package.

    Columns, `mode` and errors as for every `Monitor`. To go on with a training, use `Checkpoint`.

    >>> BestWeights("best.safetensors", "validation_accuracy").monitor
    'validation_accuracy'
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "validation_loss",
        min_delta: float = 0.0,
        mode: str | None = None,
    ) -> None:
        super().__init__(monitor, min_delta, mode)
        self.path = to_path(self.operation, path)

    def check(self, run: Run, row: dict[str, Any]) -> None:
        """Checks the column, and that the file can be written."""
        super().check(run, row)
        writable(self.path)

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Writes the weights, if they are the best."""
        if self.is_better(row):
            save_model(run.model, self.path)


class CSVLogger(Callback):
    """Writes the history's columns of numbers to a CSV file after each epoch, a row for each epoch;
    numbers have all their digits. The file is always whole, also when training is resumed. Columns
    of your own callbacks are in it if they come before it in the list.

    >>> CSVLogger("run.csv").path.name
    'run.csv'
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = to_path("CSVLogger", path)

    def check(self, run: Run, row: dict[str, Any]) -> None:
        """Checks that the file can be written."""
        writable(self.path)

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Writes the file anew."""
        put(self.path, [as_csv(run.history).encode()])


def as_csv(history: History) -> str:
    """The history's columns of numbers, with a header; a cell is empty if a row has no number.

    >>> print(as_csv(History([{"epoch": 1, "loss": 0.1}, {"epoch": 2, "loss": 0.05, "f1": 1.0}])))
    epoch,loss,f1
    1,0.1,
    2,0.05,1.0
    <BLANKLINE>
    """
    rows = [{"epoch": row["epoch"]} | numbers_in(row) for row in history]
    text = io.StringIO()
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


class TensorBoard(Callback):
    """Writes the history's columns of numbers as scalars to a folder that `tensorboard --logdir`
    shows; their step is the epoch. When training is resumed, TensorBoard drops the epochs that are
    trained again.

    Needs the package tensorboard: `pip install 'minidl[tensorboard]'`; MissingPackageError without.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = to_path("TensorBoard", folder)
        self.writer: Any = None
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            hint = "pip install 'minidl[tensorboard]'"
            raise MissingPackageError(
                explain("TensorBoard", "the package tensorboard", error, hint)
            ) from error
        self._writer_of, self._events, self._summaries = EventFileWriter, event_pb2, summary_pb2

    def on_train_begin(self, run: Run) -> None:
        """Opens a file of events. It says from which epoch on it replaces older files."""
        self.writer = self._writer_of(str(self.folder))
        log = self._events.SessionLog(status=self._events.SessionLog.START)
        self._add(len(run.history) + 1, session_log=log)

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Writes the row."""
        values = [
            self._summaries.Summary.Value(tag=name, simple_value=float(value))
            for name, value in numbers_in(row).items()
        ]
        self._add(row["epoch"], summary=self._summaries.Summary(value=values))

    def _add(self, epoch: int, **what: Any) -> None:
        self.writer.add_event(self._events.Event(wall_time=time(), step=epoch, **what))
        self.writer.flush()

    def close(self, run: Run) -> None:
        """Closes the file."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None
