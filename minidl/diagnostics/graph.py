"""`graph`: the computation graph behind a tensor: its operations, leaves and constants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.tape import Kept, Node, behind
from ..engine.tensor import Tensor, elementwise
from ..engine.tensor.arithmetic import MATMUL
from ..engine.tensor.base import origin, raw
from ..errors import ArgumentError, GraphError, explain
from ..layers.base import Layer
from ..layers.dropout import DROPOUT
from ..layers.noise import GAUSSIAN_NOISE
from . import dot
from .folding import layers_of
from .measures import norm

# The operations that a kernel carries out, besides those whose gradients a kernel computes.
KERNELS = {
    DROPOUT, GAUSSIAN_NOISE, MATMUL, elementwise.ABS, elementwise.EXP, elementwise.EXPM1,
    elementwise.LOG, elementwise.LOG1P, elementwise.SQRT, elementwise.TANH,
}  # fmt: skip

FEW = 4  # the most numbers that are shown

Form = tuple[tuple[int, ...], np.dtype]


@dataclass
class GraphNode:
    """A node of a graph: an operation with its result, a leaf, a constant, or a layer.

    kind        "operation", "leaf", "constant" or "layer"
    name        of the operation, the parameter, the layer
    shape       of the value, and its dtype
    value       a copy of the value, if it is known and has few numbers, else None
    gradient    a copy of the gradient that backward() has left here, or None
    has_kernel  whether a compiled kernel of minidl carries out this operation for all inputs; NumPy
                carries out some, such as sums that broadcast, for some inputs
    tensor      the name that was given to the result of an operation
    layer       the layer of the operation: a key of Graph.layers, or None
    holds       for a layer, its operations and parameters
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    value: np.ndarray | None = None
    gradient: np.ndarray | None = None
    has_kernel: bool = False
    tensor: str = ""
    layer: int | None = None
    holds: "Sequence[GraphNode]" = ()

    @property
    def label(self) -> str:
        """The lines of the node in the picture."""
        if self.kind == "layer":
            held = [f"{node.heading}: {', '.join(node.facts())}" for node in self.holds]
            return "\n".join([self.name, *held])
        return "\n".join([self.heading, *self.facts()])

    @property
    def heading(self) -> str:
        """The name, after that of the result."""
        return f"{self.tensor} = {self.name}" if self.tensor else self.name

    def facts(self) -> Iterator[str]:
        """The value, or its shape, and its origin; the gradient, or its norm."""
        value = str(self.shape) if self.value is None else written(self.value.tolist())
        dtype = [] if self.dtype == np.float32 else [str(self.dtype)]
        yield ", ".join([value, *dtype, *["kernel"] * self.has_kernel])
        if self.gradient is not None and 0 < self.gradient.size <= FEW:
            yield f"gradient {written(self.gradient.tolist())}"
        elif self.gradient is not None:
            yield f"‖gradient‖ {norm(self.gradient):.3g}"


def written(numbers: Any) -> str:
    """Numbers, in lists of any depth, in four digits.

    >>> written([[1.0, 2 / 3], [0.5, -1]])
    '[[1, 0.6667], [0.5, -1]]'
    """
    if isinstance(numbers, list):
        return f"[{', '.join(map(written, numbers))}]"
    return f"{numbers:.4g}"


class Graph:
    """The computation graph behind a tensor, from `minidl.graph`.

    `nodes` is a list of `GraphNode`, the operations in the order in which they ran. `edges` are
    pairs of places in it, (from, to): the value of one is an input of the other. `layers` has the
    titles of the unfolded layers, by their keys. `str(graph)`, or `dot`, is the graph in the
    language of Graphviz; if that is installed, a notebook shows the picture.
    """

    def __init__(
        self, nodes: list[GraphNode], edges: list[tuple[int, int]], layers: dict[int, str]
    ) -> None:
        self.nodes, self.edges, self.layers = nodes, edges, layers

    @property
    def dot(self) -> str:
        """The graph as DOT text."""
        return dot.text(self)

    def svg(self) -> str:
        """The picture as SVG; MissingPackageError if Graphviz is not installed."""
        return dot.svg(self.dot)

    def save(self, path: str | Path) -> None:
        """Writes DOT text or a picture, by the suffix of the path: .dot, .svg, .png or .pdf.

        ArgumentError for another suffix; MissingPackageError if a picture needs Graphviz.
        """
        dot.save(self.dot, path)

    def folded(self) -> "Graph":
        """The same graph with each layer as one node, which holds its operations and parameters."""
        members: dict[Any, list[int]] = {}
        for i, node in enumerate(self.nodes):
            members.setdefault(("alone", i) if node.layer is None else node.layer, []).append(i)
        place = {i: new for new, olds in enumerate(members.values()) for i in olds}
        nodes = [
            self.nodes[olds[0]] if key not in self.layers
            else as_one(self.layers[key], [self.nodes[i] for i in olds])
            for key, olds in members.items()
        ]  # fmt: skip
        moved = [(place[source], place[target]) for source, target in self.edges]
        edges: list[tuple[int, int]] = []
        into_layers: set[tuple[int, int]] = set()  # a layer may read its input twice
        for source, target in moved:
            if source != target and (source, target) not in into_layers:
                edges.append((source, target))
                if nodes[target].kind == "layer":
                    into_layers.add((source, target))
        return Graph(nodes, edges, {})

    def _repr_svg_(self) -> str | None:
        return self.svg() if dot.is_there() else None

    def __repr__(self) -> str:
        return self.dot


