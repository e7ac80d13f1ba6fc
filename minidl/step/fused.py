"""What the network kernel trains in one call: a net of dense layers, taken apart into arrays."""

from collections.abc import Callable, Mapping, Sequence
from operator import is_
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import _kernels
from ..engine.tape import Memory
from ..engine.tensor import Tensor
from ..layers.activations import Activation, Identity
from ..layers.base import Layer, Parameter
from ..layers.containers import Sequential, is_own
from ..layers.dense import Dense
from ..layers.dropout import Dropout, mask_numbers
from ..losses.reduction import RowLoss
from ..optim.block import SHAPE, share_memory
from ..optim.compiled import Rule

if TYPE_CHECKING:
    from .firing import Firing

LINE = 64  # bytes of a cache line
NO_OPTIONS = np.zeros(1)
NO_RULES: dict[int, Rule] = {}


class Part(NamedTuple):
    """A dense layer, with the activation and the dropout that follow it."""

    dense: Dense
    activation: Activation | None
    dropout: Dropout | None


class Facts:
    """What the kernel's work for a net of known layers follows from, as it was when this was made:
    what its layers do, their parameters with their arrays, their options. Dropout's options are
    read anew at every call."""

    def __init__(self, net: Layer) -> None:
        layers = vars(net)["_layers"]
        # (place, key, value) with place[key] is value, and (owner, name, value) of attributes. To
        # compare them takes 5 µs for six layers, of the 90 that a step of so small a net takes.
        items: list[tuple[dict[str, Any], str, Any]] = [(vars(net), "_layers", layers)]
        attributes: list[tuple[Any, str, Any]] = []
        for layer in (net, *layers):
            own = vars(layer)
            present = [name for name in ("weight", "bias", "options") if name in own]
            items += [(own, name, own.get(name)) for name in ("forward", *present)]
            if isinstance(layer, Activation):  # else its options are a user's own
                items += [(own["options"], *option) for option in own.get("options", {}).items()]
            parameters = [own[name] for name in present if isinstance(own[name], Tensor)]
            attributes += [(p, "_array", p._array) for p in parameters]
        for kind in {type(layer) for layer in (net, *layers)}:
            attributes += [(kind, name, getattr(kind, name)) for name in ("forward", "__call__")]
        self.places, self.keys, self.values = zip(*items, strict=True)
        self.owners, self.names, self.found = zip(*attributes, strict=True)

    def are_of(self, net: Layer) -> bool:
        """Whether they are those of `net`, and nothing has changed."""
        items = map(dict.get, self.places, self.keys)
        attributes = map(getattr, self.owners, self.names)
        return (
            self.places[0] is vars(net)
            and all(map(is_, items, self.values))
            and all(map(is_, attributes, self.found))
        )


