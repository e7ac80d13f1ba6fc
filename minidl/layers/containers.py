"""`Sequential`: layers in a row."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import Any

import numpy as np

from ..engine.tensor import Tensor, as_tensor
from ..errors import ArgumentError, explain
from ..tools.checks import declared, runs_as
from .activations import Activation
from .base import Layer, parts
from .dense import Dense


@declared
class Sequential(Layer):
    """One layer after the other. A Dense and the activation after it run as one kernel call.

    >>> from minidl import nn
    >>> net = Sequential(nn.Dense(784, 128), nn.ReLU(), nn.Dense(128, 10))
    >>> net(np.zeros((2, 784), np.float32)).shape
    (2, 10)
    """

    def __init__(self, *layers: Layer) -> None:
        given: Sequence[Any] = layers
        for i, layer in enumerate(given):
            if not isinstance(layer, Layer):
                hint = (
                    "ReLU() with brackets" if isinstance(layer, type) else "nn.ReLU() and the like"
                )
                raise ArgumentError(
                    explain(f"Sequential: argument {i}", "a layer", repr(layer), hint)
                )
        self._layers = layers
        self._stages = list(stages(layers))
        for first, second in pairwise(layers):
            if isinstance(first, Dense) and isinstance(second, Activation):
                first.scale_for(second)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers; to change them, make a new Sequential of them."""
        return self._layers

    def held(self) -> Iterator[tuple[str, Any]]:
        """The layers, named by their position, and what a subclass holds beside them."""
        others = {k: v for k, v in vars(self).items() if k not in ("_layers", "_stages")}
        return parts({str(i): layer for i, layer in enumerate(self._layers)} | others, set())

    def forward(self, x: Any) -> Tensor:
        """The last layer's output. An array becomes a tensor, so that a layer of one's own can use
        a tensor's methods wherever it stands."""
        x = as_tensor(x, "Sequential") if isinstance(x, np.ndarray) else x
        for layer, activation in self._stages:
            if activation is None:
                x = layer(x)
            elif is_own(layer, Dense) and is_own(activation, Activation):
                x = layer.forward(x, activation)
            else:
                x = activation(layer(x))
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Layer:
        return self.layers[index]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)


def stages(layers: Sequence[Layer]) -> Iterator[tuple[Any, Activation | None]]:
    """Each layer, a Dense together with the activation after it."""
    paired = None
    for layer, following in zip_longest(layers, layers[1:]):
        if layer is paired:
            paired = None
        elif isinstance(layer, Dense) and isinstance(following, Activation):
            paired = following
            yield layer, following
        else:
            yield layer, None


def is_own(layer: Layer, kind: type[Layer]) -> bool:
    """Whether calling the layer does what `kind` does, so that a kernel may do it."""
    return runs_as(layer, kind, "forward", "__call__")
