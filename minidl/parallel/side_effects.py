"""What a pass through a net changes besides gradients: running averages, and random numbers."""

from typing import Any

import numpy as np

from ..engine.random import generator
from ..errors import ArgumentError, explain
from ..layers.base import Layer, RandomLayer

# 2^64 divided by the golden ratio: multiples of it are far apart, modulo 2^64.
GOLDEN = 0x9E3779B97F4A7C15


class SideEffects:
    """The side effects of the shards of a batch, each of which starts from the state before it.

    A shard's random numbers depend on its number, not on the rank: a layer has its own seed for
    each shard (shard 0 that of the layer), and minidl's generator jumps ahead. After the batch the
    buffers of floats, such as the running averages of `BatchNorm`, are the means over the shards,
    added up in their order, each counting as its rows do.
    """

    def __init__(self, net: Layer) -> None:
        self.buffers = dict(net.named_buffers())
        self.layers = [layer for layer in net.layers_within() if isinstance(layer, RandomLayer)]
        self.bits: Any = generator().bit_generator
        self.values = {name: array.copy() for name, array in self.buffers.items()}
        self.seeds = [(layer.seed, layer.calls) for layer in self.layers]
        self.start = self.state = self.bits.state

    @property
    def width(self) -> int:
        """How many numbers `seen` gives."""
        return 1 + len(self.layers) + sum(array.size for array in self.buffers.values())

    def restore(self, shard: int = 0) -> None:
        """All as it was before the batch; the random numbers are those of this shard."""
        for name, array in self.buffers.items():
            array[...] = self.values[name]
        for layer, (seed, calls) in zip(self.layers, self.seeds, strict=True):
            layer.seed, layer.calls = (seed + shard * GOLDEN) % 2**64, calls
        self.bits.state = self.start
        if shard:
            self.bits.state = self.bits.jumped(shard).state
        self.state = self.bits.state

    def seen(self) -> np.ndarray:
        """What a shard has changed: whether minidl's generator was used, the layers' calls and the
        buffers, as float64."""
        used = self.bits.state != self.state
        calls = [layer.calls for layer in self.layers]
        buffers = [array.reshape(-1).astype(np.float64) for array in self.buffers.values()]
        return np.concatenate([[used, *calls], *buffers])

    def settle(self, seen: np.ndarray, rows: np.ndarray) -> None:
        """The state after a batch whose shards (K,) had so many rows, and saw (K, numbers)."""
        self.restore()
        seen = seen[rows > 0]
        shares = (rows / rows.sum())[rows > 0]
        if seen[:, 0].any():
            self.bits.state = self.bits.jumped(len(rows)).state
        for layer, calls in zip(self.layers, seen[:, 1:].T, strict=False):
            layer.calls = int(calls.max())
        first = 1 + len(self.layers)
        for name, array in self.buffers.items():
            values = seen[:, first : first + array.size]
            first += array.size
            if array.dtype.kind == "f":
                mean = values[0] * shares[0]
                for value, share in zip(values[1:], shares[1:], strict=True):
                    mean += value * share
                array[...] = mean.reshape(array.shape)
            elif (values == values[0]).all():
                array[...] = values[0].reshape(array.shape)
            else:
                expected = f"the buffer {name} of {array.dtype} to be the same after each shard"
                got, hint = "others", "a float buffer, which becomes the mean"
                raise ArgumentError(explain("DataParallel", expected, got, hint))
