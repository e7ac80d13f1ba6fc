"""A net with a plan, and the programs that train it or predict with it."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from .. import _kernels
from ..engine.tape import Memory
from ..engine.tensor import Tensor
from ..errors import Unplanned
from ..layers.base import Layer, RandomLayer
from ..layers.dense import Dense
from ..layers.plan import Builder, Form, Instruction, Place
from ..losses.reduction import RowLoss
from ..optim.block import SHAPE, share_memory
from ..optim.compiled import Rule
from .facts import Facts
from .meetings import with_meetings
from .options import Options
from .updates import Updates

if TYPE_CHECKING:
    from .firing import Firing

LINE = 64  # bytes of a cache line
NO_RULES: dict[int, Rule] = {}
NO_OPTIONS = Options()


class Planned:
    """A net that has a plan for inputs of some form: what it learns and what it costs."""

    def __init__(self, net: Layer, form: Form) -> None:
        parameters = list(net.parameters())
        if not parameters:
            raise Unplanned("a net without parameters", "net(x)")
        self.net, self.form = ref(net), form  # who keeps plans by their nets keeps no net alive
        self.dtype = parameters[0].dtype
        self.input_dtype, self.width = form.dtype(self.dtype), math.prod(form.shape)
        builder = Builder(self.dtype, batch=1)
        y = builder.layer(net, builder.inputs(form))
        self.outputs = y.width
        held = set(map(id, parameters))
        if not all(id(p) in held for p in builder.parameters):
            raise Unplanned("weights that are computed, or no Parameter", "nn.Parameter(values)")
        self.parameters = builder.parameters
        self.arrays = [*(p.data for p in self.parameters), *builder.buffers]
        self.shapes = list(map(SHAPE, self.arrays))
        self.learned = {id(p) for p in self.parameters if p.requires_grad}
        self.once, self.row = builder.nanoseconds.tolist()
        self.going_on, self.least_rows = builder.going_on, builder.least_rows
        self.buffers, self.checks = builder.buffers, builder.checks
        if share_memory(self.arrays):
            raise Unplanned("parameters that share memory", "one parameter, used at both places")
        self.facts = Facts(builder.layers, self.parameters)

    def is_current(self, net: Layer, form: Form) -> bool:
        """Whether this is still all that there is to know of `net` for such inputs."""
        return (
            self.net() is net
            and self.form == form
            and self.facts.are_current()
            and list(map(SHAPE, self.arrays)) == self.shapes
        )

    def takes(self, x: np.ndarray) -> bool:
        """Whether x is of the form, or pixels that become so."""
        is_converted = x.dtype == np.uint8 and self.input_dtype == np.float32
        return x.shape[1:] == self.form.shape and (x.dtype == self.input_dtype or is_converted)

    def rows(self, x: np.ndarray, order: np.ndarray | None = None) -> np.ndarray:
        """The inputs x as the kernel takes them, (n, width). Raises what a layer that looks at them
        would, of the rows in this order or of all."""
        for check in self.checks:
            check(x if order is None else x[order])
        return np.ascontiguousarray(x).reshape(len(x), self.width)

    def nanoseconds(self, rows: int) -> float:
        """What a forward pass takes one core, about."""
        return self.once + rows * self.row

    def goes_on(self) -> bool:
        """Whether a call of the net changes what the next one gives."""
        return any(layer.training for layer in self.going_on)


class NotPlanned:
    """A net that has no plan, and the reason, for as long as nothing in it changes."""

    def __init__(self, net: Layer, form: Form, reason: Unplanned) -> None:
        self.net, self.form, self.reason = ref(net), form, reason
        self.facts = Facts(net.layers_within(), net.parameters())

    def is_current(self, net: Layer, form: Form) -> bool:
        """Whether the reason still holds for `net` and such inputs."""
        return self.net() is net and self.form == form and self.facts.are_current()


def planned_or_not(net: Layer, form: Form) -> Planned | NotPlanned:
    """The net's plan for inputs of this form, or why there is none."""
    try:
        return Planned(net, form)
    except Unplanned as reason:
        return NotPlanned(net, form, reason)


