"""ONNX Runtime: inference only, its graph built by hand."""

import os

import numpy as np
import onnx
import onnxruntime
from nets import first_weights, toy
from onnx import TensorProto, helper, numpy_helper

from peers.timing import seconds_per_call


def versions() -> dict[str, str]:
    return {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}


def model(sizes: list[int]) -> bytes:
    """Gemm, Relu, Gemm, ...: a net of dense layers."""
    weights = first_weights(sizes)
    initializers = [numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(weights)]
    nodes, name = [], "x"
    layers = len(weights) // 2
    for i in range(layers):
        nodes.append(helper.make_node("Gemm", [name, f"w{2 * i}", f"w{2 * i + 1}"], [f"z{i}"]))
        name = f"z{i}"
        if i < layers - 1:
            nodes.append(helper.make_node("Relu", [name], [f"h{i}"]))
            name = f"h{i}"
    inputs, outputs = (
        helper.make_tensor_value_info(label, TensorProto.FLOAT, ["batch", size])
        for label, size in (("x", sizes[0]), (name, sizes[-1]))
    )
    graph = helper.make_graph(nodes, "net", [inputs], [outputs], initializers)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


class Inference:
    """The net's outputs for one batch."""

    def __init__(self, sizes: list[int]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model(sizes), options, providers=["CPUExecutionProvider"]
        )
        self.sizes = sizes

    def turn(self, batch: int, budget: float) -> dict[str, float]:
        x, _ = toy(batch, self.sizes[0], self.sizes[-1])

        def forward() -> np.ndarray:
            return self.session.run(None, {"x": x})[0]

        seconds = seconds_per_call(forward, budget)
        return {"seconds": seconds, "value": float(np.abs(forward()).mean())}
