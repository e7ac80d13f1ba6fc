"""One neuron as a binary classifier, in the two ways that CS231n's notes describe.

Its output s = x · w + b is a score for the second digit. Read as a logistic classifier,
sigmoid(s) is the probability of that digit and the loss is the cross-entropy; read as a linear
SVM, the loss is the hinge max(0, 1 - t s) with t = ±1. Weight decay is the regularisation: in
this view, gradual forgetting.

    python examples/binary_classifier.py --digits 3 8
"""

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm
from training import add_training_options, load

import minidl
from minidl import data, nn, optim, schedules
from minidl import functional as F


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digits", type=int, nargs=2, default=[3, 8], metavar="D",
                        choices=range(10), help="the two digits (default: 3 8)")  # fmt: skip
    parser.add_argument("--weight-decay", type=float, default=1e-3, help="default: 0.001")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR",
                        help="the folder for the picture (default: results)")  # fmt: skip
    add_training_options(parser, epochs=20)
    parser.set_defaults(lr=0.05)
    arguments = parser.parse_args(argv)
    if arguments.digits[0] == arguments.digits[1]:
        parser.error("--digits: two different digits, please")
    return arguments


def two_digits(images: np.ndarray, labels: np.ndarray, digits: list[int]) -> tuple:
    """The images of the two digits, and 0.0 for the first, 1.0 for the second."""
    chosen = np.isin(labels, digits)
    return images[chosen], (labels[chosen] == digits[1]).astype(np.float32)


def logistic(score: minidl.Tensor, y: np.ndarray) -> minidl.Tensor:
    return F.binary_cross_entropy_with_logits(score, y)


def svm(score: minidl.Tensor, y: np.ndarray) -> minidl.Tensor:
    return F.hinge(score, 2 * y - 1)


def fit(loss_function, x: np.ndarray, y: np.ndarray, arguments: argparse.Namespace) -> nn.Dense:
    """The neuron, trained."""
    minidl.manual_seed(arguments.seed)
    neuron = nn.Dense(x.shape[1], 1, init=lambda shape: np.zeros(shape))
    batches = data.batches(x, y, arguments.batch_size, shuffle=True, seed=arguments.seed)
    steps = arguments.epochs * len(batches)
    optimizer = optim.SGD(
        [
            {"params": [neuron.weight], "weight_decay": arguments.weight_decay},
            {"params": [neuron.bias]},
        ],
        lr=arguments.lr,
        momentum=0.9,
    )
    schedule = schedules.Schedule(optimizer, schedules.cosine(steps))
    with tqdm(total=steps, desc=loss_function.__name__, unit="step", leave=False) as bar:
        for _ in range(arguments.epochs):
            for images, targets in batches:
                loss = loss_function(neuron(images).reshape(-1), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.update()
    return neuron


def right(neuron: nn.Dense, x: np.ndarray, y: np.ndarray) -> float:
    """The fraction on the right side of the boundary s = 0."""
    scores = neuron(x.astype(np.float32) / 255).numpy()[:, 0]
    return float(np.mean((scores > 0) == (y == 1)))


def draw(neurons: dict[str, nn.Dense], digits: list[int], file: Path) -> None:
    """The weights as pictures: red pixels speak for the second digit, blue for the first."""
    figure, axes = plt.subplots(1, len(neurons), figsize=(4.2 * len(neurons), 4), squeeze=False,
                                layout="constrained")  # fmt: skip
    for plot, (name, neuron) in zip(axes.flat, neurons.items(), strict=True):
        weights = neuron.weight.numpy()
        side = int(np.sqrt(weights.size))
        limit = float(np.abs(weights).max()) or 1.0
        picture = plot.imshow(weights.reshape(side, -1), cmap="RdBu_r", vmin=-limit, vmax=limit)
        plot.set(title=f"{name}: {digits[0]} (blue) or {digits[1]} (red)", xticks=[], yticks=[])
        figure.colorbar(picture, ax=plot, shrink=0.8)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    train_set, test_set = load(arguments)
    x_train, y_train = two_digits(*train_set, arguments.digits)
    x_test, y_test = two_digits(*test_set, arguments.digits)
    print(f"{arguments.digits[0]} or {arguments.digits[1]}: {len(y_train):,} training images, "
          f"{len(y_test):,} test images")  # fmt: skip
    neurons = {}
    for loss_function in (logistic, svm):
        neuron = fit(loss_function, x_train, y_train, arguments)
        neurons[loss_function.__name__] = neuron
        print(f"{loss_function.__name__:8}  train accuracy {right(neuron, x_train, y_train):.2%}  "
              f"test accuracy {right(neuron, x_test, y_test):.2%}  "
              f"|w| {np.linalg.norm(neuron.weight.numpy()):.2f}")  # fmt: skip
    arguments.output.mkdir(parents=True, exist_ok=True)
    file = arguments.output / "neuron.png"
    draw(neurons, arguments.digits, file)
    print(f"The weights as pictures: {file}")


if __name__ == "__main__":
    try:
        main()
    except (minidl.MinidlError, OSError) as error:
        sys.exit(f"binary_classifier: {error}")
