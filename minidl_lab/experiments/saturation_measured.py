"""What the experiment 'saturation' measures: its cells."""

import math
from typing import Any

import numpy as np

from minidl import data, nn
from minidl import functional as F
from minidl.diagnostics import Diagnostics
from minidl.diagnostics.look import steepness
from minidl.engine.random import generator
from minidl.engine.recording import no_grad
from minidl.engine.tensor import Tensor
from minidl.layers.activations import Activation
from minidl.layers.init import Initializer, fans
from minidl.step.training import TrainingStep

from ..bench import Digits
from ..trainings import error, net_of, sgd

WIDTH, BATCH = 128, 10
SHALLOW, DEEP = 4, 5  # hidden layers: of the nets with which a rate is found, and of the others
EXAMPLES = 300  # of the test images, which are looked at
MOMENTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)  # looks within the first epoch
BINS = np.linspace(-1, 1, 41)


def standard(shape: tuple[int, ...], rng: "np.random.Generator | None" = None) -> np.ndarray:
    """U(-1/√n, 1/√n) with n = fan_in: Glorot & Bengio 2010, equation 1."""
    limit = 1 / math.sqrt(fans(shape)[0])
    return (rng or generator()).uniform(-limit, limit, shape).astype(np.float32)


INITS: dict[str, str | Initializer] = {"standard": standard, "Glorot": "glorot_uniform"}


def last_loss(digits: Digits, *, activation: str, lr: float, seed: int) -> dict[str, Any]:
    """The mean loss in the last quarter of an epoch; None if it diverges."""
    net = net_of([784, *[WIDTH] * SHALLOW, 10], activation, seed, standard)
    batches = data.batches(digits.x, digits.y, BATCH, shuffle=True, seed=seed)
    with np.errstate(all="ignore"):
        losses = TrainingStep(net, F.cross_entropy, sgd(net, lr)).epoch(batches)
    loss = float(losses[-(len(losses) // 4) :].mean())
    return {"loss": loss if np.isfinite(losses).all() else None}


def learn(
    digits: Digits, *, activation: str, init: str, lr: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Trains a net; what the looks show, the outputs' histograms at the end, the test error, and
    the activation's steepest slope. Looks end where a loss or a measure is not finite."""
    net = net_of([784, *[WIDTH] * DEEP, 10], activation, seed, INITS[init])
    pixels, _ = next(iter(data.batches(digits.x_test, digits.y_test, EXAMPLES)))
    labels = digits.y_test[:EXAMPLES]
    batches = data.batches(digits.x, digits.y, BATCH, shuffle=True, seed=seed)
    step = TrainingStep(net, F.cross_entropy, sgd(net, lr))
    looks: list[dict[str, Any]] = [look(net, pixels, labels) | {"epoch": 0.0}]
    is_finite = True
    for when, rows in pieces(batches, epochs):
        with np.errstate(all="ignore"):
            losses = step.on_rows(batches, rows)
            seen = look(net, pixels, labels)
        is_finite = bool(np.isfinite(losses).all()) and is_whole(seen)
        if not is_finite:
            break
        looks.append(seen | {"epoch": when})
    return {
        "looks": looks,
        "histograms": outputs(net, pixels) if is_finite else None,
        "error": error(net, digits.x_test, digits.y_test) if is_finite else None,
        "diverged": not is_finite,
        "steepest": steepest(net),
    }


def steepest(net: nn.MLP) -> float:
    """The largest |dy/dz| of the activation in the first hidden layer."""
    activation = next(layer for layer in net.layers if isinstance(layer, Activation))
    largest, _ = steepness(activation, np.zeros((1, WIDTH), np.float32))
    return float(largest.mean())


def pieces(batches: data.Batches, epochs: int) -> list[tuple[float, np.ndarray]]:
    """The rows up to each look, whole batches, and when that is, in epochs."""
    found = []
    for epoch in range(epochs):
        order, begin = batches.draw_order(), 0
        for part in MOMENTS if epoch == 0 else (1,):
            end = len(order) if part == 1 else int(part * len(order)) // BATCH * BATCH
            if end > begin:
                found.append((epoch + part, order[begin:end]))
            begin = end
    return found


def look(net: nn.MLP, x: Tensor, y: np.ndarray) -> dict[str, list[float | None]]:
    """The measures, each a list with a number for every hidden layer. `gradient` is the norm of the
    loss's gradient by the pre-activations z, `arriving` that by the outputs φ(z)."""
    diagnostics = Diagnostics(net)
    diagnostics.look(x, y, F.cross_entropy)
    diagnostics.end_epoch()
    (seen,) = diagnostics.report.epochs
    places = [i for i, layer in enumerate(net.layers) if isinstance(layer, Activation)]
    return {
        "mean": [seen[str(i)].get("mean") for i in places],
        "gradient": [seen[str(i - 1)].get("gradient") for i in places],
        "arriving": [seen[str(i)].get("gradient") for i in places],
    }


def is_whole(seen: dict[str, list[float | None]]) -> bool:
    """Whether all measures are there: what is not finite is left out."""
    return all(None not in values for values in seen.values())


def outputs(net: nn.MLP, x: Tensor) -> list[list[float]]:
    """The shares of the outputs in the bins, for every hidden layer."""
    found = []
    with no_grad():
        for layer in net.layers:
            x = layer(x)
            if isinstance(layer, Activation):
                counts, _ = np.histogram(x.data, BINS)
                found.append((counts / x.size).tolist())
    return found
