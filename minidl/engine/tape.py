"""The tape: it records which operation made which tensor, for backpropagation to walk back.

An operation that takes part in differentiation leaves a `Node` on the tape. The node points to the
operation's declaration, has an edge to the origin of each input, and keeps the values that the
gradients will read.

Backpropagation applies the chain rule at one node after the other, from the outputs to the leaves.
With L the output that is differentiated, an operation y = f(x, ...) sends to its input x

    dL/dx = dL/dy · dy/dx

and x adds up what all operations that read it send. The tape does not know what an array is: it
adds gradients up with `+` and hands them on.

This file runs as plain Python, and is compiled for speed; `tape.pxd` has the C types for that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copyreg import __newobj__ as new_object  # type: ignore[attr-defined]
from heapq import heappop, heappush
from typing import Any, Protocol, Union

from ..errors import GraphError
from ..tools.forks import lock_across_forks


class Declaration(Protocol):
    """What a node needs of its operation (tensor/operation.py)."""

    name: str

    def gradients(self, node: "Node", dy: Any, create_graph: bool) -> Sequence[Any]:
        """The gradient of each input of the node; None where none is wanted."""


class Leaf(Protocol):
    """Where a gradient ends: a tensor that no operation made."""

    def hooked(self, gradient: Any) -> Any:
        """The gradient after the hooks of this tensor."""

    def expect_gradient(self) -> None:
        """Warns where the gradient should not be added to what was received before."""

    def receive_gradient(self, gradient: Any) -> None:
        """Adds the gradient to those received before."""


Edge = Union["Node", Leaf, None]


class Memory:
    """The facts about one piece of memory, which a tensor and its views share."""

    __slots__ = ("is_parameter", "last_writer", "recorded_writes", "was_stepped", "writes")

    def __init__(self) -> None:
        self.writes = 0  # how often a tensor was changed in place
        self.recorded_writes = 0  # how many of these changes gradients go through
        self.last_writer = 0  # the age of the node of the last recorded change
        self.is_parameter = False  # whether a leaf that wants a gradient lives here
        self.was_stepped = False  # whether this is a gradient that an optimiser's step has used

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle's older protocols, which know no extension types."""
        return new_object, (type(self),), self.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy keep the facts, but no age of a node: nodes are not pickled."""
        names = ("writes", "is_parameter", "was_stepped")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes over `state`, as `__getstate__` gave it."""
        Memory.__init__(self)
        for name, value in state.items():
            setattr(self, name, value)


class Kept:
    """A value that a gradient reads: the array, and how often its memory had been written to.

    A write after that would make the gradient silently wrong, so backward refuses it. `is_read` is
    False if the value is read only while gradients are recorded (`create_graph`).
    """

    __slots__ = ("array", "is_read", "memory", "writes")

    array: Any
    memory: Memory
    writes: int
    is_read: bool


def kept(array: Any, memory: Memory, is_read: bool) -> Kept:
    """A value, kept in its present state."""
    value = Kept.__new__(Kept)
    value.array = array
    value.memory = memory
    value.writes = memory.writes
    value.is_read = is_read
    return value


class Node:
    """One operation that was carried out.

    operation   its declaration, with the gradients
    inputs      an edge for each input: the node that made it, or the leaf that it is; None: the
                input wants no gradient
    likes       the shape and dtype of each input, and so of its gradient; None: as the result
    kept        for each input, and at the end for the result: a Kept, or None
    options     what else the gradients read, by name: axes, an index
    """

    __slots__ = (
        "age", "hooks", "inputs", "is_released", "kept", "likes", "operation", "options",
        "retaining",
    )  # fmt: skip

    operation: Declaration
    inputs: tuple[Edge, ...]
    likes: tuple[Any, ...] | None
    kept: list[Any]
    options: dict[str, Any]
    hooks: dict[int, Callable[[Any], Any]] | None
    retaining: list[Any] | None  # weak references to tensors that want a `grad`
    age: int  # how many nodes had been made before it
    is_released: bool

    def check(self, create_graph: bool) -> None:
        """Raises GraphError if the operation can no longer give a right gradient."""
        if self.is_released:
            raise GraphError(
                f"backward: the graph behind '{self.operation.name}' was used by an earlier "
                "backward() and is released. Try: compute the loss again, or add the losses up and "
                "call backward() once; or backward(retain_graph=True) the first time"
            )
        for value in self.kept:
            if value is None or value.memory.writes == value.writes:
                continue
            if value.is_read or create_graph:
                raise GraphError(
                    f"backward: '{self.operation.name}' needs a value that was changed in place "
                    "after it was used. Try: call backward() before the change (an optimiser's "
                    "step is one), or write `x = x + y` for `x += y`"
                )

    def release(self) -> None:
        """Lets go of everything; memory that nobody else holds is freed at once."""
        self.is_released = True
        self.options = NO_OPTIONS
        self.hooks = self.retaining = None
        self.inputs, self.kept = (), []


