"""The tape: which operation made what, and the walk back through them.

An operation that takes part in differentiation leaves a `Node`. It holds the edges to where its
inputs came from and a function that turns the gradient of its output into those of its inputs.
What an array is, the tape does not know: it adds gradients up with `+` and hands them on.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from itertools import count
from typing import Any, Protocol, Union

from .errors import GraphError

Backward = Callable[[Any], Sequence[Any]]


class Leaf(Protocol):
    """Where a gradient ends: a tensor that no operation made."""

    def receive_gradient(self, gradient: Any) -> None:
        """Adds to what was received before."""


Edge = Union["Node", Leaf, None]


class Memory:
    """What is known of one piece of memory, shared by a tensor and its views."""

    __slots__ = ("is_parameter", "last_writer", "recorded_writes", "writes")

    def __init__(self) -> None:
        self.writes = 0  # how often a tensor was changed in place
        self.recorded_writes = 0  # those of them that a backward pass goes through
        self.last_writer = -1  # the age of the node that made the last of these
        self.is_parameter = False  # whether a leaf that wants a gradient lives here


class Node:
    """One operation that was carried out.

    `kept` pairs each memory that `backward` will read with its count of writes at the time: if
    it has been written to since, the gradient would be silently wrong.
    """

    __slots__ = ("age", "backward", "inputs", "kept", "operation")
    _ages = count()

    def __init__(
        self, operation: str, inputs: Sequence[Edge], backward: Backward, kept: Sequence[Memory]
    ) -> None:
        self.operation = operation
        self.inputs = inputs
        self.backward: Backward | None = backward
        self.kept = [(memory, memory.writes) for memory in kept]
        self.age = next(Node._ages)

    def check(self) -> None:
        """Raises GraphError if this node cannot give a right gradient any more."""
        if self.backward is None:
            raise GraphError(
                f"backward: the graph behind '{self.operation}' was used by an earlier backward() "
                "and is released. Try: compute the loss again, or add the losses up and call "
                "backward() once"
            )
        for memory, writes in self.kept:
            if memory.writes != writes:
                raise GraphError(
                    f"backward: '{self.operation}' needs a value that was changed in place after "
                    "it was used. Try: call backward() before the change (an optimiser's step is "
                    "one), or write `x = x + y` for `x += y`"
                )

    def run(self, dy: Any) -> Sequence[Any]:
        """The gradients of the inputs, given that of the output."""
        self.check()  # once more: another thread may have run it meanwhile
        return self.backward(dy)  # type: ignore[misc]  # check() has seen that it is there

    def release(self) -> None:
        """Lets go of everything; what nobody else holds is freed at once, without the collector."""
        self.backward = None
        self.inputs = ()
        self.kept = []


def reachable(root: Node) -> list[Node]:
    """All nodes behind `root` and itself, youngest first.

    An operation is younger than what made its inputs, so this order is a topological one.
    """
    seen = {root}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        node.check()
        for source in node.inputs:
            if isinstance(source, Node) and source not in seen:
                seen.add(source)
                waiting.append(source)
    return sorted(seen, key=lambda node: node.age, reverse=True)


class _Sum:
    """A gradient that adds up. The first term is borrowed: it may belong to someone else too."""

    __slots__ = ("owned", "value")

    def __init__(self, value: Any, owned: bool) -> None:
        self.value = value
        self.owned = owned

    def add(self, term: Any) -> None:
        if self.owned:
            self.value += term
        else:
            self.value = self.value + term
            self.owned = True


def backward(root: Node, dy: Any) -> None:
    """Sends the gradient `dy` of what `root` made back to every leaf behind it.

    All nodes are checked before the first is run, and the leaves receive at the end, so an error
    on the way leaves every gradient as it was. The graph is released.

    A node's backward returns one gradient per input: None, a new array, or `dy` or a view of it,
    which others may hold too and which is therefore copied before it is added to.
    """
    nodes = reachable(root)
    sums: dict[Any, _Sum] = {root: _Sum(dy, owned=False)}
    for node in nodes:
        received = sums.pop(node, None)
        if received is not None:
            dy = received.value
            for source, dx in zip(node.inputs, node.run(dy), strict=True):
                if source is None or dx is None:
                    continue
                if source in sums:
                    sums[source].add(dx)
                else:
                    sums[source] = _Sum(dx, owned=dx is not dy and dx.base is None)
        node.release()
    for leaf, total in sums.items():
        leaf.receive_gradient(total.value if total.owned else total.value.copy())


class _Mode(threading.local):
    no_grad_blocks = 0  # how many of them this thread is in


_mode = _Mode()


def recording() -> bool:
    """Whether this thread records operations."""
    return _mode.no_grad_blocks == 0


class no_grad(ContextDecorator):  # noqa: N801  (PyTorch's name, and used like a function)
    """Within the block, or in the decorated function, nothing is recorded, in this thread.

    >>> import minidl
    >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
    >>> with minidl.no_grad():
    ...     w -= 0.5
    >>> (w * 2).requires_grad
    True
    """

    def __enter__(self) -> None:
        _mode.no_grad_blocks += 1

    def __exit__(self, *_: object) -> None:
        _mode.no_grad_blocks -= 1
