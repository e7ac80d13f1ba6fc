"""Tables in memory: dicts of columns, and data frames of pandas, polars and pyarrow."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ..errors import DataError, explain
from .raw import Raw, Values, rows_of
from .words import Words


def is_frame(source: Any) -> bool:
    """Whether this is a data frame, of pandas, polars or pyarrow."""
    return hasattr(source, "columns") or hasattr(source, "column_names")


class Frame:
    """A dict or a data frame, as `TextFile` is a text file."""

    def __init__(self, frame: Any, source: str = "table") -> None:
        names = getattr(frame, "column_names", None)  # of pyarrow
        if names is None:
            names = frame if isinstance(frame, Mapping) else frame.columns
        keys = list(names)
        self.frame, self.source, self.names = frame, source, list(map(str, keys))
        self.keys = dict(zip(self.names, keys, strict=True))
        if len(self.keys) < len(keys):
            raise DataError(explain(source, "a name of its own for each column", self.names))

    def read(self, skipped: Collection[str] = (), as_text: Collection[str] = ()) -> Raw:
        """The columns but the skipped ones; numbers as they are, unless they are in `as_text`, and
        anything else as text."""
        columns = {
            name: self.values(name, as_text) for name in self.names if name not in skipped
        }  # fmt: skip
        sizes = {rows_of(column) for column in columns.values()}
        if len(sizes) != 1 or 0 in sizes:
            got = f"lengths {sorted(sizes)}"
            raise DataError(explain(self.source, "columns of one length, above 0", got))
        module = type(self.frame).__module__.partition(".")[0]
        look = "a dict" if isinstance(self.frame, Mapping) else f"a table of {module}"
        return Raw(self.source, columns, "row", np.arange(sizes.pop()), look)

    def values(self, name: str, as_text: Collection[str]) -> Values:
        """A column's numbers, or its cells as texts."""
        place = f"{self.source}: column {name!r}"
        try:
            array = np.asarray(self.frame[self.keys[name]])
        except ValueError as error:
            raise DataError(explain(place, "one cell for each row", error)) from None
        if array.ndim != 1:
            raise DataError(explain(place, "one cell for each row", f"an array {array.shape}"))
        if array.dtype.kind in "iuf" and name not in as_text:
            numbers = array.astype(np.float64)
            for row in np.flatnonzero(np.isinf(numbers)).tolist():
                raise DataError(explain(f"{place}, row {row}", "a number", numbers[row]))
            return numbers
        if array.dtype.kind == "M":
            array = np.datetime_as_string(array.astype("M8[s]"))
        cells = array.tolist()
        for row, cell in enumerate(cells):
            if isinstance(cell, (list, tuple, dict, set, bytes)):
                expected = "a number, a text or a date"
                raise DataError(explain(f"{place}, row {row}", expected, repr(cell)))
        return Words.of(map(str, cells))
