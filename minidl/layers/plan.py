"""How a net becomes a list of instructions for the kernels: each layer says its own part beside its
`forward`.

    def plan(self, builder, x):                                     for example that of noise
        y = builder.value(x.width, x.is_wanted, gradient=x.gradient)
        builder.forward("noise", x=x.numbers, y=y.numbers, ...)
        return y

The names are those of instructions (`_kernels/instruction.pxd`). A plan stands for the `forward`
that was defined with it: a subclass, or an object, that has another one has no plan.
"""

import math
from collections.abc import Callable
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from ..engine.tensor import Tensor
from ..errors import Unplanned


class Slot(int):
    """The place of a batch's numbers, (batch, width), among all of a program's; -1: none."""


class Place(int):
    """The place of a parameter among all of a net's; -1: none."""


INDEX = np.dtype(np.int64)


class Form(NamedTuple):
    """What a net is given: the shape of a row, and whether it holds indices, int64."""

    shape: tuple[int, ...]
    holds_indices: bool

    def dtype(self, of_net: np.dtype) -> np.dtype:
        """That of the inputs of a net of floats."""
        return INDEX if self.holds_indices else of_net


def form_of(x: np.ndarray) -> Form:
    """The form of inputs (n, ...)."""
    return Form(x.shape[1:], x.dtype == INDEX)


class Value(NamedTuple):
    """What a layer takes or gives: the numbers of a batch, and their gradient if it is wanted."""

    shape: tuple[int, ...]  # of a row
    numbers: Slot
    gradient: Slot
    is_free: bool  # whether only the next layer reads the numbers, and so may overwrite them

    @property
    def width(self) -> int:
        """The numbers of a row that is one; Unplanned if it has other axes, as most layers have no
        plan for."""
        if len(self.shape) != 1:
            raise Unplanned(f"a row of shape {self.shape}", "nn.Flatten() before the layer")
        return self.shape[0]

    @property
    def is_wanted(self) -> bool:
        """Whether anything that is learned depends on the gradient."""
        return self.gradient >= 0

    def kept(self) -> "Value":
        """The same, to be read again later."""
        return self._replace(is_free=False)


class Instruction(NamedTuple):
    """The name of an instruction, and its arguments."""

    name: str
    arguments: dict[str, Any]
    is_live: bool = False  # whether the arguments are read anew at each call


