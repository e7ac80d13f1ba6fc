"""What the experiment 'advice' measures: its cells."""

from collections.abc import Sequence
from itertools import pairwise
from time import process_time
from typing import Any

import numpy as np

import minidl
from minidl import data, nn, optim
from minidl import functional as F
from minidl.layers.init import Initializer
from minidl.optim.base import Optimizer
from minidl.step.training import TrainingStep
from minidl.train.fit import schedule_of

from ..bench import Digits
from ..trainings import error, half_cosine
from ..tuning import finite, interior_best

BATCH = 128
WIDTH = 128
HELD_OUT = 6  # the last sixth of the training images is for tuning
PARTS = 20  # of a training, for its curve
MOST = 8  # rates that are tried
HOPELESS = 1.25  # times the best error so far: such a rate is not tried with another seed
LEARNED = 0.5  # a test error below it: by chance it is 0.9

NETS = {"two layers": 1, "three layers": 2, "six layers": 5}  # hidden layers
OPTIMIZERS: dict[str, dict[str, Any]] = {  # the rate to begin with, weight decays
    "SGD": {"rate": 0.05, "decays": [0.0, 1e-4, 1e-3]},
    "Adam": {"rate": 0.002, "decays": [0.0, 0.01, 0.1]},
}
CONTESTANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "ReLU": ("relu", {}),
    "leaky ReLU 0.01": ("leaky_relu", {"negative_slope": 0.01}),
    "leaky ReLU 0.1": ("leaky_relu", {"negative_slope": 0.1}),
    "PReLU": ("prelu", {}),
    "maxout": ("maxout", {"pieces": 2}),
    "narrow maxout": ("maxout", {"pieces": 2}),
    "ELU": ("elu", {}),
    "SELU": ("selu", {}),
    "GELU": ("gelu", {}),
    "SiLU": ("silu", {}),
    "mish": ("mish", {}),
    "tanh": ("tanh", {}),
    "LeCun's tanh": ("lecun_tanh", {}),
    "softsign": ("softsign", {}),
    "sigmoid": ("sigmoid", {}),
}


def small(shape: tuple[int, int], rng: "np.random.Generator | None" = None) -> np.ndarray:
    """Normal, standard deviation 0.01, however many inputs there are."""
    return ((rng or minidl.engine.random.generator()).standard_normal(shape) * 0.01).astype("f")


STARTS: dict[str, str | Initializer | None] = {
    "own gain": None, "Glorot": "glorot_normal", "small": small,
}  # fmt: skip


def entry(name: str, net: str) -> dict[str, Any]:
    """A net with this activation, as arguments of `learn`. The narrow maxout has as many units as
    make its parameters as many as ReLU's, as nearly as can be."""
    activation, options = CONTESTANTS.get(name, (name, {}))
    depth, pieces = NETS[net], options.get("pieces", 1)
    width = WIDTH
    if name == "narrow maxout":
        aim = parameters(sizes_of(WIDTH, depth), 1)
        width = min(
            range(1, WIDTH + 1), key=lambda n: abs(parameters(sizes_of(n, depth), pieces) - aim)
        )
    return {"sizes": sizes_of(width, depth), "activation": activation, "options": options}


def sizes_of(width: int, depth: int) -> list[int]:
    """784 inputs, hidden layers of the same width, 10 outputs."""
    return [784, *[width] * depth, 10]


def products(sizes: Sequence[int], pieces: int) -> int:
    """The multiply-adds of an image on its way through the net: one for each weight.

    >>> products([784, 128, 10], 1), products([784, 128, 10], 2)
    (101632, 201984)
    """
    *hidden, last = [a * b for a, b in pairwise(sizes)]
    return pieces * sum(hidden) + last


