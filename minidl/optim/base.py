"""What all optimisers share: parameter groups, the step, saving and loading."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import is_
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ..engine.tensor import Tensor
from ..errors import ArgumentError, DTypeError, GuardWarning, explain
from ..tools.checks import declared
from .arguments import (
    NOT_NEGATIVE,
    POSITIVE,
    Option,
    Parameters,
    as_groups,
    described,
    parameters_of,
    require_keys,
)
from .block import Block, fitting, read_only, writable


@dataclass
class Group:
    """Parameters with their own options. `options` is the dict that `param_groups` shows; `checked`
    is a copy from when they were last checked, without lists, which may change inside; `version`
    counts these checks."""

    options: dict[str, Any]
    parameters: tuple[Tensor, ...]
    blocks: list[Block]
    checked: dict[str, Any] = field(default_factory=dict)
    version: int = 0


@declared
class Optimizer:
    """Changes parameters by a rule, from their gradients.

    `params` are float32 or float64 tensors of any shape with requires_grad=True; or groups with
    options of their own, such as [{"params": body, "lr": 0.01}, {"params": head}]. Options that a
    group does not name have the constructor's value; all may be changed later, and step() checks
    them again. A frozen parameter (requires_grad = False) is skipped while it is frozen.

    ArgumentError or DTypeError if there are no parameters, if one occurs twice, is not a tensor, is
    not a leaf or never wanted a gradient, and if an option is unknown or out of range.

    A rule of your own is a subclass with `update`. It declares its `options`, each with the kind of
    its values (an `Option`), and in `state` the names of the arrays that it keeps for each
    parameter, of the parameter's shape:

    >>> import numpy as np
    >>> import minidl
    >>> from minidl import optim
    >>> class Signum(optim.Optimizer):
    ...     options = {"lr": optim.NOT_NEGATIVE, "momentum": optim.SHARE}
    ...     state = ("u",)
    ...
    ...     def __init__(self, params, lr=0.01, momentum=0.9):
    ...         super().__init__(params, lr=lr, momentum=momentum)
    ...
    ...     def update(self, w, g, state, options, t):
    ...         share = options["momentum"]
    ...         state["u"] = share * state["u"] + (1 - share) * g
    ...         return w - options["lr"] * np.sign(state["u"])
    >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = Signum([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([0.75, 1.75], dtype=float32)

    Options with these names work in every rule: `weight_decay` (float) adds weight_decay · w to the
    gradient; or, where `decoupled_weight_decay` (an option, or the class's `decoupled`) is true, it
    multiplies w by 1 - lr · weight_decay first. Parameters with the attribute `decays = False` are
    exempt. `maximize` reverses the sign of the gradient.
    """

    options: ClassVar[dict[str, Option]]  # "lr" among them
    state: ClassVar[tuple[str, ...]] = ()
    decoupled: ClassVar[bool] = False  # whether weight decay stays out of the gradient

    def __init__(self, params: Parameters, **defaults: Any) -> None:
        if "lr" not in getattr(self, "options", {}) or "steps" in self.state:
            expected = "a rule to declare `options` with 'lr', and a `state` without 'steps'"
            got = f"{sorted(getattr(self, 'options', {}))} and {self.state}"
            raise ArgumentError(explain(self._name, expected, got))
        self._defaults = defaults
        self._groups: list[Group] = []
        for group in self._checked(as_groups(self._name, params)):
            self._append(group)

    def update(
        self,
        w: np.ndarray,
        g: np.ndarray,
        state: dict[str, np.ndarray],
        options: Mapping[str, Any],
        t: int,
    ) -> np.ndarray:
        """The rule: returns the new values of a parameter `w`, from its gradient `g`.

        Both are arrays of one shape and dtype, and read-only; they include weight decay. `state`
        has the parameter's arrays, which may be changed or replaced, `options` those of its group;
        t counts the parameter's steps from 1.
        """
        hint = "def update(self, w, g, state, options, t): return ..."
        raise NotImplementedError(explain(self._name, "a rule", "no update", hint))

    def initial_state(self, options: Mapping[str, Any]) -> dict[str, float]:
        """The arrays that are kept for every parameter, by name, with their first value: all of
        `state`, from 0."""
        return dict.fromkeys(self.state, 0.0)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """ArgumentError unless every option is in its range. A rule whose options depend on each
        other extends this."""
        for name, option in self.options.items():
            option.check(self._name, name, options[name])

    @property
    def param_groups(self) -> tuple[dict[str, Any], ...]:
        """The groups as dicts. Options can be set: param_groups[0]["lr"] = 0.01."""
        return tuple(group.options for group in self._groups)

    def all_parameters(self) -> Iterator[Tensor]:
        """The parameters of all groups."""
        for group in self._groups:
            yield from group.parameters

    @property
    def lr(self) -> float:
        """The learning rate, if there is one group; it can be set."""
        return self._only_group()["lr"]

    @lr.setter
    def lr(self, value: float) -> None:
        NOT_NEGATIVE.check(self._name, "lr", value)
        self._only_group()["lr"] = value

    def __repr__(self) -> str:
        groups = []
        for group in self._groups:
            count = sum(p.size for p in group.parameters)
            options = described(type(self), group.options)
            groups.append(f"{', '.join(options)}, {count:,} parameters")
        if len(groups) == 1:
            return f"{type(self).__name__}({groups[0]})"
        return "\n".join([f"{type(self).__name__}(", *(f"  {group}" for group in groups), ")"])

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Adds a group such as {"params": [w, b], "lr": 0.01}; errors as in the constructor."""
        if not isinstance(group, dict):
            raise DTypeError(
                explain(self._name, "a group", type(group).__name__, '{"params": [w]}')
            )
        for checked in self._checked([group]):
            self._append(checked)

    def zero_grad(self) -> None:
        """Drops the gradients: every `grad` becomes None."""
        for group in self._groups:
            for p in group.parameters:
                p.grad = None

    def step(self) -> None:
        """Changes every parameter that has a gradient; the others keep their values and state.

        Nothing changes if an option is out of range (ArgumentError), if a gradient does not fit its
        parameter (ShapeError, DTypeError), if no parameter that wants a gradient has one
        (GuardWarning), or if `update` fails. Afterwards, backward through a graph that has read the
        old values raises GraphError.
        """
        work = []
        for group in self._groups:
            self._check_group(group)
            for block in group.blocks:
                block.check_arrays(self._name)
                work.append((block, block.gradients(self._name), group.options))
        if all(g is None for _, gradients, _ in work for g in gradients):
            self._warn_of_no_gradient()
        before: list[tuple[np.ndarray, np.ndarray]] = []
        try:
            for block, gradients, options in work:
                for k, g in enumerate(gradients):
                    if g is not None:
                        self._update_one(block, k, g, options, before)
        except BaseException:
            for array, values in reversed(before):
                array[...] = values
            raise
        for block, gradients, _ in work:
            block.steps = [t + (g is not None) for t, g in zip(block.steps, gradients, strict=True)]
            block.mark(gradients)

    def _update_one(
        self,
        block: Block,
        k: int,
        g: np.ndarray,
        options: dict[str, Any],
        before: list[tuple[np.ndarray, np.ndarray]],
    ) -> None:
        """Changes the k-th parameter and its state; adds the old values of both to `before`."""
        w, first = writable(block.parameters[k]), self.initial_state(options)
        block.ensure_state(first)
        state = {name: block.part(name, k) for name in first}
        before += [(array, array.copy()) for array in (w, *state.values())]
        if options.get("maximize"):
            g = -g
        if decay := float(options.get("weight_decay", 0.0) * block.decays[k]):
            if self._is_decoupled(options):
                w *= 1 - options["lr"] * decay
            else:
                g = g + decay * w
        operation, t = f"{self._name}.update", block.steps[k] + 1
        given = {name: array.copy() for name, array in state.items()}
        new = self.update(read_only(w), read_only(g), given, MappingProxyType(options), t)
        require_keys(f"{operation}: state", state.keys(), given.keys())
        for name, array in state.items():
            array[...] = fitting(operation, f"state {name!r}", given[name], array)
        w[...] = fitting(operation, "new weights", new, w)

    def _is_decoupled(self, options: Mapping[str, Any]) -> bool:
        return bool(options.get("decoupled_weight_decay", self.decoupled))

    def _warn_of_no_gradient(self) -> None:
        if any(p.requires_grad for p in self.all_parameters()):
            expected = "a parameter with a gradient, to change something"
            hint = "loss.backward() first, for a net whose parameters the optimiser has"
            message = explain(f"{self._name}.step", expected, "none", hint)
            warnings.warn(message, GuardWarning, stacklevel=3)

    def state_dict(self) -> dict[str, Any]:
        """The options and the state, as numbers and copies of arrays, which np.savez can store.

        "groups.i.name" is an option of group i, "parameters.k.name" a state of parameter k, counted
        through all groups; its `steps` counts its updates.
        """
        result: dict[str, Any] = {}
        for i, group in enumerate(self._groups):
            result |= {key: group.options[name] for name, key in self._option_keys(i).items()}
            for block in group.blocks:
                result |= block.saved(self.initial_state(group.options))
        return result

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues where the optimiser that gave `state` was: later steps have the same bits.

        The parameters' values are not part of the state. `state` may come from np.load. If it does
        not fit this rule and these parameters, nothing changes: ArgumentError, ShapeError or
        DTypeError.
        """
        operation = f"{self._name}.load_state_dict"
        if not isinstance(state, Mapping):
            raise DTypeError(explain(operation, "a result of state_dict()", type(state).__name__))
        options = [self._saved_options(i, state) for i in range(len(self._groups))]
        blocks = [
            (block, self.initial_state(saved))
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
        """The options of group i in `state`, checked; a missing one is None, which is refused."""
        options = {name: _plain(state.get(key)) for name, key in self._option_keys(i).items()}
        self.check_options(options)
        return options

    def _checked(self, groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The groups with every option filled in; raises if one is not usable."""
        taken = {id(p) for group in self._groups for p in group.parameters}
        return [self._checked_group(group, taken) for group in groups]

    def _checked_group(self, group: dict[str, Any], taken: set[int]) -> dict[str, Any]:
        options = self._defaults | group
        require_keys(self._name, {"params", *self.options}, options.keys())
        self.check_options(options)
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
        """Adds a checked group, with a block for each of its dtypes."""
        parameters = options["params"]
        before = sum(len(group.parameters) for group in self._groups)
        by_dtype: dict[np.dtype, list[int]] = {}
        for k, p in enumerate(parameters):
            by_dtype.setdefault(p.dtype, []).append(k)
        blocks = [
            Block([parameters[k] for k in members], [before + k for k in members])
            for members in by_dtype.values()
        ]
        self._groups.append(Group(options, parameters, blocks))

    def _check_group(self, group: Group) -> None:
        """ArgumentError if an option that was set since the last check makes no sense."""
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
        self.check_options(options)
        group.checked = {k: v for k, v in options.items() if not isinstance(v, list)}
        group.version += 1


def _plain(value: Any) -> Any:
    """A number or a pair, as it was before np.savez made an array of it."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return tuple(value) if isinstance(value, list) else value