def as_one(title: str, nodes: Sequence[GraphNode]) -> GraphNode:
    """The node of a folded layer; its value is that of the last operation."""
    operations = [node for node in nodes if node.kind == "operation"]
    last = operations[-1]
    has_kernel = all(node.has_kernel for node in operations)
    leaves = [node for node in nodes if node.kind != "operation"]
    return GraphNode(
        "layer", title, last.shape, last.dtype, last.value, last.gradient, has_kernel,
        holds=[*operations, *leaves],
    )  # fmt: skip


def graph(loss: Tensor, net: Layer | None = None, /, *, fold: bool = True, **named: Any) -> Graph:
    """The computation graph behind `loss`, or any other tensor.

    It has each operation with the shape of its result, each leaf, and the gradients that `backward`
    has left. The picture shows the numbers of tensors that have at most four.

    - net: its parameters get their names, and each of its layers is one node; `fold=False` shows
      the operations of each layer in a frame.
    - named: names for further tensors. Results that are no leaves have a gradient after
      `retain_grad()`.

    ArgumentError for arguments that are no tensors or no net, and for a tensor that the graph does
    not contain. GraphError for a tensor without a graph, and for one whose graph `backward()` has
    released: draw it before, or call `backward(retain_graph=True)`.

    >>> import minidl
    >>> w, x = minidl.tensor(2.0, requires_grad=True), minidl.tensor(3.0)
    >>> graph = minidl.graph(w * x + 1, w=w, x=x)
    >>> [node.name for node in graph.nodes]
    ['w', 'x', 'multiply', 'constant', 'add']
    >>> graph.edges
    [(0, 2), (1, 2), (2, 4), (3, 4)]
    """
    check(loss, net, named)
    found = Collector(loss, net, named)
    whole = Graph(found.nodes, found.edges, found.layers)
    return whole.folded() if fold else whole


def check(loss: Any, net: Any, named: dict[str, Any]) -> None:
    """Raises unless these have a graph."""
    if not isinstance(loss, Tensor):
        raise ArgumentError(explain("graph", "a tensor", repr(loss)))
    if net is not None and not isinstance(net, Layer):
        raise ArgumentError(explain("graph", "a net, or names: w=w", repr(net)))
    for name, x in named.items():
        if not isinstance(x, (Tensor, np.ndarray)):
            raise ArgumentError(explain(f"graph: {name}", "a tensor or an array", repr(x)))
    if not loss.requires_grad:
        expected, hint = "a result of tensors with requires_grad=True", "it outside of no_grad()"
        raise GraphError(explain("graph", expected, "one without history", hint))
    loss.check_current("graph")


