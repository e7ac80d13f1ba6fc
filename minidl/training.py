"""`TrainingStep`: forward, loss, backward and update as one operation."""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _kernels, tape
from .data.batches import Batches
from .errors import ArgumentError, explain
from .fused import Part, Program, chained, parts_of
from .layer import Layer
from .losses import cross_entropy
from .losses.checks import label_array
from .optim.base import Optimizer
from .schedules import Schedule
from .tensor import Tensor

# Nanoseconds that one kernel call trains for, so that Ctrl-C does not have to wait for an epoch.
CALL = 100e6


class TrainingStep:
    """One training step: `net` and `loss` forward, their gradients, the optimiser's step.

        step = TrainingStep(net, F.cross_entropy, optimizer)
        for epoch in range(10):
            print(step.epoch(batches).mean())

    is the same, to the last bit, as the loop written out:

        for x, y in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()

    and for the usual nets about twice as fast: where the net is a Sequential of Dense layers,
    activations that have kernels, and Dropout, and the loss is cross_entropy of labels, many steps
    run as one kernel call. Any other net, loss (a function of the net's output and the labels
    that gives a number) or optimiser takes the loop. No gradients are left: `grad` is None.

    A `schedule` goes on a step after each of the optimiser's.

    >>> import minidl
    >>> from minidl import data, nn, optim, functional as F
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> net = nn.MLP([4, 8, 2], "tanh")
    >>> step = TrainingStep(net, F.cross_entropy, optim.Adam(net.parameters(), lr=0.1))
    >>> losses = [step.epoch(data.batches(x, y, batch_size=2)).mean() for _ in range(20)]
    >>> losses[-1] < 0.1 * losses[0]
    True
    """

    def __init__(
        self, net: Layer, loss: Callable[..., Tensor], optimizer: Optimizer,
        schedule: Schedule | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(
                explain("TrainingStep", "an optimiser", repr(optimizer), "optim.SGD(...)")
            )
        self.net, self.loss, self.optimizer, self.schedule = net, loss, optimizer, schedule
        self._program: Program | None = None
        self._program_for: Any = None

    def __call__(self, x: Any, y: Any) -> float:
        """One step on a batch; gives its loss."""
        self.optimizer.zero_grad()
        loss = self.loss(self.net(x), y)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.schedule is not None:
            self.schedule.step()
        return loss.item()

    def epoch(self, batches: Any) -> np.ndarray:
        """A step for each batch, once through all; gives their losses, float64 (batches,)."""
        parts = self._fusable(batches)
        if parts is None:
            return np.array([self(x, y) for x, y in batches])
        x, classes = batches.x, parts[-1].dense.weight.shape[1]
        labels = label_array("cross_entropy", batches.y, len(x), classes)
        size = min(batches.batch_size, len(x))
        per_step = 6 * size * sum(part.dense.weight.size for part in parts)
        nanoseconds = per_step / _kernels.PRODUCTS_PER_NANOSECOND / 2
        threads = _kernels.threads_for(nanoseconds)
        program = self._program_of(parts, size, threads)
        order = batches.draw_order()
        steps_at_most = max(1, int(CALL / nanoseconds))
        losses = []
        for start in range(0, len(order), steps_at_most * size):
            rows = order[start : start + steps_at_most * size]
            losses.append(self._run(program, parts, x, rows, labels, -(-len(rows) // size)))
        return np.concatenate(losses) if losses else np.empty(0)

    def _run(
        self, program: Program, parts: Any, x: np.ndarray, rows: np.ndarray, labels: np.ndarray,
        steps: int,
    ) -> np.ndarray:  # fmt: skip
        self.optimizer.zero_grad()
        rates = None
        if self.schedule is not None:
            rates = []
            for _ in range(steps):
                rates.append(self.schedule.lr)
                self.schedule.step()
        rules, numbers = self.optimizer.next_steps(steps, rates)
        weights = np.ones(parts[-1].dense.weight.shape[1])
        losses = program.run("cross_entropy", weights, x, rows, labels, rules, numbers)
        for p in self.net.parameters():
            if id(p) in rules:
                p.mark_written()
        for part in parts:
            if part.dropout is not None:
                part.dropout.calls += steps * part.dropout.training
        return losses

    def _fusable(self, batches: Any) -> list[Part] | None:
        """The net's parts, if the kernel can do all that the loop would do with these batches."""
        parts = parts_of(self.net)
        if (
            parts is None
            or self.loss is not cross_entropy
            or not tape.recording()
            or type(self.optimizer).step is not Optimizer.step
            or not isinstance(batches, Batches)
            or len(batches.x) == 0
            or batches.y.ndim != 1
            or batches.y.dtype.kind not in "iu"
        ):
            return None
        first = parts[0].dense.weight
        dtype = np.dtype(np.float32) if batches.x.dtype == np.uint8 else batches.x.dtype
        own = {id(p) for p in self.net.parameters()}
        known = all(
            id(p) in own and p.requires_grad
            for group in self.optimizer.param_groups
            for p in group["params"]
        )
        sizes_fit = batches.x.ndim == 2 and batches.x.shape[1] == first.shape[0] and chained(parts)
        return parts if known and sizes_fit and dtype == first.dtype else None

    def _program_of(self, parts: list[Part], batch: int, threads: int) -> Program:
        """The program for batches of this size, from the last time if nothing has changed."""
        wanted = (parts, batch, threads, parts[0].dense.weight.dtype, _kernels.level)
        if self._program is None or self._program_for != wanted:
            self._program, self._program_for = Program(parts, batch, threads), wanted
        return self._program
