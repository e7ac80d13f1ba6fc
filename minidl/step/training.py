"""`TrainingStep`: forward, loss, backward and update as one operation."""

import os
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _kernels
from ..data.batches import Batches, is_plain
from ..data.kinds import parts_of
from ..engine.recording import recording
from ..engine.tensor import Tensor
from ..errors import ArgumentError, GraphError, GuardWarning, Unplanned, explain, some
from ..layers.base import Layer
from ..layers.plan import form_of
from ..losses.declaration import planned
from ..losses.reduction import RowLoss
from ..optim.base import Optimizer
from ..optim.block import same
from ..optim.compiled import Compiled
from ..optim.schedules import Schedule
from ..tools.checks import runs_as
from .called import CalledLoss, CalledProgram
from .listing import listing
from .options import options_of
from .program import NotPlanned, Planned, Program, planned_or_not, squares_of
from .trained import check_schedule, left_out

if TYPE_CHECKING:
    from .firing import Firing

# Nanoseconds that one kernel call trains for, so that Ctrl-C does not have to wait for an epoch.
CALL = 100e6

LOOP = 20e3  # the loop's nanoseconds for a layer, forward and backward, without the products
ONE_BY_ONE = "batches that are not data.batches(...). Try: data.batches(x, y, size)"

PASSES = 3  # a step takes as long as three passes: forward, and the two products of backward
# How many steps in one call repay packing, for each array: W, and the optimiser's state of it. In a
# team a part of that is enough, as each thread reads forward the weights that it has updated: 60
# steps of 784-128-10 by Adam take 0.62 of the time.
WORTH_PACKING, IN_TEAM = 10, 0.1


