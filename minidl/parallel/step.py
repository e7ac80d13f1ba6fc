"""`DataParallel`: a training step whose batches the ranks of `mpirun` share."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..data.batches import Batches, is_plain
from ..data.kinds import parts_of
from ..engine.random import random_state, set_random_state
from ..engine.tensor import Tensor
from ..errors import ArgumentError, DivergedError, explain
from ..layers.base import Layer
from ..optim.base import Optimizer
from ..optim.compiled import Compiled
from ..optim.constraints import clip_grad_norm, max_norm
from ..optim.schedules import Schedule
from ..step.program import squares_of
from ..step.training import TrainingStep
from ..tools.checks import is_whole, runs_as
from .batch import Batch, of_arrays, of_rows
from .exchange import Exchange
from .losses import ShardedLoss
from .ranks import world
from .side_effects import SideEffects
from .slices import Slice, cuts


class Outcome(NamedTuple):
    """What a shard has found: its gradients by the parameters' ids, and numbers for all ranks."""

    gradients: dict[int, np.ndarray]
    numbers: np.ndarray  # loss, divisor, whether each parameter has a gradient, side effects


class DataParallel(TrainingStep):
    """A `TrainingStep` that cuts each batch into `shards`, which the processes of mpirun share.

    Each rank computes the gradients of its shards, and owns a slice of all parameters with the
    optimiser's state of it. It receives this slice of all shards' gradients, adds them up in the
    order of the shards, and updates it; then the weights go round. So the bits depend on `shards`,
    never on the number of processes: one process gives those of four. With shards=1 they are those
    of `TrainingStep`.

        step = parallel.DataParallel(net, F.cross_entropy, optimizer, shards=4)
        for epoch in range(10):
            losses = step.epoch(batches)

    runs by `python program.py`, and by `mpirun -n 4 python program.py` with mpi4py. Every rank runs
    the whole program, with the same data; weights and random numbers begin as those of rank 0.

    The loss is the mean over the whole batch, also of a last one that is shorter or weighted.
    `BatchNorm` takes the mean and the variance of a shard, which needs 2 rows or more; its running
    averages are the means over the shards. Dropout and noise depend on a shard's number. All of
    minidl's optimisers work, and a rule of your own that defines `update`; one that defines `step`
    is refused. `schedule`, `clip_norm`, `max_norm` and `accumulate` are as in `TrainingStep`.

    The ranks agree before they exchange anything: if one fails, or does something else, all raise
    ParallelError, which names it. DivergedError, with the weights from before the step, if a loss
    is not finite. ArgumentError as from `TrainingStep`, for `shards` that is not a whole number
    from 1 up, and for a loss that is neither a mean nor a sum over rows.

    Li et al., PyTorch distributed, VLDB 2020; slices of the optimiser: Rajbhandari et al., ZeRO:
    memory optimizations toward training trillion parameter models, SC 2020.

    >>> from minidl import data, nn, optim, functional as F
    >>> x, y = np.eye(8, dtype=np.float32), np.arange(8) % 2
    >>> net = nn.MLP([8, 8, 2], "tanh")
    >>> step = DataParallel(net, F.cross_entropy, optim.Adam(net.parameters(), 0.1), shards=4)
    >>> losses = [step.epoch(data.batches(x, y, batch_size=8)).mean() for _ in range(20)]
    >>> print(losses[-1] < 0.1 * losses[0])
    True
    """

    def __init__(
        self, net: Layer, loss: Callable[..., Tensor], optimizer: Optimizer,
        schedule: Schedule | None = None, *, shards: int, clip_norm: float | None = None,
        max_norm: float | None = None, accumulate: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(
            net, loss, optimizer, schedule, clip_norm=clip_norm, max_norm=max_norm,
            accumulate=accumulate,
        )  # fmt: skip
        if not is_whole(shards, 1):
            expected = "shards: a whole number from 1 up"
            raise ArgumentError(explain("DataParallel", expected, repr(shards)))
        self.shards, self.ranks = int(shards), world()
        self.sharded = ShardedLoss(loss)
        self.steps = 0  # batches so far
        owners = cuts(self.shards, self.ranks.size)
        self.counts = np.diff(owners).tolist()  # of shards, by rank
        self.own = range(*owners[self.ranks.rank : self.ranks.rank + 2].tolist())
        self.present: set[int] = set()  # the ids of the parameters with a gradient in this group
        super().check()
        self._begin_alike()
        self.exchanges = list(self._exchanges())
        self.culprit = 0  # the shard whose loss was not finite

    def _begin_alike(self) -> None:
        """Every rank begins with the state of rank 0."""
        net, optimizer = self.net, self.optimizer

        def state() -> tuple[Any, ...]:
            kept = {} if self._is_sliced() else optimizer.state_dict()
            return net.state_dict(), net.random_state(), random_state(), kept

        if self.ranks.size > 1:
            doing = f"DataParallel with {self.shards} shards of {net!r}, {optimizer!r}"
            weights, layers, random, kept = self.ranks.of_first(doing, state)
            net.load_state_dict(weights)
            net.load_random_state(layers)
            set_random_state(random)
            if kept:
                optimizer.load_state_dict(kept)

    def _is_sliced(self) -> bool:
        return any(isinstance(b, Slice) for group in self.optimizer._groups for b in group.blocks)

    def _exchanges(self) -> "Iterable[Exchange]":
        """One for each block of the optimiser, which keeps only this rank's slice from now on."""
        by_element = steps_by_element(self.optimizer)
        for group in self.optimizer._groups:
            for i, block in enumerate(group.blocks):
                if self.ranks.size > 1 and not isinstance(block, Slice):
                    group.blocks[i] = Slice(block, self.ranks, by_element)
                yield Exchange(group.blocks[i], self.ranks, self.counts)

    def check(self) -> None:
        """As of a TrainingStep; also after a group was added. ArgumentError for a `firing`, as no
        rank sees all rows."""
        super().check()
        if self.firing is not None and self.ranks.size > 1:
            expected, got = "no firing, as no rank sees all rows", "one"
            raise ArgumentError(explain("DataParallel", expected, got, "one process, to watch"))
        blocks = [block for group in self.optimizer._groups for block in group.blocks]
        if [id(exchange.block) for exchange in self.exchanges] != list(map(id, blocks)):
            self.exchanges = list(self._exchanges())

    def is_slow(self) -> bool:
        """False: it is as fast as it can be."""
        return False

    def __repr__(self) -> str:
        ranks = f"{self.ranks.size} process{'es' * (self.ranks.size > 1)}"
        inner = super().__repr__().removeprefix("TrainingStep").strip("()")
        return f"DataParallel({inner}, shards={self.shards}, {ranks})"

    def __call__(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """One step on a batch; returns its loss. With `accumulate`, k calls make a group."""
        self.check()
        loss = self._step(of_arrays(x, y, sample_weight))
        self._require_finite(loss)
        return loss

    def epoch(self, batches: Any) -> np.ndarray:
        """A step for each batch, once through all; returns their losses, float64 (batches,)."""
        if is_plain(batches):
            losses = self.on_rows(batches, batches.draw_order())
        else:
            losses = self.on_batches(parts_of("DataParallel.epoch", batches))
        if len(losses):
            self._require_finite(losses[-1])
        return losses

    def on_checked_rows(self, batches: Batches, rows: np.ndarray) -> np.ndarray:
        """Steps on these rows of the data; each rank makes only the rows of its shards. They end
        before a step whose loss is not finite, and its loss is the last."""
        size = batches.batch_size
        starts = range(0, len(rows), size)
        return self._steps(of_rows(batches, rows[start : start + size]) for start in starts)

    def on_batches(self, batches: Iterable[Any]) -> np.ndarray:
        """Steps on these batches, like `on_checked_rows`."""
        self.check()
        return self._steps(of_arrays(*batch) for batch in batches)

    def _steps(self, batches: Iterable[Batch]) -> np.ndarray:
        self._why, self._batches = "", 0
        losses = []
        for batch in batches:
            losses.append(self._step(batch))
            if not np.isfinite(losses[-1]):
                break
        else:
            if self._batches:
                self._update()
        return np.array(losses)

    def _step(self, batch: Batch) -> float:
        """A step on a batch; returns its loss. If that is not finite, nothing changes."""
        if self.squares is not None:
            self.squares.append(np.array([squares_of(self.net)]))
        effects, ends = SideEffects(self.net), cuts(len(batch.y), self.shards)
        parameters = list(self.optimizer.all_parameters())
        doing = f"step {self.steps + 1} on {batch.facts()}"
        try:
            found = self.ranks.together(
                doing, lambda: [self._shard(batch, effects, s, ends) for s in self.own]
            )
            width = 2 + len(parameters) + effects.width
            told = np.concatenate([np.empty(0), *[one.numbers for one in found]])
            told = self.ranks.gather(told, [n * width for n in self.counts]).reshape(-1, width)
            shares = self.sharded.share(told[:, 1])
            loss = 0.0
            for value, share in zip(told[:, 0], shares, strict=True):
                loss += value * share if share else 0.0
            if not np.isfinite(loss):
                self.culprit = int((~np.isfinite(told[:, 0])).argmax())
                self._batches = 0
                effects.restore()
                return loss
            flags = told[:, 2 : 2 + len(parameters)]
            effects.settle(told[:, 2 + len(parameters) :], np.diff(ends))
        except BaseException:
            effects.restore()
            raise
        finally:
            self.optimizer.zero_grad()
        present = {id(parameters[k]) for k in np.flatnonzero(flags.max(axis=0, initial=0))}
        self._keep(found, shares, present)
        self.steps += 1
        if self._batches == self.options.accumulate:
            self._update()
        return loss

    def _shard(self, batch: Batch, effects: SideEffects, shard: int, ends: np.ndarray) -> Outcome:
        """Forward and backward on a shard of the batch."""
        effects.restore(shard)
        self.optimizer.zero_grad()
        value = divisor = 0.0
        if ends[shard] < ends[shard + 1]:
            x, y, *weights = batch.take(slice(ends[shard], ends[shard + 1]))
            outputs = self.net(x) if self.firing is None else self.firing.forward(x)
            loss, divisor = self.sharded(outputs, y, weights[0] if weights else None)
            if loss is not None:
                loss.backward()
                value = loss.item()
        parameters = list(self.optimizer.all_parameters())
        gradients = {
            id(p): p.grad.data for p in parameters if p.requires_grad and p.grad is not None
        }
        present = [id(p) in gradients for p in parameters]
        return Outcome(gradients, np.concatenate([[value, divisor], present, effects.seen()]))

    def _keep(self, found: list[Outcome], shares: np.ndarray, present: set[int]) -> None:
        """Adds a batch's gradients to those of its group."""
        self.present = (self.present if self._batches else set()) | present
        for exchange in self.exchanges:
            if not self._batches:
                exchange.kept[...] = 0
            for i, (shard, one) in enumerate(zip(self.own, found, strict=True)):
                exchange.add(i, one.gradients, shares[shard])
        self._batches += 1

    def _update(self) -> None:
        """The optimiser's step for the batches of a group, with bounds and schedule."""
        batches, self._batches = self._batches, 0
        optimizer, name = self.optimizer, type(self.optimizer).__name__
        for exchange in self.exchanges:
            exchange.add_up(batches)
        if self.options.clip_norm is not None:
            for exchange in self.exchanges:
                exchange.show(self.present)
            clip_grad_norm(optimizer.all_parameters(), self.options.clip_norm)
        has_any = [exchange.hand_over(self.present, name) for exchange in self.exchanges]
        if any(has_any) or not self.present:
            self.ranks.together("the optimiser's step", optimizer.step)
        else:
            self.ranks.agree("the optimiser's step")
        for exchange in self.exchanges:
            if isinstance(exchange.block, Slice):
                exchange.block.end(self.present)
        if self.options.max_norm is not None:
            changed = [p for p in optimizer.all_parameters() if id(p) in self.present]
            max_norm(changed, self.options.max_norm)
        optimizer.zero_grad()
        if self.schedule is not None:
            self.schedule.step()

    def _require_finite(self, loss: float) -> None:
        """DivergedError, which names the shard and its rank, unless the loss is finite."""
        if not np.isfinite(loss):
            shard = self.culprit
            rank = int(np.searchsorted(np.cumsum(self.counts), shard, side="right"))
            place = f"shard {shard} of {self.shards}, on rank {rank}"
            hint = "np.isfinite(x).all(), or a smaller learning rate"
            got = f"{loss} in {place}, at step {self.steps + 1}"
            message = explain("DataParallel", "a finite loss", got, hint)
            raise DivergedError(message, step=self.steps + 1, place=place)


def steps_by_element(optimizer: Optimizer) -> bool:
    """Whether the rule treats each element by itself, as minidl's do; else it needs whole
    parameters. ArgumentError if it steps in its own way, maybe all parameters together."""
    if runs_as(optimizer, Compiled, "step", "zero_grad", "update"):
        return True
    if type(optimizer).step in (Optimizer.step, Compiled.step) and "step" not in vars(optimizer):
        return False
    got, hint = (
        f"{type(optimizer).__name__}, whose step() is its own",
        "update() for each parameter",
    )
    expected = "an optimiser that treats each parameter by itself"
    raise ArgumentError(explain("DataParallel", expected, got, hint))
