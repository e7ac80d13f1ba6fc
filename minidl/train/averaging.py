"""`WeightAverage`: the mean of the weights on the way, in place of the last ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..data.kinds import is_gone_through_once
from ..engine.random import preserved
from ..engine.recording import no_grad
from ..errors import ArgumentError, explain
from ..layers.base import Layer
from ..layers.batch_norm import BatchNorm
from ..tools.checks import is_number, is_whole
from .callbacks import Callback
from .evaluation import mode
from .run import Run
from .state import prefixed, require_state, within
from .stopping import EarlyStopping


class WeightAverage(Callback):
    """At the end of training the model has the average of its weights, which often generalises
    better than the last weights. Validation during training is that of the weights on the way.

        mean += (w - mean) / n                    decay=None
        mean += (1 - decay) (w - mean)            else; at first mean = w

    - decay: None for the mean of all n weights (Polyak, Juditsky 1992; stochastic weight averaging:
      Izmailov et al. 2018); a number below 1 for an exponential moving average, in which the
      weights of the last 1 / (1 - decay) times count most
    - every_steps: takes the weights after each such number of steps; None: after each epoch.
      every_steps=1 makes the steps one by one, which is slower: 10 with decay 0.99 is about as good
      as 1 with 0.999.
    - start: the first epoch whose weights are taken, for instance after the rate has become small

    The means are in double precision. The running averages of `BatchNorm` belong to the weights on
    the way, so they are computed anew at the end, by a pass over the training data.

    ArgumentError for options out of range, beside an EarlyStopping with restore_best, and for a
    BatchNorm with data that can be iterated only once.

    >>> average = WeightAverage(decay=0.99, every_steps=10)
    >>> average.count
    0
    """

    def __init__(
        self, decay: float | None = None, every_steps: int | None = None, start: int = 1
    ) -> None:
        if decay is not None and not (is_number(decay) and 0 <= decay < 1):
            expected = "decay: a number from 0 to below 1, or None"
            raise ArgumentError(explain("WeightAverage", expected, repr(decay)))
        steps = 1 if every_steps is None else every_steps
        for name, value in {"every_steps": steps, "start": start}.items():
            if not is_whole(value, 1):
                expected = f"{name}: a whole number from 1 up"
                raise ArgumentError(explain("WeightAverage", expected, repr(value)))
        self.decay, self.every_steps, self.start = decay, every_steps, start
        self.count = 0  # of weights that were taken
        self.mean: dict[str, np.ndarray] = {}

    def check(self, run: Run, row: dict[str, Any]) -> None:
        """Checks that no other callback sets the last weights."""
        others = [c for c in run.callbacks if sets_last_weights(c) and c is not self]
        if others:
            expected = "to be the only callback that sets the weights at the end"
            got, hint = f"{type(others[0]).__name__} too", "restore_best=False"
            raise ArgumentError(explain("WeightAverage", expected, got, hint))
        if batch_norms(run.model) and is_gone_through_once(run.feed.data):
            expected, got = "data for a last pass of BatchNorm", "an iterator, which has ended then"
            raise ArgumentError(explain("WeightAverage", expected, got, "a list of its batches"))

    def on_train_begin(self, run: Run) -> None:
        """Starts anew with a new training."""
        if run.step == 0:
            self.count, self.mean = 0, {}

    def most_steps(self, run: Run) -> int | None:
        """The number of steps to the next multiple of every_steps."""
        return self.every_steps and self.every_steps - run.step % self.every_steps

    def on_steps(self, run: Run, losses: np.ndarray) -> None:
        """Takes the weights, if it is time."""
        if self.every_steps and run.step % self.every_steps < len(losses):
            self.take(run)

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        """Takes the weights, unless they are taken by steps."""
        if not self.every_steps:
            self.take(run)

    def take(self, run: Run) -> None:
        """Moves the means towards the weights."""
        if run.epoch < self.start:
            return
        self.count += 1
        share = 1 / self.count if self.decay is None or self.count == 1 else 1 - self.decay
        for name, p in run.model.named_parameters():
            mean = self.mean.setdefault(name, np.zeros(p.shape))
            mean += share * (p.data - mean)

    def on_train_end(self, run: Run) -> None:
        """Gives the model its average weights."""
        if not self.count:
            return
        weights = {n: p.data for n, p in run.model.named_parameters()}
        means = {n: self.mean[n].astype(array.dtype) for n, array in weights.items()}
        run.model.load_state_dict(run.model.state_dict() | means)
        renew_batch_norms(run)

    def state_dict(self) -> dict[str, Any]:
        """The means, and how many weights are in them."""
        return {"count": self.count} | prefixed("mean", self.mean)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on with these means."""
        require_state("WeightAverage", state, {"count": int})
        self.count = state["count"]
        self.mean = {name: array.copy() for name, array in within("mean", state).items()}


def sets_last_weights(callback: Callback) -> bool:
    """Whether the callback sets the weights at the end of training."""
    is_stopping = isinstance(callback, EarlyStopping) and callback.restore_best
    return is_stopping or isinstance(callback, WeightAverage)


def batch_norms(model: Layer) -> list[BatchNorm]:
    """The layers of batch normalisation."""
    return [layer for layer in model.layers_within() if isinstance(layer, BatchNorm)]


def renew_batch_norms(run: Run) -> None:
    """Sets the running averages to those over all batches of the training data, with the present
    weights. Random numbers stay as they are."""
    layers = batch_norms(run.model)
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    random = run.model.random_state()
    try:
        for layer in layers:
            layer.momentum = None
            layer.num_batches_tracked[...] = 0
        with preserved(), mode(run.model, training=True), no_grad():
            for x in run.feed.inputs():
                run.model(x)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        run.model.load_random_state(random)
