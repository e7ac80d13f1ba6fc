"""Circular and hyperbolic functions, and their inverses, of each element on its own.

Each takes a tensor of float32 or float64, or data for one, of any shape, and returns a tensor of
that shape and dtype; DTypeError for integers. Angles are in radians. Outside a function's domain
the value is NaN.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .arithmetic import operands
from .base import apply, require_float
from .elementwise import by_numpy
from .operation import Operation, record

if TYPE_CHECKING:
    from . import Tensor


SIN = Operation("sin", np.sin, x=lambda dy, x: dy * np.cos(x))


def sin(x: Any) -> "Tensor":
    """sin x of each element, in radians. DTypeError for integers.

    >>> sin([0.0, np.pi / 2]).round(3)
    tensor([0., 1.])
    """
    return by_numpy(SIN, x)


COS = Operation("cos", np.cos, x=lambda dy, x: -dy * np.sin(x))


def cos(x: Any) -> "Tensor":
    """cos x of each element, in radians. DTypeError for integers.

    >>> cos([0.0, np.pi]).round(3)
    tensor([ 1., -1.])
    """
    return by_numpy(COS, x)


TAN = Operation("tan", np.tan, x=lambda dy, result: dy * (1 + result * result))


def tan(x: Any) -> "Tensor":
    """tan x = sin x / cos x of each element, in radians. DTypeError for integers.

    >>> tan([0.0, np.pi / 4]).round(3)
    tensor([0., 1.])
    """
    return by_numpy(TAN, x)


# 1 - x² as a product, which loses no digits near 1.
ARCSIN = Operation("arcsin", np.arcsin, x=lambda dy, x: dy / np.sqrt((1 - x) * (1 + x)))


def arcsin(x: Any) -> "Tensor":
    """The angle from -π/2 to π/2 whose sine is x, of each element; NaN for |x| > 1. The slope at -1
    and 1 is inf. DTypeError for integers.

    >>> (arcsin([0.0, 0.5, 2.0]) * 6 / np.pi).round(3)
    tensor([ 0.,  1., nan])
    """
    return by_numpy(ARCSIN, x)


ARCCOS = Operation("arccos", np.arccos, x=lambda dy, x: -dy / np.sqrt((1 - x) * (1 + x)))


def arccos(x: Any) -> "Tensor":
    """The angle from 0 to π whose cosine is x, of each element; NaN for |x| > 1. The slope at -1
    and 1 is -inf. DTypeError for integers.

    >>> (arccos([1.0, 0.5, 2.0]) * 3 / np.pi).round(3)
    tensor([ 0.,  1., nan])
    """
    return by_numpy(ARCCOS, x)


ARCTAN = Operation("arctan", np.arctan, x=lambda dy, x: dy / (1 + x * x))


def arctan(x: Any) -> "Tensor":
    """The angle from -π/2 to π/2 whose tangent is x, of each element. DTypeError for integers.

    >>> (arctan([0.0, 1.0, np.inf]) * 4 / np.pi).round(3)
    tensor([0., 1., 2.])
    """
    return by_numpy(ARCTAN, x)


def angle_slope(dy: Any, far: Any, x: Any, y: Any) -> Any:
    """dy · far / (x² + y²) by way of the length of (x, y); it neither overflows nor vanishes."""
    length = np.hypot(x, y)
    return dy * (far / length) / length


ARCTAN2 = Operation(
    "arctan2",
    y=lambda dy, y, x: angle_slope(dy, x, x, y),
    x=lambda dy, y, x: angle_slope(dy, -y, x, y),
)


def arctan2(y: Any, x: Any) -> "Tensor":
    """The angle from -π to π of the point (x, y), element by element; x and y broadcast. At (0, 0)
    the slopes are NaN. DTypeError for integers.

    >>> (arctan2([1.0, -1.0], -1.0) * 4 / np.pi).round(3)
    tensor([ 3., -3.])
    """
    a, b = operands("arctan2", y, x)
    require_float("arctan2", a, b)
    return record(ARCTAN2, apply("arctan2", np.arctan2, a, b), (a, b))


SINH = Operation("sinh", np.sinh, x=lambda dy, x: dy * np.cosh(x))


def sinh(x: Any) -> "Tensor":
    """sinh x = (e^x - e^-x) / 2 of each element. DTypeError for integers.

    >>> sinh([0.0, 1.0]).round(3)
    tensor([0.   , 1.175])
    """
    return by_numpy(SINH, x)


COSH = Operation("cosh", np.cosh, x=lambda dy, x: dy * np.sinh(x))


def cosh(x: Any) -> "Tensor":
    """cosh x = (e^x + e^-x) / 2 of each element. DTypeError for integers.

    >>> cosh([0.0, 1.0]).round(3)
    tensor([1.   , 1.543])
    """
    return by_numpy(COSH, x)


ARCSINH = Operation("arcsinh", np.arcsinh, x=lambda dy, x: dy / np.hypot(x, 1))


def arcsinh(x: Any) -> "Tensor":
    """The number whose hyperbolic sine is x, of each element. DTypeError for integers.

    >>> arcsinh([0.0, 1.1752012]).round(3)
    tensor([0., 1.])
    """
    return by_numpy(ARCSINH, x)


ARCCOSH = Operation("arccosh", np.arccosh, x=lambda dy, x: dy / np.sqrt((x - 1) * (x + 1)))


def arccosh(x: Any) -> "Tensor":
    """The positive number whose hyperbolic cosine is x, of each element; NaN for x < 1. The slope
    at 1 is inf. DTypeError for integers.

    >>> arccosh([1.0, 1.5430806, 0.0]).round(3)
    tensor([ 0.,  1., nan])
    """
    return by_numpy(ARCCOSH, x)


ARCTANH = Operation("arctanh", np.arctanh, x=lambda dy, x: dy / ((1 - x) * (1 + x)))


def arctanh(x: Any) -> "Tensor":
    """The number whose hyperbolic tangent is x, of each element; infinite at -1 and 1, NaN beyond.
    DTypeError for integers.

    >>> arctanh([0.0, 0.5, 1.0]).round(3)
    tensor([0.   , 0.549,   inf])
    """
    return by_numpy(ARCTANH, x)
