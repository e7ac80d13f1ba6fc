"""Checks of a user's values: what counts as a number, a weight or a path; and of a user's changes
to methods."""

import os
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import ArgumentError, explain

Class = TypeVar("Class", bound=type)

# The original methods of classes whose work a kernel may do in their place.
_DECLARED: dict[type, dict[str, Any]] = {}


def is_number(value: Any) -> bool:
    """Whether `value` is a real number, NaN and infinity included; True and False are not.

    >>> is_number(1), is_number(np.float32(0.5)), is_number(True), is_number("1")
    (True, True, False, False)
    """
    return isinstance(value, (float, int, np.floating, np.integer)) and not isinstance(value, bool)


def is_whole(value: Any, least: int) -> bool:
    """Whether `value` is a whole number, `least` or more; True and False are not.

    >>> is_whole(3, 1), is_whole(0, 1), is_whole(3.0, 1)
    (True, False, False)
    """
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_integer and bool(value >= least)


def not_negative(operation: str, name: str, array: np.ndarray) -> np.ndarray:
    """The array; ArgumentError if a number in it is negative, infinite or NaN."""
    if array.size and not (array.min() >= 0 and array.max() < np.inf):
        wrong = ~((array >= 0) & (array < np.inf))
        at = np.unravel_index(int(wrong.argmax()), array.shape)
        place = f" at index {', '.join(map(str, at))}" if at else ""
        raise ArgumentError(
            explain(operation, f"{name} of finite numbers from 0 up", f"{array[at]}{place}")
        )
    return array


def to_path(operation: str, value: Any) -> Path:
    """`value` as a path; ArgumentError if it cannot be one."""
    try:
        return Path(os.fsdecode(value))
    except TypeError:
        raise ArgumentError(explain(operation, "a path", repr(value))) from None


def declared(kind: Class) -> Class:
    """Decorates a class whose work a kernel may do in its place, so that `runs_as` knows it."""
    _DECLARED[kind] = {name: getattr(kind, name) for name in dir(kind)}
    return kind


def runs_as(value: Any, kind: type, *methods: str) -> bool:
    """Whether these methods of `value` are the ones that the class `kind` was defined with. Then a
    kernel may do their work. Else a subclass, a change of the class or of the object has replaced
    them.

    >>> from minidl import nn
    >>> layer = nn.Dense(2, 3)
    >>> runs_as(layer, nn.Dense, "forward")
    True
    >>> layer.forward = print
    >>> runs_as(layer, nn.Dense, "forward")
    False
    """
    known, own, its_class = _DECLARED[kind], vars(value), type(value)
    for name in methods:  # noqa: SIM110  # all() would take half as long again
        if name in own or getattr(its_class, name) is not known[name]:
            return False
    return True


def check_size(operation: str, name: str, value: Any) -> int:
    """`value` as an int; ArgumentError unless it is a whole number from 1 up."""
    if not is_whole(value, 1):
        raise ArgumentError(explain(operation, f"{name}: a whole number from 1 up", repr(value)))
    return int(value)
