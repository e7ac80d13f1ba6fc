"""Guard rails: common mistakes, found by cheap checks, reported as a GuardWarning."""

import math
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from ..engine.random import preserved
from ..engine.tape import leaves
from ..engine.tensor import Tensor
from ..errors import ArgumentError, GuardWarning, explain
from ..layers.base import Layer
from .callbacks import Callback
from .evaluation import mode
from .metrics import as_array
from .run import Run
from .state import require_state

GUARDS = ("activation", "shapes", "inputs", "parameters", "rate")

TYPICAL = 10  # inputs with a larger root mean square count as unscaled; that of pixels is about 80
EXPLODED = 10  # times the first loss
LOGIT = 20.0  # its sigmoid or softmax is 1 or 0 in single precision

Loss = Callable[..., Tensor]


def check(
    model: Layer, loss: Loss, x: Any, y: Any, guards: Collection[str] = GUARDS
) -> Tensor | None:
    """Warns (GuardWarning) of probable mistakes, from one batch and before any step:

    - "activation": the outputs are from softmax or sigmoid, and the loss applies it again
    - "shapes": (n,) beside (n, 1) in a loss that broadcasts them to n² differences
    - "inputs": numbers far from 1, such as pixels from 0 to 255; the initial weights expect about 1
    - "parameters": a tensor that learns but is not among the model's parameters, so it is not
      saved, nor trained by the usual optimiser

    The model evaluates the batch, and the loss is called a few times with made-up outputs; nothing
    changes. Returns the batch's loss. `fit` calls it; call it once in a loop of your own.

    >>> import minidl
    >>> from minidl import nn, functional as F
    >>> x = np.random.default_rng(0).integers(0, 256, (8, 4)).astype(np.float32)
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     _ = check(nn.Dense(4, 3), F.cross_entropy, x, np.zeros(8, int))
    >>> str(told[0].message)[:60]
    'inputs: expected numbers of about 1, as the initial weights '
    """
    with preserved():
        with mode(model, training=False):
            outputs = model(x)
        first = loss(outputs, y)
        truth = as_array(y)
        if "inputs" in guards:
            _check_inputs(as_array(x))
        if "parameters" in guards:
            _check_parameters(model, first)
        if "shapes" in guards:
            _check_shapes(loss, outputs, truth)
        if "activation" in guards:
            _check_softmax(loss, outputs, y)
            _check_sigmoid(loss, outputs, truth)
    return first


class Guards(Callback):
    """Checks the first batch before the first step, and the losses during training."""

    def __init__(self, guards: Collection[str] = GUARDS) -> None:
        self.guards = guards
        self.first: float | None = None
        self.has_warned = False

    def on_epoch_begin(self, run: Run) -> None:
        """Checks the first rows of the data, once."""
        batch = run.feed.first() if self.first is None else None
        if batch is not None:
            x, y = batch[:2]
            loss = check(run.model, run.loss, x, y, self.guards)
            self.first = math.nan if loss is None else loss.item()

    def on_steps(self, run: Run, losses: np.ndarray) -> None:
        """Warns, once, if the loss is many times what it was before the first step."""
        if run.step == len(losses) and self.first is not None:
            self.first = max(self.first, losses[0])  # dropout may make it larger in training
        limit = EXPLODED * (self.first or 0.0)
        if self.has_warned or "rate" not in self.guards:
            return
        if not 0 < limit < np.maximum.reduce(losses):
            return
        recent = float(np.median(losses))
        if recent > limit:
            self.has_warned = True
            warn(
                "rate",
                "the loss to fall",
                f"a rise from {self.first:.3g} to {recent:.3g} by step {run.step}",
                f"a smaller learning rate than {run.lr:.3g}",
            )

    def state_dict(self) -> dict[str, Any]:
        """The first loss."""
        return {"first": self.first}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on comparing with that loss."""
        require_state("Guards", state, {"first": float | None})
        self.first = state["first"]


def guards_of(wanted: Any) -> list[Callback]:
    """The callback for fit's `guards`: True, False, or the names of some."""
    if wanted is False:
        return []
    names = GUARDS if wanted is True else wanted
    is_list = isinstance(names, Collection) and not isinstance(names, str)
    if not is_list or not set(names) <= set(GUARDS):
        expected = f"guards: True, False or some of {', '.join(GUARDS)}"
        raise ArgumentError(explain("fit", expected, repr(wanted)))
    return [Guards(names)] if names else []


