"""`predict`: a net's outputs, without a graph."""

import threading
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .. import _kernels
from ..data.pixels import gathered, warn_unless_pixels
from ..engine.recording import no_grad
from ..engine.tensor import as_tensor
from ..layers.base import Layer
from ..layers.plan import Form, form_of
from .program import NotPlanned, Planned, Program, planned_or_not

ROWS = 256  # at a time, so that the outputs of a layer stay in the cache
PROGRAMS = 4  # that are kept for a net, for different numbers of rows


class _Known(threading.local):
    """The nets that each thread has used: each net needs its own working memory."""

    def __init__(self) -> None:
        self.nets: WeakKeyDictionary[Layer, tuple[Planned | NotPlanned, dict[Any, Program]]]
        self.nets = WeakKeyDictionary()


_known = _Known()


def predict(net: Layer, x: Any) -> np.ndarray:
    """The net's outputs for x, as an array: the values of net(x), without a graph.

    x (n, ...) holds uint8 pixels, which become float32 from 0 to 1, numbers of the net's dtype, or
    indices for an Embedding. GuardWarning for uint8 that are all far below 255, which are probably
    not pixels. The outputs share no memory with x.

    Call net.eval() first if the net has dropout, noise or batch normalisation: `predict` does not
    switch. If each layer has a plan, the net runs as one kernel call, with the same bits as net(x).
    Errors as from net(x).

    >>> from minidl import nn
    >>> net = nn.MLP([3, 4, 2])
    >>> predict(net, np.zeros((5, 3), np.float32)).shape
    (5, 2)
    """
    array = as_tensor(x, "predict").data
    warn_unless_pixels("predict", array)
    if array.ndim == 0 or len(array) == 0:
        return by_the_layers(net, array)
    planned, programs = known(net, form_of(array))
    if isinstance(planned, NotPlanned) or planned.goes_on():
        return by_the_layers(net, array)  # dropout's mask depends on how the rows are batched
    if not planned.takes(array):
        return by_the_layers(net, array)
    rows, size = min(len(array), ROWS), len(array)
    threads = _kernels.threads_for(planned.nanoseconds(size))
    key = (rows, threads, size > ROWS, _kernels.level)
    if key not in programs:
        if len(programs) == PROGRAMS:
            programs.clear()
        programs[key] = Program(planned, rows, threads, size <= ROWS, learns=False)
    return programs[key].predict(array)


def known(net: Layer, form: Form) -> tuple[Planned | NotPlanned, dict[Any, Program]]:
    """The net's plan, or why it has none; with the last call's programs if the net is unchanged."""
    found = _known.nets.get(net)
    if found is None or not found[0].is_current(net, form):
        found = _known.nets[net] = (planned_or_not(net, form), {})
    return found


def by_the_layers(net: Layer, x: np.ndarray) -> np.ndarray:
    """The outputs by calling the net; a few rows at a time where this gives the same."""
    with no_grad():
        inputs = gathered(x, np.arange(len(x))) if x.dtype == np.uint8 else x
        return net(inputs).numpy().copy()  # a net may return its input, or an array that it keeps
