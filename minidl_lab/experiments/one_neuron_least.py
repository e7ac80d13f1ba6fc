"""The least loss that one neuron can have, for the experiment 'one-neuron': in float64, with a
bound on how far above the least one it is.

Both losses are convex, and the term decay / 2 (‖w‖² + b²) makes them strictly so.
"""

from collections.abc import Callable

import numpy as np

from minidl.diagnostics import norm

from ..rounding import UNIT
from ..trainings import as_numbers

STEPS_AT_MOST = 30  # of Newton's method; about 8 are usual
EXACT = 1e-3  # of the least loss, which is known that well
SMOOTHINGS = (0.1, 0.01, 0.001, 0.0001)  # of the hinge

Derivatives = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # the slope, the curvature


def objective(
    loss: str, w: np.ndarray, b: float, x: np.ndarray, y: np.ndarray, decay: float
) -> float:
    """The mean loss + decay / 2 (‖w‖² + b²), in float64; y is 0 or 1."""
    margins = (2.0 * y - 1) * (as_numbers(x) @ w + b)
    each = np.logaddexp(0, -margins) if loss == "logistic" else np.maximum(0, 1 - margins)
    return float(each.mean() + decay / 2 * (w @ w + b * b))


def least_loss(loss: str, x: np.ndarray, y: np.ndarray, decay: float) -> tuple[float, float]:
    """A loss, and how far above the least one it is at most."""
    signed = np.column_stack([as_numbers(x), np.ones(len(x))]) * (2.0 * y - 1)[:, None]
    return (least_logistic if loss == "logistic" else least_hinge)(signed, decay)


def least_logistic(signed: np.ndarray, decay: float) -> tuple[float, float]:
    """By Newton's method. The second derivative is at least `decay` in any direction, so where the
    slope is g the loss is no more than ‖g‖² / (2 decay) above the least one. `signed` has a row
    ±(x, 1) for each image."""

    def value(v: np.ndarray) -> float:
        return float(np.logaddexp(0, -signed @ v).mean() + decay / 2 * v @ v)

    def derivatives(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = 0.5 * (1 - np.tanh(signed @ v / 2))
        slope = decay * v - signed.T @ p / len(p)
        return slope, (signed.T * (p * (1 - p))) @ signed / len(p) + decay * np.eye(len(v))

    v, slope = newton(value, derivatives, np.zeros(signed.shape[1]), decay)
    return value(v), norm(slope) ** 2 / (2 * decay)


def least_hinge(signed: np.ndarray, decay: float) -> tuple[float, float]:
    """Newton's method for hinges with a parabola of width `s` at the corner, narrower and narrower.
    What it says of each image, a from 0 to 1, bounds the least loss from below by
    mean a - ‖Σ a ±(x, 1)‖² / (2 decay n²), the dual problem of a support vector machine (Hsieh et
    al. 2008, A dual coordinate descent method for large-scale linear SVM)."""
    n, width = signed.shape
    v, least, bound = np.zeros(width), np.inf, -np.inf
    for s in SMOOTHINGS:

        def value(v: np.ndarray, s: float = s) -> float:
            m = np.maximum(0, 1 - signed @ v)
            return float(np.where(m < s, m * m / (2 * s), m - s / 2).mean() + decay / 2 * v @ v)

        def derivatives(v: np.ndarray, s: float = s) -> tuple[np.ndarray, np.ndarray]:
            m = 1 - signed @ v
            bent = signed[(m > 0) & (m < s)]
            slope = decay * v - signed.T @ np.clip(m / s, 0, 1) / n
            return slope, bent.T @ bent / (n * s) + decay * np.eye(width)

        v, _ = newton(value, derivatives, v, decay)
        m = 1 - signed @ v
        a = np.clip(m / s, 0, 1)
        least = min(least, float(np.maximum(0, m).mean() + decay / 2 * v @ v))
        bound = max(bound, float(a.mean()) - norm(signed.T @ a) ** 2 / (2 * decay * n * n))
        if least - bound < EXACT * least:
            break
    return least, least - bound


def newton(
    value: Callable[[np.ndarray], float], derivatives: Derivatives, v: np.ndarray, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """Newton's method, each step halved until the value falls; where it ended, and the slope."""
    slope, curvature = derivatives(v)
    for _ in range(STEPS_AT_MOST):
        now = value(v)
        if norm(slope) ** 2 / (2 * decay) < EXACT / 10 * now:
            break
        step = np.linalg.solve(curvature, slope)
        halves = (0.5**i for i in range(STEPS_AT_MOST))
        v = v - step * next((h for h in halves if value(v - h * step) < now), 0.0)
        slope, curvature = derivatives(v)
    return v, slope


def gap(reached: float, least: float, above: float) -> float:
    """How far a loss is above the least one at most, as a share of it. The least one is no lower
    than `least` - `above`, wherever Newton's method ended.

    >>> gap(3.0, least=2.5, above=0.5)
    0.5
    """
    return reached / max(least - above, UNIT) - 1
