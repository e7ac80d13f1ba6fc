"""How a net becomes a list of instructions for the kernels. Each layer plans its own part, beside
its `forward`; this is the plan of noise:

    def plan(self, builder, x):
        y = builder.value(x.width, x.is_wanted, gradient=x.gradient)
        builder.forward("noise", x=x.numbers, y=y.numbers, ...)
        return y

The names are those of instructions (`_kernels/instruction.pxd`). A plan belongs to the `forward`
that was defined with it: a subclass, or an object, with another `forward` has no plan.
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
    """The place of a batch's numbers, (batch, width), in a program; -1: none."""


class Place(int):
    """The place of a parameter among all of a net; -1: none."""


INDEX = np.dtype(np.int64)


class Form(NamedTuple):
    """The form of a net's inputs: the shape of a row, and whether it holds indices, int64."""

    shape: tuple[int, ...]
    holds_indices: bool

    def dtype(self, of_net: np.dtype) -> np.dtype:
        """The dtype of the inputs of a net of floats."""
        return INDEX if self.holds_indices else of_net


def form_of(x: np.ndarray) -> Form:
    """The form of inputs (n, ...)."""
    return Form(x.shape[1:], x.dtype == INDEX)


class Value(NamedTuple):
    """The input or output of a layer: the numbers of a batch, and their gradient if wanted."""

    shape: tuple[int, ...]  # of a row
    numbers: Slot
    gradient: Slot
    is_free: bool  # whether only the next layer reads the numbers, and so may overwrite them

    @property
    def width(self) -> int:
        """The length of a row that has one axis; Unplanned for more axes, for which most layers
        have no plan."""
        if len(self.shape) != 1:
            raise Unplanned(f"a row of shape {self.shape}", "nn.Flatten() before the layer")
        return self.shape[0]

    @property
    def is_wanted(self) -> bool:
        """Whether anything that is learned needs the gradient."""
        return self.gradient >= 0

    def kept(self) -> "Value":
        """The same numbers, to be read again later."""
        return self._replace(is_free=False)


class Instruction(NamedTuple):
    """The name of an instruction, and its arguments."""

    name: str
    arguments: dict[str, Any]
    is_live: bool = False  # whether the arguments are read again at each call


