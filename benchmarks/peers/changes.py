"""minidl against itself: a plain net, and what a user changes in the net or in its training."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from nets import toy

from minidl import TrainingStep, data, nn, optim, train
from minidl import functional as F
from peers.minidl_peer import step as written_out_step
from peers.minidl_peer import versions as versions
from peers.timing import seconds_in_turns

LR = 1e-4  # small: the weights stay as they are, and no number becomes denormal


class Own(nn.Layer):
    """A user's net, whose forward calls its layers."""

    def __init__(self, inputs: int, units: int, outputs: int) -> None:
        self.hidden, self.relu = nn.Dense(inputs, units, init="he_normal"), nn.ReLU()
        self.out = nn.Dense(units, outputs)

    def forward(self, x: Any) -> Any:
        return self.out(self.relu(self.hidden(x)))


class Chained(Own):
    """The same, which says so."""

    forward = nn.chain("hidden", "relu", "out")


def net_of(
    inputs: int, units: int, outputs: int, before: tuple[nn.Layer, ...] = (),
    within: tuple[nn.Layer, ...] = (),
) -> nn.Layer:  # fmt: skip
    """A dense layer, ReLU, a dense layer; with others before them, and after the first."""
    hidden, out = nn.Dense(inputs, units), nn.Dense(units, outputs)
    return nn.Sequential(*before, hidden, *within, nn.ReLU(), out)


def nested(inputs: int, units: int, outputs: int) -> nn.Layer:
    hidden = nn.Sequential(nn.Dense(inputs, units), nn.ReLU())
    return nn.Sequential(hidden, nn.Dense(units, outputs))


PLAIN = "plain"
NETS: dict[str, Callable[..., nn.Layer]] = {
    "a nested Sequential": nested,
    "dropout of the input": partial(net_of, before=(nn.Dropout(0.2),)),
    "GaussianNoise on the input": partial(net_of, before=(nn.GaussianNoise(0.3),)),
    "GaussianNoise within": partial(net_of, within=(nn.GaussianNoise(0.3),)),
    "BatchNorm": lambda inputs, units, outputs: net_of(
        inputs, units, outputs, within=(nn.BatchNorm(units),)
    ),
    "a user's net": Own,
    "a user's net, by chain": Chained,
}
LOSSES: dict[str, Callable[..., Any]] = {
    'reduction="sum"': partial(F.cross_entropy, reduction="sum"),
    "a lambda around the loss": lambda outputs, y: F.cross_entropy(outputs, y),
}
BOUNDS = {"clip_norm": {"clip_norm": 1.0}, "max_norm": {"max_norm": 2.0}}
WEIGHTED = "sample_weight"
CHANGES = (*NETS, *LOSSES, *BOUNDS, WEIGHTED)


def epoch_of(change: str, sizes: list[int], batch: int, rows: int) -> Callable[[], np.ndarray]:
    """An epoch on random rows of a net with this change, or of the plain one; gives its losses."""
    x, y = toy(rows, sizes[0], sizes[-1])
    weights = np.random.default_rng(2).uniform(0.5, 1.5, rows).astype(np.float32)
    net = NETS.get(change, net_of)(*sizes)
    optimizer = optim.SGD(net.parameters(), LR, momentum=0.9)
    loss = LOSSES.get(change, F.cross_entropy)
    step = TrainingStep(net, loss, optimizer, **BOUNDS.get(change, {}))
    batches = data.batches(x, y, batch, sample_weight=weights if change == WEIGHTED else None)
    return lambda: step.epoch(batches)


class Changes:
    """Epochs of the plain net and of all the others, in turns."""

    def __init__(self, sizes: list[int], batch: int, steps: int) -> None:
        self.epochs = {
            change: epoch_of(change, sizes, batch, steps * batch) for change in (PLAIN, *CHANGES)
        }

    def turn(self, budget: float) -> dict[str, float]:
        return seconds_in_turns(self.epochs, budget)


class Wide:
    """A step and the loop written out, a batch at a time."""

    def __init__(self, sizes: list[int], batch: int) -> None:
        x, y = toy(batch, sizes[0], sizes[-1])
        nets = [nn.MLP(sizes, "relu") for _ in range(2)]
        optimizers = [optim.SGD(net.parameters(), LR, momentum=0.9) for net in nets]
        self.calls = {
            "step": partial(TrainingStep(nets[0], F.cross_entropy, optimizers[0]), x, y),
            "loop": partial(written_out_step, nets[1], optimizers[1], x, y),
        }

    def turn(self, budget: float) -> dict[str, float]:
        return seconds_in_turns(self.calls, budget)


class SmallFit:
    """Some epochs of 150 rows by `fit`, with validation and without, and by `step.epoch`."""

    def __init__(self, epochs: int) -> None:
        x, y = toy(150, 4, 3)
        self.x, self.y, self.epochs = x, y, epochs

    def trained(self, by: Callable[[nn.Layer, optim.Optimizer], None]) -> None:
        net = nn.MLP([4, 16, 3], "relu")
        by(net, optim.Adam(net.parameters(), LR))

    def by_step(self, net: nn.Layer, optimizer: optim.Optimizer) -> None:
        step = TrainingStep(net, F.cross_entropy, optimizer)
        batches = data.batches(self.x, self.y, 32, shuffle=True)
        for _ in range(self.epochs):
            step.epoch(batches).mean()

    def by_fit(self, net: nn.Layer, optimizer: optim.Optimizer, **options: Any) -> None:
        train.fit(net, (self.x, self.y), F.cross_entropy, optimizer, self.epochs, batch_size=32,
                  progress=False, **options)  # fmt: skip

    def turn(self, budget: float) -> dict[str, float]:
        evaluated = {"validation": (self.x, self.y), "metrics": ["accuracy"]}
        ways = {
            "step.epoch": self.by_step,
            "fit": self.by_fit,
            "fit, validation and accuracy": partial(self.by_fit, **evaluated),
        }
        return seconds_in_turns({name: partial(self.trained, way) for name, way in ways.items()},
                                budget)  # fmt: skip
