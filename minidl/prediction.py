"""`predict`: a net's outputs, without a graph."""

import threading
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from . import _kernels
from .data.batches import batches
from .fused import FusedNet, Outputs
from .layer import Layer
from .tape import no_grad
from .tensor import Tensor

ROWS = 256  # at a time: the outputs of a layer stay in the cache


class _Known(threading.local):
    """The nets that were used, by thread: each needs memory of its own to work in."""

    def __init__(self) -> None:
        self.nets: WeakKeyDictionary[Layer, tuple[FusedNet, dict[Any, Outputs]]]
        self.nets = WeakKeyDictionary()


_known = _Known()


def predict(net: Layer, x: Any) -> np.ndarray:
    """The net's outputs for x, as an array: what net(x) gives, without recording operations.

    x (n, ...) holds uint8 pixels, which become float32 from 0 to 1, or numbers of the net's dtype.
    The net is used as it is: call net.eval() first if it has dropout, noise or batch
    normalisation. A Sequential of Dense layers and activations runs as one kernel call; the bits
    are those of net(x) all the same.

    >>> from minidl import nn
    >>> net = nn.MLP([3, 4, 2])
    >>> predict(net, np.zeros((5, 3), np.float32)).shape
    (5, 2)
    """
    array = x.data if isinstance(x, Tensor) else np.asarray(x)
    fused = fused_net(net)
    if fused is None or array.ndim != 2 or len(array) == 0 or is_dropping(fused):
        return by_the_layers(net, array)
    net_of, programs = fused
    fits = array.dtype == net_of.dtype or (array.dtype == np.uint8 and net_of.dtype == np.float32)
    if not fits or array.shape[1] != net_of.dense[0][1].shape[0]:
        return by_the_layers(net, array)
    rows = min(len(array), ROWS)
    threads = _kernels.threads_for(net_of.nanoseconds(len(array)))
    key = (rows, threads, len(array) > ROWS, _kernels.level)
    if key not in programs:
        programs.clear()
        programs[key] = Outputs(net_of, rows, threads, is_short=len(array) <= ROWS)
    return programs[key].run(np.ascontiguousarray(array))


def fused_net(net: Layer) -> tuple[FusedNet, dict[Any, Outputs]] | None:
    """The net as the kernel knows it, from the last time if it is still the same."""
    known = _known.nets.get(net)
    if known is None or not known[0].is_current():
        fused = FusedNet.of(net)
        if fused is None:
            return None
        known = _known.nets[net] = (fused, {})
    return known


def is_dropping(fused: tuple[FusedNet, dict[Any, Outputs]]) -> bool:
    """Whether dropout is on: its masks depend on how the rows are batched."""
    return any(part.dropout is not None and part.dropout.training for part in fused[0].parts)


def by_the_layers(net: Layer, x: np.ndarray) -> np.ndarray:
    """The outputs by calling the net, some rows at a time where that is the same."""
    with no_grad():
        if x.dtype != np.uint8:
            return net(x).numpy()
        return net(next(iter(batches(x, np.zeros(len(x)), max(len(x), 1))))[0]).numpy()