class Builder:
    """Collects the instructions of a net, for batches of up to `batch` rows.

    With `learns` they train, else they only go forward. `fires(layer, columns)` gives the array in
    which an activation notes what fires, or None.
    """

    def __init__(
        self, dtype: np.dtype, batch: int, threads: int = 1, learns: bool = True,
        fires: Callable[[Any, int], np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        self.dtype, self.batch, self.threads, self.learns = dtype, batch, threads, learns
        self.fires = fires or (lambda layer, columns: None)
        self.lanes: int = _kernels.weights.lanes(dtype.itemsize)
        self.layers: list[Any] = []  # all that were planned, in their order
        self.widths: list[int] = []  # of the slots
        self.parameters: list[Tensor] = []
        self.going_on: list[Any] = []  # the layers that go on with each use,
        self.buffers: list[np.ndarray] = []  # and the arrays of theirs that do
        self.least_rows = 1  # that a batch has to have
        self.holds_indices = False  # whether the net's inputs do
        self.checks: list[Callable[[np.ndarray], None]] = []  # of the inputs, before a call
        self.scratch = 1  # numbers that a thread needs room for
        self.nanoseconds = np.zeros(2)  # that forward takes a core: once, and for each row
        # Gradients that are added up, each with the arguments of what comes to it first.
        self.sums: dict[Slot, dict[str, Any]] = {}
        self.forwards: list[Instruction] = []
        self.backwards: list[Instruction] = []
        self.after: list[Instruction] = []  # the whole way back
        self.matrices: list[Instruction] = []  # the dense layers' updates
        self.gradients: dict[Place, list[Instruction]] = {}  # of a parameter, one for each use
        self._places: dict[int, Place] = {}

    def inputs(self, form: Form) -> Value:
        """What the net is given, in slot 0."""
        self.holds_indices = form.holds_indices
        return Value(form.shape, self.slot(math.prod(form.shape)), Slot(-1), is_free=False)

    # ---- What a layer asks for ------------------------------------------------------------------

    def layer(self, layer: Any, x: Value) -> Value:
        """Plans a layer that takes x; gives what it gives. Unplanned if it has no plan."""
        plan = plan_of(layer)
        if plan is None:
            hint = 'forward = nn.chain("a", "b"), or a plan beside it'
            raise Unplanned(f"{type(layer).__name__}, whose forward has no plan", hint)
        self.layers.append(layer)
        return plan(self, x)

    def once(self, layer: Any) -> None:
        """Unplanned if the layer, which goes on with each use, stands at two places."""
        if any(other is layer for other in self.going_on):
            raise Unplanned(f"one {type(layer).__name__} at two places", "a layer for each")
        self.going_on.append(layer)

    def buffer(self, layer: Any, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An array that the layer holds, in which the kernel goes on; Unplanned if it cannot."""
        array = vars(layer).get(name)
        is_array = isinstance(array, np.ndarray) and array.flags.carray
        if not (is_array and array.shape == shape and array.dtype == dtype):
            raise Unplanned(f"a {name} that is no {dtype} {shape} to write to", "a new layer")
        self.buffers.append(array)
        return array

    def value(
        self, width: int, is_wanted: bool, numbers: Slot | None = None,
        gradient: Slot | None = None, is_free: bool = True,
    ) -> Value:  # fmt: skip
        """What a layer gives: in slots of its own, or in those that are named."""
        y = self.slot(width) if numbers is None else numbers
        if not (is_wanted and self.learns):
            return Value((width,), y, Slot(-1), is_free)
        if gradient is None or gradient < 0 or gradient in self.sums:
            gradient = self.slot(width)
        return Value((width,), y, gradient, is_free)

    def shared(self, x: Value) -> Value:
        """x, for several layers to take: what each of them finds as its gradient is added up."""
        if x.is_wanted:
            self.sums.setdefault(x.gradient, {})
        return x.kept()

    def slot(self, width: int) -> Slot:
        """Memory for so many numbers of each row."""
        self.widths.append(width)
        return Slot(len(self.widths) - 1)

    def parameter(self, p: Tensor | None) -> Place:
        """The place of a parameter; it may have more than one use."""
        if p is None:
            return Place(-1)
        if not isinstance(p, Tensor) or p._node is not None:
            raise Unplanned("weights that are computed", "parameters that the layer holds")
        if p._hooks:
            raise Unplanned("a hook on a parameter's gradient", "remove() of the hook")
        if p.dtype != self.dtype:
            raise Unplanned(f"{p.dtype} beside {self.dtype}", f"net.astype('{self.dtype}')")
        if id(p) not in self._places:
            self._places[id(p)] = Place(len(self.parameters))
            self.parameters.append(p)
        return self._places[id(p)]

    def vector(self, p: Tensor | None, width: int) -> Place:
        """The place of a parameter that has a number for each column."""
        if p is not None and p.shape != (width,):
            what = f"a parameter of shape {p.shape} after {width} columns"
            raise Unplanned(what, "layers that fit each other")
        return self.parameter(p)

    def memory(self, p: Tensor | None) -> np.ndarray | None:
        """For a gradient that is found on the way back; None if it is not wanted."""
        return None if p is None or not self.is_learned(p) else np.empty(p.shape, self.dtype)

    def is_learned(self, *parameters: Tensor | None) -> bool:
        """Whether any of them wants a gradient."""
        return self.learns and any(p is not None and p.requires_grad for p in parameters)

    def room(self, numbers: int) -> None:
        """Each thread needs room for so many numbers."""
        self.scratch = max(self.scratch, numbers)

    def cost(self, once: float = 0.0, row: float = 0.0) -> None:
        """Forward takes a core so many nanoseconds more: once, and for each row."""
        self.nanoseconds += once, row

    # ---- Instructions ---------------------------------------------------------------------------

    def forward(self, name: str, is_live: bool = False, **arguments: Any) -> None:
        """The next instruction forward. Unplanned if it takes indices for floats."""
        slots = map(arguments.get, _kernels.INSTRUCTIONS[name][1])
        reads_inputs = any(isinstance(x, Slot) and x == 0 for x in slots)
        if self.holds_indices and reads_inputs and name != "look up":
            raise Unplanned("int64 inputs for what is no Embedding", "x.astype('float32')")
        self.forwards.append(Instruction(name, arguments, is_live))

    def backward(self, name: str, is_live: bool = False, **arguments: Any) -> None:
        """An instruction of the way back; what is planned later comes before it. What it writes as
        the gradient of something shared is added to that."""
        for written in _kernels.INSTRUCTIONS[name][2]:
            total = arguments.get(written)
            if isinstance(total, Slot) and total in self.sums:
                arguments[written] = self.slot(self.widths[total])
                self.put_back(arguments[written], total)
        self.backwards.insert(0, Instruction(name, arguments, is_live))

    def afterwards(self, name: str, **arguments: Any) -> None:
        """An instruction that finds gradients when the way back is done."""
        self.after.append(Instruction(name, arguments))

    def hand_back(self, y: Value, x: Value, first: int = 0) -> None:
        """On the way back, dx = columns of dy, from `first` on."""
        if x.is_wanted and x.gradient != y.gradient:
            self.put_back(y.gradient, x.gradient, first)

    def put_back(self, dy: Slot, dx: Slot, first: int = 0) -> None:
        """Likewise, by slots: the tape's order of addition is that of the way back."""
        arguments = self.columns(dy, dx, x_first=first)
        if dx in self.sums:
            self.sums[dx]["adds"] = True  # to what comes before it: that is planned later
            self.sums[dx] = arguments
        self.backwards.insert(0, Instruction("put columns", arguments))

    def columns(self, x: Slot, y: Slot, **others: Any) -> dict[str, Any]:
        """The arguments that put columns of x into y, as many as the narrower one has."""
        x_width, y_width = self.widths[x], self.widths[y]
        of_slots = {"x": x, "y": y, "x_width": x_width, "y_width": y_width}
        whole = {"x_first": 0, "y_first": 0, "n": min(x_width, y_width), "adds": False}
        return of_slots | whole | others

    def learn(self, p: Tensor | None, name: str, **arguments: Any) -> None:
        """If the parameter wants a gradient, the instruction `name` puts that into its memory, and
        it is updated. Of one that is used more than once the gradients are added up."""
        if p is not None and self.is_learned(p):
            place = self.parameter(p)
            of_parameter = {"parameter": place, "group": self.lanes}
            gradient = Instruction(name, arguments | of_parameter)
            self.gradients.setdefault(place, []).append(gradient)

    def matrix(self, W: Tensor, split: str, arguments: dict[str, Any]) -> None:
        """A dense layer's weights: if they want a gradient, dW is found in parts, each of which
        updates W at once. As a whole it is there only where W is used more than once."""
        self.matrices.append(Instruction(f"update W by {split}", arguments))
        self.learn(W, "gradient of W", **arguments)

    # ---- The whole of it ------------------------------------------------------------------------

    def training(self, y: Value, with_squares: bool) -> list[Instruction]:
        """A step up to the updates: forward, the loss of the net's output y, backward; with the sum
        of all W² before it, if that is wanted."""
        if not y.is_wanted:
            raise Unplanned("a net in which nothing is learned", "requires_grad = True")
        outputs = {"y": y.numbers, "dy": y.gradient, "width": y.width}
        self.room(4 * y.width)  # a double for every loss
        each = {arguments["W"]: arguments for _, arguments, _ in self.matrices}
        squared = [
            arguments | {"squares": np.empty(arguments["inputs"])}
            for arguments in (each.values() if with_squares else [])
        ]
        return [
            *(Instruction("squares of W", arguments) for arguments in squared),
            *self.forwards,
            Instruction("loss", outputs),
            *self.backwards,
            Instruction("total loss", outputs),
            *(Instruction("total of squares", arguments) for arguments in squared),
            *self.after,
        ]

    def packable(self) -> list[dict[str, Any]]:
        """The arguments of the dense layers whose weights may lie packed."""
        uses = [update.arguments["W"] for update in self.matrices]
        return [
            update.arguments
            for update in self.matrices
            if update.name == "update W by tasks" and uses.count(update.arguments["W"]) == 1
        ]


# ---- Whether a layer has a plan ------------------------------------------------------------------

# The classes that define a plan, each with the methods that it stands for.
_STANDS_FOR: dict[type, tuple[Any, Any]] = {}


def declare(kind: Any) -> None:
    """Notes what a class's plan stands for, when the class is made."""
    if "plan" in vars(kind):
        _STANDS_FOR[kind] = kind.forward, kind.__call__


def plan_of(layer: Any) -> Callable[[Builder, Value], Value] | None:
    """The layer's plan; None if it does not stand for what a call of the layer does, or if a
    subclass computes what the plan takes for an attribute."""
    kind: Any = type(layer)
    defining = next((base for base in kind.__mro__ if base in _STANDS_FOR), None)
    if defining is None or not vars(layer).keys().isdisjoint(("forward", "plan")):
        return None
    below = takewhile(lambda base: base is not defining, kind.__mro__)
    if any(isinstance(value, property) for base in below for value in vars(base).values()):
        return None
    is_replaced = (kind.forward, kind.__call__) != _STANDS_FOR[defining]
    return None if is_replaced else layer.plan
