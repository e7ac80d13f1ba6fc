"""`look`: measures every layer on one batch, by a forward and a backward pass that change
nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.recording import recording
from ..engine.tensor import Tensor
from ..engine.tensor.operation import ALIAS, record
from ..errors import ArgumentError, GraphError, explain
from ..layers.activations import Activation, PReLU
from ..layers.base import Layer, Parameter
from ..layers.hooks import hooked, undisturbed
from ..layers.summary import headline
from ..step.firing import Firing, as_columns, derivatives, use_of
from . import measures
from .measures import FLAT

Loss = Callable[..., Tensor]
Numbers = dict[str, Any]  # of one layer: "kind", a text, and its measures

GRID = np.linspace(-12, 12, 481)  # where an activation's derivatives are evaluated


@dataclass
class Seen:
    """A layer during the pass: its input, its output as rows, and the output's gradient."""

    name: str
    path: str
    layer: Layer
    x: Any
    y: np.ndarray
    dy: list[np.ndarray] = field(default_factory=list)


def look(net: Layer, x: Any, y: Any, loss: Loss, firing: Firing) -> dict[str, Numbers]:
    """The measures of every layer on this batch, by the layer's path. `firing` notes the rows."""
    if not recording():
        raise GraphError(explain("look", "a graph to go back through", "a no_grad() block"))
    seen: list[Seen] = []
    with undisturbed(net), np.errstate(all="ignore"):
        with hooked(net, noting(seen)):
            value = loss(net(x), y)
        if not isinstance(value, Tensor):
            raise ArgumentError(explain("look", "a loss that gives a tensor", repr(value)))
        if value.requires_grad:
            value.backward()
        for one in seen:
            if isinstance(one.layer, Activation):
                firing.note(one.name, one.layer, as_columns(one.x))
        return {one.name: numbers_of(one) for one in seen}


def noting(seen: list[Seen]) -> Callable[[str, Layer, Any, Tensor], Tensor]:
    """The function for `hooked`: adds each layer to the list, unless it only holds other layers."""
    uses: dict[str, int] = {}

    def note(path: str, layer: Layer, x: Any, y: Tensor) -> Tensor:
        if not isinstance(y, Tensor) or (any(layer.children()) and matrix_of(layer) is None):
            return y
        one = Seen(use_of(path, uses), path, layer, x, as_columns(y))
        seen.append(one)
        seen_y = record(ALIAS, y.data, (y,), view_of=y)  # a layer may return its input
        if seen_y.requires_grad:
            seen_y.register_hook(lambda dy: one.dy.append(dy.numpy()))
        return seen_y

    return note


def numbers_of(one: Seen) -> Numbers:
    """The measures of a layer."""
    y = one.y
    numbers: Numbers = {
        "kind": headline(one.layer),
        "mean": measures.mean(y),
        "spread": measures.spread(y),
        "percentile_98": measures.percentile_98(y),
        "offset": measures.offset(y),
    }
    if one.dy:
        numbers["gradient"] = measures.norm(one.dy[0])
    if isinstance(one.layer, Activation):
        numbers |= of_activation(one.layer, as_columns(one.x))
    matrix = matrix_of(one.layer)
    if matrix is not None and one.name == one.path and matrix.grad is not None:
        dW = matrix.grad.numpy()
        numbers["weight_gradient"] = measures.norm(dW)
        agreement = measures.sign_agreement(dW)
        if agreement is not None:
            numbers["sign_agreement"] = agreement
    return numbers


def of_activation(activation: Activation, z: np.ndarray) -> Numbers:
    """Measures of an activation: its derivatives at z, and its learned slopes."""
    derivative, pieces = derivatives(activation, z), activation.inputs_per_unit(activation.options)
    numbers: Numbers = {}
    if pieces > 1:
        shares = measures.win_shares(derivative, pieces)
        numbers["win_entropy"] = float(np.mean(measures.entropy(shares)))
    else:
        largest, is_bounded = steepness(activation, z)
        name = "saturated" if is_bounded else "inactive"
        numbers[name] = measures.flat_share(derivative, largest)
    if isinstance(activation, PReLU):
        learned = activation.weight.data
        numbers |= {
            "slope": measures.mean(learned),
            "least_slope": float(np.min(learned)),
            "largest_slope": float(np.max(learned)),
        }
    return numbers


def steepness(activation: Activation, z: np.ndarray) -> tuple[np.ndarray, bool]:
    """The largest |dy/dz| of each column, and whether dy/dz vanishes at both ends, as for sigmoid
    and tanh. Values that are not finite, as of a formula that overflows far out, do not count."""
    columns = z.shape[1] if activation.learned else 1
    grid = np.repeat(GRID[:, None], columns, axis=1).astype(z.dtype)
    derivative = np.abs(derivatives(activation, grid))
    derivative = derivative[np.isfinite(derivative).all(axis=1)]
    largest = derivative.max(axis=0, initial=0.0)
    return largest, len(derivative) > 0 and bool((derivative[[0, -1]] < FLAT * largest).all())


def matrix_of(layer: Layer) -> Parameter | None:
    """The layer's own weights (in, out), if it has any."""
    for _, value in layer.held():
        if isinstance(value, Parameter) and value.ndim == 2:
            return value
    return None


def matrices(net: Layer) -> dict[str, np.ndarray]:
    """A copy of each layer's weights, by the layer's path."""
    found = ((path, matrix_of(layer)) for path, layer in net.named_layers())
    return {path: matrix.data.copy() for path, matrix in found if matrix is not None}
