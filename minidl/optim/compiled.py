"""Optimisers whose rule is a kernel."""

from collections.abc import Mapping, Sequence, Set
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import _kernels
from ..engine.tensor import Tensor
from ..tools.checks import declared, runs_as
from .base import Group, Optimizer
from .block import ARRAY, Block, Gradients, same, writable

# The elements that a thread updates at a time: few enough for the cache, and enough to be worth
# a request for work.
SPAN = 4096

# The hyperparameters that every rule has; its own follow, in their order.
COMMON = {"lr", "weight_decay", "decoupled_weight_decay", "maximize"}

UNFIT = object()  # stands for a gradient that is no array


class Rule(NamedTuple):
    """How a kernel updates one parameter: its array, the rule's kernel, the parameter's number
    among all, and up to three states."""

    w: np.ndarray
    kernel: Any
    number: int
    states: list[np.ndarray | None]


class Kernel:
    """A rule's kernel for a block, and its hyperparameters at the last change of an option."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.ids = frozenset(map(id, block.parameters))
        sizes = np.diff(block.starts).tolist()
        spans = [
            (k, first, start + first, min(SPAN, size - first))
            for k, (start, size) in enumerate(zip(block.starts, sizes, strict=False))
            for first in range(0, size, SPAN)
        ]
        self.spans = np.array(spans, np.intp).reshape(-1, 4)
        most = max(map(len, block.shapes))
        shapes = [(len(s), *s, *[0] * (most - len(s))) for s in block.shapes]
        self.shapes = np.array(shapes, np.intp)
        self.hyperparameters = np.zeros((len(sizes), _kernels.update.HYPERPARAMETERS))
        self.made_for: tuple[Any, ...] = ()
        self.parts: list[Any] = []  # the rule's kernel, and its states
        self.update: Any = None
        self._rules: dict[int, Rule] = {}
        self._rules_for: list[Any] = []

    def adopt(self, rule: Mapping[str, Any], states: list[np.ndarray | None]) -> None:
        """From now on the kernel is that of `rule`, with these states."""
        if not same([rule, *states], self.parts):
            self.update = _kernels.update.Update(
                rule, self.block.dtype.name, self.shapes, self.spans, states, self.hyperparameters
            )
            self.parts = [rule, *states]  # last, as a signal may interrupt before it

    def find(self, operation: str) -> list[Any]:
        """Tells the kernel where the arrays are, and returns the gradients. Arrays that do not fit
        raise; arrays that a kernel cannot use as they are get copied."""
        block = self.block
        weights = list(map(ARRAY, block.parameters))
        gradients = list(map(raw_gradient, block.parameters))
        if not self.update.find(weights, gradients) or self.update.has_moved:
            block.check_arrays(operation)
            gradients = block.gradients(operation)
            pairs = zip(block.parameters, gradients, strict=True)
            weights = [None if g is None else writable(p) for p, g in pairs]
            self.update.find(weights, gradients)
        return gradients

    def run(self, gradients: Gradients, nanoseconds: float) -> None:
        """Applies the rule to the arrays that `find` found. `nanoseconds` is one core's time for
        one element, which determines the number of threads."""
        block = self.block
        block.mark(gradients)
        # If two arrays share memory, the second is changed after the first.
        threads = 1 if block.overlaps else _kernels.threads_for(nanoseconds * block.size)
        self.update.run(block.steps, bool(block.state), threads)

    def counts(self, steps: int, learned: Set[int]) -> list[list[int]]:
        """How many steps each parameter has made in each of the coming steps; only parameters whose
        ids are in `learned` count on."""
        before = self.block.steps
        if self.ids <= learned:
            return [[t + s for t in before] for s in range(1, steps + 1)]
        goes_on = [id(p) in learned for p in self.block.parameters]
        pairs = list(zip(before, goes_on, strict=True))
        return [[t + s * goes for t, goes in pairs] for s in range(1, steps + 1)]

    def rules(self, first: int) -> dict[int, Rule]:
        """Each parameter's rule by its id, numbered from `first` on; the rules of the last call if
        nothing has moved since."""
        block = self.block
        arrays = [writable(p) for p in block.parameters]
        wanted = [first, *self.parts, *arrays]
        if not same(wanted, self._rules_for):
            rules, (rule, *states) = {}, self.parts
            kernel = rule[block.dtype.name]
            for k, (p, w) in enumerate(zip(block.parameters, arrays, strict=True)):
                span = slice(block.starts[k], block.starts[k + 1])
                kept = [None if state is None else state[span] for state in states]
                rules[id(p)] = Rule(w, kernel, first + k, kept)
            self._rules, self._rules_for = rules, wanted  # in this order, for the same reason
        return self._rules


def raw_gradient(p: Tensor) -> Any:
    """p.grad's array, in whatever form; None without one, or if p is frozen."""
    grad = p.grad
    if grad is None or not p.requires_grad:
        return None
    return grad._array if isinstance(grad, Tensor) else UNFIT


