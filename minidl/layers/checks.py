"""Checks of the layers that have a number for each unit."""

import math
from collections.abc import Mapping
from typing import Any

from ..engine.tensor import Tensor, require_float
from ..errors import ArgumentError, DTypeError, ShapeError, explain
from ..tools.checks import is_number


def check_units(operation: str, x: Tensor, others: Mapping[str, Any], rows: str = "...") -> None:
    """ShapeError or DTypeError unless x is (rows, units), and each of the others (units,) or None,
    all floats of one dtype."""
    require_float(operation, x)
    if x.ndim == 0:
        raise ShapeError(explain(operation, f"x of shape ({rows}, units)", x.shape))
    for name, array in others.items():
        if array is None:
            continue
        if array.ndim != 1:
            raise ShapeError(explain(operation, f"{name} of shape (units,)", array.shape))
        check_width(operation, x, len(array), f", to fit {name}", rows)
        if array.dtype != x.dtype:
            hint = f"x.astype('{array.dtype}'), or layer.astype('{x.dtype}')"
            expected = f"x of {name}'s dtype {array.dtype}"
            raise DTypeError(explain(operation, expected, x.dtype, hint))


def check_width(operation: str, x: Tensor, units: int, why: str = "", rows: str = "...") -> None:
    """ShapeError unless x is (rows, units)."""
    if x.shape[-1:] != (units,):
        raise ShapeError(explain(operation, f"x of shape ({rows}, {units}){why}", x.shape))


def check_eps(operation: str, eps: Any) -> None:
    """ArgumentError for an eps that is not a finite number above 0."""
    if not (is_number(eps) and 0 < eps < math.inf):
        raise ArgumentError(explain(operation, "a finite eps above 0", f"eps={eps!r}"))
