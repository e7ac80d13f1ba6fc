"""Layers as ONNX's nodes, as they compute in evaluation: dropout and noise leave no node."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError, explain
from ..layers import activations as f
from ..layers.base import Layer
from ..layers.batch_norm import BatchNorm
from ..layers.bias import Bias
from ..layers.containers import Chain, Concat, Residual, Sequential
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.embedding import Embedding
from ..layers.flatten import Flatten
from ..layers.layer_norm import LayerNorm, RMSNorm, usual
from ..layers.noise import GaussianNoise
from ..layers.plan import plan_of
from .forms import form_of
from .graph import Graph, Value

Write = Callable[["Writer", Any, str, Value], Value]
WRITTEN: dict[type[Layer], Write] = {}


def writes(kind: type[Layer]) -> Callable[[Write], Write]:
    """Decorates the function that writes layers of this class."""

    def note(write: Write) -> Write:
        WRITTEN[kind] = write
        return write

    return note


class Writer:
    """Adds the layers of a net to a graph. Parameters and buffers keep their names."""

    def __init__(self, graph: Graph, net: Layer) -> None:
        self.graph = graph
        self.names = {id(p): name for name, p in net.named_parameters()}
        self.paths = {id(layer): path for path, layer in net.named_layers()}

    def add(self, layer: Layer, x: Value) -> Value:
        """Adds the nodes of a layer that takes x; its output."""
        path = self.paths[id(layer)]
        kind = next(kind for kind in type(layer).__mro__ if kind in WRITTEN or kind is Layer)
        forward = type(layer).forward
        if isinstance(forward, Chain) and plan_of(layer) is not None:
            return self.in_order(forward.layers_of(layer), x)
        if kind is Layer or plan_of(layer) is None or forward is not kind.forward:
            raise refused(path, layer)
        return WRITTEN[kind](self, layer, path, x)

    def in_order(self, layers: Any, x: Value) -> Value:
        """The last layer's output."""
        for layer in layers:
            x = self.add(layer, x)
        return x

    def parameter(self, parameter: Any) -> str:
        """A parameter, under its name."""
        return self.graph.constant(self.names[id(parameter)], parameter.data)

    def filled(self, layer: Any, name: str, path: str, fill: np.ndarray) -> str:
        """A parameter of a norm, or what stands for it if the layer has none."""
        parameter = getattr(layer, name)
        if parameter is not None:
            return self.parameter(parameter)
        return self.graph.constant(f"{path}.{name}".lstrip("."), fill)

    def affine(self, layer: Any, path: str, units: int, dtype: Any) -> list[str]:
        """The weight and the bias of a norm."""
        weight = self.filled(layer, "weight", path, np.ones(units, dtype))
        return [weight, self.filled(layer, "bias", path, np.zeros(units, dtype))]


def refused(path: str, layer: Layer) -> ArgumentError:
    """The error for a layer that no nodes stand for."""
    place = f"onnx.save: {path}" if path else "onnx.save"
    got = f"a {type(layer).__name__} whose forward is not minidl's"
    hint = "nn.chain for a forward that calls layers in order; else the parts that minidl has"
    return ArgumentError(explain(place, "a layer of minidl", got, hint))


def width(path: str, layer: Layer, x: Value) -> int:
    """The length of the last axis, which must not be that of the batch."""
    if not x.row:
        expected = "an input with a first axis for the batch, such as (1, 784)"
        operation = f"onnx.save: {path}: {type(layer).__name__}"
        raise ShapeError(explain(operation, expected, "one with a single axis"))
    return x.row[-1]


@writes(Sequential)
def sequential(to: Writer, layer: Sequential, path: str, x: Value) -> Value:
    """One layer after the other."""
    return to.in_order(layer.layers, x)


@writes(Residual)
def residual(to: Writer, layer: Residual, path: str, x: Value) -> Value:
    """x + body(x)."""
    y = to.add(layer.body, x)
    return y._replace(name=to.graph.node("Add", x.name, y.name, path=path))


@writes(Concat)
def concat(to: Writer, layer: Concat, path: str, x: Value) -> Value:
    """All outputs, side by side."""
    outputs = [to.add(body, x) for body in layer.bodies]
    units = sum(width(path, layer, y) for y in outputs)
    name = to.graph.node("Concat", *(y.name for y in outputs), path=path, axis=-1)
    return Value(name, (*outputs[0].row[:-1], units), x.dtype)


@writes(Dense)
def dense(to: Writer, layer: Dense, path: str, x: Value) -> Value:
    """Gemm, which takes matrices; of inputs with more axes, MatMul and Add."""
    width(path, layer, x)
    row = *x.row[:-1], layer.weight.shape[1]
    W = to.parameter(layer.weight)
    bias = [] if layer.bias is None else [to.parameter(layer.bias)]
    if len(x.row) == 1:
        return Value(to.graph.node("Gemm", x.name, W, *bias, path=path), row, x.dtype)
    y = to.graph.node("MatMul", x.name, W, path=path)
    y = to.graph.node("Add", y, *bias, path=path) if bias else y
    return Value(y, row, x.dtype)


