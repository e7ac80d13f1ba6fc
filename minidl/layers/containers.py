"""Layers made of layers: in a row, side by side, around a shortcut; and `chain` for your own."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise, zip_longest
from types import MethodType
from typing import Any

import numpy as np

from ..engine.tensor import Tensor, as_tensor
from ..engine.tensor.joining import concatenate
from ..errors import ArgumentError, ShapeError, Unplanned, explain
from ..tools.checks import declared, runs_as
from .activations import Activation
from .base import Layer, parts
from .dense import Dense
from .plan import Builder, Value


@declared
class Sequential(Layer):
    """One layer after the other. A Dense and the activation after it run as one kernel call.

    ArgumentError for an argument that is not a layer.

    >>> from minidl import nn
    >>> net = Sequential(nn.Dense(784, 128), nn.ReLU(), nn.Dense(128, 10))
    >>> net(np.zeros((2, 784), np.float32)).shape
    (2, 10)
    """

    def __init__(self, *layers: Layer) -> None:
        for i, layer in enumerate(layers):
            check_layer(f"Sequential: argument {i}", layer)
        self._layers = layers
        for first, second in pairwise(layers):
            if isinstance(first, Dense) and isinstance(second, Activation):
                first.scale_for(second)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers; to change them, make a new Sequential."""
        return self._layers

    def held(self) -> Iterator[tuple[str, Any]]:
        """The layers, named by their positions, and the other attributes of a subclass."""
        others = {k: v for k, v in vars(self).items() if k != "_layers"}
        return parts({str(i): layer for i, layer in enumerate(self._layers)} | others, set())

    def forward(self, x: Any) -> Tensor:
        """The last layer's output."""
        return run_in_order(self._layers, as_input("Sequential", x))

    def plan(self, builder: Builder, x: Value) -> Value:
        """The plan of each layer in turn, whatever order a subclass's own iterator has."""
        return planned_in_order(self._layers, builder, x)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Layer:
        return self.layers[index]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)


@declared
class Residual(Layer):
    """y = x + body(x): the body, a layer of any kind, learns what to add to x.

    x and y have any shape; ShapeError unless the body's output has the shape of x. The gradient
    goes to the body and past it: dx = dy + the body's dx.

    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.

    >>> from minidl import nn
    >>> block = Residual(nn.Sequential(nn.LayerNorm(8), nn.Dense(8, 8), nn.ReLU()))
    >>> block(np.zeros((2, 8), np.float32)).shape
    (2, 8)
    """

    def __init__(self, body: Layer) -> None:
        check_layer("Residual", body)
        self.body = body

    def forward(self, x: Any) -> Tensor:
        """x + body(x)."""
        x = as_tensor(x, "Residual")
        y = self.body(x)
        if y.shape != x.shape:
            raise ShapeError(explain("Residual", f"a body that keeps x's shape {x.shape}", y.shape))
        return x + y

    def plan(self, builder: Builder, x: Value) -> Value:
        """Adds x to the body's output; backward, dy goes to both."""
        x = builder.shared(x)
        found = builder.layer(self.body, x)
        if found.width != x.width:
            raise Unplanned(f"a body that gives {found.width} columns for {x.width}", "Concat")
        numbers = found.numbers if found.is_free else None
        y = builder.value(
            x.width, x.is_wanted or found.is_wanted, numbers=numbers, gradient=found.gradient
        )
        if numbers is None:
            builder.forward("put columns", **builder.columns(found.numbers, y.numbers))
        builder.forward("put columns", **builder.columns(x.numbers, y.numbers, adds=True))
        builder.hand_back(y, found)
        builder.hand_back(y, x)
        return y


@declared
class Concat(Layer):
    """y = the outputs of the bodies for one x, side by side along the last axis.

    Bodies that return (..., m) and (..., n) give y of shape (..., m + n). ShapeError if the outputs
    differ in another axis; ArgumentError without a body.

    Szegedy et al., "Going deeper with convolutions", CVPR 2015; with Identity as one of the bodies:
    Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks", CVPR 2017.

    >>> from minidl import nn
    >>> net = Concat(nn.Identity(), nn.Dense(8, 3))
    >>> net(np.zeros((2, 8), np.float32)).shape
    (2, 11)
    """

    def __init__(self, *bodies: Layer) -> None:
        if not bodies:
            raise ArgumentError(explain("Concat", "at least one layer", "none"))
        for i, body in enumerate(bodies):
            check_layer(f"Concat: argument {i}", body)
        self.bodies = bodies

    def forward(self, x: Any) -> Tensor:
        """All outputs, joined."""
        x = as_input("Concat", x)
        outputs = [body(x) for body in self.bodies]
        if len({y.shape[:-1] for y in outputs}) != 1:
            shapes = ", ".join(str(y.shape) for y in outputs)
            raise ShapeError(
                explain("Concat", "outputs that differ in their last axis only", shapes)
            )
        return concatenate(outputs, axis=-1)

    def plan(self, builder: Builder, x: Value) -> Value:
        """The outputs side by side; backward, each body gets its part of dy."""
        if type(self.bodies) is not tuple:
            raise Unplanned("bodies that may change", "a tuple of them")
        x = builder.shared(x)
        outputs = [builder.layer(body, x) for body in self.bodies]
        *places, width = accumulate((output.width for output in outputs), initial=0)
        y = builder.value(width, any(output.is_wanted for output in outputs))
        for output, first in zip(outputs, places, strict=True):
            columns = builder.columns(output.numbers, y.numbers, y_first=first)
            builder.forward("put columns", **columns)
        for output, first in reversed(list(zip(outputs, places, strict=True))):
            builder.hand_back(y, output, first)
        return y


