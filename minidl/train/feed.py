"""The training data as steps: begin an epoch, then make some steps at a time."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice, pairwise
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from ..data.batches import Batches
from ..data.kinds import inputs_of, is_array, parts_of, single
from ..data.pixels import gathered, warn_unless_pixels
from ..engine.random import random_state, set_random_state
from ..engine.tensor import Tensor
from ..errors import ArgumentError, explain
from ..step.training import TrainingStep
from .readers import Reader

SECONDS = 0.1  # of training between two checks of progress, Ctrl-C and the loss
LOOKED_AT = 256  # rows that are checked before the first step
HELD = 64  # the most batches of an iterable that are held at a time; or a group of them
HELD_BYTES = 1 << 25  # the most memory that they take, unless a single one takes more

Batch = tuple[Any, Any, np.ndarray | None]  # x, y, and the rows' indices in the data, if known


class Feed(Protocol):
    """Steps on the training data. `steps` and `samples` are those of an epoch, None while unknown;
    `seen` counts the samples of this epoch so far."""

    data: Any
    steps: int | None
    samples: int | None
    seen: int
    usual: int  # the rows of a batch, if that is known
    rest: int  # the rows of the last batch, if it is known to have fewer; else 0

    @property
    def is_full(self) -> bool:
        """Whether it cannot hold more batches since the mark."""

    def begin(self, skip: int = 0) -> None:
        """Begins an epoch without its first `skip` batches."""

    def first(self, most: int = LOOKED_AT) -> tuple[Any, ...] | None:
        """Some rows of the data, with their weights if they have any, without a step; None if there
        are none yet."""

    def targets(self) -> Iterable[Any]:
        """All targets that exist before an epoch begins."""

    def upcoming(self) -> tuple[Any, Any] | None:
        """The next batch, without taking it; None at the epoch's end."""

    def train(self, step: TrainingStep, most: int) -> np.ndarray:
        """Makes at most `most` steps and returns their losses; none at the epoch's end."""

    def mark(self) -> None:
        """Sets the mark from which again() and batch() count, across epochs."""

    def again(self, step: TrainingStep, count: int) -> None:
        """Makes the first `count` steps since the mark again, with their random numbers."""

    def batch(self, i: int) -> Batch:
        """The i-th batch since the mark."""

    def held(self) -> Iterator[Batch]:
        """All batches that can be examined."""

    def inputs(self) -> Iterator[Any]:
        """x of each batch of another epoch, whose order does not matter."""

    def state_dict(self) -> dict[str, Any]:
        """What determines the next epoch's order, besides minidl's random numbers."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a state of state_dict()."""

    def settings(self) -> dict[str, Any]:
        """What determines the batches of all epochs, as far as it is known."""


