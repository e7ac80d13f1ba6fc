"""Numbers to try a function of float32 at, and errors in units of the last place (ULP)."""

import numpy as np

# Where a formula changes, or begins or ends to matter.
SEAMS = [0, 0.35, 0.5, 0.625, 0.693, 1, 1.5, 3, 6, 10, 14.3, 20, 30, 87.34, 88.73, 103.97, 105, 125]


def neighbours(x: float, count: int = 500) -> np.ndarray:
    """The float32 numbers within `count` places of x, of both signs."""
    bits = np.float32(x).view(np.int32) + np.arange(-count, count + 1, dtype=np.int32)
    near = bits[bits >= 0].view(np.float32)
    return np.concatenate([near, -near])


def sweep(step: int = 4999) -> np.ndarray:
    patterns = np.arange(0, 2**32, step, dtype=np.uint32).view(np.float32)
    grids = [np.linspace(-a, a, 100_001, dtype=np.float32) for a in (2, 18, 110)]
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], np.float32)
    return np.concatenate([patterns, *grids, *map(neighbours, SEAMS), special])


def ulps(y: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """The error of every y; NaN must be NaN and infinity infinity."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        same = (y == rounded) | (np.isnan(y) & np.isnan(rounded))
        apart = np.abs(y.astype(np.float64) - exact) / np.spacing(np.abs(rounded))
    return np.where(same & ~np.isfinite(rounded), 0, np.where(np.isfinite(apart), apart, np.inf))
