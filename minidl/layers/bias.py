"""`Bias`: adds a learned number to each unit."""

from typing import Any

import numpy as np

from ..engine.tensor import Operation, Tensor, as_tensor, record
from ..engine.tensor.arrays import sum_of_rows
from ..engine.tensor.base import apply
from ..tools.checks import check_size
from .base import Layer, Parameter
from .checks import check_units
from .plan import Builder, Value

NANOSECONDS = 0.1  # for one element


def of_columns(dy: Any, shape: tuple[int, ...]) -> Any:
    """The sum over the rows of dy (..., units), an array or a tensor."""
    if isinstance(dy, Tensor):
        return dy.reshape(-1, *shape).sum(0)
    return sum_of_rows(np.ascontiguousarray(dy).reshape(1, -1, *shape)).reshape(shape)


BIAS = Operation("bias", np.add, x=lambda dy: dy, bias=of_columns)


class Bias(Layer):
    """y = x + b: x and y (..., units), `bias` (units,), which starts at 0.

    For places where no other layer can add it, such as after noise. In a ladder network's encoder
    (Rasmus et al. 2015), ReLU(noise(batch norm(W x)) + b) is

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
        return record(BIAS, apply("bias", np.add, x, self.bias), (x, self.bias))

    def plan(self, builder: Builder, x: Value) -> Value:
        """The sum. db is computed from dy after the backward pass, so dx gets other memory."""
        is_learned = builder.is_learned(self.bias)
        y = builder.value(
            x.width, x.is_wanted or is_learned, numbers=x.numbers if x.is_free else None,
            gradient=None if is_learned else x.gradient,
        )  # fmt: skip
        b = builder.vector(self.bias, x.width)
        builder.forward("add b", x=x.numbers, y=y.numbers, b=b, width=x.width)
        builder.hand_back(y, x)
        builder.learn(self.bias, "gradient of b", dy=y.gradient, width=x.width)
        builder.cost(row=NANOSECONDS * x.width)
        return y

    def describe(self) -> str:
        """Its size."""
        return f"{self.bias.size}"
