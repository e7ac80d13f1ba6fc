"""What every loss is for the kernel that trains a whole net (`_kernels/network.pyx`)."""

from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from ..tensor import Tensor
from .entropy import (
    binary_cross_entropy_of_rows,
    binary_cross_entropy_with_logits,
    cross_entropy,
    cross_entropy_of_rows,
)
from .margin import hinge, hinge_of_rows, multi_margin, multi_margin_of_rows
from .reduction import RowLoss
from .regression import huber, huber_of_rows, mse, mse_of_rows


def any_value(_: Any) -> bool:
    """For options that mean the same in every batch."""
    return True


def is_none(sample_weight: Any) -> bool:
    """No weights: those of a batch's samples would be the same in every batch."""
    return sample_weight is None


def is_mean(reduction: Any) -> bool:
    """The reduction that the kernel knows."""
    return isinstance(reduction, str) and reduction == "mean"


def is_of_columns(pos_weight: Any) -> bool:
    """Not one for each row of a batch."""
    return np.ndim(pos_weight) <= 1


def is_never_zero(weight: Any) -> bool:
    """A batch of nothing but classes of weight 0 has no mean."""
    return bool(np.all(np.asarray(weight) != 0))


class Entry(NamedTuple):
    """A loss by rows, and when its options can be those of a whole data set."""

    of_rows: Callable[..., RowLoss]
    options: dict[str, Callable[[Any], bool]] = {}


ENTRIES: dict[Any, Entry] = {
    mse: Entry(mse_of_rows),
    huber: Entry(huber_of_rows, {"delta": any_value}),
    binary_cross_entropy_with_logits: Entry(
        binary_cross_entropy_of_rows, {"pos_weight": is_of_columns}
    ),
    cross_entropy: Entry(
        cross_entropy_of_rows, {"weight": is_never_zero, "label_smoothing": any_value}
    ),
    hinge: Entry(hinge_of_rows),
    multi_margin: Entry(multi_margin_of_rows, {"margin": any_value}),
}
# What every loss takes, if it has the value that means nothing new to the kernel.
OF_ALL = {"sample_weight": is_none, "reduction": is_mean}


def row_loss(
    loss: Callable[..., Tensor], targets: Any, shape: tuple[int, int], dtype: np.dtype
) -> RowLoss | None:
    """The loss of a net's outputs (rows, outputs) for these targets; None if it is not known.

    Options may be given by `functools.partial`. Raises what the loss itself would.
    """
    entry, options = known(loss)
    if entry is None or not options:
        return None if entry is None else entry.of_rows(shape, dtype, targets)
    can_be = OF_ALL | entry.options
    if not all(name in can_be and can_be[name](value) for name, value in options.items()):
        return None
    own = {name: value for name, value in options.items() if name in entry.options}
    return entry.of_rows(shape, dtype, targets, **own)


def check_targets(
    loss: Callable[..., Tensor], targets: Any, shape: tuple[int, ...], dtype: np.dtype
) -> None:
    """Raises what the loss, if it is known, would say of these targets beside outputs of this
    shape. Its options are passed over."""
    entry, _ = known(loss)
    if entry is not None:
        entry.of_rows(shape, dtype, targets)


def known(loss: Any) -> tuple[Entry | None, dict[str, Any]]:
    """The loss's entry, if it has one, and its options."""
    if isinstance(loss, FunctionType):
        return ENTRIES.get(loss), {}
    if isinstance(loss, partial) and not loss.args and isinstance(loss.func, FunctionType):
        return ENTRIES.get(loss.func), loss.keywords
    return None, {}
