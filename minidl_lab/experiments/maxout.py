"""Maxout: contains the others, fits what is convex, costs more, and does not die."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..bench import Bench
from ..charts import Chart, Intervals, Lines, Row, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rules import LEVELS, METHODS, around, every, is_below, outcome
from ..statistics import mean_interval, ratio_of_medians
from ..words import parts_in_words, percent
from .maxout_judged import (
    FAMILY,
    SHARES,
    alive,
    are_best,
    best_exponent,
    contains_all,
    costs_more,
    exponents_of,
    falls,
    mean,
    middle,
    never_dies,
    share,
    together,
    told_of_fits,
    told_of_lives,
    told_of_others,
)
from .maxout_measured import PIECES, SLOPES, best_rms, contain, cost, firing, learned_fit, set_fit

RATES = (0.02, 0.2, 0.22, 0.25)
PARTS = {
    "contains": "it contains the others",
    "fits": "it fits x² and x² + y², the better the more pieces",
    "costs": "it has k times the parameters and multiply-adds",
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
        "on 128 points; likewise x² + y² on 16 · 16 points, where the best falls as 1 / k; "
        "twenty seeds. And sin πx, which is not convex, with one unit of 16 pieces and with the "
        "difference of two of 8 (rate 0.05). It is counted how many pieces are the largest at some "
        "point, before and after.\n\n"
        "Costs: the parameters of the hidden layer, and the multiply-adds of a step of the whole "
        "net, with 2 and 5 pieces. Seconds are told beside, and not judged: epochs of ReLU and of "
        "maxout in turn, 7 rounds after one that does not count.\n\n"
        "Lives: ReLU and maxout with 2 pieces, rates 0.02, 0.2, 0.22 and 0.25, 2 epochs, five "
        "seeds. Then for all training images: the units, and the pieces, without any slope; the "
        "share of unit and image where the unit is flat. Nets that are no numbers any more are "
        "counted and left out."
    )
    rule = (
        "Four parts. Contains: no output differs for s = 0, 1/4, -1, and for 0.01 none by more "
        "than rounding allows. Fits: set pieces are within 1 % of the best error; twice the pieces "
        "learn an error that is lower by more than 5 %, and over all k it falls, in double "
        "logarithms, at least half as steeply as the best, for one and two inputs (means over the "
        "seeds; the intervals hold at once with 95 %, Bonferroni). Costs: the hidden layer has "
        "exactly k times the parameters, and a step k times the multiply-adds within 5 %. Lives: "
        "at every rate no unit of a maxout net that has not diverged is dead, and none is flat on "
        "any image; undecided if there is no rate at which more than 5 % of ReLU's units are dead, "
        "with the whole interval of the mean over the nets, and not all maxout nets diverged: "
        "dying was not put to the test. That no unit is dead or flat holds by construction, as its "
        "winning piece has the slope 1: what is measured is how many units of ReLU are dead, and "
        "pieces of maxout silent, at the same rates. Reproduced if all four hold, not reproduced "
        "if one fails, else undecided."
    )
    tried: ClassVar = {
        "as_good": around(0.01), "margin": around(0.05), "steepness": around(0.5),
        "tested": around(0.05), "level": LEVELS, "method": METHODS,
    }  # fmt: skip
    seconds: ClassVar = {"full": 90, "quick": 8}

    def measure(self, bench: Bench) -> Numbers:
        """The four parts, one after the other."""
        some, epochs = bench.scale.some, bench.scale.epochs
        contained = {
            name: [bench.cell(contain, name=name, seed=s, epochs=epochs(2)) for s in some(3)]
            for name in SLOPES
        }
        steps = {"steps": epochs(5000)}
        fits = {
            str(inputs): {
                str(k): [
                    bench.cell(learned_fit, target="square", inputs=inputs, pieces=k, units=1,
                               seed=s, **steps)
                    for s in some(20)
                ]
                for k in PIECES
            }
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
            "set": {str(k): bench.cell(set_fit, pieces=k) for k in PIECES},
            "fits": fits,
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

    def judge(
        self, numbers: Numbers, as_good: float = 0.01, margin: float = 0.05,
        steepness: float = 0.5, tested: float = 0.05, level: float = 0.95, method: str = "student",
    ) -> Verdict:  # fmt: skip
        """By the rule, part by part."""
        doublings = {d: falls(fits, level, method) for d, fits in numbers["fits"].items()}
        exponents = {
            d: mean_interval(exponents_of(fits), FAMILY, level, method)
            for d, fits in numbers["fits"].items()
        }
        lives = numbers["lives"]
        parts = {
            "contains": contains_all(numbers["contains"]),
            "fits": every([
                are_best(numbers["set"], as_good),
                *[is_below(one, 1 / (1 + margin)) for several in doublings.values()
                  for one in several],
                *[is_below(one, steepness * best_exponent(d)) for d, one in exponents.items()],
            ]),
            "costs": costs_more(numbers["costs"], margin),
            "lives": never_dies(lives, tested, level),
        }  # fmt: skip
        evidence = f"{told_of_others(numbers)} {told_of_lives(lives)}"
        if parts["lives"] is None:
            evidence += " Dying was not put to the test."
        words = parts_in_words({PARTS[part]: holds for part, holds in parts.items()})
        result = outcome({"the claim": every([*parts.values()])})
        return Verdict(result, words, evidence, told_of_fits(numbers["fits"], doublings, exponents))

    def in_short(self, numbers: Numbers) -> str:
        """In a sentence."""
        found = [one.value for one in falls(numbers["fits"]["1"], 0.95, "student")]
        return (
            "With twice as many pieces a unit that learns x² keeps "
            f"{percent(min(found))} to {percent(max(found))} of its error."
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The fits, what it costs, what it contains, and what dies."""
        one, two = (middle(numbers["fits"][d], "rms") for d in ("1", "2"))
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
                    Series("x², set", PIECES, [c["rms"] for c in numbers["set"].values()],
                           style="dots"),
                    Series("x², learned", PIECES, one),
                    Series("x², the best for as many as win", PIECES,
                           [best_rms(k) for k in middle(numbers["fits"]["1"], "winners")]),
                    Series("x² + y², learned", PIECES, two),
                ],
                "Medians over the seeds. "
                + " and ".join(f"{n} pieces: {e:.2g}" for n, e in numbers["sine"].items())
                + " is the error for sin πx (units of pieces; of two units the difference).",
                log_x=True, log_y=True,
            ),
            Lines(
                "Pieces that win somewhere", "pieces", "of them win",
                [
                    Series("all", PIECES, PIECES),
                    of_pieces("x², before training", numbers["fits"]["1"], "winners_before"),
                    of_pieces("x², learned", numbers["fits"]["1"], "winners"),
                    of_pieces("x² + y², learned", numbers["fits"]["2"], "winners"),
                ],
                "Medians over the seeds, and from the fewest to the most.", log_x=True, log_y=True,
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
                    [name, *[share(mean(c[what])) for what in SHARES],
                     f"{c['diverged']} of {c['nets']}"]
                    for name, c in lives.items()
                ],
                "Means over the nets that did not diverge; a dash where all did.",
            ),
        ]  # fmt: skip


def of_pieces(label: str, fits: dict[str, list[dict[str, Any]]], what: str) -> Series:
    """What the seeds give for each number of pieces: median, least and most."""
    low, high = (
        [edge(cell[what] for cell in cells) for cells in fits.values()] for edge in (min, max)
    )
    return Series(label, PIECES, middle(fits, what), low, high)
