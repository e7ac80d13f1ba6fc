"""How far one distribution is from another."""

from typing import Any

import numpy as np

from ..engine.tensor import Operation, Tensor, as_tensor, record, where
from ..tools.checks import not_negative
from .declaration import by_rows, run
from .reduction import RowLoss, of_elements

OPERATION = "kl_divergence"
FAR = 1000  # e^-FAR is 0


def kl_divergence_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, log_target: bool = False
) -> RowLoss:
    """The divergence from log-probabilities of this shape."""
    check = None if log_target else not_negative
    options = np.array([[bool(log_target)]], np.float64)
    return of_elements(OPERATION, divergences, shape, dtype, targets, check, options)


def divergences(x: Tensor, t: Any, options: np.ndarray) -> Tensor:
    """t (ln t - x), or for logarithms as targets e^t (t - x); 0 where the probability is 0."""
    t = as_tensor(t, OPERATION)
    if options[0, 0]:
        t = t.clip(low=-FAR)
        return t.exp() * (t - where(t == -FAR, 0, x))
    return x_log_x(t) - t * where(t == 0, 0, x)


X_LOG_X = Operation("x_log_x", x=lambda dy, x: dy * (np.log(x) + 1))


def x_log_x(x: Tensor) -> Tensor:
    """x ln x, and at 0 its limit 0."""
    return record(X_LOG_X, x.data * np.log(np.where(x.data == 0, 1, x.data)), (x,))


@by_rows(kl_divergence_of_rows)
def kl_divergence(
    log_probabilities: Any,
    targets: Any,
    *,
    log_target: bool = False,
    sample_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """t (ln t - x), for every element: their sum is the Kullback-Leibler divergence of the
    distribution t from the distribution with the logarithms x.

    - log_probabilities x: float32 or float64 of any shape, such as a `log_softmax`.
    - targets t: of the same shape, not negative; or, with log_target, their logarithms. They
      receive a gradient if they want one. A probability of 0 costs nothing: 0 ln 0 = 0.
    - sample_weight v: one number for each index of the first axis.
    - reduction: as in PyTorch, "mean" is the mean of all elements; "batchmean" is the mean
      divergence.

    ShapeError for shapes that differ (nothing is broadcast) and for the mean of an empty batch;
    DTypeError for x that is not float; ArgumentError for negative targets and weights and an
    unknown reduction.

    >>> import minidl
    >>> x = minidl.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    >>> loss = kl_divergence(x, [[1.0, 0.0], [0.5, 0.5]], reduction="batchmean")
    >>> print(f"{loss:.6f}")
    0.346574

    Kullback, Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22, 1951.
    """
    options = {"log_target": log_target}
    return run(OPERATION, log_probabilities, targets, sample_weight, reduction, **options)