@declared
class Compiled(Optimizer):
    """An optimiser whose rule is a section of `_kernels/rules.pyx`. The class names the section;
    `options` and `state` are in the kernel's order. A subclass that defines `update` runs that.
    """

    kernel: ClassVar[str]
    nanoseconds: ClassVar[float]  # one core's time for one element

    def step(self) -> None:
        """Changes every parameter that has a gradient; the others keep their values and state.

        Nothing changes if an option is out of range (ArgumentError), if a gradient does not fit its
        parameter (ShapeError, DTypeError), or if no parameter that wants a gradient has one
        (GuardWarning). Afterwards, backward through a graph that has read the old values raises
        GraphError.
        """
        if not runs_as(self, Compiled, "update"):
            super().step()
            return
        work = []
        for group in self._groups:
            self._check_group(group)
            options = self.coming(group.options, 1)
            for block in group.blocks:
                kernel = self._kernel_of(block, group, options)
                gradients = kernel.find(self._name)
                if kernel.update.found:
                    work.append((kernel, gradients))
        if not work:
            self._warn_of_no_gradient()
        for kernel, gradients in work:
            kernel.run(gradients, self.nanoseconds)

    def coming(self, options: dict[str, Any], steps: int) -> dict[str, Any]:
        """The options for the next `steps` steps; those that change from step to step are arrays
        (steps, 1)."""
        return options

    def next_steps(
        self, steps: int, learned: Set[int], rates: Sequence[Sequence[float]] | None = None
    ) -> tuple[Mapping[int, Rule], np.ndarray, list[_kernels.Change]]:
        """For a kernel that makes the next `steps` steps by itself, with gradients for the
        parameters whose ids are in `learned`.

        Returns each parameter's rule by its id, the rules' coefficients (steps, parameters, k), and
        the changes that are due when the steps are made. `rates` holds every group's learning rate
        for each step.
        """
        for group in self._groups:
            self._check_group(group)
            for block in group.blocks:
                block.check_arrays(self._name)
        rules: Mapping[int, Rule] = {}
        coefficients = []
        changes: list[_kernels.Change] = []
        for i, group in enumerate(self._groups):
            options = self.coming(group.options, steps)
            if rates is not None:
                options = options | {"lr": np.array([step[i] for step in rates])[:, None]}
            for block in group.blocks:
                kernel = self._kernel_of(block, group, options if steps == 1 else group.options)
                of_block = kernel.rules(len(rules))
                rules = {**rules, **of_block} if rules else of_block
                counts = kernel.counts(steps, learned)
                coefficients.append(self._coefficients(kernel, options, counts))
                if block.state:
                    changes.append((block, "steps", counts[-1]))
        is_one = len(coefficients) == 1
        joined = coefficients[0] if is_one else np.concatenate(coefficients, axis=1)
        return rules, joined, changes

    def _coefficients(
        self, kernel: Kernel, options: dict[str, Any], counts: Sequence[list[int]]
    ) -> np.ndarray:
        """The parameters' coefficients (steps, n, COEFFICIENTS) for steps with these counts."""
        found = np.empty((len(counts), len(counts[0]), _kernels.update.COEFFICIENTS))
        if len(counts) == 1:  # the kernel has the hyperparameters
            kernel.update.coefficients(counts[0], found[0])
        else:
            hyperparameters = self._hyperparameters(options, counts, kernel.block)
            _kernels.update.coefficients(kernel.parts[0], hyperparameters, found)
        return found

    def _kernel_of(self, block: Block, group: Group, options: dict[str, Any]) -> Kernel:
        """The block's kernel, made when first wanted, with these options."""
        kernel = block.kernel = block.kernel or Kernel(block)
        made_for = group.version, _kernels.rules, options
        if not same(made_for, kernel.made_for):
            kept = self.initial_state(options)
            block.ensure_state(kept)
            states = [block.state[name] if name in kept else None for name in self.state]
            states += [None] * (3 - len(states))
            kernel.adopt(_kernels.rules.RULES[self.kernel], states)
            kernel.hyperparameters[:] = self._hyperparameters(options, [block.steps], block)[0]
            kernel.made_for = made_for
        return kernel

    def _hyperparameters(
        self, options: dict[str, Any], counts: Sequence[Sequence[int]], block: Block
    ) -> np.ndarray:
        """The hyperparameters of the block's n parameters (steps, n, HYPERPARAMETERS); `counts` has
        the number of each parameter's steps, for each step."""
        own = [options[name] for name in self.options if name not in COMMON]
        columns = [
            counts,
            options["lr"],
            options.get("weight_decay", 0.0) * block.decays,
            self._is_decoupled(options),
            options.get("maximize", False),
            *(x for value in own for x in (value if isinstance(value, (tuple, list)) else [value])),
        ]
        result = np.zeros((len(counts), len(block.steps), _kernels.update.HYPERPARAMETERS))
        for i, column in enumerate(columns):
            result[..., i] = column
        return result