def on_lines(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A new array that starts where a cache line does."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


class Program:
    """A net's instructions for batches of one size, with the memory in which they work, to train it
    or to predict. A short one is called for few batches: to pack the weights would not repay.
    `packed` are the weights that another program of the net has packed."""

    def __init__(
        self, net: Planned, batch: int, threads: int, is_short: bool, learns: bool = True,
        firing: "Firing | None" = None, with_squares: bool = False, options: Options = NO_OPTIONS,
        packed: dict[Place, np.ndarray] | None = None,
    ) -> None:  # fmt: skip
        self.net, self.threads, self.shared = net, threads, packed
        self.batch, self.is_short, self.learns = batch, is_short, learns
        self.firing, self.with_squares, self.options = firing, with_squares, options
        self.build()

    def build(self) -> None:
        """The instructions for a team of so many threads, and their memory."""
        net, dtype = self.net, self.net.dtype
        # To predict, threads share rows alone: packed weights are the same for any number of them.
        across = self.threads if self.learns else 1
        builder = Builder(dtype, self.batch, across, self.learns, self.fires())
        x = builder.inputs(net.form)
        builder.forward("gather", x=x.numbers)
        y = self.outputs = builder.layer(net.net(), x)
        self.updates = Updates(builder, self.options, self.is_short)
        if self.learns:
            each = [*builder.training(y, self.with_squares), *self.updates.gradients()]
        else:
            builder.forward("store", y=y.numbers, width=y.width)
            each = builder.forwards
        for_group = self.for_group = list(self.updates.updates()) if self.learns else []
        packed = self.updates.packed
        self.packed = self.shared or {p: self.packed_like(of) for p, of in packed.items()}
        self.packed_states: dict[tuple[int, int], np.ndarray] = {}
        self.gradients = {
            place: on_lines(builder.parameters[place].shape, dtype) for place in self.updates.whole
        }
        self.parameters = builder.parameters
        dtypes = [net.input_dtype] + [dtype] * (len(builder.widths) - 1)
        shapes = [(self.batch, width) for width in builder.widths]
        self.slots = list(map(on_lines, shapes, dtypes))
        self.scratch = on_lines((self.threads, builder.scratch), dtype)
        self.assemble(
            [Instruction("pack W", of) for of in packed.values()],
            each,
            for_group,
            [Instruction("unpack W", of) for of in packed.values() if self.learns],
        )
        self.rules: Mapping[int, Rule] | None = None  # what the kernel was told
        self.written: list[Memory] = []  # what it changes

    def assemble(
        self, first: list[Instruction], each: list[Instruction], for_group: list[Instruction],
        last: list[Instruction],
    ) -> None:  # fmt: skip
        """Makes the kernel that runs these lists: before all, for each batch, for each group of
        them after its last one, after all."""
        self.kernel = self.kernel_of(first, each, for_group, last)
        self.kernel.is_ready = self.shared is not None
        self.live = [(self.kernel, live_in(each))]
        self.lists = {
            "before the first step": first, "each step": [*each, *for_group],
            "after the last step": last,
        }  # fmt: skip

    def kernel_of(
        self, first: list[Instruction], each: list[Instruction], for_group: list[Instruction],
        last: list[Instruction],
    ) -> Any:  # fmt: skip
        """A kernel that runs these lists in the program's memory."""
        lists = first, [*each, *for_group], last
        return _kernels.program.Program(
            *(list(with_meetings(instructions, self.threads)) for instructions in lists),
            self.slots, len(self.parameters), self.scratch, np.empty(self.batch), self.batch,
            len(each), self.options.accumulate,
        )  # fmt: skip

    def fires(self) -> Callable[[Layer, int], np.ndarray | None] | None:
        """What notes which units fire, where that is wanted."""
        if self.firing is None or not self.learns:
            return None
        return self.firing.notes(self.threads, self.net.dtype)

    def packed_like(self, of: dict[str, Any]) -> np.ndarray:
        """Memory for a dense layer's weights in panels."""
        dtype = self.net.dtype
        size = _kernels.weights.packed_numbers(of["inputs"], of["outputs"], dtype.itemsize)
        return on_lines((size,), dtype)

    def take_in(self, rules: Mapping[int, Rule]) -> None:
        """Tells the kernel where the arrays are and how they are updated, if that is new, and how
        far the random numbers are."""
        for kernel, instructions in self.live:
            kernel.read_again(instructions)
        if rules is self.rules:
            return
        found = [self.told(Place(i), p, rules) for i, p in enumerate(self.parameters)]
        for kernel, _ in self.live:
            kernel.read(found, self.threads)
        self.updates.follow(rules)
        # Of an array that is not contiguous the kernel has a copy, which may soon be out of date.
        are_its_own = all(p.data.flags.c_contiguous for p in self.parameters)
        learned = [p for p in self.parameters if p.requires_grad and id(p) in rules]
        self.written = [p._memory for p in learned]
        self.rules = rules if are_its_own else None  # last: a signal may come before it

    def told(self, place: Place, p: Tensor, rules: Mapping[int, Rule]) -> tuple[Any, ...]:
        """What the kernel is told of a parameter; without a rule nothing changes it."""
        rule = rules.get(id(p)) or Rule(np.ascontiguousarray(p.data), None, 0, [None] * 3)
        packed = self.packed.get(place)
        states = None
        if packed is not None:
            for i, state in enumerate(rule.states):
                if state is not None and (place, i) not in self.packed_states:
                    self.packed_states[place, i] = on_lines(packed.shape, packed.dtype)
            states = [self.packed_states.get((place, i)) for i in range(3)]
        return (*rule, self.gradients.get(place), packed, states)

    def on_team(self, call: str, rules: Mapping[int, Rule], *arguments: Any) -> None:
        """Calls the kernel, with fewer threads if OpenMP gives no more."""
        while (team := getattr(self.kernel, call)(*arguments)) != self.threads:
            self.threads = team
            self.build()
            self.take_in(rules)

    def train(
        self, x: np.ndarray, order: np.ndarray | None, loss: RowLoss,
        rules: Mapping[int, Rule], coefficients: np.ndarray, changes: list[_kernels.Change],
        squares: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Trains on the rows of x in this order; gives the mean loss of each batch, and adds the
        sum of all W² before it to `squares`. When that is done, and only then, all of the
        `changes` are made, and those that the net's own layers and tensors undergo."""
        self.take_in(rules)
        steps = -(-len(x if order is None else order) // self.batch)
        losses = np.empty(steps)
        changes = changes + self.own_changes(steps)
        self.on_team("train", rules, x, order, loss, coefficients, losses, squares, changes)
        return losses

    def own_changes(self, steps: int) -> list[_kernels.Change]:
        """What the net's own layers and tensors undergo in so many steps."""
        random = [x for x in self.net.going_on if isinstance(x, RandomLayer) and x.training]
        changes: list[_kernels.Change] = [(m, "writes", m.writes + 1) for m in self.written]
        return changes + [(layer, "calls", layer.calls + steps) for layer in random]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The outputs for the rows of x."""
        self.take_in(NO_RULES)
        y = np.empty((len(x), self.net.outputs), self.net.dtype)
        self.on_team("predict", NO_RULES, self.net.rows(x), y)
        return y


def live_in(instructions: list[Instruction]) -> list[int]:
    """The numbers of those whose arguments are read anew at each call."""
    return [i for i, instruction in enumerate(instructions) if instruction.is_live]


def squares_of(net: Layer) -> float:
    """The sum of all W² of a net's dense layers, with the bits that the kernel finds."""
    weights = {id(x.weight): x.weight.data for x in net.layers_within() if isinstance(x, Dense)}
    return float(sum(_kernels.weights.squares(np.ascontiguousarray(W)) for W in weights.values()))