class Chain:
    """The method that `chain` makes: it calls the layers with these names in order."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.__doc__ = f"Calls in order: {', '.join(names)}."

    def __set_name__(self, kind: Any, name: str) -> None:
        """Gives a layer whose `forward` this is its plan, unless the class has one."""
        if name == "forward" and "plan" not in vars(kind):
            kind.plan = lambda layer, builder, x: self.plan(layer, builder, x)

    def __get__(self, layer: Layer | None, kind: type | None = None) -> Any:
        return self if layer is None else MethodType(self, layer)

    def __call__(self, layer: Layer, x: Any) -> Tensor:
        """The last layer's output."""
        return run_in_order(self.layers_of(layer), as_input(type(layer).__name__, x))

    def plan(self, layer: Layer, builder: Builder, x: Value) -> Value:
        """The plan of each layer in turn."""
        if not set(self.names) <= vars(layer).keys():
            raise Unplanned(f"a chain of what {type(layer).__name__} computes", "its attributes")
        return planned_in_order(self.layers_of(layer), builder, x)

    def layers_of(self, layer: Layer) -> list[Layer]:
        """The layers that `layer` holds under these names; ArgumentError if one is missing."""
        found: list[Any] = [getattr(layer, name, None) for name in self.names]
        for name, value in zip(self.names, found, strict=True):
            operation = f"{type(layer).__name__}: chain: {name!r}"
            if value is None:
                layers = [k for k, v in vars(layer).items() if isinstance(v, Layer)]
                close = difflib.get_close_matches(name, layers, 1)
                raise ArgumentError(explain(operation, "an attribute", "none", *map(repr, close)))
            check_layer(operation, value)
        return found

    def __repr__(self) -> str:
        return f"chain({', '.join(map(repr, self.names))})"


def chain(*names: str) -> Callable[..., Tensor]:
    """A `forward` for your own layer: it calls the layers with these names in order.

    As in a Sequential, a Dense and the activation after it run as one kernel call. A name may come
    twice. (A Dense does not know which activation follows, so its default weights do not suit it:
    give it an `init`, or make a Sequential of the two.)

    ArgumentError for arguments that are not names; and, when the layer is called, for a name that
    the layer does not have, or that is not a layer.

    >>> from minidl import nn
    >>> class Net(nn.Layer):
    ...     def __init__(self):
    ...         self.hidden, self.relu = nn.Dense(784, 128, init="he_normal"), nn.ReLU()
    ...         self.out = nn.Dense(128, 10)
    ...     forward = nn.chain("hidden", "relu", "out")
    >>> Net()(np.zeros((2, 784), np.float32)).shape
    (2, 10)
    """
    if not names or not all(isinstance(name, str) and name.isidentifier() for name in names):
        hint = 'chain("hidden", "relu")'
        raise ArgumentError(explain("chain", "names of attributes", repr(names), hint))
    return Chain(names)


def check_layer(operation: str, value: Any) -> None:
    """ArgumentError unless this is a layer."""
    if not isinstance(value, Layer):
        hint = "ReLU() with brackets" if isinstance(value, type) else "nn.ReLU() and the like"
        raise ArgumentError(explain(operation, "a layer", repr(value), hint))


def as_input(operation: str, x: Any) -> Any:
    """An array as a tensor, so that your own layer can use a tensor's methods wherever it stands;
    anything else unchanged, for the first layer to judge."""
    return as_tensor(x, operation) if isinstance(x, np.ndarray) else x


def run_in_order(layers: Sequence[Any], x: Any) -> Any:
    """The last layer's output. A Dense and the activation after it run as one kernel call."""
    ran = None  # the activation that ran in the kernel call of the Dense before it
    for layer, following in zip_longest(layers, layers[1:]):
        if layer is ran:
            ran = None
        elif run_together(layer, following):
            x, ran = layer.forward(x, following), following
        else:
            x = layer(x)
    return x


def planned_in_order(layers: Sequence[Any], builder: Builder, x: Value) -> Value:
    """The last layer's output in a plan."""
    for layer in layers:
        x = builder.layer(layer, x)
    return x


def run_together(layer: Any, following: Any) -> bool:
    """Whether these are a Dense and an activation, neither of which overrides its forward."""
    are_such = isinstance(layer, Dense) and isinstance(following, Activation)
    return are_such and is_own(layer, Dense) and is_own(following, Activation)


def is_own(layer: Layer, kind: type[Layer]) -> bool:
    """Whether calling the layer does what `kind` does, so that a kernel may do it instead."""
    return runs_as(layer, kind, "forward", "__call__")
