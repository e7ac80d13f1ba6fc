"""How far one distribution is from another."""

from typing import Any

import numpy as np

from ..engine.tensor import Operation, Tensor, as_tensor, record, where
from .checks import common_dtype, floats, not_negative, target_array, wanting
from .reduction import RowLoss, in_rows, reduced
from .table import by_rows

OPERATION = "kl_divergence"
FAR = 1000  # e^-FAR is 0


def kl_divergence_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, log_target: bool = False,
    by_element: bool = True,
) -> RowLoss:  # fmt: skip
    """The divergence from log-probabilities of this shape."""
    dtype, t = common_dtype(dtype, targets), target_array(OPERATION, targets, shape, dtype)
    if not log_target:
        not_negative(OPERATION, "targets", t)
    options = np.array([[log_target, by_element]], np.float64)
    return RowLoss(
        divergences, None, dtype, in_rows(t, dtype), options, by_element, wanting=wanting(targets)
    )


def divergences(x: Tensor, t: Any, options: np.ndarray) -> Tensor:
    """t (ln t - x), or with logarithms as targets e^t (t - x); nothing for what has no probability.
    Of every element or row."""
    log_target, by_element = options[0]
    t = as_tensor(t, OPERATION)
    if log_target:
        t = t.clip(low=-FAR)
        found = t.exp() * (t - where(t == -FAR, 0, x))
    else:
        found = x_log_x(t) - t * where(t == 0, 0, x)
    return found if by_element else found.sum(1)


X_LOG_X = Operation("x_log_x", x=lambda dy, x: dy * (np.log(x) + 1))


def x_log_x(x: Tensor) -> Tensor:
    """x ln x, and at 0 its limit 0."""
    return record(X_LOG_X, x.data * np.log(np.where(x.data == 0, 1, x.data)), (x,))


@by_rows(kl_divergence_of_rows, ("log_target",))
def kl_divergence(
    log_probabilities: Any,
    targets: Any,
    *,
    log_target: bool = False,
    sample_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """t (ln t - x), for every element: their sum is the Kullback-Leibler divergence of the
    distribution t from the one with the logarithms x.

    - log_probabilities x: float32 or float64 of any shape, such as a `log_softmax`.
    - targets t: of the same shape, not negative; or, with log_target, their logarithms. They
      receive a gradient if they want one. What has no probability costs nothing: 0 ln 0 = 0.
    - sample_weight v: one number for each index of the first axis.
    - reduction: as in PyTorch "mean" is that of all elements, and "batchmean" the one that is a
      divergence: the sum of each sample's elements, of which the mean is taken over the samples.

    ShapeError for shapes that differ (nothing is broadcast) and the mean of an empty batch;
    DTypeError for x that is no float; ArgumentError for negative targets and weights and an unknown
    reduction.

    >>> import minidl
    >>> x = minidl.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    >>> loss = kl_divergence(x, [[1.0, 0.0], [0.5, 0.5]], reduction="batchmean")
    >>> print(f"{loss:.6f}")
    0.346574

    Kullback, Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22, 1951.
    """
    x = floats(OPERATION, log_probabilities)
    by_sample = reduction == "batchmean"
    loss = kl_divergence_of_rows(x.shape, x.dtype, targets, log_target, not by_sample)
    return reduced(OPERATION, x, loss, sample_weight, "mean" if by_sample else reduction)
