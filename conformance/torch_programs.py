"""Random programs of tensors, in minidl and in PyTorch: values and gradients in float64.

A program holds values of small shapes, among them views of each other, and takes some steps: an
operation makes a new value, or one is changed in place. At its end all values enter a loss. Both
libraries run the same program, as all is drawn from one seed.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.nn import functional as T
from verdicts import Case, LeftOut, Part, judge

import minidl
from minidl import functional as F

MINIDL, TORCH = 0, 1
STEPS = 8
# Both compute in float64, in another order: rounding is some 1e-14 here.
CLOSE = {"rtol": 1e-8, "atol": 1e-10}


def alike(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What is written the same way for both."""
    return function, function


# Pairs of functions that are to be the same: minidl's and PyTorch's.
OF_ONE = [
    # PyTorch's slope is 0 at a bound of clip, minidl's 1: no value is just there.
    alike(lambda x: (x / 2).exp()), alike(lambda x: (x / 2).expm1()), alike(lambda x: x.abs()),
    alike(lambda x: (x * x + 1).log()), alike(lambda x: (x * x).log1p()), alike(lambda x: -x),
    alike(lambda x: (x * x + 1).sqrt()), alike(lambda x: x.clip(-0.45, 0.75)),
    (F.relu, T.relu), (F.leaky_relu, T.leaky_relu), (F.relu6, T.relu6), (F.elu, T.elu),
    (F.hard_tanh, T.hardtanh), (F.selu, T.selu),
    # T.hardsigmoid takes 1 / 6 in single precision.
    (F.hard_sigmoid, lambda x: T.relu6(x + 3) / 6),
    (F.celu, T.celu), (F.sigmoid, torch.sigmoid), (F.tanh, torch.tanh), (F.mish, T.mish),
    (F.softsign, T.softsign), (F.softplus, lambda x: T.softplus(x, threshold=1e3)),
    (F.log_sigmoid, T.logsigmoid), (F.silu, T.silu), (F.gelu, T.gelu),
    (lambda x: F.gelu(x, approximate=True), lambda x: T.gelu(x, approximate="tanh")),
]  # fmt: skip
OF_TWO = [
    alike(lambda x, y: x + y), alike(lambda x, y: x - y), alike(lambda x, y: x * y),
    alike(lambda x, y: x / (y * y + 1)), alike(lambda x, y: (x * x + 1) ** y.tanh()),
    (minidl.maximum, torch.maximum), (minidl.minimum, torch.minimum),
    (lambda x, y: minidl.where(x > y, x, y * 2), lambda x, y: torch.where(x > y, x, y * 2)),
]  # fmt: skip
OF_AN_AXIS = [
    alike(lambda x, axis: x.sum(axis)), alike(lambda x, axis: x.mean(axis, keepdims=True)),
    (lambda x, axis: x.max(axis), lambda x, axis: x.amax(axis)),
    (lambda x, axis: x.min(axis, keepdims=True), lambda x, axis: x.amin(axis, keepdims=True)),
    (lambda x, axis: x.var(axis), lambda x, axis: x.var(axis, correction=0)),
    (F.softmax, T.softmax), (F.log_softmax, T.log_softmax),
    (lambda x, axis: minidl.concatenate([x, -x], axis), lambda x, axis: torch.cat([x, -x], axis)),
    (lambda x, axis: minidl.stack([x, -x], axis), lambda x, axis: torch.stack([x, -x], axis)),
]  # fmt: skip
LOSSES = [
    (F.mse, T.mse_loss), (F.huber, T.huber_loss),
    (F.binary_cross_entropy_with_logits, T.binary_cross_entropy_with_logits),
    (lambda x, y: F.cross_entropy(x, y.argmax(1)), lambda x, y: T.cross_entropy(x, y.argmax(1))),
    (lambda x, y: F.multi_margin(x, y.argmax(1)), lambda x, y: T.multi_margin_loss(x, y.argmax(1))),
]  # fmt: skip


def fit(x: Any, y: Any) -> bool:
    """Whether the two broadcast."""
    pairs = zip(x.shape[::-1], y.shape[::-1], strict=False)
    return all(m == n or 1 in (m, n) for m, n in pairs)


