"""Batches: a data set in pieces, in order or shuffled, with pixels converted to floats."""

from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np

from ..engine.random import generator
from ..engine.tensor import Tensor, as_tensor
from ..engine.tensor.base import to_array
from ..errors import ArgumentError, DTypeError, ShapeError, explain
from ..tools.checks import declared, is_whole, not_negative, runs_as
from .checksum import checksum
from .kinds import rows_of
from .pixels import gathered, warn_unless_pixels


@declared
class Batches:
    """Batches (inputs, labels), or (inputs, labels, weights), which `batches` makes. Each iteration
    goes once through the data."""

    def __init__(
        self, x: Any, y: Any, batch_size: int, shuffle: bool, seed: int | None, drop_last: bool,
        scale: bool = True, sample_weight: Any = None,
    ) -> None:  # fmt: skip
        inputs = _checked_inputs(x)
        is_converted = inputs.dtype == np.uint8 and not scale
        self._x = np.asarray(inputs, np.float32 if is_converted else None, order="C")
        self._y = rows_of("batches", "y", y)
        if self.x.ndim == 0 or self.y.shape[:1] != self.x.shape[:1]:
            raise ShapeError(
                explain(
                    "batches",
                    "x of shape (n, ...) and y of shape (n, ...)",
                    f"{self.x.shape} and {self.y.shape}",
                )
            )
        self._weights = None
        if sample_weight is not None:
            self._weights = _checked_weights(sample_weight, len(self.x))
        self.batch_size = _checked_whole("batch_size", batch_size, 1)
        self._seed = None if seed is None else _checked_whole("seed", seed, 0)
        self._shuffle = shuffle
        self._drop_last = drop_last
        self._epoch = 0
        self._rows: np.ndarray | None = None  # those that are drawn from; None: all

    @property
    def x(self) -> np.ndarray:
        """The inputs of all rows. They were checked: for other inputs, make other batches."""
        return self._x

    @property
    def y(self) -> np.ndarray:
        """The labels of all rows, which were checked too."""
        return self._y

    @property
    def sample_weight(self) -> np.ndarray | None:
        """The weights of all rows, float64 (n,), which were checked too; None without weights."""
        return self._weights

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the batches' inputs: float32 for pixels, else that of x."""
        return np.dtype(np.float32) if self.x.dtype == np.uint8 else self.x.dtype

    def with_inputs(self, x: np.ndarray) -> "Batches":
        """Batches of other inputs (n, ...) for the same labels, in the same orders."""
        result = copy(self)
        result._x = np.asarray(x, order="C")
        if result.x.shape[:1] != self.x.shape[:1]:
            raise ShapeError(explain("batches", f"{len(self.x)} rows", result.x.shape))
        return result

    def among(self, rows: np.ndarray) -> "Batches":
        """Batches of these rows alone, in the orders of data without the others. No row is copied:
        the data may be larger than the memory."""
        result = copy(self)
        result._rows = self.checked_rows(rows)
        return result

    @property
    def count(self) -> int:
        """How many rows the batches are drawn from."""
        return len(self.x) if self._rows is None else len(self._rows)

    def __len__(self) -> int:
        """The number of batches in one iteration."""
        n = self.count
        return n // self.batch_size if self._drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self.walk(self.draw_order())

    def draw_order(self) -> np.ndarray:
        """The rows of the next iteration, int64 (n,), without those that `drop_last` leaves out.
        A call counts as an iteration."""
        order = np.arange(self.count, dtype=np.int64)
        if self._shuffle:
            self._generator().shuffle(order)
            self._epoch += 1
        return self.rows_at(order[: len(self) * self.batch_size])

    def rows_at(self, places: np.ndarray) -> np.ndarray:
        """The rows at these places among those that are drawn from."""
        return places if self._rows is None else self._rows[places]

    def _generator(self) -> "np.random.Generator":
        if self._seed is None:
            return generator()
        return np.random.default_rng((self._seed, self._epoch))

    @property
    def epoch(self) -> int:
        """How many orders were drawn; with a seed, it determines the next one. It can be set."""
        return self._epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch = _checked_whole("epoch", value, 0)

    def settings(self) -> dict[str, Any]:
        """What determines the batches of all epochs; the data by its checksum."""
        rows = {} if self._rows is None else {"rows": checksum(self._rows)}
        return {
            "batch_size": self.batch_size, "shuffle": self._shuffle, "seed": self._seed,
            "drop_last": self._drop_last, "data": checksum(*self._columns()), **rows,
        }  # fmt: skip

    def _columns(self) -> list[np.ndarray]:
        """The inputs, the labels, and the weights if there are any."""
        return [self.x, self.y] if self._weights is None else [self.x, self.y, self._weights]

    def walk(self, order: Any) -> Iterator[tuple[Any, ...]]:
        """The batches of these rows, such as those of draw_order(), or a part of them."""
        order = self.checked_rows(order)
        starts = range(0, len(order), self.batch_size)
        return (self._take(order[start : start + self.batch_size]) for start in starts)

    def take(self, rows: Any) -> tuple[Any, ...]:
        """One batch of these rows, however many they are."""
        return self._take(self.checked_rows(rows))

    def _take(self, rows: np.ndarray) -> tuple[Any, ...]:
        is_pixels = self.x.dtype == np.uint8
        inputs = gathered(self.x, rows) if is_pixels else self.x.take(rows, 0)
        return Tensor(inputs), *[column.take(rows, 0) for column in self._columns()[1:]]

    def checked_rows(self, rows: Any) -> np.ndarray:
        """The indices of rows, int64 (m,), as a copy; ArgumentError if they are not whole numbers,
        or out of range (negative ones do not count from the end)."""
        array = np.array(rows, order="C")  # a copy, which nobody can change after the check
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            got = f"{array.dtype} of shape {array.shape}"
            raise ArgumentError(explain("batches", "rows as a list of whole numbers", got))
        # As unsigned numbers, negative ones are the largest of all.
        if array.size and np.maximum.reduce(array.astype(np.uint64)) >= len(self.x):
            got = f"{array.min()} to {array.max()}"
            raise ArgumentError(explain("batches", f"rows from 0 to {len(self.x) - 1}", got))
        return array.astype(np.int64, copy=False)


