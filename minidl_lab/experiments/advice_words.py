"""How the verdict of the experiment 'advice' is told."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..experiment import Outcome
from ..statistics import Interval
from ..words import listed, of_100, parts_in_words, ratio
from .advice_judged import RASH, TO_TRY, against_relu, parts

TOLD = ("maxout", "tanh", "sigmoid")  # in the effect, and in short


def in_words(outcome: Outcome, holds: Mapping[str, bool | None]) -> str:
    """The parts of the advice; after "true only when" as a condition."""
    words = parts_in_words(holds)
    return f"it is taken apart ({words})" if outcome == "true only when" else words


def told(name: str, ratios: Mapping[str, Interval]) -> str:
    """The ratios that were judged and are not in the effect, and the best of the others."""
    judged = (*TO_TRY, RASH)
    others = [one for one in ratios if one not in (*judged, *TOLD)]
    best = min(others, key=lambda one: ratios[one].value)
    each = [f"{one} {ratio(ratios[one])}" for one in (*judged, best) if one not in TOLD]
    return f"On {name} also {listed(each[:-1])}; of the others {each[-1]}."


def difference(found: Mapping[str, Mapping[str, bool | None]]) -> str:
    """Where the parts fare otherwise on the second data set than on the first."""
    first, *second = found
    if not second:
        return f"There was no second data set: this is of {first} alone."
    words = {True: "holds", False: "fails", None: "is open"}
    differ = [
        f"'{part}' {words[holds]}, and {words[other]} on {first}"
        for part, other in found[first].items()
        if (holds := found[second[0]][part]) is not other
    ]
    if not differ:
        return f"On {second[0]} each part fares as on {first}."
    return f"On {second[0]} it is not the same: {'; '.join(differ)}."


def counted(
    sets: Mapping[str, Mapping[str, Any]], situations: Sequence[str], margin: float, level: float,
    method: str,
) -> str:  # fmt: skip
    """In how many situations each part holds and fails; there its ratios hold at once."""
    found = [
        parts(against_relu(errors, [where], 1, level, method), margin)
        for errors in sets.values()
        for where in situations
    ]
    holds, fails = (
        listed([str([one[part] for one in found].count(state)) for part in found[0]])
        for state in (True, False)
    )
    return (
        f"In the {len(found)} single situations the advice's parts, in the order of their "
        f"table, hold {holds} times and fail {fails} times."
    )


def effect(ratios: Mapping[str, Mapping[str, Interval]]) -> str:
    """What the advice's own cases cost, on each data set."""
    each = [
        f"{listed([ratio(one[name]) for name in TOLD])} times ReLU's errors on {where}"
        for where, one in ratios.items()
    ]
    return f"Over the situations {listed(TOLD)} make {'; '.join(each)}."


def mistakes(ratios: Mapping[str, Mapping[str, Interval]]) -> str:
    """What ReLU's 100 mistakes are with others, on each data set."""
    each = [
        f"{listed([f'{one} {of_100(of[one].value)}' for one in TOLD])} on {name}"
        for name, of in ratios.items()
    ]
    return f"Where ReLU makes 100 mistakes, the others make: {'; '.join(each)}."
