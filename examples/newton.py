"""Newton's method on logistic regression: minidl computes the Hessian; nobody derives it by hand.

Near the minimum of a smooth convex loss, a step w - H⁻¹ g squares the error: the gradient's norm
gets twice as many zeros each time. Gradient descent gains the same factor with every step, and here
it is near 1. The images are two digits of MNIST, whose 28 × 28 pixels are averaged to 7 × 7.

    python examples/newton.py --digits 3 8
"""

import argparse

import numpy as np
from training import MNIST

import minidl
from minidl import data
from minidl import functional as F
from minidl.autograd import hessian, vjp

DECAY = 1e-3  # of the weights; with it there is one minimum


def two_digits(images: np.ndarray, labels: np.ndarray, digits: list[int]) -> tuple:
    """The pixels of the two digits and a 1 for the bias, (n, 50); and 0 or 1, the digit."""
    chosen = np.isin(labels, digits)
    small = images[chosen].reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)) / 255
    x = np.concatenate([small.reshape(-1, 49), np.ones((len(small), 1))], axis=1)
    return x, (labels[chosen] == digits[1]).astype(float)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digits", type=int, nargs=2, default=[3, 8], metavar="D",
                        choices=range(10), help="the two digits (default: 3 8)")  # fmt: skip
    parser.add_argument("--steps", type=int, default=8, help="default: 8")
    arguments = parser.parse_args(argv)
    train_set, test_set = data.mnist(MNIST)
    x, y = two_digits(*train_set, arguments.digits)

    def loss(w: minidl.Tensor) -> minidl.Tensor:
        return F.binary_cross_entropy_with_logits(x @ w, y) + DECAY / 2 * (w * w).sum()

    newton = descent = minidl.tensor(np.zeros(50))
    print("step  Newton: loss     |gradient|  descent: loss    |gradient|")
    for step in range(arguments.steps + 1):
        value, slope = vjp(loss, newton)
        other, steepest = vjp(loss, descent)
        norms = [np.linalg.norm(g.numpy()) for g in (slope, steepest)]
        print(f"{step:4}  {value:.12f}  {norms[0]:10.2e}  {other:.12f}  {norms[1]:10.2e}")
        newton = newton - np.linalg.solve(hessian(loss, newton), slope)
        descent = descent - steepest

    x_test, y_test = two_digits(*test_set, arguments.digits)
    print(f"test accuracy {((x_test @ newton.numpy() > 0) == y_test).mean():.2%}")


if __name__ == "__main__":
    main()
