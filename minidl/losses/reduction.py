"""From the loss of every sample to the result: weights, the mean or the sum, the gradient.

    result = sum_i scale_i · loss_i          scale_i = v_i / sum_i v_i u_i       "mean"
    result = sum_i scale_i · loss_i          scale_i = v_i                       "sum"
    result_i = scale_i · loss_i              scale_i = v_i                       "none"

v is the sample weight and u the weight of the sample's class, each 1 if it is not given (a loss
contains its class's weight already). Sums are in double precision and in order: of each sample,
then of all.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from ..errors import ArgumentError, ShapeError, explain
from ..tape import Node
from ..tensor import Operation, Tensor, record
from .checks import weights

NANOSECONDS = 2  # for one float32 of an output, most of them in its exponential
NO_OPTIONS = np.zeros((1, 1))

Scale = float | np.ndarray


class RowLoss(NamedTuple):
    """A loss as its kernel takes it, with what is wanted of all rows."""

    functions: dict[str, Any]  # of _kernels.LOSSES
    dtype: np.dtype  # of what the kernel computes with
    targets: np.ndarray  # int64 labels (rows,), or (rows, outputs) of the dtype
    options: np.ndarray = NO_OPTIONS  # float64 (1, ...), or (rows, ...) if they differ by row
    by_element: bool = False  # whether every element of a row has its own loss
    class_weight: np.ndarray | None = None  # what a row counts in the mean, by its label

    @property
    def per_row(self) -> int:
        """How many losses a row has."""
        return self.targets.shape[1] if self.by_element else 1

    def run(self, x: np.ndarray, scale: Scale) -> tuple[np.ndarray, float, np.ndarray]:
        """The losses (rows, per_row) for the outputs x, their sum, and its gradient by x (rows,
        outputs); `scale` is one for all or one for each row."""
        values = in_rows(x, self.dtype)
        rows = len(values)
        losses, dx = np.empty((rows, self.per_row)), np.empty_like(values)
        threads = _kernels.threads_for(NANOSECONDS * x.size)
        return losses, _kernels.losses.of_rows(self, values, scale, losses, dx, threads), dx


def width_of(shape: tuple[int, ...]) -> int:
    """How many elements a row has: all that have one index in the first axis."""
    return math.prod(shape[1:])


def in_rows(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """x as a contiguous array (rows, elements) of the dtype; a single number is a row."""
    array = np.ascontiguousarray(x, dtype)
    if x.ndim == 2:
        return array
    return array.reshape(x.shape[0] if x.ndim else 1, width_of(x.shape))


def scales(
    operation: str,
    shape: tuple[int, ...],
    sample_weight: Any,
    reduction: str,
    class_weight: Scale = 1.0,
) -> Scale:
    """What losses of this shape are multiplied by: one number, or one for each sample."""
    if reduction not in ("mean", "sum", "none"):
        raise ArgumentError(
            explain(operation, "reduction 'mean', 'sum' or 'none'", f"reduction={reduction!r}")
        )
    given: Scale = 1.0
    if sample_weight is not None:
        given = weights(operation, "sample_weight", sample_weight, shape[:1])
    if reduction != "mean":
        return given
    if math.prod(shape) == 0:
        raise ShapeError(
            explain(
                operation,
                "at least one loss to take the mean of",
                f"an empty batch: shape {shape}",
                "reduction='sum'",
            )
        )
    counted = given * class_weight
    if isinstance(counted, float):
        return 1.0 / math.prod(shape)
    total = _kernels.rows.in_order(np.ascontiguousarray(counted)) * width_of(shape)
    if not total > 0:
        raise ArgumentError(explain(operation, "weights that do not add up to 0", total))
    return given / total


def of_difference(dx: np.ndarray, _: Scale) -> np.ndarray:
    """The derivative by the target of a function of x - target."""
    return -dx


def reduced(
    operation: str,
    x: Tensor,
    loss: RowLoss,
    sample_weight: Any,
    reduction: str,
    target: Tensor | None = None,
    target_slope: Callable[[np.ndarray, Scale], np.ndarray] = of_difference,
) -> Tensor:
    """Records the reduction of the losses of x.

    A `target` may want a gradient too: `target_slope` finds that of the scaled losses, from the
    gradient by x and the scale.
    """
    shape = x.shape if loss.by_element else x.shape[:1]
    of_class = 1.0 if loss.class_weight is None else loss.class_weight[loss.targets]
    scale = scales(operation, shape, sample_weight, reduction, of_class)
    losses, total, dx = loss.run(x.data, scale)
    slopes = [dx.reshape(x.shape)]
    inputs = [x]
    if target is not None and target.requires_grad:
        slopes.append(target_slope(dx, scale).reshape(x.shape))
        inputs.append(target)

    result = losses.reshape(shape) if reduction == "none" else total
    return record(
        operation_named(operation), np.asarray(result, x.dtype), tuple(inputs), {"slopes": slopes}
    )


def gradients(node: Node, dy: np.ndarray) -> list[np.ndarray]:
    """The slopes, which the loss's kernel found with the losses, times dy."""
    slopes = node.options["slopes"]
    if dy.ndim == 0 and dy == 1:
        return slopes  # views of dx, so the tape does not add to it: backward may come again
    return [slope * left_aligned(dy, slope.ndim) for slope in slopes]


@lru_cache
def operation_named(name: str) -> Operation:
    """The declaration of the loss of that name."""
    return Operation(name, kernel=gradients)


def left_aligned(x: np.ndarray, ndim: int) -> np.ndarray:
    """x with axes of length 1 after its own, so that it broadcasts from the first axis on."""
    return x.reshape(x.shape + (1,) * (ndim - x.ndim))
