"""`Firing`: which units of a net had a slope other than 0 on any row that it trained on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.recording import recording
from ..engine.tensor import Tensor
from ..errors import GraphError, ShapeError, explain
from ..layers.activations import Activation
from ..layers.base import Layer
from ..layers.hooks import hooked


class Firing:
    """For every activation of a net, the columns of its input z with dy/dz not 0 on some row.

    A unit of ReLU that never fires gets no gradient: it is dead. For maxout, a column is a piece,
    and dy/dz is 1 where the piece wins, else 0. `forget` starts anew.

    A `TrainingStep` with this as its `firing` notes all rows: in the kernel, or in the loop. If the
    net uses an activation twice, each use is noted; an activation that returns its input, like
    Identity, is not noted.

    >>> from minidl import nn
    >>> net = nn.Sequential(nn.Dense(1, 2), nn.ReLU())
    >>> net[0].weight.data[...] = [[1.0, -1.0]]
    >>> firing = Firing(net)
    >>> _ = firing.forward(np.array([[2.0], [3.0]], np.float32))
    >>> firing.fired()
    {'1': array([ True, False])}
    """

    def __init__(self, net: Layer) -> None:
        self.net = net
        # Arrays (threads, columns), 1 where a column fired, by threads, columns and dtype.
        self.flags: dict[str, dict[tuple[int, int, np.dtype], np.ndarray]] = {}
        self.has_silent = True  # unless it is known that all columns have fired

    def forget(self) -> None:
        """From now on no column has fired."""
        self.has_silent = True
        for arrays in self.flags.values():
            for array in arrays.values():
                array[...] = 0

    def fired(self) -> dict[str, Any]:
        """Whether each column fired, by the activation's path: bool (columns,)."""
        return {
            name: np.any(np.concatenate([*arrays.values()]), axis=0)
            for name, arrays in self.flags.items()
        }

    def notes(self, threads: int, dtype: np.dtype) -> Callable[[Layer, int], np.ndarray | None]:
        """For a program: a function that returns the array for the columns of each activation of
        the net, in the order of their use, and None for other layers."""
        paths = {id(layer): path for path, layer in self.net.named_layers()}
        uses: dict[str, int] = {}

        def note(layer: Layer, columns: int) -> np.ndarray | None:
            if id(layer) not in paths:
                return None
            return self.flags_for(use_of(paths[id(layer)], uses), threads, columns, dtype)

        return note

    def flags_for(self, name: str, threads: int, columns: int, dtype: np.dtype) -> np.ndarray:
        """An array (threads, columns) to write 1 where a column fires. ShapeError if the activation
        had another number of columns before."""
        arrays = self.flags.setdefault(name, {})
        before = {others for _, others, _ in arrays} - {columns}
        if before:
            expected = f"{before.pop()} columns in the activation {name!r}, as before"
            raise ShapeError(explain("Firing", expected, columns))
        key = threads, columns, dtype
        if key not in arrays:
            arrays[key] = np.zeros((threads, columns), dtype)
        return arrays[key]

    def forward(self, x: Any) -> Tensor:
        """The net's output for x; notes what fires, until all columns have."""
        if not self.has_silent:
            return self.net(x)
        uses: dict[str, int] = {}

        def note(path: str, layer: Layer, x: Any, y: Tensor) -> Tensor:
            if isinstance(layer, Activation) and y is not x:
                self.note(use_of(path, uses), layer, as_columns(x))
            return y

        with hooked(self.net, note):
            y = self.net(x)
        self.has_silent = not all(flags.all() for flags in self.fired().values())
        return y

    def note(self, name: str, activation: Activation, z: np.ndarray) -> None:
        """Notes the columns of z that fire on one of its rows."""
        flags = self.flags_for(name, 1, z.shape[1], z.dtype)[0]
        silent = np.flatnonzero(~self.fired()[name])
        if len(silent) == 0:
            return
        if activation.learned or activation.inputs_per_unit(activation.options) > 1:
            flags[(derivatives(activation, z) != 0).any(axis=0)] = 1
        else:
            flags[silent[(derivatives(activation, z[:, silent]) != 0).any(axis=0)]] = 1


def derivatives(activation: Activation, z: np.ndarray) -> np.ndarray:
    """dy/dz of an activation at z (rows, columns), by a backward pass; for maxout 1 for the piece
    that wins, else 0.

    >>> from minidl import nn
    >>> derivatives(nn.LeakyReLU(0.1), np.array([[-2.0, 3.0]]))
    array([[0.1, 1. ]])
    """
    if not recording():
        raise GraphError(explain("derivatives", "a graph to go back through", "a no_grad() block"))
    x = Tensor(np.ascontiguousarray(z), requires_grad=True)
    y = type(activation).forward(activation, x)
    before = [(p, p.grad) for p in activation.parameters()]
    if y.requires_grad:
        y.backward(np.ones(y.shape, y.dtype))
    for p, gradient in before:
        p.grad = gradient
    return np.zeros_like(z) if x.grad is None else x.grad.numpy()


def as_columns(x: Any) -> np.ndarray:
    """The values of x (..., columns) as (rows, columns)."""
    values = x.data if isinstance(x, Tensor) else np.asarray(x)
    return values.reshape(-1, values.shape[-1] if values.ndim else 1)


def use_of(path: str, uses: dict[str, int]) -> str:
    """The path; with its number from a layer's second use in a pass on."""
    uses[path] = uses.get(path, 0) + 1
    return path if uses[path] == 1 else f"{path}, use {uses[path]}"
