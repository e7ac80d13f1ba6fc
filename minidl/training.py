"""`TrainingStep`: forward, loss, backward and update as one operation."""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _kernels, tape
from .data.batches import Batches
from .errors import ArgumentError, explain
from .fused import FusedNet, Program
from .layer import Layer
from .losses import cross_entropy
from .losses.checks import label_array
from .optim.base import Optimizer
from .schedules import Schedule
from .tensor import Tensor

# Nanoseconds that one kernel call trains for, so that Ctrl-C does not have to wait for an epoch.
CALL = 100e6

PASSES = 3  # a step's products by a forward pass's


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
    >>> minidl.manual_seed(0)
    >>> net = nn.MLP([4, 8, 2], "tanh")
    >>> step = TrainingStep(net, F.cross_entropy, optim.Adam(net.parameters(), lr=0.1))
    >>> losses = [step.epoch(data.batches(x, y, batch_size=2)).mean() for _ in range(20)]
    >>> print(losses[-1] < 0.1 * losses[0])
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
        self._net: FusedNet | None = None
        self._program: Program | None = None
        self._program_for: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy takes the net apart anew: kernels cannot be copied."""
        return vars(self) | {"_net": None, "_program": None, "_program_for": None}

    def __call__(self, x: Any, y: Any) -> float:
        """One step on a batch; gives its loss."""
        inputs = x.data if isinstance(x, Tensor) and not x.requires_grad else x
        labels = np.asarray(y)
        net = self._fused(inputs, labels)
        if net is not None and inputs.dtype is net.dtype:
            rows, size = np.ascontiguousarray(inputs), len(inputs)
            labels = label_array("cross_entropy", labels, size, net.classes)
            return self._run(net, rows, None, labels, size, 1, is_short=True).item()
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
        net = self._fused_for(batches) if isinstance(batches, Batches) else None
        if net is None:
            return np.array([self(x, y) for x, y in batches])
        self._labels(net, batches)
        order = batches.draw_order()
        size = min(batches.batch_size, len(batches.x))
        at_once = size * max(1, int(CALL / (PASSES * net.nanoseconds(size))))
        pieces = np.split(order, range(at_once, len(order), at_once))
        return np.concatenate([self.on_rows(batches, rows) for rows in pieces])

    def on_rows(self, batches: Batches, rows: np.ndarray) -> np.ndarray:
        """Steps on these rows of the data, a batch after the other, in one kernel call if the
        kernel can; gives their losses. An epoch is its order's rows, in as many pieces as wanted:
        the bits are the same where all but the last are of whole batches."""
        net = self._fused_for(batches)
        if net is None:
            return np.array([self(x, y) for x, y in batches.walk(rows)])
        labels = self._labels(net, batches)
        size = min(batches.batch_size, len(batches.x))
        return self._run(net, batches.x, rows, labels, size, -(-len(rows) // size))

    def _fused_for(self, batches: Batches) -> FusedNet | None:
        """The net, if the kernel can train it on these batches."""
        net = self._fused(batches.x, batches.y)
        return None if net is None or batches.dtype != net.dtype else net

    def _labels(self, net: FusedNet, batches: Batches) -> np.ndarray:
        return label_array("cross_entropy", batches.y, len(batches.x), net.classes)

    def _fused(self, x: Any, labels: np.ndarray) -> FusedNet | None:
        """The net, if the kernel can do all that the loop would do with such data."""
        if self.loss is not cross_entropy or not tape.recording():
            return None
        if not isinstance(x, np.ndarray) or x.ndim != 2 or len(x) == 0:
            return None
        if labels.shape != (len(x),) or labels.dtype.kind not in "iu":
            return None
        net = self._net
        if net is None or not net.is_current():
            net = self._net = FusedNet.of(self.net)
        if net is None or x.shape[1] != net.inputs:
            return None
        if type(self.optimizer).step is not Optimizer.step:
            return None
        for p in self.optimizer.all_parameters():
            if id(p) not in net.ids or not p.requires_grad:
                return None
        return net

    def _run(
        self, net: FusedNet, x: np.ndarray, order: np.ndarray | None, labels: np.ndarray,
        batch: int, steps: int, is_short: bool = False,
    ) -> np.ndarray:  # fmt: skip
        """Steps on the rows of x in this order, as one kernel call; gives their losses."""
        program = self._program_of(net, batch, is_short)
        self.optimizer.zero_grad()
        rates = None if self.schedule is None else self._rates(self.schedule, steps)
        rules, numbers = self.optimizer.next_steps(steps, rates)
        losses = program.train(x, order, labels, rules, numbers)
        for p in self.optimizer.all_parameters():
            p.mark_written()
        for dropout in net.dropouts:
            dropout.calls += steps * dropout.training
        return losses

    def _rates(self, schedule: Schedule, steps: int) -> list[list[float]]:
        """Every group's rate for each of the next steps, by which the schedule goes on."""
        rates = []
        for _ in range(steps):
            rates.append(schedule.lr)
            schedule.step()
        return rates

    def _program_of(self, net: FusedNet, batch: int, is_short: bool) -> Program:
        """The program for batches of this size, from the last time if nothing has changed."""
        threads = _kernels.threads_for(PASSES * net.nanoseconds(batch))
        wanted = (net, batch, threads, is_short, _kernels.level)
        if self._program is None or self._program_for != wanted:
            self._program, self._program_for = Program(net, batch, threads, is_short), wanted
        return self._program
