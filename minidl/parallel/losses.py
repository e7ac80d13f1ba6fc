"""A batch's loss from those of its shards."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.random import preserved
from ..engine.recording import no_grad
from ..engine.tensor import Tensor
from ..errors import ArgumentError, Unplanned, explain
from ..losses.declaration import declared, require_shared
from ..losses.reduction import MEANS

ALIKE = 1e-3  # relative difference of two sums of one loss in single precision


class ShardedLoss:
    """sum_s D_s loss_s / sum_s D_s for the shards s, where D_s is what a mean divides by: the rows,
    or their weights. For a sum, sum_s loss_s.

    A loss of the user's own counts as the mean over its rows. ArgumentError, at its first call, if
    it is none; and for options that belong to the rows of one batch.
    """

    def __init__(self, loss: Callable[..., Tensor]) -> None:
        self.loss = loss
        self.declaration, self.options = declared(loss)
        self.reduction = self.options.get("reduction", "mean")
        self.is_mean = self.declaration is None or self.reduction in MEANS
        self.is_checked = self.declaration is not None
        if self.declaration is not None:
            try:
                require_shared(self.declaration, self.options)
            except Unplanned as reason:
                expected = "a loss for any rows of a batch"
                raise ArgumentError(explain("DataParallel", expected, reason)) from None

    def divisor(self, outputs: Tensor, y: Any, weights: Any) -> float:
        """D_s of a shard."""
        if not self.is_mean:
            return 1.0
        if self.declaration is None:
            return float(len(y) if weights is None else np.sum(weights))
        given = {k: v for k, v in self.options.items() if k not in ("reduction", "sample_weight")}
        rows = self.declaration.of_rows(outputs.shape, outputs.dtype, y, **given)
        shape = outputs.shape if rows.by_element else outputs.shape[:1]
        rows = rows.reduced_by(self.reduction, weights, shape)
        return float(rows.divisors(None, len(rows.targets))[0])

    def __call__(self, outputs: Tensor, y: Any, weights: Any) -> tuple[Tensor | None, float]:
        """A shard's loss, None if no row counts, and its D_s."""
        if not self.is_checked and len(y) > 1:
            self._check_mean(outputs.detach(), y, weights)
        divisor = self.divisor(outputs, y, weights)
        if divisor == 0:
            return None, 0.0
        options = {} if weights is None else {"sample_weight": weights}
        return self.loss(outputs, y, **options), divisor

    def _check_mean(self, outputs: Tensor, y: Any, weights: Any) -> None:
        """ArgumentError unless the loss of some rows is the mean of those of two parts of them."""
        self.is_checked = True
        half = len(y) // 2
        total, divisors, whole = 0.0, 0.0, 0.0
        with preserved(), no_grad():
            for part in (slice(half), slice(half, None), slice(None)):
                w = None if weights is None else weights[part]
                divisor = self.divisor(outputs[part], y[part], w)
                options = {} if w is None else {"sample_weight": w}
                value = self.loss(outputs[part], y[part], **options).item() if divisor else 0.0
                whole = value
                if part != slice(None):
                    total, divisors = total + divisor * value, divisors + divisor
        if divisors and np.isfinite(whole) and not np.isclose(whole, total / divisors, rtol=ALIKE):
            expected = "a loss that is the mean over its rows"
            got = f"{whole:.6g} for all rows, but {total / divisors:.6g} as the mean of two halves"
            hint = "a loss of minidl.functional, which may have reduction='sum'"
            raise ArgumentError(explain("DataParallel", expected, got, hint))

    def share(self, divisors: np.ndarray) -> np.ndarray:
        """How much each shard counts (K,); ArgumentError if the weights add up to 0."""
        if not self.is_mean:
            return np.ones(len(divisors))
        total = 0.0
        for divisor in divisors:
            total += divisor
        if total == 0:
            expected = "weights that do not add up to 0"
            raise ArgumentError(explain("DataParallel", expected, "a batch of weight 0"))
        return divisors / total
