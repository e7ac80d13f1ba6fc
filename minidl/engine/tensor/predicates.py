"""Questions about each element and about all: masks and truth values, without a gradient.

Each takes tensors, or data for them, of any shape and dtype.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .base import Base, apply, as_tensor, new_result
from .keywords import Never
from .reductions import Axis, reduced

if TYPE_CHECKING:
    from . import Tensor


def mask(operation: str, function: Any, *inputs: Any) -> "Tensor":
    """A mask: NumPy's function of the inputs, which broadcast."""
    like = next((x for x in inputs if isinstance(x, Base)), None)
    tensors = [as_tensor(x, operation, like, number_dtype=None) for x in inputs]
    return new_result(np.asarray(apply(operation, function, *tensors)))


def isnan(x: Any) -> "Tensor":
    """Where x is NaN.

    >>> isnan([1.0, np.nan, np.inf])
    tensor([False,  True, False])
    """
    return mask("isnan", np.isnan, x)


def isinf(x: Any) -> "Tensor":
    """Where x is inf or -inf.

    >>> isinf([1.0, np.nan, -np.inf])
    tensor([False, False,  True])
    """
    return mask("isinf", np.isinf, x)


def isfinite(x: Any) -> "Tensor":
    """Where x is neither infinite nor NaN.

    >>> isfinite([1.0, np.nan, np.inf])
    tensor([ True, False, False])
    """
    return mask("isfinite", np.isfinite, x)


def isclose(
    x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> "Tensor":
    """Where |x - y| <= atol + rtol |y|; x and y broadcast. With `equal_nan` also where both are
    NaN.

    >>> isclose([1.0, 2.0], [1.000001, 2.1])
    tensor([ True, False])
    """

    def close(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.isclose(x, y, rtol, atol, equal_nan)

    return mask("isclose", close, x, y)


def allclose(
    x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether `isclose` holds everywhere.

    >>> allclose([1.0, 2.0], [1.000001, 2.0])
    True
    """
    return bool(isclose(x, y, rtol, atol, equal_nan).all())


def logical_and(x: Any, y: Any) -> "Tensor":
    """Where both x and y are true (not 0); x and y broadcast.

    >>> logical_and([1.0, 0.0], True)
    tensor([ True, False])
    """
    return mask("logical_and", np.logical_and, x, y)


def logical_or(x: Any, y: Any) -> "Tensor":
    """Where x or y is true (not 0); x and y broadcast.

    >>> logical_or([1.0, 0.0], False)
    tensor([ True, False])
    """
    return mask("logical_or", np.logical_or, x, y)


def logical_not(x: Any) -> "Tensor":
    """Where x is 0, or False.

    >>> logical_not([1.0, 0.0])
    tensor([False,  True])
    """
    return mask("logical_not", np.logical_not, x)


def count_nonzero(
    x: Any, axis: Axis = None, keepdims: bool = False, **wrong: Never
) -> "Tensor":  # fmt: skip
    """How many elements are not 0, over all axes or the given ones, as integers; NaN counts.

    >>> count_nonzero([[1.0, 0.0], [2.0, 3.0]], axis=1)
    tensor([1, 2])
    """
    x, axes, _, _ = reduced("count_nonzero", x, axis, wrong)
    return new_result(np.asarray((x._array != 0).sum(axis=axes, keepdims=keepdims)))
