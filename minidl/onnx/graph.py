"""`Graph`: the nodes and the constants of a model, under names that no two of them share."""

from typing import Any, NamedTuple

import numpy as np

from .. import __version__
from ..errors import ArgumentError, explain
from .forms import Op, Option
from .package import package

OPSET = 18  # the lowest with all operators that are written, so many runtimes read it
OPSET_OF_TEXTS = 3  # of the domain ai.onnx.ml
TEXTS = "ai.onnx.ml"
FORMAT = 8  # of the file, from the same year
LIMIT = 2**31 - 2**20  # bytes: protobuf's, less some for the nodes
BATCH = "batch"  # the name of the free axis


class Value(NamedTuple):
    """A value of the graph: the shape of a row, without the batch axis, and the dtype."""

    name: str
    row: tuple[int, ...]
    dtype: Any


class Graph:
    """Collects a model's parts. Constants that the state_dict has keep their names."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self._names: set[str] = set()

    def unique(self, name: str) -> str:
        """The name, with a number if it is taken."""
        found, n = name, 1
        while found in self._names:
            n += 1
            found = f"{name}_{n}"
        self._names.add(found)
        return found

    def input(self, name: str, row: tuple[int, ...], dtype: Any) -> Value:
        """An input with a free batch axis."""
        self.inputs.append(Value(self.unique(name), row, np.dtype(dtype)))
        return self.inputs[-1]

    def constant(self, name: str, array: Any) -> str:
        """A constant; the same array under the same name is kept once."""
        array = np.asarray(array)
        known = self.constants.get(name)
        if known is None or known.dtype != array.dtype or not np.array_equal(known, array):
            name = self.unique(name)
            self.constants[name] = array
        return name

    def node(self, type: str, *inputs: str, path: str = "", domain: str = "", **given: Any) -> str:
        """A node with these attributes; the name of its output, which is its own name too."""
        name = self.unique(f"{path}/{type}" if path else type)
        make = package().helper.make_node
        self.nodes.append(make(type, inputs, [name], name, domain=domain or None, **given))
        return name

    def express(self, expression: Any, x: Value, path: str, options: dict[str, Any]) -> str:
        """The nodes of an expression of x; its output's name."""
        if isinstance(expression, Option):
            expression = options[expression.name]
        if isinstance(expression, str):
            return x.name
        if not isinstance(expression, Op):
            return self.constant(f"{expression:.7g}", np.asarray(expression, x.dtype))
        inputs = [self.express(given, x, path, options) for given in expression.inputs]
        attributes = {
            name: options[value.name] if isinstance(value, Option) else value
            for name, value in expression.attributes.items()
        }
        if expression.type == "Erf" and x.dtype == np.float64:
            # ONNX Runtime has no other erf than that of float32, which is right to 1e-7.
            y = self.node("Erf", self.cast(inputs[0], np.float32, path), path=path)
            return self.cast(y, x.dtype, path)
        return self.node(expression.type, *inputs, path=path, **attributes)

    def cast(self, x: str, dtype: Any, path: str = "") -> str:
        """x in another dtype."""
        return self.node("Cast", x, path=path, to=code(dtype))

    def output(self, x: str, name: str, row: tuple[int, ...], dtype: Any) -> None:
        """Makes x an output under this name."""
        if any(x == value.name for value in (*self.inputs, *self.outputs)):
            x = self.node("Identity", x)
        name = self.unique(name)
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [name if given == x else given for given in names]
        self.outputs.append(Value(name, row, np.dtype(dtype)))

    def model(self, facts: dict[str, str]) -> Any:
        """The model, checked by the onnx package; `facts` are for programs and people to read.

        ArgumentError for more weights than a file can hold.
        """
        size = sum(array.nbytes for array in self.constants.values())
        if size > LIMIT:
            expected = f"weights of at most {LIMIT:,} bytes, as much as an ONNX file holds"
            raise ArgumentError(explain("onnx.save", expected, f"{size:,}"))
        onnx = package()
        given, found = (
            [
                onnx.helper.make_tensor_value_info(v.name, code(v.dtype), [BATCH, *v.row])
                for v in values
            ]
            for values in (self.inputs, self.outputs)
        )
        constants = [onnx.numpy_helper.from_array(array, n) for n, array in self.constants.items()]
        graph = onnx.helper.make_graph(self.nodes, "minidl", given, found, constants)
        domains = {"": OPSET}
        if any(node.domain == TEXTS for node in self.nodes):
            domains[TEXTS] = OPSET_OF_TEXTS
        model = onnx.helper.make_model(
            graph,
            producer_name="minidl",
            producer_version=__version__,
            ir_version=FORMAT,
            opset_imports=[onnx.helper.make_opsetid(*pair) for pair in domains.items()],
        )
        onnx.helper.set_model_props(model, facts)
        onnx.checker.check_model(model, full_check=True)
        return model


def code(dtype: Any) -> int:
    """ONNX's number for a dtype; any text is a string."""
    dtype = np.dtype(dtype)
    wanted = np.dtype(object) if dtype.kind in "OU" else dtype
    return int(package().helper.np_dtype_to_tensor_dtype(wanted))
