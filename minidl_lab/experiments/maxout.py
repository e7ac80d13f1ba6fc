"""Maxout: contains the others, fits what is convex, costs more, and does not die."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..bench import Bench
from ..charts import Chart, Intervals, Lines, Row, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..statistics import ratio_of_medians
from ..words import percent, ratio
from .maxout_measured import (
    PIECES,
    SLOPES,
    best_rms,
    best_worst,
    contain,
    cost,
    firing,
    learned_fit,
    set_fit,
)

RATES = (0.02, 0.2, 0.3, 0.5)
EXACT_SLOPES = ("ReLU", "leaky ReLU, slope 1/4", "absolute value")

AS_GOOD = 0.01  # a net that was set may be so much worse than the best
HALF = 0.5  # of the exponent -2/d by which the best error falls
COST = 0.5  # of the k - 1 epochs more that k times the work would take
TESTED = 0.05  # of ReLU's units have to die where dying is tested

SHARES = ("units", "pieces", "flat")
PARTS = {
    "contains": "it contains the others",
    "fits": "it fits x² and x² + y²",
    "costs": "it has k times the parameters and takes more time with each piece",
    "lives": "by construction it neither saturates nor dies",
}


class MaxoutContains(Experiment):
    """max(x W1 + b1, x W2 + b2, ...)."""

    name = "maxout"
    title = "Maxout"
    claim = (
        "Maxout with k pieces contains ReLU, leaky ReLU and the absolute value, fits any convex "
        "function, the better the more pieces, and neither saturates nor dies, as a unit's winning "
        "piece has the slope 1 by construction; in return it has k times the parameters."
    )
    source = (
        "Goodfellow, Warde-Farley, Mirza, Courville & Bengio 2013, section 3 and figure 1; "
        "CS231n, Neural Networks Part 1, commonly used activation functions"
    )
    protocol = (
        "784-128-10 throughout, SGD with momentum 0.9, batches of 64, rate 0.02 unless said.\n\n"
        "Contains: nets with ReLU, leaky ReLU (slopes 1/4 and 0.01) and |x| are trained for 2 "
        "epochs, three seeds; a maxout net is given pieces (W, b) and (s W, s b), where s = 0, "
        "1/4, 0.01, -1, and the same output layer. All outputs for the test images are compared "
        "as numbers (-0 is 0). s = 0, 1/4 and -1 multiply without rounding, so every sum rounds "
        "alike and no output may differ. s = 0.01 rounds: a hidden value may be off by "
        "2 γ(787) s (|x| |W| + |b|), γ(k) = k u / (1 - k u), u = 2⁻²⁴ (Higham 2002, section "
        "3.1).\n\n"
        "Fits: one unit with k = 2 to 16 pieces, x² on [-1, 1]. Of k equal intervals each line "
        "is off by h² / 8 at most, h = 2 / k: the least largest error is 1 / (2 k²), the least "
        "RMS 2 / (3 √5 k²), both by tangents that are moved up. The pieces are set so, and "
        "learned, from the usual weights, by 5000 steps (rate 0.5, momentum 0.95, half a cosine) "
        "on 128 points; likewise x² + y² on 16 · 16 points, where the best falls as 1 / k; five "
        "seeds. And sin πx, which is not convex, with one unit of 16 pieces and with the "
        "difference of two of 8 (rate 0.05).\n\n"
        "Costs: epochs of ReLU and of maxout with 2 and 5 pieces in turn, 7 rounds after one "
        "that does not count.\n\n"
        "Lives: ReLU and maxout with 2 pieces, rates 0.02, 0.2, 0.3 and 0.5, 2 epochs, five seeds. "
        "Then for all training images: the units, and the pieces, without any slope; the share "
        "of unit and image where the unit is flat. Nets that are no numbers any more are counted "
        "and left out."
    )
    rule = (
        "Four parts. Contains: no output differs for s = 0, 1/4, -1, and for 0.01 none by more "
        "than rounding allows. Fits: set pieces are within 1 % of the best error; the median "
        "error that is learned falls with k, in double logarithms at least half as steeply as the "
        "best, for one and two inputs. Costs: the hidden layer has exactly k times the "
        "parameters, and an epoch takes, over the whole 95 % interval, more than 1 + (k - 1) / 2 "
        "of ReLU's time. Lives: at every rate no unit of a maxout net that has not diverged is "
        "dead, and none is flat on any image, and there is a rate at which over 5 % of the units "
        "are dead in the ReLU nets that have not diverged, and not all maxout nets have; without "
        "such a rate dying was not put to the test. That no unit is dead or flat holds by "
        "construction, as its winning piece has the slope 1: what is measured is how many units "
        "of ReLU are dead, and pieces of maxout silent, at the same rates. Reproduced if all four "
        "hold."
    )
    seconds = {"full": 70, "quick": 8}

    def measure(self, bench: Bench) -> Numbers:
        """The four parts, one after the other."""
        some, epochs = bench.scale.some, bench.scale.epochs
        contained = {
            name: [bench.cell(contain, name=name, seed=s, epochs=epochs(2)) for s in some(3)]
            for name in SLOPES
        }
        steps = {"steps": epochs(5000)}
        fits = {
            str(inputs): [
                [bench.cell(learned_fit, target="square", inputs=inputs, pieces=k, units=1, seed=s,
                            **steps)["rms"] for s in some(5)]
                for k in PIECES
            ]
            for inputs in (1, 2)
        }  # fmt: skip
        sine = {
            units: [
                bench.cell(learned_fit, target="sine", inputs=1, pieces=16 // units, units=units,
                           seed=s, **steps)["rms"] for s in some(5)
            ]
            for units in (1, 2)
        }  # fmt: skip
        costs = bench.cell(cost, rounds=max(3, epochs(7)))
        return {
            "contains": {name: together(cells) for name, cells in contained.items()},
            "set": [bench.cell(set_fit, pieces=k) for k in PIECES],
            "fits": {
                inputs: {"medians": np.median(rms, axis=1).tolist(), "all": rms,
                         "exponent": exponent(np.median(rms, axis=1).tolist())}
                for inputs, rms in fits.items()
            },
            "sine": {f"{units} of {16 // units}": float(np.median(r)) for units, r in sine.items()},
            "costs": costs | {
                "ratios": {
                    k: ratio_of_medians(costs["seconds"][k], costs["seconds"]["1"])
                    for k in costs["seconds"] if k != "1"
                }
            },
            "lives": {
                f"{activation}, rate {rate:g}": alive(
                    [bench.cell(firing, activation=activation, rate=rate, seed=s, epochs=epochs(2))
                     for s in some(5)]
                )
                for rate in RATES
                for activation in ("relu", "maxout")
            },
        }  # fmt: skip

    def judge(self, numbers: Numbers) -> Verdict:
        """By the rule, part by part."""
        holds = {
            "contains": contains_all(numbers["contains"]),
            "fits": fits_convex(numbers),
            "costs": costs_more(numbers["costs"]),
            "lives": never_dies(numbers["lives"]),
        }
        differ = sum(numbers["contains"][name]["differ"] for name in EXACT_SLOPES)
        ratios = ", ".join(
            f"{ratio(interval)} with {k} pieces"
            for k, interval in numbers["costs"]["ratios"].items()
        )
        falls = " and ".join(
            f"k^{one['exponent']:.2f} (the best, for many pieces: k^{-2 / int(d):.0f})"
            for d, one in numbers["fits"].items()
        )
        off = numbers["fits"]["1"]["medians"][-1] / best_rms(PIECES[-1])
        lives = shared(numbers["lives"])
        relu, dead, silent = (
            most(lives, *which)
            for which in (("relu", "units"), ("maxout", "units"), ("maxout", "pieces"))
        )
        lost, of = (
            sum(one[what] for name, one in numbers["lives"].items() if name.startswith("maxout"))
            for what in ("diverged", "nets")
        )
        evidence = (
            f"{differ} outputs differ from ReLU's, leaky ReLU's (slope 1/4) and |x|'s; the "
            f"learned error falls as {falls}, and with {PIECES[-1]} pieces is {off:.1f} times "
            f"the best for x²; an epoch takes {ratios} of ReLU's time; {lost} of {of} maxout nets "
            f"diverged, and at the rates where one did not, at most {relu} of ReLU's units are "
            f"dead and {silent} of maxout's pieces silent (of its units {dead}: a winning piece "
            f"has the slope 1 by construction)."
        )
        if all(holds.values()):
            return Verdict("reproduced", ", ".join(PARTS.values()), evidence)
        return Verdict("not reproduced", what_failed(holds, numbers["lives"]), evidence)

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The fits, what it costs, what it contains, and what dies."""
        one, two = numbers["fits"]["1"], numbers["fits"]["2"]
        lives = numbers["lives"]
        return [
            Table(
                "What maxout contains", ["set to be", "outputs that differ", "of what rounding "
                "allows", "same digit"],
                [
                    [name, f"{c['differ']} of {c['outputs']}", f"{c['rounding']:.2g}",
                     percent(c["agree"])]
                    for name, c in numbers["contains"].items()
                ],
                "The maxout net's outputs against the trained net's.",
            ),
            Lines(
                "Error of one maxout unit", "pieces", "RMS error",
                [
                    Series("x², the best", PIECES, [best_rms(k) for k in PIECES]),
                    Series("x², set", PIECES, [c["rms"] for c in numbers["set"]], style="dots"),
                    Series("x², learned", PIECES, one["medians"]),
                    Series("x² + y², learned", PIECES, two["medians"]),
                ],
                "Medians over the seeds. "
                + " and ".join(f"{n} pieces: {e:.2g}" for n, e in numbers["sine"].items())
                + " is the error for sin πx (units of pieces; of two units the difference).",
                log_x=True, log_y=True,
            ),
            Intervals(
                "An epoch's time", "of ReLU's",
                [Row(f"{k} pieces", *r) for k, r in numbers["costs"]["ratios"].items()],
                "Ratio of medians. Multiply-adds: "
                + ", ".join(f"{k} pieces {f:.2f}" for k, f in numbers["costs"]["work"].items())
                + ".",
                reference=1.0,
            ),
            Table(
                "What gets no gradient from any training image",
                ["net", "dead units", "silent pieces", "flat unit and image", "diverged"],
                [
                    [name, *[share(c[what]) for what in SHARES], f"{c['diverged']} of {c['nets']}"]
                    for name, c in lives.items()
                ],
                "Means over the nets that did not diverge; a dash where all did.",
            ),
        ]  # fmt: skip


