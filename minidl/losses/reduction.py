"""From the loss of every sample to the result: weights, the mean or the sum, the gradient.

    result = sum_i scale_i · loss_i          scale_i = v_i / sum_i v_i u_i       "mean"
    result = sum_i scale_i · loss_i          scale_i = v_i                       "sum"
    result_i = scale_i · loss_i              scale_i = v_i                       "none"

v is the sample weight and u the weight of the sample's class, each 1 if it is not given (a loss
contains its class's weight already).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError, explain
from ..tensor import Tensor, record
from .checks import weights

Scale = float | np.ndarray


def scales(
    operation: str,
    shape: tuple[int, ...],
    sample_weight: Any,
    reduction: str,
    class_weight: Scale = 1.0,
) -> Scale:
    """What losses of this shape are multiplied by: one number, or an array that broadcasts."""
    if reduction not in ("mean", "sum", "none"):
        raise ArgumentError(
            explain(operation, "reduction 'mean', 'sum' or 'none'", f"reduction={reduction!r}")
        )
    given: Scale = 1.0
    if sample_weight is not None:
        given = weights(operation, "sample_weight", sample_weight, shape[:1])
        given = left_aligned(given, len(shape))
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
    total = math.prod(shape) if isinstance(counted, float) else _sum_over(counted, shape)
    if not total > 0:
        raise ArgumentError(explain(operation, "weights that do not add up to 0", total))
    return given / total


def _sum_over(scale: np.ndarray, shape: tuple[int, ...]) -> float:
    return float(scale.sum()) * (math.prod(shape) / scale.size)


def left_aligned(x: np.ndarray, ndim: int) -> np.ndarray:
    """x with axes of length 1 after its own, so that it broadcasts from the first axis on."""
    return x.reshape(x.shape + (1,) * (ndim - x.ndim))


def reduced(
    operation: str,
    inputs: Sequence[Tensor],
    losses: np.ndarray,
    slopes: Sequence[np.ndarray | None],
    scale: Scale,
    reduction: str,
) -> Tensor:
    """Records the reduction of `losses`.

    `slopes` holds, for each input, the derivative of the losses by it. It may have more axes than
    the losses: one loss of a row, a derivative for every element of the row.
    """
    weighted = losses * scale
    result = weighted if reduction == "none" else np.add.reduce(weighted, None, np.float64)

    def backward(dy: np.ndarray) -> list[np.ndarray | None]:
        step = np.multiply(dy, scale, dtype=np.float64)
        return [
            None if slope is None else (slope * left_aligned(step, slope.ndim)).astype(x.dtype)
            for x, slope in zip(inputs, slopes, strict=True)
        ]

    return record(operation, np.asarray(result, inputs[0].dtype), inputs, backward)
