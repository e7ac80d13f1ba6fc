"""What the experiment 'maxout' measures: its cells."""

from collections.abc import Sequence
from functools import partial
from math import frexp
from time import perf_counter
from typing import Any

import numpy as np

import minidl
from minidl import data, nn, optim, schedules
from minidl import functional as F
from minidl.diagnostics import flat_share, silent_share
from minidl.engine.tensor import Tensor, as_tensor
from minidl.layers.activations import Activation
from minidl.layers.base import Layer
from minidl.optim.schedules import Schedule
from minidl.step.firing import derivatives
from minidl.step.prediction import predict
from minidl.step.training import TrainingStep

from ..bench import Digits
from ..rounding import gamma
from ..trainings import as_numbers, error, sgd, train

SIZES = (784, 128, 10)
BATCH, LR, MOMENTUM = 64, 0.02, 0.9
PIECES = (2, 3, 4, 6, 8, 12, 16)
SLOPES = {
    "ReLU": 0.0, "leaky ReLU, slope 1/4": 0.25, "leaky ReLU, slope 0.01": 0.01,
    "absolute value": -1.0,
}  # fmt: skip
TINY = 1e-30
TIMED = (1, 2, 5)  # pieces; with 1 it is ReLU
ROWS = 1000  # at a time


class Absolute(Layer):
    """y = |x|."""

    def forward(self, x: Any) -> Tensor:
        """|x|."""
        return as_tensor(x, "Absolute").abs()


def contain(digits: Digits, *, name: str, seed: int, epochs: int) -> dict[str, Any]:
    """Trains a net, and sets a maxout net to be it: outputs that differ; the largest difference of
    a hidden value, in units of what rounding allows; how many test images both call the same."""
    slope = SLOPES[name]
    minidl.manual_seed(seed)
    net = nn.Sequential(nn.Dense(784, 128), activation_of(slope), nn.Dense(128, 10))
    teach(net, digits, seed, epochs)
    twin = as_maxout(net, slope)
    hidden, outputs = (
        [predict(nn.Sequential(*one.layers[:count]), digits.x_test) for one in (net, twin)]
        for count in (2, 3)
    )
    return {
        "differ": int(np.sum(outputs[0] != outputs[1])),
        "outputs": outputs[0].size,
        "rounding": 0.0 if is_exact(slope) else off(net, slope, hidden, digits.x_test),
        "agree": float(np.mean(outputs[0].argmax(axis=1) == outputs[1].argmax(axis=1))),
        "error": error(twin, digits.x_test, digits.y_test),
    }


def is_exact(slope: float) -> bool:
    """Whether a product with it is never rounded: 0, or a power of two with either sign."""
    return abs(frexp(slope)[0]) in (0, 0.5)


def activation_of(slope: float) -> Layer:
    """max(x, slope x)."""
    if slope > 0:
        return nn.LeakyReLU(slope)
    return Absolute() if slope == -1 else nn.ReLU()


def as_maxout(net: nn.Sequential, slope: float) -> nn.Sequential:
    """The same function by maxout: pieces (W, b) and (slope W, slope b)."""
    first, last = dense_layers(net)
    twin = nn.Sequential(nn.Dense(784, 256), nn.Maxout(2), nn.Dense(128, 10))
    wide, copy = dense_layers(twin)
    for mine, theirs in zip(wide.parameters(), first.parameters(), strict=True):
        mine.data[..., 0::2] = theirs.data
        mine.data[..., 1::2] = theirs.data * np.float32(slope)
    for mine, theirs in zip(copy.parameters(), last.parameters(), strict=True):
        mine.data[...] = theirs.data
    return twin


def off(net: nn.Sequential, slope: float, hidden: Sequence[np.ndarray], x: np.ndarray) -> float:
    """The largest difference of hidden values by its bound. For 0 < s < 1 the net has
    s (x W + b) where maxout has x (s W) + s b, and either is off by γ(787) s (|x| |W| + |b|) at
    most: 784 products and sums, the bias, and the rounding of s z or of s W."""
    pixels = as_numbers(x)
    W, b = (np.abs(p.data.astype(np.float64)) for p in dense_layers(net)[0].parameters())
    bound = 2 * gamma(787) * slope * (pixels @ W + b)
    difference = np.abs(hidden[0].astype(np.float64) - hidden[1])
    return float((difference / np.maximum(bound, TINY)).max())


def dense_layers(net: nn.Sequential) -> list[nn.Dense]:
    """The dense layers, from the first."""
    return [layer for layer in net.layers if isinstance(layer, nn.Dense)]


def teach(net: Layer, digits: Digits, seed: int, epochs: int, rate: float = LR) -> list[float]:
    """Trains as the protocol says; each epoch's loss."""
    return train(
        net, digits.x, digits.y, sgd(net, rate, MOMENTUM), epochs=epochs, batch=BATCH, seed=seed
    )


def best_rms(pieces: float) -> float:
    """The least RMS error of k lines for x² on [-1, 1]: on an interval of half width a = 1/k the
    residual is (2/3) a² P2, Legendre's polynomial, whose mean square is 1/5."""
    return 2 / (3 * 5**0.5 * pieces**2)


def best_worst(pieces: float) -> float:
    """The least largest error of k lines for x² on [-1, 1]: a² / 2."""
    return 1 / (2 * pieces**2)


