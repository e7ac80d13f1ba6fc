"""What the tests of several rooms share: gradients by central differences, odd arrays, Philox."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import numpy as np

from minidl import Tensor, tensor
from minidl.engine.tensor import Operation

STEP = 1e-5  # near the cube root of float64's eps, where a central difference is most exact
# Its error there, STEP² f''' / 6 + eps |f| / STEP, is some 1e-10 for numbers of ordinary size; a
# wrong gradient is off by far more.
TOLERANCE = 1e-6

LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "contiguous": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "readonly": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
}


def numbers(*shape: int, seed: int = 0, low: float = 0.5, high: float = 2.0) -> np.ndarray:
    """Random float64 numbers, all different and away from 0."""
    return np.random.default_rng((seed, *shape)).uniform(low, high, shape)


def difference_gradients(
    function: Callable[..., Tensor], arrays: list[np.ndarray], dy: np.ndarray
) -> list[np.ndarray]:
    """The gradients of sum(dy · function(arrays)), element by element from its values alone."""

    def value(number: int, at: tuple[int, ...], step: float) -> float:
        moved = [np.array(array) for array in arrays]
        moved[number][at] += step
        return float(np.sum(dy * function(*map(Tensor, moved)).numpy()))

    gradients = [np.empty(array.shape) for array in arrays]
    for number, gradient in enumerate(gradients):
        for at in np.ndindex(gradient.shape):
            rise = value(number, at, STEP) - value(number, at, -STEP)
            gradient[at] = rise / (2 * STEP)
    return gradients


def assert_gradients(function: Callable[..., Tensor], *arrays: np.ndarray) -> Tensor:
    """Backward gives the gradients of central differences and leaves its inputs as they were.

    The arrays are float64 and are used as they lie in memory. Gives what the function gave.
    """
    before = [array.copy() for array in arrays]
    inputs = [Tensor(array, requires_grad=True) for array in arrays]
    y = function(*inputs)
    result = y.detach()
    dy = np.random.default_rng(1).normal(size=y.shape)
    y.backward(dy)
    wanted = difference_gradients(function, list(arrays), dy)
    for x, array, old, gradient in zip(inputs, arrays, before, wanted, strict=True):
        np.testing.assert_array_equal(array, old)
        found = np.zeros(x.shape) if x.grad is None else x.grad.numpy()
        assert found.shape == x.shape
        assert found.dtype == x.dtype
        np.testing.assert_allclose(found, gradient, rtol=TOLERANCE, atol=TOLERANCE)
    return result


def gradients_of_norm(
    x: np.ndarray, weight: np.ndarray, dy: np.ndarray, axis: int, eps: float, is_centered: bool
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Those of x, weight and bias where y = weight (x - mean) / sqrt(variance + eps) + bias, mean
    and variance over this axis; each with the size of the terms that it is the sum of."""
    x, weight, dy = (np.asarray(array, np.longdouble) for array in (x, weight, dy))
    mean = partial(np.mean, axis=axis, keepdims=True)
    centered = x - mean(x) * is_centered
    scale = 1 / np.sqrt(mean(centered**2) + eps)
    normal, g = centered * scale, weight * dy
    dx = scale * (g - mean(g) * is_centered - normal * mean(normal * g))
    size = scale * (abs(g) + mean(abs(g)) + abs(normal) * mean(abs(normal * g)))
    sums = [(terms.sum(axis=0), abs(terms).sum(axis=0)) for terms in (dy * normal, dy)]
    return [(dx, size), *sums]


def leaf(*values):
    """A float64 tensor of these values that wants a gradient."""
    return tensor(np.array(values), requires_grad=True)


def philox(counter, key):
    """Philox 4x32-10 of Salmon et al. (2011), for counters of shape (4, n) and one key."""
    word, low = np.uint64(32), np.uint64(2**32 - 1)
    a, b, c, d = np.asarray(counter, np.uint64)
    for turn in range(10):
        k0 = np.uint64((key[0] + turn * 0x9E3779B9) % 2**32)
        k1 = np.uint64((key[1] + turn * 0xBB67AE85) % 2**32)
        left, right = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b, c, d = (right >> word) ^ b ^ k0, right & low, (left >> word) ^ d ^ k1, left & low
    return np.stack([a, b, c, d])


def random_words(n, seed, step, domain=0):
    """One word for each of n elements: element 4 i + w has word w of block i. `domain` is the
    counter's second word."""
    blocks = np.arange((n + 3) // 4, dtype=np.uint64)
    counter = np.zeros((4, len(blocks)), np.uint64)
    counter[0], counter[1] = blocks, domain
    counter[2], counter[3] = step % 2**32, step // 2**32
    return philox(counter, (seed % 2**32, seed // 2**32)).T.reshape(-1)[:n]


def places(value, place=()):
    """The places of all that is in a value that JSON can hold: keys and numbers, one in another."""
    keys = value if isinstance(value, dict) else range(len(value)) if type(value) is list else ()
    for key in keys:
        yield (*place, key)
        yield from places(value[key], (*place, key))


def changed(value, place, other):
    """A copy of the value with another one at that place."""
    whole = part = deepcopy(value)
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = other
    return whole


def planted(name: str, backward: Callable[[np.ndarray], list]) -> Operation:
    """An operation whose gradients may be anything: backward(dy) gives them all."""
    return Operation(name, kernel=lambda node, dy: backward(dy))
