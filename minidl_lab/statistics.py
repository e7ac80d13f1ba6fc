"""Intervals: how reliable a number from a few seeds is."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

LEVEL = 0.95
RESAMPLES = 10_000


class Interval(NamedTuple):
    """A value, and the interval around it."""

    value: float
    low: float
    high: float


# The seals count this text, so it is not minidl.tools.student, which does the same.
def student(freedom: int, level: float = LEVEL) -> float:
    """The bound that |t| does not exceed with this probability, for Student's t with `freedom`
    degrees of freedom.

    With t = √freedom tan θ, θ has a density proportional to cos θ to the power freedom - 1, which
    is summed here. Student 1908.

    >>> round(student(1), 3), round(student(9), 3), round(student(9, 0.99), 3)
    (12.706, 2.262, 3.25)
    """
    edges = np.linspace(0, np.pi / 2, 20_001)
    area = np.cumsum(np.cos((edges[1:] + edges[:-1]) / 2) ** (freedom - 1))
    theta = np.interp(level, np.concatenate([[0.0], area / area[-1]]), edges)
    return float(freedom**0.5 * np.tan(theta))


def mean_interval(
    values: Sequence[float], comparisons: int = 1, level: float = LEVEL, method: str = "student"
) -> Interval:
    """mean ± t s / √n, Student's interval for the mean of normal numbers. One number alone has the
    interval (-∞, ∞) in theory, here itself. For differences within pairs it is the paired t test:
    0 outside is significant at 5 %. Of several `comparisons` each interval is wider, so that all
    of them hold with 95 % (Bonferroni). The method "bootstrap" supposes no normal numbers: it is
    the percentile interval of the mean.

    >>> [round(number, 3) for number in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    x = np.asarray(values, np.float64)
    mean = float(x.mean())
    level = 1 - (1 - level) / comparisons
    if method == "bootstrap":
        return bootstrap(lambda x: x.mean(axis=-1), x.tolist(), level=level)
    if len(x) == 1:
        return Interval(mean, mean, mean)
    half = student(len(x) - 1, level) * float(x.std(ddof=1)) / len(x) ** 0.5
    return Interval(mean, mean - half, mean + half)


def paired(
    above: Sequence[float], below: Sequence[float], comparisons: int = 1, level: float = LEVEL,
    method: str = "student",
) -> Interval:  # fmt: skip
    """The mean of above - below within pairs, such as runs of one seed, with its interval.

    >>> [round(number, 3) for number in paired([3.0, 5.0, 7.0], [2.0, 3.0, 4.0])]
    [2.0, -0.484, 4.484]
    """
    differences = [a - b for a, b in zip(above, below, strict=True)]
    return mean_interval(differences, comparisons, level, method)


def paired_ratio(
    above: Sequence[float], below: Sequence[float], comparisons: int = 1, level: float = LEVEL,
    method: str = "student",
) -> Interval:  # fmt: skip
    """The geometric mean of above / below within pairs, of numbers above 0, with its interval:
    that of the mean of the logarithms.

    >>> paired_ratio([2.0, 8.0], [1.0, 2.0]).value
    2.82842712474619
    """
    logs = mean_interval((np.log(above) - np.log(below)).tolist(), comparisons, level, method)
    return Interval(*np.exp(logs).tolist())


def bootstrap(
    statistic: Callable[..., Any], *samples: Sequence[float], seed: int = 0, level: float = LEVEL,
    in_pairs: bool = False,
) -> Interval:  # fmt: skip
    """The statistic of these samples with its percentile interval: each sample is drawn anew from
    itself 10,000 times, or `in_pairs` in the same places. `statistic` takes arrays, a resample in
    each row, and works along the last axis. Efron & Tibshirani 1993, chapter 13.

    >>> bootstrap(lambda x: np.median(x, axis=-1), [3.0, 3.0, 3.0])
    Interval(value=3.0, low=3.0, high=3.0)
    """
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(sample, np.float64) for sample in samples]
    places = [rng.integers(len(a), size=(RESAMPLES, len(a))) for a in arrays]
    resamples = [a[places[0 if in_pairs else i]] for i, a in enumerate(arrays)]
    low, high = np.quantile(statistic(*resamples), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(*arrays)), float(low), float(high))


def ratio_of_medians(
    above: Sequence[float], below: Sequence[float], level: float = LEVEL, in_pairs: bool = False
) -> Interval:
    """median(above) / median(below), with its bootstrap interval.

    >>> ratio_of_medians([6.0, 6.0], [2.0, 2.0])
    Interval(value=3.0, low=3.0, high=3.0)
    """

    def ratio(a: np.ndarray, b: np.ndarray) -> Any:
        return np.median(a, axis=-1) / np.median(b, axis=-1)

    return bootstrap(ratio, above, below, level=level, in_pairs=in_pairs)


def paired_slowness(
    above: Sequence[float | None], below: Sequence[float | None], most: float,
    comparisons: int = 1, level: float = LEVEL, method: str = "bootstrap",
) -> Interval:  # fmt: skip
    """median(above) / median(below) of the steps that runs took, with the bootstrap interval of
    seeds drawn in pairs; None is a run that never got there. One above then counts as the `most`
    steps that it was given, one below as endless: neither makes the ratio larger than it is. The
    method "student" is `paired_ratio`, which there is only where all below got there.

    >>> paired_slowness([600, None], [100, 100], most=600)
    Interval(value=6.0, low=6.0, high=6.0)
    """
    capped = [most if value is None else value for value in above]
    endless = [math.inf if value is None else value for value in below]
    if method == "bootstrap":
        level = 1 - (1 - level) / comparisons
        return ratio_of_medians(capped, endless, level, in_pairs=True)
    if None in below:
        return Interval(math.nan, 0.0, math.inf)
    return paired_ratio(capped, endless, comparisons, level, method)


def slowness(above: Sequence[float | None], below: Sequence[float | None], most: int) -> Interval:
    """median(above) / median(below) with its interval, for the steps of runs; None is a run that
    never reached its goal.

    Such a run in `above` counts as the `most` steps that it was given, in `below` as endless:
    neither makes the ratio larger than it is. The ratio is 0 if half of the runs in `below` are.

    >>> slowness([600, None], [100, 100], most=600)
    Interval(value=6.0, low=6.0, high=6.0)
    """
    capped = [most if value is None else value for value in above]
    endless = [np.inf if value is None else value for value in below]
    return ratio_of_medians(capped, endless)
