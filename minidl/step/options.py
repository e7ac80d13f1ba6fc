"""What a step does besides forward, backward and the optimiser's rule."""

from typing import Any, NamedTuple

from ..engine.tensor import Tensor
from ..errors import ArgumentError, explain
from ..optim.arguments import POSITIVE
from ..optim.base import Optimizer
from ..optim.block import writable
from ..optim.constraints import clip_grad_norm, max_norm
from ..tools.checks import is_whole


class Options(NamedTuple):
    """Bounds on the norm of all gradients together and of each unit's incoming weights, None for no
    bound; and the number of batches in a group, for which the optimiser steps once."""

    clip_norm: float | None = None
    max_norm: float | None = None
    accumulate: int = 1

    def before(self, optimizer: Optimizer, batches: int) -> None:
        """Replaces the gradients, sums over `batches` batches, by their means, and clips them."""
        for p in updated(optimizer) if batches > 1 else []:
            assert p.grad is not None
            writable(p.grad)[...] *= 1 / batches
            p.grad.mark_written()
        if self.clip_norm is not None:
            clip_grad_norm(optimizer.all_parameters(), self.clip_norm)

    def after(self, optimizer: Optimizer) -> None:
        """Bounds the weights that the optimiser has changed."""
        if self.max_norm is not None and (changed := updated(optimizer)):
            max_norm(changed, self.max_norm)

    def up(self, batches: int) -> int:
        """`batches`, rounded up to whole groups."""
        return -(-batches // self.accumulate) * self.accumulate

    def down(self, batches: int) -> int:
        """`batches`, rounded down to whole groups."""
        return batches // self.accumulate * self.accumulate

    def given(self) -> dict[str, Any]:
        """The options that differ from their defaults, by name."""
        default = Options()._asdict()
        return {name: v for name, v in self._asdict().items() if v != default[name]}


def updated(optimizer: Optimizer) -> list[Tensor]:
    """The parameters that the optimiser's step changes: those with a gradient."""
    return [p for p in optimizer.all_parameters() if p.requires_grad and p.grad is not None]


def options_of(operation: str, accumulate: Any, **bounds: Any) -> Options:
    """The given options; ArgumentError unless each bound is a finite number above 0, or None, and
    `accumulate` a whole number from 1 up."""
    for name, bound in bounds.items():
        if bound is not None:
            POSITIVE.check(operation, name, bound)
    if not is_whole(accumulate, 1):
        expected = "accumulate: a whole number of batches from 1 up"
        raise ArgumentError(explain(operation, expected, repr(accumulate)))
    floats = {name: bound if bound is None else float(bound) for name, bound in bounds.items()}
    return Options(accumulate=int(accumulate), **floats)
