"""How a verdict follows from numbers.

A rule is an experiment's method `judge`, a pure function of the measured numbers. Its limits are
its keyword parameters, and their defaults are those that decide:

    tried: ClassVar = {"margin": around(0.05), "level": LEVELS, "method": METHODS}

    def judge(self, numbers, margin=0.05, level=0.95, method="student"):
        ratios = {net: paired_ratio(one["sigmoid"], one["tanh"], len(NETS), level, method)
                  for net, one in numbers["errors"].items()}
        holds = {net: is_above(ratio, 1 + margin) for net, ratio in ratios.items()}
        return Verdict(outcome(holds), words, evidence, effect)

The experiment's `tried` has other values for every one of these limits, half and double as a rule:
the sensitivity table is what `judge` says with each of them. So the numbers hold what was measured
with each seed, and the intervals are taken in the rule. A margin is several per cent of what is
judged; what is left inside it, or reaches over it, is not called a difference. Intervals of one
family hold together (`comparisons`).

A part of a claim holds (True), does not (False), or is undecided (None).
"""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, NamedTuple

from .experiment import Experiment, Numbers, Outcome, Verdict

LEVELS = (0.9, 0.99)  # other levels of the intervals
METHODS = ("bootstrap",)  # another way to an interval

Interval = Sequence[float]  # value, low, high


def around(limit: float) -> tuple[float, float]:
    """The limit halved and doubled.

    >>> around(0.05)
    (0.025, 0.1)
    """
    return limit / 2, 2 * limit


def is_above(interval: Interval, limit: float) -> bool | None:
    """Whether a quantity is above the limit: None if its interval has the limit in it.

    >>> is_above((2.0, 1.5, 2.5), 1.0), is_above((2.0, 1.5, 2.5), 3.0), is_above((2.0, 1.5, 2.5), 2)
    (True, False, None)
    """
    _, low, high = interval
    if low > limit:
        return True
    return False if high < limit else None


def is_below(interval: Interval, limit: float) -> bool | None:
    """Whether a quantity is below the limit: None if its interval has the limit in it."""
    above = is_above(interval, limit)
    return None if above is None else not above


def is_inside(interval: Interval, low: float, high: float) -> bool | None:
    """Whether a quantity is between the limits: True if its whole interval is (a test of
    equivalence, Schuirmann 1987), False if its whole interval is outside, else None.

    >>> is_inside((1.0, 0.98, 1.02), 0.95, 1.05), is_inside((1.0, 0.9, 1.1), 0.95, 1.05)
    (True, None)
    """
    return every([is_above(interval, low), is_below(interval, high)])


def sided(ratio: Interval, margin: float) -> str:
    """Where a ratio lies: "larger" or "smaller" than 1 by more than the margin, "equal" within it,
    "undecided" if its interval reaches over one of the ends.

    >>> sided((1.2, 1.1, 1.3), 0.05), sided((1.0, 0.98, 1.02), 0.05), sided((1.1, 1.0, 1.2), 0.05)
    ('larger', 'equal', 'undecided')
    """
    if is_above(ratio, 1 + margin):
        return "larger"
    if is_below(ratio, 1 / (1 + margin)):
        return "smaller"
    return "equal" if is_inside(ratio, 1 / (1 + margin), 1 + margin) else "undecided"


def every(parts: Sequence[bool | None]) -> bool | None:
    """Whether all hold: False if one does not, None if none fails but one is undecided.

    >>> every([True, True]), every([True, None]), every([None, False])
    (True, None, False)
    """
    if False in parts:
        return False
    return None if None in parts else True


def outcome(cases: Mapping[Any, bool | None]) -> Outcome:
    """The verdict on a claim that is to hold in all cases, by whether it holds in each: in all,
    it is reproduced; in some but not in others, it is true only when it is one of those; in none,
    where it fails in one at least, it is not reproduced; else it is undecided.

    >>> outcome({"a": True, "b": False}), outcome({"a": True, "b": None})
    ('true only when', 'undecided')
    """
    holds = [*cases.values()]
    if all(holds):
        return "reproduced"
    if False in holds:
        return "true only when" if True in holds else "not reproduced"
    return "undecided"


class Tried(NamedTuple):
    """A verdict under another limit."""

    limit: str
    usual: Any
    value: Any
    verdict: Verdict


def sensitivity(experiment: Experiment, numbers: Numbers) -> list[Tried]:
    """What the rule says if one of its limits is another."""
    judge: Callable[..., Verdict] = experiment.judge
    usual = limits(experiment)
    return [
        Tried(name, usual[name], value, judge(numbers, **{name: value}))
        for name, values in experiment.tried.items()
        for value in values
    ]


def too_small(experiment: Experiment) -> tuple[float, float]:
    """The ratios between which the rule counts no difference: within its margin."""
    margin = limits(experiment)["margin"]
    return 1 / (1 + margin), 1 + margin


def limits(experiment: Experiment) -> dict[str, Any]:
    """The limits of the rule, by name."""
    parameters = [*signature(experiment.judge).parameters.values()][1:]
    return {one.name: one.default for one in parameters}
