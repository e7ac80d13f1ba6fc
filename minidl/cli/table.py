"""`Table`: rows of data as they were read, before they are prepared for a net."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Table(NamedTuple):
    """Inputs, and a target as text; row i came from `unit` number places[i] of the source."""

    source: str
    x: np.ndarray  # (rows, columns): float64, or uint8 for pixels
    columns: list[str] | None  # None: only their places are known
    target: str | None  # its name
    values: list[str] | None  # the target's cells
    unit: str
    places: Sequence[int]
    look: str  # how the source was read, in words
    left_out: Sequence[str] = ()  # columns of the source

    @property
    def is_pixels(self) -> bool:
        """Whether the inputs are pixels from 0 to 255."""
        return self.x.dtype == np.uint8

    def place(self, row: int) -> str:
        """Where a row came from, for a message."""
        return f"{self.source}: {self.unit} {self.places[row]}"

    def column(self, i: int) -> str:
        """The name of a column, for a message."""
        return f"column {self.columns[i]!r}" if self.columns else f"column {i}"
