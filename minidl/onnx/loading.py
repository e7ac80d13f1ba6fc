"""`load`: a net of minidl's layers from an ONNX file."""

import os
from collections.abc import Callable
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np

from ..engine.recording import no_grad
from ..errors import DTypeError, MinidlError, explain
from ..layers.activations import Identity, Maxout, PReLU
from ..layers.base import Layer, Parameter
from ..layers.batch_norm import BatchNorm
from ..layers.bias import Bias
from ..layers.containers import Concat, Residual, Sequential
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.embedding import Embedding
from ..layers.flatten import Flatten
from ..layers.hooks import undisturbed
from ..layers.layer_norm import LayerNorm, RMSNorm
from ..layers.summary import evaluating
from ..tools.checks import to_path
from .forms import FORMS, Option, X, op
from .package import package
from .source import Source

ROWS = 2  # of the batch that shows whether the layers fit each other


def load(file: str | os.PathLike[str], output: str | None = None) -> Sequential:
    """A net that computes what the file's graph does, to be used or to be trained on.

    The graph may have Gemm, MatMul and Add with constants (Dense, Bias), the activations, also as
    PyTorch and others write them in several nodes, BatchNormalization, LayerNormalization,
    RMSNormalization, Gather from a matrix (Embedding), Flatten, Dropout, Reshape with ReduceMax
    (Maxout), Add of a value and what is made of it (Residual), and Concat. A Softmax, LogSoftmax or
    pair of probabilities at the end is dropped, as minidl's losses take logits. `output` names the
    output to take, if several are floats. Operators before opset 13 are converted by the onnx
    package.

    The net is in training mode, as all new nets are: call net.eval() before you use it.

    DataError, which names all of them, for nodes that no layer stands for; for layers that do not
    fit each other or the input; and for a file that is no ONNX model. DTypeError for weights that
    are neither float32 nor float64. MissingPackageError without the onnx package.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from minidl import nn
    >>> from minidl.onnx import save
    >>> path = Path(tempfile.mkdtemp(), "net.onnx")
    >>> save(nn.MLP([4, 8, 3], "silu"), path, input=(1, 4))
    >>> load(path)
    Sequential(
      (0): Dense(4, 8)
      (1): SiLU()
      (2): Dense(8, 3)
    )
    """
    package()
    reader = Reader(Source(to_path("onnx.load", file), output))
    layers = [step.layer for step in reader.way_to(reader.end())]
    if reader.unknown:
        expected, got = "nodes that minidl has a layer for", "; ".join(reader.unknown.values())
        raise reader.source.wrong(expected, got, "minidl.onnx.backend.prepare to run it")
    net = Sequential(*layers)
    check_dtypes(net)
    check_shapes(reader.source, net)
    return net


class Step(NamedTuple):
    """A layer, and the name of its output."""

    name: str
    layer: Layer


Rule = Callable[["Reader", Any], tuple[Layer, str] | None]
RULES: dict[str, list[Rule]] = {}  # by the type of the node that makes a layer's output


def reads(*types: str) -> Callable[[Rule], Rule]:
    """Decorates a rule: for a node, the layer that ends in it and the layer's input, or None."""

    def note(rule: Rule) -> Rule:
        for type in types:
            RULES.setdefault(type, []).append(rule)
        return rule

    return note


class Reader:
    """Finds the layers of a graph, from its output back to its input."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.unknown: dict[str, str] = {}  # nodes that no layer stands for, by their output
        self._ways: dict[str, list[Step]] = {}

    def end(self) -> str:
        """The logits: what is before a softmax at the end."""
        source, name = self.source, self.source.output
        node = source.maker(name)
        if node is not None and node.op_type == "Identity":
            node = source.maker(node.input[0])
        is_softmax = node is not None and node.op_type in ("Softmax", "LogSoftmax")
        if is_softmax and source.attribute(node, "axis") in (-1, 1):
            return str(node.input[0])
        pair = op("Concat", op("Sub", 1.0, X), X)
        return next((x for x, _ in source.found(pair, name, {})), name)

    def way_to(self, name: str) -> list[Step]:
        """The layers from the graph's input to this value."""
        wanted = name
        after: list[Step] = []
        while True:
            name = self.source.through_casts(name)
            if name == self.source.input or name in self._ways:
                break
            before = self.step(name, after)
            if before is None:
                break
            name = before
        self._ways[wanted] = [*self._ways.get(name, []), *reversed(after)]
        return self._ways[wanted]

    def step(self, name: str, after: list[Step]) -> str | None:
        """Adds the layer that ends in this value; its input, or None if it has none."""
        node = self.source.maker(name)
        for rule in RULES.get("" if node is None else node.op_type, []):
            found = rule(self, node)
            if found is not None:
                layer, before = found
                after.append(Step(name, layer))
                return before
        self.unknown[name] = "an input without a node" if node is None else described(node)
        names = [] if node is None else [x for x in node.input if x in self.source.makers]
        for other in names[1:]:
            self.way_to(other)  # to name all that is unknown
        return names[0] if names else None

    def branches(self, names: list[str]) -> tuple[list[list[Step]], str]:
        """What is made of the last value that is on the ways to all of these, and its name."""
        ways = [self.way_to(name) for name in names]
        side_by_side = zip(*ways, strict=False)
        common = len(list(takewhile(lambda s: len({x.name for x in s}) == 1, side_by_side)))
        start = ways[0][common - 1].name if common else self.source.input
        return [way[common:] for way in ways], start


