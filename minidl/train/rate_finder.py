"""`find_learning_rate`: a few steps whose rate grows, and where their loss is least."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..data.batches import Batches
from ..engine.random import preserved
from ..engine.tensor import Tensor
from ..errors import ArgumentError, DivergedError, explain
from ..layers.base import Layer
from ..optim.base import Optimizer
from ..tools.checks import is_number, is_whole
from .callbacks import Callback
from .fit import fit
from .history import finished, panels, shown, sparkline
from .run import Run

SMOOTHING = 0.9  # how much of the smoothed loss stays in each step
RISE = 4.0  # times the least smoothed loss; then the rates are too large
SHARE = 0.1  # of the rate with the least loss


class RateCurve:
    """The losses of steps at growing rates.

    - rates, losses: those of each step, float64 (steps,)
    - smoothed: the exponential moving average of the losses, divided by the sum of its weights
    - suggestion: a tenth of the rate at which `smoothed` is least
    """

    def __init__(self, rates: Any, losses: Any) -> None:
        self.rates, self.losses = np.asarray(rates, np.float64), np.asarray(losses, np.float64)
        self.smoothed = smooth(self.losses)
        least = int(self.smoothed.argmin())
        self.suggestion = SHARE * float(self.rates[least])
        self._top = float(self.smoothed[: least + 1].max())  # what is drawn of the rise at the end

    def __repr__(self) -> str:
        ends = f"rates from {shown(self.rates[0])} to {shown(self.rates[-1])}"
        losses = sparkline(self.smoothed.clip(max=self._top).tolist())
        return f"{ends}: {losses}  try lr={shown(self.suggestion)}"

    def plot(self, path: str | Path | None = None) -> Any:
        """Draws the losses by rate, with a line at the suggestion. Returns matplotlib's figure, as
        `History.plot` does. Needs matplotlib: pip install 'minidl[examples]'."""
        figure, (axis,) = panels(1, columns=1)
        axis.plot(self.rates, self.losses, alpha=0.3, label="loss of the step")
        axis.plot(self.rates, self.smoothed, label="smoothed")
        axis.axvline(self.suggestion, linestyle="--", label=f"lr={shown(self.suggestion)}")
        low = float(self.losses.min())
        margin = 0.2 * ((self._top - low) or 1.0)
        axis.set_ylim(low - margin, self._top + margin)
        axis.set_xscale("log")
        axis.set_xlabel("learning rate")
        axis.legend()
        return finished("RateCurve.plot", figure, path)


def find_learning_rate(
    model: Layer,
    data: Any,
    loss: Callable[..., Tensor],
    optimizer: Optimizer,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
    **options: Any,
) -> RateCurve:
    """Trains for some steps while the rate grows from `lowest` to `highest`, each time by the same
    factor, and returns the losses with a suggestion.

    Too small a rate leaves the loss as it is, and with too large a one it rises. Training ends
    before the last step if the smoothed loss is four times its least, or not finite. Then the
    model, the optimiser, the batches' order and all random numbers are as they were. Of several
    groups of parameters, `lowest` and `highest` are the first group's rates; the ratios stay.

    Other options are those of `fit`, such as batch_size, seed or clip_norm. ArgumentError for rates
    that are not 0 < lowest < highest, for fewer than 2 steps, and if the first step is not finite.

    >>> import minidl
    >>> from minidl import nn, optim, functional as F
    >>> minidl.manual_seed(0)
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> net = nn.MLP([4, 8, 2], "tanh")
    >>> curve = find_learning_rate(net, (x, y), F.cross_entropy, optim.SGD(net.parameters(), 0.1))
    >>> 0.01 < curve.suggestion < 2
    True

    Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.
    """
    if not (is_number(lowest) and is_number(highest) and 0 < lowest < highest < np.inf):
        expected, got = "0 < lowest < highest", f"{lowest!r} and {highest!r}"
        raise ArgumentError(explain("find_learning_rate", expected, got))
    if not is_whole(steps, 2):
        expected = "steps: a whole number from 2 up"
        raise ArgumentError(explain("find_learning_rate", expected, repr(steps)))
    first = optimizer.param_groups[0]["lr"]
    if not first > 0:
        raise ArgumentError(explain("find_learning_rate", "an optimiser of a rate above 0", first))
    growth = (highest / lowest) ** (1 / (steps - 1))
    sweep = Sweep(steps)
    options = {"progress": False, "guards": False} | options
    with restored(model, optimizer, data):
        try:
            fit(
                model, data, loss, optimizer, steps, callbacks=[sweep],
                schedule=partial(grown, lowest / first, growth), **options,
            )  # fmt: skip
        except DivergedError:
            if not sweep.losses:
                raise
    return RateCurve(sweep.rates, sweep.losses)


def grown(first: float, growth: float, t: int) -> float:
    """The factor of step t."""
    return first * growth**t


class Sweep(Callback):
    """Keeps the rate and the loss of each step, and stops when the loss has risen."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.rates: list[float] = []
        self.losses: list[float] = []

    def most_steps(self, run: Run) -> int | None:
        """One step at a time: those of a call that ends in NaN would not be told."""
        self.rate = run.lr
        return 1

    def on_steps(self, run: Run, losses: np.ndarray) -> None:
        """Keeps the step."""
        self.rates.append(self.rate)
        self.losses.append(float(losses.mean()))
        smoothed = smooth(np.array(self.losses))
        if len(self.losses) == self.steps or smoothed[-1] > RISE * smoothed.min():
            run.stop("the rates are tried")


@contextmanager
def restored(model: Layer, optimizer: Optimizer, data: Any) -> Iterator[None]:
    """After the block all that a training changes has its state from before it."""
    state, layers = model.state_dict(), model.random_state()
    of_optimizer = optimizer.state_dict()
    epoch = data.epoch if isinstance(data, Batches) else None
    try:
        with preserved():
            yield
    finally:
        model.load_state_dict(state)
        model.load_random_state(layers)
        optimizer.load_state_dict(of_optimizer)
        if epoch is not None:
            data.epoch = epoch


def smooth(losses: np.ndarray) -> np.ndarray:
    """The exponential moving average, divided by the sum of its weights.

    >>> smooth(np.array([2.0, 2.0, 4.0])).round(2)
    array([2.  , 2.  , 2.74])
    """
    result, mean = np.empty(len(losses)), 0.0
    for t, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        result[t - 1] = mean / (1 - SMOOTHING**t)
    return result
