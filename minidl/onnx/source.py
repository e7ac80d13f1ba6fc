"""`Source`: the graph of a file, to be read from its output back to its input."""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from .. import tensor
from ..errors import ArgumentError, DataError, explain, some
from ..tools.disk import open_plain
from .forms import Op, Option, X
from .graph import OPSET
from .operators import OPERATORS, attributes_of, run_node
from .package import package

OLDEST = 13  # opset; files of older ones are converted
COMMUTATIVE = ("Add", "Mul")


class Source:
    """A graph: the node that makes each value, and the values that do not depend on the input."""

    def __init__(self, path: Path, output: str | None) -> None:
        self.path = path
        graph = read(path).graph
        self.makers: dict[str, Any] = {}
        self.constants = {c.name: package().numpy_helper.to_array(c) for c in graph.initializer}
        given = [x for x in graph.input if x.name not in self.constants]
        if len(given) != 1:
            raise self.wrong("one input", some([x.name for x in given]) or "none")
        self.input: str = given[0].name
        self.shape = shape_of(given[0])
        for node in graph.node:
            self._note(node)
        outputs = {x.name: x for x in graph.output if output in (None, x.name)}
        floats = [x.name for x in outputs.values() if x.type.tensor_type.elem_type in (1, 11)]
        if len(floats) != 1:
            names = some([x.name for x in graph.output])
            hint = "output=..., the name of one of them"
            raise ArgumentError(explain("onnx.load", "one output of floats", names, hint))
        self.output = floats[0]

    def _note(self, node: Any) -> None:
        """Notes what the node makes; computes it if it is constant."""
        is_constant = all(not name or name in self.constants for name in node.input)
        if is_constant and node.op_type in OPERATORS:
            inputs = [tensor(self.constants[name]) if name else None for name in node.input]
            for name, value in zip(node.output, run_node(node, inputs), strict=False):
                self.constants[name] = value.numpy()
        elif node.output:
            self.makers[node.output[0]] = node

    def wrong(self, expected: str, got: object, hint: str = "") -> DataError:
        """The error for a file that is no net."""
        return DataError(explain(f"onnx.load: {self.path}", expected, got, hint))

    def maker(self, name: str) -> Any:
        """The node that makes a value; conversions to floats are passed over."""
        node = self.makers.get(name)
        while node is not None and node.op_type == "Cast" and self.attribute(node, "to") in (1, 11):
            node = self.makers.get(node.input[0])
        return node

    def through_casts(self, name: str) -> str:
        """The value that conversions made this one of."""
        while name in self.makers and self.makers[name].op_type == "Cast":
            name = self.makers[name].input[0]
        return name

    def attribute(self, node: Any, name: str, default: Any = None) -> Any:
        """An attribute of a node, or the operator's default, or this one."""
        given = attributes_of(node)
        if name not in given:
            schema = package().defs.get_schema(node.op_type, OPSET, node.domain)
            if name not in schema.attributes or not schema.attributes[name].default_value.name:
                return default
            value = package().helper.get_attribute_value(schema.attributes[name].default_value)
            given[name] = value.decode() if isinstance(value, bytes) else value
        value = given[name]
        return shortest(np.float32(value)) if isinstance(value, float) else value

    def number(self, name: str) -> float | None:
        """The only number of a constant; None for any other value."""
        array = self.constants.get(name)
        return None if array is None or array.size != 1 else shortest(array.reshape(())[()])

    def constant(self, node: Any, place: int, ndim: int) -> np.ndarray | None:
        """A copy of the constant that a node takes, without leading axes of length 1; None if it
        takes none with so many axes."""
        array = self.constants.get(node.input[place]) if place < len(node.input) else None
        while array is not None and array.ndim > ndim and len(array) == 1:
            array = array[0]
        return None if array is None or array.ndim != ndim else np.array(array, order="C")

    def found(
        self, expression: Any, name: str, options: dict[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The ways in which a value is this expression: of which x, and with which options."""
        for known in self._matches(expression, name, options):
            x = known[X]
            yield x, {key: value for key, value in known.items() if key != X}

    def _matches(
        self, expression: Any, name: str, known: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if expression is X:
            name = self.through_casts(name)
            if name not in self.constants and known.get(X, name) == name:
                yield known | {X: name}
        elif isinstance(expression, Op):
            node = self.maker(name)
            if node is not None:
                yield from self._node_matches(expression, node, known)
        else:
            yield from agreeing(expression, self.number(name), known)

    def _node_matches(
        self, expression: Op, node: Any, known: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        parts, names = expression.inputs, [name for name in node.input if name]
        if node.op_type != expression.type or len(parts) != len(names):
            yield from self._quotient_matches(expression, node, known)
            return
        for key, wanted in expression.attributes.items():
            agreed = next(iter(agreeing(wanted, self.attribute(node, key), known)), None)
            if agreed is None:
                return
            known = agreed
        for order in permutations(names) if node.op_type in COMMUTATIVE else [tuple(names)]:
            ways = [known]
            for part, name in zip(parts, order, strict=True):
                ways = [more for way in ways for more in self._matches(part, name, way)]
            yield from ways

    def _quotient_matches(
        self, expression: Op, node: Any, known: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """x · c, written as x / (1 / c)."""
        if (expression.type, node.op_type) == ("Mul", "Div"):
            part, factor = expression.inputs
            divisor = self.number(node.input[1])
            if isinstance(factor, float) and divisor and close(factor, 1 / divisor):
                yield from self._matches(part, node.input[0], known)


def read(path: Path) -> Any:
    """The model in a file, of an opset that is known, without functions of its own."""
    onnx = package()
    open_plain("onnx.load", path).close()
    try:
        model = onnx.load(path)
        if not model.graph.node:
            raise ValueError("a graph without nodes")
        opset = next((x.version for x in model.opset_import if not x.domain), OPSET)
        if opset < OLDEST:
            model = onnx.version_converter.convert_version(model, OPSET)
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # the package has many for a damaged file
        got = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(explain(f"onnx.load: {path}", "an ONNX model", got)) from error


def shape_of(value: Any) -> tuple[int | None, ...] | None:
    """A value's shape, with None for axes that are free; None if even their number is."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)


def agreeing(wanted: Any, value: Any, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is known if `value` is what is wanted: this number or text, or an option's value."""
    if value is None:
        return
    if isinstance(wanted, Option):
        if known.get(wanted.name, value) == value:
            yield known | {wanted.name: value}
    elif wanted == value or (not isinstance(wanted, str) and close(wanted, value)):
        yield known


def close(wanted: float, value: Any) -> bool:
    """Whether two numbers are equal to float32's precision."""
    return isinstance(value, (int, float)) and abs(value - wanted) <= 1e-6 * abs(wanted)


def shortest(number: Any) -> float:
    """A float32's shortest decimal number: 0.1, not 0.10000000149011612."""
    return float(str(number))
