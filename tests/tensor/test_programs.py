"""Programs at random: views, broadcasting, changes in place, hooks, passes back over and again.

Each runs on minidl and on an engine of another kind (forward_mode.py). Values and gradients are the
same, and GraphError comes where that engine says that no gradient could be right, and nowhere else;
then all is as it was. Any other exception fails.
"""

import operator
from collections.abc import Callable
from typing import Any

import forward_mode as forward
import numpy as np
from forward_mode import Dual, Function, leaf
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import GraphError, Tensor, no_grad, tensor

CHOICES = 120  # that a program consists of
MOST, LARGEST = 24, 30.0  # elements of a value, and their size

ONE, MINUS_ONE = (lambda *_: 1.0), (lambda *_: -1.0)
ADD = Function(np.add, [ONE, ONE], [(), ()])
SUBTRACT = Function(np.subtract, [ONE, MINUS_ONE], [(), ()])
MULTIPLY = Function(np.multiply, [lambda x, y, z: y, lambda x, y, z: x], [(1,), (0,)])
DIVIDE = Function(np.divide, [lambda x, y, z: 1 / y, lambda x, y, z: -z / y], [(1,), (1, None)])
MAXIMUM = Function(
    np.maximum,
    [lambda x, y, z: (1 + np.sign(x - y)) / 2, lambda x, y, z: (1 + np.sign(y - x)) / 2],
    [(0, 1, None), (0, 1, None)],
)
OF_ONE: list[tuple[Callable[..., Tensor], Function]] = [
    (Tensor.tanh, Function(np.tanh, [lambda x, y: 1 - y * y], [(None,)])),
    (Tensor.sin, Function(np.sin, [lambda x, y: np.cos(x)], [(0,)])),
    (Tensor.abs, Function(np.abs, [lambda x, y: np.sign(x)], [(0,)])),
    (Tensor.floor, Function(np.floor, [lambda x, y: 0.0], [()])),
    (lambda x: 0.5 - x, Function(lambda x: 0.5 - x, [MINUS_ONE], [()])),
]
OF_TWO: list[tuple[Callable[..., Tensor], Callable[..., Dual]]] = [
    (minidl.add, ADD),
    (minidl.subtract, SUBTRACT),
    (minidl.multiply, MULTIPLY),
    (minidl.maximum, MAXIMUM),
    (lambda x, y: x / (y * y + 1), lambda x, y: DIVIDE(x, ADD(MULTIPLY(y, y), leaf(1.0)))),
]
IN_PLACE = [(operator.iadd, ADD), (operator.isub, SUBTRACT), (operator.imul, MULTIPLY)]


def diagonal(a: np.ndarray) -> np.ndarray:
    """Of a matrix along the first two axes, as a view that can be written to."""
    n = min(a.shape[:2])
    return np.einsum("ii...->i...", a[:n, :n])


# Views by the axes that they need, counted from the first: so what they do to J is the same.
VIEWS: list[tuple[int, Callable[[Tensor], Tensor], Callable[[np.ndarray], np.ndarray]]] = [
    (1, lambda x: x.flip(0), lambda a: a[::-1]),
    (2, lambda x: x.swapaxes(0, 1), lambda a: a.swapaxes(0, 1)),
    (0, lambda x: x.unsqueeze(0), lambda a: a[None]),
    (1, lambda x: x.split([1])[1], lambda a: a[1:]),
    (2, lambda x: x.diagonal(), diagonal),
    (1, lambda x: x[:1].squeeze(0), lambda a: a[0, ...]),
]

Pair = tuple[Tensor, Dual]


def joined(*parts):
    return np.concatenate(parts)


