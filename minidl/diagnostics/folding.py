"""Finds the layer of a net that carried out an operation, as far as the tape shows it.

The tape knows operations, not layers. An operation that reads parameters belongs to the layer that
holds them. An operation without parameters belongs to the next layer in the net that records an
operation of this name. Operations between two operations of a layer belong to it too.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..engine.tape import Node
from ..layers.activations import Activation
from ..layers.base import Layer, Parameter, joined
from ..layers.batch_norm import BatchNorm
from ..layers.bias import Bias
from ..layers.containers import Concat, Residual
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.embedding import Embedding, EntityEmbedding
from ..layers.flatten import Flatten
from ..layers.layer_norm import LayerNorm, RMSNorm
from ..layers.noise import GaussianNoise
from ..layers.summary import headline

RECORDS: dict[type[Layer], str] = {  # one operation for each call
    BatchNorm: "batch_norm", Bias: "bias", Concat: "concatenate", Dense: "dense",
    Dropout: "dropout", Embedding: "embedding", Flatten: "reshape",
    GaussianNoise: "gaussian_noise", LayerNorm: "layer_norm", RMSNorm: "rms_norm",
    Residual: "add",
}  # fmt: skip


class Step(NamedTuple):
    """A layer at its place in the order in which a net calls its layers."""

    layer: Layer
    title: str
    parameters: frozenset[Any]  # its own, if they want a gradient
    records: str | None  # the name of its operation; None if it may record any


def steps(layer: Layer, path: str = "", within: tuple[Layer, ...] = ()) -> Iterator[Step]:
    """The layer's parts, then the layer."""
    if layer in within:
        return
    for name, child in layer.children():
        yield from steps(child, joined(path, name), (*within, layer))
    held = [value for _, value in layer.held() if isinstance(value, Parameter)]
    learned = frozenset(value for value in held if value.requires_grad)
    title = f"{path}: {headline(layer)}" if path else headline(layer)
    yield Step(layer, title, learned, recorded_by(layer))
    if isinstance(layer, EntityEmbedding):  # which joins what it has looked up
        yield Step(layer, title, frozenset(), RECORDS[Concat])


def recorded_by(layer: Layer) -> str | None:
    """The name of the operation that a layer of minidl records; "" if it records none now."""
    if isinstance(layer, Activation):
        return layer.name
    if isinstance(layer, (Dropout, GaussianNoise)):
        is_off = not layer.training or not (layer.p if isinstance(layer, Dropout) else layer.sd)
        return "" if is_off else RECORDS[type(layer)]
    return next((name for kind, name in RECORDS.items() if isinstance(layer, kind)), None)


def layers_of(net: Layer, operations: Sequence[Node]) -> tuple[dict[Node, int], dict[int, str]]:
    """A key for each of the operations, given in the order in which they ran, that a layer of the
    net carried out; and for each key the title of the layer's use."""
    order = list(steps(net))
    keys: dict[Node, int] = {}
    titles: dict[int, str] = {}
    at = -1
    for node in operations:
        first, *fused = node.operation.name.split("+")
        found = reading(order, at, node, first)
        if found is None:
            found = following(order, at, first)
        if found is None:
            continue
        is_same = at >= 0 and order[found].layer is order[at].layer
        goes_on = is_same and order[at].records is None
        key = len(titles) - 1 if goes_on else len(titles)
        keys[node], titles[key], at = key, order[found].title, found
        if fused:
            activation = node.options["call"].activation
            after = [i for i in range(at, len(order)) if order[i].layer is activation]
            if after:
                at = after[0]
                titles[key] += f"\n{order[at].title}"
    members: dict[int, list[Node]] = {}
    for node, key in keys.items():
        members.setdefault(key, []).append(node)
    for key, own in members.items():
        for node in between(own, operations):
            keys.setdefault(node, key)
    return keys, titles


def reading(order: Sequence[Step], at: int, node: Node, name: str) -> int | None:
    """The step whose parameters the node reads; the next one if there are several. A user's layer
    may have several operations in one step; minidl's layers record one in each."""
    leaves = {source for source in node.inputs if isinstance(source, Parameter)}
    found = [
        (-len(leaves & step.parameters), i < at or (i == at and step.records is not None), i)
        for i, step in enumerate(order)
        if leaves & step.parameters and step.records in (None, name)
    ]
    return min(found)[-1] if found else None


def following(order: Sequence[Step], at: int, name: str) -> int | None:
    """The next step without parameters that records this name, before one that has some."""
    for i in range(at + 1, len(order)):
        if order[i].parameters:
            return None
        if order[i].records == name:
            return i
    return None


def between(own: Sequence[Node], operations: Sequence[Node]) -> Iterator[Node]:
    """The operations that depend on one operation of a layer, and on which another depends."""
    if len(own) == 1:
        return
    window = [node for node in operations if own[0].age <= node.age <= own[-1].age]
    after: set[Any] = set(own)
    before: set[Any] = set(own)
    for node in window:
        if not after.isdisjoint(node.inputs):
            after.add(node)
    for node in reversed(window):
        if node in before:
            before.update(node.inputs)
    yield from (node for node in window if node in after and node in before)
