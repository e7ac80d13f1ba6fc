"""`TrainingStep`: forward, loss, backward and update as one operation."""

import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from ..data.batches import Batches, is_plain
from ..data.kinds import to_train_on
from ..engine.recording import recording
from ..engine.tensor import Tensor
from ..errors import ArgumentError, GraphError, GuardWarning, Unplanned, explain, some
from ..layers.base import Layer
from ..losses.declaration import planned
from ..losses.reduction import RowLoss
from ..optim.base import Optimizer
from ..optim.block import same
from ..optim.compiled import Compiled
from ..optim.schedules import Schedule
from ..tools.checks import runs_as
from .fused import FusedNet, Program, squares_of
from .trained import check_schedule, left_out

if TYPE_CHECKING:
    from .firing import Firing

# Nanoseconds that one kernel call trains for, so that Ctrl-C does not have to wait for an epoch.
CALL = 100e6

PASSES = 3  # a step's products by a forward pass's


class TrainingStep:
    """One training step: `net` and `loss` forward, their gradients, the optimiser's step.

        step = TrainingStep(net, F.cross_entropy, optimizer)
        for epoch in range(10):
            print(step.epoch(batches).mean())

    gives the weights, to the last bit, of the loop written out:

        for x, y in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()

    and its losses, as they were summed up in float64 (the loop rounds them to the net's dtype).

    For the usual nets it is at least about twice as fast: where the net is a Sequential of Dense
    layers, activations that have kernels, and Dropout, and the loss is one of minidl's, many steps
    run as one kernel call. Options are given by `functools.partial`:

        step = TrainingStep(net, partial(F.huber, delta=2.0), optimizer)

    Any other net, loss (a function of the net's output and the targets that gives a number),
    option (sample_weight) or optimiser takes the loop. No
    gradients are left: `grad` is None. The kernel looks at all targets before it trains: what is
    wrong with one of them is raised, in the loss's words, before anything is changed.

    A `schedule` goes on a step after each of the optimiser's. ArgumentError if the optimiser has
    none of the net's parameters, or if the schedule is another optimiser's; a GuardWarning if
    parameters are left out that want a gradient.

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
        check_schedule("TrainingStep", schedule, optimizer)
        self.net, self.loss, self.optimizer, self.schedule = net, loss, optimizer, schedule
        self._left_out: list[str] | None = None  # when it was last checked
        self._checked: tuple[Any, ...] = ()  # what a call was last checked with
        self.firing: Firing | None = None  # notes which units fire, where it is wanted
        # Takes in the sum of all W² before each step, as arrays, where it is wanted.
        self.squares: list[np.ndarray] | None = None
        self._net: FusedNet | None = None
        self._program: Program | None = None
        self._program_for: Any = None
        self._running_in = 0  # the process in which a call goes on; a child forked then may call

    def __getstate__(self) -> dict[str, Any]:
        """A copy takes the net apart anew: kernels cannot be copied."""
        return vars(self) | {
            "_net": None, "_program": None, "_program_for": None, "_running_in": 0, "_checked": ()
        }  # fmt: skip

    def check(self) -> None:
        """Raises, or warns once, if the optimiser does not train the net as it is now, or if the
        schedule or the notes of what fires are another's."""
        check_schedule("TrainingStep", self.schedule, self.optimizer)
        if self.firing is not None and self.firing.net is not self.net:
            raise ArgumentError(explain("TrainingStep", "firing of its own net", "another net's"))
        names = left_out("TrainingStep", self.net, self.optimizer)
        if names and names != self._left_out:
            expected = "an optimiser of all parameters that want a gradient"
            hint = "requires_grad = False for what shall stay as it is"
            message = explain("TrainingStep", expected, f"one without {some(names)}", hint)
            warnings.warn(message, GuardWarning, stacklevel=3)
        self._left_out = names

    def __call__(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """One step on a batch; gives its loss."""
        inputs = x.data if isinstance(x, Tensor) and not x.requires_grad else x
        fused = self._fused(inputs, y, sample_weight)
        used = self.net, self._net, self.optimizer, self.schedule, self.firing
        if not same(used, self._checked):
            self.check()
            self._checked = used
        if fused is not None and inputs.dtype == fused[0].dtype:
            rows = np.ascontiguousarray(inputs)
            return self._run(*fused, rows, None, len(rows), 1, is_short=True).item()
        if self.squares is not None:
            self.squares.append(np.array([squares_of(self.net)]))
        self.optimizer.zero_grad()
        outputs = self.net(x) if self.firing is None else self.firing.forward(x)
        options = {} if sample_weight is None else {"sample_weight": sample_weight}
        loss = self.loss(outputs, y, **options)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.schedule is not None:
            self.schedule.step()
        return loss.item()

    def epoch(self, batches: Any) -> np.ndarray:
        """A step for each batch, once through all; gives their losses, float64 (batches,)."""
        self.check()
        fused = self._fused_for(batches) if is_plain(batches) else None
        if fused is None:
            given = to_train_on("TrainingStep.epoch", batches)
            return np.array([self(*batch) for batch in given])
        net, loss = fused
        order = batches.draw_order()
        size = min(batches.batch_size, len(batches.x))
        at_once = size * max(1, int(CALL / (PASSES * net.nanoseconds(size))))
        pieces = np.split(order, range(at_once, len(order), at_once))
        return np.concatenate([self._run_rows(net, loss, batches, rows) for rows in pieces])

    def on_rows(self, batches: Batches, rows: Any) -> np.ndarray:
        """Steps on these rows of the data, a batch after the other, in one kernel call if the
        kernel can; gives their losses. An epoch is its order's rows, in as many pieces as wanted:
        the bits are the same where all but the last are of whole batches. ArgumentError, and no
        step, if there are no such rows."""
        rows = batches.checked_rows(rows)
        self.check()
        fused = self._fused_for(batches)
        if fused is None or len(rows) == 0:
            return np.array([self(*batch) for batch in batches.walk(rows)])
        return self._run_rows(*fused, batches, rows)

    def _run_rows(
        self, net: FusedNet, loss: RowLoss, batches: Batches, rows: np.ndarray
    ) -> np.ndarray:
        size = min(batches.batch_size, len(batches.x))
        return self._run(net, loss, batches.x, rows, size, -(-len(rows) // size))

    def _fused_for(self, batches: Batches) -> tuple[FusedNet, RowLoss] | None:
        """The net and the loss, if the kernel can train on these batches."""
        fused = self._fused(batches.x, batches.y, batches.sample_weight)
        return None if fused is None or batches.dtype != fused[0].dtype else fused

    def _fused(self, x: Any, y: Any, weights: Any = None) -> tuple[FusedNet, RowLoss] | None:
        """The net, and the loss for such targets, if the kernel can do all that the loop would."""
        if not recording() or (isinstance(y, Tensor) and y.requires_grad):
            return None
        if not isinstance(x, np.ndarray) or x.ndim != 2 or len(x) == 0:
            return None
        net = self._net
        if net is None or not net.is_current(self.net):
            net = self._net = FusedNet.of(self.net)
        if net is None or x.shape[1] != net.inputs:
            return None
        if not runs_as(self.optimizer, Compiled, "step", "zero_grad", "update"):
            return None
        if self.schedule is not None and not runs_as(self.schedule, Schedule, "step", "lr"):
            return None
        for p in self.optimizer.all_parameters():
            if id(p) not in net.ids or not p.requires_grad:
                return None
        try:
            return net, planned(self.loss, y, (len(x), net.outputs), net.dtype, weights)
        except Unplanned:
            return None

    def _run(
        self, net: FusedNet, loss: RowLoss, x: np.ndarray, order: np.ndarray | None,
        batch: int, steps: int, is_short: bool = False,
    ) -> np.ndarray:  # fmt: skip
        """Steps on the rows of x in this order, as one kernel call; gives their losses."""
        process = os.getpid()
        if self._running_in == process:
            raise GraphError(
                explain(
                    "TrainingStep",
                    "one step at a time",
                    "a call while another thread's goes on",
                    "a net, an optimiser and a TrainingStep for each thread",
                )
            )
        self._running_in = process
        try:
            return self._run_alone(net, loss, x, order, batch, steps, is_short)
        finally:
            self._running_in = 0

    def _run_alone(
        self, net: FusedNet, loss: RowLoss, x: np.ndarray, order: np.ndarray | None,
        batch: int, steps: int, is_short: bool,
    ) -> np.ndarray:  # fmt: skip
        assert isinstance(self.optimizer, Compiled)  # as _fused has found
        loss.check_batches(order, batch)
        program = self._program_of(net, batch, is_short)
        self.optimizer.zero_grad()
        rates, of_schedule = (None, []) if self.schedule is None else self.schedule.ahead(steps)
        rules, numbers, changes = self.optimizer.next_steps(steps, rates)
        squares = None if self.squares is None else np.empty(steps)
        losses = program.train(x, order, loss, rules, numbers, changes + of_schedule, squares)
        if self.squares is not None and squares is not None:
            self.squares.append(squares)
        return losses

    def _program_of(self, net: FusedNet, batch: int, is_short: bool) -> Program:
        """The program for batches of this size, from the last time if nothing has changed."""
        threads = _kernels.threads_for(PASSES * net.nanoseconds(batch))
        wanted = (net, batch, threads, is_short, _kernels.level, self.firing)
        if self._program is None or self._program_for != wanted:
            self._program = Program(net, batch, threads, is_short, firing=self.firing)
            self._program_for = wanted
        return self._program
