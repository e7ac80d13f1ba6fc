"""Callbacks that watch an estimator's epochs: those of `minidl.train`, which see a `Run`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from ..data.batches import Batches
from ..step.training import TrainingStep
from ..train import Callback, Run
from ..train.feed import IterableFeed, Pace, RowFeed
from .rows import DenseRows, SparseRows


class Watch:
    """The run that the callbacks see. If one of them stops it, it ends after the epoch."""

    def __init__(
        self, step: TrainingStep, rows: DenseRows | SparseRows, m: Any, names: Sequence[str],
        callbacks: Sequence[Callback],
    ) -> None:  # fmt: skip
        feed = RowFeed(rows) if isinstance(rows, Batches) else IterableFeed(rows)
        self.step, self.pace = step, Pace()
        self.run = Run(step, feed, m.max_iter, names, callbacks)
        self.began = 0.0

    @contextmanager
    def open(self) -> Iterator[None]:
        """The whole training, from beginning to end."""
        try:
            self.run.notify("check", {})
            self.run.notify("on_train_begin")
            yield
            self.run.notify("on_train_end")
        finally:
            for callback in self.run.callbacks:
                callback.close(self.run)

    def epoch(self, _: Any) -> np.ndarray:
        """The losses of an epoch's steps, some at a time."""
        run = self.run
        self.began = perf_counter()
        run.epoch = len(run.history) + 1
        run.start = run.place()
        run.feed.begin()
        run.notify("on_epoch_begin")
        self.step.check()
        while len(losses := self.next_steps()):
            run.add_steps(losses)
            run.notify("on_steps", losses)
        return np.concatenate(run.losses)

    def next_steps(self) -> np.ndarray:
        """As many steps as are allowed before the callbacks are called."""
        self.run.feed.mark()  # nobody will go back
        limits = [callback.most_steps(self.run) for callback in self.run.callbacks]
        self.pace.start()
        losses = self.run.feed.train(
            self.step, min([self.pace.steps, *[most for most in limits if most]])
        )
        self.pace.took(len(losses))
        return losses

    def end_epoch(self, row: dict[str, float]) -> bool:
        """Notifies the callbacks of a finished epoch; returns whether one of them wants to stop."""
        self.run.end_epoch()
        self.run.history.append(row, perf_counter() - self.began)
        self.run.notify("on_epoch_end", row)
        return self.run.stopped is not None
