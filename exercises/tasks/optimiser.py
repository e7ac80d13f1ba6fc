"""Exercise 6: an optimiser.

Adamax is Adam with the largest recent gradient in place of the root of the mean square:

    m = beta1 m + (1 - beta1) g
    u = max(beta2 u, |g| + eps)
    w = w - lr / (1 - beta1^t) · m / u

m and u start from 0, and t counts the steps from 1.

Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1; eps, which keeps
u above 0, is PyTorch's.

To do: name the two arrays in `state`, and write `update` in NumPy. `state["m"]` may be changed in
place or replaced; w and g may not be written to.

A worked example: docs/tour/8-your-own.md, section 6.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl import optim


class Adamax(optim.Optimizer):
    """Adam with the infinity norm."""

    options = {"lr": optim.NOT_NEGATIVE, "betas": optim.TWO_SHARES, "eps": optim.NOT_NEGATIVE}
    state = ()

    def __init__(
        self, params: Any, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, betas=betas, eps=eps)

    def update(
        self, w: np.ndarray, g: np.ndarray, state: dict[str, np.ndarray],
        options: Mapping[str, Any], t: int,
    ) -> np.ndarray:  # fmt: skip
        """The new weights."""
        raise NotImplementedError("Adamax.update is not written yet")