class Part:
    """A gradient that is 0 but at one place, such as the gradient of one row: for 1,000 rows of a
    matrix, whole gradients would be 1,000 matrices. It adds itself to a sum, or to new zeros."""

    __slots__ = ("dy", "index", "zeros")
    base = None  # its memory is its own

    def __init__(self, dy: Any, index: Any, zeros: Callable[[], Any]) -> None:
        self.dy, self.index, self.zeros = dy, index, zeros

    def added_to(self, total: Any) -> Any:
        """Adds this in place to `total`, or to zeros if `total` is None, and returns the sum."""
        total = self.zeros() if total is None else total
        total[self.index] += self.dy
        return total


NO_OPTIONS: dict[str, Any] = {}
_nodes_made = 0


def new_node(
    operation: Declaration, inputs: tuple[Edge, ...], likes: tuple[Any, ...] | None,
    kept: list[Kept | None], options: dict[str, Any] | None,
) -> Node:  # fmt: skip
    """A node for the operation that was just computed."""
    global _nodes_made
    _nodes_made += 1
    node = Node.__new__(Node)
    node.operation = operation
    node.inputs = inputs
    node.likes = likes
    node.kept = kept
    node.options = NO_OPTIONS if options is None else options
    node.hooks = node.retaining = None
    node.age = _nodes_made
    node.is_released = False
    return node


_releasing = lock_across_forks()


def backward(
    outputs: Sequence[tuple[Any, Any]], retain_graph: bool = False, create_graph: bool = False
) -> None:
    """Backpropagation: sends the gradients of outputs, pairs (edge, dy), to every leaf behind them.

    The leaves receive, and the graph is released, only at the end: an error on the way leaves every
    gradient and every node unchanged. If several threads walk through one node at the same time,
    only the first to end succeeds.
    """
    received, done = walk(outputs, None, create_graph)
    for receiver, _ in received:
        receiver.expect_gradient()
    finish(done, retain_graph)
    for receiver, gradient in received:
        receiver.receive_gradient(gradient)


def walk(
    outputs: Sequence[tuple[Any, Any]], targets: dict[Any, Any] | None, create_graph: bool
) -> tuple[list[tuple[Any, Any]], list[Node]]:
    """Carries the gradients of outputs, given as pairs (edge, dy), back through the graph.

    Returns what each leaf is to receive, and the nodes that the walk visited. With `targets`, each
    target gets its gradient as its value, and the walk visits only nodes that lead to a target.
    Without `create_graph` it computes no gradient that leads elsewhere.

    An operation is younger than the operations that made its inputs. So the walk goes from the
    youngest node to the oldest, and each node has its whole gradient when its turn comes.

    A gradient that an operation has made anew belongs to this walk, which adds to it in place. A
    gradient that is `dy` itself, or a view of another array, is borrowed: something else may still
    read that memory, so a sum with it is a new array. Tensors, as `create_graph` gives them, are
    always borrowed. A `Part` is added to the elements whose gradient it is.
    """
    through: set[Node] = set()
    if targets is not None:
        through = leading_to(targets, [edge for edge, _ in outputs])
    needed = None if targets is None else {*targets, *through}
    received: dict[Any, Any] = {}
    borrowed: set[Any] = set()
    waiting: list[tuple[int, Node]] = []
    ends: list[tuple[Any, Any]] = []
    done: list[Node] = []
    for source, dy in outputs:
        if needed is None or source in needed:
            add_up(received, borrowed, waiting, source, dy, True, create_graph)
    while waiting:
        node = heappop(waiting)[1]
        dy = received.pop(node)
        borrowed.discard(node)
        if node.hooks is not None:
            dy = after_hooks(node.hooks, dy)
        if node.retaining is not None and targets is None:
            tensors = [reference() for reference in node.retaining]
            ends += [(x, dy.copy()) for x in tensors if x is not None]
        if targets is not None and node in targets:
            targets[node] = dy
            if node not in through:
                continue
        node.check(create_graph)
        inputs = node.inputs
        asked = node if needed is None or create_graph else towards(needed, node)
        try:
            found = node.operation.gradients(asked, dy, create_graph)
        except Exception:
            node.check(create_graph)  # another thread may have released the node meanwhile
            raise
        for source, dx in zip(inputs, found, strict=True):
            if source is None or dx is None or not (needed is None or source in needed):
                continue
            is_borrowed = create_graph or dx is dy or dx.base is not None
            add_up(received, borrowed, waiting, source, dx, is_borrowed, create_graph)
        done.append(node)
    given = {id(dy) for _, dy in outputs}
    for leaf, gradient in received.items():
        # Nothing changes a tensor in place, so only one that somebody else has too is copied.
        is_shared = leaf in borrowed and (not create_graph or id(gradient) in given)
        given.add(id(gradient))
        total = leaf.hooked(gradient.copy() if is_shared else gradient)
        if targets is not None:
            targets[leaf] = total
        else:
            ends.append((leaf, total))
    return ends, done


