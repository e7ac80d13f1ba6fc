"""Checks before a loss is computed: do its targets, weights and options make sense?"""

from typing import Any

import numpy as np

from .. import _kernels
from ..engine.tensor import Tensor, as_tensor, require_float
from ..engine.tensor.base import to_array
from ..errors import ArgumentError, DTypeError, ShapeError, explain
from ..tools.checks import not_negative


def constant(operation: str, name: str, value: Any, dtype: Any = None) -> np.ndarray:
    """An argument that receives no gradient, as an array. Lists become float64."""
    if isinstance(value, Tensor) and value.requires_grad:
        raise ArgumentError(
            explain(
                operation,
                f"constant {name}, as no gradient goes there",
                "a tensor with requires_grad=True",
                f"{name}.detach()",
            )
        )
    if dtype is None and not isinstance(value, (Tensor, np.ndarray)):
        dtype = np.float64
    return to_array(value, dtype, operation)


def require_matrix(operation: str, name: str, shape: tuple[int, ...]) -> None:
    """ShapeError unless this is the shape of a matrix (batch, classes)."""
    if len(shape) != 2 or shape[1] == 0:
        expected, hint = f"{name} of shape (batch, classes)", f"{name}.reshape(-1, classes)"
        raise ShapeError(explain(operation, expected, shape, hint))


def floats(operation: str, x: Any) -> Tensor:
    """`x` as a float tensor."""
    x = as_tensor(x, operation)
    require_float(operation, x)
    return x


def wanting(targets: Any) -> Tensor | None:
    """The targets if they want a gradient, else None."""
    return targets if isinstance(targets, Tensor) and targets.requires_grad else None


def common_dtype(dtype: np.dtype, targets: Any) -> np.dtype:
    """The dtype that a loss computes in: the outputs' dtype, which constants are converted to; but
    targets that want a gradient keep their precision."""
    return dtype if wanting(targets) is None else np.result_type(dtype, targets.data)


def target_array(operation: str, targets: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Targets of exactly this shape, in their own dtype; Python numbers in the given one.

    They are not broadcast: (n,) beside (n, 1) would quietly become n² differences.
    """
    array = (
        targets.data if isinstance(targets, Tensor) else to_array(targets, None, operation, dtype)
    )
    same_shape(operation, array.shape, shape)
    return array


def same_shape(
    operation: str, got: tuple[int, ...], wanted: tuple[int, ...], hint: str = ""
) -> None:
    """ShapeError unless the targets have exactly this shape."""
    if got != wanted:
        hint = hint or f"targets.reshape({list(wanted)})"
        raise ShapeError(explain(operation, f"targets of shape {wanted}", got, hint))


def label_array(operation: str, targets: np.ndarray, batch: int, classes: int) -> np.ndarray:
    """Labels 0 ... classes - 1 of shape (batch,), as int64. They are copied, so that nobody can
    change them after the check. Whole floats are allowed too."""
    if targets.shape != (batch,):
        one_hot = "targets.argmax(1) of one-hot rows"
        if operation == "cross_entropy":
            one_hot += "; targets.astype('float32') of soft targets"
        is_one_hot = targets.shape == (batch, classes) and classes > 1
        same_shape(operation, targets.shape, (batch,), one_hot if is_one_hot else "")
    if targets.dtype.kind == "f":
        fractional = ~np.isfinite(targets) | (targets != np.floor(targets))
        if fractional.any():
            at = int(fractional.argmax())
            raise DTypeError(
                explain(operation, "whole numbers as labels", f"{targets[at]} at index {at}")
            )
    whole = targets.clip(-1, classes) if targets.dtype.kind == "f" else targets  # 1e300 is no int64
    labels = np.array(whole, np.int64, order="C")
    at = _kernels.losses.first_outside(labels, classes)
    if at >= 0:
        raise ArgumentError(
            explain(
                operation,
                f"labels from 0 to {classes - 1}",
                f"{targets[at]} at index {at}",
                "labels - 1 if they start at 1; more outputs if there are more classes",
            )
        )
    return labels


def weights(operation: str, name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Weights of exactly this shape, finite and not negative, as float64, contiguous."""
    array = np.asarray(constant(operation, name, value, np.float64), order="C")
    if array.shape != shape:
        raise ShapeError(explain(operation, f"{name} of shape {shape}", array.shape))
    return not_negative(operation, name, array)
