"""The pictures and tables of the experiment 'advice'."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.errors import some

from ..charts import Chart, Intervals, Matrix, Row, Table
from ..ranking import Ranked, ranking
from ..rules import is_above
from ..statistics import Interval
from ..words import count, listed, ratio
from .advice_judged import against_relu, means, parts, situations_of
from .advice_league import RASH
from .advice_shares import SHARES, VIEWS, runs_of, with_range

MARGIN = 0.05
NAMED = 4  # of those beside the best, in a sentence


def pictures(numbers: dict[str, Any]) -> list[Chart]:
    """Advice, rankings on each data set, the choices beside each other, the tuning."""
    situations = situations_of(numbers)
    sets = numbers["sets"]
    first, *others = [
        chart for name, found in sets.items() for chart in league(numbers, name, found)
    ]
    return [
        first,
        advice(sets, situations),
        *others,
        holding(sets, situations),
        shares_table(numbers["choices"]),
        *[tuning_table(name, found["tuned"]) for name, found in sets.items()],
    ]


def advice(sets: Mapping[str, Any], situations: Sequence[str]) -> Table:
    """A sentence for each situation."""
    return Table(
        "Advice",
        ["situation", "what to take"],
        [
            [f"{where}, {name}", sentence(found["errors"], where)]
            for name, found in sets.items()
            for where in situations
        ],
        "The first has the fewest errors. To leave alone are those whose errors are shown to be "
        "more than 5 % above ReLU's, here with the factor.",
    )


def sentence(errors: Mapping[str, Any], where: str) -> str:
    """What the numbers of a situation advise."""
    ratios = against_relu(errors, [where])
    ranked = ranking(contestants(errors, [where]))
    worse = [one.name for one in reversed(ranked) if costs_more(ratios, one.name)]
    best, *others = [
        one.name
        for one in ranked
        if set(one.groups) & set(ranked[0].groups) and one.name not in worse
    ]
    beside = f"; not shown to differ from it: {some(others, NAMED)}" if others else ""
    alone = [f"{one} ({ratios[one].value:.2f})" for one in worse]
    rate = (
        f"four times ReLU's best rate costs {ratios[RASH].value:.2f} times the errors"
        if costs_more(ratios, RASH)
        else "four times ReLU's best rate is not shown to cost errors"
    )
    leave = f"leave {listed(alone)} alone" if alone else "none is shown to be worse than ReLU"
    return f"Take {best}{beside}; {leave}; {rate}."


def costs_more(ratios: Mapping[str, Interval], name: str) -> bool:
    """Whether the errors are shown to be more than ReLU's, by more than the margin."""
    return name != "ReLU" and is_above(ratios[name], 1 + MARGIN) is True


def contestants(errors: Mapping[str, Any], situations: Sequence[str]) -> dict[str, list[float]]:
    """The logarithms of the errors over these situations, by seed, of those that are ranked."""
    found = means(errors, situations)
    return {name: np.log(values).tolist() for name, values in found.items() if name != RASH}


def league(numbers: dict[str, Any], name: str, found: dict[str, Any]) -> list[Chart]:
    """The rankings on a data set."""
    errors, situations = found["errors"], situations_of(numbers)
    ranked = ranking(contestants(errors, situations))
    return [
        Intervals(
            f"{name}: test error over all situations", "times ReLU's error",
            [Row(one, *interval) for one, interval in by_error(against_relu(errors, situations))],
            "The best on top. Left of 1 is better than ReLU; the intervals hold at once.",
            reference=1.0, log=True, same=(1 / (1 + MARGIN), 1 + MARGIN),
        ),
        overall(numbers, name, found, ranked),
        Matrix(
            f"{name}: test error in each situation, times ReLU's",
            [one.name for one in ranked], situations,
            [[value_against(errors, where, one.name) for where in situations] for one in ranked],
            "Sorted by the errors over all situations. Below 1 is better than ReLU; colours are "
            "full from 0.5 away.",
            corner="activation", middle=1.0, limit=0.5,
        ),
        places(name, errors, situations, ranked),
    ]  # fmt: skip


def by_error(ratios: Mapping[str, Interval]) -> list[tuple[str, Interval]]:
    """From the fewest errors to the most."""
    return sorted(ratios.items(), key=lambda pair: pair[1].value)


def value_against(errors: Mapping[str, Any], where: str, name: str) -> float:
    """The geometric mean of the errors in units of ReLU's."""
    return float(np.exp(np.mean(np.log(errors[where][name]) - np.log(errors[where]["ReLU"]))))


