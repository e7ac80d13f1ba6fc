"""From the losses of the samples to the result: weights, the mean or the sum, the gradient.

    result = sum_i v_i loss_i / divisor        result_i = v_i loss_i          "none"

    divisor = per_row · sum_i v_i u_i          "mean"
    divisor = sum_i v_i u_i                    "batchmean"
    divisor = 1                                "sum"

v is the sample weight and u the weight of the sample's class, both 1 if not given (a loss contains
its class weight already); loss_i is the sum of the per_row losses of a sample. Sums are in double
precision and in a fixed order: over each sample, then over all.
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
from .checks import common_dtype, target_array, wanting, weights

NANOSECONDS = 2  # for one float32 of an output; most of it computes the exponential
NO_OPTIONS = np.zeros((1, 1))
MEANS = "mean", "batchmean"
REDUCTIONS = (*MEANS, "sum", "none")


class RowLoss(NamedTuple):
    """A loss of the rows of a net's outputs (rows, outputs), with the targets of each row.

    The formula takes outputs, targets and options, and computes the losses in operations on
    tensors, so derivatives of any order exist. A kernel computes losses and gradient at once, in
    fewer steps.
    """

    name: str
    formula: Callable[[Tensor, Any, np.ndarray], Tensor]
    kernel: dict[str, Any] | None  # of _kernels.LOSSES
    dtype: np.dtype  # that the kernel computes in
    targets: np.ndarray  # int64 labels (rows,), or (rows, outputs) of the dtype
    options: np.ndarray = NO_OPTIONS  # float64 (1, ...), or (rows, ...) if they differ by row
    by_element: bool = False  # whether every element of a row has its own loss
    wanting: Tensor | None = None  # the targets again, if they want a gradient
    counts: np.ndarray | None = None  # how much each row counts in the mean, float64; None: 1
    weights: np.ndarray | None = None  # v, in the same form
    reduction: str = "mean"

    @property
    def per_row(self) -> int:
        """How many losses a row has."""
        return self.targets.shape[1] if self.by_element else 1

    @property
    def counted(self) -> int:
        """How many losses a row counts as in the mean; 0 if there are none."""
        return self.per_row if self.reduction == "mean" else int(self.reduction == "batchmean")

    def reduced_by(self, reduction: Any, sample_weight: Any, shape: tuple[int, ...]) -> "RowLoss":
        """The same loss with this reduction and these weights, which are checked; `shape` is the
        shape of all losses."""
        if not (isinstance(reduction, str) and reduction in REDUCTIONS):
            expected = "reduction 'mean', 'batchmean', 'sum' or 'none'"
            raise ArgumentError(explain(self.name, expected, f"reduction={reduction!r}"))
        v = sample_weight
        if v is not None:
            v = weights(self.name, "sample_weight", v, shape[:1])
        if reduction in MEANS and 0 in shape:
            expected = "at least one loss to take the mean of"
            got = f"an empty batch: shape {shape}"
            raise ShapeError(explain(self.name, expected, got, "reduction='sum'"))
        if v is None:
            return self if reduction == self.reduction else self._replace(reduction=reduction)
        counts = v if self.counts is None else v * self.counts
        return self._replace(reduction=reduction, weights=v, counts=counts)

    def run(self, x: np.ndarray) -> tuple[np.ndarray, float, float, np.ndarray]:
        """The scaled losses (rows, per_row) for the outputs x, their sum, the divisor, and the
        gradient of the sum with respect to x (rows, outputs)."""
        values = in_rows(x, self.dtype)
        losses, dx = np.empty((len(values), self.per_row)), np.empty_like(values)
        threads = _kernels.threads_for(NANOSECONDS * x.size)
        return losses, *_kernels.losses.of_rows(self, values, losses, dx, threads), dx

    def divisors(self, order: np.ndarray | None, batch: int) -> np.ndarray:
        """The divisor of each batch of `batch` rows, in this order: int64, or None for the order in
        which they lie."""
        rows = len(self.targets if order is None else order)
        found = np.empty(-(-rows // batch))
        _kernels.losses.divisors(self, order, batch, found)
        return found

    def check_batches(self, order: np.ndarray | None, batch: int) -> None:
        """ArgumentError, as the loss of that batch would raise, if the weights of a batch in this
        order add up to 0: it has no mean."""
        if self.counts is None:
            return
        found = self.divisors(order, batch)
        if found.size and not found.min() > 0:
            self.require_weight(found.min(), f" in batch {found.argmin() + 1} of {len(found)}")

    def require_weight(self, divisor: float, place: str = "") -> float:
        """The divisor; ArgumentError if it is 0."""
        if not divisor > 0:
            expected = "weights that do not add up to 0"
            raise ArgumentError(explain(self.name, expected, f"{divisor}{place}"))
        return divisor


def width_of(shape: tuple[int, ...]) -> int:
    """How many elements a row has: those that share their index in the first axis."""
    return math.prod(shape[1:])


def in_rows(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """x as a contiguous array (rows, elements) of the dtype; a single number is a row."""
    array = np.ascontiguousarray(x, dtype)
    if x.ndim == 2:
        return array
    return array.reshape(x.shape[0] if x.ndim else 1, width_of(x.shape))


def of_elements(
    name: str, formula: Callable[[Tensor, Any, np.ndarray], Tensor], shape: tuple[int, ...],
    dtype: np.dtype, targets: Any, check: Callable[[str, str, np.ndarray], Any] | None = None,
    options: np.ndarray = NO_OPTIONS,
) -> RowLoss:  # fmt: skip
    """A loss of every element of outputs of this shape; the targets, of the same shape, are
    checked."""
    dtype = common_dtype(dtype, targets)
    t = target_array(name, targets, shape, dtype)
    if check is not None:
        check(name, "targets", t)
    kernel = _kernels.LOSSES.get(name)
    rows = in_rows(t, dtype)
    return RowLoss(name, formula, kernel, dtype, rows, options, True, wanting(targets))


def reduced(x: Tensor, loss: RowLoss, sample_weight: Any, reduction: Any) -> Tensor:
    """The reduction of the losses of x, recorded on the tape."""
    shape = x.shape if loss.by_element else x.shape[:1]
    loss = loss.reduced_by(reduction, sample_weight, shape)
    if x.requires_grad:
        loss = owned(loss)
    inputs = (x,) if loss.wanting is None else (x, loss.wanting)
    if loss.kernel is None:
        (divisor,) = loss.divisors(None, max(len(loss.targets), 1))
        way = Reduction(loss, loss.require_weight(divisor), shape)
        return way.formula(*inputs).astype(x.dtype)
    losses, total, divisor, dx = loss.run(x.data)
    way = Reduction(loss, loss.require_weight(divisor), shape)
    result = losses.reshape(shape) if reduction == "none" else total
    return record(
        operation_named(loss.name), np.asarray(result, x.dtype), inputs,
        {"way": way, "derivative": dx.reshape(x.shape)},
        keeps=() if loss.wanting is None else (0, 1),
    )  # fmt: skip


def owned(loss: RowLoss) -> RowLoss:
    """The same loss with copies of targets and weights, which nobody can change before the backward
    pass reads them; labels were copied when they were checked."""
    if loss.targets.dtype.kind == "f":
        loss = loss._replace(targets=loss.targets.copy())
    if loss.weights is not None:
        loss = loss._replace(weights=loss.weights.copy())
    return loss


class Reduction(NamedTuple):
    """How the losses become the result."""

    loss: RowLoss
    divisor: float
    shape: tuple[int, ...]  # of the losses

    def formula(self, x: Tensor, target: Tensor | None = None) -> Tensor:
        """The result as operations on tensors, in double precision."""
        loss = self.loss
        rows = (len(loss.targets), width_of(x.shape))
        t = loss.targets if target is None else target.astype(np.float64).reshape(rows)
        return self.of_losses(loss.formula(x.astype(np.float64).reshape(rows), t, loss.options))

    def of_losses(self, losses: Tensor) -> Tensor:
        """The result from the losses of the rows."""
        scale: Any = 1.0 / self.divisor
        if self.loss.weights is not None:
            scale = left_aligned(self.loss.weights / self.divisor, losses.ndim)
        losses = losses * scale
        return losses.reshape(self.shape) if self.loss.reduction == "none" else losses.sum()


def gradients(node: Node, dy: np.ndarray) -> list[np.ndarray]:
    """The derivative, which the loss's kernel computed with the losses, times dy; and the targets'
    gradient, by the formula."""
    derivative = node.options["derivative"]
    # A view, so that the tape does not add to it: backward may come again.
    dx = derivative if dy.ndim == 0 and dy == 1 else derivative * left_aligned(dy, derivative.ndim)
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
