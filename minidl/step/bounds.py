"""What a step does beside forward, backward and the optimiser's rule: bounds on norms."""

from typing import Any, NamedTuple

from ..engine.tensor import Tensor
from ..optim.arguments import POSITIVE
from ..optim.base import Optimizer
from ..optim.constraints import clip_grad_norm, max_norm


class Bounds(NamedTuple):
    """The norm of all gradients together, and of a unit's incoming weights; None: any."""

    clip_norm: float | None = None
    max_norm: float | None = None

    def before(self, optimizer: Optimizer) -> None:
        """Clips the gradients, which are whole now."""
        if self.clip_norm is not None:
            clip_grad_norm(optimizer.all_parameters(), self.clip_norm)

    def after(self, optimizer: Optimizer) -> None:
        """Bounds the weights that the optimiser has changed."""
        changed = [p for p in optimizer.all_parameters() if has_gradient(p)]
        if self.max_norm is not None and changed:
            max_norm(changed, self.max_norm)

    def given(self) -> dict[str, Any]:
        """Those that there are, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def has_gradient(p: Tensor) -> bool:
    """Whether the optimiser's step changes it."""
    return p.requires_grad and p.grad is not None


def bounds_of(operation: str, **given: Any) -> Bounds:
    """The bounds that were given; ArgumentError unless each is a finite number above 0, or None."""
    for name, value in given.items():
        if value is not None:
            POSITIVE.check(operation, name, value)
    return Bounds(**{name: v if v is None else float(v) for name, v in given.items()})
