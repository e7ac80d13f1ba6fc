"""Maxout networks on MNIST as vectors of pixels: 0.94 % test error in the paper, one run.

Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout networks", ICML 2013, section 5.1. The
recipe is that of the authors' files mnist_pi.yaml and mnist_pi_continued.yaml in pylearn2.

The net is 784 pixels, 240 maxout units of 5 pieces, 240 more, 10 outputs. A maxout unit is the
largest of its pieces, each a linear function of the layer below: a learned convex function.

What keeps 1.2 million weights from memorising 50,000 images:
- dropout: a step sees each pixel with probability 0.8 and each hidden unit with 0.5. Units that are
  kept count double; pixels do not, so the net gets brighter images in evaluation than in training;
- a bound on the norm of each piece's weights, 1.9365, after every step. With it a large learning
  rate, 0.1, explores far and cannot blow up; it falls by a factor 1.000004 a step;
- momentum that rises from 0.5 to 0.7 in the first 250 epochs.

Stage 1 trains on the first 50,000 images, until the error on the other 10,000 has not been lower
for 100 epochs, and takes the weights of the best epoch. Stage 2 goes on from these with all 60,000,
with the rate and the momentum of that epoch, until the objective on the last 10,000 images is as
low as it was on the first 50,000 at the end of stage 1: the net has learned from both by then, and
should know both equally well. The objective is the mean loss with dropout, as in training. If it
does not get so low, stage 2 ends after 500 epochs; a row's "stopped" says what ended it. The test
images are used only once, after that.

One core trains an epoch in 5 to 6 seconds, a seed in half an hour or more.

    python examples/papers/maxout_mnist.py
    python examples/papers/maxout_mnist.py --seeds 1 --limit 3000 --most-epochs 5 --output try
"""

import argparse
import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from seeds import (
    BATCH,
    Rows,
    Training,
    error_of,
    main_of,
    parser_for,
    run_seeds,
    show,
    steps_in_epoch,
    whole,
)

import minidl
from minidl import data, nn, optim
from minidl import functional as F
from minidl.train import Callback, EarlyStopping, Run

UNITS, PIECES = 240, 5
FIRST_WEIGHTS = 0.005
MAX_NORM = 1.9365  # of a piece's weights, a column of W
RATE, LEAST_RATE, DECAY = 0.1, 1e-6, 1.000004
PATIENCE = 100
MOST_CONTINUED = 500  # epochs of stage 2


def network() -> nn.Sequential:
    """The net with its first weights; biases start at 0."""
    return nn.Sequential(
        nn.Dropout(0.2, rescale=False),
        nn.Dense(784, UNITS * PIECES, init=uniform), nn.Maxout(PIECES), nn.Dropout(0.5),
        nn.Dense(UNITS, UNITS * PIECES, init=uniform), nn.Maxout(PIECES), nn.Dropout(0.5),
        nn.Dense(UNITS, 10, init=uniform),
    )  # fmt: skip


def uniform(shape: tuple[int, int]) -> np.ndarray:
    return minidl.random.generator().uniform(-FIRST_WEIGHTS, FIRST_WEIGHTS, shape)


def decay_from(rate: float) -> Callable[[int], float]:
    """The factor on this first rate after so many steps."""
    return lambda step: max(DECAY**-step, LEAST_RATE / rate)


def momentum_of(epoch: int) -> float:
    """0.5 in the first epoch, 0.7 from the 250th on, a straight line between."""
    return 0.5 + 0.2 * min((epoch - 1) / 249, 1.0)


def sgd(net: nn.Layer, rate: float, momentum: float) -> optim.SGD:
    """The optimiser, with pylearn2's momentum.

    Its velocity holds the learning rate, v = m v - lr g and w = w + v; minidl's, as PyTorch's, does
    not: u = m u + g and w = w - lr u. With v = -lr u the first is the second with m lr' / lr
    instead of m, where lr' is the rate of the step before. This quotient is DECAY.
    """
    return optim.SGD(net.parameters(), rate, momentum * DECAY)


class RisingMomentum(Callback):
    """Sets the momentum of each epoch."""

    def on_epoch_begin(self, run: Run) -> None:
        run.optimizer.param_groups[0]["momentum"] = momentum_of(run.epoch) * DECAY


def objective(net: nn.Layer, rows: Rows) -> float:
    """The mean loss with dropout. A copy computes it: the masks of the net itself go on as if
    nothing had been computed."""
    copy = deepcopy(net).train()
    with minidl.no_grad():
        outputs = [copy(x).numpy() for x, _ in data.batches(*rows, BATCH)]
        return F.cross_entropy(minidl.tensor(np.concatenate(outputs)), rows[1]).item()


class StopAt(Callback):
    """Writes the objective on these rows into the history, and stops when it is down to a level."""

    def __init__(self, level: float, rows: Rows) -> None:
        self.level, self.rows = level, rows

    def on_train_begin(self, run: Run) -> None:
        if len(run.history):
            self.stop_if_there(run)

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        row["objective"] = objective(run.model, self.rows)
        self.stop_if_there(run)

    def stop_if_there(self, run: Run) -> None:
        if run.history["objective"][-1] <= self.level:
            run.stop(f"an objective of at most {self.level:.6f}")


def train(training: Training, most_epochs: int) -> tuple[nn.Sequential, dict[str, Any]]:
    """Both stages; returns the net and the results for its row."""
    net = network()
    first, last = training.split()
    best = EarlyStopping("validation_accuracy", PATIENCE)
    training.fit(
        "stage-1", net, sgd(net, RATE, momentum_of(1)), first, most_epochs, decay_from(RATE),
        [RisingMomentum(), best], validation=last, max_norm=MAX_NORM,
    )  # fmt: skip
    rate = RATE * decay_from(RATE)(best.best_epoch * steps_in_epoch(first))
    momentum = momentum_of(best.best_epoch)
    level = objective(net, first)
    error = error_of(net, last)
    print(
        f"seed {training.seed} best epoch {best.best_epoch}: validation error {error:.2f} %, "
        f"training objective {level:.6f}",
        flush=True,
    )
    training.fit(
        "stage-2", net, sgd(net, rate, momentum), training.images, min(most_epochs, MOST_CONTINUED),
        decay_from(rate), [StopAt(level, last)], validation=last, max_norm=MAX_NORM,
    )  # fmt: skip
    continued = training.histories[-1]
    return net, {
        "best_epoch": best.best_epoch, "validation_error": error, "training_objective": level,
        "continued_rate": rate, "continued_momentum": momentum,
        "stopped": continued.stopped or f"{len(continued)} epochs without getting there",
    }  # fmt: skip


RESULTS = {
    "validation_error": "validation error %", "test_mistakes": "mistakes",
    "test_error": "test error %",
}  # fmt: skip
PAPER = "0.94 (one run)"


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = parser_for(__doc__, "maxout")
    parser.add_argument("--most-epochs", type=whole(1), metavar="N",
                        help="at most so many epochs in each stage, for a try")  # fmt: skip
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    rows = run_seeds(
        arguments, lambda training: train(training, arguments.most_epochs or sys.maxsize)
    )
    show(rows, RESULTS, PAPER)


if __name__ == "__main__":
    main_of(main, "maxout_mnist")