def add_up(
    received: dict[Any, Any], borrowed: set[Any], waiting: list[tuple[int, Node]], source: Any,
    dx: Any, is_borrowed: bool, create_graph: bool,
) -> None:  # fmt: skip
    """Adds dx to what the source has received; a node joins the queue when it first receives."""
    if isinstance(dx, Part):
        if source in received and source not in borrowed:
            dx.added_to(received[source])
            return
        dx = dx.added_to(None)
    if source not in received:
        received[source] = dx
        if is_borrowed:
            borrowed.add(source)
        if isinstance(source, Node):
            heappush(waiting, (-source.age, source))
    elif source in borrowed:
        received[source] = received[source] + dx
        if not create_graph:
            borrowed.discard(source)
    else:
        received[source] += dx


def towards(needed: set[Any], node: Node) -> Node:
    """The node; if it has inputs that are not needed, a copy that wants no gradient of them, so
    that the operation computes none."""
    if all(edge is None or edge in needed for edge in node.inputs):
        return node
    inputs = tuple([edge if edge in needed else None for edge in node.inputs])
    return new_node(node.operation, inputs, node.likes, node.kept, node.options)


def after_hooks(hooks: dict[int, Callable[[Any], Any]], dy: Any) -> Any:
    """The gradient after all hooks, one after the other: each may replace it, or return None."""
    for hook in list(hooks.values()):
        dy = hook(dy)
    return dy


def finish(done: list[Node], retain_graph: bool) -> None:
    """Releases the nodes that a walk visited; GraphError if another walk has released one."""
    if retain_graph:
        return
    with _releasing:
        for node in done:
            node.check(False)
        for node in done:
            node.release()


def behind(roots: Iterable[Any]) -> Iterator[Any]:
    """The roots, and every node and leaf behind them, each once."""
    seen: set[Any] = {None}
    waiting = list(roots)
    while waiting:
        source = waiting.pop()
        if source not in seen:
            seen.add(source)
            yield source
            if isinstance(source, Node):
                waiting += source.inputs


def leading_to(targets: Iterable[Any], roots: Iterable[Any]) -> set[Node]:
    """The nodes on a way from the roots to a target. A released node has forgotten its inputs, so
    it counts if it is younger than a target, which may then lie behind it."""
    reached, through = set(targets), set()
    oldest = min([target.age if isinstance(target, Node) else 0 for target in reached], default=0)
    nodes = [source for source in behind(roots) if isinstance(source, Node)]
    for node in sorted(nodes, key=lambda node: node.age):
        if (node.is_released and node.age > oldest) or not reached.isdisjoint(node.inputs):
            reached.add(node)
            through.add(node)
    return through


def leaves(root: Node) -> Iterator[Leaf]:
    """Every leaf that backpropagation from `root` would reach, once."""
    return (source for source in behind([root]) if not isinstance(source, Node))
