"""`Flatten`: makes one row of numbers of each sample, whatever its axes are."""

import math
from typing import Any

from ..engine.tensor import Tensor, as_tensor
from ..errors import ShapeError, explain
from .base import Layer
from .plan import Builder, Value


class Flatten(Layer):
    """y = x with all axes but the first joined: x (n, ...), y (n, m). ShapeError without axes.

    >>> import numpy as np
    >>> Flatten()(np.zeros((2, 3, 4), np.float32)).shape
    (2, 12)
    """

    def forward(self, x: Any) -> Tensor:
        """x with joined axes, in the same memory."""
        x = as_tensor(x, "Flatten")
        if x.ndim == 0:
            raise ShapeError(explain("Flatten", "x of shape (n, ...)", x.shape))
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def plan(self, builder: Builder, x: Value) -> Value:
        """The same numbers; dx is dy."""
        width = math.prod(x.shape)
        y = builder.value(width, x.is_wanted, x.numbers, x.gradient, x.is_free)
        builder.hand_back(y, x)
        return y