@writes(Bias)
def bias(to: Writer, layer: Bias, path: str, x: Value) -> Value:
    """x + b."""
    width(path, layer, x)
    return x._replace(name=to.graph.node("Add", x.name, to.parameter(layer.bias), path=path))


@writes(BatchNorm)
def batch_norm(to: Writer, layer: BatchNorm, path: str, x: Value) -> Value:
    """With the running mean and variance. ONNX's momentum is the share that stays."""
    parameters = to.affine(layer, path, width(path, layer, x), x.dtype)
    running = [
        to.graph.constant(f"{path}.{name}".lstrip("."), getattr(layer, name))
        for name in ("running_mean", "running_var")
    ]
    share: dict[str, Any] = {} if layer.momentum is None else {"momentum": 1 - layer.momentum}
    return x._replace(
        name=to.graph.node(
            "BatchNormalization", x.name, *parameters, *running, path=path, epsilon=layer.eps,
            **share,
        )
    )  # fmt: skip


@writes(LayerNorm)
def layer_norm(to: Writer, layer: LayerNorm, path: str, x: Value) -> Value:
    """Over the last axis."""
    parameters = to.affine(layer, path, width(path, layer, x), x.dtype)
    name = to.graph.node(
        "LayerNormalization", x.name, *parameters, path=path, axis=-1, epsilon=layer.eps
    )
    return x._replace(name=name)


@writes(RMSNorm)
def rms_norm(to: Writer, layer: RMSNorm, path: str, x: Value) -> Value:
    """x / sqrt(mean[x²] + eps) · weight: the operator for it came with opset 23."""
    units = width(path, layer, x)
    graph, eps = to.graph, usual(layer.eps, np.dtype(x.dtype))
    last = graph.constant("last_axis", np.array([-1]))
    mean = graph.node("ReduceMean", graph.node("Mul", x.name, x.name, path=path), last, path=path)
    shifted = graph.node("Add", mean, graph.constant(f"{path}.eps", np.asarray(eps, x.dtype)))
    y = graph.node("Div", x.name, graph.node("Sqrt", shifted, path=path), path=path)
    weight = to.filled(layer, "weight", path, np.ones(units, x.dtype))
    return x._replace(name=graph.node("Mul", y, weight, path=path))


@writes(Embedding)
def embedding(to: Writer, layer: Embedding, path: str, x: Value) -> Value:
    """Rows of the matrix; floats that are whole become int64."""
    places = x.name if x.dtype in (np.int32, np.int64) else to.graph.cast(x.name, np.int64, path)
    W = layer.weight
    name = to.graph.node("Gather", to.parameter(W), places, path=path, axis=0)
    return Value(name, (*x.row, W.shape[1]), W.dtype)


@writes(Flatten)
def flatten(to: Writer, layer: Flatten, path: str, x: Value) -> Value:
    """All axes but the first as one."""
    name = to.graph.node("Flatten", x.name, path=path, axis=1)
    return Value(name, (math.prod(x.row),), x.dtype)


@writes(Dropout)
@writes(GaussianNoise)
def nothing(to: Writer, layer: Layer, path: str, x: Value) -> Value:
    """x itself."""
    return x


@writes(f.Maxout)
def maxout(to: Writer, layer: f.Maxout, path: str, x: Value) -> Value:
    """The largest of the pieces, which get an axis of their own. A 0 keeps an axis' length."""
    pieces = layer.options["pieces"]
    row = *x.row[:-1], width(path, layer, x) // pieces
    shape = np.array([0] * len(row) + [row[-1], pieces])
    with_pieces = to.graph.node(
        "Reshape", x.name, to.graph.constant(f"{path}.shape", shape), path=path
    )
    last = to.graph.constant("last_axis", np.array([-1]))
    name = to.graph.node("ReduceMax", with_pieces, last, path=path, keepdims=0)
    return Value(name, row, x.dtype)


@writes(f.PReLU)
def prelu(to: Writer, layer: f.PReLU, path: str, x: Value) -> Value:
    """With one slope, or one for each unit."""
    if layer.weight.size > 1:
        width(path, layer, x)
    return x._replace(name=to.graph.node("PRelu", x.name, to.parameter(layer.weight), path=path))


@writes(f.Activation)
def activation(to: Writer, layer: f.Activation, path: str, x: Value) -> Value:
    """The expression in forms.py."""
    form = form_of(layer)
    if form is None:
        raise refused(path, layer)
    return x._replace(name=to.graph.express(form.expression, x, path, layer.options))
