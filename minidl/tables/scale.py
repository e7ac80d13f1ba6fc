"""`Scale`: columns of numbers with mean 0 and standard deviation 1."""

from typing import NamedTuple

import numpy as np


class Scale(NamedTuple):
    """z = (x - mean) / sd, column by column; float64 (columns,) both."""

    mean: np.ndarray
    sd: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> "Scale":
        """The scale of these rows (rows, columns), without the missing numbers, which are NaN. A
        column that does not vary is divided by 1, one without numbers has the mean 0.

        The squares of numbers beyond 1e154 overflow, those of numbers below 1e-154 vanish: columns
        are first multiplied by powers of two, which rounds nothing.
        """
        given = ~np.isnan(x)
        count = np.maximum(given.sum(axis=0), 1)
        x = np.where(given, x, 0).astype(np.float64, copy=False)
        low, high = x.min(axis=0), x.max(axis=0)
        exponent = np.frexp(np.maximum(abs(low), abs(high)))[1]
        near_1 = np.ldexp(x, -exponent)
        mean = near_1.sum(axis=0) / count
        deviation = np.where(given, near_1 - mean, 0)
        sd = np.sqrt((deviation * deviation).sum(axis=0) / count)
        varies = deviation.min(axis=0) < deviation.max(axis=0)
        return cls(np.ldexp(mean, exponent), np.where(varies, np.ldexp(sd, exponent), 1.0))
