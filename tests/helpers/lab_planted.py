"""Results with another value planted in them, for the tests of the experiments' rules."""

from copy import deepcopy
from typing import Any


def changed(numbers: dict[str, Any], *path: str, value: Any) -> dict[str, Any]:
    """A copy of the numbers with this value at the end of the path."""
    numbers = deepcopy(numbers)
    place = numbers
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return numbers
