"""Reductions over one, several or all axes."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from ..errors import ArgumentError, ShapeError, explain
from .arrays import FLOATS, same, summed
from .base import Base, apply, new_result, normal_axes
from .keywords import Never, refuse
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor

Axis = int | tuple[int, ...] | None


def of_extremum(dy: Any, x: Any, result: Any, kept: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """The gradient of a largest or smallest element, which those share that are the same."""
    winners = same(x, result.reshape(kept))
    share = dy.reshape(kept) / winners.sum(axis=axes, keepdims=True).astype(dy.dtype)
    return np.where(winners, share, 0)


SUM = Operation("sum", x=lambda dy, kept, shape: np.broadcast_to(dy.reshape(kept), shape))
MEAN = Operation(
    "mean",
    x=lambda dy, kept, shape, count: np.broadcast_to(dy.reshape(kept) / max(count, 1), shape),
)
WHOLE = {"kept": ()}  # a reduction of all axes to none
MAX = Operation("max", x=of_extremum)
MIN = Operation("min", x=of_extremum)


class Reductions(Base):
    """The methods that reduce axes. `axis` None means all; `keepdims` leaves them with length 1."""

    __slots__ = ()

    def _reduction(
        self, operation: str, axis: Axis, wrong: dict[str, Any]
    ) -> tuple[tuple[int, ...], tuple[int, ...], int]:
        """The axes, the shape with them kept at length 1, and how many elements become one."""
        if wrong:
            refuse(operation, wrong)
        axes = tuple(sorted(normal_axes(operation, axis, self.ndim)))
        kept = tuple(1 if i in axes else n for i, n in enumerate(self.shape))
        return axes, kept, math.prod([self.shape[i] for i in axes])

    def sum(self, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
        """The sum; 0 of nothing."""
        if axis is None and not keepdims and not wrong:
            total = _kernels.sums.total(self._array)
            if total is not None:
                return record(SUM, total, (self,), WHOLE)
        axes, kept, _ = self._reduction("sum", axis, wrong)
        total = apply("sum", lambda x: summed(x, axes, keepdims), self)
        return record(SUM, total, (self,), {"kept": kept})

    def mean(self, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
        """The mean; NaN of nothing."""
        if axis is None and not keepdims and not wrong:
            total = _kernels.sums.total(self._array)
            if total is not None:
                count = self._array.size
                mean = _kernels.arithmetic.divide(total, _kernels.number(count, total))
                return record(MEAN, mean, (self,), {"kept": (), "count": count})
        axes, kept, count = self._reduction("mean", axis, wrong)
        dtype = self.dtype if self.dtype in FLOATS else np.dtype(np.float32)

        def forward(x: np.ndarray) -> np.ndarray:
            numbers = x if x.dtype in FLOATS else x.astype(np.float64)
            total = summed(numbers, axes, keepdims)
            return np.asarray(total / total.dtype.type(count), dtype)

        options = {"kept": kept, "count": count}
        return record(MEAN, apply("mean", forward, self), (self,), options)

    def var(
        self, axis: Axis = None, keepdims: bool = False, ddof: int = 0, **wrong: Never
    ) -> "Tensor":
        """The variance: the mean of (x - mean)², with n - ddof in place of n.

        NumPy's default ddof = 0; PyTorch's `var` divides by n - 1, which is ddof = 1.
        """
        centred, axes, count = self._centred("var", axis, ddof, wrong)
        return (centred * centred).sum(axes, keepdims) / count

    def _centred(
        self, operation: str, axis: Axis, ddof: int, wrong: dict[str, Any]
    ) -> tuple["Tensor", tuple[int, ...], int]:
        """x less its mean, the axes of that, and n - ddof; ShapeError unless this is positive."""
        axes, _, count = self._reduction(operation, axis, wrong)
        if count <= ddof:
            got = f"{count} of shape {self.shape}"
            raise ShapeError(explain(operation, f"more than ddof={ddof} elements", got))
        return self - self.mean(axes, keepdims=True), axes, count - ddof

    def max(self, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
        """The largest element, NaN if there is one; a tie shares the gradient equally, and so do
        several NaN."""
        return self._extremum(MAX, np.maximum, axis, keepdims, wrong)

    def min(self, axis: Axis = None, keepdims: bool = False, **wrong: Never) -> "Tensor":
        """The smallest element, NaN if there is one; a tie shares the gradient equally, and so do
        several NaN."""
        return self._extremum(MIN, np.minimum, axis, keepdims, wrong)

    def _extremum(
        self, operation: Operation, function: Any, axis: Axis, keepdims: bool, wrong: dict[str, Any]
    ) -> "Tensor":
        if axis is None and not keepdims and not wrong and self._array.size:
            y = function.reduce(self._array, axis=None)
            return record(operation, y, (self,), {"kept": (), "axes": None})
        axes, kept, count = self._reduction(operation.name, axis, wrong)
        if count == 0:
            got = f"shape {self.shape}"
            raise ShapeError(explain(operation.name, "at least one element", got))
        y = function.reduce(self._array, axis=axes, keepdims=keepdims)
        return record(operation, y, (self,), {"kept": kept, "axes": axes})

    def argmax(self, axis: int | None = None, **wrong: Never) -> "Tensor":
        """The index of the first largest element, along an axis or of the flat tensor."""
        return self._index_of("argmax", axis, wrong)

    def argmin(self, axis: int | None = None, **wrong: Never) -> "Tensor":
        """The index of the first smallest element, along an axis or of the flat tensor."""
        return self._index_of("argmin", axis, wrong)

    def _index_of(self, operation: str, axis: int | None, wrong: dict[str, Any]) -> "Tensor":
        axes, _, count = self._reduction(operation, axis, wrong)
        if axis is not None and len(axes) != 1:
            raise ArgumentError(explain(operation, "one axis or None", f"axis={axis!r}"))
        if count == 0:
            raise ShapeError(explain(operation, "at least one element", f"shape {self.shape}"))
        along = None if axis is None else axes[0]
        return new_result(np.asarray(getattr(self._array, operation)(axis=along)))

    def all(self, axis: Axis = None, **wrong: Never) -> "Tensor":
        """Whether all elements are true."""
        return new_result(np.asarray(self._array.all(axis=self._reduction("all", axis, wrong)[0])))

    def any(self, axis: Axis = None, **wrong: Never) -> "Tensor":
        """Whether any element is true."""
        return new_result(np.asarray(self._array.any(axis=self._reduction("any", axis, wrong)[0])))