class FusedNet:
    """A net that the kernel knows all of: its parts and parameters, as they were at the time."""

    def __init__(self, net: Layer, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.facts = Facts(net)
        self.dtype = parts[0].dense.weight.dtype
        self.inputs, self.outputs = parts[0].dense.weight.shape[0], units_of(parts[-1])
        activations = [part.activation for part in parts if part.activation is not None]
        self.weights = [part.dense.weight for part in parts]
        biases = [part.dense.bias for part in parts if part.dense.bias is not None]
        learned = [p for activation in activations for p in activation.learned_parameters()]
        self.parameters: list[Parameter] = [*self.weights, *biases, *learned]
        self.arrays = [p.data for p in self.parameters]
        self.shapes = list(map(SHAPE, self.arrays))
        self.ids = {id(p) for p in self.parameters}
        of_none, of_one = (
            sum(_kernels.product_nanoseconds(rows, *W.shape) for W in self.weights)
            for rows in (0, 1)
        )
        self.nanoseconds_of_weights, self.nanoseconds_of_row = of_none, of_one - of_none
        self.dropouts = [part.dropout for part in parts if part.dropout is not None]

    @classmethod
    def of(cls, net: Layer) -> "FusedNet | None":
        """The net's parts; None if it has anything that the kernel does not know."""
        parts = parts_of(net)
        if not parts or not chained(parts):
            return None
        fused = cls(net, parts)
        return fused if fused.is_uniform() and not fused.shares() else None

    def is_uniform(self) -> bool:
        """Whether all parameters are of one dtype."""
        return all(p.dtype == self.dtype for p in self.parameters)

    def shares(self) -> bool:
        """Whether any memory is that of two parameters, or a dropout stands at two places: its
        second mask would be the first one again."""
        if share_memory(self.arrays):
            return True
        return len(set(map(id, self.dropouts))) < len(self.dropouts)

    def is_current(self, net: Layer) -> bool:
        """Whether this is still all that there is to know of `net`."""
        return self.facts.are_of(net) and list(map(SHAPE, self.arrays)) == self.shapes

    def nanoseconds(self, rows: int) -> float:
        """What a forward pass takes one core, about."""
        return self.nanoseconds_of_weights + rows * self.nanoseconds_of_row

    def is_dropping(self) -> bool:
        """Whether dropout is on in any part."""
        return any(dropout.training for dropout in self.dropouts)


def parts_of(net: Layer) -> list[Part]:
    """The layers of a Sequential, in groups; nothing if one of them is unknown."""
    if not is_own(net, Sequential):
        return []
    parts: list[Part] = []
    for layer in vars(net)["_layers"]:  # a subclass may go through them in another order
        last = parts[-1] if parts else None
        if isinstance(layer, Dense) and is_own(layer, Dense) and has_leaves(layer):
            parts.append(Part(layer, None, None))
        elif last is None or last.dropout:
            return []
        elif isinstance(layer, Dropout) and is_own(layer, Dropout):
            parts[-1] = last._replace(dropout=layer)
        elif isinstance(layer, Activation) and is_own(layer, Activation):
            if type(layer) is Identity:
                continue
            if last.activation or not has_kernel(layer):
                return []
            parts[-1] = last._replace(activation=layer)
        else:
            return []
    return parts


def has_leaves(dense: Dense) -> bool:
    """Whether its weights are tensors of its own that no operation made. A user's layer may
    compute them instead, in a property."""
    W, b = vars(dense).get("weight"), vars(dense).get("bias", dense)
    return all(isinstance(p, Tensor) and p._node is None for p in ([W] if b is None else [W, b]))


def has_kernel(activation: Activation) -> bool:
    """Whether the kernel can run it and, if it learns, find the gradient."""
    name = activation.name
    is_known = name in _kernels.ROW_FUNCTIONS and activation.is_as_declared()
    return is_known and (not activation.learned or name in _kernels.LEARNED)


def chained(parts: Sequence[Part]) -> bool:
    """Whether each part takes what the one before it gives, and slopes fit their units."""
    width = parts[0].dense.weight.shape[0]
    for part in parts:
        activation = part.activation
        inputs, outputs = part.dense.weight.shape
        bias = part.dense.bias
        if inputs != width or (bias is not None and bias.shape != (outputs,)):
            return False
        width = outputs
        if activation is not None:
            if outputs % activation.inputs_per_unit(activation.options):
                return False
            width = units_of(part)
            if any(p.shape not in ((1,), (width,)) for p in activation.learned_parameters()):
                return False
    return True


def units_of(part: Part) -> int:
    """How many numbers the part gives for a row."""
    outputs = part.dense.weight.shape[1]
    activation = part.activation
    return outputs // (1 if activation is None else activation.inputs_per_unit(activation.options))


def on_lines(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A new array that starts where a cache line does."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


class Room:
    """A part as the kernel reads it: the memory in which it works on a batch, and its arrays."""

    def __init__(self, part: Part, batch: int, is_packed: bool) -> None:
        dense, activation, dropout = part
        inputs, outputs = dense.weight.shape
        dtype = dense.weight.dtype
        units = outputs
        self.forward = self.backward = self.learned_gradient = self.slopes = self.packed = None
        self.fired: np.ndarray | None = None
        self.ones: np.ndarray | None = None
        self.keeps_y, self.options = False, NO_OPTIONS
        self.z = self.y = on_lines((batch, outputs), dtype)
        self.dz = self.dy = on_lines((batch, outputs), dtype)
        if activation is not None:
            kernel: Any = activation.kernel_after(outputs, dtype)
            self.forward, self.backward, units, self.options = kernel
            self.keeps_y = activation.keeps == "y"
            self.dy = on_lines((batch, units), dtype)
            if not self.keeps_y:
                self.y = on_lines((batch, units), dtype)
            if activation.learned:
                self.learned_gradient = _kernels.LEARNED[activation.name][dtype.name]
                self.slopes = np.empty(units, dtype)
        self.room_to_drop = self.y if dropout is None else on_lines((batch, units), dtype)
        if is_packed and _kernels.network.is_wide(outputs):
            size = _kernels.network.packed_numbers(inputs, outputs, dtype.itemsize)
            self.packed = on_lines((size,), dtype)
            self.packed_states = [on_lines((size,), dtype) for _ in range(3)]
        self.squares = np.empty(inputs)
        self.part = part

    def note_firing(self, name: str, firing: "Firing", threads: int) -> None:
        """From now on each thread notes for `firing` which columns of z had a slope."""
        units, columns = self.y.shape[1], self.z.shape[1]
        self.ones = np.ones(units, self.z.dtype)
        self.fired = firing.flags_for(name, threads, columns, self.z.dtype)

    def furnish(self, rules: Mapping[int, Rule]) -> None:
        """Takes the part's arrays in as they are now, each with the rule that updates it."""
        dense, activation, dropout = self.part
        self.W = rule_of(dense.weight, rules)
        self.b = None if dense.bias is None else rule_of(dense.bias, rules)
        self.learned = None
        if self.slopes is not None and activation is not None:
            (weight,) = activation.learned_parameters()
            self.learned = rule_of(weight, rules)
        self.mask, self.dropped = None, self.y
        if dropout is not None and dropout.training:
            last, scale = mask_numbers(dropout.p, dropout.rescale)
            if last >= 0:
                self.mask = (dropout.seed, dropout.calls, last, scale)
                self.dropped = self.room_to_drop


def rule_of(p: Tensor, rules: Mapping[int, Rule]) -> Rule:
    """The parameter's rule; one that changes nothing if no optimiser has it."""
    return rules.get(id(p)) or Rule(np.ascontiguousarray(p.data), None, 0, [None] * 3)


class Program:
    """A net that the kernel knows, with memory for batches of one size, to train it or to predict.
    A short one is called for single batches: to pack the weights would not repay."""

    def __init__(
        self, net: FusedNet, batch: int, threads: int, is_short: bool, trains: bool = True,
        firing: "Firing | None" = None,
    ) -> None:  # fmt: skip
        self.net, self.threads = net, threads
        self.rooms = [Room(part, batch, not is_short) for part in net.parts]
        if firing is not None:
            names = firing.names(part.activation for part in net.parts)
            for room, name in zip(self.rooms, names, strict=True):
                if name is not None:
                    room.note_firing(name, firing, threads)
        x = on_lines((batch, net.inputs), net.dtype)
        learning = self.to_learn(batch) if trains else {}
        self.kernel = _kernels.network.Program(len(self.rooms), x, **learning)
        self.rules: Mapping[int, Rule] | None = None  # what the kernel was told
        self.written: list[Memory] = []  # what it changes

    def to_learn(self, batch: int) -> dict[str, Any]:
        """Room for the losses and for the gradients."""
        widest = max(W.shape[1] for W in self.net.weights)
        needed = _kernels.network.scratch_numbers(batch, widest, self.net.dtype.itemsize)
        return {
            "batch_losses": np.empty(batch),
            "scratch": on_lines((self.threads, needed), self.net.dtype),
        }

    def tell(self, rules: Mapping[int, Rule]) -> None:
        """Tells the kernel where the arrays are and how they are updated, if that is new."""
        if rules is self.rules and not self.net.dropouts:
            return
        for room in self.rooms:
            room.furnish(rules)
        self.kernel.read(self.rooms, self.threads)
        # Of an array that is not contiguous the kernel has a copy, which may soon be out of date.
        are_its_own = all(p.data.flags.c_contiguous for p in self.net.parameters)
        self.rules = rules if are_its_own else None
        self.written = [p._memory for p in self.net.parameters if id(p) in rules]

    def on_team(self, call: Callable[..., int], *arguments: Any) -> None:
        """Calls the kernel, with fewer threads if OpenMP gives no more."""
        while (team := call(*arguments)) != self.threads:
            self.threads = team
            self.kernel.read(self.rooms, team)

    def train(
        self, x: np.ndarray, order: np.ndarray | None, loss: RowLoss,
        rules: Mapping[int, Rule], numbers: np.ndarray, changes: list[_kernels.Change],
        squares: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Trains on the rows of x in this order; gives the mean loss of each batch, and puts the
        sum of all W² before it into `squares`. When that is done, and only then, all of the
        `changes` are made, and those that the net's own layers and tensors undergo."""
        self.tell(rules)
        steps, net = len(numbers), self.net
        losses = np.empty(steps)
        own: list[_kernels.Change] = [(m, "writes", m.writes + 1) for m in self.written]
        masks = [dropout for dropout in net.dropouts if dropout.training]
        own += [(dropout, "calls", dropout.calls + steps) for dropout in masks]
        self.on_team(self.kernel.train, x, order, loss, numbers, losses, squares, changes + own)
        return losses

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The outputs for the rows of x."""
        self.tell(NO_RULES)
        y = np.empty((len(x), self.rooms[-1].y.shape[1]), self.net.dtype)
        self.on_team(self.kernel.predict, x, y)
        return y


def squares_of(net: Layer) -> float:
    """The sum of all W² of a net's dense layers, with the bits that the kernel finds."""
    weights = [layer.weight.data for layer in net.layers_within() if isinstance(layer, Dense)]
    return float(sum(_kernels.network.squares(np.ascontiguousarray(W)) for W in weights))