class Collector:
    """Walks through the tape behind a tensor, and makes the nodes of the graph."""

    def __init__(self, loss: Tensor, net: Layer | None, named: dict[str, Any]) -> None:
        root = origin(loss)
        found = [source for source in behind([root]) if isinstance(source, Node)]
        self.operations = sorted(found, key=lambda node: node.age)
        check_held(self.operations)
        self.parameters = {} if net is None else {p: name for name, p in net.named_parameters()}
        wanting = {name: x for name, x in named.items() if getattr(x, "requires_grad", False)}
        self.names = self.parameters | {origin(x): name for name, x in wanting.items()}
        self.names_of_arrays = {id(raw(x)): name for name, x in named.items()}
        self.keys, self.layers = ({}, {}) if net is None else layers_of(net, self.operations)
        self.forms = forms(loss, self.operations)
        self.arrays = arrays(self.operations)
        self.arrays |= {origin(x): x.data for x in (loss, *wanting.values())}
        self.nodes: list[GraphNode] = []
        self.edges: list[tuple[int, int]] = []
        self.places: dict[Any, int] = {}
        if isinstance(root, Node):
            for node in self.operations:
                self.add_operation(node)
        else:
            self.add_leaf(root)
        for name, x in wanting.items():
            if origin(x) not in self.places:
                expected, got = "a tensor of this graph", "one that it does not contain"
                raise ArgumentError(explain(f"graph: {name}", expected, got))

    def add_operation(self, node: Node) -> None:
        """Adds the operation and the edges to it; inputs that are missing come first."""
        sources = []
        for i, source in enumerate(node.inputs):
            if source is None:
                sources.append(self.add_constant(node, i))
            else:
                known = source in self.places
                sources.append(self.places[source] if known else self.add_leaf(source))
        place = self.places[node] = len(self.nodes)
        shape, dtype = self.forms[node]
        one = GraphNode("operation", node.operation.name, shape, dtype)
        one.value, one.gradient = few(self.arrays.get(node)), gradient_at(node)
        one.has_kernel = runs_in_kernel(node.operation)
        one.tensor, one.layer = self.names.get(node, ""), self.keys.get(node)
        self.nodes.append(one)
        self.edges += [(source, place) for source in sources]

    def add_leaf(self, leaf: Any) -> int:
        """Adds a tensor that no operation made; returns its place."""
        self.places[leaf] = len(self.nodes)
        gradient = None if leaf.grad is None else np.array(raw(leaf.grad))
        name, key = self.names.get(leaf, "leaf"), None
        if leaf in self.parameters:
            users = {self.keys.get(node) for node in self.operations if leaf in {*node.inputs}}
            key = users.pop() if len(users) == 1 else None
        self.nodes.append(
            GraphNode("leaf", name, leaf.shape, leaf.dtype, few(leaf.data), gradient, layer=key)
        )
        return self.places[leaf]

    def add_constant(self, node: Node, i: int) -> int:
        """Adds an input of the node that wants no gradient; returns its place."""
        array = unchanged(node.kept[i])
        name = self.names_of_arrays.get(id(array), "constant")
        shape, dtype = self.forms[node] if node.likes is None else node.likes[i]
        self.nodes.append(GraphNode("constant", name, shape, dtype, few(array)))
        return len(self.nodes) - 1


def check_held(operations: Sequence[Node]) -> None:
    """GraphError if a backward pass has released one of them."""
    if any(node.is_released for node in operations):
        expected, got = "a graph that is still held", "one that backward() has released"
        hint = "graph(loss) before loss.backward(), or loss.backward(retain_graph=True)"
        raise GraphError(explain("graph", expected, got, hint))


def forms(loss: Tensor, operations: Sequence[Node]) -> dict[Node, Form]:
    """The shape and dtype of each operation's result: a node knows those of its inputs, and `loss`
    is the result of the last."""
    found: dict[Any, Form] = {origin(loss): (loss.shape, loss.dtype)}
    for node in reversed(operations):
        for i, source in enumerate(node.inputs):
            if isinstance(source, Node):
                found[source] = found[node] if node.likes is None else node.likes[i]
    return found


def arrays(operations: Sequence[Node]) -> dict[Any, np.ndarray]:
    """The known results: those that nodes keep for their gradients, if they are unchanged."""
    found: dict[Any, np.ndarray] = {}
    for node in operations:
        for source, value in zip((*node.inputs, node), node.kept, strict=True):
            array = unchanged(value)
            if array is not None:
                found[source] = array
    return found


def unchanged(value: Kept | None) -> np.ndarray | None:
    """The array that a node keeps, unless it was written to since."""
    return value.array if value is not None and value.memory.writes == value.writes else None


def gradient_at(node: Node) -> np.ndarray | None:
    """The gradient of a result, if a tensor retains it."""
    tensors = [reference() for reference in node.retaining or ()]
    kept = [raw(x.grad) for x in tensors if x is not None and x.grad is not None]
    return np.array(kept[-1]) if kept else None


def runs_in_kernel(operation: Any) -> bool:
    """Whether a compiled kernel carries the operation out, whatever its inputs are."""
    return operation.kernel is not None or operation in KERNELS


def few(array: np.ndarray | None) -> np.ndarray | None:
    """A copy of an array of few numbers."""
    return array.copy() if array is not None and 0 < array.size <= FEW else None
