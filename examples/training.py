"""What the examples share: options, the training loop with its progress bar, the pictures' look."""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

import minidl
from minidl import TrainingStep, data, nn, optim, schedules
from minidl import functional as F

MNIST = Path(__file__).parent / "data" / "mnist"

# Each optimiser with the learning rate that suits it on MNIST.
OPTIMIZERS = {
    "sgd": (lambda parameters, lr: optim.SGD(parameters, lr, momentum=0.9), 0.05),
    "adam": (optim.Adam, 0.001),
    "adamw": (optim.AdamW, 0.001),
    "rmsprop": (optim.RMSprop, 0.001),
    "adagrad": (optim.Adagrad, 0.01),
}
HIDDEN = {2: [128], 3: [256, 128]}  # the hidden sizes of the nets of two and three layers


def add_training_options(parser: argparse.ArgumentParser, epochs: int = 10) -> None:
    """The options that every example with a training loop has."""
    parser.add_argument(
        "--optimizer", choices=OPTIMIZERS, default="sgd", help="sgd has momentum 0.9 (default: sgd)"
    )
    parser.add_argument(
        "--lr", type=float, help="the first learning rate (default: 0.05 for sgd, see training.py)"
    )
    parser.add_argument("--batch-size", type=int, default=64, help="default: 64")
    parser.add_argument("--epochs", type=int, default=epochs, help=f"default: {epochs}")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--data", type=Path, default=MNIST, metavar="DIR",
        help="a folder with the four files of MNIST, or of a data set in its format",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=int, metavar="N", help="use the first N training images only, for a try"
    )


@dataclass
class History:
    """One number per epoch, and the seconds that training took, evaluation left out."""

    train_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    seconds: float = 0.0


def load(arguments: argparse.Namespace) -> tuple:
    """The training and test sets, each (images uint8, labels)."""
    (x_train, y_train), test = data.mnist(arguments.data)
    return (x_train[: arguments.limit], y_train[: arguments.limit]), test


def accuracy(net: nn.Layer, x: np.ndarray, y: np.ndarray) -> float:
    """The fraction of images whose largest output is that of their label."""
    training = net.training
    net.eval()
    right = (minidl.predict(net, x).argmax(axis=1) == y).mean()
    net.train(training)
    return float(right)


def train(net: nn.Layer, train_set: tuple, test_set: tuple, arguments: argparse.Namespace,
          name: str) -> History:  # fmt: skip
    """Trains the net; the learning rate falls to 0 along half a cosine."""
    make, usual_lr = OPTIMIZERS[arguments.optimizer]
    optimizer = make(net.parameters(), arguments.lr or usual_lr)
    batches = data.batches(*train_set, arguments.batch_size, shuffle=True, seed=arguments.seed)
    schedule = schedules.Schedule(optimizer, schedules.cosine(arguments.epochs * len(batches)))
    step = TrainingStep(net, F.cross_entropy, optimizer, schedule)
    sizes = np.diff([*range(0, len(train_set[0]), arguments.batch_size), len(train_set[0])])
    history = History()
    with tqdm(total=arguments.epochs * len(batches), desc=name, unit="step", leave=False) as bar:
        for _ in range(arguments.epochs):
            start = time.perf_counter()
            losses = step.epoch(batches)
            history.seconds += time.perf_counter() - start
            history.train_loss.append(float(np.average(losses, weights=sizes)))
            history.test_accuracy.append(accuracy(net, *test_set))
            bar.update(len(batches))
            loss, right = history.train_loss[-1], history.test_accuracy[-1]
            bar.set_postfix(loss=f"{loss:.4f}", test=f"{right:.2%}")
    return history
