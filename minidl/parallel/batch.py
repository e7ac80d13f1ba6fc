"""A batch that gives out any of its rows, so that a rank makes only those of its shards."""

from collections.abc import Callable
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from ..data.batches import Batches
from ..engine.tensor import Tensor
from ..errors import ArgumentError, ShapeError, explain

LOOKED_AT = 4096  # targets that are compared between the ranks


class Batch(NamedTuple):
    """A batch: its targets, and a function that gives (x, y) or (x, y, weights) of some rows."""

    y: np.ndarray
    take: Callable[[slice], tuple[Any, ...]]

    def facts(self) -> str:
        """What shows whether two ranks have the same batch."""
        targets = np.ascontiguousarray(self.y.reshape(-1)[:LOOKED_AT])
        text = targets.dtype.kind == "O"
        mark = crc32(repr(targets.tolist()).encode() if text else targets.tobytes())
        return f"{len(self.y)} rows, whose targets have the checksum {mark:08x}"


def of_rows(batches: Batches, rows: np.ndarray) -> Batch:
    """These rows of the data."""
    return Batch(batches.y.take(rows, 0), lambda part: batches.take(rows[part]))


def of_arrays(x: Any, y: Any, sample_weight: Any = None) -> Batch:
    """A batch of arrays or tensors; errors for what has no rows, and if x and y differ in rows."""
    columns = [x, y] if sample_weight is None else [x, y, sample_weight]
    for name, value in zip(("x", "y", "sample_weight"), columns, strict=False):
        if isinstance(value, Tensor) and value.requires_grad:
            got, hint = f"{name} that wants a gradient", f"{name}.detach()"
            raise ArgumentError(explain("DataParallel", "constant data", got, hint))
    arrays = [v.data if isinstance(v, Tensor) else np.asarray(v) for v in columns]
    if any(a.ndim == 0 for a in arrays) or len({len(a) for a in arrays}) != 1 or not len(arrays[0]):
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise ShapeError(explain("DataParallel", "as many rows of x as of y, 1 or more", shapes))
    return Batch(arrays[1], lambda part: tuple(array[part] for array in arrays))
