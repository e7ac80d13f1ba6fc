"""How a neural net learns, on one page: micrograd's idea, for nets that read handwritten digits.

A net computes scores from an image, and a loss L says in one number how wrong they are. To learn,
the net needs the gradient of L with respect to each weight: how fast L grows if the weight grows.
A training step moves each weight a little against its gradient, and L falls.

The chain rule gives every gradient. If y is computed from x, and L from y, then

    dL/dx = dL/dy · dy/dx

Backpropagation applies it to one operation after the other, from L back to the weights, so each
operation needs to know only its own derivative. On this page dx is short for dL/dx, an array of
x's shape, and each operation begins with its formula;  its gradient.

    python examples/one_page.py --layers 3 --activation maxout

minidl does the same in earnest, with checks and compiled kernels, in the files that each section
names. tests/test_one_page.py trains both from the same weights, and they stay equal.
"""

import argparse
import gzip
import os
from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path

import numpy as np


# ---- The tensor and the tape (minidl: engine/tape.py, engine/tensor/operation.py) ----------------
class Tensor:
    """An array that knows how it was computed: `inputs` are the tensors that it was computed from,
    and `gradients(dy)` gives the gradient of each of them, from dy, its own."""

    made = count()

    def __init__(self, array, inputs: tuple = (), gradients: Callable = lambda dy: ()) -> None:
        self.array, self.inputs, self.gradients = np.asarray(array), inputs, gradients
        self.grad, self.age = 0.0, next(Tensor.made)

    def __add__(self, other: "Tensor") -> "Tensor":
        """y = a + b;  da = dy, db = dy"""
        a, b = self.array, other.array
        return Tensor(a + b, (self, other), lambda dy: (fitted(dy, a), fitted(dy, b)))

    def __mul__(self, other: "Tensor") -> "Tensor":
        """y = a · b, element by element;  dy/da = b, so da = dy · b;  likewise db = dy · a"""
        a, b = self.array, other.array
        return Tensor(a * b, (self, other), lambda dy: (fitted(dy * b, a), fitted(dy * a, b)))

    def __matmul__(self, other: "Tensor") -> "Tensor":
        """Y = A · B: Y_ij is the sum over k of A_ik · B_kj;  dA_ik is the sum over j of
        dY_ij · B_kj, so dA = dY · Bᵀ;  likewise dB = Aᵀ · dY"""
        a, b = self.array, other.array
        return Tensor(a @ b, (self, other), lambda dy: (dy @ b.T, a.T @ dy))

    def backward(self) -> None:
        """Backpropagation from this tensor, which is L: adds dL/dx to x.grad for each x behind it.

        The tensors with their inputs are the tape. A tensor is made after its inputs, so from the
        last one made to the first (reverse topological order), each has received every part of its
        gradient when its turn comes.

        >>> x = Tensor(3.0)
        >>> (x * x + x).backward()
        >>> print(x.grad)  # 2x + 1
        7.0
        """
        received = {self: np.ones_like(self.array)}  # dL/dL = 1
        while received:
            y = max(received, key=lambda tensor: tensor.age)
            dy = received.pop(y)
            y.grad = y.grad + dy
            for x, dx in zip(y.inputs, y.gradients(dy), strict=True):
                received[x] = received[x] + dx if x in received else dx


