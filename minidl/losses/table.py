"""The losses by their rows: what the kernel that trains a whole net asks (`_kernels/network.pyx`),
and whoever looks at targets beforehand."""

from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..engine.tensor import Tensor
from .reduction import RowLoss

Loss = TypeVar("Loss", bound=Callable[..., Tensor])


class Entry(NamedTuple):
    """A loss by rows, when its options can be those of a whole data set, and which of them say what
    targets may be."""

    of_rows: Callable[..., RowLoss]
    options: dict[str, Callable[[Any], bool]]
    of_targets: tuple[str, ...]


ENTRIES: dict[Any, Entry] = {}


def by_rows(
    of_rows: Callable[..., RowLoss], of_targets: tuple[str, ...] = (),
    **options: Callable[[Any], bool],
) -> Callable[[Loss], Loss]:  # fmt: skip
    """Decorates a loss: of_rows(shape, dtype, targets, **options) is the same by its rows."""

    def enter(loss: Loss) -> Loss:
        ENTRIES[loss] = Entry(of_rows, options, of_targets)
        return loss

    return enter


def any_value(_: Any) -> bool:
    """For options that mean the same in every batch."""
    return True


def is_none(value: Any) -> bool:
    """Not given: sample weights of a batch would be the same in every batch; and a batch of nothing
    but labels that are ignored has no mean."""
    return value is None


def is_mean(reduction: Any) -> bool:
    """The reduction that the kernel knows."""
    return isinstance(reduction, str) and reduction == "mean"


# What every loss takes, if it has the value that means nothing new to the kernel.
OF_ALL = {"sample_weight": is_none, "reduction": is_mean}


def row_loss(
    loss: Callable[..., Tensor], targets: Any, shape: tuple[int, int], dtype: np.dtype
) -> RowLoss | None:
    """The loss of a net's outputs (rows, outputs) for these targets; None if it is not known, or
    has no kernel.

    Options may be given by `functools.partial`. Raises what the loss itself would.
    """
    entry, options = known(loss)
    if entry is None:
        return None
    can_be = OF_ALL | entry.options
    if not all(name in can_be and can_be[name](value) for name, value in options.items()):
        return None
    own = {name: value for name, value in options.items() if name in entry.options}
    found = entry.of_rows(shape, dtype, targets, **own)
    return None if found.kernel is None or found.wanting is not None else found


def check_targets(
    loss: Callable[..., Tensor], targets: Any, shape: tuple[int, ...], dtype: np.dtype
) -> None:
    """Raises what the loss, if it is known, would say of these targets beside outputs of this
    shape. Its other options are passed over."""
    entry, options = known(loss)
    if entry is not None:
        own = {name: value for name, value in options.items() if name in entry.of_targets}
        entry.of_rows(shape, dtype, targets, **own)


def known(loss: Any) -> tuple[Entry | None, dict[str, Any]]:
    """The loss's entry, if it has one, and its options."""
    if isinstance(loss, FunctionType):
        return ENTRIES.get(loss), {}
    if isinstance(loss, partial) and not loss.args and isinstance(loss.func, FunctionType):
        return ENTRIES.get(loss.func), loss.keywords
    return None, {}
