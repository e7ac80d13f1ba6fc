"""From the loss of every sample to the result: weights, the mean or the sum, the gradient.

    result = sum_i scale_i · loss_i          scale_i = v_i / sum_i v_i u_i       "mean"
    result = sum_i scale_i · loss_i          scale_i = v_i                       "sum"
    result_i = scale_i · loss_i              scale_i = v_i                       "none"

v is the sample weight and u the weight of the sample's class, each 1 if it is not given (a loss
contains its class's weight already). Sums are in double precision and in order: of each sample,
then of all.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from ..engine.recording import enable_grad
from ..engine.tape import Node
from ..engine.tensor import Operation, Tensor, record, through_formula
from ..errors import ArgumentError, ShapeError, explain
from .checks import weights

NANOSECONDS = 2  # for one float32 of an output, most of them in its exponential
NO_OPTIONS = np.zeros((1, 1))

Scale = float | np.ndarray


class RowLoss(NamedTuple):
    """A loss of the rows (rows, outputs) of a net's outputs, and what is wanted of each.

    The formula, of outputs, targets and options, gives the losses as operations on tensors, and so
    derivatives of any order. A kernel gives losses and gradient at once, in fewer steps.
    """

    formula: Callable[[Tensor, Any, np.ndarray], Tensor]
    kernel: dict[str, Any] | None  # of _kernels.LOSSES
    dtype: np.dtype  # of what the kernel computes with
    targets: np.ndarray  # int64 labels (rows,), or (rows, outputs) of the dtype
    options: np.ndarray = NO_OPTIONS  # float64 (1, ...), or (rows, ...) if they differ by row
    by_element: bool = False  # whether every element of a row has its own loss
    class_weight: np.ndarray | None = None  # what a row counts in the mean, by its label
    wanting: Tensor | None = None  # the targets again, if they want a gradient

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


def reduced(operation: str, x: Tensor, loss: RowLoss, sample_weight: Any, reduction: str) -> Tensor:
    """The reduction of the losses of x, recorded."""
    shape = x.shape if loss.by_element else x.shape[:1]
    of_class = 1.0 if loss.class_weight is None else loss.class_weight[loss.targets]
    scale = scales(operation, shape, sample_weight, reduction, of_class)
    if x.requires_grad:
        loss, scale = owned(loss, scale)
    way = Reduction(loss, scale, shape if reduction == "none" else None)
    inputs = (x,) if loss.wanting is None else (x, loss.wanting)
    if loss.kernel is None:
        return way.formula(*inputs).astype(x.dtype)
    losses, total, dx = loss.run(x.data, scale)
    result = losses.reshape(shape) if reduction == "none" else total
    return record(
        operation_named(operation), np.asarray(result, x.dtype), inputs,
        {"way": way, "slope": dx.reshape(x.shape)}, keeps=() if loss.wanting is None else (0, 1),
    )  # fmt: skip


def owned(loss: RowLoss, scale: Scale) -> tuple[RowLoss, Scale]:
    """Both with targets and weights that nobody else can change before the way back reads them;
    labels are copied when they are checked."""
    if loss.targets.dtype.kind == "f":
        loss = loss._replace(targets=loss.targets.copy())
    return loss, scale if isinstance(scale, float) else scale.copy()


class Reduction(NamedTuple):
    """How the losses become the result."""

    loss: RowLoss
    scale: Scale
    shape: tuple[int, ...] | None  # of the losses, if they are the result; else it is their sum

    def formula(self, x: Tensor, target: Tensor | None = None) -> Tensor:
        """The result as operations on tensors, in double precision."""
        loss, scale = self.loss, self.scale
        rows = (len(loss.targets), width_of(x.shape))
        t = loss.targets if target is None else target.astype(np.float64).reshape(rows)
        losses = loss.formula(x.astype(np.float64).reshape(rows), t, loss.options)
        result = scaled(losses, scale, self.shape is not None)
        return result if self.shape is None else result.reshape(self.shape)


def scaled(losses: Tensor, scale: Scale, is_none: bool) -> Tensor:
    """Losses times their scale, one by one or added up, as operations on tensors."""
    losses = losses * (scale if isinstance(scale, float) else left_aligned(scale, losses.ndim))
    return losses if is_none else losses.sum()


def gradients(node: Node, dy: np.ndarray) -> list[np.ndarray]:
    """The slope, which the loss's kernel found with the losses, times dy; and that of the targets,
    by the formula."""
    slope = node.options["slope"]
    # As a view, for the tape does not add to it: backward may come again.
    dx = slope if dy.ndim == 0 and dy == 1 else slope * left_aligned(dy, slope.ndim)
    if len(node.inputs) == 1:
        return [dx]
    x, target = [Tensor(kept.array) for kept in node.kept[:2]]
    target.requires_grad = True
    with enable_grad():
        return [dx, gradients_recorded(node, Tensor(dy), [x, target])[1].numpy()]


def gradients_recorded(node: Node, dy: Tensor, inputs: Sequence[Tensor]) -> list[Any]:
    """The same as tensors with history."""
    return through_formula(node.options["way"].formula, dy, inputs, {})


@lru_cache
def operation_named(name: str) -> Operation:
    """The declaration of the loss of that name."""
    return Operation(name, kernel=gradients, recorded=gradients_recorded)


def left_aligned(x: np.ndarray, ndim: int) -> np.ndarray:
    """x with axes of length 1 after its own, so that it broadcasts from the first axis on."""
    return x.reshape(x.shape + (1,) * (ndim - x.ndim))
