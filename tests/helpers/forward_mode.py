"""Another engine, to hold minidl's to: forward mode, and all that memory remembers said outright.

A `Dual` has beside its values `v` their derivatives `J` by every number of every leaf, as arrays of
NumPy. A view of it has views of both, so a change in place reaches whatever shares the memory, and
there is no tape to be right or wrong. Each operation notes what its gradients will have to read, in
which state; from that follows when a backward pass cannot be right.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

COUNT = 24  # of the numbers that all leaves have together
Move = Callable[[np.ndarray], np.ndarray]


class Memory:
    """What an array and its views share."""

    def __init__(self) -> None:
        self.writes = 0
        self.recorded = 0  # those of them that gradients go through
        self.is_leaf = False


class Dual:
    """Values, their derivatives, and the steps that made them."""

    def __init__(
        self, v: np.ndarray, J: np.ndarray, memory: Memory, steps: frozenset, wants: bool
    ) -> None:
        self.v, self.J, self.memory, self.steps, self.wants = v, J, memory, steps, wants
        self.seen = memory.recorded

    def is_stale(self) -> bool:
        """Whether gradients go through a change of these values that was made by way of another."""
        return self.seen != self.memory.recorded


class Step:
    """An operation that gradients go through: the memory of what they read, as it was."""

    def __init__(self, read: Sequence[Dual] = ()) -> None:
        self.read = [(x.memory, x.memory.writes) for x in read]
        self.is_released = False

    def cannot_be_right(self) -> bool:
        return self.is_released or any(memory.writes != writes for memory, writes in self.read)


def leaf(v: Any, first: int | None = None) -> Dual:
    """A leaf whose numbers have derivatives from place `first` on; None: a constant."""
    v = np.array(v)
    J = np.zeros((*v.shape, COUNT))
    if first is not None:
        J.reshape(v.size, COUNT)[:, first : first + v.size] = np.eye(v.size)
    x = Dual(v, J, Memory(), frozenset(), first is not None)
    x.memory.is_leaf = x.wants
    return x


def result(v: Any, J: Any, inputs: Sequence[Dual], read: Sequence[Dual | None] = ()) -> Dual:
    """What an operation makes of inputs. `read` is what its gradients read, None for the result."""
    steps = frozenset().union(*[x.steps for x in inputs])
    y = Dual(np.array(v), np.array(J), Memory(), steps, any(x.wants for x in inputs))
    if y.wants:
        y.steps |= {Step([y if x is None else x for x in read])}
    return y


class Function(NamedTuple):
    """A function of each element; its slope for each input, from inputs and result; and what each
    slope reads: the numbers of inputs, None for the result."""

    value: Callable[..., Any]
    slopes: Sequence[Callable[..., Any]]
    reads: Sequence[tuple[int | None, ...]]

    def __call__(self, *inputs: Dual) -> Dual:
        arrays = [x.v for x in inputs]
        v = np.asarray(self.value(*arrays))
        J = np.zeros((*v.shape, COUNT))
        read = []
        for x, slope, places in zip(inputs, self.slopes, self.reads, strict=True):
            added = (1,) * (v.ndim - x.v.ndim)
            J += np.asarray(slope(*arrays, v))[..., None] * x.J.reshape(added + x.J.shape)
            read += [None if place is None else inputs[place] for place in places if x.wants]
        return result(v, J, inputs, read)


def linear(function: Callable[..., Any], *inputs: Dual) -> Dual:
    """A function that is linear, and that leaves a last axis alone: its gradient reads nothing."""
    return result(function(*[x.v for x in inputs]), function(*[x.J for x in inputs]), inputs)


def largest(x: Dual, axis: int) -> Dual:
    """The maximum along an axis, which equal ones share."""
    v = x.v.max(axis, keepdims=True)
    share = (x.v == v) / (x.v == v).sum(axis, keepdims=True)
    return result(v.squeeze(axis), (share[..., None] * x.J).sum(axis), [x], [x, None])


def product(x: Dual, y: Dual) -> Dual:
    """x @ y of two matrices."""
    J = np.einsum("ijp,jk->ikp", x.J, y.v) + np.einsum("ij,jkp->ikp", x.v, y.J)
    return result(x.v @ y.v, J, [x, y], [y] * x.wants + [x] * y.wants)


def view(x: Dual, move: Move, move_J: Move) -> Dual:
    """The same memory, seen otherwise."""
    steps = x.steps | {Step()} if x.wants else x.steps
    return Dual(move(x.v), move_J(x.J), x.memory, steps, x.wants)


def detached(x: Dual) -> Dual:
    """The same memory, without derivatives."""
    return Dual(x.v, np.zeros_like(x.J), x.memory, frozenset(), False)


def write(x: Dual, index: Any, new: Dual) -> None:
    """x[index] = new."""
    if x.wants or new.wants:
        x.memory.recorded += 1
        x.seen = x.memory.recorded
        x.wants, x.steps = True, x.steps | new.steps | {Step()}
        x.J[index_of_J(index)] = new.J
    write_values(x, index, new.v)


def write_values(x: Dual, index: Any, v: Any) -> None:
    """x[index] = v, which no gradient goes through."""
    x.v[index] = v
    x.memory.writes += 1


def index_of_J(index: Any) -> Any:
    """The index of J for one of v."""
    parts = index if isinstance(index, tuple) else (index,)
    return (*parts, slice(None)) if any(part is ... for part in parts) else index
