"""`Preparation`: turns rows of data into a net's inputs, and its outputs into predictions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import DataError, explain
from . import targets
from .table import Table


class Scale(NamedTuple):
    """z = (x - mean) / sd, column by column; float64 (columns,) both."""

    mean: np.ndarray
    sd: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> "Scale":
        """The scale of these rows; a column that does not vary is divided by 1.

        The squares of numbers beyond 1e154 overflow, those of numbers below 1e-154 vanish: columns
        are first multiplied by powers of two, which rounds nothing.
        """
        low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
        exponent = np.frexp(np.maximum(abs(low), abs(high)))[1]
        near_1 = np.ldexp(x, -exponent, dtype=np.float64)
        mean, sd = (np.ldexp(of(near_1, axis=0), exponent) for of in (np.mean, np.std))
        return cls(mean, np.where(high > low, sd, 1.0))


class Preparation(NamedTuple):
    """What `train` found in its data, to treat other data in the same way.

    Pixels become numbers from 0 to 1. With a scale, inputs and the target of a regression have mean
    0 and standard deviation 1 in the training rows.
    """

    columns: list[str] | None  # the inputs' names; None: only their places are known
    width: int
    is_pixels: bool
    target: str
    classes: list[str] | None  # None: a regression
    inputs_scale: Scale | None
    target_scale: Scale | None

    @classmethod
    def of(
        cls, table: Table, rows: Sequence[int] | np.ndarray, task: str | None, scales: bool | None
    ) -> "Preparation":
        """The preparation that suits a table; means and deviations are those of `rows`. By default
        everything is scaled except pixels."""
        targets.require_two(table)
        task = task or targets.task_of(table)
        scales = not table.is_pixels if scales is None else scales
        is_classes = task == targets.CLASSIFICATION
        classes = targets.class_names(table) if is_classes else None
        goal = None if is_classes or not scales else Scale.of(targets.numbers(table)[rows, None])
        scale = Scale.of(from_0_to_1(table.x[rows])) if scales else None
        return cls(
            table.columns, table.x.shape[1], table.is_pixels, table.target or "", classes, scale,
            goal,
        )  # fmt: skip

    @property
    def outputs(self) -> int:
        """The number of outputs that the net needs."""
        return 1 if self.classes is None else len(self.classes)

    def x(self, table: Table) -> np.ndarray:
        """The net's inputs: pixels as uint8 if they are not scaled, else float32."""
        if table.x.shape[1] != self.width or table.is_pixels != self.is_pixels:
            kind, got = (("pixels" if p else "numbers") for p in (self.is_pixels, table.is_pixels))
            expected = f"{self.width} columns of {kind}, as in training"
            raise DataError(explain(table.source, expected, f"{table.x.shape[1]} of {got}"))
        if table.is_pixels and self.inputs_scale is None:
            return table.x
        numbers = from_0_to_1(table.x)
        x = scaled(numbers, self.inputs_scale)
        for row, column in np.argwhere(~np.isfinite(x)):
            place = f"{table.place(row)}, {table.column(column)}"
            raise DataError(explain(place, "a number that float32 holds", table.x[row, column]))
        return x

    def y(self, table: Table) -> np.ndarray:
        """The net's targets: labels int64 (rows,), or numbers float32 (rows, 1)."""
        if self.classes is not None:
            return targets.labels(table, self.classes)
        numbers = targets.numbers(table)
        y = scaled(numbers[:, None], self.target_scale)
        for row, _ in np.argwhere(~np.isfinite(y)):
            place = f"{table.place(row)}, {table.target!r}"
            raise DataError(explain(place, "a number that float32 holds", numbers[row]))
        return y

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """The outputs of a regression (rows, 1) in the target's own unit, float64 (rows,)."""
        y = outputs[:, 0].astype(np.float64)
        if self.target_scale is not None:
            y = y * self.target_scale.sd + self.target_scale.mean
        return y


def scaled(x: np.ndarray, scale: Scale | None) -> np.ndarray:
    """z as float32, infinite if float32 cannot hold it; x itself without a scale."""
    with np.errstate(over="ignore", invalid="ignore"):
        z = x if scale is None else (x - scale.mean) / scale.sd
        return z.astype(np.float32)


def from_0_to_1(x: np.ndarray) -> np.ndarray:
    """Pixels as numbers from 0 to 1; numbers unchanged."""
    return x.astype(np.float32) / 255 if x.dtype == np.uint8 else x
