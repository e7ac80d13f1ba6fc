"""What a results file holds: `results.json`, of which the report is made."""

from typing import Any

from .scale import Scale

CELL: dict[str, Any] = {"what": str, "arguments": dict, "seconds": float, "result": dict}
EXPERIMENT: dict[str, Any] = {
    "verdict": {"outcome": str, "words": str, "numbers": str},
    "numbers": dict,
    "seconds": float,
    "cells": [CELL],
}
SHAPE: dict[Any, Any] = {
    "minidl": str,
    "numpy": str,
    "python": str,
    "processor": str,
    "cpus": object,
    "threads": int,
    "level": str,
    "date": str,
    "scale": Scale.__annotations__,
    "added": [str],
    "experiments": {...: EXPERIMENT},
}


def wrong(value: Any, shape: Any = SHAPE, place: str = "results") -> str:
    """The first place that is not as the shape says, in words; "" if there is none.

    A shape is a type, a list with the shape of what is in a list, or a dict with a shape for each
    key that has to be there; one for `...` is that of all values.

    >>> wrong({"seconds": [1, "two"]}, {"seconds": [float]})
    "results['seconds'][1] = 'two'"
    """
    kind: Any = shape if isinstance(shape, type) else type(shape)
    allowed: Any = (int, float) if kind is float else kind
    if not isinstance(value, allowed):
        return f"{place} = {value!r}"[:100]
    parts: list[tuple[Any, Any]] = []
    if kind is list and kind is not shape:
        parts = [(i, shape[0]) for i in range(len(value))]
    elif kind is dict and kind is not shape:
        parts = [(key, shape[...]) for key in value] if ... in shape else [*shape.items()]
    for key, its in parts:
        if kind is dict and key not in value:
            return f"{place} without {key!r}"
        if found := wrong(value[key], its, f"{place}[{key!r}]"):
            return found
    return ""
