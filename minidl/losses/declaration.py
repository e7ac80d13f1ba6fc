"""What a loss is: a declaration, and how the rest of minidl finds it.

    @by_rows(mse_of_rows)
    def mse(y, target, *, sample_weight=None, reduction="mean"):
        '''(y - target)², ...'''
        return run("mse", y, target, sample_weight, reduction)

declares a loss. `mse_of_rows(shape, dtype, targets, **options)` checks options and targets, and
returns the formula and the kernel that belong to them (`RowLoss`). A kernel is a section of
_kernels/losses.pyx; without one, the loss runs by its formula. Nothing else is needed. `run` looks
the loss up by name, so a loss that is not declared does not run.
"""

import inspect
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..engine.tensor import Tensor
from ..errors import ArgumentError, Unplanned, explain
from .checks import floats
from .reduction import MEANS, RowLoss, reduced

Loss = TypeVar("Loss", bound=Callable[..., Tensor])


class Declaration(NamedTuple):
    """A loss: the function that users call, and the one that describes it by rows."""

    function: Callable[..., Tensor]
    of_rows: Callable[..., RowLoss]
    options: frozenset[str]  # of of_rows
    # The options that may differ from row to row, each with a test that it does not.
    of_all_rows: dict[str, Callable[[Any], bool]]

    def is_shared(self, option: str, value: Any) -> bool:
        """Whether this option, with this value, is the same for every row."""
        is_alike = self.of_all_rows.get(option)
        return option in self.options and (is_alike is None or is_alike(value))


REGISTRY: dict[str, Declaration] = {}


def by_rows(
    of_rows: Callable[..., RowLoss], **of_all_rows: Callable[[Any], bool]
) -> Callable[[Loss], Loss]:
    """Decorates a loss. `of_all_rows` tests, for an option that may differ from row to row, whether
    it is the same for all. ArgumentError for the name of another loss."""

    def declare(loss: Loss) -> Loss:
        name = loss.__name__
        clash = REGISTRY.get(name)
        if clash is not None and clash.function.__module__ != loss.__module__:
            got = f"that of {clash.function!r}"
            raise ArgumentError(explain(f"loss {name!r}", "a name of its own", got))
        options = list(inspect.signature(of_rows).parameters)[3:]
        REGISTRY[name] = Declaration(loss, of_rows, frozenset(options), of_all_rows)
        return loss

    return declare


def run(
    name: str, x: Any, targets: Any, sample_weight: Any, reduction: Any, **options: Any
) -> Tensor:
    """The loss of that name, for the outputs x."""
    x = floats(name, x)
    loss = REGISTRY[name].of_rows(x.shape, x.dtype, targets, **options)
    return reduced(x, loss, sample_weight, reduction)


def planned(
    loss: Callable[..., Tensor], targets: Any, shape: tuple[int, int], dtype: np.dtype,
    sample_weight: Any = None,
) -> RowLoss:  # fmt: skip
    """The loss of a net's outputs (rows, outputs) for these targets, which a kernel can run batch
    by batch; each row has its weight. Options may be given by `functools.partial`.

    Unplanned if no kernel can run it. Raises also the errors of the loss itself.
    """
    declaration, options = declared(loss)
    if declaration is None:
        name = getattr(loss.func if isinstance(loss, partial) else loss, "__name__", repr(loss))
        hint = "one of minidl.functional, its options given by functools.partial"
        raise Unplanned(f"the loss {name} is not declared", hint)
    if options:
        require_shared(declaration, options)
    reduction = options.pop("reduction", "mean")
    options.pop("sample_weight", None)
    found = declaration.of_rows(shape, dtype, targets, **options)
    if found.kernel is None:
        raise Unplanned(f"the loss {found.name} has no kernel", "a section in _kernels/losses.pyx")
    if found.wanting is not None:
        raise Unplanned(f"{found.name} has targets that want a gradient", "targets.detach()")
    return found.reduced_by(reduction, sample_weight, shape if found.by_element else shape[:1])


def require_shared(declaration: Declaration, options: dict[str, Any]) -> None:
    """Unplanned unless all batches can share these options."""
    name = declaration.function.__name__
    if options.get("sample_weight") is not None:
        hint = "data.batches(x, y, ..., sample_weight=weights)"
        raise Unplanned(f"{name} has the sample_weight of one batch", hint)
    if isinstance(options.get("reduction"), str) and options["reduction"] == "none":
        raise Unplanned(f"{name} has reduction='none', which gives no number", "reduction='mean'")
    for option in options.keys() - {"sample_weight", "reduction"}:
        if option not in declaration.options:
            raise Unplanned(f"{name} has no option {option}")
        if not declaration.is_shared(option, options[option]):
            raise Unplanned(f"{name} has a {option} for each row", f"a {option} for each column")


def check_targets(
    loss: Callable[..., Tensor], targets: Any, shape: tuple[int, ...], dtype: np.dtype
) -> None:
    """Raises the error that a declared loss would raise for these targets and outputs of this
    shape. Options that differ from row to row are not checked."""
    declaration, options = declared(loss)
    if declaration is not None:
        shared = {name: v for name, v in options.items() if declaration.is_shared(name, v)}
        declaration.of_rows(shape, dtype, targets, **shared)


def summed(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The loss, with the sum in place of the mean if it is declared: the sum allows batches whose
    weights are all 0."""
    declaration, options = declared(loss)
    is_mean = declaration is not None and options.get("reduction", "mean") in MEANS
    return partial(loss, reduction="sum") if is_mean else loss


def declared(loss: Any) -> tuple[Declaration | None, dict[str, Any]]:
    """The loss's declaration, or None, and its options."""
    options: dict[str, Any] = {}
    if isinstance(loss, partial) and not loss.args:
        loss, options = loss.func, dict(loss.keywords)
    if not isinstance(loss, FunctionType):
        return None, {}
    declaration = REGISTRY.get(loss.__name__)
    is_its = declaration is not None and declaration.function is loss
    return (declaration, options) if is_its else (None, {})