class Program:
    """The values of both engines, in pairs."""

    def __init__(self, choices: bytes) -> None:
        self.choices = list(choices)
        self.leaves: list[tuple[Tensor, slice]] = []
        self.probes: list[tuple[Tensor, Tensor]] = []
        self.gradient = np.zeros(forward.COUNT)  # that the leaves have received
        self.values: list[Pair] = [(tensor(np.array([0.6, -1.2, 0.9])), leaf([0.6, -1.2, 0.9]))]
        for shape in ((2, 3), (3,), (2, 1, 3)):
            n = np.prod(shape)
            x, dual = self.new_leaf(np.linspace(-1, 1 + n / 20, n).reshape(shape))
            self.values += [(x, dual), (x * 1, MULTIPLY(dual, leaf(1.0)))]
        self.passes = self.refusals = 0

    def run(self) -> None:
        kinds = [
            self.of_one, self.of_two, self.of_two, self.of_an_axis, self.joined, self.view,
            self.view, self.rows, self.in_place, self.in_place, self.assigned, self.augmented,
            self.without_gradient, self.hooked, self.probed, self.backward, self.halved,
        ]  # fmt: skip
        while len(self.choices) > 6:
            kinds[self.choose(len(kinds))]()
            for x, dual in self.values:
                assert x.data.tobytes() == dual.v.tobytes(), "another value"
        for pair in self.values:
            self.pass_back([pair], [1.0], retain_graph=True)

    def choose(self, n: int) -> int:
        """A number below n."""
        return self.choices.pop() % n if self.choices else 0

    def pick(self) -> Pair:
        return self.values[self.choose(len(self.values))]

    def number(self) -> float:
        return (self.choose(20) - 9.5) / 10

    def new_leaf(self, array: np.ndarray) -> Pair:
        first = self.leaves[-1][1].stop if self.leaves else 0
        x = tensor(array, requires_grad=True)
        self.leaves.append((x, slice(first, first + array.size)))
        return x, leaf(array, first)

    def add(self, x: Tensor, dual: Dual) -> None:
        """A new value, unless it is too large, or empty; from now on both have the same bits."""
        assert x.shape == dual.v.shape
        assert (np.abs(x.data - dual.v) <= 1e-12 * (1 + np.abs(dual.v))).all(), "another value"
        if dual.v.size and np.abs(dual.v).max() < LARGEST:
            dual.v[...] = x.data
            self.values.append((x, dual))

    def attempt(self, ours: Callable[[], Any], is_wrong: bool, may_pass: bool = False) -> Any:
        """What ours gives; None for the GraphError that has to come if it would be wrong."""
        try:
            found = ours()
        except GraphError:
            assert is_wrong, "refused what could be right"
            self.refusals += 1
            return None
        assert not is_wrong or may_pass, "not refused"
        return found

    def put(self, ours: Callable[[], Tensor], theirs: Callable[[], Dual], *read: Dual) -> None:
        """The new value of an operation."""
        found = self.attempt(ours, any(dual.is_stale() for dual in read))
        if found is not None:
            self.add(found, theirs())

    def of_one(self) -> None:
        ours, theirs = OF_ONE[self.choose(len(OF_ONE))]
        x, dual = self.pick()
        self.put(lambda: ours(x), lambda: theirs(dual), dual)

    def of_two(self) -> None:
        ours, theirs = OF_TWO[self.choose(len(OF_TWO))]
        x, dual = self.pick()
        y, other = self.fitting(dual.v.shape)
        self.put(lambda: ours(x, y), lambda: theirs(dual, other), dual, other)

    def fitting(self, shape: tuple[int, ...], within: bool = False) -> Pair:
        """A value that broadcasts with the shape, to this shape if it is to stay within."""

        def fits(other: tuple[int, ...]) -> bool:
            try:
                both = np.broadcast_shapes(shape, other)
            except ValueError:
                return False
            return both == shape or (not within and np.prod(both) <= MOST)

        found = [pair for pair in self.values if fits(pair[1].v.shape)]
        return found[self.choose(len(found))] if found else (tensor(np.array(0.5)), leaf(0.5))

    def of_an_axis(self) -> None:
        x, dual = self.pick()
        if dual.v.ndim == 0:
            return
        axis = self.choose(dual.v.ndim)
        ours, theirs = [
            (lambda: x.sum(axis), lambda: forward.linear(lambda a: a.sum(axis), dual)),
            (lambda: x.mean(axis), lambda: forward.linear(lambda a: a.mean(axis), dual)),
            (lambda: x.cumsum(axis), lambda: forward.linear(lambda a: a.cumsum(axis), dual)),
            (lambda: x.max(axis), lambda: forward.largest(dual, axis)),
        ][self.choose(4)]
        self.put(ours, theirs, dual)

    def joined(self) -> None:
        (x, a), (y, b) = self.pick(), self.pick()
        if a.v.size + b.v.size > MOST or a.v.ndim == 0:
            return
        if a.v.ndim == b.v.ndim == 2 and a.v.shape[1] == b.v.shape[0]:
            self.put(lambda: x @ y, lambda: forward.product(a, b), a, b)
        elif b.v.ndim and a.v.shape[1:] == b.v.shape[1:]:
            self.put(lambda: minidl.concatenate([x, y]), lambda: forward.linear(joined, a, b), a, b)

    def index(self, shape: tuple[int, ...], copies: bool) -> Any:
        """An index of one of NumPy's kinds; with `copies` also of those that copy."""
        if not shape:
            return ...
        i, n = self.choose(shape[0]), shape[0]
        kinds = [
            i,
            slice(i, None),
            slice(None, None, -1),
            (..., slice(1)),
            (None, slice(i + 1)),
            ...,
        ]
        kinds.append((None, slice(i + 1)))
        kinds += [[i, 0, i], [n - 1, i], np.arange(n) != i] if copies else []
        return kinds[self.choose(len(kinds))]

    def view(self) -> None:
        x, dual = self.pick()
        kind, ndim = self.choose(8), dual.v.ndim
        if kind == 0:
            order = (*range(1, ndim), 0)[:ndim]
            moves = lambda v: v.transpose(order), lambda J: J.transpose((*order, ndim))
            self.put(lambda: x.transpose(order), lambda: forward.view(dual, *moves), dual)
        elif kind == 1 and dual.v.flags.c_contiguous and x.data.flags.c_contiguous:
            moves = lambda v: v.reshape(-1), lambda J: J.reshape(-1, forward.COUNT)
            self.put(lambda: x.reshape(-1), lambda: forward.view(dual, *moves), dual)
        elif kind == 2:
            self.add(x.detach(), forward.detached(dual))
        elif kind < 6:
            least, ours, move = VIEWS[self.choose(len(VIEWS))]
            if ndim == 2 or ndim == least:
                self.put(lambda: ours(x), lambda: forward.view(dual, move, move), dual)
        else:
            index = self.index(dual.v.shape, copies=False)
            place = (index, ...) if isinstance(index, int) else index
            moves = lambda v: v[place], lambda J: J[forward.index_of_J(place)]
            self.put(lambda: x[index], lambda: forward.view(dual, *moves), dual)

    def rows(self) -> None:
        """Rows by their numbers, some of them twice, or by a mask: a copy."""
        x, dual = self.pick()
        index = self.index(dual.v.shape, copies=True)
        if isinstance(index, (list, np.ndarray)):
            self.put(lambda: x[index], lambda: forward.linear(lambda a: a[index], dual), dual)

    def in_place(self) -> None:
        """x += y and its like."""
        x, dual = self.pick()
        y, other = self.fitting(dual.v.shape, within=True)
        ours, theirs = IN_PLACE[self.choose(3)]
        if np.abs(theirs(dual, other).v).max(initial=0) < LARGEST:
            is_wrong = dual.is_stale() or other.is_stale() or self.loses_leaf(dual, other)
            if self.attempt(lambda: ours(x, y), is_wrong) is not None:
                forward.write(dual, ..., theirs(dual, other))

    def loses_leaf(self, dual: Dual, other: Dual) -> bool:
        """Whether a leaf that wants a gradient is written to."""
        return dual.memory.is_leaf and (dual.wants or other.wants)

    def assigned(self) -> None:
        """x[i] = y, or x[i] = 0.3."""
        x, dual = self.pick()
        index = self.index(dual.v.shape, copies=True)
        if self.choose(3):
            y, other = self.fitting(dual.v[index].shape, within=True)
        else:
            y = self.number()
            other = leaf(y)
        is_lost = self.loses_leaf(dual, other)
        # Of a view that has just been changed x[i] = view may pass: it is the end of x[i] += y.
        may_pass = other.memory is dual.memory and not other.is_stale() and not is_lost
        is_wrong = dual.is_stale() or other.is_stale() or is_lost
        done = self.attempt(lambda: x.__setitem__(index, y) or True, is_wrong, may_pass)
        if done:
            forward.write(dual, index, other)

    def augmented(self) -> None:
        """x[i] += y."""
        x, dual = self.pick()
        index = self.index(dual.v.shape, copies=True)
        part = dual.v[index]
        y, other = self.fitting(part.shape, within=True)
        if np.abs(part).max(initial=0) + np.abs(other.v).max(initial=0) >= LARGEST:
            return

        def ours() -> bool:
            x[index] += y
            return True

        is_wrong = dual.is_stale() or other.is_stale() or self.loses_leaf(dual, other)
        if self.attempt(ours, is_wrong):
            old = forward.linear(lambda a: a, dual)
            old.v, old.J = part.copy(), dual.J[forward.index_of_J(index)].copy()
            forward.write(dual, index, ADD(old, other))

    def without_gradient(self) -> None:
        """A change that is not recorded, as an optimiser's step is: also of leaves."""
        x, dual = self.pick()
        with no_grad():
            x *= 0.5
        forward.write_values(dual, ..., dual.v * 0.5)

    def hooked(self) -> None:
        """A value whose gradient is doubled, or only looked at."""
        before = len(self.values)
        self.of_one()
        if len(self.values) > before and self.values[-1][1].wants:
            x, dual = self.values[-1]
            if self.choose(2):
                x.register_hook(lambda dy: 2 * dy)
                dual.J *= 2
            else:
                x.register_hook(lambda dy: None)
                x.register_hook(lambda dy: 100 * dy).remove()

    def probed(self) -> None:
        """A value that retains its gradient, and a leaf that receives the same."""
        x, dual = self.pick()
        if self.leaves[-1][1].stop + dual.v.size <= forward.COUNT and not dual.is_stale():
            probe, zeros = self.new_leaf(np.zeros(dual.v.shape))
            y = x + probe
            y.retain_grad()
            self.add(y, ADD(dual, zeros))
            self.probes.append((y, probe))

    def backward(self) -> None:
        pairs = [self.pick() for _ in range(1 + self.choose(2))]
        self.pass_back(pairs, [self.number() for _ in pairs], bool(self.choose(2)))

    def halved(self) -> None:
        """The gradient of a leaf, which shares no memory with another's."""
        x, places = self.leaves[self.choose(3)]
        if x.grad is not None:
            x.grad *= 0.5
            self.gradient[places] *= 0.5

    def pass_back(self, pairs: list[Pair], factors: list[float], retain_graph: bool) -> None:
        """Through a loss of these values, if they want gradients."""
        if any(dual.is_stale() or not dual.wants for _, dual in pairs):
            return
        loss = sum((x * factor).sum() for (x, _), factor in zip(pairs, factors, strict=True))
        steps = frozenset().union(*[dual.steps for _, dual in pairs])
        is_wrong = any(step.cannot_be_right() for step in steps)
        if self.attempt(lambda: loss.backward(retain_graph=retain_graph) or True, is_wrong):
            self.passes += 1
            for (_, dual), factor in zip(pairs, factors, strict=True):
                self.gradient += factor * dual.J.reshape(-1, forward.COUNT).sum(0)
            for step in steps:
                step.is_released |= not retain_graph
        self.compare_gradients()

    def compare_gradients(self) -> None:
        gradients = [received(x) for x, _ in self.leaves]
        found = np.concatenate(gradients)
        wanted = self.gradient[: found.size]
        close = 1e-9 * (1 + np.abs(wanted).max())
        assert (np.abs(found - wanted) <= close).all(), "another gradient"
        for x, probe in self.probes:
            assert (np.abs(received(x) - received(probe)) <= close).all(), "retained another"


def received(x: Tensor) -> np.ndarray:
    """The gradient, flat; 0 if there is none."""
    return np.zeros(x.size) if x.grad is None else x.grad.numpy().ravel()


@given(st.binary(min_size=CHOICES, max_size=CHOICES))
@settings(max_examples=500, deadline=None)
def test_programs_are_right_or_rightly_refused(choices):
    Program(choices).run()


def test_most_programs_come_to_something():
    """Passes that succeed, and refusals: else the other test would try little."""
    passes = refusals = 0
    for seed in range(20):
        program = Program(np.random.default_rng(seed).bytes(CHOICES))
        program.run()
        passes, refusals = passes + program.passes, refusals + program.refusals
    assert passes > 100
    assert refusals > 30
