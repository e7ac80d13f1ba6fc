"""How similar vectors are to each other, and a loss for that."""

from typing import Any

import numpy as np

from ..engine.tensor import Tensor, as_tensor, maximum, minimum
from ..engine.tensor.base import normal_axes
from ..engine.tensor.keywords import Never, refuse
from ..errors import ArgumentError, ShapeError, explain
from ..tools.checks import is_number
from .checks import floats
from .reduction import RowLoss, in_rows, reduced


def cosine_similarity(x: Any, y: Any, axis: int = 1, eps: float = 1e-8, **wrong: Never) -> Tensor:
    """x · y / (max(|x|, eps) max(|y|, eps)) along an axis: the cosine of the angle between vectors.

    It is 1 for vectors of the same direction, 0 for orthogonal and -1 for opposite ones.

    - x and y: float32 or float64, of shapes that broadcast and have the axis. Either receives a
      gradient if it wants one.
    - the result has the broadcast shape without the axis.

    Nothing overflows, however long the vectors are. DTypeError for x that is not float, ShapeError
    for shapes that do not broadcast, ArgumentError for an axis out of range and for an eps that is
    not a finite number above 0.

    >>> import minidl
    >>> x = minidl.tensor([[1.0, 0.0], [1.0, 1.0]])
    >>> cosine_similarity(x, minidl.tensor([[2.0, 0.0], [1.0, -1.0]]))
    tensor([1., 0.])
    """
    operation = "cosine_similarity"
    refuse(operation, wrong)
    check_numbers(operation, eps=eps)
    x = floats(operation, x)
    y = as_tensor(y, operation, like=x)
    try:
        shape = np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        got = f"{x.shape} and {y.shape}"
        raise ShapeError(explain(operation, "shapes that broadcast", got)) from None
    (along,) = normal_axes(operation, (axis,), len(shape))
    return (unit(x, shape, along, eps) * unit(y, shape, along, eps)).sum(along)


def unit(x: Any, shape: tuple[int, ...], axis: int, eps: float) -> Tensor:
    """x, broadcast, divided by max(|x|, eps) along an axis. It is first divided by its largest
    element, so that no square overflows; this factor cancels, and counts as a constant."""
    x = np.broadcast_to(x, shape)
    largest = np.abs(x.data).max(axis, keepdims=True, initial=eps).astype(x.dtype)
    x = x / largest
    return x / maximum((x * x).sum(axis, keepdims=True), (eps / largest) ** 2).sqrt()


def triplet_margin(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    sample_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin): the positive should be nearer to
    the anchor than the negative, by a margin.

        d(x, y) = (sum over the last axis of |x - y + eps|^p)^(1/p)

    - anchor, positive, negative: float32 or float64 of one shape (batch, features), or with more
      axes. Each receives a gradient if it wants one.
    - swap: takes d(positive, negative) for d(anchor, negative) where that is smaller.
    - sample_weight v: (batch,). The mean is sum_i v_i loss_i / sum_i v_i.
    - the result: a number, or the shape without the last axis for reduction="none".

    These are PyTorch's definitions and defaults. ShapeError for shapes that differ (nothing is
    broadcast) and for the mean of an empty batch; DTypeError for integers; ArgumentError for a
    margin below 0, p below 1, an eps that is not above 0, negative weights and an unknown
    reduction.

    >>> import minidl
    >>> anchor = minidl.tensor([[0.0, 0.0]])
    >>> print(f"{triplet_margin(anchor, [[0.0, 3.0]], [[2.5, 0.0]]):.3f}")
    1.500

    Schroff, Kalenichenko, Philbin, "FaceNet: a unified embedding for face recognition and
    clustering", CVPR 2015. swap: Balntas et al., "Learning local feature descriptors with triplets
    and shallow convolutional neural networks", BMVC 2016.
    """
    operation = "triplet_margin"
    check_numbers(operation, eps=eps)
    for name, value, least in (("margin", margin, 0), ("p", p, 1)):
        if not (is_number(value) and least <= value < np.inf):
            expected = f"{name} from {least} up, finite"
            raise ArgumentError(explain(operation, expected, f"{name}={value!r}"))
    a = floats(operation, anchor)
    near, far = [as_tensor(x, operation, like=a) for x in (positive, negative)]
    for name, x in (("positive", near), ("negative", far)):
        if x.shape != a.shape or a.ndim == 0:
            expected = f"{name} of the anchor's shape {a.shape}, (batch, features)"
            raise ShapeError(explain(operation, expected, x.shape))
    to_far = distance(a, far, p, eps)
    if swap:
        to_far = minimum(to_far, distance(near, far, p, eps))
    losses = (distance(a, near, p, eps) - to_far + margin).clip(low=0)
    rows = in_rows(losses.data, losses.dtype)
    found = RowLoss(operation, as_they_are, None, losses.dtype, rows, by_element=True)
    return reduced(losses, found, sample_weight, reduction)


def as_they_are(losses: Tensor, *_: Any) -> Tensor:
    """Losses that were computed before."""
    return losses


def distance(x: Tensor, y: Tensor, p: float, eps: float) -> Tensor:
    """(sum |x - y + eps|^p)^(1/p) over the last axis; it first divides by the largest element."""
    e = x - y + eps
    largest = np.abs(e.data).max(-1, keepdims=True, initial=0)
    e = e / np.where(largest > 0, largest, 1)
    powers = e * e if p == 2 else e.abs() ** p
    return powers.sum(-1) ** (1 / p) * largest[..., 0]


def check_numbers(operation: str, **positive: Any) -> None:
    """ArgumentError unless these options are finite numbers above 0."""
    for name, value in positive.items():
        if not (is_number(value) and 0 < value < np.inf):
            raise ArgumentError(explain(operation, f"a finite {name} above 0", f"{name}={value!r}"))
