"""The trainings that experiments have in common."""

from collections.abc import Callable, Sequence

import numpy as np

import minidl

from .. import data, nn, optim
from .. import functional as F
from ..init import Initializer
from ..layer import Layer
from ..optim.base import Optimizer
from ..prediction import predict
from ..schedules import Schedule
from ..tensor import Tensor
from ..training import TrainingStep


def net_of(
    sizes: Sequence[int], activation: str, seed: int, init: str | Initializer | None = None
) -> nn.MLP:
    """A net whose first weights follow from the seed; `init` None is that of the activation."""
    minidl.manual_seed(seed)
    return nn.MLP(sizes, activation, init=init)


def train(
    net: Layer, x: np.ndarray, y: np.ndarray, optimizer: Optimizer, *, epochs: int, batch: int,
    seed: int, schedule: Callable[[int], float] | None = None,
    after_epoch: Callable[[int], None] | None = None, loss: Callable[..., Tensor] = F.cross_entropy,
) -> list[float]:  # fmt: skip
    """Trains by the loss; each epoch's mean loss, and `after_epoch` is told its number, from
    1. It ends where a loss is not finite: fewer numbers than epochs came out, or the last is not
    finite. `schedule` is a factor of the step, such as schedules.cosine(1000)."""
    step = TrainingStep(
        net, loss, optimizer, None if schedule is None else Schedule(optimizer, schedule)
    )
    batches = data.batches(x, y, batch, shuffle=True, seed=seed)
    losses: list[float] = []
    for epoch in range(1, epochs + 1):
        with np.errstate(all="ignore"):
            losses.append(float(step.epoch(batches).mean()))
        if not np.isfinite(losses[-1]):
            break
        if after_epoch is not None:
            after_epoch(epoch)
    return losses


def sgd(net: Layer, lr: float, momentum: float = 0.0) -> optim.SGD:
    """Plain SGD, unless a momentum is given."""
    return optim.SGD(net.parameters(), lr=lr, momentum=momentum)


def error(net: Layer, x: np.ndarray, y: np.ndarray) -> float:
    """The fraction of images whose largest output is not that of their label."""
    training = net.training
    net.eval()
    wrong = float((predict(net, x).argmax(axis=1) != y).mean())
    net.train(training)
    return wrong