class TrainingStep:
    """One training step: forward through `net` and `loss`, backward, and the optimiser's step.

        step = TrainingStep(net, F.cross_entropy, optimizer)
        for epoch in range(10):
            print(step.epoch(batches).mean())

    gives the same weights, to the last bit, as the loop

        for x, y in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()

    and its losses as float64 sums (the loop rounds them to the net's dtype).

    If each layer has a plan, as minidl's own have, and the loss and the optimiser are minidl's,
    many steps run as one kernel call, which is at least about twice as fast. `functools.partial`
    gives a loss its options:

        step = TrainingStep(net, partial(F.huber, delta=2.0), optimizer)

    A loss of your own, such as a lambda, is called between two kernel calls. In all other cases the
    loop runs, and `why()` says what prevents the kernel. No gradients remain: `grad` is None. The
    kernel checks all targets before it trains: if one is wrong, the loss's error is raised before
    anything changes.

    The `schedule` advances after each step of the optimiser. `clip_norm` clips the gradients of the
    optimiser's parameters before its step; `max_norm` bounds the matrices that it has changed after
    it, as in

        optim.clip_grad_norm(optimizer.all_parameters(), clip_norm)
        optimizer.step()
        optim.max_norm([p for p in optimizer.all_parameters() if p.grad is not None], max_norm)

    With `accumulate` = k the optimiser steps once for k batches, by the mean of their gradients,
    and once for the rest of an epoch:

        for group in groups_of(k, batches):
            optimizer.zero_grad()
            for x, y in group:
                F.cross_entropy(net(x), y).backward()
            for p in optimizer.all_parameters():
                p.grad.data *= 1 / len(group)
            optimizer.step()

    Bounds and schedule belong to the optimiser's step. If you call the step for one batch at a
    time, the loop runs; the gradients wait for the k-th call. An epoch that begins before it drops
    them.

    ArgumentError if the optimiser has none of the net's parameters, if the schedule belongs to
    another optimiser, if a bound is not a finite number above 0, or `accumulate` is not a whole
    number from 1 up. GuardWarning if the optimiser lacks parameters that want a gradient.

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
        schedule: Schedule | None = None, *, clip_norm: float | None = None,
        max_norm: float | None = None, accumulate: int = 1,
    ) -> None:  # fmt: skip
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(
                explain("TrainingStep", "an optimiser", repr(optimizer), "optim.SGD(...)")
            )
        check_schedule("TrainingStep", schedule, optimizer)
        self.net, self.loss, self.optimizer, self.schedule = net, loss, optimizer, schedule
        self.options = options_of(
            "TrainingStep", accumulate, clip_norm=clip_norm, max_norm=max_norm
        )
        self._left_out: list[str] | None = None  # at the last check
        self._checked: tuple[Any, ...] = ()  # the arguments of the last check
        self.firing: Firing | None = None  # notes which units fire, if that is wanted
        # Receives the sum of all W² before each step, as arrays, if that is wanted.
        self.squares: list[np.ndarray] | None = None
        self._net: Planned | NotPlanned | None = None
        self._why = ""  # the reason why the last step took the loop
        self._not_called: Any = None  # the loss that depends on more than the outputs
        self._rows = 1  # of the last batch in the loop
        self._batches = 0  # of a group that wait for the optimiser's step, in the loop
        self._program: Program | None = None
        self._program_for: Any = None
        self._running_in = 0  # the process in which a call runs; a child forked then may call too

    def __getstate__(self) -> dict[str, Any]:
        """A copy plans the net anew: kernels cannot be copied."""
        return vars(self) | {
            "_net": None, "_program": None, "_program_for": None, "_running_in": 0, "_checked": ()
        }  # fmt: skip

    def __repr__(self) -> str:
        loss = getattr(self.loss, "__name__", repr(self.loss))
        kinds = type(self.net).__name__, loss, type(self.optimizer).__name__
        options = (f"{name}={value:g}" for name, value in self.options.given().items())
        return f"TrainingStep({', '.join([*kinds, *options])})"

    def check(self) -> None:
        """Raises, or warns once, if the optimiser does not train the net as it is now, or if the
        schedule or the firing belongs to another."""
        check_schedule("TrainingStep", self.schedule, self.optimizer)
        if self.firing is not None and self.firing.net is not self.net:
            raise ArgumentError(explain("TrainingStep", "firing of its own net", "another net's"))
        names = left_out("TrainingStep", self.net, self.optimizer)
        if names and names != self._left_out:
            expected = "an optimiser of all parameters that want a gradient"
            hint = "requires_grad = False for parameters that stay fixed"
            message = explain("TrainingStep", expected, f"one without {some(names)}", hint)
            warnings.warn(message, GuardWarning, stacklevel=3)
        self._left_out = names

    def why(self) -> str:
        """Why the last steps took the loop, and what would change that; "" if they did not.

        >>> from minidl import nn, optim
        >>> from minidl import functional as F
        >>> class Halved(nn.Layer):
        ...     def forward(self, x):
        ...         return x * 0.5
        >>> net = nn.Sequential(nn.Dense(2, 3), Halved())
        >>> step = TrainingStep(net, F.mse, optim.SGD(net.parameters(), 0.1))
        >>> _ = step(np.ones((1, 2), np.float32), np.ones((1, 3), np.float32))
        >>> print(step.why())
        Halved, whose forward has no plan. Try: forward = nn.chain("a", "b"), or a plan beside it
        """
        return self._why

    def instructions(self) -> str:
        """The instructions of a step in the kernels, as text; "" if there was no such step yet.

        A line for each instruction says what it reads and writes, and how threads split that:
        `[rows]` of the batch, `[columns n]` in groups of n, or `[all]`, where any thread may access
        any part. A slot holds the numbers of a batch. If several threads share a step, further
        lines say where they wait for each other, and why.

        >>> from minidl import nn, optim
        >>> from minidl import functional as F
        >>> net = nn.Sequential(nn.Dense(2, 3), nn.Tanh())
        >>> step = TrainingStep(net, F.mse, optim.SGD(net.parameters(), 0.1))
        >>> _ = step(np.ones((1, 2), np.float32), np.ones((1, 3), np.float32))
        >>> for line in step.instructions().splitlines()[1:5]:
        ...     print(line)
        each step
            gather              -> input[rows]
            dense by rows       input[rows], 0.weight[all], 0.bias[all] -> slot 1[rows]
            activation          slot 1[rows] -> slot 1[rows]
        """
        return "" if self._program is None else listing(self._program)

    def is_slow(self) -> bool:
        """Whether the last step took the loop, and a kernel call would take less than half of its
        time: for each layer the loop takes some 20 µs besides the products, whatever its size."""
        if not self._why:
            return False
        matrices = [p.shape for p in self.net.parameters() if p.ndim == 2]
        products = sum(_kernels.product_nanoseconds(self._rows, *shape) for shape in matrices)
        layers = sum(not any(layer.children()) for layer in self.net.layers_within())
        return LOOP * layers > PASSES * products

    def __call__(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """One step on a batch; returns its loss. With `accumulate`, k calls make a group."""
        if self.options.accumulate > 1:
            self._why = "single steps with accumulate. Try: step.epoch(batches)"
            self.check()
            return self._by_layers(x, y, sample_weight)
        inputs = x.data if isinstance(x, Tensor) and not x.requires_grad else x
        planned = self._planned(
            inputs,
            y,
            sample_weight,
            np.asarray(inputs).dtype,
            calls=self.loss is not self._not_called,
        )
        used = self.net, self._net, self.optimizer, self.schedule, self.firing
        if not same(used, self._checked):
            self.check()
            self._checked = used
        if planned is not None:
            planned[1].check_batches(None, len(inputs))
            try:
                return self._run(*planned, inputs, None, len(inputs), 1).item()
            except Unplanned as reason:
                self._why, self._not_called = str(reason), self.loss
        return self._by_layers(x, y, sample_weight)

    def _by_layers(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """The loop: forward and backward, and the update if the batch is the last of its group."""
        self._rows = len(y) if hasattr(y, "__len__") else 1
        if self.squares is not None:
            self.squares.append(np.array([squares_of(self.net)]))
        if not self._batches:
            self.optimizer.zero_grad()
        outputs = self.net(x) if self.firing is None else self.firing.forward(x)
        options = {} if sample_weight is None else {"sample_weight": sample_weight}
        loss = self.loss(outputs, y, **options)
        loss.backward()
        self._batches += 1
        if self._batches == self.options.accumulate:
            self._update()
        return loss.item()

    def _update(self) -> None:
        """The optimiser's step for the batches of a group, with bounds and schedule."""
        batches, self._batches = self._batches, 0
        self.options.before(self.optimizer, batches)
        self.optimizer.step()
        self.options.after(self.optimizer)
        self.optimizer.zero_grad()
        if self.schedule is not None:
            self.schedule.step()

    def on_batches(self, batches: Iterable[Any]) -> np.ndarray:
        """Steps on these batches (x, y) or (x, y, weights), one by one; returns their losses. The
        first batch begins a group, and the last batch ends one."""
        self.check()
        self._why = ONE_BY_ONE
        return self._one_by_one(batches)

    def _one_by_one(self, batches: Iterable[Any]) -> np.ndarray:
        if self.options.accumulate == 1:
            return np.array([self(*batch) for batch in batches])
        self._batches = 0
        losses = np.array([self._by_layers(*batch) for batch in batches])
        if self._batches:
            self._update()
        return losses

    def epoch(self, batches: Any) -> np.ndarray:
        """A step for each batch, once through all; returns their losses, float64 (batches,)."""
        self.check()
        planned = None
        if is_plain(batches):
            planned = self._planned_for(batches)
        else:
            self._why = ONE_BY_ONE
        if planned is None:
            return self._one_by_one(parts_of("TrainingStep.epoch", batches))
        net, loss = planned
        order = batches.draw_order()
        size = min(batches.batch_size, len(batches.x))
        loss.check_batches(order, size)
        at_once = size * self.options.up(int(CALL / (PASSES * net.nanoseconds(size))) or 1)
        pieces = np.split(order, range(at_once, len(order), at_once))
        return np.concatenate([self._run_rows(net, loss, batches, rows) for rows in pieces])

    def on_rows(self, batches: Batches, rows: Any) -> np.ndarray:
        """Steps on these rows of the data, one batch after the other, in one kernel call if the
        kernel can; returns their losses. An epoch may be run in pieces, the rows of its order: the
        bits are the same if all pieces but the last consist of whole groups of whole batches.
        ArgumentError, and no step, for rows that do not exist."""
        self.check()
        return self.on_checked_rows(batches, batches.checked_rows(rows))

    def on_checked_rows(self, batches: Batches, rows: np.ndarray) -> np.ndarray:
        """`on_rows` for a caller that has checked the rows and this step."""
        planned = self._planned_for(batches, len(rows))
        if planned is None or len(rows) == 0:
            return self._one_by_one(batches.walk(rows))
        planned[1].check_batches(rows, batches.batch_size)
        return self._run_rows(*planned, batches, rows)

    def _run_rows(
        self, net: Planned, loss: RowLoss | CalledLoss, batches: Batches, rows: np.ndarray
    ) -> np.ndarray:
        size = min(batches.batch_size, len(batches.x))
        return self._run(net, loss, batches.x, rows, size, -(-len(rows) // size))

    def _planned_for(
        self, batches: Batches, count: int | None = None
    ) -> tuple[Planned, RowLoss | CalledLoss] | None:
        """The net and the loss if the kernel can train on `count` rows of these batches, or None;
        count=None: on the rows of an epoch."""
        size = batches.batch_size
        count = min(len(batches) * size, batches.count) if count is None else count
        least = count % size or size
        return self._planned(batches.x, batches.y, batches.sample_weight, batches.dtype, least)

    def _planned(
        self, x: Any, y: Any, weights: Any, dtype: np.dtype, least: int | None = None,
        calls: bool = False,
    ) -> tuple[Planned, RowLoss | CalledLoss] | None:  # fmt: skip
        """The net and the loss for such targets if the kernel can do all that the loop would do,
        with inputs that become of this dtype, and batches of at least `least` rows (None: all of
        x). Only this function decides it. `calls` allows a loss that is called."""
        try:
            net = self._planned_net(x, y)
            if (len(x) if least is None else least) < net.least_rows:
                raise Unplanned("a batch of 1 row for BatchNorm", "drop_last=True")
            check_optimizer(self.optimizer, self.schedule, net)
            if dtype != net.input_dtype:
                hint = f"x.astype('{net.input_dtype}')"
                raise Unplanned(f"inputs of {dtype} for a net of {net.dtype}", hint)
            self._why = ""
            return net, self._planned_loss(net, x, y, weights, calls)
        except Unplanned as reason:
            self._why = str(reason)
            return None

    def _planned_loss(
        self, net: Planned, x: Any, y: Any, weights: Any, calls: bool
    ) -> RowLoss | CalledLoss:
        """The loss for such targets: by its rows or, if `calls` allows it, as a called one."""
        try:
            return planned(self.loss, y, (len(x), net.outputs), net.dtype, weights)
        except Unplanned as reason:
            if not calls:
                raise
            self._why = str(reason)
            return CalledLoss(self.loss, y, weights)

    def _planned_net(self, x: Any, y: Any) -> Planned:
        """The net's plan, kept while the net is unchanged; Unplanned for such data."""
        if not recording():
            raise Unplanned("a no_grad() block around the step", "the step outside of it")
        if isinstance(y, Tensor) and y.requires_grad:
            raise Unplanned("targets that want a gradient", "y.detach()")
        if not isinstance(x, np.ndarray) or x.ndim == 0 or len(x) == 0:
            raise Unplanned("inputs that are not an array of rows", "np.asarray(x)")
        net, form = self._net, form_of(x)
        if net is None or not net.is_current(self.net, form):
            net = self._net = planned_or_not(self.net, form)
        if isinstance(net, NotPlanned):
            raise Unplanned(net.what, net.hint)
        return net

    def _run(
        self, net: Planned, loss: RowLoss | CalledLoss, x: np.ndarray,
        order: np.ndarray | None, batch: int, steps: int,
    ) -> np.ndarray:  # fmt: skip
        """Steps on the rows of x in this order, as one kernel call; returns their losses."""
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
            return self._run_alone(net, loss, x, order, batch, steps)
        finally:
            self._running_in = 0

    def _run_alone(
        self, net: Planned, loss: RowLoss | CalledLoss, x: np.ndarray,
        order: np.ndarray | None, batch: int, steps: int,
    ) -> np.ndarray:  # fmt: skip
        assert isinstance(self.optimizer, Compiled)  # as check_optimizer has found
        x = net.rows(x, order)
        kind = CalledProgram if isinstance(loss, CalledLoss) else Program
        program: Any = self._program_of(kind, net, batch, steps)
        self.optimizer.zero_grad()
        self._batches = 0
        updates = self.options.up(steps) // self.options.accumulate
        rates, of_schedule = (None, []) if self.schedule is None else self.schedule.ahead(updates)
        rules, coefficients, changes = self.optimizer.next_steps(updates, net.learned, rates)
        changes += of_schedule
        squares = None if self.squares is None else np.zeros(steps)
        if isinstance(loss, CalledLoss):
            losses = program.train_by(x, loss, rules, coefficients, changes, squares)
        else:
            losses = program.train(x, order, loss, rules, coefficients, changes, squares)
        if self.squares is not None and squares is not None:
            self.squares.append(squares)
        return losses

    def _program_of(self, kind: type[Program], net: Planned, batch: int, steps: int) -> Program:
        """The program for batches of this size, kept while nothing changes."""
        threads = _kernels.threads_for(PASSES * net.nanoseconds(batch))
        worth = WORTH_PACKING * (IN_TEAM if threads > 1 else 1)
        is_short = kind is CalledProgram or steps < worth * (1 + len(self.optimizer.state))
        with_squares = self.squares is not None
        given = (net, batch, threads, is_short, True, self.firing, with_squares, self.options)
        wanted = (kind, _kernels.level, given)
        if self._program is None or self._program_for != wanted:
            self._program = kind(*given)
            self._program_for = wanted
        return self._program


def check_optimizer(optimizer: Optimizer, schedule: Schedule | None, net: Planned) -> None:
    """Unplanned unless the kernel does what the optimiser's and the schedule's methods do."""
    if not runs_as(optimizer, Compiled, "step", "zero_grad", "update"):
        what = f"{type(optimizer).__name__}, which steps in Python"
        raise Unplanned(what, "an optimiser of minidl whose step() is its own")
    if schedule is not None and not runs_as(schedule, Schedule, "step", "lr"):
        raise Unplanned("a schedule with methods of its own", "a factor for Schedule")
    if net.learned.isdisjoint(map(id, optimizer.all_parameters())):
        raise Unplanned("an optimiser of parameters that are all frozen", "requires_grad = True")
