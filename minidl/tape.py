"""The tape: which operation made what, and the walk back through them.

An operation that takes part in differentiation leaves a `Node`. It holds the edges to where its
inputs came from and a function that turns the gradient of its output into those of its inputs.
What an array is, the tape does not know: it adds gradients up with `+` and hands them on.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ContextDecorator
from functools import wraps
from heapq import heappop, heappush
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from itertools import count
from typing import Any, Protocol, TypeVar, Union, cast

from .errors import ArgumentError, GraphError, explain
from .forks import lock_across_forks

Backward = Callable[[Any], Sequence[Any]]
Function = TypeVar("Function", bound=Callable[..., Any])


class Leaf(Protocol):
    """Where a gradient ends: a tensor that no operation made."""

    def receive_gradient(self, gradient: Any) -> None:
        """Adds to what was received before."""


Edge = Union["Node", Leaf, None]


class Memory:
    """What is known of one piece of memory, shared by a tensor and its views."""

    writes = 0  # how often a tensor was changed in place
    recorded_writes = 0  # those of them that a backward pass goes through
    last_writer = -1  # the age of the node that made the last of these
    is_parameter = False  # whether a leaf that wants a gradient lives here
    was_stepped = False  # whether this is a gradient that an optimiser's step has used


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

    def checked(self) -> Backward:
        """`backward`; raises GraphError if it cannot give a right gradient any more."""
        backward = self.backward
        if backward is None:
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
        return backward

    def release(self) -> None:
        """Lets go of everything; what nobody else holds is freed at once, without the collector."""
        self.backward = None
        self.inputs = ()
        self.kept = []


_releasing = lock_across_forks()


def backward(root: Node, dy: Any) -> None:
    """Sends the gradient `dy` of what `root` made back to every leaf behind it.

    An operation is younger than what made its inputs, so going from the youngest node to the
    oldest, each has all of its gradient when its turn comes. The leaves receive and the graph is
    released at the end, so an error on the way leaves every gradient and every node as it was; and
    of several threads that go through one node at a time, only the first to end succeeds.

    A node's backward returns one gradient per input: None, a new array, or `dy` or a view of
    something. Such a one is borrowed: others may hold it too, so what is added to it makes a new
    array.
    """
    received: dict[Any, Any] = {root: dy}
    borrowed: set[Any] = {root}
    waiting = [(-root.age, root)]
    done = []
    while waiting:
        node = heappop(waiting)[1]
        dy = received.pop(node)
        run = node.checked()
        for source, dx in zip(node.inputs, run(dy), strict=True):
            if source is None or dx is None:
                continue
            if source not in received:
                received[source] = dx
                if dx is dy or dx.base is not None:
                    borrowed.add(source)
                if type(source) is Node:
                    heappush(waiting, (-source.age, source))
            elif source in borrowed:
                received[source] = received[source] + dx
                borrowed.remove(source)
            else:
                received[source] += dx
        done.append(node)
    with _releasing:
        for node in done:
            node.checked()
        for node in done:
            node.release()
    for leaf, gradient in received.items():
        leaf.receive_gradient(gradient.copy() if leaf in borrowed else gradient)


def leaves(root: Node) -> Iterator[Leaf]:
    """Every leaf that a backward pass from `root` would reach, once."""
    seen: set[Any] = {None, root}
    waiting = [root]
    while waiting:
        for source in waiting.pop().inputs:
            if source in seen:
                continue
            seen.add(source)
            if isinstance(source, Node):
                waiting.append(source)
            elif source is not None:
                yield source


class _Mode(threading.local):
    no_grad_blocks = 0  # how many of them this thread is in


_mode = _Mode()


def recording() -> bool:
    """Whether this thread records operations."""
    return _mode.no_grad_blocks == 0


class no_grad(ContextDecorator):  # noqa: N801  (PyTorch's name, and used like a function)
    """Within the block, or in the decorated function, nothing is recorded, in this thread.

    Of a generator that is the body of the function, not what its taker does between two items.
    ArgumentError for an asynchronous function, which shares its thread with others.

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

    def __call__(self, function: Function) -> Function:
        """The function, or generator function, with nothing recorded while its body runs."""
        if iscoroutinefunction(function) or isasyncgenfunction(function):
            hint = "with no_grad(): around lines without await"
            raise ArgumentError(explain("no_grad", "a function or generator", "async def", hint))
        if not isgeneratorfunction(function):
            return super().__call__(function)

        @wraps(function)
        def generator(*arguments: Any, **options: Any) -> Any:
            items = function(*arguments, **options)
            go_on, sent = items.send, None
            try:
                while True:
                    with self:
                        item = go_on(sent)
                    try:
                        go_on, sent = items.send, (yield item)
                    except BaseException as error:  # the taker's throw() or close()
                        go_on, sent = items.throw, error
            except StopIteration as end:
                return end.value

        return cast(Function, generator)
