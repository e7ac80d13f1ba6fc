"""NumPy by hand: matrix products by OpenBLAS, `out=` everywhere, gradients worked out on paper."""

from typing import Any

import numpy as np
from nets import LR, MOMENTUM, first_weights, layer_arrays, load_numbers, shuffled, toy
from threadpoolctl import threadpool_info

from peers.timing import megabytes, seconds_per_call, timed


def versions() -> dict[str, str]:
    blas = next((lib for lib in threadpool_info() if lib["user_api"] == "blas"), {})
    kernel = f"{blas.get('internal_api')} {blas.get('version')}, {blas.get('architecture')}"
    return {"numpy": f"{np.__version__} ({kernel})"}


class Net:
    """Dense layers with ReLU between them, and everything that a step writes into."""

    def __init__(self, sizes: list[int], batch: int) -> None:
        self.batch = batch
        self.start = first_weights(sizes)
        self.weights = [w.copy() for w in self.start]
        self.velocity = [np.zeros_like(w) for w in self.start]
        self.gradients = [np.empty_like(w) for w in self.start]
        self.scratch = [np.empty_like(w) for w in self.start]
        self.h = [np.empty((batch, size), np.float32) for size in sizes]  # each layer's output
        self.dh = [np.empty_like(h) for h in self.h]
        self.mask = [np.empty(h.shape, bool) for h in self.h]
        self.index = np.arange(batch)
        self.highest, self.sums = np.empty((2, batch, 1), np.float32)

    def restart(self) -> None:
        """Back to the first weights."""
        for w, v, start in zip(self.weights, self.velocity, self.start, strict=True):
            w[...], v[...] = start, 0

    def forward(self) -> np.ndarray:
        """The scores for the images in h[0]."""
        layers = len(self.h) - 1
        for i in range(layers):
            W, b = self.weights[2 * i : 2 * i + 2]
            h = self.h[i + 1]
            np.dot(self.h[i], W, out=h)
            np.add(h, b, out=h)
            if i < layers - 1:
                np.maximum(h, 0, out=h)
        return self.h[-1]

    def step(self, labels: np.ndarray) -> float:
        """The loss of the images in h[0], before the step that it causes."""
        z = self.forward()
        np.max(z, axis=1, keepdims=True, out=self.highest)
        np.subtract(z, self.highest, out=z)
        scores = z[self.index, labels]
        np.exp(z, out=z)
        np.sum(z, axis=1, keepdims=True, out=self.sums)
        loss = float((np.log(self.sums[:, 0]) - scores).mean())

        np.divide(z, self.sums, out=z)
        z[self.index, labels] -= 1
        dz = np.multiply(z, 1 / self.batch, out=z)
        for i in range(len(self.h) - 2, -1, -1):
            W, h = self.weights[2 * i], self.h[i]
            np.dot(h.T, dz, out=self.gradients[2 * i])
            np.sum(dz, axis=0, out=self.gradients[2 * i + 1])
            if i > 0:
                np.dot(dz, W.T, out=self.dh[i])
                np.greater(h, 0, out=self.mask[i])
                dz = np.multiply(self.dh[i], self.mask[i], out=self.dh[i])
        self.update()
        return loss

    def update(self) -> None:
        """SGD with momentum."""
        for w, v, dw, scratch in zip(
            self.weights, self.velocity, self.gradients, self.scratch, strict=True
        ):
            np.multiply(v, MOMENTUM, out=v)
            np.add(v, dw, out=v)
            np.multiply(v, LR, out=scratch)
            np.subtract(w, scratch, out=w)


class Epoch:
    """Epochs of MNIST, each from the same first weights."""

    def __init__(self, sizes: list[int], batch: int, data: str, samples: int) -> None:
        x, y = load_numbers(data)
        self.x, self.y = x[:samples], y[:samples]
        self.net = Net(sizes, batch)

    def epoch(self, seed: int) -> float:
        net, total = self.net, 0.0
        batches = shuffled(len(self.x), net.batch, seed)
        for rows in batches:
            np.take(self.x, rows, axis=0, out=net.h[0], mode="clip")
            total += net.step(self.y[rows])
        return total / len(batches)

    def turn(self, seed: int) -> dict[str, float]:
        self.net.restart()
        seconds, loss = timed(self.epoch, seed)
        return {"seconds": seconds, "loss": loss, "megabytes": megabytes("VmHWM")}


class Inference:
    """The net's outputs for one batch."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes

    def turn(self, batch: int, budget: float) -> dict[str, float]:
        net = Net(self.sizes, batch)
        net.h[0], _ = toy(batch, self.sizes[0], self.sizes[-1])
        seconds = seconds_per_call(net.forward, budget)
        return {"seconds": seconds, "value": float(np.abs(net.forward()).mean())}


class Products:
    """The three products of a dense layer."""

    def turn(self, batch: int, inputs: int, outputs: int, budget: float) -> dict[str, Any]:
        X, W, dZ = layer_arrays(batch, inputs, outputs)
        Z, dW, dX = (np.empty_like(array) for array in (dZ, W, X))
        calls = {"X·W": (X, W, Z), "Xᵀ·dZ": (X.T, dZ, dW), "dZ·Wᵀ": (dZ, W.T, dX)}
        return {
            product: {
                "seconds": seconds_per_call(lambda c=call: np.dot(c[0], c[1], out=c[2]), budget),
                "value": float(np.abs(call[-1]).mean()),
            }
            for product, call in calls.items()
        }
