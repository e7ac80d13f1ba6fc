"""The measures: functions of arrays; sums are in float64."""

import numpy as np

FLAT = 0.05  # times an activation's largest |dy/dz|: an output with less counts as saturated


def flat_share(derivative: np.ndarray, largest: float | np.ndarray, share: float = FLAT) -> float:
    """The fraction of outputs with |dy/dz| < share · largest.

    >>> flat_share(np.array([0.25, 0.2, 0.001, 0.0]), largest=0.25)
    0.5
    """
    return float(np.mean(np.abs(derivative) < share * np.asarray(largest)))


def silent_share(fired: np.ndarray) -> float:
    """The fraction of columns that never fired: bool (columns,).

    >>> silent_share(np.array([True, True, False, True]))
    0.25
    """
    return float(np.mean(~fired))


def mean(y: np.ndarray) -> float:
    """The mean of all outputs."""
    return float(np.mean(y, dtype=np.float64))


def spread(y: np.ndarray) -> float:
    """The standard deviation of all outputs: √ mean (y - mean y)²."""
    return float(np.std(y, dtype=np.float64))


def percentile_98(y: np.ndarray) -> float:
    """The number that 98 % of |y| do not exceed. Glorot & Bengio 2010 show it layer by layer."""
    return float(np.percentile(np.abs(y), 98))


def offset(y: np.ndarray) -> float:
    """mean y / √ mean y²: 0 if the outputs are zero-centred, ±1 if all are the same number.

    >>> offset(np.array([-1.0, 1.0])), offset(np.array([3.0, 3.0]))
    (0.0, 1.0)
    """
    size = np.sqrt(np.mean(np.square(y, dtype=np.float64)))
    return 0.0 if size == 0 else float(np.mean(y, dtype=np.float64) / size)


def norm(x: np.ndarray) -> float:
    """√ Σ x².

    >>> norm(np.array([[3.0], [4.0]]))
    5.0
    """
    return float(np.sqrt(np.sum(np.square(x, dtype=np.float64))))


def sign_agreement(dW: np.ndarray) -> float | None:
    """The share of a neuron's weight gradients that have the sign of the majority.

        max(n₊, n₋) / (n₊ + n₋)     for each column of dW (in, out); gradients of 0 do not count

    The mean over the neurons with a gradient other than 0; None if there are none.

    For one example, dW = xᵀ · δ. If all x > 0 the share is 1: a step can only raise all of a
    neuron's weights or lower all of them, and the way to the minimum is a zig-zag (LeCun, Bottou,
    Orr & Müller 1998, "Efficient BackProp", section 4.3).

    >>> sign_agreement(np.array([[1.0, -1.0], [2.0, 3.0], [5.0, 0.0]]))
    0.75
    """
    signs = np.sign(dW)
    count = np.abs(signs).sum(axis=0, dtype=np.float64)
    most = (count + np.abs(signs.sum(axis=0, dtype=np.float64))) / 2
    has_any = count != 0
    return float(np.mean(most[has_any] / count[has_any])) if has_any.any() else None


def win_shares(derivative: np.ndarray, pieces: int) -> np.ndarray:
    """How often each piece of a maxout unit wins: (units, pieces), where each row adds up to 1.

    `derivative` is dy/dz (rows, units · pieces), 1 where a piece wins, else 0.

    >>> win_shares(np.array([[1, 0, 0, 1], [1, 0, 1, 0]]), pieces=2)
    array([[1. , 0. ],
           [0.5, 0.5]])
    """
    return np.mean(derivative != 0, axis=0, dtype=np.float64).reshape(-1, pieces)


def entropy(shares: np.ndarray) -> np.ndarray:
    """- Σ p log p / log n of each row of n shares: 1 if all are equal, 0 if one has everything.

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]]))
    array([1., 0.])
    """
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    return np.abs(np.sum(shares * logs, axis=-1)) / np.log(max(shares.shape[-1], 2))


def update_ratio(before: np.ndarray, after: np.ndarray) -> float:
    """‖after - before‖ / ‖before‖: how far a step moves the weights, relative to their size. About
    0.001 is usual (Karpathy, CS231n, "Ratio of weights:updates").

    >>> round(update_ratio(np.array([3.0, 4.0]), np.array([3.0, 4.005])), 6)
    0.001
    """
    size = norm(before)
    return norm(after - before) / size if size else float("inf")