def warn(guard: str, expected: str, got: str, hint: str) -> None:
    """Warns, and says how to switch the warning off."""
    others = [name for name in GUARDS if name != guard]
    message = f"{explain(guard, expected, got, hint)}. If it is meant: guards={others}"
    warnings.warn(message, GuardWarning, stacklevel=4)


def _check_inputs(x: np.ndarray) -> None:
    if x.dtype.kind != "f" or x.size == 0:
        return
    size = math.sqrt(float(np.mean(np.square(x, dtype=np.float64))))
    if size > TYPICAL:
        are_pixels = x.min() >= 0 and x.max() <= 255
        warn(
            "inputs",
            "numbers of about 1, as the initial weights are made for",
            f"{x.min():.4g} to {x.max():.4g}" + (", as pixels have" if are_pixels else ""),
            "x / 255, or the pixels as uint8" if are_pixels else "(x - x.mean(0)) / x.std(0)",
        )


def _check_parameters(model: Layer, loss: Tensor) -> None:
    """Checks that the tensors that get a gradient from the loss belong to the model."""
    known = {id(p) for p in model.parameters()}  # this also warns of tensors that it holds besides
    known |= {id(part) for layer in model.layers_within() for _, part in layer.held()}
    reached: list[Any] = [] if loss._node is None else list(leaves(loss._node))
    lost = [p for p in reached if id(p) not in known]
    if lost:
        shapes = ", ".join(str(p.shape) for p in lost)
        warn(
            "parameters",
            "all learned tensors to be among the model's parameters",
            f"others of shape {shapes}, which are not saved",
            "nn.Parameter as an attribute of a layer, or in a list, tuple or dict",
        )


def _check_shapes(loss: Loss, outputs: Tensor, y: np.ndarray) -> None:
    """Checks that the loss pairs row with row: it then changes if the targets change places; a sum
    over all pairs of rows does not."""
    n = outputs.shape[0] if outputs.ndim else 0
    if n < 3 or {outputs.shape, y.shape} != {(n,), (n, 1)} or (y == y[0]).all():
        return
    spread = Tensor(np.linspace(0.1, 0.9, n, dtype=outputs.dtype).reshape(outputs.shape))
    if _is_alike(loss(spread, y), loss(spread, np.roll(y, 1, axis=0))):
        warn(
            "shapes",
            "outputs and targets of one shape",
            f"{outputs.shape} and {y.shape}, of which the loss makes {(n, n)}",
            f"y.reshape({list(outputs.shape)})",
        )


def _check_softmax(loss: Loss, outputs: Tensor, y: Any) -> None:
    """Checks for outputs that are probabilities beside a loss of logits: adding a number to a row
    does not change such a loss."""
    p = outputs.data
    if p.ndim != 2 or p.shape[1] < 2 or not (p >= 0).all():
        return
    if np.abs(p.sum(axis=1) - 1).max(initial=0) > 1e-3:
        return
    own, shifted = loss(Tensor(p), y), loss(Tensor(p + p.dtype.type(1)), y)
    if _is_alike(own, shifted):
        warn(
            "activation",
            "logits, as the loss contains the softmax",
            "probabilities that add up to 1",
            "a net without softmax at its end",
        )


def _check_sigmoid(loss: Loss, outputs: Tensor, y: np.ndarray) -> None:
    """Checks for outputs of a sigmoid beside a loss that is lower for logits than for the truth."""
    made_by = outputs._node.operation.name if outputs._node is not None else ""
    if not made_by.endswith("sigmoid") or made_by.endswith("log_sigmoid"):
        return
    if outputs.shape != y.shape or not np.isin(y, (0, 1)).all():
        return
    truth = y.astype(outputs.dtype)
    exact, as_logits = loss(Tensor(truth), y), loss(Tensor((2 * truth - 1) * LOGIT), y)
    if as_logits.item() < exact.item():
        warn(
            "activation",
            "logits, as the loss contains the sigmoid",
            "outputs of a sigmoid",
            "a net without sigmoid at its end",
        )


def _is_alike(one: Tensor, other: Tensor) -> bool:
    return bool(np.isclose(one.item(), other.item(), rtol=1e-4, atol=0))
