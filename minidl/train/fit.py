"""`fit`: the loop of training."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from types import FrameType
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import ArgumentError, explain
from ..layers.base import Layer
from ..optim.base import Optimizer
from ..optim.schedules import Factor, Schedule
from ..step.training import TrainingStep
from ..tools.checks import is_whole
from .callbacks import Callback
from .checkpoints import resume as go_on
from .diagnose import check_weights, diverged
from .evaluation import dtype_of, mode
from .feed import Pace
from .given import ANEW, EVERY_EPOCH, Given
from .guards import guards_of
from .history import History
from .progress import progress_of
from .rehearsal import rehearse, rehearse_step
from .run import Run
from .validation import Validation
from .way_back import WayBack


def fit(
    model: Layer,
    data: Any,
    loss: Callable[..., Tensor],
    optimizer: Optimizer,
    epochs: int = 1,
    *,
    validation: Any = None,
    metrics: Sequence[Any] = (),
    callbacks: Sequence[Callback] = (),
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    sample_weight: Any = None,
    class_weight: Mapping[Any, float] | str | None = None,
    validation_split: float | None = None,
    steps_per_epoch: int | None = None,
    key: Sequence[Any] | None = None,
    schedule: Schedule | Factor | None = None,
    clip_norm: float | None = None,
    max_norm: float | None = None,
    accumulate: int = 1,
    progress: bool | str = True,
    guards: Any = True,
    resume: Any = None,
) -> History:
    """Trains the model for some epochs; returns the history, which has a row for each epoch.

    The steps are those of `TrainingStep`, to the last bit, and as fast.

    - data: a pair (x, y), `data.batches(...)`, an iterable of batches (x, y) that can be iterated
      again, or a data set, which has len(data) and samples (x, y) as data[i]. Batches and samples
      may be triples (x, y, weight). Floats in x become those of the model's dtype.
    - loss: a function (outputs, y) that returns a single number, such as F.cross_entropy; weights
      are passed as `sample_weight`. Their mean is sum w loss / sum w over a batch.
    - validation: data whose loss and metrics are computed after each epoch, in evaluation mode, as
      "validation_loss", "validation_accuracy" ...
    - metrics: "accuracy", "top_5", "f1", "precision", "recall", "auc", "r2", "mae",
      "confusion_matrix", or functions (y, outputs)
    - callbacks: EarlyStopping, Checkpoint, or a `Callback` of your own
    - batch_size (default 64), shuffle, seed: of a pair or a data set, as in `data.batches`
    - sample_weight, class_weight: how much each row of a pair counts in training; a number for each
      row, and a dict from labels to weights, or "balanced": n / (k n_c) for a class of n_c among n
      rows of k classes. A row of weight 0 is in no batch. Validation counts all rows alike.
    - validation_split: the share of a pair's rows that is kept for validation; labels (n,) are
      split class by class. The rows depend on the seed alone (None: 0).
    - steps_per_epoch: an epoch is so many batches of an iterable, which may be endless; the next
      epoch goes on where it ended
    - key: the names of x, y, and maybe of the weight, in batches or samples that are dicts, or of
      x and y in a table
    - schedule: a Schedule, or a function of the step such as schedules.cosine(1000); it advances
      with each step
    - clip_norm, max_norm: bounds on the norm of all gradients before the optimiser's step, and of
      each unit's incoming weights after it, as in `TrainingStep`
    - accumulate: the optimiser and the schedule step once for this many batches, by the mean of
      their gradients, and once for the rest of an epoch. Step counts still count batches, and
      callbacks are called only between groups
    - progress: "bar" for tqdm's, or a line for each epoch if tqdm is missing; "line"; "log" for the
      logger "minidl" of Python's logging, at level INFO; False for silence. True is "log" if an
      application shows that logger's messages of level INFO, else "bar"
    - guards: warn of common mistakes (see `check`); False for none, or the names of some
    - resume: a folder of a Checkpoint, or True for the callback's: training goes on from the
      newest file, with the same bits as if it had never been interrupted. The other arguments must
      be the same (ArgumentError names differences), except that `epochs` may be larger (it counts
      from the beginning), and metrics and callbacks may differ

    Ctrl-C ends training after the current steps: the history says "interrupted", and the model
    keeps what it has learned; a second Ctrl-C raises KeyboardInterrupt at once. Training sets every
    layer to training mode, and back at the end.

    DivergedError if a loss is NaN or infinite: it names the step, the layer and the probable cause,
    and the model has the weights from before that step. Mistakes in the arguments raise before the
    first step, and change nothing: a batch of the data, all targets of a pair (x, y), and the loss
    and the metrics of validation are tried beforehand. Of other iterables only the first batch is.

    >>> from minidl import nn, optim, functional as F
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> net = nn.MLP([4, 8, 2], "tanh")
    >>> optimizer = optim.Adam(net.parameters(), lr=0.1)
    >>> history = fit(net, (x, y), F.cross_entropy, optimizer, epochs=20, batch_size=2,
    ...               validation=(x, y), metrics=["accuracy"], progress=False)
    >>> len(history), history["validation_accuracy"][-1]
    (20, 1.0)
    """
    require(model, loss, epochs)
    own = callbacks_of(callbacks)
    given = Given(
        batch_size, shuffle, seed, sample_weight, class_weight, validation_split, steps_per_epoch,
        key,
    )  # fmt: skip
    feed, validation = given.feed(data, validation, epochs, dtype_of(model))
    validation = Validation(model, validation, loss, metrics)
    watchers = [*guards_of(guards), *own, *progress_of(progress)]
    stepper = TrainingStep(
        model, loss, optimizer, clip_norm=clip_norm, max_norm=max_norm, accumulate=accumulate
    )
    run = Run(stepper, feed, epochs, ["epoch", "loss", "rate", *validation.names], watchers)

    with mode(model, training=True), interruptible(run), rates_if_untrained(run):
        try:
            rehearse(run, validation)
            run.follow(schedule_of(optimizer, schedule))
            stepper.check()
            go_on(run, resume, validation.data)
            run.notify("on_train_begin")
            pace, way_back = Pace(), WayBack(run)
            while len(run.history) < epochs and not run.stopped:
                train_epoch(run, stepper, pace, way_back, validation)
            if run.batch:
                run.notify("on_stop")
            run.notify("on_train_end")
        finally:
            for callback in run.callbacks:
                callback.close(run)
    run.history.stopped = run.stopped
    return run.history


def train_epoch(
    run: Run, stepper: TrainingStep, pace: Pace, way_back: WayBack, validation: Validation
) -> None:
    """Trains for an epoch, or the rest of it, and adds its row to the history unless stopped."""
    began = perf_counter()
    run.epoch = len(run.history) + 1
    if not run.batch:
        run.start = run.place()
        run.feed.begin()
    if not run.is_rehearsed:
        rehearse_step(run)
    run.notify("on_epoch_begin")
    if way_back.may_change:
        stepper.check()
    while run.batch != run.feed.steps:
        if run.stopped:
            return
        losses = next_steps(run, stepper, pace, way_back)
        if not len(losses):
            break
        run.notify("on_steps", losses)
    if not run.batch:
        raise ArgumentError(explain("fit", EVERY_EPOCH, f"none in epoch {run.epoch}", ANEW))
    check_weights(run)
    row = {"epoch": run.epoch, "loss": run.mean_loss, "rate": float(run.lr), **validation.row()}
    run.end_epoch()
    run.history.append(row, perf_counter() - began)
    run.notify("on_epoch_end", row)


def next_steps(run: Run, stepper: TrainingStep, pace: Pace, way_back: WayBack) -> np.ndarray:
    """Makes some steps; DivergedError if a loss is not finite, with everything as before it."""
    way_back.renew()
    limits = [callback.most_steps(run) for callback in run.callbacks]
    pace.start()
    most = min([pace.steps, *[most for most in limits if most]])
    losses = run.feed.train(stepper, stepper.options.up(most))
    pace.took(len(losses))
    finite = np.isfinite(losses)
    if finite.all():
        run.add_steps(losses)
        return losses
    good = int(finite.argmin())
    run.add_steps(losses[:good])
    raise diverged(run, losses[good], way_back.go())


@contextmanager
def interruptible(run: Run) -> Iterator[None]:
    """Within the block Ctrl-C stops the run without interrupting a step; a second one interrupts.
    Only if Ctrl-C would raise KeyboardInterrupt: other handlers stay."""
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_usual or threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        run.stop("interrupted")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def require(model: Any, loss: Any, epochs: Any) -> None:
    """ArgumentError for arguments that make no sense."""
    if not isinstance(model, Layer):
        raise ArgumentError(explain("fit", "a layer as model", type(model).__name__))
    if not callable(loss):
        raise ArgumentError(explain("fit", "loss: a function (outputs, y)", repr(loss)))
    if not is_whole(epochs, 1):
        raise ArgumentError(explain("fit", "epochs: a whole number from 1 up", repr(epochs)))


def callbacks_of(given: Any) -> list[Callback]:
    """The callbacks; ArgumentError for anything else."""
    if isinstance(given, Callback) or not hasattr(given, "__iter__"):
        hint = "callbacks=[EarlyStopping()]"
        raise ArgumentError(explain("fit", "callbacks: a list", repr(given), hint))
    callbacks = list(given)  # the check would use up a generator
    for callback in callbacks:
        if not isinstance(callback, Callback):
            hint = "EarlyStopping() with brackets" if isinstance(callback, type) else ""
            raise ArgumentError(explain("fit", "callbacks", repr(callback), hint))
    return callbacks


def schedule_of(optimizer: Optimizer, schedule: Any) -> Schedule | None:
    """A schedule for the optimiser; a function of the step becomes one."""
    if schedule is None or isinstance(schedule, Schedule):
        return schedule
    return Schedule(optimizer, schedule)


@contextmanager
def rates_if_untrained(run: Run) -> Iterator[None]:
    """If the block fails before the first step, the learning rates are restored, as a schedule may
    have set its first one."""
    groups = run.optimizer.param_groups
    rates = [group["lr"] for group in groups]
    try:
        yield
    except BaseException:
        if not run.step:
            for group, lr in zip(groups, rates, strict=True):
                group["lr"] = lr
        raise
