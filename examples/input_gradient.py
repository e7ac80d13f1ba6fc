"""An input-gradient regulariser: a net whose output changes little if its input changes little.

Each batch's loss gets the squared norm of its gradient with respect to the images added; the
gradient of this term is of second order: double backpropagation. Then an attack moves every pixel
of every image by eps, up or down, in the direction that raises the loss fastest. A net that was
trained as usual fails on many of these images, which look the same to us; the regularised net fails
on fewer.

    python examples/input_gradient.py

Drucker, LeCun, "Double backpropagation: increasing generalization performance", IJCNN 1991. Ross,
Doshi-Velez, "Improving the adversarial robustness and interpretability of deep neural networks by
regularizing their input gradients", AAAI 2018. The attack: Goodfellow, Shlens, Szegedy, "Explaining
and harnessing adversarial examples", ICLR 2015.
"""

import argparse

import numpy as np
from tqdm import tqdm
from training import MNIST

import minidl
from minidl import data, nn, optim
from minidl import functional as F


def trained(x: np.ndarray, y: np.ndarray, weight: float, arguments: argparse.Namespace) -> nn.Layer:
    """A net, trained with this weight of the regulariser."""
    minidl.manual_seed(arguments.seed)
    net = nn.MLP([784, 128, 10], "softplus")
    optimizer = optim.Adam(net.parameters(), 1e-3)
    batches = data.batches(x, y, 64, shuffle=True, seed=arguments.seed)
    for _ in range(arguments.epochs):
        for images, labels in tqdm(batches, desc=f"weight {weight}", leave=False, disable=None):
            images = minidl.tensor(images, requires_grad=True)
            losses = F.cross_entropy(net(images), labels, reduction="none")
            loss = losses.mean()
            if weight:
                (slope,) = minidl.grad(losses.sum(), images, create_graph=True)
                loss = loss + weight * (slope * slope).sum(axis=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net


def attacked(net: nn.Layer, images: np.ndarray, labels: np.ndarray, eps: float) -> np.ndarray:
    """The images with each pixel moved by eps in the direction that raises the loss."""
    x = minidl.tensor(images, requires_grad=True)
    (slope,) = minidl.grad(F.cross_entropy(net(x), labels), x)
    return np.clip(images + eps * np.sign(slope.numpy()), 0, 1)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weight", type=float, default=0.5, help="of the regulariser (0.5)")
    parser.add_argument("--eps", type=float, default=0.1, help="of the attack (0.1)")
    parser.add_argument("--epochs", type=int, default=3, help="default: 3")
    parser.add_argument("--limit", type=int, metavar="N", help="use the first N images only")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    arguments = parser.parse_args(argv)
    (x_train, y_train), (images, labels) = data.mnist(MNIST)
    x = images.reshape(len(images), -1).astype(np.float32) / 255
    print("weight  test accuracy  attacked")
    for weight in (0.0, arguments.weight):
        net = trained(x_train[: arguments.limit], y_train[: arguments.limit], weight, arguments)
        right = [
            (minidl.predict(net, seen).argmax(axis=1) == labels).mean()
            for seen in (x, attacked(net, x, labels, arguments.eps))
        ]
        print(f"{weight:6}  {right[0]:13.2%}  {right[1]:8.2%}")


if __name__ == "__main__":
    main()
