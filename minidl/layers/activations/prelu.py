"""PReLU: the declaration. Its kernel is in prelu.pyx."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import _kernels
from ...engine.tensor import Tensor, where
from ...errors import ArgumentError, ShapeError, explain
from ...tools.checks import is_whole
from ..base import Parameter
from .declaration import INF, Activation, Rows
from .formulas import flat


class PReLU(Activation):
    """y = x where x > 0, else weight · x: the slope is learned, one per unit or one per layer.

        dx = dy where x > 0, else weight · dy, also at the kink x = 0
        dweight = sum of dy · x over the elements with x <= 0 that share the slope

    - x: float32 or float64; of any shape for one slope, (..., units) for one per unit. y is like x.
    - weight: (1,) or (units,), of x's dtype. The layer starts it at `init`, and weight decay leaves
      it alone: decay would turn the activation into ReLU.

    ShapeError for a weight of another shape; ArgumentError unless `units` is a whole number from 1
    up.

    >>> from minidl import functional as F
    >>> F.prelu([-4.0, 2.0], weight=[0.25])
    tensor([-1.,  2.])

    He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015, section 2.
    """

    name = "prelu"
    paper = "He, Zhang, Ren & Sun 2015"
    nanoseconds = 0.3
    learned = ("weight",)

    def __init__(self, units: int = 1, init: float = 0.25) -> None:
        if not is_whole(units, 1):
            raise ArgumentError(explain("prelu", "units: a whole number from 1 up", repr(units)))
        self.options = self.bind()
        # Weight decay would pull the slope to 0, which is ReLU (He et al. 2015, section 2.1).
        self.weight = Parameter(np.full(units, init, np.float32), decays=False)

    def describe(self) -> str:
        """The number of slopes, unless it is one."""
        return f"units={self.weight.size}" if self.weight.size > 1 else ""

    @staticmethod
    def formula(x: Tensor, weight: Tensor) -> Tensor:
        return where(x <= 0, weight * x.clip(high=0), x)

    @staticmethod
    def derivative(x: Tensor, weight: Tensor) -> Tensor:
        return where(x <= 0, flat(x) + weight, 1.0)

    @staticmethod
    def kinks(weight: float = 0.25) -> dict[float, float]:
        return {0.0: weight}

    @staticmethod
    def limits(weight: float = 0.25) -> tuple[float, float]:
        return -INF * weight, INF

    @classmethod
    def rows(
        cls, shape: tuple[int, ...], options: dict[str, Any], learned: tuple[Tensor, ...] = ()
    ) -> Rows:
        if learned and learned[0].shape == (1,):
            return super().rows(shape, options)  # one slope for the whole array
        units = shape[-1] if shape else 1
        return Rows(units, units, shape)

    @classmethod
    def slopes(cls, learned: tuple[Tensor, ...], units: int, dtype: np.dtype) -> np.ndarray:
        (weight,) = learned
        if weight.ndim != 1 or weight.size not in (1, units):
            raise ShapeError(
                explain("prelu", f"a weight of shape (1,) or ({units},)", weight.shape)
            )
        return np.ascontiguousarray(np.broadcast_to(weight.data.astype(dtype, copy=False), units))

    @classmethod
    def learned_gradients(
        cls, x: np.ndarray, dy: np.ndarray, learned: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        (weight,) = learned
        per_unit = np.empty(x.shape[1], x.dtype)
        function = _kernels.LEARNED[cls.name][x.dtype.name]
        _kernels.rows.learned(function, x, dy, per_unit, _kernels.threads_for(x.size))
        if weight.size == x.shape[1]:
            return [per_unit]
        return [np.full(1, _kernels.rows.in_order(per_unit), x.dtype)]

    @classmethod
    def second_moment(cls, **options: Any) -> float:
        """(1 + weight²) / 2: half of the normal distribution lies on either side of 0."""
        return (1 + options.get("weight", 0.25) ** 2) / 2