def set_fit(digits: Digits, *, pieces: int) -> dict[str, Any]:
    """A maxout unit whose pieces are tangents of x² at the middles c of k equal intervals, moved
    up: 2 c x - c² + lift. Its RMS error with the lift a² / 3, its largest with a² / 2."""
    net = nn.Sequential(nn.Dense(1, pieces), nn.Maxout(pieces)).astype(np.float64)
    c = (2 * np.arange(pieces) + 1) / pieces - 1
    x = np.linspace(-1, 1, 10_001)[:, None]
    residuals = []
    for share in (1 / 3, 1 / 2):
        W, b = net.parameters()
        W.data[0], b.data[...] = 2 * c, share / pieces**2 - c * c
        residuals.append(predict(net, x) - x * x)
    return {
        "rms": float(np.sqrt(np.mean(residuals[0] ** 2))),
        "worst": float(np.max(np.abs(residuals[1]))),
    }


def learned_fit(
    digits: Digits, *, target: str, inputs: int, pieces: int, units: int, seed: int, steps: int
) -> dict[str, Any]:
    """Trains one maxout unit, or the difference of two, on a function: its RMS error, and how many
    pieces win somewhere, before and after."""
    minidl.manual_seed(seed)
    layers: list[Layer] = [nn.Dense(inputs, units * pieces), nn.Maxout(pieces)]
    if units == 2:
        layers.append(nn.Dense(2, 1))
        for p, start in zip(layers[-1].parameters(), ([[1.0], [-1.0]], [0.0]), strict=True):
            p.data[...] = start
    net = nn.Sequential(*layers)
    x = grid(128 if inputs == 1 else 16, inputs)
    y = (np.sin(np.pi * x) if target == "sine" else x * x).sum(axis=1, keepdims=True)
    rate, momentum = (0.5, 0.95) if units == 1 else (0.05, 0.95)
    optimizer = optim.SGD(net.parameters(), lr=rate, momentum=momentum)
    step = TrainingStep(net, F.mse, optimizer, Schedule(optimizer, schedules.cosine(steps)))
    before = winners(net, x, pieces)
    step.on_rows(data.batches(x, y, len(x)), np.tile(np.arange(len(x)), steps))
    return {
        "rms": float(np.sqrt(np.mean((predict(net, x).astype(np.float64) - y) ** 2))),
        "winners": winners(net, x, pieces), "winners_before": before,
    }  # fmt: skip


def winners(net: nn.Sequential, x: np.ndarray, pieces: int) -> int:
    """How many pieces of the first layer's units are the largest of their unit at some x."""
    z = predict(nn.Sequential(net.layers[0]), x)
    z = z.reshape(len(x), -1, pieces)
    return int(sum(len(np.unique(unit.argmax(axis=1))) for unit in np.moveaxis(z, 1, 0)))


def grid(points: int, inputs: int) -> np.ndarray:
    """The middles of equal cells of [-1, 1]^inputs, (points^inputs, inputs)."""
    axis = ((2 * np.arange(points) + 1) / points - 1).astype(np.float32)
    return np.stack(np.meshgrid(*[axis] * inputs), axis=-1).reshape(-1, inputs)


def cost(digits: Digits, *, rounds: int) -> dict[str, Any]:
    """Parameters of the hidden layer; multiply-adds of a step, an image, in units of ReLU's: two
    products for the first layer, three for the last; seconds of training epochs, taken in turn."""
    found: dict[str, Any] = {"seconds": {}, "parameters": {}, "work": {}}
    epochs = {}
    for pieces in TIMED:
        minidl.manual_seed(0)
        net = net_with(pieces)
        step = TrainingStep(net, F.cross_entropy, sgd(net, LR, MOMENTUM))
        batches = data.batches(digits.x, digits.y, BATCH, shuffle=True, seed=0)
        epochs[str(pieces)] = partial(step.epoch, batches)
        found["seconds"][str(pieces)] = []
        hidden, output = dense_layers(net)
        found["parameters"][str(pieces)] = sum(p.size for p in hidden.parameters())
        found["work"][str(pieces)] = 2 * hidden.weight.size + 3 * output.weight.size
    for round_number in range(rounds + 1):
        for name, epoch in epochs.items():
            began = perf_counter()
            epoch()
            if round_number > 0:
                found["seconds"][name].append(perf_counter() - began)
    least = found["work"]["1"]
    found["work"] = {pieces: n / least for pieces, n in found["work"].items()}
    return found


def net_with(pieces: int) -> nn.MLP:
    """Maxout with so many pieces; with 1, ReLU."""
    return nn.MLP(SIZES) if pieces == 1 else nn.MLP(SIZES, "maxout", pieces=pieces)


def firing(
    digits: Digits, *, activation: str, rate: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Trains a net, then looks at all training images: the shares of units and of pieces that have
    no slope on any, and of (image, unit) where the unit is flat."""
    minidl.manual_seed(seed)
    pieces = 1 if activation == "relu" else 2
    net = net_with(pieces)
    losses = teach(net, digits, seed, epochs, rate)
    before, hidden = net.layers[:2]
    is_number = all(np.isfinite(p.data).all() for p in net.parameters())
    if not (is_number and np.isfinite(losses[-1]) and isinstance(hidden, Activation)):
        return {"diverged": True}
    fired: np.ndarray = np.zeros((SIZES[1], pieces), bool)
    flat = []
    for start in range(0, len(digits.x), ROWS):
        z = predict(nn.Sequential(before), digits.x[start : start + ROWS])
        slope = derivatives(hidden, z).reshape(len(z), SIZES[1], pieces)
        fired = fired | (slope != 0).any(axis=0)
        flat.append(flat_share(slope.max(axis=2), 1.0))
    return {
        "diverged": False,
        "units": silent_share(np.any(fired, axis=1)),
        "pieces": silent_share(fired.ravel()),
        "flat": float(np.mean(flat)),
    }
