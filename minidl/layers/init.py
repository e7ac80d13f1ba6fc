"""Initial weights: how large the first random numbers have to be, and why.

Each function takes the shape (in_features, out_features) and returns a float32 array. The variance
keeps the size of the signals from layer to layer: forward a unit adds up fan_in terms, backward
fan_out terms. `gain` makes up for what the activation takes away.
"""

import difflib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.random import generator
from ..errors import ArgumentError, ShapeError, explain
from .activations import Activation
from .activations import activation as find

__all__ = [
    "INITIALIZERS", "Initializer", "fans", "gain", "glorot_normal", "glorot_uniform", "he_normal",
    "he_uniform", "initializer", "lecun_normal", "lecun_uniform", "orthogonal",
]  # fmt: skip

Initializer = Callable[..., np.ndarray]


def gain(activation: str | type[Activation] | Activation, **options: Any) -> float:
    """1 / sqrt(E[f(z)²]) for standard normal z, computed by quadrature.

    With weights of standard deviation gain / sqrt(fan_in), the activation's outputs have mean
    square 1 again. An activation layer counts with its options, and its mean learned slope. The
    gain comes from the formula, so it exists for any registered activation, also for your own.

    He et al. 2015, section 2.2, derive sqrt(2) for ReLU; Klambauer et al. 2017 construct SELU to
    have gain 1. ArgumentError if the mean square is 0 or infinite.

    >>> round(gain("relu"), 6), round(gain("selu"), 6), round(gain("maxout", pieces=2), 6)
    (1.414214, 1.0, 1.0)
    """
    if isinstance(activation, Activation):
        kind = type(activation)
        learned = zip(kind.learned, activation.learned_parameters(), strict=True)
        options = {**activation.options, **{name: p.data.mean() for name, p in learned}}
    else:
        kind = find(activation)
        options = options if kind.learned else kind.bind(**options)
    with np.errstate(all="ignore"):
        moment = kind.second_moment(**options)
    if not 0 < moment < math.inf:
        raise ArgumentError(
            explain("gain", "an activation with a finite mean square above 0", f"{moment}")
        )
    return 1 / math.sqrt(moment)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of shape (in_features, out_features)."""
    if len(shape) != 2 or min(shape) < 1:
        raise ShapeError(explain("init", "shape (in_features, out_features)", shape))
    return shape[0], shape[1]


def _normal(shape: tuple[int, ...], deviation: float, rng: "np.random.Generator | None") -> Any:
    return ((rng or generator()).standard_normal(shape) * deviation).astype(np.float32)


def _uniform(shape: tuple[int, ...], deviation: float, rng: "np.random.Generator | None") -> Any:
    limit = math.sqrt(3) * deviation  # U(-limit, limit) has the deviation limit / sqrt(3)
    return (rng or generator()).uniform(-limit, limit, shape).astype(np.float32)


def glorot_normal(
    shape: tuple[int, int], gain: float = 1.0, rng: "np.random.Generator | None" = None
) -> np.ndarray:
    """Normal, variance gain² · 2 / (fan_in + fan_out). Glorot & Bengio 2010, equation 12.

    >>> glorot_normal((784, 128)).shape
    (784, 128)
    """
    return _normal(shape, gain * math.sqrt(2 / sum(fans(shape))), rng)


def glorot_uniform(
    shape: tuple[int, int], gain: float = 1.0, rng: "np.random.Generator | None" = None
) -> np.ndarray:
    """Uniform within ±gain · sqrt(6 / (fan_in + fan_out)). Glorot & Bengio 2010, equation 16.

    >>> bool(abs(glorot_uniform((4, 2))).max() <= 1)
    True
    """
    return _uniform(shape, gain * math.sqrt(2 / sum(fans(shape))), rng)


def he_normal(
    shape: tuple[int, int], gain: float = math.sqrt(2), rng: "np.random.Generator | None" = None
) -> np.ndarray:
    """Normal, variance gain² / fan_in; gain² is 2 for ReLU. He et al. 2015, equation 10.

    >>> he_normal((784, 128)).shape
    (784, 128)
    """
    return _normal(shape, gain / math.sqrt(fans(shape)[0]), rng)


def he_uniform(
    shape: tuple[int, int], gain: float = math.sqrt(2), rng: "np.random.Generator | None" = None
) -> np.ndarray:
    """Uniform with the variance of he_normal: within ±gain · sqrt(3 / fan_in). He et al. 2015.

    >>> bool(abs(he_uniform((6, 2))).max() <= 1)
    True
    """
    return _uniform(shape, gain / math.sqrt(fans(shape)[0]), rng)


def lecun_normal(
    shape: tuple[int, int], gain: float = 1.0, rng: "np.random.Generator | None" = None
) -> np.ndarray:
    """Normal, variance gain² / fan_in. LeCun, Bottou, Orr & Müller 1998, section 4.6.

    >>> lecun_normal((784, 128)).shape
    (784, 128)
    """
    return _normal(shape, gain / math.sqrt(fans(shape)[0]), rng)


def lecun_uniform(
    shape: tuple[int, int], gain: float = 1.0, rng: "np.random.Generator | None" = None
) -> np.ndarray:
    """Uniform with the variance of lecun_normal: within ±gain · sqrt(3 / fan_in).

    >>> bool(abs(lecun_uniform((3, 2))).max() <= 1)
    True
    """
    return _uniform(shape, gain / math.sqrt(fans(shape)[0]), rng)


def orthogonal(
    shape: tuple[int, int], gain: float = 1.0, rng: "np.random.Generator | None" = None
) -> np.ndarray:
    """gain · Q, where the columns of Q are orthonormal (its rows, if they are fewer).

    Q comes from the QR factors of a normal matrix; R's signs make its distribution uniform
    (Mezzadri 2007). Saxe, McClelland & Ganguli 2014.

    >>> Q = orthogonal((4, 2))
    >>> (Q.T @ Q).round(3) + 0
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    rows, columns = fans(shape)
    normal = (rng or generator()).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diag(r))
    return (gain * (q if rows >= columns else q.T)).astype(np.float32)


INITIALIZERS: dict[str, Initializer] = {
    function.__name__: function
    for function in (
        glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform,
        orthogonal,
    )
}  # fmt: skip


def initializer(name: str | Initializer) -> Initializer:
    """The initializer of that name; a function is returned unchanged."""
    if callable(name):
        return name
    if name not in INITIALIZERS:
        close = difflib.get_close_matches(str(name), INITIALIZERS, n=1)
        raise ArgumentError(
            explain("init", f"one of {', '.join(INITIALIZERS)}", repr(name), *map(repr, close))
        )
    return INITIALIZERS[name]


def __dir__() -> list[str]:
    return __all__
