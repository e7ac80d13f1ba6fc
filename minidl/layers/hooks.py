"""Running a net to look at it: `hooked` shows every layer's input and output; after `undisturbed`
the net is as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..engine.random import random_state, set_random_state
from ..engine.tensor import Tensor

After = Callable[[str, Any, Any, Tensor], Tensor]


@contextmanager
def hooked(net: Any, after: After) -> Iterator[None]:
    """Within the block `after(path, layer, x, y)` is called after each layer's forward, innermost
    first, and what it returns replaces y. A Dense and the activation after it, otherwise one kernel
    call, run one after the other, with the same bits.

    >>> import numpy as np
    >>> from minidl import nn
    >>> def show(path, layer, x, y):
    ...     print(path or "net", y.shape)
    ...     return y
    >>> net = nn.Sequential(nn.Dense(2, 4), nn.Maxout(2))
    >>> with hooked(net, show):
    ...     _ = net(np.zeros((3, 2), np.float32))
    0 (3, 4)
    1 (3, 2)
    net (3, 2)
    """
    layers = list(net.named_layers())
    before = [(layer, "forward" in vars(layer), layer.forward) for _, layer in layers]
    try:
        for path, layer in layers:
            layer.forward = hook(path, layer, after)
        yield
    finally:
        for layer, was_set, forward in before:
            vars(layer).pop("forward", None)
            if was_set:
                layer.forward = forward


def hook(path: str, layer: Any, after: After) -> Callable[..., Tensor]:
    """The layer's forward, followed by `after`."""
    forward = layer.forward

    def forward_and_after(x: Any) -> Tensor:
        return after(path, layer, x, forward(x))

    return forward_and_after


@contextmanager
def undisturbed(net: Any) -> Iterator[None]:
    """After the block the gradients, the buffers and the random numbers of this layer are as before
    it, so training goes on with the same bits."""
    generator, layers = random_state(), net.random_state()
    gradients = [(p, p.grad) for p in net.parameters()]
    buffers = [(array, array.copy()) for _, array in net.named_buffers()]
    places = [(layer, name, getattr(layer, name))
              for layer in net.layers_within() for name in layer.buffer_names]  # fmt: skip
    net.zero_grad()
    try:
        yield
    finally:
        for p, gradient in gradients:
            p.grad = gradient
        for layer, name, array in places:
            setattr(layer, name, array)
        for array, values in buffers:
            array[...] = values
        net.load_random_state(layers)
        set_random_state(generator)
