"""The experiment 'advice': who runs where, and what is kept of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..bench import Bench
from ..trainings import reached
from .advice_measured import (
    CONTESTANTS,
    OPTIMIZERS,
    STARTS,
    entry,
    learn,
    parameters,
    products,
    tune,
)

Tuned = dict[str, dict[str, dict[str, Any]]]  # by situation and name
TIMES = (0.25, 1.0, 4.0)  # the best rate
RASH = "ReLU at 4 times its rate"


def situation(net: str, optimizer: str) -> str:
    """A net and an optimiser."""
    return f"{net}, {optimizer}"


def tuned_in(
    bench: Bench, nets: Sequence[str], names: Sequence[str], epochs: int,
    earlier: Tuned | None = None,
) -> Tuned:  # fmt: skip
    """In each situation each activation's rate and weight decay. With those of an `earlier` data
    set the decay is that, and only the rate is tuned, beginning with that."""
    places = [(situation(net, one), name) for net in nets for one in OPTIMIZERS for name in names]
    arguments = []
    for where, name in places:
        net, optimizer = where.split(", ")
        begin = OPTIMIZERS[optimizer]
        if earlier is not None:
            found = earlier[where][name]
            begin = {"rate": found["rate"], "decays": [found["decay"]]}
        arguments.append(
            {**entry(name, net), "optimizer": optimizer, **begin,
             "seeds": bench.scale.for_tuning(2), "epochs": epochs}
        )  # fmt: skip
    tuned: Tuned = {}
    for (where, name), one in zip(places, bench.cells(tune, arguments), strict=True):
        tuned.setdefault(where, {})[name] = one
    return tuned


def at_best(
    tuned: Tuned, where: str, name: str, seeds: list[int], epochs: int, times: float = 1.0,
    start: str = "own gain",
) -> dict[str, Any]:  # fmt: skip
    """The arguments of `learn` with the tuned rate, or some times it, and the tuned decay."""
    net, optimizer = where.split(", ")
    best = tuned[where][name]
    return {
        **entry(name, net), "optimizer": optimizer, "start": start, "rate": times * best["rate"],
        "decay": best["decay"], "seeds": seeds, "epochs": epochs,
    }  # fmt: skip


def results(bench: Bench, tuned: Tuned, seeds: list[int], epochs: int) -> dict[str, Any]:
    """The tuned rates; in each situation each activation's test errors, and those of ReLU at four
    times its rate; the share of the training that it took to ReLU's loss half way; how many runs
    diverged, and the seconds of a run."""
    places = [(where, name) for where, ones in tuned.items() for name in [*ones, RASH]]
    arguments = [
        at_best(tuned, where, "ReLU", seeds, epochs, times=4)
        if name == RASH
        else at_best(tuned, where, name, seeds, epochs)
        for where, name in places
    ]
    runs = dict(zip(places, bench.cells(learn, arguments), strict=True))
    found: dict[str, Any] = {"errors": {}, "steps": {}, "diverged": {}, "seconds": {}}
    for (where, name), one in runs.items():
        base = runs[where, "ReLU"]["curves"]
        pairs = zip(one["curves"], base, strict=True)
        of = {**one, "steps": [time_to_half_way(curve, relu) for curve, relu in pairs]}
        for what, by_situation in found.items():
            by_situation.setdefault(where, {})[name] = of[what]
    return {"tuned": tuned, **found}


def time_to_half_way(curve: Sequence[float | None], base: Sequence[float | None]) -> float | None:
    """The share of the training after which the loss is that of another curve half way; None if it
    never is. A part's mean stands at its middle.

    >>> time_to_half_way([4.0, 3.0, 2.0, 1.0], [4.0, 3.0, 2.0, 1.0])
    0.5
    >>> time_to_half_way([4.0, 2.5, 1.0, 1.0], [4.0, 3.0, 2.0, 1.0])
    0.375
    """
    middles = (np.arange(len(base)) + 0.5) / len(base)
    if None in base:
        return None
    target = float(np.interp(0.5, middles, np.array(base, float)))
    known = [loss for loss in curve if loss is not None]
    time = reached(middles.tolist(), known, target)
    return None if time is None else round(time, 4)


def choices(
    bench: Bench, tuned: Tuned, where: str, errors: dict[str, list[float]], seeds: list[int],
    epochs: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Each activation at each of the rates and from each of the starts: the test errors. Those at
    the best rate from the own start are there already, in `errors`."""
    places = [(name, times, start) for name in tuned[where] for times in TIMES for start in STARTS]
    missing = [place for place in places if place[1:] != (1.0, "own gain")]
    arguments = [
        at_best(tuned, where, name, seeds, epochs, times, start) for name, times, start in missing
    ]
    runs = {
        place: one["errors"]
        for place, one in zip(missing, bench.cells(learn, arguments), strict=True)
    }
    return [
        {"activation": place[0], "times": place[1], "start": place[2],
         "errors": runs.get(place, errors[place[0]][: len(seeds)])}
        for place in places
    ]  # fmt: skip


def costs(name: str, net: str) -> dict[str, int]:
    """The dense layers' parameters, and the multiply-adds of an image."""
    pieces = CONTESTANTS.get(name, ("", {}))[1].get("pieces", 1)
    sizes = entry(name, net)["sizes"]
    return {"parameters": parameters(sizes, pieces), "products": products(sizes, pieces)}
