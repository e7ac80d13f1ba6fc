"""Whether an optimiser trains the net that it is used with."""

from typing import Any

from ..errors import ArgumentError, explain
from ..layers.base import Layer
from ..optim.base import Optimizer


def left_out(operation: str, net: Layer, optimizer: Optimizer) -> list[str]:
    """The parameters that want a gradient but are not in the optimiser. ArgumentError if it has
    none of the net's: it would train nothing."""
    held = {id(p) for p in optimizer.all_parameters()}
    own = dict(net.named_parameters())
    if own and not any(id(p) in held for p in own.values()):
        expected = "an optimiser of this net's parameters"
        hint = f"{type(optimizer).__name__}(net.parameters(), ...), once the net has them"
        raise ArgumentError(explain(operation, expected, "one of other tensors", hint))
    return [name for name, p in own.items() if p.requires_grad and id(p) not in held]


def check_schedule(operation: str, schedule: Any, optimizer: Optimizer) -> None:
    """ArgumentError unless this is a schedule of this optimiser: it would change other rates."""
    if schedule is not None and getattr(schedule, "optimizer", None) is not optimizer:
        hint = "Schedule(optimizer, ...), with the optimiser that steps"
        expected = "a schedule of this optimiser"
        raise ArgumentError(explain(operation, expected, repr(schedule), hint))
