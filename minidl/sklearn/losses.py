"""The estimators' losses, made of minidl's: the mean over samples of the sum over outputs."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlogy

from ..engine.tensor import Tensor
from ..losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    mse,
    multi_margin,
)

LossFunction = Callable[..., Tensor]  # of outputs, targets and possibly sample_weight

# (y - t)² / 2 is Huber's loss without its linear part; in this form the kernels can train with it.
half_squared = partial(huber, delta=float(np.finfo(np.float32).max))


class Loss(NamedTuple):
    """What training minimises, and how the net's outputs become predictions.

    `activation` turns outputs into predictions. The reported loss is the loss times `shown`.
    """

    function: LossFunction
    activation: str
    shown: float = 1.0

    def of_batch(self, is_weighted: bool) -> LossFunction:
        """The loss as a function of the outputs and a batch's targets, as `packed` made them."""
        return partial(of_packed, self.function) if is_weighted else self.function


def packed(targets: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
    """Targets and weights as one array with a row for each sample."""
    return targets if sample_weight is None else np.column_stack([targets, sample_weight])


def of_packed(function: LossFunction, outputs: Tensor, rows: np.ndarray) -> Tensor:
    """The loss for targets that have their weight in the last column."""
    is_labels = rows.shape[1] - 1 != outputs.shape[1]
    targets = rows[:, 0] if is_labels else rows[:, :-1]
    return function(outputs, targets, sample_weight=rows[:, -1])


def times(factor: float, function: LossFunction) -> LossFunction:
    """The loss times a factor; the function itself for 1."""
    return function if factor == 1 else partial(multiplied, factor, function)


def multiplied(
    factor: float, function: LossFunction, outputs: Tensor, targets: Any, **options: Any
) -> Tensor:
    """factor · function."""
    return function(outputs, targets, **options) * factor


def poisson(outputs: Tensor, targets: np.ndarray, *, sample_weight: Any = None) -> Tensor:
    """Half the Poisson deviance e^z - t z + t ln t - t, summed over outputs z = ln of the mean."""
    constant = (xlogy(targets, targets) - targets).sum(axis=1)
    rows = (outputs.exp() - outputs * targets).sum(axis=1) + constant.astype(outputs.dtype)
    if sample_weight is None:
        return rows.mean()
    return (rows * (sample_weight / sample_weight.sum()).astype(outputs.dtype)).sum()


def classifier_loss(name: str, kind: str, outputs: int, label_smoothing: float) -> Loss:
    """A classifier's loss, for "binary", "multiclass" or "multilabel-indicator" targets."""
    if name == "hinge":
        is_one_label = kind == "multiclass"
        return Loss(multi_margin if is_one_label else times(outputs, hinge), "identity")
    if kind != "multiclass":
        return Loss(times(outputs, binary_cross_entropy_with_logits), "logistic")
    if label_smoothing:
        return Loss(partial(cross_entropy, label_smoothing=label_smoothing), "softmax")
    return Loss(cross_entropy, "softmax")


def regressor_loss(name: str, outputs: int) -> Loss:
    """A regressor's loss: (y - t)² / 2, Huber's or the Poisson deviance.

    The first two are minimised as sums over the outputs and shown as means, as scikit-learn does.
    """
    if name == "poisson":
        return Loss(poisson, "exp")
    if name == "huber":
        return Loss(times(outputs, huber), "identity", 1 / outputs)
    if outputs == 1:
        return Loss(half_squared, "identity")
    return Loss(times(outputs / 2, mse), "identity", 1 / outputs)


def class_targets(labels: np.ndarray, name: str, label_smoothing: float) -> np.ndarray:
    """The targets for losses of separate outputs: a probability for each of the labels 0 and 1, or
    -1 and 1 for hinge."""
    if name == "hinge":
        return 2.0 * labels - 1
    return labels * (1 - label_smoothing) + label_smoothing / 2