def together(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Seeds of one net, set to be another."""
    return {
        "differ": sum(cell["differ"] for cell in cells),
        "outputs": sum(cell["outputs"] for cell in cells),
        "rounding": max(cell["rounding"] for cell in cells),
        "agree": float(np.mean([cell["agree"] for cell in cells])),
    }


def exponent(errors: Sequence[float]) -> float:
    """The slope of log error over log k, by least squares."""
    return float(np.polyfit(np.log(PIECES), np.log(errors), 1)[0])


def alive(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Seeds of one net at one rate; the shares are None if all diverged."""
    finite = [cell for cell in cells if not cell["diverged"]]
    shares = {
        what: float(np.mean([cell[what] for cell in finite])) if finite else None for what in SHARES
    }
    return shares | {"nets": len(cells), "diverged": len(cells) - len(finite)}


def contains_all(contains: dict[str, Any]) -> bool:
    """Whether nothing differs, except by rounding where it occurs."""
    return all(
        one["rounding"] <= 1 and (name not in EXACT_SLOPES or one["differ"] == 0)
        for name, one in contains.items()
    )


def fits_convex(numbers: Numbers) -> bool:
    """Whether set pieces are the best, and learned ones the better the more there are."""
    are_best = all(
        one["rms"] <= best_rms(k) * (1 + AS_GOOD) and one["worst"] <= best_worst(k) * (1 + AS_GOOD)
        for k, one in zip(PIECES, numbers["set"], strict=True)
    )
    return are_best and all(
        one["exponent"] <= -HALF * 2 / int(inputs) and (np.diff(one["medians"]) < 0).all()
        for inputs, one in numbers["fits"].items()
    )


def costs_more(costs: Numbers) -> bool:
    """Whether there are k times the parameters, and time that goes with them."""
    return all(
        costs["parameters"][k] == int(k) * costs["parameters"]["1"]
        and interval[1] > 1 + COST * (int(k) - 1)
        for k, interval in costs["ratios"].items()
    )


def never_dies(lives: Numbers) -> bool:
    """Whether no unit of maxout is dead or flat, where ReLU's die too."""
    return not (dies(lives) or is_untested(lives))


def dies(lives: Numbers) -> bool:
    """Whether a unit of maxout is dead, or flat on an image."""
    return any(
        one["units"] or one["flat"] for name, one in lives.items() if name.startswith("maxout")
    )


def is_untested(lives: Numbers) -> bool:
    """Whether ReLU's units die at no rate with which a maxout net can be looked at."""
    return not any(
        (lives[name.replace("maxout", "relu")]["units"] or 0.0) > TESTED
        and one["diverged"] < one["nets"]
        for name, one in lives.items()
        if name.startswith("maxout")
    )


def shared(lives: Numbers) -> Numbers:
    """The rates at which not all maxout nets diverged."""
    rates = [
        name.partition(", ")[2] for name, one in lives.items()
        if name.startswith("maxout") and one["diverged"] < one["nets"]
    ]  # fmt: skip
    return {name: one for name, one in lives.items() if name.partition(", ")[2] in rates}


def what_failed(holds: dict[str, bool], lives: Numbers) -> str:
    """The parts that failed, or were not tested, and those that hold."""
    failed = [part for part, is_so in holds.items() if not is_so]
    clauses = []
    if "lives" in failed and not dies(lives):
        failed.remove("lives")
        clauses.append("dying was not put to the test")
    if failed:
        clauses.insert(0, f"not that {' nor that '.join(PARTS[part] for part in failed)}")
    held = [PARTS[part] for part, is_so in holds.items() if is_so]
    if held:
        clauses.append(f"what holds: {', '.join(held)}")
    return "; ".join(clauses)


def most(lives: Numbers, activation: str, what: str) -> str:
    """The largest share at any rate, in words."""
    shares = [one[what] for name, one in lives.items() if name.startswith(activation)]
    return share(max((one for one in shares if one is not None), default=None))


def share(value: float | None) -> str:
    """A share in words, or a dash."""
    return "–" if value is None else percent(value)
