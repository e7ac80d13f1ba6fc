"""The trainings that several experiments share."""

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

import minidl
from minidl import data, nn, optim, schedules
from minidl import functional as F
from minidl.engine.tensor import Tensor
from minidl.layers.base import Layer
from minidl.layers.init import Initializer
from minidl.optim.base import Optimizer
from minidl.step.prediction import predict
from minidl.step.training import TrainingStep
from minidl.train.fit import schedule_of


def net_of(
    sizes: Sequence[int], activation: str, seed: int, init: str | Initializer | None = None
) -> nn.MLP:
    """A net whose first weights follow from the seed; with `init` None, as the activation needs."""
    minidl.manual_seed(seed)
    return nn.MLP(sizes, activation, init=init)


MEASURED = 10_000  # the first images, on which the training error is measured


class Curve(NamedTuple):
    """The training error after given numbers of steps, and the seconds that the steps took; the
    error is measured outside of these."""

    steps: list[int]
    errors: list[float]
    seconds: list[float]


def pursue(
    net: Layer, x: np.ndarray, y: np.ndarray, optimizer: Optimizer, *, batch: int, seed: int,
    goal: float | None, most: int, schedule: Callable[[int], float] | None = None,
) -> Curve:  # fmt: skip
    """Trains by cross-entropy until the training error reaches `goal`, if there is one, or for
    `most` steps. The error is measured after the steps of `looks`. Batches are whole: the rest of
    an epoch is left out. It ends before the look at which a loss is not finite."""
    step = TrainingStep(net, F.cross_entropy, optimizer, schedule_of(optimizer, schedule))
    batches = data.batches(x, y, min(batch, len(x)), shuffle=True, seed=seed, drop_last=True)
    rows = np.empty(0, np.int64)
    curve, done, seconds = Curve([], [], []), 0, 0.0
    for look in looks(most):
        needed = (look - done) * batches.batch_size
        while len(rows) < needed:
            rows = np.concatenate([rows, batches.draw_order()])
        began = perf_counter()
        with np.errstate(all="ignore"):
            losses = step.on_rows(batches, rows[:needed])
        seconds += perf_counter() - began
        if not np.isfinite(losses).all():
            break
        rows, done = rows[needed:], look
        wrong = error(net, x[:MEASURED], y[:MEASURED])
        curve.steps.append(look)
        curve.errors.append(wrong)
        curve.seconds.append(seconds)
        if goal is not None and wrong <= goal:
            break
    return curve


def looks(most: int) -> Iterator[int]:
    """The steps after which the error is measured: each max(20, 8 %) after the one before, and the
    last.

    >>> [*looks(50)], [*looks(1000)][-4:]
    ([20, 40, 50], [821, 887, 958, 1000])
    """
    step = 0
    while step < most:
        step = min(most, step + max(20, round(0.08 * step)))
        yield step


def reached(amounts: Sequence[float], errors: Sequence[float], target: float) -> float | None:
    """The amount (steps, seconds) at which the error first reached the target, on straight lines
    between the looks; None if it never did.

    >>> reached([10, 20, 30], [0.5, 0.2, 0.1], 0.15)
    25.0
    """
    for i, wrong in enumerate(errors):
        if wrong <= target:
            if i == 0:
                return float(amounts[0])
            share = (errors[i - 1] - target) / (errors[i - 1] - wrong)
            return float(amounts[i - 1] + share * (amounts[i] - amounts[i - 1]))
    return None


def train(
    net: Layer, x: np.ndarray, y: np.ndarray, optimizer: Optimizer, *, epochs: int, batch: int,
    seed: int, schedule: Callable[[int], float] | None = None,
    after_epoch: Callable[[int], None] | None = None, loss: Callable[..., Tensor] = F.cross_entropy,
) -> list[float]:  # fmt: skip
    """Trains by the loss; returns each epoch's mean loss, and calls `after_epoch` with the epoch's
    number, from 1. It ends when a loss is not finite: then there are fewer numbers than epochs, or
    the last is not finite. `schedule` is a factor of the step, such as schedules.cosine(1000)."""
    step = TrainingStep(net, loss, optimizer, schedule_of(optimizer, schedule))
    batches = data.batches(x, y, batch, shuffle=True, seed=seed)
    losses: list[float] = []
    for epoch in range(1, epochs + 1):
        with np.errstate(all="ignore"):
            losses.append(float(step.epoch(batches).mean()))
        if not np.isfinite(losses[-1]):
            break
        if after_epoch is not None:
            after_epoch(epoch)
    return losses


def half_cosine(images: np.ndarray, batch: int, epochs: int) -> Callable[[int], float]:
    """The schedule that falls to 0 at the end of `epochs` epochs of these images."""
    return schedules.cosine(epochs * -(-len(images) // batch))


def sgd(net: Layer, lr: float, momentum: float = 0.0) -> optim.SGD:
    """SGD, without momentum unless one is given."""
    return optim.SGD(net.parameters(), lr=lr, momentum=momentum)


def as_numbers(x: np.ndarray) -> np.ndarray:
    """Pixels (uint8) as the numbers that the net gets, in float64."""
    return (x / np.float32(255)).astype(np.float32).astype(np.float64)


def error(net: Layer, x: np.ndarray, y: np.ndarray) -> float:
    """The fraction of images whose largest output is not that of their label."""
    training = net.training
    net.eval()
    wrong = float((predict(net, x).argmax(axis=1) != y).mean())
    net.train(training)
    return wrong
