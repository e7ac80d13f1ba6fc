"""Where a loss stopped being finite, and why: `DivergedError`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..activations import Activation
from ..errors import DivergedError
from ..layer import Layer
from ..layers import Dense
from ..tape import no_grad
from ..tensor import Tensor
from .history import shown
from .metrics import as_array
from .run import Run

RECENT = 20  # steps over which the loss is looked at
GREW = 2.0  # times: what counts as growth over them
LARGE = 1e4  # an output of a hidden layer that is far from the usual


class Finding(NamedTuple):
    """What was the first not to be finite, the likely cause, and what to try."""

    place: str
    cause: str
    hint: str


def diverged(run: Run, bad: float, x: Any, y: Any) -> DivergedError:
    """The error for the next step, whose loss on the batch (x, y) was `bad`. The model is as
    before that step."""
    return error_of(run, f"a loss of {bad}", find(run, x, y))


def check_weights(run: Run) -> None:
    """Raises DivergedError if the last step of an epoch left weights that are not finite."""
    bad = bad_weights(run.model)
    if bad:
        cause, hint = cause_in_training(run)
        raise error_of(run, "such weights", Finding(bad, cause, hint), after=True)


def error_of(run: Run, got: str, finding: Finding, after: bool = False) -> DivergedError:
    """The finding, with the step it is about."""
    step, batch = run.step + (not after), run.batch + (not after)
    return DivergedError(
        f"fit: {got} at step {step} (epoch {run.epoch}, batch {batch}). "
        f"First not finite: {finding.place}. Likely cause: {finding.cause}. Try: {finding.hint}",
        step=step, epoch=run.epoch, batch=batch, place=finding.place, cause=finding.cause,
    )  # fmt: skip


def find(run: Run, x: Any, y: Any) -> Finding:
    """Looks at the inputs, the targets, the weights, each layer's outputs, and the loss."""
    for name, values in (("x", as_array(x)), ("y", as_array(y))):
        rows = bad_rows(values)
        if len(rows):
            at = f"row {rows[0]} of the batch's {name}"
            cause = f"{len(rows)} of its {len(values)} rows have NaN or infinity in the data"
            return Finding(at, cause, "np.isfinite(x).all() before training; drop or fill them")
    bad = bad_weights(run.model)
    if bad:
        return Finding(bad, *cause_in_training(run))
    with watched(run.model) as seen, no_grad():
        outputs = run.model(x)
    for path, layer, values in seen:
        if not np.isfinite(values).all():
            return Finding(f"the outputs of layer {path} ({kind(layer)})", *cause_in_training(run))
    return Finding("the loss itself", *cause_in_loss(as_array(outputs)))


def cause_in_training(run: Run) -> tuple[str, str]:
    """Why finite inputs gave weights or outputs that are not: mostly the learning rate."""
    smaller = f"a smaller learning rate, such as {shown(run.lr / 10)}"
    losses = np.concatenate([np.empty(0), *run.losses])[-RECENT:]
    largest = max((float(np.abs(p.data).max(initial=0)) for p in run.model.parameters()), default=0)
    if len(losses) > 1 and losses[-1] > GREW * losses.min():
        rise = f"the loss rose from {shown(losses.min())} to {shown(losses[-1])}"
        return f"a learning rate of {shown(run.lr)} is too large: {rise}", smaller
    if largest > LARGE or np.isnan(largest):
        return f"weights as large as {shown(largest)}: the learning rate is too large", smaller
    return (
        "a step with a gradient that is not finite, or numbers too large for the dtype",
        f"{smaller}; inputs of about 1; an epsilon within log, sqrt and divisions",
    )


def cause_in_loss(outputs: np.ndarray) -> tuple[str, str]:
    """Why finite outputs gave such a loss: mostly the logarithm of 0."""
    if outputs.size and outputs.min() >= 0 and outputs.max() <= 1:
        cause = f"log(0): the outputs are from {outputs.min():.4g} to {outputs.max():.4g}"
        return cause, "F.cross_entropy or F.binary_cross_entropy_with_logits on the logits"
    low, high = outputs.min(initial=0), outputs.max(initial=0)
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
            return f"the weights {path}, before this step"
    return ""


@contextmanager
def watched(model: Layer) -> Iterator[list[tuple[str, Layer, np.ndarray]]]:
    """Within the block, lists what each layer gave, innermost first, a Dense's activation on its
    own. The layers are as before afterwards, counts of calls too."""
    seen: list[tuple[str, Layer, np.ndarray]] = []
    layers = list(named_layers(model))
    calls = [(layer, layer.calls) for _, layer in layers if hasattr(layer, "calls")]
    try:
        for path, layer in layers:
            vars(layer)["forward"] = listing(path, layer, seen)
        yield seen
    finally:
        for _, layer in layers:
            vars(layer).pop("forward", None)
        for layer, count in calls:
            layer.calls = count


def listing(path: str, layer: Layer, seen: list[Any]) -> Callable[..., Tensor]:
    """The layer's forward, which adds what it gives to the list."""
    forward = layer.forward

    def watching(x: Any, *arguments: Any) -> Tensor:
        activation: Activation | None = None
        if isinstance(layer, Dense) and arguments:
            activation, *rest = arguments
            arguments = tuple(rest)
        y = forward(x, *arguments)
        seen.append((path, layer, np.array(as_array(y))))
        return y if activation is None else activation(y)

    return watching


def named_layers(layer: Layer, path: str = "") -> Iterator[tuple[str, Layer]]:
    """The layer and all within it, with their paths, innermost first."""
    for name, child in layer.children():
        yield from named_layers(child, f"{path}.{name}" if path else name)
    yield path, layer


def kind(layer: Layer) -> str:
    """The layer in a few words."""
    return f"{type(layer).__name__}({layer.describe()})"
