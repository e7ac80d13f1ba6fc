"""What a row of the benchmark is."""

from collections.abc import Callable
from typing import NamedTuple

from outcome import Outcome
from turns import Bench


class Row(NamedTuple):
    """Something to measure: `title` and `about` explain it, `measure` does it.

    The name is for the command line. `measure` gets the name, for the record.
    """

    name: str
    title: str
    about: str
    measure: Callable[[Bench, str], list[Outcome]]
