"""What the experiment 'maxout' makes of its numbers: the parts of its rule, and its evidence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..experiment import Numbers
from ..rules import is_above
from ..statistics import Interval, mean_interval, paired_ratio
from ..words import listed, percent, ratio
from .maxout_measured import PIECES, best_rms, best_worst

EXACT_SLOPES = ("ReLU", "leaky ReLU, slope 1/4", "absolute value")
SHARES = ("units", "pieces", "flat")
DOUBLINGS = sum(2 * k in PIECES for k in PIECES)
FAMILY = 2 * (DOUBLINGS + 1)  # intervals: every doubling and the exponent, for one and two inputs


def together(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Seeds of one net, set to be another."""
    return {
        "differ": sum(cell["differ"] for cell in cells),
        "outputs": sum(cell["outputs"] for cell in cells),
        "rounding": max(cell["rounding"] for cell in cells),
        "agree": float(np.mean([cell["agree"] for cell in cells])),
    }


def middle(fits: dict[str, list[dict[str, Any]]], what: str) -> list[float]:
    """The median over the seeds for each number of pieces."""
    return [float(np.median([cell[what] for cell in cells])) for cells in fits.values()]


def falls(fits: dict[str, list[dict[str, Any]]], level: float, method: str) -> list[Interval]:
    """The error with twice the pieces in units of that with half of them, for each doubling."""
    rms = {int(k): [cell["rms"] for cell in cells] for k, cells in fits.items()}
    return [paired_ratio(rms[2 * k], rms[k], FAMILY, level, method) for k in rms if 2 * k in rms]


def exponents_of(fits: dict[str, list[dict[str, Any]]]) -> list[float]:
    """For each seed the slope of log error over log k, by least squares."""
    rms = [[cell["rms"] for cell in cells] for cells in fits.values()]
    slopes, _ = np.polyfit(np.log([int(k) for k in fits]), np.log(rms), 1)
    return list(slopes.tolist())


def best_exponent(inputs: str) -> float:
    """The power of k by which the best error falls, where there are many pieces."""
    return -2 / int(inputs)


def alive(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Seeds of one net at one rate: the shares of each that did not diverge."""
    finite = [cell for cell in cells if not cell["diverged"]]
    shares = {what: [cell[what] for cell in finite] for what in SHARES}
    return shares | {"nets": len(cells), "diverged": len(cells) - len(finite)}


def contains_all(contains: dict[str, Any]) -> bool:
    """Whether nothing differs by more than rounding, and nothing at all where there is none."""
    return all(
        one["rounding"] <= 1 and (name not in EXACT_SLOPES or one["differ"] == 0)
        for name, one in contains.items()
    )


def are_best(cells: dict[str, dict[str, float]], as_good: float) -> bool:
    """Whether set pieces are as good as the best."""
    return all(
        one["rms"] <= best_rms(int(k)) * (1 + as_good)
        and one["worst"] <= best_worst(int(k)) * (1 + as_good)
        for k, one in cells.items()
    )


def costs_more(costs: Numbers, margin: float) -> bool:
    """Whether there are k times the parameters, and k times the multiply-adds within the margin."""
    return all(
        costs["parameters"][k] == int(k) * costs["parameters"]["1"]
        and 1 / (1 + margin) <= costs["work"][k] / int(k) <= 1 + margin
        for k in costs["ratios"]
    )


def never_dies(lives: Numbers, tested: float, level: float) -> bool | None:
    """Whether no unit of maxout is dead or flat; None where ReLU's are not shown to die."""
    if dies(lives):
        return False
    return True if is_tested(lives, tested, level) else None


def dies(lives: Numbers) -> bool:
    """Whether a unit of maxout is dead, or flat on an image."""
    return any(
        any(one["units"] + one["flat"]) for name, one in lives.items() if name.startswith("maxout")
    )


def is_tested(lives: Numbers, tested: float, level: float) -> bool:
    """Whether ReLU's units die at a rate with which a maxout net can be looked at."""
    dead = [one["units"] for name, one in shared(lives).items() if name.startswith("relu")]
    several = [shares for shares in dead if len(shares) > 1]
    return any(is_above(mean_interval(shares, len(several), level), tested) for shares in several)


def shared(lives: Numbers) -> Numbers:
    """The rates at which not all maxout nets diverged."""
    rates = [rate_in(name) for name, one in lives.items()
             if name.startswith("maxout") and one["units"]]  # fmt: skip
    return {name: one for name, one in lives.items() if rate_in(name) in rates}


def rate_in(name: str) -> str:
    """The rate in the name of a net."""
    return name.partition(", ")[2]


def told_of_fits(
    fits: Numbers, doublings: dict[str, list[Interval]], exponents: dict[str, Interval]
) -> str:
    """The size of the effect: how the error falls, and which pieces it takes."""
    falling = " and ".join(
        f"{min(one.value for one in several):.2f} to {max(one.value for one in several):.2f} "
        f"(k^{exponents[d].value:.2f}; the best: k^{best_exponent(d):.0f}) for {name}"
        for (d, several), name in zip(doublings.items(), ("x²", "x² + y²"), strict=True)
    )
    pieces, cells = [*fits["1"].items()][-1]
    winners = [cell["winners"] for cell in cells]
    times = [cell["rms"] / best_rms(int(pieces)) for cell in cells]
    own = [cell["rms"] / best_rms(cell["winners"]) for cell in cells]
    return (
        f"Twice the pieces multiply the learned error by {falling}. With {pieces} pieces it is "
        f"{np.median(times):.1f} times the best for x²: only {min(winners)} to {max(winners)} of "
        f"the {pieces} are the largest anywhere, and for as many it is {np.median(own):.2f} times "
        f"the best."
    )


def told_of_others(numbers: Numbers) -> str:
    """What it contains, and what it costs."""
    differ = sum(numbers["contains"][name]["differ"] for name in EXACT_SLOPES)
    costs = numbers["costs"]
    work, times = (
        listed([f"{told} with {k}" for k, told in several.items()])
        for several in (
            {k: f"{costs['work'][k]:.2f}" for k in costs["ratios"]},
            {k: ratio(interval) for k, interval in costs["ratios"].items()},
        )
    )
    return (
        f"{differ} outputs differ from ReLU's, leaky ReLU's (slope 1/4) and |x|'s; a step takes "
        f"{work} pieces times ReLU's multiply-adds (on this machine {times} times its time)."
    )


def told_of_lives(lives: Numbers) -> str:
    """Who died, at the rates where maxout did not diverge."""
    together = shared(lives)
    relu, dead, silent = (
        most(together, *which)
        for which in (("relu", "units"), ("maxout", "units"), ("maxout", "pieces"))
    )
    lost, of = (
        sum(one[what] for name, one in lives.items() if name.startswith("maxout"))
        for what in ("diverged", "nets")
    )
    return (
        f"{lost} of {of} maxout nets diverged; at the rates where one did not, up to {relu} of "
        f"ReLU's units are dead and up to {silent} of maxout's pieces silent (of its units "
        f"{dead}: a winning piece has the slope 1 by construction)."
    )


def most(lives: Numbers, activation: str, what: str) -> str:
    """The largest mean share at any rate, in words."""
    shares = [mean(one[what]) for name, one in lives.items() if name.startswith(activation)]
    return share(max((one for one in shares if one is not None), default=None))


def mean(shares: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return float(np.mean(shares)) if shares else None


def share(value: float | None) -> str:
    """A share in words, or a dash."""
    return "–" if value is None else percent(value)