def is_plain(data: Any) -> bool:
    """Whether these are `Batches` whose rows anyone may read in the order that they draw: no
    subclass or object changes the rows or the iteration."""
    return isinstance(data, Batches) and runs_as(data, Batches, "__iter__", "walk", "take")


def batches(
    x: Any,
    y: Any,
    batch_size: int,
    shuffle: bool = False,
    seed: int | None = None,
    drop_last: bool = False,
    scale: bool = True,
    sample_weight: Any = None,
) -> Batches:
    """The batches (x[i], y[i]) of `batch_size` rows, as (inputs, labels), for any number of epochs.

    - x: (n, ...). uint8 are pixels and become float32 from 0 to 1; float32 and float64 stay;
      other whole numbers stay too, as indices that a layer looks up. `inputs` is a tensor
      (batch, ...).
    - y: (n, ...) of any dtype; `labels` is an array (batch, ...) of it.
    - shuffle: each iteration, an epoch, has its own order. With a `seed` the order of epoch e
      depends on (seed, e) only; without one it comes from minidl's random numbers.
    - drop_last: leaves out the last batch if it is shorter than batch_size.
    - scale: False takes uint8 as counts, not pixels: they become float32 unscaled. GuardWarning if
      all are far below 255, as counts are; predict from counts by
      `predict(net, x.astype(np.float32))`.
    - sample_weight: one number for each row, finite and not negative. The batches are then
      (inputs, labels, weights), with weights float64 (batch,), the `sample_weight` of the losses.

    No batch shares memory with another or with the data. `x` and `y` are not copied, unless x is
    not contiguous or changes its dtype.

    ShapeError if x, y and the weights differ in length; DTypeError for other dtypes of x or the
    weights; ArgumentError for a batch_size below 1, a negative seed or weight.

    >>> x = np.array([[0, 51], [102, 153], [204, 255]], dtype=np.uint8)
    >>> data = batches(x, [7, 2, 1], batch_size=2)
    >>> len(data)
    2
    >>> for inputs, labels in data:
    ...     print(inputs, labels)
    tensor([[0. , 0.2],
            [0.4, 0.6]]) [7 2]
    tensor([[0.8, 1. ]]) [1]
    """
    made = Batches(x, y, batch_size, shuffle, seed, drop_last, scale, sample_weight)
    warn_unless_pixels("batches", made.x)
    return made


def _checked_inputs(x: Any) -> np.ndarray:
    array = as_tensor(x, "batches").data
    if array.dtype == bool:
        expected = "x of uint8 (pixels from 0 to 255), float32, float64 or whole numbers"
        raise DTypeError(explain("batches", expected, array.dtype, "x.astype(np.float32)"))
    return array


def _checked_weights(value: Any, rows: int) -> np.ndarray:
    array = np.asarray(to_array(value, np.float64, "batches"), order="C")
    if array.shape != (rows,):
        raise ShapeError(explain("batches", f"sample_weight of shape ({rows},)", array.shape))
    return not_negative("batches", "sample_weight", array)


def _checked_whole(name: str, value: Any, least: int) -> int:
    if not is_whole(value, least):
        raise ArgumentError(
            explain("batches", f"{name} as a whole number from {least} up", repr(value))
        )
    return int(value)