def overall(
    numbers: dict[str, Any], name: str, found: dict[str, Any], ranked: Sequence[Ranked]
) -> Table:
    """The table of the league."""
    situations = situations_of(numbers)
    ratios = against_relu(found["errors"], situations)
    rows = []
    for one in ranked:
        against = "1" if one.name == "ReLU" else ratio(ratios[one.name])
        diverged = sum(found["diverged"][where][one.name] for where in situations)
        rows.append(
            [
                one.name, place(one), one.groups, against,
                count(steps_against(found["steps"], situations, one.name), 2),
                *[count(cost_against(numbers["costs"], one.name, what), 2)
                  for what in ("parameters", "products")],
                count(seconds_against(found["seconds"], situations, one.name), 2), str(diverged),
            ]
        )  # fmt: skip
    return Table(
        f"The league of {name}",
        ["activation", "place", "group", "test error", "steps", "parameters", "multiply-adds",
         "seconds", "diverged"],
        rows,
        "Over all situations. The places hold for all activations at once with 95 %; those who "
        "share a letter are not shown to differ. Error, steps to ReLU's loss half way, costs and "
        "seconds are in units of ReLU's, geometric means; runs that never get there count with "
        "their whole training. Seconds are not judged.",
    )  # fmt: skip


def place(one: Ranked) -> str:
    """The places that it may have."""
    return str(one.first) if one.first == one.last else f"{one.first} to {one.last}"


def steps_against(steps: Mapping[str, Any], situations: Sequence[str], name: str) -> float | None:
    """The geometric mean over situations and seeds of the steps in units of ReLU's."""
    pairs = [
        (1.0 if mine is None else mine, base)
        for where in situations
        for mine, base in zip(steps[where][name], steps[where]["ReLU"], strict=True)
        if base is not None
    ]
    return geometric([mine / base for mine, base in pairs])


def cost_against(costs: Mapping[str, Any], name: str, what: str) -> float | None:
    """The geometric mean over the nets."""
    return geometric([of[name][what] / of["ReLU"][what] for of in costs.values()])


def seconds_against(
    seconds: Mapping[str, Any], situations: Sequence[str], name: str
) -> float | None:
    """The geometric mean over the situations."""
    return geometric([seconds[where][name] / seconds[where]["ReLU"] for where in situations])


def geometric(values: Sequence[float]) -> float | None:
    """The geometric mean; None of nothing."""
    return float(np.exp(np.mean(np.log(values)))) if values else None


def places(
    name: str, errors: Mapping[str, Any], situations: Sequence[str], order: Sequence[Ranked]
) -> Table:
    """The places in each situation."""
    found = {
        where: {one.name: one for one in ranking(contestants(errors, [where]))}
        for where in situations
    }
    return Table(
        f"{name}: places in each situation",
        ["activation", *situations],
        [
            [one.name, *[f"{place(at := found[where][one.name])} {at.groups}"
                         for where in situations]]
            for one in order
        ],
        "With the letters of groups; those of a column hold at once.",
    )  # fmt: skip


def holding(sets: Mapping[str, Any], situations: Sequence[str]) -> Table:
    """The advice's parts in each situation."""
    columns = [(name, where) for name in sets for where in situations]
    found = [parts(against_relu(sets[name]["errors"], [where]), MARGIN) for name, where in columns]
    words = {True: "holds", False: "fails", None: "open"}
    return Table(
        "The advice's parts in each situation",
        ["situation", *found[0]],
        [
            [f"{where}, {name}", *[words[holds] for holds in one.values()]]
            for (name, where), one in zip(columns, found, strict=True)
        ],
        "By the same margin of 5 %; the ratios of a situation hold at once. The verdict is that "
        "over all situations.",
    )


def shares_table(choices: Mapping[str, Any]) -> Table:
    """How much each choice matters."""
    rows = []
    for title, takes_part in VIEWS.items():
        for optimizer, found in choices.items():
            runs = [run for run in runs_of(found) if takes_part(run)]
            if len({activation for activation, *_ in runs}) > 2:  # so that one can be left out
                shares = [spread(share) for share in with_range(runs).values()]
                rows.append([f"{title}, {optimizer} ({len(runs)})", *shares])
    return Table(
        "How much each choice matters",
        ["runs", *SHARES],
        rows,
        "Shares of the variance of the logarithm of the test error; in brackets the least and the "
        "largest share if one activation is left out. Combinations: what the three choices do "
        "together beyond the sum of their effects.",
    )


def spread(share: Interval) -> str:
    """A share with its range."""
    value, low, high = (f"{100 * one + 0.0:.0f}" for one in share)
    return f"{value} % ({low} to {high})"


def tuning_table(name: str, tuned: Mapping[str, Any]) -> Table:
    """The tuned rates and weight decays."""
    situations = [*tuned]
    names = [*tuned[situations[0]]]
    return Table(
        f"{name}: tuned rates and weight decays",
        ["activation", *situations],
        [[name, *[chosen(tuned[where][name]) for where in situations]] for name in names],
        "Rate, and weight decay. A star: the best rate had no neighbour on one side when the "
        "budget was spent.",
    )


def chosen(one: Mapping[str, Any]) -> str:
    """Rate and decay."""
    return f"{one['rate']:g}{'' if one['is_interior'] else '*'}, {one['decay']:g}"
