"""What `Diagnostics` costs: the same training with it and without, in turns.

A round trains the net twice from the same weights, with and without, the other one first each time.
Compared is the whole time of `fit`: three epochs, with all looks and the report. Of the rounds the
median is told, and the quartiles. Five minutes on two cores.

    python benchmarks/diagnostics_cost.py
    python benchmarks/diagnostics_cost.py --rounds 3 --images 12000
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

import minidl
from minidl import Tensor, data, nn, optim
from minidl import functional as F
from minidl.diagnostics import Diagnostics
from minidl.train import fit

MNIST = Path(__file__).parents[1] / "examples" / "data" / "mnist"
BATCH, LR, EPOCHS = 64, 0.05, 3


class Bent(nn.Activation):
    """y = x + x / (1 + |x|) / 2: an activation of a user's own, without a kernel."""

    name = "bent"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x + x / (1 + x.abs()) / 2

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return 1 + 1 / (1 + x.abs()) ** 2 / 2

    @staticmethod
    def limits() -> tuple[float, float]:
        return -np.inf, np.inf


NETS: dict[str, Callable[[], nn.Layer]] = {
    "784-128-10, relu": lambda: nn.MLP([784, 128, 10], "relu"),
    "784-256-128-10, relu": lambda: nn.MLP([784, 256, 128, 10], "relu"),
    "784-256-128-10, tanh": lambda: nn.MLP([784, 256, 128, 10], "tanh"),
    "784-256-128-10, prelu": lambda: nn.MLP([784, 256, 128, 10], "prelu"),
    "784-256-128-10, maxout": lambda: nn.MLP([784, 256, 128, 10], "maxout"),
    "784-128-10, batch norm, relu": lambda: nn.Sequential(
        nn.Dense(784, 128), nn.BatchNorm(128), nn.ReLU(), nn.Dense(128, 10)
    ),
    "784-256-128-10, one of your own": lambda: nn.MLP([784, 256, 128, 10], "bent"),
}


def seconds_of(
    make_net: Callable[[], nn.Layer], x: np.ndarray, y: np.ndarray, is_watched: bool
) -> float:
    """What the epochs take, from the first look to the report."""
    minidl.manual_seed(0)
    net = make_net()
    optimizer = optim.SGD(net.parameters(), LR, momentum=0.9)
    watch = [Diagnostics(net)] if is_watched else []
    began = perf_counter()
    fit(net, (x, y), F.cross_entropy, optimizer, EPOCHS, callbacks=watch, batch_size=BATCH, seed=0,
        progress=False)  # fmt: skip
    return perf_counter() - began


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="default: 9")
    parser.add_argument("--images", type=int, default=60_000, metavar="N", help="default: all")
    arguments = parser.parse_args(argv)
    (x, y), _ = data.mnist(MNIST)
    x, y = x[: arguments.images], y[: arguments.images]
    steps = EPOCHS * -(-len(x) // BATCH)
    print("| net | step, µs | with diagnostics |\n| --- | ---: | ---: |")
    for name, make_net in NETS.items():
        seconds_of(make_net, x, y, True)
        took: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(2 * arguments.rounds):
            is_watched = turn % 4 in (1, 2)
            took[is_watched].append(seconds_of(make_net, x, y, is_watched))
        step = np.median(took[False]) / steps * 1e6
        low, median, high = np.quantile(np.divide(took[True], took[False]) - 1, [0.25, 0.5, 0.75])
        print(f"| {name} | {step:.0f} | {median:+.1%} ({low:+.1%} to {high:+.1%}) |", flush=True)


if __name__ == "__main__":
    main()
