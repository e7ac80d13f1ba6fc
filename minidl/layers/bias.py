"""`Bias`: adds a learned number to each unit."""

from typing import Any

import numpy as np

from ..engine.tensor import Tensor, as_tensor
from ..tools.checks import check_size
from .base import Layer, Parameter
from .checks import check_units


class Bias(Layer):
    """y = x + b: x and y (..., units), `bias` (units,), which starts at 0.

    For where no other layer can add it, such as after noise: in a ladder network's encoder
    (Rasmus et al. 2015) ReLU(noise(batch norm(W x)) + b) is

    >>> from minidl import nn
    >>> net = nn.Sequential(
    ...     nn.Dense(784, 100, bias=False),
    ...     nn.BatchNorm(100, affine=False),
    ...     nn.GaussianNoise(0.3),
    ...     nn.Bias(100),
    ...     nn.ReLU(),
    ... )
    >>> net(np.zeros((2, 784), np.float32)).shape
    (2, 100)
    """

    def __init__(self, units: int) -> None:
        self.bias = Parameter(np.zeros(check_size("Bias", "units", units), np.float32))

    def forward(self, x: Any) -> Tensor:
        """x + b."""
        x = as_tensor(x, "Bias", like=self.bias)
        check_units("Bias", x, {"bias": self.bias})
        return x + self.bias

    def describe(self) -> str:
        """Its size."""
        return f"{self.bias.size}"
