"""Exercise 2: an operation with a gradient of your own.

    y = x / |x|,  where |x| = sqrt(sum x²) is the length of a row, along the last axis

The tape could find the gradient of this formula from its four operations. Written by hand it is
one operation that keeps only x and y:

    dx = (dy - y · sum(y · dy)) / |x|,  with the sum along the last axis

In words: y cannot change along itself, so the part of dy in the direction of y is taken away.

To do: write `values` and `gradient`. The gradient gets what it needs by the names of its arguments.
Use methods that arrays and tensors both have, such as `(x * x).sum(-1, keepdims=True)`: then
the gradient can be differentiated again.

A worked example: docs/tour/8-your-own.md, section 2.
"""

from typing import Any

import numpy as np

from minidl import Tensor
from minidl.engine.tensor import Operation, as_tensor, record


def values(x: np.ndarray) -> np.ndarray:
    """y from an array x."""
    raise NotImplementedError("the values of unit are not written yet")


def gradient(dy: Any, x: Any, result: Any) -> Any:
    """dx from dy, the input x, and the result y."""
    raise NotImplementedError("the gradient of unit is not written yet")


UNIT = Operation("unit", x=gradient)


def unit(x: Any) -> Tensor:
    """Each row of x divided by its length; x and y (..., n)."""
    x = as_tensor(x, "unit")
    return record(UNIT, values(x.data), (x,))