def described(node: Any) -> str:
    """A node for a message: its operator and its name."""
    domain = f"{node.domain}." if node.domain else ""
    return f"{domain}{node.op_type} ({node.name or node.output[0]})"


def as_layer(steps: list[Step]) -> Layer:
    """Steps as one layer."""
    if not steps:
        return Identity()
    return steps[0].layer if len(steps) == 1 else Sequential(*(step.layer for step in steps))


def dense(W: np.ndarray, b: np.ndarray | None) -> Dense:
    """A Dense with these weights."""
    layer = Dense(W.shape[0], W.shape[1], bias=b is not None, init=np.zeros)
    layer.weight = Parameter(W)
    if b is not None:
        layer.bias = Parameter(np.array(np.broadcast_to(b, W.shape[1:])))
    return layer


@reads("Gemm")
def gemm(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """alpha x · W + beta b."""
    source = reader.source
    W, b = source.constant(node, 1, 2), source.constant(node, 2, 1)
    if W is None or source.attribute(node, "transA") or (b is None and len(node.input) > 2):
        return None
    W = np.ascontiguousarray(W.T) if source.attribute(node, "transB") else W
    alpha, beta = source.attribute(node, "alpha"), source.attribute(node, "beta")
    b = None if b is None else b * b.dtype.type(beta)
    return dense(W * W.dtype.type(alpha), b), node.input[0]


@reads("MatMul")
def matmul(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """x · W."""
    W = reader.source.constant(node, 1, 2)
    return None if W is None else (dense(W, None), node.input[0])


@reads("Add")
def add_constant(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """x · W + b, or x + b."""
    source = reader.source
    for place in (0, 1):
        b, x = source.constant(node, place, 1), node.input[1 - place]
        if b is None:
            continue
        before = source.maker(x)
        W = None if before is None or before.op_type != "MatMul" else source.constant(before, 1, 2)
        if W is not None and b.size in (1, W.shape[1]):
            return dense(W, b), before.input[0]
        layer = Bias(b.size)
        layer.bias = Parameter(b)
        return layer, x
    return None


@reads("Add")
def add_values(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """x + body(x)."""
    if any(name in reader.source.constants for name in node.input):
        return None
    (first, second), start = reader.branches(list(node.input))
    if first and second:
        return None
    return Residual(as_layer(first or second)), start


@reads("Concat")
def concat(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """Several layers' outputs for one x."""
    is_constant = any(name in reader.source.constants for name in node.input)
    if is_constant or reader.source.attribute(node, "axis") not in (-1, 1):
        return None
    bodies, start = reader.branches(list(node.input))
    return Concat(*map(as_layer, bodies)), start


@reads("BatchNormalization")
def batch_norm(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """With the running mean and variance; ONNX's momentum is the share that stays."""
    source = reader.source
    arrays = [source.constant(node, place, 1) for place in (1, 2, 3, 4)]
    weight, bias, mean, var = arrays
    if weight is None or bias is None or mean is None or var is None:
        return None
    share = round(1 - source.attribute(node, "momentum"), 9)
    layer = BatchNorm(weight.size, source.attribute(node, "epsilon"), share)
    layer.weight, layer.bias = Parameter(weight), Parameter(bias)
    layer.running_mean, layer.running_var = mean, var
    return layer, node.input[0]


@reads("LayerNormalization", "RMSNormalization")
def norm(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """Over the last axis."""
    source, weight = reader.source, reader.source.constant(node, 1, 1)
    if weight is None or source.attribute(node, "axis", -1) not in (-1, 1):
        return None
    eps = source.attribute(node, "epsilon", 1e-5)
    layer: Any = LayerNorm(weight.size, eps)
    if node.op_type == "RMSNormalization":
        layer = RMSNorm(weight.size, eps)
    elif len(node.input) > 2:
        bias = source.constant(node, 2, 1)
        if bias is None:
            return None
        layer.bias = Parameter(bias)
    else:
        layer.bias.data = layer.bias.data.astype(weight.dtype)
    layer.weight = Parameter(weight)
    return layer, node.input[0]


SQUARE_MEAN = op("ReduceMean", op("Mul", X, X), -1)
RMS = op("Div", X, op("Sqrt", op("Add", SQUARE_MEAN, Option("eps"))))


@reads("Mul")
def rms_norm(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """x / sqrt(mean of x² + eps) · weight."""
    for place in (0, 1):
        weight = reader.source.constant(node, place, 1)
        if weight is None:
            continue
        for x, options in reader.source.found(RMS, node.input[1 - place], {}):
            layer = RMSNorm(weight.size, options["eps"])
            layer.weight = Parameter(weight)
            return layer, x
    return None


@reads("Gather")
def embedding(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """Rows of a matrix."""
    W = reader.source.constant(node, 0, 2)
    if W is None or reader.source.attribute(node, "axis"):
        return None
    layer = Embedding(*W.shape)
    layer.weight = Parameter(W)
    return layer, node.input[1]


@reads("Flatten")
def flatten(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """A row of each sample."""
    return (Flatten(), node.input[0]) if reader.source.attribute(node, "axis") == 1 else None


@reads("Reshape")
def reshape(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """A row of each sample, if the batch axis stays."""
    shape = reader.source.constant(node, 1, 1)
    is_flat = shape is not None and len(shape) == 2 and (shape[0] in (0, -1) or shape[1] == -1)
    return (Flatten(), node.input[0]) if is_flat else None


@reads("Dropout")
def dropout(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """Which does nothing in evaluation."""
    ratio = reader.source.number(node.input[1]) if len(node.input) > 1 and node.input[1] else 0.5
    return None if ratio is None else (Dropout(ratio), node.input[0])


@reads("PRelu")
def prelu(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """One slope, or one for each unit."""
    weight = reader.source.constant(node, 1, 1)
    if weight is None:
        return None
    layer = PReLU(weight.size)
    layer.weight = Parameter(weight, decays=False)
    return layer, node.input[0]


@reads("ReduceMax")
def maxout(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """The largest of the pieces, which a Reshape gave an axis of their own."""
    source, before = reader.source, reader.source.maker(node.input[0])
    axes = source.attribute(node, "axes") or source.constant(node, 1, 1)
    if before is None or before.op_type != "Reshape" or axes is None or len(axes) != 1:
        return None
    shape = source.constant(before, 1, 1)
    if shape is None or source.attribute(node, "keepdims") or len(shape) < 3:
        return None
    is_last = axes[0] in (-1, len(shape) - 1)
    return (Maxout(int(shape[-1])), before.input[0]) if is_last else None


@reads(*dict.fromkeys(form.expression.type for form in FORMS))
def activation(reader: Reader, node: Any) -> tuple[Layer, str] | None:
    """The forms in forms.py."""
    for form in FORMS:
        for x, options in reader.source.found(form.expression, node.output[0], {}):
            return form.kind(**form.options, **options), x
    return None


def check_dtypes(net: Layer) -> None:
    """DTypeError unless all weights are float32, or all are float64."""
    dtypes = {p.dtype.name for p in net.parameters()}
    if not (dtypes <= {"float32"} or dtypes <= {"float64"}):
        got = ", ".join(sorted(dtypes))
        raise DTypeError(explain("onnx.load", "weights of float32, or of float64", got))


def check_shapes(source: Source, net: Sequential) -> None:
    """DataError unless the layers fit each other and the input, as far as its shape is known."""
    if source.shape is None or None in source.shape[1:]:
        return
    dtype = next((p.dtype for p in net.parameters()), np.dtype(np.float32))
    shape = ROWS, *(n for n in source.shape[1:] if n is not None)
    try:
        with undisturbed(net), evaluating(net), no_grad():
            net(np.zeros(shape, dtype))
    except MinidlError as error:
        raise source.wrong("layers that fit each other and the input", error) from error
