"""What all contenders share: the net's arithmetic, its first weights, the order of the images."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

LR, MOMENTUM = 0.05, 0.9


def flops_per_sample(sizes: Sequence[int], pieces: int = 1) -> int:
    """The multiplications and additions that training on one sample needs.

    A dense layer has the products X · W, Xᵀ · dZ and, except the first layer, dZ · Wᵀ, each of
    2 · in · out operations. Before maxout a layer has `pieces` times the units. What activations,
    loss and updates need is small beside this and left out.
    """
    last = len(sizes) - 2
    return sum(
        (2 if number == 0 else 3) * 2 * n_in * (n_out if number == last else n_out * pieces)
        for number, (n_in, n_out) in enumerate(pairwise(sizes))
    )


def first_weights(sizes: Sequence[int], pieces: int = 1) -> list[np.ndarray]:
    """W and b of every layer in turn; W (in, out) is He et al.'s, b is 0. Before maxout a layer has
    `pieces` times the units."""
    rng = np.random.default_rng(0)
    weights = []
    for n_in, n_out in pairwise(sizes):
        units = n_out * pieces if len(weights) < 2 * len(sizes) - 4 else n_out
        W = rng.standard_normal((n_in, units), dtype=np.float32) * np.float32((2 / n_in) ** 0.5)
        weights += [W, np.zeros(units, np.float32)]
    return weights


class Paper(NamedTuple):
    """A net of examples/papers. Before maxout a layer has `pieces` times the units."""

    sizes: tuple[int, ...]
    pieces: int = 1


PAPERS = {"noisy": Paper((784, 1000, 500, 10)), "maxout": Paper((784, 240, 240, 10), pieces=5)}
# How they are trained.
BATCH = 100
NOISE, NOISY_RATE = 0.3, 0.002
INPUT_DROPOUT, MAX_NORM, MAXOUT_RATE, MAXOUT_MOMENTUM = 0.2, 1.9365, 0.1, 0.5


def shuffled(samples: int, batch: int, seed: int) -> np.ndarray:
    """The rows of each batch, (batches, batch), in the order of minidl's `data.batches`."""
    order = np.arange(samples)
    np.random.default_rng((seed, 0)).shuffle(order)
    steps = samples // batch
    return order[: steps * batch].reshape(steps, batch)


def load_pixels(file: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """The images as uint8 (n, 784) and the labels as int64."""
    with np.load(file) as arrays:
        return arrays["x"], arrays["y"]


def load_numbers(file: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """The images as float32 from 0 to 1."""
    x, y = load_pixels(file)
    numbers = x.astype(np.float32)
    numbers /= 255
    return numbers, y


def layer_arrays(batch: int, inputs: int, outputs: int) -> tuple[np.ndarray, ...]:
    """Random float32 numbers for X, W and dZ of a dense layer."""
    rng = np.random.default_rng(0)
    shapes = (batch, inputs), (inputs, outputs), (batch, outputs)
    return tuple(rng.standard_normal(shape, dtype=np.float32) for shape in shapes)


def toy(batch: int, features: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """A batch of random float32 inputs and labels."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((batch, features), dtype=np.float32)
    return x, rng.integers(0, classes, batch)