def parameters(sizes: Sequence[int], pieces: int) -> int:
    """Weights and biases of dense layers with so many pieces to a unit.

    >>> parameters([784, 128, 10], 1), parameters([784, 64, 10], 2)
    (101770, 101130)
    """
    return products(sizes, pieces) + pieces * sum(sizes[1:-1]) + sizes[-1]


def tune(
    digits: Digits, *, sizes: list[int], activation: str, options: dict[str, Any], optimizer: str,
    rate: float, decays: list[float], seeds: list[int], epochs: int,
) -> dict[str, Any]:  # fmt: skip
    """The best rate with the first weight decay, beginning with `rate`; then the best of the
    decays at that rate: by the mean error on the last sixth of the training images after training
    on the others."""
    n = len(digits.x) - len(digits.x) // HELD_OUT
    there = Digits(digits.x[:n], digits.y[:n], digits.x[n:], digits.y[n:])
    what: dict[str, Any] = {
        "sizes": sizes, "activation": activation, "options": options, "optimizer": optimizer,
    }  # fmt: skip

    def score(rate: float, best: float | None, decay: float = decays[0]) -> float | None:
        errors: list[float] = []
        for seed in seeds:
            if best is None or not errors or errors[0] <= HOPELESS * best:
                run = learn(
                    there, **what, start="own gain", rate=rate, decay=decay, seeds=[seed],
                    epochs=epochs,
                )  # fmt: skip
                if run["diverged"]:
                    return None
                errors += run["errors"]
        return round(float(np.mean(errors)), 6)

    tuned = interior_best(score, rate, most=MOST)
    least = dict(tuned.tried)[tuned.rate]
    tried = [(decays[0], least)]
    tried += [(decay, score(tuned.rate, least, decay)) for decay in decays[1:]]
    best = min(tried, key=lambda pair: np.inf if pair[1] is None else pair[1])
    return {**tuned._asdict(), "decay": best[0], "decays": tried}


def learn(
    digits: Digits, *, sizes: list[int], activation: str, options: dict[str, Any], optimizer: str,
    start: str, rate: float, decay: float, seeds: list[int], epochs: int,
) -> dict[str, Any]:  # fmt: skip
    """Trains with each seed: the test errors, the curves of the training loss, how many runs
    diverged, and the processor seconds of a run."""
    began = process_time()
    errors, curves = [], []
    for seed in seeds:
        minidl.manual_seed(seed)
        net = nn.MLP(sizes, activation, init=STARTS[start], **options)
        updates = optimizer_of(optimizer, net, rate, decay)
        schedule = schedule_of(updates, half_cosine(digits.x, BATCH, epochs))
        step = TrainingStep(net, F.cross_entropy, updates, schedule)
        curves.append(course(step, digits, seed, epochs))
        errors.append(round(error(net, digits.x_test, digits.y_test), 6))
    return {
        "errors": errors, "curves": curves,
        "diverged": sum(None in curve for curve in curves),
        "seconds": round((process_time() - began) / len(seeds), 3),
    }  # fmt: skip


def course(step: TrainingStep, digits: Digits, seed: int, epochs: int) -> list[float | None]:
    """Trains; the mean loss in equal parts of the training, None from where it diverged."""
    batches = data.batches(digits.x, digits.y, BATCH, shuffle=True, seed=seed)
    losses = np.full(epochs * len(batches), np.inf)
    for epoch in range(epochs):
        here = slice(epoch * len(batches), (epoch + 1) * len(batches))
        with np.errstate(all="ignore"):
            losses[here] = step.epoch(batches)
        if not np.isfinite(losses[here]).all():
            break
    losses[~np.isfinite(losses)] = np.inf
    parts = np.array_split(losses, min(PARTS, len(losses)))
    return [finite(float(f"{part.mean():.4g}")) for part in parts]


def optimizer_of(name: str, net: nn.MLP, rate: float, decay: float) -> Optimizer:
    """SGD with momentum, where decay is part of the gradient; Adam, where it is not."""
    if name == "SGD":
        return optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=decay)
    return optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