class Program:
    """One program in one library."""

    def __init__(self, seed: int, library: int) -> None:
        self.rng, self.library = np.random.default_rng(seed), library
        rows, columns = self.rng.integers(1, 5, size=2)
        shapes = [(rows, columns), (columns,), (rows, 1), (2, rows, columns)]
        self.leaves = [self.leaf(shape) for shape in shapes]
        self.values = [leaf * 1 for leaf in self.leaves]

    def leaf(self, shape: tuple[int, ...]) -> Any:
        """A tensor that wants a gradient; rounded, so that some elements are equal."""
        array = self.rng.normal(size=shape).round(1)
        if self.library == MINIDL:
            return minidl.tensor(array, requires_grad=True)
        return torch.tensor(array, requires_grad=True)

    def pick(self, pairs: list[tuple[Any, Any]]) -> Any:
        return pairs[self.rng.integers(len(pairs))][self.library]

    def value(self) -> Any:
        return self.values[self.rng.integers(len(self.values))]

    def of_one(self) -> Any:
        return self.pick(OF_ONE)(self.value())

    def of_two(self) -> Any:
        """With a value that broadcasts beside it, itself if there is no other."""
        x = self.value()
        fitting = [y for y in self.values if fit(x, y)]
        return self.pick(OF_TWO)(x, fitting[self.rng.integers(len(fitting))])

    def of_an_axis(self) -> Any:
        x = self.value()
        axis = int(self.rng.integers(-x.ndim, x.ndim)) if x.ndim else None
        return x if axis is None else self.pick(OF_AN_AXIS)(x, axis)

    def product(self) -> Any:
        x = self.value()
        return x if x.ndim != 2 else x @ x.T

    def view(self) -> Any:
        """Slices, single rows and other shapes: they share memory with the value."""
        x = self.value()
        if not x.ndim:
            return x
        row, kind = int(self.rng.integers(x.shape[0])), self.rng.integers(4)
        return [lambda: x[row:], lambda: x[row], lambda: x.reshape(-1), lambda: x[..., :1]][kind]()

    def rows(self) -> Any:
        """Rows by their numbers, some of them twice."""
        x = self.value()
        return x[self.rng.integers(x.shape[0], size=3)] if x.ndim else x

    def in_place(self) -> Any:
        """A change of a value, or of a part of it; and the value read after it."""
        x, kind = self.value(), self.rng.integers(4)
        if kind == 0:
            x += 0.5
        elif kind == 1:
            x *= x.detach() * 0 + 0.7
        elif x.ndim:
            row = int(self.rng.integers(x.shape[0]))
            x[row] = x[0] * 2 if kind == 2 else 0.3
        return x * 1

    def loss(self) -> Any:
        """A loss of the first value that has two axes, and the weighted sum of all values."""
        total = sum((x * self.rng.normal()).sum() for x in self.values)
        x = next((x for x in self.values if x.ndim == 2), None)
        return total if x is None else total + self.pick(LOSSES)(x, 1 / (1 + x.detach().exp()))

    def run(self) -> list[np.ndarray]:
        """The loss and the gradients of the leaves."""
        kinds = [self.of_one, self.of_two, self.of_an_axis, self.product, self.view, self.rows,
                 self.in_place]  # fmt: skip
        for _ in range(STEPS):
            self.values.append(kinds[self.rng.choice(len(kinds))]())
        loss = self.loss()
        loss.backward()
        return [loss.detach().numpy(), *(np.asarray(leaf.grad) for leaf in self.leaves)]


def check(seed: int) -> None:
    """AssertionError unless minidl's loss and gradients are PyTorch's."""
    try:
        wanted = Program(seed, TORCH).run()
    except RuntimeError as error:
        raise LeftOut("PyTorch itself refuses it") from error
    for found, expected in zip(Program(seed, MINIDL).run(), wanted, strict=True):
        np.testing.assert_allclose(found, expected, **CLOSE)


def cases(short: bool) -> Iterator[Case]:
    """3,000 programs, or 200."""
    for seed in range(200 if short else 3000):
        yield judge("random programs", f"seed {seed}", check, seed)


PART = Part(
    "PyTorch programs",
    f"Random programs of {STEPS} steps in float64: arithmetic that broadcasts, activations, "
    "reductions, products, views, rows by number, changes in place, and a loss. Right: the loss "
    "and all gradients are PyTorch's. minidl refuses to read a view that is out of date after a "
    "change in place, and to compute a gradient from values that were changed; PyTorch repairs "
    "some of these cases.",
    "programs",
    ("torch",),
    cases,
)
