"""Before the first step: a batch of each kind is tried, and nothing changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..engine.random import preserved
from ..engine.tensor import Tensor
from ..errors import ArgumentError, GraphError, explain
from ..layers.base import Layer
from ..losses.declaration import check_targets, summed
from .run import Run
from .validation import Validation


def rehearse(run: Run, validation: Validation) -> None:
    """Raises the errors that training or validation would raise later, as far as they show in a
    batch of the data, in all targets, and in a row of the history, which callbacks check too."""
    with unchanged(run.model):
        rehearse_step(run)
        row = {"epoch": 1, "loss": 0.0, "rate": float(run.lr), **validation.rehearsed()}
    run.notify("check", row)


def rehearse_step(run: Run) -> None:
    """Tries the model and the loss on the first rows, and checks all targets that exist. Batches
    that come one by one do not exist yet: then it does nothing."""
    batch = run.feed.first(run.feed.usual)
    if batch is None:
        return
    x, y, *weights = batch
    with unchanged(run.model):
        outputs = run.model(x)
        for targets in run.feed.targets() if isinstance(outputs, Tensor) else ():
            shape = (*np.shape(targets)[:1], *outputs.shape[1:])
            check_targets(run.loss, targets, shape, outputs.dtype)
        options = {"sample_weight": weights[0]} if weights else {}
        require_number(summed(run.loss)(outputs, y, **options))
        last = run.feed.first(run.feed.rest) if run.feed.rest else None
        if last is not None:
            run.model(last[0])  # batch normalisation refuses a single row
    run.is_rehearsed = True


def require_number(loss: Any) -> None:
    """Raises unless the loss is a number that a backward pass can begin at."""
    expected = "loss: a function (outputs, y) that gives a tensor of one number"
    if not isinstance(loss, Tensor):
        raise ArgumentError(explain("fit", expected, type(loss).__name__))
    if loss.size != 1:
        hint = "reduction='mean', or loss.mean()"
        raise ArgumentError(explain("fit", expected, f"shape {loss.shape}", hint))
    if not loss.requires_grad:
        hint = "operations of minidl from the outputs to the loss; parameters that are not frozen"
        raise GraphError(explain("fit", "a loss that has a gradient", "one without history", hint))


@contextmanager
def unchanged(model: Layer) -> Iterator[None]:
    """Within the block the model may run; then its buffers and all random numbers are restored."""
    buffers = {name: array.copy() for name, array in model.named_buffers()}
    layers = model.random_state()
    try:
        with preserved():
            yield
    finally:
        for name, array in model.named_buffers():
            array[...] = buffers[name]
        model.load_random_state(layers)
