"""The layers that nets are made of: Dense, Dropout, Sequential."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import Any

import numpy as np

from . import init as initial
from .activations import Activation
from .checks import is_number, is_whole
from .dense import dense
from .dropout import dropout
from .errors import ArgumentError, explain
from .layer import Layer, Parameter
from .random import fresh_seed
from .tensor import Tensor


def check_size(operation: str, name: str, value: Any) -> int:
    """`value` as an int; ArgumentError unless it is a whole number from 1 up."""
    if not is_whole(value, 1):
        raise ArgumentError(explain(operation, f"{name}: a whole number from 1 up", repr(value)))
    return int(value)


class Dense(Layer):
    """y = x · W + b: every output sees every input. x (..., in), W (in, out), y (..., out).

    `weight` (in_features, out_features) is drawn by `init`, the name of a function in minidl.init
    or such a function; `bias` starts at 0. By default the weights are normal with variance
    gain² / in_features, where the gain is that of the activation after the layer: `Sequential`
    sets it (He et al. 2015 for ReLU), and on its own it is 1.

    >>> Dense(784, 128)
    Dense(784, 128)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: str | initial.Initializer | None = None,
    ) -> None:
        shape = (
            check_size("Dense", "in_features", in_features),
            check_size("Dense", "out_features", out_features),
        )
        draw = initial.initializer("lecun_normal" if init is None else init)
        self.weight = Parameter(np.asarray(draw(shape), dtype=np.float32))
        self.bias = Parameter(np.zeros(shape[1], np.float32)) if bias else None
        self.gain = 1.0 if init is None else None  # None: the weights are as the user wants them

    def forward(self, x: Any, activation: Activation | None = None) -> Tensor:
        """x · W + b, and the activation's function of it in the same kernel call."""
        return dense(x, self.weight, self.bias, activation)

    def scale_for(self, activation: Activation) -> None:
        """Gives fresh default weights the gain of the activation that follows."""
        if self.gain is not None and self.weight._memory.writes == 0:
            gain = initial.gain(activation)
            self.weight.data[...] *= gain / self.gain
            self.gain = gain

    def describe(self) -> str:
        """Its sizes."""
        rows, columns = self.weight.shape
        return f"{rows}, {columns}" + ("" if self.bias is not None else ", bias=False")


class Dropout(Layer):
    """In training each element is 0 with probability p, else x / (1 - p); in evaluation y = x.

    The mask follows from the layer's seed and the count of its calls. Without a seed one is drawn
    from minidl's generator when the layer is made.
    Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014.
    """

    def __init__(self, p: float = 0.5, *, seed: int | None = None) -> None:
        if not (is_number(p) and 0 <= p <= 1):
            raise ArgumentError(explain("Dropout", "p from 0 to 1", repr(p)))
        self.p = float(p)
        self.seed = fresh_seed() if seed is None else int(seed)
        self.calls = 0

    def forward(self, x: Any) -> Tensor:
        """x with some elements dropped."""
        y = dropout(x, self.p, self.training, seed=self.seed, step=self.calls)
        self.calls += self.training
        return y

    def describe(self) -> str:
        """Its probability."""
        return f"p={self.p}"


class Sequential(Layer):
    """One layer after the other. A Dense and the activation after it run as one kernel call.

    >>> from minidl import nn
    >>> net = Sequential(nn.Dense(784, 128), nn.ReLU(), nn.Dense(128, 10))
    >>> net(np.zeros((2, 784), np.float32)).shape
    (2, 10)
    """

    def __init__(self, *layers: Any) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                hint = (
                    "ReLU() with brackets" if isinstance(layer, type) else "nn.ReLU() and the like"
                )
                raise ArgumentError(
                    explain(f"Sequential: argument {i}", "a layer", repr(layer), hint)
                )
        self._layers: tuple[Layer, ...] = layers
        self._stages = list(stages(layers))
        for first, second in pairwise(layers):
            if isinstance(first, Dense) and isinstance(second, Activation):
                first.scale_for(second)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers; to change them, make a new Sequential of them."""
        return self._layers

    def children(self) -> Iterator[tuple[str, Layer]]:
        """The layers, named by their position."""
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def forward(self, x: Any) -> Tensor:
        """The last layer's output."""
        for layer, activation in self._stages:
            x = layer(x) if activation is None else layer.forward(x, activation)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Layer:
        return self.layers[index]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)


def stages(layers: Sequence[Layer]) -> Iterator[tuple[Any, Activation | None]]:
    """Each layer, a Dense together with the activation after it if nobody has changed either's
    `forward`."""
    fused = None
    for layer, following in zip_longest(layers, layers[1:]):
        if layer is fused:
            fused = None
        elif (
            type(layer).forward is Dense.forward
            and isinstance(following, Activation)
            and type(following).forward is Activation.forward
        ):
            fused = following
            yield layer, following
        else:
            yield layer, None
