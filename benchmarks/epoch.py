"""An epoch of MNIST, everything included: minidl against hand-written NumPy, turn by turn.

784-128-10, ReLU, cross-entropy, SGD with momentum 0.9, batch 64. NumPy gets its images as float32
in memory, writes into arrays made once (`out=`), and knows the net's gradients by heart. Both see
the same batches from the same weights; the losses are compared.

    python benchmarks/epoch.py --rounds 5
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

import minidl
from minidl import data, nn, optim
from minidl import functional as F

MNIST = Path(__file__).parents[1] / "examples" / "data" / "mnist"
BATCH, HIDDEN, LR, MOMENTUM = 64, 128, 0.05, 0.9
# Seconds before each turn. OpenBLAS's idle threads go on running for a while, and take the next
# one's processors: without the pause minidl's epoch takes a fifth longer.
PAUSE = 0.3


def minidl_epoch(net: nn.MLP, x: np.ndarray, y: np.ndarray, seed: int) -> float:
    """The mean loss of one epoch with minidl."""
    optimizer = optim.SGD(net.parameters(), LR, momentum=MOMENTUM)
    total = 0.0
    batches = data.batches(x, y, BATCH, shuffle=True, seed=seed, drop_last=True)
    for images, labels in batches:
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)


class NumpyNet:
    """The same net by hand."""

    def __init__(self, weights: list[np.ndarray]) -> None:
        self.weights = [w.copy() for w in weights]
        self.velocity = [np.zeros_like(w) for w in weights]
        self.gradients = [np.empty_like(w) for w in weights]
        self.x = np.empty((BATCH, 784), np.float32)
        self.h = np.empty((BATCH, HIDDEN), np.float32)
        self.dh = np.empty((BATCH, HIDDEN), np.float32)
        self.z = np.empty((BATCH, 10), np.float32)

    def step(self, x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> float:
        W1, b1, W2, b2 = self.weights
        dW1, db1, dW2, db2 = self.gradients
        np.take(x, rows, axis=0, out=self.x, mode="clip")
        labels, index = y[rows], np.arange(BATCH)

        np.dot(self.x, W1, out=self.h)
        self.h += b1
        np.maximum(self.h, 0, out=self.h)
        np.dot(self.h, W2, out=self.z)
        self.z += b2
        self.z -= self.z.max(axis=1, keepdims=True)
        scores = self.z[index, labels]
        np.exp(self.z, out=self.z)
        sums = self.z.sum(axis=1, keepdims=True)
        loss = float(np.mean(np.log(sums[:, 0]) - scores))

        self.z /= sums
        self.z[index, labels] -= 1
        self.z /= BATCH
        np.dot(self.h.T, self.z, out=dW2)
        self.z.sum(axis=0, out=db2)
        np.dot(self.z, W2.T, out=self.dh)
        self.dh *= self.h > 0
        np.dot(self.x.T, self.dh, out=dW1)
        self.dh.sum(axis=0, out=db1)
        for w, v, dw in zip(self.weights, self.velocity, self.gradients, strict=True):
            v *= MOMENTUM
            v += dw
            np.multiply(v, LR, out=dw)
            w -= dw
        return loss

    def epoch(self, x: np.ndarray, y: np.ndarray, seed: int) -> float:
        """The mean loss of one epoch, over the batches that minidl sees."""
        for v in self.velocity:
            v.fill(0)
        order = np.arange(len(x))
        np.random.default_rng((seed, 0)).shuffle(order)
        starts = range(0, len(x) - BATCH + 1, BATCH)
        return sum(self.step(x, y, order[i : i + BATCH]) for i in starts) / len(starts)


def timed(function, *arguments) -> tuple[float, float]:
    time.sleep(PAUSE)
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    rounds = parser.parse_args(argv).rounds
    (x, y), _ = data.mnist(MNIST)
    scaled = x.astype(np.float32) / 255
    minidl.manual_seed(0)
    net = nn.MLP([784, HIDDEN, 10], "relu")
    by_hand = NumpyNet([p.data for p in net.parameters()])
    print(f"{minidl.show_config()}, NumPy {np.__version__}")
    seconds: dict[str, list[float]] = {"minidl": [], "NumPy": []}
    for seed in range(rounds + 1):
        own, loss = timed(minidl_epoch, net, x, y, seed)
        numpy, numpy_loss = timed(by_hand.epoch, scaled, y, seed)
        # Rounding differs, and training amplifies it a little from epoch to epoch.
        if abs(loss - numpy_loss) > 0.02 * numpy_loss + 1e-3:
            sys.exit(f"the losses differ: minidl {loss:.5f}, NumPy {numpy_loss:.5f}")
        print(f"loss {loss:.4f} {numpy_loss:.4f}  minidl {own:.3f} s, NumPy {numpy:.3f} s"
              + ("  (warm-up, not counted)" if seed == 0 else ""))  # fmt: skip
        if seed > 0:
            seconds["minidl"].append(own)
            seconds["NumPy"].append(numpy)
    for name, times in seconds.items():
        print(f"{name:6}  median {statistics.median(times):.3f} s "
              f"({min(times):.3f} to {max(times):.3f})")  # fmt: skip
    ratios = [n / m for m, n in zip(*seconds.values(), strict=True)]
    print(f"NumPy / minidl: median {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
