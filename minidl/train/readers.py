"""Data in other forms as pairs and batches: dicts, data sets of samples, endless iterables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..data.batches import batches, is_plain
from ..data.kinds import is_array, is_gone_through_once, is_pair
from ..engine.random import preserved
from ..engine.tensor import Tensor
from ..errors import ArgumentError, ShapeError, explain
from ..tools.checks import is_whole

PAIR = "key=('x', 'y'), or ('x', 'y', 'weight')"
BATCH_SIZE = 64

Key = Sequence[Any] | None  # the names of x and y, and maybe of the weights


def read(
    operation: str, data: Any, key: Key = None, batch_size: int | None = None,
    shuffle: bool = False, seed: int | None = None,
) -> Any:  # fmt: skip
    """The data as a pair (x, y) or as batches, whatever its form.

    - A dict of columns or a table with a `key` becomes the pair (data[key[0]], data[key[1]]).
    - A data set, which has data[i] and len(data), becomes batches of its samples. An object that
      can be iterated too is a data set if a batch_size is given, or if data[0] has a single
      number as y; else it gives batches.
    - Batches that are dicts become tuples by the `key`.
    """
    require_key(operation, data, key)
    if key is not None and has_columns(data):
        return picked(operation, data, key)
    if is_data_set(data, batch_size, key):
        size = BATCH_SIZE if batch_size is None else batch_size
        return Samples(operation, data, key, size, shuffle, seed)
    return data if key is None else Keyed(operation, data, key)


def require_key(operation: str, data: Any, key: Any) -> None:
    """ArgumentError unless the key is None or names two or three parts, and the data has names."""
    if key is None:
        return
    if not isinstance(key, (tuple, list)) or len(key) not in (2, 3):
        raise ArgumentError(explain(operation, PAIR, f"key={key!r}"))
    if is_pair(data) or is_plain(data):
        expected = "a key beside batches or samples that are dicts"
        raise ArgumentError(explain(operation, expected, type(data).__name__, "no key"))
    if has_columns(data) and len(key) == 3:
        hint = f"sample_weight=data[{key[2]!r}]"
        raise ArgumentError(explain(operation, "a key of x and y for columns", key, hint))


def has_columns(data: Any) -> bool:
    """Whether this is a dict of columns, or a table."""
    return isinstance(data, Mapping) or hasattr(data, "columns")


def is_data_set(data: Any, batch_size: int | None, key: Key = None) -> bool:
    """Whether data[i] are samples."""
    if is_pair(data) or is_plain(data) or is_array(data) or isinstance(data, (Mapping, str)):
        return False
    if isinstance(data, (list, tuple)) and any(map(is_array, data)):
        return False
    is_indexed = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if batch_size is not None or not hasattr(data, "__iter__"):
        return is_indexed
    with preserved():  # data[0] may draw random numbers
        return is_indexed and len(data) > 0 and is_sample(data[0], key)


def is_sample(part: Any, key: Key) -> bool:
    """Whether y of this part of the data is a single number."""
    if key is not None:
        return isinstance(part, Mapping) and key[1] in part and np.ndim(part[key[1]]) == 0
    return isinstance(part, (tuple, list)) and len(part) in (2, 3) and np.ndim(part[1]) == 0


def picked(operation: str, part: Any, key: Sequence[Any]) -> tuple[Any, ...]:
    """The values of these names; ArgumentError if one is missing."""
    try:
        return tuple(named(part, name) for name in key)
    except (KeyError, IndexError, TypeError):
        names = list(part) if hasattr(part, "keys") else type(part).__name__
        expected = f"the names {', '.join(map(repr, key))} in each part of the data"
        raise ArgumentError(explain(operation, expected, names)) from None


def named(part: Any, name: Any) -> Any:
    """What has this name; several columns for a list of names."""
    return part.select(name) if isinstance(name, list) and hasattr(part, "select") else part[name]


class Reader:
    """Batches (x, y) or (x, y, weights), which begin anew in each iteration. `steps` and `samples`
    are those of an epoch, None while unknown."""

    steps: int | None = None
    samples: int | None = None

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError

    def first(self) -> list[Any]:
        """A batch that can be read before an iteration begins, if there is one."""
        return []

    def state_dict(self) -> dict[str, Any]:
        """What determines the next iteration."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from that state."""

    def settings(self) -> dict[str, Any]:
        """What determines all iterations, as far as it is known."""
        return {}


class Keyed(Reader):
    """Batches that are dicts, as tuples."""

    def __init__(self, operation: str, data: Any, key: Sequence[Any]) -> None:
        self.operation, self.data, self.key = operation, data, key

    def __iter__(self) -> Iterator[Any]:
        return (picked(self.operation, batch, self.key) for batch in self.data)


