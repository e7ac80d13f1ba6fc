"""What the experiment 'zigzag' measures: its cells."""

from functools import cache
from math import comb
from typing import Any

import numpy as np

from minidl import data, nn, optim
from minidl import functional as F
from minidl.diagnostics import sign_agreement
from minidl.layers.base import Layer

from ..bench import Digits
from ..trainings import net_of, pursue, reached, train

HIDDEN = (128, 128)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # of batches whose signs are counted
LOOKS, ROWS = 10, 1024  # at most so many batches of a size, and so many rows; two in any case
LR, BATCH = 0.1, 64  # of the epoch between the two looks
SHIFTED = "tanh + 1"
TARGETS = {"5 %": 0.05, "10 %": 0.1}  # training errors; rates are tuned for the first


def zigzag_net(activation: str, seed: int) -> nn.Sequential:
    """The net; "tanh + 1" is that of tanh, with 1 added to what each hidden layer gives, and taken
    off again in the biases of the next."""
    net = net_of([784, *HIDDEN, 10], "tanh" if activation == SHIFTED else activation, seed)
    if activation != SHIFTED:
        return net
    first, *others = (layer for layer in net.layers if isinstance(layer, nn.Dense))
    layers: list[Layer] = [first]
    for layer in others:
        one = nn.Bias(layer.weight.shape[0])
        one.bias.data[...] = 1
        one.bias.requires_grad = False
        layer.bias.data -= layer.weight.data.sum(axis=0)  # type: ignore[union-attr]
        layers += [nn.Tanh(), one, layer]
    return nn.Sequential(*layers)


def second(net: nn.Sequential) -> nn.Dense:
    """The layer whose signs are counted."""
    _, found, _ = (layer for layer in net.layers if isinstance(layer, nn.Dense))
    return found


def plain(net: nn.Sequential, lr: float) -> optim.SGD:
    """SGD for what is learned: all but the + 1."""
    return optim.SGD([p for p in net.parameters() if p.requires_grad], lr=lr)


def signs(digits: Digits, *, source: str, seed: int) -> dict[str, Any]:
    """Agreement and chance for each size of batch, before and after an epoch. `source` is what
    gives the inputs of the weights: an activation, or tanh + 1."""
    x, y = digits.x, digits.y
    net = zigzag_net(source, seed)
    before = look(net, second(net), x, y, seed)
    losses = train(net, x, y, plain(net, LR), epochs=1, batch=BATCH, seed=seed)
    if not np.isfinite(losses).all():
        return {"before": before, "after": {what: [None] * len(SIZES) for what in before}}
    return {"before": before, "after": look(net, second(net), x, y, seed)}


def look(net: Layer, layer: Any, x: np.ndarray, y: np.ndarray, seed: int) -> dict[str, list[Any]]:
    """The agreement of the layer's gradients for each size of batch: the mean over the looks, the
    least, and by chance. None where all gradients were 0."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[Any]] = {"agreement": [], "least": [], "chance": []}
    for size in SIZES:
        looks = max(2, min(LOOKS, ROWS // size))
        rows = [rng.choice(len(x), min(size, len(x)), replace=False) for _ in range(looks)]
        gradients = [gradient(net, layer, x, y, one) for one in rows]
        shares = [share for dW in gradients if (share := sign_agreement(dW)) is not None]
        by_chance = [share for dW in gradients if (share := chance(dW)) is not None]
        found["agreement"].append(float(np.mean(shares)) if shares else None)
        found["least"].append(min(shares) if shares else None)
        found["chance"].append(float(np.mean(by_chance)) if by_chance else None)
    return found


def gradient(net: Layer, layer: Any, x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """dL/dW of the layer for these rows."""
    net.zero_grad()
    inputs, labels = next(iter(data.batches(x[rows], y[rows], len(rows))))
    F.cross_entropy(net(inputs), labels).backward()
    dW: np.ndarray = layer.weight.grad.numpy()
    net.zero_grad()
    return dW


def chance(dW: np.ndarray) -> float | None:
    """What `sign_agreement` is to be expected if each sign that is not 0 were thrown by a fair
    coin; None if there are none."""
    counts = np.count_nonzero(dW, axis=0)
    shares = [of_coins(int(n)) for n in counts if n]
    return float(np.mean(shares)) if shares else None


@cache
def of_coins(n: int) -> float:
    """E max(heads, tails) / n for n fair coins: 1/2 + E|heads - tails| / 2n, where the expectation
    is ⌈n/2⌉ C(n, ⌈n/2⌉) / 2^(n-1).

    >>> of_coins(1), of_coins(2), of_coins(3)
    (1.0, 0.75, 0.75)
    """
    half = (n + 1) // 2
    return 0.5 + half * comb(n, half) / (n << n)


def learn(
    digits: Digits, *, batch: int, is_shifted: bool, lr: float, seed: int, most: int
) -> dict[str, Any]:
    """The steps to each target, None where it was not reached."""
    net = zigzag_net(SHIFTED if is_shifted else "tanh", seed)
    curve = pursue(
        net, digits.x, digits.y, plain(net, lr), batch=batch, seed=seed,
        goal=min(TARGETS.values()), most=most,
    )  # fmt: skip
    return {name: reached(curve.steps, curve.errors, goal) for name, goal in TARGETS.items()}
