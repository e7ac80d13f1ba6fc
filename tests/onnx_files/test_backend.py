"""The ONNX backend; ONNX's node tests are run by conformance/onnx_nodes.py."""

import numpy as np
import onnx
import pytest
from onnx import helper, parser

import minidl
from minidl.onnx import backend
from minidl.onnx.places import UnsupportedError

MODEL = """<ir_version: 8, opset_import: ["": 18]>
    g (float[N, 2] x) => (float[N] y) {{ a = {}(x) y = ReduceSum<keepdims = 0>(a, axes) }}"""


def model(operator):
    made = parser.parse_model(MODEL.format(operator))
    made.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "axes"))
    return made


def test_models_nodes_and_gradients():
    x = np.array([[1, -2], [3, 4]], np.float32)
    assert backend.prepare(model("Relu")).run([x])[0].tolist() == [1, 7]
    assert backend.run_model(model("Abs"), [x])[0].tolist() == [3, 7]
    node = helper.make_node("Neg", ["x"], ["y"])
    assert backend.run_node(node, [x])[0].tolist() == (-x).tolist()
    given = minidl.tensor(x, requires_grad=True)
    (y,) = backend.graph_outputs(model("Relu").graph, [given])
    y.sum().backward()
    assert given.grad.tolist() == [[1, 0], [1, 1]]


def test_operators_that_minidl_has_not():
    other = model("HardSwish")
    assert not backend.is_compatible(other)
    assert backend.is_compatible(model("Relu"))
    assert not backend.supports_device("CUDA")
    with pytest.raises(UnsupportedError, match="HardSwish"):
        backend.prepare(other)
