"""Maxout: the declaration. Its kernel is in maxout.pyx."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...engine.tensor import Tensor, through_formula
from ...errors import ArgumentError, ShapeError, explain
from ...tools.checks import is_whole
from .declaration import INF, Activation, Rows, quadrature
from .formulas import normal_cdf, normal_density


class Maxout(Activation):
    """y_u = max over p of x_up: the largest of each unit's pieces.

    x is (batch, units · pieces) or (..., units · pieces), float32 or float64; y is (..., units).
    The pieces of unit u are the columns u · pieces to (u + 1) · pieces - 1. The gradient goes to
    the largest piece, and in a tie to the first of the largest.

    ShapeError if `pieces` does not divide the last axis; ArgumentError unless it is a whole number
    from 1 up.

    >>> from minidl import functional as F
    >>> F.maxout([[1.0, 3.0, -2.0, -5.0]], pieces=2)
    tensor([[ 3., -2.]])

    Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout networks", ICML 2013.
    """

    name = "maxout"
    paper = "Goodfellow, Warde-Farley, Mirza, Courville & Bengio 2013"
    nanoseconds = 0.5

    @staticmethod
    def formula(x: Tensor, pieces: int = 2) -> Tensor:
        rows = x.reshape(-1, pieces)
        winners = rows[np.arange(len(rows)), rows.argmax(1)]
        return winners.reshape(*x.shape[:-1], x.shape[-1] // pieces)

    @staticmethod
    def derivative(x: Tensor, pieces: int = 2) -> Tensor:
        rows = x.reshape(-1, pieces)
        return Tensor(np.eye(pieces)[rows.argmax(1).data].reshape(x.shape))

    @staticmethod
    def limits(pieces: int = 2) -> tuple[float, float]:
        return -INF, INF

    @classmethod
    def check_options(cls, **options: Any) -> None:
        pieces = options["pieces"]
        if not is_whole(pieces, 1):
            raise ArgumentError(explain("maxout", "pieces: a whole number from 1 up", repr(pieces)))

    @classmethod
    def inputs_per_unit(cls, options: dict[str, Any]) -> int:
        return int(options["pieces"])

    @classmethod
    def rows(
        cls, shape: tuple[int, ...], options: dict[str, Any], learned: tuple[Tensor, ...] = ()
    ) -> Rows:
        pieces = options["pieces"]
        if not shape or shape[-1] % pieces:
            raise ShapeError(
                explain(
                    "maxout",
                    f"a last axis of units · {pieces} pieces",
                    shape,
                    f"a Dense layer with out_features = units * {pieces} before it",
                )
            )
        units = shape[-1] // pieces
        return Rows(shape[-1], units, (*shape[:-1], units))

    @classmethod
    def recorded(
        cls, dy: Tensor, x: Tensor, learned: Sequence[Tensor], options: dict[str, Any]
    ) -> Any:
        return through_formula(cls.formula, dy, [x], options)

    @classmethod
    def second_moment(cls, **options: Any) -> float:
        """E of the square of the largest of `pieces` normal numbers; its density is
        pieces · phi(z) · Phi(z)^(pieces - 1)."""
        pieces = options["pieces"]
        z, weights = quadrature(np.linspace(-12, 12, 49))
        x = Tensor(z)
        density = pieces * normal_density(x) * normal_cdf(x) ** (pieces - 1)
        return float(np.sum(weights * z * z * density.data))
