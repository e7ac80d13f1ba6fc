"""Zig-zag: if all inputs of a neuron have one sign, so have the gradients of its weights."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..bench import Bench
from ..charts import Chart, Intervals, Lines, Panels, Row, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rules import LEVELS, METHODS, around, every, is_above, limits, too_small
from ..statistics import Interval, mean_interval, paired_ratio, paired_slowness
from ..tuning import interior_best, median
from ..words import count, listed, of_100, parts_in_words, percent, ratio
from .zigzag_measured import SHIFTED, SIZES, TARGETS, learn, signs

ONE_SIGN = ("sigmoid", "relu", SHIFTED)  # outputs ≥ 0
USUAL = 128  # a batch whose signs are told

RACES = {1: (0.01, 60_000), 10: (0.08, 15_000), 100: (0.4, 3_000)}  # batch: first rate, most steps
FAMILY = len(RACES) + 1  # intervals


class Zigzag(Experiment):
    """One sign for all of a neuron's gradients."""

    name = "zigzag"
    title = "Zig-zag"
    claim = (
        "Where a neuron's inputs are all positive, as those from sigmoid are, the gradients of its "
        "weights all have one sign: learning goes in a zig-zag, and is slower. Batches mitigate it."
    )
    source = (
        "CS231n, Neural Networks Part 1, 'Sigmoid outputs are not zero-centered'; LeCun, Bottou, "
        "Orr & Müller 1998, Efficient BackProp, section 4.3"
    )
    protocol = (
        "One and the same net, 784-128-128-10 of tanh, with outputs from -1 to 1 as they are, and "
        "with 1 added to each output of a hidden layer, so that all are positive. In the second "
        "net the next layer's first biases are less by the sum of its weights: both begin as the "
        "same function of the image, and can become the same functions.\n\n"
        "Does the + 1 slow learning? Both learn from all training images by plain SGD, with "
        "batches of 1, 10 and 100, until 5 % of the first 10,000 are wrong (looked at every 8 % "
        "more steps, 20 at least, with straight lines between), for 60,000, 15,000 and 3,000 at "
        "most. Each of the six has its own rate, that with the fewest steps (median over two "
        "tuning seeds), in steps of 2 until both neighbours are worse. Then ten other seeds run. "
        "The slowdown is the steps with + 1 in units of those without, the geometric mean over the "
        "pairs, with Student's interval for the logarithms.\n\n"
        "Do the signs agree? Counted are those of the second layer's gradients, with tanh, "
        "tanh + 1, sigmoid and ReLU, in ten batches for each size from 1 to 1024, fewer of the "
        "large ones, down to two; before training and after an epoch of SGD (rate 0.1, batches of "
        "64), three seeds. Of the gradients of a neuron's weights that are not 0, the share with "
        "the sign of most is its agreement; the mean over the neurons that have any counts. Chance "
        "is what it would be if signs were thrown by a fair coin, for as many gradients: n of them "
        "have 1/2 + E|S| / 2n, where S is the sum of n signs."
    )
    rule = (
        "The claim has three parts. One image gives one sign: agreement is 1 in every look for "
        "tanh + 1, sigmoid and ReLU, and below 1 for tanh. It is slower: with batches of 1 the "
        "slowdown is more than 10 %. Batches mitigate it: the slowdown with batches of 1 is more "
        "than 10 % above that with batches of 100 (paired). Each of the last two is so if its "
        "whole interval is, not so if no part of it is; the intervals of the three slowdowns and "
        "of that ratio hold at once with 95 % (Bonferroni). Reproduced if all three parts hold, "
        "not reproduced if one fails, else undecided."
    )
    tried: ClassVar = {
        "margin": around(0.1),
        "target": ("10 %",),
        "level": LEVELS,
        "method": METHODS,
    }
    seconds: ClassVar = {"full": 150, "quick": 15}

    def measure(self, bench: Bench) -> Numbers:
        """The signs, then the races."""
        seeds = bench.scale.some(3)
        return {
            "sources": {
                source: [bench.cell(signs, source=source, seed=seed) for seed in seeds]
                for source in bench.activations("tanh", SHIFTED, "sigmoid", "relu")
            },
            "races": [
                self.race(bench, batch, is_shifted)
                for batch in RACES
                for is_shifted in (False, True)
            ],
        }

    def race(self, bench: Bench, batch: int, is_shifted: bool) -> dict[str, Any]:
        """Tunes a net's rate for a size of batch, then runs."""
        start, most = RACES[batch]
        what = {"batch": batch, "is_shifted": is_shifted}
        first, *_ = TARGETS

        def steps(rate: float, best: float | None) -> float | None:
            """The median; what takes twice the best is not waited for."""
            limit = most if best is None else min(most, round(2 * best))
            runs = [
                bench.cell(learn, **what, lr=rate, seed=seed, most=limit)
                for seed in bench.scale.for_tuning(2)
            ]
            return median([run[first] for run in runs])

        tuned = interior_best(steps, start)
        runs = [
            bench.cell(learn, **what, lr=tuned.rate, seed=seed, most=most)
            for seed in bench.scale.some(10)
        ]
        found = {target: [run[target] for run in runs] for target in TARGETS}
        return {**what, "tuned": tuned._asdict(), "most": most, "steps": found}

    def judge(
        self, numbers: Numbers, margin: float = 0.1, target: str = "5 %", level: float = 0.95,
        method: str = "student",
    ) -> Verdict:  # fmt: skip
        """By the rule."""
        how: dict[str, Any] = {"comparisons": FAMILY, "level": level, "method": method}
        slowdowns = {batch: slowdown(numbers, batch, target, **how) for batch in RACES}
        small, *_, large = RACES
        relieved = mitigation(numbers, small, large, target, **how)
        found = numbers["sources"]
        parts = {
            "one image gives all gradients one sign": all(
                lowest_alone(found[source]) == 1 for source in ONE_SIGN
            ) and lowest_alone(found["tanh"]) < 1,
            f"it is slower with batches of {small}": is_above(slowdowns[small], 1 + margin),
            "batches mitigate it": is_above(relieved, 1 + margin),
        }  # fmt: skip
        effect = (
            f"To {target} training error the net with + 1 takes "
            + listed([f"{ratio(one)} times the steps with batches of {batch}"
                      for batch, one in slowdowns.items()]) + "."
        )  # fmt: skip
        evidence = (
            f"The slowdown with batches of {small} is {ratio(relieved)} times that with batches of "
            f"{large}. With {USUAL} images the signs agree to "
            f"{listed([f'{many(found[s])} ({s})' for s in ('tanh', *ONE_SIGN)])} before and after "
            f"an epoch.{edges(numbers)}"
        )
        holds = every([*parts.values()])
        verdict = {True: "reproduced", False: "not reproduced", None: "undecided"}[holds]
        return Verdict(verdict, parts_in_words(parts), evidence, effect)  # type: ignore[arg-type]

    def in_short(self, numbers: Numbers) -> str:
        """In a sentence."""
        target = limits(self)["target"]
        found = [
            f"{of_100(slowdown(numbers, batch, target).value)} with batches of {batch}"
            for batch in RACES
        ]
        return (
            f"Where tanh needs 100 steps to {target} training error, tanh + 1 needs "
            f"{listed(found)}."
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The slowdowns, the signs, and the races."""
        found = {s: runs for s, runs in numbers["sources"].items() if is_known(runs)}
        rows = [
            Row(f"to {target}, batches of {batch}", *one)
            for target in TARGETS
            for batch in RACES
            if np.isfinite(one := slowdown(numbers, batch, target)).all()
        ]
        return [
            Intervals(
                "Slowdown by + 1 on the outputs", "times the steps", rows,
                "Right of 1 positive inputs slow learning; the four intervals of a target hold at "
                "once.", reference=1.0, log=True, same=too_small(self),
            ),
            Panels(
                "Agreement of signs",
                [agreement(found, "before", "before training"),
                 agreement(found, "after", "after an epoch")],
                "Share of a neuron's gradients that have the sign of most; mean over neurons, "
                "batches and seeds. A coin gives a little over a half.",
            ),
            Table(
                "Agreement of signs",
                ["inputs", "1 image", "by chance", f"{USUAL} images", "by chance"],
                [
                    [
                        source,
                        *[
                            percent(at(runs, "after", size, what).value)
                            for size in (1, USUAL) for what in ("agreement", "chance")
                        ],
                    ]
                    for source, runs in found.items()
                ],
                "After an epoch. By chance: as many signs, thrown by a fair coin.",
            ),
            Table(
                "Steps, medians", ["outputs, batch", "best rate", *TARGETS],
                [
                    [named(one), f"{one['tuned']['rate']:g}",
                     *[count(median(one["steps"][target])) for target in TARGETS]]
                    for one in numbers["races"]
                ],
                "A dash: at least half of the runs never got there.",
            ),
        ]  # fmt: skip


def at(runs: Sequence[Any], when: str, size: int, what: str = "agreement") -> Interval:
    """The mean over the seeds at a size of batch."""
    return mean_interval([run[when][what][SIZES.index(size)] for run in runs])


def is_known(runs: Sequence[Any]) -> bool:
    """Whether every look has gradients, as with an activation of the user's it may not."""
    return not any(None in run[when]["agreement"] for run in runs for when in ("before", "after"))


def lowest_alone(runs: Sequence[Any]) -> float:
    """The least agreement in any look at a batch of 1."""
    return float(min(run[when]["least"][0] for run in runs for when in ("before", "after")))


def many(runs: Sequence[Any]) -> str:
    """Agreement at the usual batch, before and after the epoch."""
    return " and ".join(percent(at(runs, when, USUAL).value) for when in ("before", "after"))


def steps_of(numbers: Numbers, batch: int, is_shifted: bool, target: str) -> list[float | None]:
    """The steps of every seed."""
    found: list[float | None] = next(
        one["steps"][target]
        for one in numbers["races"]
        if (one["batch"], one["is_shifted"]) == (batch, is_shifted)
    )
    return found


def slowdown(
    numbers: Numbers, batch: int, target: str, comparisons: int = FAMILY, level: float = 0.95,
    method: str = "student",
) -> Interval:  # fmt: skip
    """The steps with + 1 in units of those without."""
    shifted, usual = (steps_of(numbers, batch, one, target) for one in (True, False))
    return paired_slowness(shifted, usual, RACES[batch][1], comparisons, level, method)


def mitigation(numbers: Numbers, small: int, large: int, target: str, **options: Any) -> Interval:
    """The slowdown with small batches in units of that with large ones; not known if a run did not
    get there."""
    rows = [
        steps_of(numbers, batch, is_shifted, target)
        for batch in (small, large)
        for is_shifted in (True, False)
    ]
    if any(None in row for row in rows):
        return Interval(np.nan, 0.0, np.inf)
    a, b, c, d = np.array(rows, np.float64)
    return paired_ratio((a / b).tolist(), (c / d).tolist(), **options)


def edges(numbers: Numbers) -> str:
    """Where no best rate was found."""
    found = [named(one) for one in numbers["races"] if not one["tuned"]["is_interior"]]
    return f" No best rate inside the grid was found for {listed(found)}." if found else ""


def named(one: dict[str, Any]) -> str:
    """A net and its batches."""
    return f"{SHIFTED if one['is_shifted'] else 'tanh'}, {one['batch']}"


def agreement(found: dict[str, Any], when: str, title: str) -> Lines:
    """A line for each kind of input."""
    series = [
        Series(source, SIZES, [at(runs, when, size).value for size in SIZES])
        for source, runs in found.items()
    ]
    return Lines(title, "images in the batch", "agreement", series, log_x=True)
