"""`Operation`: the name of an operation and its gradients, declared as data.

A declaration stands beside the function that computes the operation:

    MULTIPLY = Operation("multiply", np.multiply, x=lambda dy, y: dy * y, y=lambda dy, x: dy * x)

Each formula is the chain rule for one input: from `dy`, the gradient of the result, it computes
the gradient of that input. The names of its arguments say what it reads: `dy`; then inputs by name,
`result`, and options such as `axes`. So the formulas of the inputs that want a gradient determine
what a node keeps; nothing else declares it.

A formula computes with arrays. If the gradient is itself to be differentiated (`create_graph`), the
same formula gets tensors, and its operations are recorded.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._kernels import alike
from ...errors import GraphError, explain
from ..recording import recording
from ..tape import Kept, Memory, Node, Part, kept, new_node, walk
from .arrays import unbroadcast
from .base import Base, as_tensor, origin, result_of

if TYPE_CHECKING:
    from . import Tensor

Formula = Callable[..., Any]


class Operation:
    """The declaration of an operation.

    name       the name in errors and graphs
    forward    the function of arrays that computes the operation, if that is all it does
    formulas   the gradient of each input, by the inputs' names, in their order
    parts      instead of formulas, for any number of inputs: one formula for all their gradients
    kernel     instead of formulas: kernel(node, dy) returns all gradients at once, as arrays
    recorded   together with a kernel: recorded(node, dy, inputs) returns the gradients as tensors

    A formula reads by these names: an input; `result`; `shape`, the shape of its own input; and any
    option that the node has.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any] | None = None,
        *,
        parts: Formula | None = None,
        kernel: Callable[[Node, Any], Sequence[Any]] | None = None,
        recorded: Callable[[Node, Any, Sequence[Any]], Sequence[Any]] | None = None,
        **formulas: Formula,
    ) -> None:
        self.name = name
        self.forward: Any = forward
        self.parts, self.kernel, self.recorded = parts, kernel, recorded
        self.formulas = tuple(formulas.values())
        places = {name: place for place, name in enumerate([*formulas, "result"])}
        self.reads = tuple([places_read(formula, places) for formula in self.formulas])
        self.reads_of_parts = () if parts is None else places_read(parts, {})
        # For each input, the places of the values that its gradient reads.
        self.keeps = tuple([tuple([p for p in reads if type(p) is int]) for reads in self.reads])

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"

    def gradients(self, node: Node, dy: Any, create_graph: bool) -> Sequence[Any]:
        """The gradient of each input of the node, of its shape and dtype; None: not wanted.
        `dy` and the gradients are arrays, or tensors if a graph is to be created."""
        inputs = node.inputs
        found: Sequence[Any]
        if self.parts is not None:
            found = self.parts(dy, *[node.options[name] for name in self.reads_of_parts])
        elif self.kernel is None:
            found = [self.gradient(node, dy, i, create_graph) for i in range(len(inputs))]
        elif create_graph:
            found = self.gradients_recorded(node, dy)
        else:
            found = self.kernel(node, dy)
        return [
            None if edge is None or dx is None else fitted(node, i, dx, dy)
            for i, (edge, dx) in enumerate(zip(inputs, found, strict=True))
        ]

    def gradient(self, node: Node, dy: Any, i: int, create_graph: bool) -> Any:
        """The gradient of input number i, by its formula."""
        if node.inputs[i] is None:
            return None
        values = []
        for read in self.reads[i]:
            if type(read) is not int:
                values.append(option(node, read, i, dy))
            else:
                values.append(as_recorded(node, read) if create_graph else node.kept[read].array)
        return self.formulas[i](dy, *values)

    def gradients_recorded(self, node: Node, dy: Any) -> Sequence[Any]:
        """The gradients as tensors with history; GraphError if the operation has no formula."""
        if self.recorded is None:
            expected = "operations that can be differentiated twice"
            raise GraphError(explain("create_graph", expected, f"'{self.name}'"))
        return self.recorded(node, dy, [as_recorded(node, i) for i in range(len(node.inputs))])


def places_read(formula: Formula, places: dict[str, int]) -> tuple[Any, ...]:
    """What the formula reads besides dy: places of inputs and result, names of options."""
    code = formula.__code__  # inspect.signature takes 20 us; for some 250 formulas, 5 ms
    names = code.co_varnames[1 : code.co_argcount]
    return tuple([places.get(name, name) for name in names])


def option(node: Node, name: str, i: int, dy: Any) -> Any:
    """The value that a formula of input number i reads under the name of an option."""
    if name != "shape":
        return node.options[name]
    return dy.shape if node.likes is None else node.likes[i][0]


