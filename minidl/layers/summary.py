"""`Summary`: a net's layers as a table: shapes, parameters, multiply-adds."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.recording import enable_grad
from ..engine.tape import Node, behind
from ..engine.tensor import Tensor
from ..errors import ArgumentError, explain
from ..tools.checks import is_whole
from ..tools.tables import aligned, html
from .hooks import hooked, undisturbed


def headline(layer: Any) -> str:
    """A layer in one line: its class, and its `describe()`."""
    return f"{type(layer).__name__}({layer.describe()})"


@dataclass
class LayerSummary:
    """A row of a summary. The layers within this one have their own rows.

    path           such as "2.body"; "" for the net itself
    depth          how many layers contain it
    layer          its class and its options
    shapes         of its outputs, one for each use
    parameters     the number of its own parameters
    trainable      how many of them are not frozen (`requires_grad`)
    multiply_adds  of its matrix products, for this input
    """

    path: str
    depth: int
    layer: str
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    parameters: int = 0
    trainable: int = 0
    multiply_adds: int = 0

    def cells(self) -> list[str]:
        """The row as text."""
        name = f"{self.path}: {self.layer}" if self.path else self.layer
        uses = f", {len(self.shapes)} uses" if len(self.shapes) > 1 else ""
        shapes = ", ".join(dict.fromkeys(map(str, self.shapes)))
        numbers = self.parameters, self.parameters - self.trainable, self.multiply_adds
        return ["  " * self.depth + name + uses, shapes, *(f"{n:,}" if n else "" for n in numbers)]


class Summary:
    """The result of `net.summary(input)`: `rows`, a `LayerSummary` for each layer, outermost first,
    and their totals. `str(summary)` is a table, and a notebook shows it as one."""

    def __init__(self, rows: list[LayerSummary]) -> None:
        self.rows = rows

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self) -> int:
        """How many of them are not frozen."""
        return sum(row.trainable for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of all matrix products of a forward pass."""
        return sum(row.multiply_adds for row in self.rows)

    def table(self) -> list[list[str]]:
        """The cells, with headings and totals. Frozen parameters have a column if there are any."""
        numbers = self.parameters, self.parameters - self.trainable, self.multiply_adds
        rows = [
            ["layer", "output", "parameters", "frozen", "multiply-adds"],
            *(row.cells() for row in self.rows),
            ["total", "", *(f"{n:,}" for n in numbers)],
        ]
        return rows if self.trainable < self.parameters else [row[:3] + row[4:] for row in rows]

    def __repr__(self) -> str:
        return aligned(self.table(), right=(2, 3, 4))

    def _repr_html_(self) -> str:
        return html(self.table(), right=(2, 3, 4))


def summary(net: Any, given: Any) -> Summary:
    """The summary of a net for this input, an array or a shape."""
    x = inputs(net, given)
    rows = rows_of(net)

    def note(path: str, layer: Any, x: Any, y: Any) -> Any:
        if not isinstance(y, Tensor):
            return y
        rows[path].shapes.append(y.shape)
        nodes = (node for node in behind([y._node]) if isinstance(node, Node))
        rows[path].multiply_adds += sum(map(multiply_adds, nodes))
        return cut_off(y)

    unseen = np.errstate(all="ignore")
    with undisturbed(net), evaluating(net), hooked(net, note), enable_grad(), unseen:
        net(cut_off(x))
    return Summary(list(rows.values()))


def overview(net: Any) -> str:
    """The layers and the shapes of their parameters as an HTML table."""
    rows = rows_of(net)
    shapes: dict[str, list[str]] = {path: [] for path in rows}
    for path, p in net.named_parameters():
        own = holder(path, rows)
        shapes[own].append(f"{path.removeprefix(own).lstrip('.')} {p.shape}")
    cells = [
        [row.cells()[0], ", ".join(shapes[path]), row.cells()[2]] for path, row in rows.items()
    ]  # fmt: skip
    total = ["total", "", f"{Summary(list(rows.values())).parameters:,}"]
    return html([["layer", "shapes", "parameters"], *cells, total], right=[2])


def inputs(net: Any, given: Any) -> Tensor:
    """The input, or zeros of this shape in the net's dtype; ArgumentError for anything else."""
    if isinstance(given, (Tensor, np.ndarray)):
        return Tensor(given)
    if isinstance(given, tuple) and all(is_whole(n, 0) for n in given):
        dtypes = [p.dtype for p in net.parameters()]
        return Tensor(np.zeros(given, dtypes[0] if dtypes else np.float32))
    expected = "an array, a tensor, or a shape such as (64, 784)"
    raise ArgumentError(explain("summary", expected, repr(given)))


def rows_of(net: Any) -> dict[str, LayerSummary]:
    """A row for each layer, by its path, with the parameters that it holds itself."""
    rows: dict[str, LayerSummary] = {}
    for path, layer in net.named_layers():
        depth = rows[holder(path, rows)].depth + 1 if path else 0
        rows[path] = LayerSummary(path, depth, headline(layer))
    for path, p in net.named_parameters():
        row = rows[holder(path, rows)]
        row.parameters += p.size
        row.trainable += p.size if p.requires_grad else 0
    return rows


def holder(path: str, layers: Iterable[str]) -> str:
    """The path of the innermost of these layers that holds the parameter at `path`."""
    return max((name for name in layers if not name or path.startswith(f"{name}.")), key=len)


def cut_off(x: Tensor) -> Tensor:
    """The same values without history; operations on them are recorded."""
    if x.dtype.kind != "f":
        return x
    return Tensor(x.data, requires_grad=True).copy()  # not a leaf, so it may be written to


@contextmanager
def evaluating(net: Any) -> Iterator[None]:
    """Within the block no layer is in training."""
    before = [(layer, vars(layer).get("training")) for layer in net.layers_within()]
    try:
        net.eval()
        yield
    finally:
        for layer, mode in before:
            vars(layer).pop("training", None)
            if mode is not None:
                layer.training = mode


def multiply_adds(node: Node) -> int:
    """The multiply-adds of an operation that is a product of matrices; 0 for any other."""
    kind = node.operation.name.split("+")[0]
    if kind not in ("dense", "matmul", "einsum"):
        return 0
    if node.likes is not None:
        a, b = (shape for shape, _ in node.likes[:2])
    else:  # all are of one shape
        a = b = next(value.array.shape for value in node.kept if value is not None)
    if kind == "dense":
        return math.prod(a) * b[1]
    if kind == "einsum":
        labels = node.options["of_x"] + node.options["of_y"]
        return math.prod(dict(zip(labels, a + b, strict=True)).values())
    rows, columns = a[-2] if len(a) > 1 else 1, b[-1] if len(b) > 1 else 1
    return math.prod(np.broadcast_shapes(a[:-2], b[:-2])) * rows * a[-1] * columns