def fitted(dx: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dx in the shape of x: where broadcasting copied x, the gradients of the copies add up."""
    dx = dx.sum(axis=tuple(range(dx.ndim - x.ndim)))
    return dx.sum(axis=tuple(i for i, n in enumerate(x.shape) if n == 1), keepdims=True)


# ---- The dense layer (minidl: layers/dense.py; the product: _kernels/gemm.pxd) -------------------
def dense(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """y = x · W + b, one row per image;  dx = dy · Wᵀ, dW = xᵀ · dy, db = the sum of dy's rows"""
    return x @ W + b


# ---- Activations (minidl: layers/activations/smooth.py, piecewise.py, prelu.py, maxout.py) -------
def sigmoid(x: Tensor) -> Tensor:
    """y = 1 / (1 + e^-x);  dx = dy · y (1 - y)"""
    y = (1 + np.tanh(x.array / 2)) / 2  # the same number, without an e^-x that overflows
    return Tensor(y, (x,), lambda dy: (dy * y * (1 - y),))


def tanh(x: Tensor) -> Tensor:
    """y = tanh x;  dx = dy · (1 - y²)"""
    y = np.tanh(x.array)
    return Tensor(y, (x,), lambda dy: (dy * (1 - y * y),))


def relu(x: Tensor) -> Tensor:
    """y = max(0, x);  dx = dy where x > 0, else 0"""
    z = x.array
    return Tensor(np.maximum(0, z), (x,), lambda dy: (np.where(z > 0, dy, 0),))


def leaky_relu(x: Tensor, a: float = 0.01) -> Tensor:
    """y = x where x > 0, else a · x;  dx = dy where x > 0, else a · dy"""
    z = x.array
    return Tensor(np.where(z > 0, z, a * z), (x,), lambda dy: (np.where(z > 0, dy, a * dy),))


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """y = x where x > 0, else a · x, with a learned slope a;
    dx = dy where x > 0, else a · dy, and da = the sum of dy · x where x <= 0"""
    z, a = x.array, slope.array
    y, below = np.where(z > 0, z, a * z), np.minimum(z, 0)
    return Tensor(y, (x, slope), lambda dy: (np.where(z > 0, dy, a * dy), fitted(dy * below, a)))


def maxout(x: Tensor, pieces: int = 2) -> Tensor:
    """y = the largest of each unit's pieces;  dx = dy for that piece, 0 for the others"""
    z = x.array.reshape(len(x.array), -1, pieces)
    wins = z.argmax(axis=2)[:, :, None] == np.arange(pieces)  # of equal pieces the first
    return Tensor(z.max(axis=2), (x,), lambda dy: ((dy[:, :, None] * wins).reshape(x.array.shape),))


# ---- Losses (minidl: losses/entropy.py, and losses/margin.py: multi_margin) ----------------------
def cross_entropy(scores: Tensor, labels: np.ndarray) -> Tensor:
    """L = the mean over images of -ln p_label, with the softmax p = e^s / sum of e^s of scores s;
    ds = dL · (p - 1 at the label, p elsewhere) / images"""
    s = scores.array - scores.array.max(axis=1, keepdims=True)  # the same p; e^s cannot overflow
    log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    is_label = np.arange(s.shape[1]) == labels[:, None]
    ds = (np.exp(log_p) - is_label) / len(labels)
    return Tensor(-log_p[is_label].mean(), (scores,), lambda dL: (dL * ds,))


def hinge(scores: Tensor, labels: np.ndarray) -> Tensor:
    """L = the mean over images and classes of m = max(0, 1 + s - s_label), and m = 0 at the label;
    ds = dL · (1 where m > 0, else 0; minus their number at the label) / (images · classes)"""
    s = scores.array
    is_label = np.arange(s.shape[1]) == labels[:, None]
    m = np.where(is_label, 0, np.maximum(0, 1 + s - s[is_label][:, None]))
    ones = (m > 0).astype(s.dtype)
    ds = (ones - is_label * ones.sum(axis=1, keepdims=True)) / m.size
    return Tensor(m.mean(), (scores,), lambda dL: (dL * ds,))


# ---- Optimisers (minidl: optim/rules.py, optim/adam.py, _kernels/rules.pyx) ----------------------
class SGD:
    """Stochastic gradient descent with momentum:  u = momentum · u + g,  w = w - lr · u"""

    def __init__(self, parameters: list[Tensor], lr=0.05, momentum=0.9) -> None:
        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.u = [0.0] * len(parameters)

    def step(self) -> None:
        for i, w in enumerate(self.parameters):
            self.u[i] = self.momentum * self.u[i] + w.grad
            w.array = w.array - self.lr * self.u[i]


class Adam:
    """m and v are running averages of g and g²;  w = w - lr · m / (sqrt(v) + 1e-8).
    They start from 0, so step t divides them by 1 - beta^t, the sum of the average's weights."""

    def __init__(self, parameters: list[Tensor], lr=0.001, beta1=0.9, beta2=0.999) -> None:
        self.parameters, self.lr, self.beta1, self.beta2 = parameters, lr, beta1, beta2
        self.m, self.v, self.t = [0.0] * len(parameters), [0.0] * len(parameters), 0

    def step(self) -> None:
        self.t += 1
        for i, w in enumerate(self.parameters):
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * w.grad
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * w.grad**2
            m, v = self.m[i] / (1 - self.beta1**self.t), self.v[i] / (1 - self.beta2**self.t)
            w.array = w.array - self.lr * m / (np.sqrt(v) + 1e-8)


# ---- The net and a training step (minidl: layers/mlp.py, layers/init.py, step/training.py) -------
class Net:
    """Dense layers, with the activation f between them: W2 f(W1 x + b1) + b2 is two layers."""

    def __init__(self, sizes: list[int], f: Callable, seed: int = 0) -> None:
        rng, self.f, self.layers = np.random.default_rng(seed), f, []
        for inputs, outputs in pairwise(sizes):
            is_hidden = len(self.layers) < len(sizes) - 2
            columns = 2 * outputs if f is maxout and is_hidden else outputs  # two pieces a unit
            W = rng.normal(0, np.sqrt(2 / inputs), (inputs, columns))  # He et al. 2015
            arrays = [W, np.zeros(columns)] + [np.array([0.25])] * (f is prelu and is_hidden)
            self.layers.append([Tensor(array.astype(np.float32)) for array in arrays])
        self.parameters = [w for layer in self.layers for w in layer]

    def __call__(self, images: np.ndarray) -> Tensor:
        x = Tensor(images)
        for W, b, *slope in self.layers[:-1]:
            x = self.f(dense(x, W, b), *slope)
        return dense(x, *self.layers[-1])


def train_step(net: Net, loss: Callable, optimizer, images, labels) -> float:
    """Forward pass, backward pass, update; the loss before the update."""
    for w in net.parameters:
        w.grad = 0.0
    L = loss(net(images), labels)
    L.backward()
    optimizer.step()
    return float(L.array)


# ---- The data and the program (minidl: data/mnist.py, data/idx.py, train/fit.py) -----------------
def mnist(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 784) with pixels from 0 to 1, and labels (n,): the bytes after short headers."""
    folder = Path(os.environ.get("MINIDL_DATA") or Path(__file__).parent / "data/mnist")
    pixels = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
    images = np.frombuffer(pixels, np.uint8).reshape(-1, 784) / np.float32(255)
    return images, np.frombuffer(labels, np.uint8)


def main() -> None:
    activations = {f.__name__: f for f in (sigmoid, tanh, relu, leaky_relu, prelu, maxout)}
    losses = {"cross_entropy": cross_entropy, "hinge": hinge}
    optimizers = {"sgd": SGD, "adam": Adam}
    parser = argparse.ArgumentParser(description="Trains a net of two or three layers on MNIST.")
    parser.add_argument("--layers", type=int, choices=[2, 3], default=2)
    parser.add_argument("--activation", choices=activations, default="relu")
    parser.add_argument("--loss", choices=losses, default="cross_entropy")
    parser.add_argument("--optimizer", choices=optimizers, default="sgd")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--limit", type=int, metavar="N", help="learn from the first N images only")
    chosen = parser.parse_args()
    (images, labels), (test_images, test_labels) = mnist("train"), mnist("t10k")
    n = len(images[: chosen.limit])
    sizes = {2: [784, 128, 10], 3: [784, 256, 128, 10]}[chosen.layers]
    net = Net(sizes, activations[chosen.activation])
    loss, optimizer = losses[chosen.loss], optimizers[chosen.optimizer](net.parameters)
    for epoch in range(1, chosen.epochs + 1):
        batches = np.split(np.random.default_rng(epoch).permutation(n), range(64, n, 64))
        found = [train_step(net, loss, optimizer, images[i], labels[i]) for i in batches]
        right = net(test_images).array.argmax(axis=1) == test_labels
        print(f"epoch {epoch}: loss {np.mean(found):.4f}, test accuracy {right.mean():.2%}")


if __name__ == "__main__":
    main()
