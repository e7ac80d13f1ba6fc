"""`save`: a net, an estimator or a table's model as an ONNX file."""

import os
from typing import Any

from ..engine.recording import no_grad
from ..errors import ArgumentError, explain
from ..layers.base import Layer
from ..layers.hooks import undisturbed
from ..layers.summary import evaluating, inputs
from ..tables.encoder import Encoder
from ..tools.checks import to_path
from ..tools.disk import put
from .estimators import add_estimator, estimator_in
from .graph import Graph
from .layers import Writer
from .package import package
from .tables import add_table


def save(
    model: Any, file: str | os.PathLike[str], input: Any = None, *, softmax: bool = False
) -> None:
    """Writes a model as it computes in evaluation: completely, or the old file stays.

    - model: a net of minidl's layers; an `MLPClassifier` or `MLPRegressor`, or a scikit-learn
      Pipeline of scalers that ends in one
    - input: of a net, what it takes: an array, a tensor, or a shape such as (1, 784), which stands
      for zeros in the net's dtype. The first axis is the batch, and any length is free in the file.
      Or the `Encoder` of a table, whose work then is in the file too
    - softmax: probabilities in place of a net's logits

    The file has opset 18 and the dtype of the weights. Parameters and buffers keep the names of the
    state_dict, nodes the paths of their layers. A net's file takes `input` and gives `output`. An
    estimator's takes `X` and gives, as skl2onnx's do, `label` and `probabilities` (`scores` of
    hinge), or `variable`. With an encoder, it takes `numbers` (and `texts`) and gives the same.

    ArgumentError, before a file is written, for what has no place in the file: a layer of your own
    (`nn.chain` is fine), a forward that was replaced, another scaler; for a missing `input`; and
    for more than 2 GB. MissingPackageError without the onnx package. Errors of the layers as in a
    call, and of the file as from `checkpoint.write`.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from minidl import nn
    >>> path = Path(tempfile.mkdtemp(), "net.onnx")
    >>> save(nn.MLP([784, 128, 10], "maxout", pieces=3), path, input=(1, 784), softmax=True)
    >>> import onnx
    >>> [node.name for node in onnx.load(path).graph.node]
    ['0/Gemm', '1/Reshape', '1/ReduceMax', '2/Gemm', 'Softmax']

    ONNX: https://onnx.ai/onnx/operators.
    """
    path = to_path("onnx.save", file)
    content = converted(model, input, softmax).SerializeToString()
    put(path, [content])


def converted(model: Any, input: Any, softmax: bool) -> Any:
    """The model as ONNX's ModelProto."""
    package()
    graph, facts = Graph(), {}
    if not isinstance(model, Layer):
        estimator, steps = estimator_in(model)
        if input is not None or softmax:
            expected = "no input and no softmax beside an estimator, which knows both"
            raise ArgumentError(explain("onnx.save", expected, "one of them"))
        add_estimator(graph, estimator, steps)
    elif isinstance(input, Encoder):
        facts = add_table(graph, model, input)
    else:
        add_net(graph, model, input, softmax)
    return graph.model(facts)


def add_net(graph: Graph, net: Layer, given: Any, softmax: bool) -> None:
    """A net from its input to its output."""
    if given is None:
        expected, hint = "the net's input", "input=(1, 784), or input=x[:1]"
        raise ArgumentError(explain("onnx.save", expected, "none", hint))
    x = inputs(net, given)
    if x.ndim == 0:
        expected = "an input with a first axis for the batch, such as (1, 784)"
        raise ArgumentError(explain("onnx.save", expected, x.shape))
    with undisturbed(net), evaluating(net), no_grad():
        net(x)  # whatever a call refuses is refused here
    y = Writer(graph, net).add(net, graph.input("input", x.shape[1:], x.dtype))
    name = graph.node("Softmax", y.name, axis=-1) if softmax else y.name
    graph.output(name, "output", y.row, y.dtype)