class RowFeed:
    """The rows of `Batches`; their floats are converted to a model's dtype once."""

    def __init__(self, data: Batches, dtype: np.dtype | None = None) -> None:
        self.given, self.data = data, in_dtype(data, dtype)
        self.steps: int | None = len(data)
        if not self.steps:
            hint = "a smaller batch_size" if data.count else ""
            raise ArgumentError(explain("fit", "at least one batch", f"{data.count} rows", hint))
        self.samples: int | None = min(data.count, len(data) * data.batch_size)
        self.usual = min(data.batch_size, data.count)
        self.rest = self.samples % self.usual
        self.seen = 0
        self.is_full = False
        self.order = np.empty(0, np.int64)
        # The rows since the mark, epoch by epoch, and the random state there.
        self.since: list[tuple[np.ndarray, dict[str, Any]]] = []

    def begin(self, skip: int = 0) -> None:
        """Draws the epoch's order."""
        self.order = self.given.draw_order()
        self.seen = min(skip * self.data.batch_size, len(self.order))
        self._keep()

    def first(self, most: int = LOOKED_AT) -> tuple[Any, ...] | None:
        """The first rows of the data, as the model gets them."""
        count = min(self.data.count, most)
        return self.data.take(self.data.rows_at(np.arange(count) * self.data.count // count))

    def targets(self) -> Iterable[Any]:
        """The targets of all rows."""
        return [self.data.y]

    def upcoming(self) -> tuple[Any, Any] | None:
        """The rows of the next batch."""
        rows = self._coming(1)
        return self.data.take(rows)[:2] if len(rows) else None

    def train(self, step: TrainingStep, most: int) -> np.ndarray:
        """The next rows, in one kernel call if the kernel can."""
        rows = self._coming(most)
        self.seen += len(rows)
        return step.on_checked_rows(self.data, rows)

    def mark(self) -> None:
        """Drops the rows before it."""
        self.since = []
        self._keep()

    def _keep(self) -> None:
        """Keeps the rest of this epoch's order."""
        self.since.append((self.order[self.seen :], random_state()))

    def again(self, step: TrainingStep, count: int) -> None:
        """Trains on the same rows, from the mark on."""
        size = self.data.batch_size
        for rows, random in self.since:
            set_random_state(random)
            if count * size < len(rows):
                rows = rows[: step.options.down(count) * size]
            count -= len(step.on_checked_rows(self.data, rows))

    def batch(self, i: int) -> Batch:
        """The i-th batch of the rows from the mark on."""
        size = self.data.batch_size
        batches = [rows[k : k + size] for rows, _ in self.since for k in range(0, len(rows), size)]
        return (*self.data.take(batches[i])[:2], batches[i])

    def held(self) -> Iterator[Batch]:
        """The whole data."""
        yield self.data.x, self.data.y, np.arange(len(self.data.x))

    def inputs(self) -> Iterator[Any]:
        """All rows, in the order of the data."""
        rows = self.data.rows_at(np.arange(self.samples or 0))
        return (batch[0] for batch in self.data.walk(rows))

    def _coming(self, steps: int) -> np.ndarray:
        return self.order[self.seen : self.seen + steps * self.data.batch_size]

    def state_dict(self) -> dict[str, Any]:
        """The number of the next epoch."""
        return {"epoch": self.given.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with that epoch."""
        self.given.epoch = state["epoch"]

    def settings(self) -> dict[str, Any]:
        """Those of the batches."""
        return self.given.settings()


class IterableFeed:
    """The batches of an iterable, which starts anew for each epoch; pixels and floats are converted
    as in `Batches`. It keeps copies of the batches since the mark, as they may be needed again, and
    the random state after each."""

    def __init__(self, data: Any, dtype: np.dtype | None = None) -> None:
        self.data, self.dtype = data, dtype
        self.listed = data if isinstance(data, (list, tuple)) else ()
        self.reader = data if isinstance(data, Reader) else Reader()
        self.steps, self.samples = self.reader.steps, self.reader.samples
        self.usual, self.rest = LOOKED_AT, 0
        self.seen = 0
        self.iterator: Iterator[Any] = iter(())
        self.kept: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.most_kept = HELD  # by the largest batch so far
        self.begun = [0]  # the places among them, after the mark, where an epoch begins

    @property
    def is_full(self) -> bool:
        """Whether a new mark is needed."""
        return len(self.kept) >= self.most_kept

    def begin(self, skip: int = 0) -> None:
        """Starts the iterable from its beginning."""
        self.iterator = self._batches(self.data)
        self.seen = sum(len(batch[1]) for batch in islice(self.iterator, skip))
        self.begun.append(len(self.kept))

    def _batches(self, data: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        return ((self._input(x), single(y), *w) for x, y, *w in parts_of("fit", data))

    def _input(self, x: Any) -> Any:
        if not is_array(x):
            return x
        array = inputs_of("fit", x, self.dtype)
        if array.dtype == np.uint8:
            warn_unless_pixels("fit", array)
            return Tensor(gathered(array, np.arange(len(array))))
        return x if isinstance(x, Tensor) and array is x.data else array

    def first(self, most: int = LOOKED_AT) -> tuple[Any, ...] | None:
        """The first batch of a list or a data set; else the next one, once an epoch has begun."""
        known = self.listed[:1] or self.reader.first()
        return next(self._batches(known), None) if known else self._next()

    def targets(self) -> Iterable[Any]:
        """The targets of a list of batches."""
        return [single(batch[1]) for batch in parts_of("fit", self.listed)]

    def upcoming(self) -> tuple[Any, Any] | None:
        """x and y of the next batch."""
        batch = self._next()
        return None if batch is None else (batch[0], batch[1])

    def _next(self) -> tuple[Any, ...] | None:
        """Takes the next batch out and puts it back."""
        batch = next(self.iterator, None)
        if batch is not None:
            self.iterator = chain([batch], self.iterator)
        return batch

    def train(self, step: TrainingStep, most: int) -> np.ndarray:
        """The next batches, one by one."""
        room = self.most_kept - len(self.kept)
        most = max(step.options.down(min(most, room)), step.options.accumulate)
        losses = step.on_batches(self._taken(most))
        if not len(losses):
            self.samples = self.seen
        return losses

    def _taken(self, most: int) -> Iterator[Any]:
        """The next batches; copies of them are kept."""
        for batch in islice(self.iterator, most):
            copies = tuple(map(copied, batch))
            self.kept.append((copies, random_state()))
            size = sum(np.asarray(part).nbytes for part in copies)
            self.most_kept = min(self.most_kept, max(1, HELD_BYTES // max(1, size)))
            yield batch
            self.seen += len(batch[1])

    def mark(self) -> None:
        """Forgets the copies."""
        self.kept, self.begun = [], [0]

    def again(self, step: TrainingStep, count: int) -> None:
        """Trains on the copies, from the first on."""
        for first, end in pairwise([*self.begun, len(self.kept)]):
            if count < end:
                end = first + step.options.down(max(0, count - first))
            step.on_batches(self._again(first, end))

    def _again(self, first: int, end: int) -> Iterator[Any]:
        """These copies, each with its random state."""
        for batch, random in self.kept[first:end]:
            set_random_state(random)
            yield batch

    def batch(self, i: int) -> Batch:
        """The copy of a batch."""
        batch, _ = self.kept[i]
        return (*batch[:2], None)

    def held(self) -> Iterator[Batch]:
        """The copies."""
        return ((*batch[:2], None) for batch, _ in self.kept)

    def inputs(self) -> Iterator[Any]:
        """x of the batches of another iteration."""
        return (batch[0] for batch in self._batches(self.data))

    def state_dict(self) -> dict[str, Any]:
        """That of a reader; an iterable of the user's keeps its own."""
        return self.reader.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from that state."""
        self.reader.load_state_dict(state)

    def settings(self) -> dict[str, Any]:
        """Those of a reader; nothing is known of an iterable of the user's."""
        return self.reader.settings()


class Pace:
    """Finds out, during training, how many steps fill the time between two checks."""

    def __init__(self) -> None:
        self.steps = 1
        self._began = 0.0

    def start(self) -> None:
        """Starts the clock."""
        self._began = perf_counter()

    def took(self, steps: int) -> None:
        """Tells that `steps` steps were made since start()."""
        if steps:
            fitting = SECONDS * steps / max(perf_counter() - self._began, 1e-9)
            self.steps = max(1, min(int(fitting), 4 * self.steps))


def in_dtype(data: Batches, dtype: np.dtype | None) -> Batches:
    """The same batches, with floats of this dtype."""
    x = inputs_of("fit", data.x, dtype)
    return data if x is data.x else data.with_inputs(x)


def copied(value: Any) -> Any:
    """A copy of the present values."""
    array = value.data if isinstance(value, Tensor) else np.asarray(value)
    return Tensor(array.copy()) if isinstance(value, Tensor) else array.copy()
