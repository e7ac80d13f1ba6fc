"""What counts as a number, or as a path, when a user gives one."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ArgumentError, explain


def is_number(value: Any) -> bool:
    """Whether `value` is a real number, NaN and the infinities included; a truth value is none.

    >>> is_number(1), is_number(np.float32(0.5)), is_number(True), is_number("1")
    (True, True, False, False)
    """
    return isinstance(value, (float, int, np.floating, np.integer)) and not isinstance(value, bool)


def is_whole(value: Any, least: int) -> bool:
    """Whether `value` is a whole number, `least` or more; a truth value is none.

    >>> is_whole(3, 1), is_whole(0, 1), is_whole(3.0, 1)
    (True, False, False)
    """
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_integer and bool(value >= least)


def to_path(operation: str, value: Any) -> Path:
    """`value` as a path; ArgumentError if it is none."""
    try:
        return Path(os.fsdecode(value))
    except TypeError:
        raise ArgumentError(explain(operation, "a path", repr(value))) from None
