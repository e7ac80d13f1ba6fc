"""NumPy's functions, tried on a tensor that wants a gradient; the trial is that of the tests."""

from collections.abc import Iterator

import numpy_functions_tried as trial
from verdicts import REFUSED, RIGHT, WRONG, Case, Part

VERDICT_ON = {
    trial.RIGHT: RIGHT,
    trial.NO_GRADIENT: RIGHT,
    trial.BY_FLOAT: RIGHT,
    trial.REFUSED: REFUSED,
    trial.UNCLEAR: WRONG,
    trial.LOST: WRONG,
    trial.WRONG: WRONG,
}


def cases(short: bool) -> Iterator[Case]:
    """Every function, in the shortened form too; `why` has the name of those that take part."""
    for name, outcome in trial.tried():
        why = f"`{name}`" if outcome in (trial.RIGHT, trial.BY_FLOAT) else ""
        yield Case(outcome, name, VERDICT_ON[outcome], why)


PART = Part(
    "NumPy functions",
    "Every public function, ufunc method and array method of NumPy that takes an array is called "
    "with a tensor that wants a gradient instead, in many forms of arguments; the worst outcome "
    "counts. Either the values are NumPy's and the gradient agrees with central differences, or "
    "the call is refused and the error says what to do. The list names those that are not "
    "refused.",
    "outcome",
    ("numpy",),
    cases,
)
