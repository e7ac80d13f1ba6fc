"""What all optimisers share: parameter groups, the step, and saving."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from operator import is_
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import _kernels
from ..checks import declared
from ..errors import ArgumentError, DTypeError, GuardWarning, explain
from ..tensor import Tensor
from .arguments import (
    NOT_NEGATIVE,
    POSITIVE,
    Option,
    Parameters,
    as_groups,
    parameters_of,
    require_keys,
)
from .block import Block, Rule

NUMBERS = 8  # that a rule's kernel is given for each parameter, at most


class Group(NamedTuple):
    """Parameters with options of their own; `options` is the dict that `param_groups` shows, and
    `checked` a copy of it from when it was last found to be right, but for lists: they may change
    within."""

    options: dict[str, Any]
    parameters: tuple[Tensor, ...]
    blocks: list[Block]
    checked: dict[str, Any]


@declared
class Optimizer:
    """Changes parameters by a rule, from their gradients.

    `params` are float32 or float64 tensors of any shapes with requires_grad=True, or groups of
    them with options of their own, such as [{"params": body, "lr": 0.01}, {"params": head}];
    options that a group does not name have the constructor's value. Nothing is made if there are
    no parameters, if one is there twice, is no tensor, no leaf or never wanted a gradient, or if an
    option is unknown or out of range: ArgumentError or DTypeError. Options may be changed later,
    and step() checks them again. A frozen parameter (requires_grad = False) is passed over for as
    long as it is.

    A parameter that has the attribute `decays = False` gets no weight decay.

    A rule is a subclass: it declares its `options` and the `state` that it may keep for every
    parameter, names its kernel in `_kernel`, what is kept in `_initial_state`, and gives the
    kernel's numbers in `_numbers`.
    """

    options: ClassVar[dict[str, Option]]
    state: ClassVar[tuple[str, ...]]  # in the kernel's order
    nanoseconds: ClassVar[float]  # that an element takes one core

    def __init__(self, params: Parameters, **defaults: Any) -> None:
        self._defaults = defaults
        self._groups: list[Group] = []
        for group in self._checked(as_groups(self._name, params)):
            self._append(group)

    def _initial_state(self, options: dict[str, Any]) -> dict[str, float]:
        """The arrays that are kept for every parameter, by name, with what they start from."""
        raise NotImplementedError

    def _kernel(self, options: dict[str, Any]) -> str:
        """The rule's name among the kernels."""
        raise NotImplementedError

    def _numbers(self, options: dict[str, Any], t: np.ndarray, decay: np.ndarray) -> Sequence[Any]:
        """What the kernel is told, in its order: numbers, or arrays that broadcast to `t`, the
        count of each parameter's steps. `decay` is each parameter's weight decay."""
        raise NotImplementedError

    def _is_steady(self, options: dict[str, Any]) -> bool:
        """Whether the numbers are the same for every step."""
        return False

    def _check_options(self, options: dict[str, Any]) -> None:
        """Raises ArgumentError unless every option is in its range."""
        for name, option in self.options.items():
            option.check(self._name, name, options[name])

    @property
    def param_groups(self) -> tuple[dict[str, Any], ...]:
        """The groups as dicts, whose options may be set: param_groups[0]["lr"] = 0.01."""
        return tuple(group.options for group in self._groups)

    def all_parameters(self) -> Iterator[Tensor]:
        """The parameters of all groups."""
        for group in self._groups:
            yield from group.parameters

    @property
    def lr(self) -> float:
        """The learning rate, if there is one group; it may be set."""
        return self._only_group()["lr"]

    @lr.setter
    def lr(self, value: float) -> None:
        NOT_NEGATIVE.check(self._name, "lr", value)
        self._only_group()["lr"] = value

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Adds a group such as {"params": [w, b], "lr": 0.01}; errors as in the constructor."""
        if not isinstance(group, dict):
            raise DTypeError(
                explain(self._name, "a group", type(group).__name__, '{"params": [w]}')
            )
        for checked in self._checked([group]):
            self._append(checked)

    def zero_grad(self) -> None:
        """Forgets the gradients: every `grad` becomes None."""
        for group in self._groups:
            for p in group.parameters:
                p.grad = None

    def step(self) -> None:
        """Changes every parameter that has a gradient; the others, and their state, stay.

        Nothing is changed if an option is out of range (ArgumentError) or a gradient does not
        fit its parameter (ShapeError, DTypeError), or if no parameter that wants a gradient has one
        (GuardWarning). A backward pass through a graph that read the old values raises GraphError
        afterwards.
        """
        work = []
        for group in self._groups:
            self._check_group(group)
            work += [(block, block.gradients(self._name), group.options) for block in group.blocks]
        if all(gradient is None for _, gradients, _ in work for gradient in gradients):
            self._warn_of_no_gradient()
        for block, gradients, options in work:
            if any(gradient is not None for gradient in gradients):
                kernel, states = self.prepared(block, options)
                t = block.count(gradients) if block.state else block.steps
                numbers = self.numbers(block, options, t)[0]
                block.run(kernel, gradients, states, numbers, self.nanoseconds)

    def _warn_of_no_gradient(self) -> None:
        if any(p.requires_grad for p in self.all_parameters()):
            expected = "a parameter with a gradient, to change something"
            hint = "loss.backward() first, for a net whose parameters the optimiser has"
            message = explain(f"{self._name}.step", expected, "none", hint)
            warnings.warn(message, GuardWarning, stacklevel=3)

    def next_steps(
        self, steps: int, rates: Sequence[Sequence[float]] | None = None
    ) -> tuple[Mapping[int, Rule], np.ndarray, list[_kernels.Change]]:
        """For a kernel that makes the next `steps` steps by itself, all parameters with a gradient.

        Gives each parameter's rule by its id, the kernels' numbers (steps, parameters, k), and what
        changes when the steps are made. `rates` holds every group's learning rate for each step.
        """
        for group in self._groups:
            self._check_group(group)
        rules: Mapping[int, Rule] = {}
        numbers = []
        changes: list[_kernels.Change] = []
        for i, group in enumerate(self._groups):
            options = group.options
            is_plain = steps == 1 and rates is None
            if rates is not None:
                options = options | {"lr": np.array([step[i] for step in rates])[:, None]}
            for block in group.blocks:
                kernel, states = self.prepared(block, group.options)
                of_block = block.rules(kernel, states, len(rules))
                rules = {**rules, **of_block} if rules else of_block
                counts = [[t + s for t in block.steps] for s in range(1, steps + 1)]
                numbers.append(
                    self.numbers(block, options, counts[0])
                    if is_plain
                    else self.numbers_for(block, options, counts)
                )
                if block.state:
                    changes.append((block, "steps", counts[-1]))
        return (
            rules, numbers[0] if len(numbers) == 1 else np.concatenate(numbers, axis=1), changes
        )  # fmt: skip

    def prepared(self, block: Block, options: dict[str, Any]) -> tuple[Any, list[np.ndarray]]:
        """The kernel for a step of this block and its three states, made if they are not there;
        those of the last time if the options are too."""
        wanted = [_kernels.update, *options.values()]
        if not block.was_prepared_for(wanted):
            kept = self._initial_state(options)
            block.ensure_state(kept)
            names = [*self.state, *[""] * (3 - len(self.state))]
            kernel = _kernels.update.RULES[self._kernel(options)][block.dtype_name]
            states = [block.array(name, name in kept) for name in names]
            block.prepared, block.prepared_for, block.told = (kernel, states), wanted, None
        return block.prepared

    def numbers(self, block: Block, options: dict[str, Any], t: list[int]) -> np.ndarray:
        """The kernel's numbers (1, n, NUMBERS) for a step of the block's n parameters, t their
        counts of steps; kept, if every step has the same, as long as what was prepared."""
        if block.told is not None:
            return block.told
        result = self.numbers_for(block, options, [t])
        if self._is_steady(options):
            block.told = result
        return result

    def numbers_for(
        self, block: Block, options: dict[str, Any], counts: list[list[int]]
    ) -> np.ndarray:
        """The kernel's numbers (steps, n, NUMBERS) for steps of the block's n parameters: for each
        step, the count of each parameter's steps."""
        t, decay = np.maximum(counts, 1), block.decay(options["weight_decay"])
        result = np.zeros((*t.shape, NUMBERS))
        for i, column in enumerate(self._numbers(options, t, decay)):
            result[..., i] = column
        return result

    def state_dict(self) -> dict[str, Any]:
        """The options and the state, as numbers and copies of arrays: np.savez can store them.

        The options of group i are under "groups.i.name", and what is kept for parameter k, all
        groups counted through, under "parameters.k.name"; `steps` counts the updates in it.
        """
        result: dict[str, Any] = {}
        for i, (options, _, blocks, _) in enumerate(self._groups):
            result |= {key: options[name] for name, key in self._option_keys(i).items()}
            for block in blocks:
                result |= block.saved(self._initial_state(options))
        return result

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues where the optimiser that gave `state` was: later steps have the same bits.

        The parameters' values are not part of it. `state` may come from np.load. Nothing is
        changed if it does not fit this rule and these parameters: ArgumentError, ShapeError or
        DTypeError.
        """
        operation = f"{self._name}.load_state_dict"
        if not isinstance(state, Mapping):
            raise DTypeError(explain(operation, "what state_dict() gave", type(state).__name__))
        options = [self._saved_options(i, state) for i in range(len(self._groups))]
        blocks = [
            (block, self._initial_state(saved))
            for group, saved in zip(self._groups, options, strict=True)
            for block in group.blocks
        ]
        keys = {key for i in range(len(options)) for key in self._option_keys(i).values()}
        keys |= {key for block, names in blocks for key, _, _ in block.slots(names)}
        require_keys(operation, keys, state.keys())
        for block, names in blocks:
            block.check_saved(operation, state, names)
        for group, saved in zip(self._groups, options, strict=True):
            group.options.update(saved)
        for block, names in blocks:
            block.load(state, names)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _only_group(self) -> dict[str, Any]:
        if len(self._groups) != 1:
            raise ArgumentError(
                explain(
                    f"{self._name}.lr",
                    "one parameter group",
                    len(self._groups),
                    'param_groups[0]["lr"]',
                )
            )
        return self._groups[0].options

    def _option_keys(self, i: int) -> dict[str, str]:
        return {name: f"groups.{i}.{name}" for name in self.options}

    def _saved_options(self, i: int, state: Mapping[str, Any]) -> dict[str, Any]:
        """The options of group i in `state`, checked; one that is missing is None, so refused."""
        options = {name: _plain(state.get(key)) for name, key in self._option_keys(i).items()}
        self._check_options(options)
        return options

    def _checked(self, groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The groups with every option filled in; raises if one of them cannot be used."""
        taken = {id(p) for group in self._groups for p in group.parameters}
        return [self._checked_group(group, taken) for group in groups]

    def _checked_group(self, group: dict[str, Any], taken: set[int]) -> dict[str, Any]:
        options = self._defaults | group
        require_keys(self._name, {"params", *self.options}, options.keys())
        self._check_options(options)
        POSITIVE.check(self._name, "lr", options["lr"])
        parameters = parameters_of(self._name, options["params"])
        for number, p in enumerate(parameters):
            if id(p) in taken:
                raise ArgumentError(
                    explain(self._name, "every parameter once", f"number {number} again")
                )
            taken.add(id(p))
        return options | {"params": parameters}

    def _append(self, options: dict[str, Any]) -> None:
        """Adds a group that was checked, with a block for each dtype in it."""
        parameters = options["params"]
        before = sum(len(group.parameters) for group in self._groups)
        by_dtype: dict[np.dtype, list[int]] = {}
        for k, p in enumerate(parameters):
            by_dtype.setdefault(p.dtype, []).append(k)
        blocks = [
            Block([parameters[k] for k in members], [before + k for k in members])
            for members in by_dtype.values()
        ]
        self._groups.append(Group(options, parameters, blocks, {}))

    def _check_group(self, group: Group) -> None:
        """Raises ArgumentError if what was set since makes no sense, ShapeError or DTypeError if a
        parameter's array is another one than the state was made for."""
        for block in group.blocks:
            block.check_arrays(self._name)
        options, checked = group.options, group.checked
        if options.keys() == checked.keys() and all(map(is_, options.values(), checked.values())):
            return
        require_keys(self._name, {"params", *self.options}, options.keys())
        if options["params"] is not group.parameters:
            raise ArgumentError(
                explain(
                    self._name,
                    "a group to keep its parameters",
                    "others",
                    "add_param_group, or a new optimiser",
                )
            )
        self._check_options(options)
        group.checked.clear()
        group.checked.update({k: v for k, v in options.items() if not isinstance(v, list)})


def _plain(value: Any) -> Any:
    """A number or a pair as it was before np.savez made an array of it."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return tuple(value) if isinstance(value, list) else value
