"""An ONNX backend: models run by minidl's operations on tensors, so they can be differentiated too.

>>> from onnx import parser
>>> model = parser.parse_model('''
...     <ir_version: 8, opset_import: ["": 18]>
...     agraph (float[N, 2] x) => (float[N, 2] y) { y = Relu(x) }
... ''')
>>> prepare(model).run([np.array([[-1, 2]], np.float32)])
(array([[0., 2.]], dtype=float32),)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, numpy_helper
from onnx.backend.base import Backend, BackendRep

import minidl
from minidl import Tensor

from ..errors import explain
from .operators import OPERATORS
from .operators import run_node as outputs_of
from .places import UnsupportedError

__all__ = [
    "MinidlBackend", "Prepared", "graph_outputs", "is_compatible", "prepare", "run_node",
    "supports_device",
]  # fmt: skip


class Prepared(BackendRep):
    """A model, ready to run."""

    def __init__(self, model: ModelProto) -> None:
        self.graph = model.graph

    def run(self, inputs: Sequence[Any], **kwargs: Any) -> tuple[np.ndarray, ...]:
        """The outputs for these arrays, one for each of the graph's inputs."""
        return tuple(output.numpy() for output in graph_outputs(self.graph, inputs))


class MinidlBackend(Backend):
    """minidl as `onnx.backend.base.Backend`, on the CPU."""

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> Prepared:
        """A model, ready to run; UnsupportedError, which names all of them, for operators that
        minidl does not have."""
        super().prepare(model, device, **kwargs)  # the package's checks
        missing = absent(model.graph)
        if missing:
            expected = "operators that minidl has"
            raise UnsupportedError(explain("onnx.backend", expected, ", ".join(missing)))
        return Prepared(model)

    @classmethod
    def is_compatible(cls, model: ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether minidl has all of the model's operators."""
        return cls.supports_device(device) and not absent(model.graph)

    @classmethod
    def run_node(
        cls, node: NodeProto, inputs: Any, device: str = "CPU", outputs_info: Any = None,
        **kwargs: Any,
    ) -> tuple[np.ndarray, ...]:  # fmt: skip
        """A node's outputs for these arrays."""
        super().run_node(node, inputs, device, outputs_info)
        return tuple(output.numpy() for output in outputs_of(node, map(minidl.tensor, inputs)))

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether this is the CPU."""
        return device.split(":")[0] == "CPU"


def absent(graph: GraphProto) -> list[str]:
    """The types of the graph's operators that minidl does not have."""
    return list(dict.fromkeys(n.op_type for n in graph.node if n.op_type not in OPERATORS))


def graph_outputs(
    graph: GraphProto, inputs: Sequence[Any], operators: Mapping[str, Any] = OPERATORS
) -> list[Tensor]:
    """The graph's outputs, node by node; gradients flow to inputs that are tensors."""
    values: dict[str, Any] = {"": None}
    for constant in graph.initializer:
        values[constant.name] = minidl.tensor(numpy_helper.to_array(constant))
    names = [given.name for given in graph.input if given.name not in values]
    for name, given in zip(names, inputs, strict=True):
        values[name] = given if isinstance(given, Tensor) else minidl.tensor(given)
    for node in graph.node:
        found = outputs_of(node, [values[name] for name in node.input], operators)
        values |= dict(zip(node.output, found, strict=False))
    return [values[output.name] for output in graph.output]


prepare = MinidlBackend.prepare
run_model = MinidlBackend.run_model
is_compatible = MinidlBackend.is_compatible
run_node = MinidlBackend.run_node
supports_device = MinidlBackend.supports_device
