"""Losses for outputs that are quantities, or the logarithms of expected counts."""

from typing import Any

import numpy as np

from ..engine.tensor import Tensor, as_tensor, where
from ..errors import ArgumentError, explain
from ..tools.checks import is_number, not_negative
from .declaration import by_rows, run
from .reduction import RowLoss, of_elements


def mse_of_rows(shape: tuple[int, ...], dtype: np.dtype, targets: Any) -> RowLoss:
    """The squared error of outputs of this shape."""
    return of_elements("mse", squared_error, shape, dtype, targets)


def squared_error(x: Tensor, t: Any, _: np.ndarray) -> Tensor:
    """e² with e = x - t."""
    e = x - t
    return e * e


@by_rows(mse_of_rows)
def mse(y: Any, target: Any, *, sample_weight: Any = None, reduction: str = "mean") -> Tensor:
    """(y - target)², the squared error of every element.

    - y: float32 or float64 of any shape; target: of the same shape. Either receives a gradient
      if it wants one: dy = 2 (y - target), dtarget = -dy.
    - sample_weight v: one number for each index of the first axis. The mean is
      sum_i v_i loss_i / sum_i v_i over all elements.

    ShapeError for shapes that differ (nothing is broadcast) and for the mean of an empty batch;
    DTypeError for y that is not float; ArgumentError for negative weights and an unknown
    reduction.

    >>> import minidl
    >>> y = minidl.tensor([1.0, 4.0], requires_grad=True)
    >>> loss = mse(y, [0.0, 2.0])
    >>> loss.item()
    2.5
    >>> loss.backward()
    >>> y.grad
    tensor([1., 2.])
    """
    return run("mse", y, target, sample_weight, reduction)


def huber_of_rows(
    shape: tuple[int, ...], dtype: np.dtype, targets: Any, delta: float = 1.0
) -> RowLoss:
    """Huber's loss of outputs of this shape."""
    if not (is_number(delta) and 0 < delta < np.inf):
        raise ArgumentError(explain("huber", "a finite delta above 0", f"delta={delta!r}"))
    options = np.array([[delta]], np.float64)
    return of_elements("huber", clipped_error, shape, dtype, targets, options=options)


def clipped_error(x: Tensor, t: Any, options: np.ndarray) -> Tensor:
    """c (e - c/2) with e = x - t and c = e clipped to [-delta, delta]: both branches at once."""
    e, delta = x - t, float(options[0, 0])
    c = e.clip(-delta, delta)
    return c * (e - c / 2)


@by_rows(huber_of_rows)
def huber(
    y: Any,
    target: Any,
    delta: float = 1.0,
    *,
    sample_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Half the squared error, but linear beyond delta: outliers pull with a bounded force.

        e²/2 where |e| <= delta, else delta (|e| - delta/2),   e = y - target
        slope: e clipped to [-delta, delta]

    Shapes, weights and errors as in `mse`; ArgumentError also for a delta that is not a finite
    positive number.

    >>> import minidl
    >>> y = minidl.tensor([0.5, 3.0], requires_grad=True)
    >>> loss = huber(y, [0.0, 0.0], reduction="none")
    >>> loss.numpy()
    array([0.125, 2.5  ], dtype=float32)
    >>> loss.sum().backward()
    >>> y.grad
    tensor([0.5, 1. ])

    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics, 1964.
    """
    return run("huber", y, target, sample_weight, reduction, delta=delta)


def poisson_of_rows(shape: tuple[int, ...], dtype: np.dtype, targets: Any) -> RowLoss:
    """The negative log-likelihood of counts, for logarithms of this shape."""
    return of_elements("poisson", surprise, shape, dtype, targets, not_negative)


def surprise(x: Tensor, t: Any, _: np.ndarray) -> Tensor:
    """e^x - t x; t x counts as 0 where t is 0, and beside an infinite e^x."""
    t = as_tensor(t, "poisson")
    return x.exp() - t * where((t.data == 0) | (x.data == np.inf), 0, x)


@by_rows(poisson_of_rows)
def poisson(
    log_rate: Any, target: Any, *, sample_weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """e^x - t x, for every element: minus the log-likelihood of a count t that is Poisson
    distributed with the mean e^x, without the term ln t!, which does not depend on x.

        dx = e^x - t,   dt = -x

    - log_rate x: float32 or float64 of any shape. The smallest loss is at x = ln t.
    - target t: of the same shape, finite and not negative; whole or not. It receives a gradient if
      it wants one.
    - sample_weight v: one number for each index of the first axis. The mean is
      sum_i v_i loss_i / sum_i v_i over all elements.

    ShapeError for shapes that differ (nothing is broadcast) and for the mean of an empty batch;
    DTypeError for x that is not float; ArgumentError for negative targets and weights and an
    unknown reduction.

    >>> import minidl
    >>> x = minidl.tensor([0.0, 1.0], requires_grad=True)
    >>> loss = poisson(x, [3.0, 0.0], reduction="none")
    >>> loss.numpy()
    array([1.       , 2.7182817], dtype=float32)
    >>> loss.sum().backward()
    >>> x.grad
    tensor([-2.       ,  2.7182817])

    Nelder, Wedderburn, "Generalized linear models", Journal of the Royal Statistical Society A 135,
    1972.
    """
    return run("poisson", log_rate, target, sample_weight, reduction)