class Samples(Reader):
    """The samples data[0] to data[len(data) - 1] of a data set, stacked to batches. Each is read
    when its batch is made, so the data may be larger than the memory. The order is that of
    `data.batches`.

    >>> class Squares:
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, i):
    ...         return np.float32([i]), i * i
    >>> for x, y in Samples("fit", Squares(), None, batch_size=2):
    ...     print(x.tolist(), y)
    [[0.0], [1.0]] [0 1]
    [[2.0]] [4]
    """

    def __init__(
        self, operation: str, data: Any, key: Key, batch_size: int, shuffle: bool = False,
        seed: int | None = None,
    ) -> None:  # fmt: skip
        count = len(data)
        if not count:
            raise ArgumentError(explain(operation, "at least one sample", "none"))
        self.operation, self.data, self.key = operation, data, key
        self.rows = batches(np.arange(count), np.arange(count), batch_size, shuffle, seed)
        self.steps, self.samples = len(self.rows), count

    def __iter__(self) -> Iterator[Any]:
        return (self.batch(y) for _, y in self.rows)

    def first(self) -> list[Any]:
        """The batch of the first samples."""
        return [self.batch(np.arange(min(self.rows.batch_size, len(self.data))))]

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """The batch of these samples."""
        samples = [self.sample(i) for i in rows.tolist()]
        parts = set(map(len, samples))
        if not parts <= {2} and not parts <= {3}:
            got = f"samples of {' and '.join(map(str, sorted(parts)))} parts"
            raise ArgumentError(explain(self.operation, "samples (x, y)", got))
        return tuple(stacked(self.operation, values) for values in zip(*samples, strict=True))

    def sample(self, i: int) -> Any:
        """The parts of a sample."""
        sample = self.data[i]
        if self.key is not None:
            return picked(self.operation, sample, self.key)
        if not isinstance(sample, (tuple, list)):
            got = f"a {type(sample).__name__} as data[{i}]"
            hint = PAIR if isinstance(sample, Mapping) else "data[i] -> (x, y)"
            raise ArgumentError(explain(self.operation, "samples (x, y)", got, hint))
        return sample

    def state_dict(self) -> dict[str, Any]:
        """The number of the next epoch."""
        return {"epoch": self.rows.epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on with that epoch."""
        self.rows.epoch = state["epoch"]

    def settings(self) -> dict[str, Any]:
        """Those of the order; the samples themselves are not compared."""
        return self.rows.settings()


class Rows(Reader):
    """These rows of x and y, some at a time, so that no more than these are in memory.

    >>> for x, y in Rows(np.arange(6), np.arange(6) ** 2, np.array([1, 4, 5]), 2):
    ...     print(x, y)
    [1 4] [ 1 16]
    [5] [25]
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, rows: np.ndarray, size: int = 1024) -> None:
        self.x, self.y, self.rows, self.size = x, y, rows, size

    def __iter__(self) -> Iterator[Any]:
        pieces = np.split(self.rows, range(self.size, len(self.rows), self.size))
        return ((self.x[rows], self.y[rows]) for rows in pieces)


class Stream(Reader):
    """An iterable in epochs of `steps` batches. Each epoch goes on where the one before ended; an
    iterable that ends and can be iterated again begins anew.

    >>> from itertools import count
    >>> stream = Stream("fit", count(), steps=3)
    >>> list(stream), list(stream)
    ([0, 1, 2], [3, 4, 5])
    """

    def __init__(self, operation: str, data: Any, steps: int) -> None:
        self.operation, self.data, self.steps = operation, data, steps
        self.source: Iterator[Any] | None = None
        self.taken = 0

    def __iter__(self) -> Iterator[Any]:
        return (self.next_batch() for _ in range(self.steps or 0))

    def next_batch(self) -> Any:
        """The next batch; ArgumentError if there is none."""
        for _ in range(2):
            if self.source is None:
                self.source = iter(self.data)
            for batch in self.source:
                self.taken += 1
                return batch
            if is_gone_through_once(self.data):
                break
            self.source = None
        expected = f"{self.steps} batches in every epoch"
        got = f"data that ends after {self.taken}"
        hint = "an endless generator, or an iterable that can be iterated again"
        raise ArgumentError(explain(self.operation, expected, got, hint))

    def state_dict(self) -> dict[str, Any]:
        """How many batches were taken."""
        return {"taken": self.taken}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes as many batches again, from the beginning of the data."""
        self.source, self.taken = None, 0
        for _ in range(state["taken"]):
            self.next_batch()

    def settings(self) -> dict[str, Any]:
        """The length of an epoch."""
        return {"steps_per_epoch": self.steps}


def stream_of(operation: str, data: Any, steps_per_epoch: Any) -> Any:
    """The data, in epochs of so many batches if that is wanted."""
    if steps_per_epoch is None:
        return data
    if not is_whole(steps_per_epoch, 1):
        expected = "steps_per_epoch: a whole number from 1 up"
        raise ArgumentError(explain(operation, expected, repr(steps_per_epoch)))
    if is_pair(data) or is_plain(data) or isinstance(data, Samples):
        expected = "steps_per_epoch beside an iterable of batches"
        raise ArgumentError(explain(operation, expected, "data with an end", "no steps_per_epoch"))
    return Stream(operation, data, int(steps_per_epoch))


def stacked(operation: str, values: Sequence[Any]) -> np.ndarray:
    """One part of some samples as an array (samples, ...); ShapeError if their shapes differ."""
    arrays = [value.data if isinstance(value, Tensor) else np.asarray(value) for value in values]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        got = " and ".join(map(str, sorted(shapes)[:2]))
        raise ShapeError(explain(operation, "samples of one shape", got))
    return np.stack(arrays)