class Builder:
    """Collects the instructions of a net, for batches of up to `batch` rows.

    With `learns` they are for training, else only for the forward pass. `fires(layer, columns)`
    returns the array that counts which of an activation's units fire, or None.
    """

    def __init__(
        self, dtype: np.dtype, batch: int, threads: int = 1, learns: bool = True,
        fires: Callable[[Any, int], np.ndarray | None] | None = None,
    ) -> None:  # fmt: skip
        self.dtype, self.batch, self.threads, self.learns = dtype, batch, threads, learns
        self.fires = fires or (lambda layer, columns: None)
        self.lanes: int = _kernels.weights.lanes(dtype.itemsize)
        self.layers: list[Any] = []  # all layers that were planned, in their order
        self.widths: list[int] = []  # of the slots
        self.parameters: list[Tensor] = []
        self.going_on: list[Any] = []  # the layers that each use changes,
        self.buffers: list[np.ndarray] = []  # and their arrays that it changes
        self.least_rows = 1  # the fewest rows that a batch may have
        self.holds_indices = False  # whether the net's inputs do
        self.checks: list[Callable[[np.ndarray], None]] = []  # of the inputs, before a call
        self.scratch = 1  # numbers for which each thread needs room
        self.nanoseconds = np.zeros(2)  # one core's time forward: once, and for each row
        # Gradients that are added up, each with the arguments of the first instruction for it.
        self.sums: dict[Slot, dict[str, Any]] = {}
        self.forwards: list[Instruction] = []
        self.backwards: list[Instruction] = []
        self.after: list[Instruction] = []  # after the backward pass
        self.matrices: list[Instruction] = []  # the dense layers' updates
        self.gradients: dict[Place, list[Instruction]] = {}  # of a parameter, one for each use
        self._places: dict[int, Place] = {}

    def inputs(self, form: Form) -> Value:
        """The net's inputs, in slot 0."""
        self.holds_indices = form.holds_indices
        return Value(form.shape, self.slot(math.prod(form.shape)), Slot(-1), is_free=False)

    # ---- What a layer asks for ------------------------------------------------------------------

    def layer(self, layer: Any, x: Value) -> Value:
        """Plans a layer that takes x, and returns its output. Unplanned if it has no plan."""
        plan = plan_of(layer)
        if plan is None:
            hint = 'forward = nn.chain("a", "b"), or a plan beside it'
            raise Unplanned(f"{type(layer).__name__}, whose forward has no plan", hint)
        self.layers.append(layer)
        return plan(self, x)

    def once(self, layer: Any) -> None:
        """Unplanned if the layer, which each use changes, is used twice."""
        if any(other is layer for other in self.going_on):
            raise Unplanned(f"one {type(layer).__name__} at two places", "a layer for each")
        self.going_on.append(layer)

    def buffer(self, layer: Any, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An array of the layer that the kernel updates; Unplanned if it cannot be updated."""
        array = vars(layer).get(name)
        is_array = isinstance(array, np.ndarray) and array.flags.carray
        if not (is_array and array.shape == shape and array.dtype == dtype):
            raise Unplanned(f"a {name} that is not a writable {dtype} {shape}", "a new layer")
        self.buffers.append(array)
        return array

    def value(
        self, width: int, is_wanted: bool, numbers: Slot | None = None,
        gradient: Slot | None = None, is_free: bool = True,
    ) -> Value:  # fmt: skip
        """A layer's output: in new slots, or in the given ones."""
        y = self.slot(width) if numbers is None else numbers
        if not (is_wanted and self.learns):
            return Value((width,), y, Slot(-1), is_free)
        if gradient is None or gradient < 0 or gradient in self.sums:
            gradient = self.slot(width)
        return Value((width,), y, gradient, is_free)

    def shared(self, x: Value) -> Value:
        """x, for several layers to take; the gradients that they compute are added up."""
        if x.is_wanted:
            self.sums.setdefault(x.gradient, {})
        return x.kept()

    def slot(self, width: int) -> Slot:
        """Memory for `width` numbers of each row."""
        self.widths.append(width)
        return Slot(len(self.widths) - 1)

    def parameter(self, p: Tensor | None) -> Place:
        """The place of a parameter, which may have more than one use."""
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
        """The place of a parameter that has one number for each column."""
        if p is not None and p.shape != (width,):
            what = f"a parameter of shape {p.shape} after {width} columns"
            raise Unplanned(what, "layers that fit each other")
        return self.parameter(p)

    def memory(self, p: Tensor | None) -> np.ndarray | None:
        """Memory for a gradient of the backward pass; None if it is not wanted."""
        return None if p is None or not self.is_learned(p) else np.empty(p.shape, self.dtype)

    def is_learned(self, *parameters: Tensor | None) -> bool:
        """Whether any of them wants a gradient."""
        return self.learns and any(p is not None and p.requires_grad for p in parameters)

    def room(self, numbers: int) -> None:
        """Tells that each thread needs room for so many numbers."""
        self.scratch = max(self.scratch, numbers)

    def cost(self, once: float = 0.0, row: float = 0.0) -> None:
        """Adds to one core's time forward, in nanoseconds: once, and for each row."""
        self.nanoseconds += once, row

    # ---- Instructions ---------------------------------------------------------------------------

    def forward(self, name: str, is_live: bool = False, **arguments: Any) -> None:
        """Adds an instruction to the forward pass. Unplanned if it takes indices for floats."""
        slots = map(arguments.get, _kernels.INSTRUCTIONS[name][1])
        reads_inputs = any(isinstance(x, Slot) and x == 0 for x in slots)
        if self.holds_indices and reads_inputs and name != "look up":
            raise Unplanned("int64 inputs for a layer that is no Embedding", "x.astype('float32')")
        self.forwards.append(Instruction(name, arguments, is_live))

    def backward(self, name: str, is_live: bool = False, **arguments: Any) -> None:
        """Adds an instruction to the backward pass, before those that were planned earlier. If it
        writes the gradient of something shared, it adds to that."""
        for written in _kernels.INSTRUCTIONS[name][2]:
            total = arguments.get(written)
            if isinstance(total, Slot) and total in self.sums:
                arguments[written] = self.slot(self.widths[total])
                self.put_back(arguments[written], total)
        self.backwards.insert(0, Instruction(name, arguments, is_live))

    def afterwards(self, name: str, **arguments: Any) -> None:
        """Adds an instruction that computes gradients after the backward pass."""
        self.after.append(Instruction(name, arguments))

    def hand_back(self, y: Value, x: Value, first: int = 0) -> None:
        """In the backward pass, dx = columns of dy, from `first` on."""
        if x.is_wanted and x.gradient != y.gradient:
            self.put_back(y.gradient, x.gradient, first)

    def put_back(self, dy: Slot, dx: Slot, first: int = 0) -> None:
        """The same, by slots. The gradients are added in the order of the tape."""
        arguments = self.columns(dy, dx, x_first=first)
        if dx in self.sums:
            self.sums[dx]["adds"] = True  # to what comes before it, which is planned later
            self.sums[dx] = arguments
        self.backwards.insert(0, Instruction("put columns", arguments))

    def columns(self, x: Slot, y: Slot, **others: Any) -> dict[str, Any]:
        """The arguments that copy columns of x into y, as many as the narrower one has."""
        x_width, y_width = self.widths[x], self.widths[y]
        of_slots = {"x": x, "y": y, "x_width": x_width, "y_width": y_width}
        whole = {"x_first": 0, "y_first": 0, "n": min(x_width, y_width), "adds": False}
        return of_slots | whole | others

    def learn(self, p: Tensor | None, name: str, **arguments: Any) -> None:
        """If the parameter wants a gradient, the instruction `name` writes it to its memory, and
        the parameter is updated. If it is used more than once, its gradients are added up."""
        if p is not None and self.is_learned(p):
            place = self.parameter(p)
            of_parameter = {"parameter": place, "group": self.lanes}
            gradient = Instruction(name, arguments | of_parameter)
            self.gradients.setdefault(place, []).append(gradient)

    def matrix(self, W: Tensor, split: str, arguments: dict[str, Any]) -> None:
        """A dense layer's weights: dW, if it is wanted, is computed in parts, each of which updates
        W at once. The whole of dW exists only if W is used more than once."""
        self.matrices.append(Instruction(f"update W by {split}", arguments))
        self.learn(W, "gradient of W", **arguments)

    # ---- The whole program ----------------------------------------------------------------------

    def training(self, y: Value, with_squares: bool) -> list[Instruction]:
        """A step up to the updates: forward, the loss of the net's output y, backward. On request
        the sum of all W² comes first."""
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
        """The arguments of the dense layers whose weights may be stored packed."""
        uses = [update.arguments["W"] for update in self.matrices]
        return [
            update.arguments
            for update in self.matrices
            if update.name == "update W by tasks" and uses.count(update.arguments["W"]) == 1
        ]


# ---- Whether a layer has a plan ------------------------------------------------------------------

# The classes that define a plan, each with the methods that the plan stands for.
_STANDS_FOR: dict[type, tuple[Any, Any]] = {}


def declare(kind: Any) -> None:
    """Notes, when a class is made, which methods its plan stands for."""
    if "plan" in vars(kind):
        _STANDS_FOR[kind] = kind.forward, kind.__call__


def plan_of(layer: Any) -> Callable[[Builder, Value], Value] | None:
    """The layer's plan; None if a call of the layer does something else, or if a subclass computes
    what the plan takes for an attribute."""
    kind: Any = type(layer)
    defining = next((base for base in kind.__mro__ if base in _STANDS_FOR), None)
    if defining is None or not vars(layer).keys().isdisjoint(("forward", "plan")):
        return None
    below = takewhile(lambda base: base is not defining, kind.__mro__)
    if any(isinstance(value, property) for base in below for value in vars(base).values()):
        return None
    is_replaced = (kind.forward, kind.__call__) != _STANDS_FOR[defining]
    return None if is_replaced else layer.plan
