"""Intervals: how far a number from a few seeds can be trusted."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

LEVEL = 0.95
RESAMPLES = 10_000

# What |t| stays below with probability 0.95, for 1 to 30 degrees of freedom (Student 1908; the
# values of NIST's handbook, section 1.3.6.7.2).
STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class Interval(NamedTuple):
    """A value, and the 95 % interval around it."""

    value: float
    low: float
    high: float


def mean_interval(values: Sequence[float]) -> Interval:
    """mean ± t s / √n, Student's interval for the mean of normal numbers. One number alone has the
    interval (-∞, ∞) in theory, here itself. For differences within pairs it is the paired t test:
    0 outside is significant at 5 %.

    >>> [round(number, 3) for number in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    x = np.asarray(values, np.float64)
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, mean, mean)
    half = STUDENT[min(len(x) - 1, len(STUDENT)) - 1] * float(x.std(ddof=1)) / len(x) ** 0.5
    return Interval(mean, mean - half, mean + half)


def bootstrap(statistic: Callable[..., Any], *samples: Sequence[float], seed: int = 0) -> Interval:
    """The statistic of these samples with its percentile interval: each sample is drawn anew from
    itself 10,000 times. `statistic` takes arrays, a resample in each row, and works along the last
    axis. Efron & Tibshirani 1993, chapter 13.

    >>> bootstrap(lambda x: np.median(x, axis=-1), [3.0, 3.0, 3.0])
    Interval(value=3.0, low=3.0, high=3.0)
    """
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(sample, np.float64) for sample in samples]
    resamples = [a[rng.integers(len(a), size=(RESAMPLES, len(a)))] for a in arrays]
    low, high = np.quantile(statistic(*resamples), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(statistic(*arrays)), float(low), float(high))


def ratio_of_medians(above: Sequence[float], below: Sequence[float]) -> Interval:
    """median(above) / median(below), with its bootstrap interval.

    >>> ratio_of_medians([6.0, 6.0], [2.0, 2.0])
    Interval(value=3.0, low=3.0, high=3.0)
    """
    return bootstrap(lambda a, b: np.median(a, axis=-1) / np.median(b, axis=-1), above, below)
