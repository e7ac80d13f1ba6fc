"""`hooked`: what every layer of a net is given and gives, as the net runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..engine.tensor import Tensor
from ..layers.base import Layer

After = Callable[[str, Layer, Any, Tensor], Tensor]


@contextmanager
def hooked(net: Layer, after: After) -> Iterator[None]:
    """Within the block `after(path, layer, x, y)` follows each layer's forward, innermost first,
    and what it gives takes the place of y. A Dense and the activation after it, else one kernel
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
            layer.forward = hook(path, layer, after)  # type: ignore[method-assign]
        yield
    finally:
        for layer, was_set, forward in before:
            vars(layer).pop("forward", None)
            if was_set:
                layer.forward = forward  # type: ignore[method-assign]


def hook(path: str, layer: Layer, after: After) -> Callable[..., Tensor]:
    """The layer's forward, followed by `after`."""
    forward = layer.forward

    def forward_and_after(x: Any) -> Tensor:
        return after(path, layer, x, forward(x))

    return forward_and_after
