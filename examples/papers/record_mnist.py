"""Adversarial training at random distances, on MNIST as vectors of pixels.

The aim is a mean test error of at most 0.70 % without other images than the 60,000. The net is that
of Miyato, Maeda, Koyama, Nakae, Ishii, "Distributional smoothing with virtual adversarial
training", ICLR 2016: 784-1200-600-300-150-10 with batch normalisation in every layer, and ReLU. In
training each image x moves to

    x + u r d,   d = the unit vector along which p(k | x) falls fastest

where k is the net's own answer, the class that it finds most probable, r is the same for all images
(--farthest), and u is drawn anew between 0 and 1 for every image and step. The net learns to give
the right label wherever the image is on this way. What each part is for:
- the direction d needs no label, so it is virtual adversarial in Miyato's sense. If there are two
  classes, it is, up to its sign, the direction that his power iteration looks for. It takes one
  pass forward and one back, without the gradients of the weights, in evaluation mode;
- the random distance replaces the second copy of the batch that Miyato et al., and Goodfellow,
  Shlens, Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015, train on: each batch
  has images that have hardly moved, and images that are far away;
- Adam has the rate 0.002 for 0.3 of the epochs; then the rate falls to 0 on a straight line, so
  that the noise of the steps fades.

Evaluation moves nothing, and normalises by the means and variances of the training images where
they are.

The net trains on all 60,000 images; the test images are used once for each seed, at the end. The
method, r and the epochs were chosen without them, by --validation, which trains on the first 50,000
images and reports the error on the other 10,000.

    python examples/papers/record_mnist.py
    python examples/papers/record_mnist.py --validation --farthest 4 --output try
    python examples/papers/record_mnist.py --seeds 1 --limit 3000 --epochs 5 --output try
"""

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from noisy_mlp_mnist import RESULTS, deviation, settle
from seeds import (
    Training,
    add_validation,
    error_of,
    main_of,
    parser_for,
    steps_in_epoch,
    train_and_show,
    whole,
)

import minidl
from minidl import functional as F
from minidl import nn, optim

RATE = 0.002
FLAT = 0.3  # the share of the steps with this rate
PAPER = "0.64 (Miyato et al.)"


def network(widths: Sequence[int]) -> nn.Sequential:
    """784 pixels, hidden layers of these widths, 10 outputs."""
    layers: list[nn.Layer] = []
    for inputs, units in pairwise([784, *widths, 10]):
        layers += [nn.Dense(inputs, units, bias=False), nn.BatchNorm(units), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Adversary(nn.Layer):
    """A net, and in training a layer before it that moves each image by up to `farthest`."""

    def __init__(self, net: nn.Layer, farthest: float) -> None:
        self.net, self.farthest = net, farthest

    def forward(self, x: Any) -> minidl.Tensor:
        """The net's outputs, in training those of the moved images."""
        if not self.training:
            return self.net(x)
        way = direction(self.net, x)
        shares = minidl.random.generator().random((len(way), 1), way.dtype)
        return self.net(x + self.farthest * shares * way)


def direction(net: nn.Layer, x: np.ndarray) -> np.ndarray:
    """For each image the unit vector along which the net's probability of its own answer k falls
    fastest, of x's shape (n, pixels) and dtype. The net is in training mode before and after.

    -log p(k | x) = log(1 + e^m) with m = log(sum over j != k of e^(z_j)) - z_k, so both have the
    same direction; but the gradient of m does not vanish where the net is sure.
    """
    net.eval()
    images = minidl.tensor(x, requires_grad=True)
    outputs = net(images)
    net.train()
    others = outputs.numpy().copy()
    answers = others.argmax(axis=1)[:, None]
    np.put_along_axis(others, answers, -np.inf, axis=1)
    dm = F.softmax(others).numpy()
    np.put_along_axis(dm, answers, -1, axis=1)
    slope = minidl.grad(outputs, images, dm)[0].numpy()
    lengths = np.linalg.norm(slope, axis=1, keepdims=True)
    return slope / np.maximum(lengths, np.finfo(x.dtype).tiny)


def falls(steps: int) -> Callable[[int], float]:
    """The factor on the rate: 1 for the share FLAT of the steps, then a straight line to 0."""
    flat = int(FLAT * steps)
    return lambda step: min(1.0, (steps - step) / (steps - flat))


def train(
    training: Training, arguments: argparse.Namespace
) -> tuple[nn.Sequential, dict[str, Any]]:
    """All epochs; returns the net and, if some images were held back, the error on them."""
    net = network(arguments.widths)
    rows, held_back = training.split() if arguments.validation else (training.images, None)
    training.fit(
        "training", Adversary(net, arguments.farthest), optim.Adam(net.parameters(), RATE), rows,
        arguments.epochs, falls(arguments.epochs * steps_in_epoch(rows)), validation=held_back,
    )  # fmt: skip
    settle(net, rows)
    return net, {} if held_back is None else {"validation_error": error_of(net, held_back)}


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = parser_for(__doc__, "record")
    parser.add_argument("--widths", type=whole(1), nargs="+", default=[1200, 600, 300, 150],
                        metavar="N", help="units of the hidden layers "
                        "(default: 1200 600 300 150)")  # fmt: skip
    parser.add_argument("--farthest", type=deviation, default=3.0, metavar="R",
                        help="how far an image moves at most (default: 3)")  # fmt: skip
    parser.add_argument("--epochs", type=whole(1), default=30, metavar="N", help="default: 30")
    add_validation(parser)
    parser.set_defaults(seeds=10)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    train_and_show(arguments, lambda training: train(training, arguments), RESULTS, PAPER)


if __name__ == "__main__":
    main_of(main, "record_mnist")
