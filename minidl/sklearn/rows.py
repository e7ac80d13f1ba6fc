"""The rows that an estimator trains on: batches in scikit-learn's order."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..data.batches import Batches
from ..errors import ArgumentError, explain


class Sample(NamedTuple):
    """Checked data: x is an array or a CSR matrix, y the loss's targets, labels the user's y."""

    x: Any
    y: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None

    def __len__(self) -> int:
        return self.x.shape[0]

    def take(self, rows: np.ndarray) -> "Sample":
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return Sample(self.x[rows], self.y[rows], self.labels[rows], weights)

    def without_weightless(self, operation: str) -> "Sample":
        """The rows that count: a row with weight 0 is the same as no row. ArgumentError if none
        counts."""
        if self.weights is None or self.weights.all():
            return self
        if not self.weights.any():
            wanted = "a row with a weight above 0"
            raise ArgumentError(explain(operation, wanted, "weights that are all zero"))
        return self.take(np.flatnonzero(self.weights))


class InOrder:
    """The order of the rows, shuffled as in scikit-learn: each epoch shuffles the last order.

    A last batch of fewer than `least` rows is left out.
    """

    order: np.ndarray
    batch_size: int
    least: int = 1

    @property
    def used(self) -> np.ndarray:
        """The rows of an epoch in their order."""
        rest = len(self.order) % self.batch_size
        return self.order[: len(self.order) - rest] if 0 < rest < self.least else self.order

    def shuffle(self, random_state: np.random.RandomState) -> None:
        """Changes the order."""
        shuffled = np.arange(len(self.order))
        random_state.shuffle(shuffled)
        self.order = self.order[shuffled]

    def totals(self, weights: np.ndarray | None) -> np.ndarray:
        """The sum of the weights of each batch; without weights the number of its rows."""
        used = self.used
        starts = np.arange(0, len(used), self.batch_size)
        if weights is None:
            return np.minimum(self.batch_size, len(used) - starts).astype(np.float64)
        return np.add.reduceat(weights[used], starts)

    def draw_order(self) -> np.ndarray:
        """The rows of the next iteration."""
        return self.used


class DenseRows(InOrder, Batches):
    """Batches of an array, which the kernels may gather by themselves."""

    def __init__(self, x: np.ndarray, y: np.ndarray, batch_size: int) -> None:
        super().__init__(x, y, batch_size, shuffle=False, seed=None, drop_last=False)
        self.order = np.arange(len(x))


class SparseRows(InOrder):
    """Batches of a CSR matrix, each made dense when its turn comes."""

    def __init__(self, x: Any, y: np.ndarray, batch_size: int) -> None:
        self.x, self.y, self.batch_size = x, y, batch_size
        self.order = np.arange(x.shape[0])

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        used = self.used
        for start in range(0, len(used), self.batch_size):
            rows = used[start : start + self.batch_size]
            yield self.x[rows].toarray(), self.y[rows]


def rows_of(x: Any, y: np.ndarray, batch_size: int) -> DenseRows | SparseRows:
    """The batches of an array or a CSR matrix."""
    return (DenseRows if isinstance(x, np.ndarray) else SparseRows)(x, y, batch_size)
