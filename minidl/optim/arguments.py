"""The arguments of optimisers: parameters, and options within their range."""

import math
from collections.abc import Callable, Iterable, Set
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from ..engine.tensor import Tensor
from ..errors import ArgumentError, DTypeError, explain, some
from ..tools.checks import is_number

Parameters = Iterable[Tensor] | Iterable[dict[str, Any]]


class Option(NamedTuple):
    """A kind of option: its description for error messages, and the test of a value."""

    description: str
    allows: Callable[[Any], bool]

    def check(self, operation: str, name: str, value: Any) -> None:
        """ArgumentError unless `value` is allowed."""
        if not self.allows(value):
            raise ArgumentError(
                explain(operation, f"{name} to be {self.description}", f"{name}={value!r}")
            )


def _is_finite(value: Any) -> bool:
    return is_number(value) and math.isfinite(value)


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value < 1


def _are_two_shares(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(map(_is_share, value))


NUMBER = Option("a finite number", _is_finite)
POSITIVE = Option("a finite number above 0", lambda value: _is_finite(value) and value > 0)
NOT_NEGATIVE = Option("a finite number from 0 up", lambda value: _is_finite(value) and value >= 0)
SHARE = Option("a number in [0, 1)", _is_share)
TWO_SHARES = Option("two numbers in [0, 1)", _are_two_shares)
FLAG = Option("True or False", lambda value: isinstance(value, (bool, np.bool_)))


def described(rule: Any, options: dict[str, Any]) -> list[str]:
    """The learning rate, and the options that differ from the rule's defaults, as they are written
    in a call."""
    defaults = {name: p.default for name, p in signature(rule).parameters.items()}
    shown = {name: value for name, value in options.items() if name != "params"}
    return [
        f"{name}={value}" for name, value in shown.items()
        if name == "lr" or name not in defaults or value != defaults[name]
    ]  # fmt: skip


def require_keys(operation: str, expected: Set[str], got: Set[str]) -> None:
    """ArgumentError, which names the missing and the unknown keys, unless both sets agree."""
    if got != expected:
        missing = [f"no {key!r}" for key in sorted(expected - got)]
        unknown = [f"an unknown {key!r}" for key in sorted(map(str, got - expected))]
        raise ArgumentError(
            explain(operation, f"the keys {some(sorted(expected))}", ", ".join(missing + unknown))
        )


def listed(operation: str, params: Any) -> list[Any]:
    """`params` as a list; raises if it is empty, or has no order of its own."""
    expected = "a list of tensors"
    if isinstance(params, Tensor):
        raise DTypeError(explain(operation, expected, "one tensor", "[x]"))
    if isinstance(params, (set, frozenset)):
        raise DTypeError(explain(operation, expected, "a set, whose order changes from run to run"))
    if isinstance(params, str) or not isinstance(params, Iterable):
        raise DTypeError(explain(operation, expected, type(params).__name__))
    items = list(params)
    if not items:
        raise ArgumentError(
            explain(operation, "at least one parameter", "none", "model.parameters()")
        )
    return items


def as_groups(operation: str, params: Any) -> list[dict[str, Any]]:
    """The groups in `params`: dicts, or tensors that make one group."""
    items = listed(operation, params)
    are_groups = {isinstance(item, dict) for item in items}
    if len(are_groups) == 2:
        raise DTypeError(explain(operation, "only tensors or only groups", "some of each"))
    return items if are_groups == {True} else [{"params": items}]


def tensors(operation: str, params: Any) -> list[Tensor]:
    """`params` as a list; raises unless all are tensors."""
    items = listed(operation, params)
    for item in items:
        if not isinstance(item, Tensor):
            raise DTypeError(explain(operation, "only tensors", type(item).__name__))
    return items


def parameters_of(operation: str, params: Any) -> tuple[Tensor, ...]:
    """`params` as a tuple; raises unless all are leaves that want a gradient, or wanted one before
    they were frozen (requires_grad = False)."""
    parameters = tensors(operation, params)
    for p in parameters:
        is_frozen = not p.requires_grad and p._memory.is_parameter
        if p._node is not None or not (p.requires_grad or is_frozen):
            was = f"made by {p._node.operation.name}" if p._node else "with requires_grad=False"
            raise ArgumentError(
                explain(
                    operation,
                    "leaves that want a gradient",
                    f"a tensor of shape {p.shape} {was}",
                    "tensor(x, requires_grad=True)",
                )
            )
    return tuple(parameters)
