"""A solution of exercise 6."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl import optim


class Adamax(optim.Optimizer):
    """Adam with the infinity norm."""

    options = {"lr": optim.NOT_NEGATIVE, "betas": optim.TWO_SHARES, "eps": optim.NOT_NEGATIVE}
    state = ("m", "u")

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
        beta1, beta2 = options["betas"]
        state["m"] = beta1 * state["m"] + (1 - beta1) * g
        state["u"] = np.maximum(beta2 * state["u"], abs(g) + options["eps"])
        return w - options["lr"] / (1 - beta1**t) * state["m"] / state["u"]
