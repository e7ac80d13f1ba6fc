"""What was understood about the data, in a line, and warnings of what is doubtful in it."""

import warnings
from collections import defaultdict

import numpy as np

from ..errors import GuardWarning, explain, some
from .preparation import Preparation
from .table import Table
from .text import counted, one_line


def understood(table: Table, preparation: Preparation, of_task: str = "") -> str:
    """Rows, columns, how they were read, the target, and the options that say otherwise; `of_task`
    is the option for the target, if there is one."""
    kind = "pixels" if table.is_pixels else "numbers"
    names = f": {some(table.columns)}" if table.columns else ""
    parts = [
        f"{table.source}: {counted(len(table.x), 'row')}",
        f"{counted(table.x.shape[1], 'column')} of {kind}{names}",
        table.look,
    ]
    if table.left_out:
        parts.append(f"without {some(table.left_out)}")
    if table.values is not None:
        classes = preparation.classes
        what = "numbers" if classes is None else f"{len(classes)} classes: {some(classes)}"
        parts.append(f"target {table.target!r}, {what}{of_task and f' ({of_task})'}")
    return one_line("; ".join(parts))


def warn_of_doubts(table: Table, rows: np.ndarray, preparation: Preparation) -> None:
    """Warns of what a net learns badly from these rows of a table: a column that does not vary,
    classes with one row or none, and classes that differ only like a slip of the pen."""
    if not table.is_pixels:
        still = np.flatnonzero((table.x[rows] == table.x[rows[0]]).all(axis=0))
        if len(still):
            got = f"the same number in all rows of {some([table.column(int(i)) for i in still])}"
            warn(table, "inputs that vary in the rows to train with", got, "--ignore")
    if preparation.classes is None:
        return
    counts = np.bincount(preparation.y(table)[rows], minlength=preparation.outputs)
    names = [name for name, n in zip(preparation.classes, counts, strict=True) if n < 2]
    if names:
        warn(table, "two rows or more of each class to train with", f"fewer of {some(names)}")
    alike = defaultdict(list)
    for name in preparation.classes:
        alike[" ".join(name.casefold().split())].append(name)
    names = [repr(name) for group in alike.values() if len(group) > 1 for name in group]
    if names:
        warn(table, "one spelling of each class", f"{some(names)} as classes of their own")


def warn(table: Table, expected: str, got: str, hint: str = "") -> None:
    """A warning about a table."""
    warnings.warn(explain(table.source, expected, got, hint), GuardWarning, stacklevel=3)
