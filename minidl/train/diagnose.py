"""Where a loss stopped being finite, and why: `DivergedError`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..engine.recording import no_grad
from ..engine.tensor import Tensor
from ..errors import DivergedError
from ..layers.base import Layer
from ..layers.hooks import hooked
from .feed import Batch
from .history import shown
from .metrics import as_array
from .run import Run
from .state import learned, load_learned

RECENT = 20  # how many of the last steps are examined
GREW = 2.0  # the factor that counts as growth over these steps
LARGE = 1e4  # a hidden layer's output that is far from usual


class Finding(NamedTuple):
    """The value that stopped being finite first, the probable cause, and what to try."""

    place: str
    cause: str
    hint: str


def diverged(run: Run, bad: float, batch: Batch) -> DivergedError:
    """The error for the next step, whose loss on the batch was `bad`. The model has the weights
    from before that step."""
    before = learned(run)
    try:
        return error_of(run, f"a loss of {bad}", find(run, batch))
    finally:
        load_learned(run, before)  # the search has counted calls, and moved running averages


def check_weights(run: Run) -> None:
    """Raises DivergedError if the last step of an epoch left weights that are not finite."""
    if all(np.isfinite(p.data).all() for p in run.optimizer.all_parameters()):
        return
    bad = bad_weights(run.model)
    if bad:
        raise error_of(run, "weights that are not finite", in_weights(run, bad), after=True)


def error_of(run: Run, got: str, finding: Finding, after: bool = False) -> DivergedError:
    """The error for a finding, with its step."""
    step, batch = run.step + (not after), run.batch + (not after)
    return DivergedError(
        f"fit: {got} at step {step} (epoch {run.epoch}, batch {batch}). "
        f"First not finite: {finding.place}. Likely cause: {finding.cause}. Try: {finding.hint}",
        step=step, epoch=run.epoch, batch=batch, place=finding.place, cause=finding.cause,
    )  # fmt: skip


def find(run: Run, batch: Batch) -> Finding:
    """Examines the inputs, the targets, the weights, each layer's outputs, and the loss."""
    finding = in_data(batch)
    if finding:
        return finding
    bad = bad_weights(run.model)
    if bad:
        return in_weights(run, bad)
    with watched(run.model) as seen, no_grad():
        outputs = as_array(run.model(batch[0]))
    for path, layer, values in seen:
        if not np.isfinite(values).all():
            place = f"layer {path} ({kind(layer)})" if path else "the model"
            return Finding(f"the outputs of {place}", *cause_in_training(run))
    if rise(run) and not (outputs.min() >= 0 and outputs.max() <= 1):
        return Finding("the loss itself", *cause_in_training(run))
    return Finding("the loss itself", *cause_in_loss(outputs))


def in_data(batch: Batch) -> Finding | None:
    """NaN or infinity in the inputs or the targets."""
    x, y, numbers = batch
    for name, values in (("x", as_array(x)), ("y", as_array(y))):
        rows = bad_rows(values)
        if len(rows):
            which = f"the batch's {name}" if numbers is None else name
            first = rows[0] if numbers is None else numbers[rows[0]]
            cause = f"{len(rows)} of {len(values)} rows have NaN or infinity in the data"
            hint = f"np.isfinite({name}).all() before training; drop or fill such rows"
            return Finding(f"row {first} of {which}", cause, hint)
    return None


def in_weights(run: Run, bad: str) -> Finding:
    """Finds why an earlier step made weights that are not finite: by its data or its gradient."""
    for batch in run.feed.held():
        finding = in_data(batch)
        if finding:  # infinity passed, as in tanh(inf) = 1, but its gradient did not
            return finding
    return Finding(bad, *cause_in_training(run))


def rise(run: Run) -> tuple[float, float] | None:
    """The smallest and the last loss, of the epochs and this epoch's steps, if it rose far."""
    before = [row["loss"] for row in run.history]
    losses = np.concatenate([np.array(before, np.float64), *run.losses])[-RECENT:]
    if len(losses) < 2 or not losses[-1] > GREW * losses.min():
        return None
    return losses.min(), losses[-1]


def cause_in_training(run: Run) -> tuple[str, str]:
    """Why finite inputs gave weights or outputs that are not: usually the learning rate."""
    smaller = f"a smaller learning rate, such as {shown(run.lr / 10)}"
    rose = rise(run)
    largest = max((float(np.abs(p.data).max(initial=0)) for p in run.model.parameters()), default=0)
    if rose:
        cause = f"a learning rate of {shown(run.lr)} is too large: the loss rose from "
        return cause + f"{shown(rose[0])} to {shown(rose[1])}", smaller
    if largest > LARGE or np.isnan(largest):
        return f"weights as large as {shown(largest)}: the learning rate is too large", smaller
    return (
        "a step with a gradient that is not finite, or numbers too large for the dtype",
        f"{smaller}; inputs of about 1; an epsilon within log, sqrt and divisions",
    )


def cause_in_loss(outputs: np.ndarray) -> tuple[str, str]:
    """Why finite outputs gave a loss that is not: usually the logarithm of 0."""
    if outputs.min() >= 0 and outputs.max() <= 1:
        cause = f"log(0): the outputs are from {outputs.min():.4g} to {outputs.max():.4g}"
        return cause, "F.cross_entropy or F.binary_cross_entropy_with_logits on the logits"
    low, high = outputs.min(), outputs.max()
    cause = f"the loss has no finite value for outputs from {low:.4g} to {high:.4g}"
    return cause, "an epsilon within log, sqrt and divisions; F.huber for large errors"


def bad_rows(values: np.ndarray) -> np.ndarray:
    """The numbers of the rows that hold NaN or infinity."""
    if values.dtype.kind != "f" or values.ndim == 0:
        return np.empty(0, np.int64)
    return np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))


def bad_weights(model: Layer) -> str:
    """The first parameter that is not finite, or nothing."""
    for path, p in model.named_parameters():
        if not np.isfinite(p.data).all():
            return f"the weights {path}"
    return ""


@contextmanager
def watched(model: Layer) -> Iterator[list[tuple[str, Layer, np.ndarray]]]:
    """Within the block, lists the output of each layer, innermost first; a Dense and its activation
    separately."""
    seen: list[tuple[str, Layer, np.ndarray]] = []

    def note(path: str, layer: Layer, x: Any, y: Tensor) -> Tensor:
        seen.append((path, layer, np.array(as_array(y))))
        return y

    with hooked(model, note):
        yield seen


def kind(layer: Layer) -> str:
    """The layer in a few words."""
    return f"{type(layer).__name__}({layer.describe()})"
