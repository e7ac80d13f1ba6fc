"""Student's t: how far the mean of a few normal numbers may be from the true one."""

import numpy as np


def student(freedom: int, level: float = 0.95) -> float:
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


def half_width(values: np.ndarray) -> float:
    """Half the width of the mean's 95 % interval, t s / √n, for n values, two at least.

    >>> round(half_width(np.array([1.0, 3.0])), 3)
    12.706
    """
    n = len(values)
    return float(student(n - 1) * values.std(ddof=1) / n**0.5)
