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
    """The plan of a net for inputs of one form: what the net learns, and what it costs."""

    def __init__(self, net: Layer, form: Form) -> None:
        parameters = list(net.parameters())
        if not parameters:
            raise Unplanned("a net without parameters", "net(x)")
        self.net, self.form = ref(net), form  # weak: a cache of plans keeps no net alive
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
        """Whether the plan still fits `net` and inputs of this form."""
        return (
            self.net() is net
            and self.form == form
            and self.facts.are_current()
            and list(map(SHAPE, self.arrays)) == self.shapes
        )

    def takes(self, x: np.ndarray) -> bool:
        """Whether x has the form, or is pixels that will have it."""
        is_converted = x.dtype == np.uint8 and self.input_dtype == np.float32
        return x.shape[1:] == self.form.shape and (x.dtype == self.input_dtype or is_converted)

    def rows(self, x: np.ndarray, order: np.ndarray | None = None) -> np.ndarray:
        """The inputs x as the kernel takes them, (n, width). Raises the error of a layer that
        checks its inputs, for the rows in this order or for all."""
        for check in self.checks:
            check(x if order is None else x[order])
        return np.ascontiguousarray(x).reshape(len(x), self.width)

    def nanoseconds(self, rows: int) -> float:
        """About one core's time for a forward pass."""
        return self.once + rows * self.row

    def goes_on(self) -> bool:
        """Whether a call of the net changes the result of the next call."""
        return any(layer.training for layer in self.going_on)


class NotPlanned:
    """A net without a plan, and the reason, which holds while nothing in it changes."""

    def __init__(self, net: Layer, form: Form, reason: Unplanned) -> None:
        self.net, self.form = ref(net), form
        # Not the exception: its traceback would keep the arrays of every step that raises it.
        self.what, self.hint = reason.what, reason.hint
        self.facts = Facts(net.layers_within(), net.parameters())

    def is_current(self, net: Layer, form: Form) -> bool:
        """Whether the reason still holds for `net` and inputs of this form."""
        return self.net() is net and self.form == form and self.facts.are_current()


def planned_or_not(net: Layer, form: Form) -> Planned | NotPlanned:
    """The net's plan for inputs of this form, or why it has none."""
    try:
        return Planned(net, form)
    except Unplanned as reason:
        return NotPlanned(net, form, reason)


def on_lines(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A new array that starts at the beginning of a cache line."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


class Program:
    """A net's instructions for batches of one size, with their working memory, to train or to
    predict. A short program is called for so few batches that packing the weights would not pay.
    `packed` are weights that another program of the net has packed."""

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
        """The instructions for a team of `threads` threads, and their memory."""
        net, dtype = self.net, self.net.dtype
        # To predict, threads split rows only: packed weights do not depend on their number.
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
        self.rules: Mapping[int, Rule] | None = None  # that the kernel has
        self.written: list[Memory] = []  # the memory that the kernel changes

    def assemble(
        self, first: list[Instruction], each: list[Instruction], for_group: list[Instruction],
        last: list[Instruction],
    ) -> None:  # fmt: skip
        """Makes the kernel that runs these lists: at the start, for each batch, after each group of
        batches, and at the end."""
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
        """The function that gives the arrays for firing columns, if firing is noted."""
        if self.firing is None or not self.learns:
            return None
        return self.firing.notes(self.threads, self.net.dtype)

    def packed_like(self, of: dict[str, Any]) -> np.ndarray:
        """Memory for a dense layer's weights in panels."""
        dtype = self.net.dtype
        size = _kernels.weights.packed_numbers(of["inputs"], of["outputs"], dtype.itemsize)
        return on_lines((size,), dtype)

    def take_in(self, rules: Mapping[int, Rule]) -> None:
        """Tells the kernel where the arrays are and by which rules they are updated, if that is
        new, and the positions of the random numbers."""
        for kernel, instructions in self.live:
            kernel.read_again(instructions)
        if rules is self.rules:
            return
        found = [self.told(Place(i), p, rules) for i, p in enumerate(self.parameters)]
        for kernel, _ in self.live:
            kernel.read(found, self.threads)
        self.updates.follow(rules)
        # If an array is not contiguous, the kernel has a copy, which may soon be out of date.
        are_its_own = all(p.data.flags.c_contiguous for p in self.parameters)
        learned = [p for p in self.parameters if p.requires_grad and id(p) in rules]
        self.written = [p._memory for p in learned]
        self.rules = rules if are_its_own else None  # last, as a signal may interrupt before it

    def told(self, place: Place, p: Tensor, rules: Mapping[int, Rule]) -> tuple[Any, ...]:
        """What the kernel has to know about a parameter; without a rule nothing changes it."""
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
        """Calls the kernel, with fewer threads if OpenMP has no more."""
        while (team := getattr(self.kernel, call)(*arguments)) != self.threads:
            self.threads = team
            self.build()
            self.take_in(rules)

    def train(
        self, x: np.ndarray, order: np.ndarray | None, loss: RowLoss,
        rules: Mapping[int, Rule], coefficients: np.ndarray, changes: list[_kernels.Change],
        squares: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Trains on the rows of x in this order. Returns the mean loss of each batch, and adds to
        `squares` the sum of all W² before it. Only at the end all of the `changes` are made, and
        those of the net's own layers and tensors."""
        self.take_in(rules)
        steps = -(-len(x if order is None else order) // self.batch)
        losses = np.empty(steps)
        changes = changes + self.own_changes(steps)
        self.on_team("train", rules, x, order, loss, coefficients, losses, squares, changes)
        return losses

    def own_changes(self, steps: int) -> list[_kernels.Change]:
        """The changes of the net's own layers and tensors in `steps` steps."""
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
    """The numbers of the instructions whose arguments are read again at each call."""
    return [i for i, instruction in enumerate(instructions) if instruction.is_live]


def squares_of(net: Layer) -> float:
    """The sum of all W² of a net's dense layers, with the same bits as the kernel's."""
    weights = {id(x.weight): x.weight.data for x in net.layers_within() if isinstance(x, Dense)}
    return float(sum(_kernels.weights.squares(np.ascontiguousarray(W)) for W in weights.values()))
