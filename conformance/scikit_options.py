"""The estimators' options drawn at random: scikit-learn's number of epochs, and its weights."""

from collections.abc import Iterator

from sklearn_option_sets import CLOSE, compared, drawn, moved_by_rounding
from verdicts import Case, LeftOut, Part, judge


def check(seed: int) -> None:
    """AssertionError unless both stop after the same epoch with the same weights."""
    theirs, ours, apart = compared(seed)
    assert ours == theirs, f"{ours} epochs, scikit-learn {theirs}"
    if apart >= CLOSE and moved_by_rounding(seed) >= CLOSE:
        raise LeftOut("scikit-learn's own weights move as far by the data's last bit")
    assert apart < CLOSE, f"weights differ by {apart}"


def cases(short: bool) -> Iterator[Case]:
    """500 sets of options, or 8."""
    for seed in range(8 if short else 500):
        kind, _, _, options = drawn(seed)
        yield judge(f"{kind}, {options['solver']}", f"seed {seed}", check, seed)


PART = Part(
    "scikit-learn's options",
    "Sets of options for `MLPClassifier` and `MLPRegressor` in float64, drawn at random from "
    "everything that the solvers sgd and adam take, with alpha from 1e-6 to 10. Right: `n_iter_` "
    "is equal, and no weight differs by more than 1e-7 of the largest.",
    "estimator, solver",
    ("scikit-learn",),
    cases,
)
