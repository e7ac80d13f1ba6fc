r"""A plain net with noise in every layer on MNIST: the supervised baseline of the ladder network.

Rasmus, Valpola, Honkala, Berglund, Raiko, "Semi-supervised learning with ladder networks", NIPS
2015, section 4.1; also in Pezeshki et al., "Deconstructing the ladder network architecture", ICML
2016. The baseline is the ladder's encoder alone, 784-1000-500-250-250-250-10. A layer is

    y = relu(normalise(x W) + noise + b)

and the last one is y = c (normalise(x W) + noise + b). What each part is for:
- Gaussian noise on the pixels, and in each layer: no two epochs see the same example, so the net
  has to learn what holds for everything near it (Bishop 1995);
- batch normalisation before the noise: it makes every unit's deviation 1, so the noise has the
  same relative size everywhere, and no layer can outgrow it by larger weights. It has no weight of
  its own, as the next layer's can do the same, and its bias comes after the noise (nn.Bias). No
  layer follows the outputs, so they get a learned scale c (Scale): it says how sure the softmax is;
- Adam with the rate 0.002 for two thirds of the 150 epochs; in the last third the rate falls to 0
  on a straight line, so that the noise of the steps fades.

Evaluation is without noise, and normalises by the means and variances of the training images
without noise, taken when training is over. In training, noise from the layers below is part of the
variances; by those (--statistics running) evaluation makes the signal too small.

The settings are those of the authors' command for this net, "MNIST all labels, supervised baseline"
of CuriousAI/ladder, with noise of 0.3 on the pixels and of 0.5 in each layer. Two details differ:
their rate falls once an epoch, here in every step, and they add 1e-10 to a variance, here 1e-5. The
net trains on all 60,000 images; the test images are used once for each seed, at the end.

A smaller net, 784-1000-500-10 without c, trains in two thirds of the time. Its noise was chosen by
--validation, which trains on the first 50,000 images and reports the error on the other 10,000.

    python examples/papers/noisy_mlp_mnist.py
    python examples/papers/noisy_mlp_mnist.py --widths 1000 500 --hidden-noise 0.3 --no-scale \
        --output results/papers/noisy-small
    python examples/papers/noisy_mlp_mnist.py --validation --hidden-noise 0.3 --output try
    python examples/papers/noisy_mlp_mnist.py --seeds 1 --limit 3000 --epochs 5 --output try
"""

import argparse
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from seeds import (
    BATCH,
    Rows,
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
from minidl import data, nn, optim

RATE = 0.002
WIDTHS = [1000, 500, 250, 250, 250]
RESULTS = {"test_mistakes": "mistakes", "test_error": "test error %"}
PAPER = "0.80 ± 0.03 (five hidden layers)"


class Scale(nn.Layer):
    """y = c x: x and y (..., units), `scale` (units,), which starts at 1."""

    def __init__(self, units: int) -> None:
        self.scale = nn.Parameter(np.ones(units, np.float32))

    def forward(self, x: Any) -> minidl.Tensor:
        """c x."""
        return x * self.scale


def network(
    widths: Sequence[int], input_noise: float, hidden_noise: float, is_scaled: bool = False
) -> nn.Sequential:
    """784 pixels, hidden layers of these widths, 10 outputs, with a learned scale or without."""
    layers: list[nn.Layer] = [nn.GaussianNoise(input_noise)]
    sizes = [784, *widths, 10]
    for inputs, units in pairwise(sizes):
        layers += [
            nn.Dense(inputs, units, bias=False), nn.BatchNorm(units, affine=False),
            nn.GaussianNoise(hidden_noise), nn.Bias(units), nn.ReLU(),
        ]  # fmt: skip
    layers[-1:] = [Scale(sizes[-1])] if is_scaled else []  # in the place of the last ReLU
    return nn.Sequential(*layers)


def falls_late(steps: int) -> Callable[[int], float]:
    """The factor on the rate: 1 for two thirds of the steps, then a straight line to 0."""
    flat = 2 * steps // 3
    return lambda step: min(1.0, (steps - step) / (steps - flat))


def settle(net: nn.Sequential, rows: Rows) -> None:
    """Sets the running means and variances to the averages over these images without noise."""
    norms = [layer for layer in net if isinstance(layer, nn.BatchNorm)]
    net.eval()
    for layer in norms:
        layer.num_batches_tracked[...], layer.momentum, layer.training = 0, None, True
    with minidl.no_grad():
        for x, _ in data.batches(*rows, BATCH):
            net(x)
    net.eval()


def train(
    training: Training, arguments: argparse.Namespace
) -> tuple[nn.Sequential, dict[str, Any]]:
    """All epochs; returns the net and, if some images were held back, the error on them."""
    net = network(arguments.widths, arguments.input_noise, arguments.hidden_noise, arguments.scale)
    rows, held_back = training.split() if arguments.validation else (training.images, None)
    steps = arguments.epochs * steps_in_epoch(rows)
    training.fit(
        "training", net, optim.Adam(net.parameters(), RATE), rows, arguments.epochs,
        falls_late(steps), validation=held_back,
    )  # fmt: skip
    if arguments.statistics == "clean":
        settle(net, rows)
    return net, {} if held_back is None else {"validation_error": error_of(net, held_back)}


def deviation(text: str) -> float:
    """An option's type: a finite number from 0 up."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a finite number from 0 up: {text}")
    return value


deviation.__name__ = "standard deviation"  # argparse names it in its errors


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = parser_for(__doc__, "noisy")
    parser.add_argument("--input-noise", type=deviation, default=0.3, metavar="SD",
                        help="standard deviation of the pixels' noise (default: 0.3)")  # fmt: skip
    parser.add_argument("--hidden-noise", type=deviation, default=0.5, metavar="SD",
                        help="that of the noise in each layer (default: 0.5)")  # fmt: skip
    parser.add_argument("--widths", type=whole(1), nargs="+", default=WIDTHS, metavar="N",
                        help="units of the hidden layers "
                        f"(default: {' '.join(map(str, WIDTHS))})")  # fmt: skip
    parser.add_argument("--scale", action=argparse.BooleanOptionalAction, default=True,
                        help="a learned scale on the outputs (default: --scale)")  # fmt: skip
    parser.add_argument("--epochs", type=whole(1), default=150, metavar="N", help="default: 150")
    parser.add_argument("--statistics", choices=["running", "clean"], default="clean",
                        help="what evaluation normalises by: training's running means and "
                        "variances, or those of the training images without noise "
                        "(default: clean)")  # fmt: skip
    add_validation(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    train_and_show(arguments, lambda training: train(training, arguments), RESULTS, PAPER)


if __name__ == "__main__":
    main_of(main, "noisy_mlp_mnist")
