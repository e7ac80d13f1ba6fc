"""Results with another value planted in them, for the tests of the experiments' rules, and a scale
at which an experiment takes a second."""

from copy import deepcopy
from typing import Any

from minidl_lab import Scale

TINY = Scale("tiny", images=512, tests=256, seeds=2, tuning_seeds=1, share=0.05)


def changed(numbers: dict[str, Any], *path: str, value: Any) -> dict[str, Any]:
    """A copy of the numbers with this value at the end of the path."""
    numbers = deepcopy(numbers)
    place = numbers
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return numbers
