"""Learning rates that change with time.

A factor is a function of the step number t = 0, 1, 2, ...; `Schedule` multiplies the first learning
rate of each of an optimiser's groups by it. The caller of `Schedule.step()` decides what a step is:
a batch or an epoch.

>>> decay = warmup(2, then=cosine(4))
>>> [round(decay(t), 3) for t in range(8)]
[0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from .._kernels import Change
from ..errors import ArgumentError, explain
from ..tools.checks import declared, is_number, is_whole

__all__ = [
    "Factor", "Schedule", "constant", "cosine", "exponential", "linear", "step", "warmup",
]  # fmt: skip

Factor = Callable[[int], float]


def constant() -> Factor:
    """1 at every step.

    >>> constant()(7)
    1.0
    """
    return _constant


def step(every: int, factor: float = 0.1) -> Factor:
    """factor^floor(t / every): drops once every `every` steps. ArgumentError for `every` below 1.

    >>> [step(2, factor=0.5)(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    _require_count("step", "every", every)
    _require_number("step", "factor", factor)
    return partial(_step, every, float(factor))


def exponential(factor: float) -> Factor:
    """factor^t.

    >>> [exponential(0.5)(t) for t in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """
    _require_number("exponential", "factor", factor)
    return partial(pow, float(factor))


def linear(total: int, end: float = 0.0) -> Factor:
    """A straight line from 1 at t = 0 to `end` at t = `total`, and `end` from there on.

    >>> [linear(4)(t) for t in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    _require_count("linear", "total", total)
    _require_number("linear", "end", end)
    return partial(_linear, total, end)


def cosine(total: int, end: float = 0.0) -> Factor:
    """Half a cosine from 1 at t = 0 to `end` at t = `total`, and `end` from there on.

    end + (1 - end) · (1 + cos(pi t / total)) / 2. Loshchilov, Hutter (2017), SGDR: stochastic
    gradient descent with warm restarts; this is the form without restarts.

    >>> [round(cosine(2)(t), 3) for t in range(4)]
    [1.0, 0.5, 0.0, 0.0]
    """
    _require_count("cosine", "total", total)
    _require_number("cosine", "end", end)
    return partial(_cosine, total, end)


def warmup(steps: int, then: Factor | None = None) -> Factor:
    """(t + 1) / steps for the first `steps` steps, which ends at 1; `then` from there on.

    `then` starts at its own t = 0; None is constant(). Goyal et al. (2017), Accurate, large
    minibatch SGD: training ImageNet in 1 hour.
    """
    _require_count("warmup", "steps", steps)
    after = constant() if then is None else then
    if not callable(after):
        raise ArgumentError(
            explain("warmup", "then to be a function of t", repr(then), "cosine(100)")
        )
    return partial(_warmup, steps, after)


# The factors as functions of their own, so that they can be pickled.


def _constant(t: int) -> float:
    return 1.0


def _step(every: int, factor: float, t: int) -> float:
    return factor ** (t // every)


def _linear(total: int, end: float, t: int) -> float:
    progress = min(t / total, 1.0)
    return 1.0 - progress + progress * end


def _cosine(total: int, end: float, t: int) -> float:
    return end + (1 - end) * (1 + math.cos(math.pi * min(t / total, 1.0))) / 2


def _warmup(steps: int, then: Factor, t: int) -> float:
    return (t + 1) / steps if t < steps else then(t - steps)


class HasGroups(Protocol):
    """What a schedule needs of an optimiser."""

    @property
    def param_groups(self) -> Sequence[dict[str, Any]]:
        """The groups, each with its "lr"."""


@declared
class Schedule:
    """Sets every group's learning rate to its first learning rate times factor(t).

    It does so for t = 0 when it is made, and for the next t at each step(); so the rates are those
    of the optimiser's next step. A factor of 0 is allowed, and stops learning. ArgumentError,
    before anything changes, for a factor that is not a finite number from 0 up.

    >>> import minidl
    >>> from minidl.optim import SGD
    >>> optimizer = SGD([minidl.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> schedule = Schedule(optimizer, linear(total=2))
    >>> rates = []
    >>> for epoch in range(3):
    ...     rates += schedule.lr
    ...     schedule.step()
    >>> rates
    [0.5, 0.25, 0.0]
    """

    def __init__(self, optimizer: HasGroups, factor: Factor) -> None:
        if not hasattr(optimizer, "param_groups"):
            raise ArgumentError(explain("Schedule", "an optimiser", type(optimizer).__name__))
        if not callable(factor):
            raise ArgumentError(
                explain("Schedule", "a function of the step number", repr(factor), "cosine(100)")
            )
        self.optimizer = optimizer
        self.factor = factor
        self._first = [float(group["lr"]) for group in optimizer.param_groups]
        self._move_to(0, self._first)

    @property
    def lr(self) -> list[float]:
        """The present learning rate of every group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Goes on to the next t."""
        self._move_to(self._t + 1, self._first)

    def ahead(self, steps: int) -> tuple[list[list[float]], list[Change]]:
        """Every group's learning rate for each of the next steps, and what step() would change
        after each of them: for a kernel that makes the steps by itself."""
        rates = [self.lr, *[self._rates(self._t + t, self._first) for t in range(1, steps + 1)]]
        after = rates.pop()
        changes: list[Change] = [(self, "_t", self._t + steps)]
        for group, rate in zip(self.optimizer.param_groups, after, strict=True):
            changes.append((group, "lr", rate))
        return rates, changes

    def state_dict(self) -> dict[str, Any]:
        """t as "steps", and every group's first learning rate as the array "first_lr"."""
        return {"steps": self._t, "first_lr": np.array(self._first)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues at the t of the schedule that gave `state`, and sets the rates for that t.

        The factor is not part of the state. ArgumentError, before anything changes, if `state` does
        not fit.
        """
        if not isinstance(state, Mapping) or state.keys() != {"steps", "first_lr"}:
            got = sorted(state) if isinstance(state, Mapping) else type(state).__name__
            raise ArgumentError(
                explain("Schedule.load_state_dict", "a dict with first_lr and steps", got)
            )
        steps, first = np.asarray(state["steps"]), np.asarray(state["first_lr"])
        if steps.shape != () or steps.dtype.kind not in "iu" or steps < 0:
            raise ArgumentError(
                explain("Schedule.load_state_dict", "steps from 0 up", state["steps"])
            )
        if first.shape != (len(self._first),) or first.dtype.kind != "f":
            raise ArgumentError(
                explain("Schedule.load_state_dict", f"{len(self._first)} first rates", first)
            )
        for rate in first:
            _require_number("Schedule.load_state_dict", "first_lr", rate)
        self._move_to(int(steps), first.tolist())

    def _rates(self, t: int, first: list[float]) -> list[float]:
        """Every group's learning rate at t; ArgumentError if the factor gives none."""
        groups = self.optimizer.param_groups
        if len(groups) != len(first):
            raise ArgumentError(
                explain(
                    "Schedule",
                    f"the {len(first)} groups that it was made for",
                    len(groups),
                    "make the schedule after add_param_group",
                )
            )
        factor = self.factor(t)
        _require_number("Schedule", f"factor({t})", factor)
        return [rate * float(factor) for rate in first]

    def _move_to(self, t: int, first: list[float]) -> None:
        rates = self._rates(t, first)
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._t, self._first = t, first


def _require_count(operation: str, name: str, value: Any) -> None:
    if not is_whole(value, 1):
        raise ArgumentError(
            explain(operation, f"{name} to be a whole number from 1 up", f"{name}={value!r}")
        )


def _require_number(operation: str, name: str, value: Any) -> None:
    if not (is_number(value) and 0 <= value < math.inf):
        raise ArgumentError(
            explain(operation, f"{name} to be a finite number from 0 up", f"{name}={value!r}")
        )


def __dir__() -> list[str]:
    return __all__
