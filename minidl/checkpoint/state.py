"""The part of a checkpoint besides arrays: JSON that comes back unchanged.

Python's JSON is exact for whole numbers up to the largest float, and writes the shortest decimal
form of a float that gives the same float again. It writes NaN and infinities as NaN, Infinity and
-Infinity, Python's extension of the format.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, explain

DEPTH = 100  # the most levels of lists and dicts; a file adds two around them


def to_json(operation: str, state: Mapping[str, Any]) -> str:
    """`state` as ASCII; ArgumentError or DTypeError if it would not come back unchanged.

    >>> to_json("save", {"epoch": 3, "losses": [0.1, float("inf")]})
    '{"epoch":3,"losses":[0.1,Infinity]}'
    """
    if not isinstance(state, Mapping):
        raise DTypeError(explain(operation, "state to be a dict", type(state).__name__))
    _check(operation, "state", dict(state), 0)
    return json.dumps(dict(state), separators=(",", ":"))


def _check(operation: str, place: str, value: Any, depth: int) -> None:
    if depth > DEPTH:
        raise ArgumentError(
            explain(operation, f"state of at most {DEPTH} levels", f"more, at {place[:60]}...")
        )
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise DTypeError(
                    explain(operation, f"the keys of {place} to be strings", repr(key), "str(key)")
                )
            _check(operation, f"{place}[{key!r}]", inner, depth + 1)
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            _check(operation, f"{place}[{i}]", inner, depth + 1)
    elif isinstance(value, int) and abs(value) > sys.float_info.max:
        got = f"one of {value.bit_length()} bits"
        raise ArgumentError(explain(operation, f"{place} to be a number that fits a float", got))
    elif value is not None and not isinstance(value, (str, int, float)):
        raise DTypeError(
            explain(
                operation,
                f"{place} to be a number, a string, a truth value, None, a list or a dict",
                type(value).__name__,
                ".item()" if isinstance(value, np.generic) else "arrays go with the arrays",
            )
        )