def as_recorded(node: Node, place: int) -> "Tensor":
    """The tensor, with its history, that the node kept at a place; the last place: the result."""
    value = node.kept[place]
    edge = node if place == len(node.inputs) else node.inputs[place]
    if isinstance(edge, Base):
        if edge._array is value.array:
            return edge  # type: ignore[return-value]
        raise GraphError(
            f"create_graph: '{node.operation.name}' was given a tensor whose data were replaced "
            "since. Try: the replacement after the gradients"
        )
    result = result_of(value.array, value.memory)
    if edge is not None:
        result._node, result._requires_grad = edge, True  # type: ignore[assignment]
    return result


def fitted(node: Node, i: int, dx: Any, dy: Any) -> Any:
    """A gradient with the shape and dtype of input number i: summed over the copies that
    broadcasting made."""
    if type(dx) is Part:
        return dx
    if type(dx) is not type(dy):  # a single number, or a constant among tensors
        dx = as_tensor(dx) if isinstance(dy, Base) else np.asarray(dx)
    if node.likes is None and alike(dx, dy):
        return dx
    shape, dtype = (dy.shape, dy.dtype) if node.likes is None else node.likes[i]
    if dx.shape != shape:
        try:
            dx = unbroadcast(dx, shape)
        except ValueError:
            expected = f"a gradient of input {i}'s shape {shape}"
            raise GraphError(explain(node.operation.name, expected, dx.shape)) from None
    return dx if dx.dtype == dtype else dx.astype(dtype)


ALIAS = Operation("alias", x=lambda dy: dy)


def through_formula(
    formula: Callable[..., "Tensor"], dy: Any, inputs: Sequence[Any], options: dict[str, Any]
) -> list[Any]:
    """The recorded gradients of a formula that consists of other operations."""
    # If two inputs are the same tensor, each still has its own gradient.
    apart = [record(ALIAS, x._array, (x,), view_of=x) for x in inputs]
    y = formula(*apart, **options)
    if y._node is None:
        return [None] * len(apart)
    found: dict[Any, Any] = {x._node: None for x in apart if x._node is not None}
    walk([(y._node, dy)], found, create_graph=True)
    return [found.get(x._node) for x in apart]


def by_formula(formula: Callable[..., "Tensor"]) -> Callable[[Node, Any, Sequence[Any]], Any]:
    """`recorded` for an operation with a kernel: the formula gets the inputs and the node's
    options."""

    def recorded(node: Node, dy: Any, inputs: Sequence[Any]) -> list[Any]:
        return through_formula(formula, dy, inputs, node.options)

    return recorded


def record(
    operation: Operation,
    data: Any,
    inputs: tuple[Base, ...],
    options: dict[str, Any] | None = None,
    view_of: Base | None = None,
    keeps: Sequence[int] = (),
) -> "Tensor":
    """The tensor around `data`, which the operation computed from `inputs`, recorded on the tape.

    - options: what the formulas read besides inputs and result.
    - view_of: the input whose memory `data` may share.
    - keeps: for an operation with a kernel, the places of the values that the kernel reads.
    """
    array = data if type(data) is np.ndarray else np.asarray(data)
    result = result_of(array, Memory() if view_of is None else view_of._memory)
    is_wanted, is_plain = False, True
    for x in inputs:
        if x._recorded != x._memory.recorded_writes and recording():
            x.check_current(operation.name)
        is_wanted = is_wanted or x._requires_grad
        is_plain = is_plain and alike(x._array, array)
    edges: tuple[Any, ...]
    if is_wanted and recording():
        # Most tuples have one or two elements. Without a list on the way this saves 40 ns of 600.
        if len(inputs) == 1:
            edges = (edge_of(inputs[0]),)
        elif len(inputs) == 2:
            edges = (edge_of(inputs[0]), edge_of(inputs[1]))
        else:
            edges = tuple([edge_of(x) for x in inputs])
        result._node = new_node(
            operation,
            edges,
            None if is_plain else tuple([(x._array.shape, x._array.dtype) for x in inputs]),
            kept_by(operation, inputs, result, keeps),
            options,
        )
        result._requires_grad = True
    return result


def edge_of(x: Base) -> Any:
    """Where a gradient of x goes; None if x wants none."""
    return origin(x) if x._requires_grad else None


def kept_by(
    operation: Operation, inputs: tuple[Base, ...], result: Base, keeps: Sequence[int]
) -> list[Kept | None]:
    """The inputs, and the result, that a node of the operation keeps."""
    values: list[Kept | None] = [None] * (len(inputs) + 1)
    if operation.kernel is None:
        for i, places in enumerate(operation.keeps):
            if places and inputs[i]._requires_grad:
                for place in places:
                    if values[place] is None:
                        x = inputs[place] if place < len(inputs) else result
                        values[place] = kept(x._array, x._memory, True)
        return values
    for place in keeps:
        x = inputs[place] if place < len(inputs) else result
        values[place] = kept(x._array, x._memory, True)
    if operation.recorded is not None:
        for i, x in enumerate(inputs):
            if values[i] is None:
                values[i] = kept(x._array, x._memory, False)
    return values
