"""JSON that others may have written or changed: read strictly, or refused.

Python's own reader takes the last of two values of one name, reads 1e999 as infinity, and fails in
several ways for deep nesting and for numbers of many digits.
"""

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from .checks import is_number

DEPTH = 128  # the most levels of lists and dicts; Python fails at about 1000
SHOWN = 100  # the most characters of a message


def parse(text: str, shape: Any = object, place: str = "it", is_finite: bool = True) -> Any:
    """The value of a JSON text, if it has the given shape; `wrong` explains shapes.

    ValueError, which says what is wrong, for anything else: text that is not JSON, a name that
    occurs twice in a dict, a number that no float can hold, more than `DEPTH` levels; and for NaN
    and Infinity, Python's extension of the format, which `is_finite=False` allows.

    >>> parse('{"rows": [1, 2.5]}', {"rows": [float]})
    {'rows': [1, 2.5]}
    >>> parse("[1e999]")
    Traceback (most recent call last):
    ValueError: 1e999, which is more than a float can hold
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_float=partial(_number, float),
            parse_int=partial(_number, int),
            parse_constant=_refused if is_finite else float,
        )
        too_deep = _is_deeper(value, DEPTH)
    except RecursionError:
        too_deep = True
    if too_deep:
        raise ValueError(f"more than {DEPTH} levels of lists and dicts")
    if found := wrong(value, shape, place):
        raise ValueError(found)
    return value


def wrong(value: Any, shape: Any, place: str) -> str:
    """The first place that does not have the given shape, in words; "" if there is none.

    A shape is a type or a union of types, where float means any number, and truth values are not
    numbers; a list, with the shape of its items; or a dict with a shape for each required key, or
    with one for `...`, the shape of all values.

    >>> wrong({"seconds": [1, "two"]}, {"seconds": [float]}, "results")
    "results['seconds'][1] = 'two'"
    """
    parts: list[tuple[Any, Any]] = []
    if isinstance(shape, list):
        fits = isinstance(value, list)
        parts = [(i, shape[0]) for i in range(len(value))] if fits else []
    elif isinstance(shape, dict):
        fits = isinstance(value, dict)
        if fits:
            parts = [(key, shape[...]) for key in value] if ... in shape else [*shape.items()]
    else:
        fits = _fits(value, shape)
    if not fits:
        return f"{place} = {value!r}"[:SHOWN]
    for key, its in parts:
        if isinstance(value, dict) and key not in value:
            return f"{place} without {key!r}"
        if found := wrong(value[key], its, f"{place}[{key!r}]"):
            return found
    return ""


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a type."""
    if kind is float:
        return is_number(value)
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))


def _number(kind: Callable[[str], float], text: str) -> float:
    """The number; ValueError if a float cannot hold it, also for whole numbers."""
    if math.isinf(float(text)):
        raise ValueError(f"{text[:20]}, which is more than a float can hold")
    return kind(text)


def _refused(text: str) -> float:
    raise ValueError(f"{text}, which is not a number")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise ValueError(f"{name!r} occurs twice")
        result[name] = value
    return result


def _is_deeper(value: Any, depth: int) -> bool:
    """Whether lists and dicts are nested more than `depth` deep."""
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, (list, dict))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(inner, (list, dict)) for inner in level)
