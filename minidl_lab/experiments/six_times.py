"""Six times: how much faster ReLU trains than tanh, each at its best rate."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..bench import Bench, Digits
from ..charts import Chart, Intervals, Lines, Panels, Row, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rules import LEVELS, around, is_above, outcome, too_small
from ..statistics import Interval, paired_slowness, ratio_of_medians
from ..trainings import looks, net_of, pursue, reached, sgd
from ..tuning import interior_best, median
from ..words import count, listed, of_100, percent, ratio

NETS = {"2 × 256": [256] * 2, "5 × 256": [256] * 5}
INITS = {"own start": None, "Glorot start": "glorot_uniform"}
TARGETS = [0.05, 0.02, 0.01, 0.005]
JUDGED = 0.01
BATCH, START, EPOCHS = 128, 0.2, 30
SHARE = 3  # a third of the training images
FAMILY = len(NETS) * len(INITS)  # comparisons
HOPELESS = 2  # times the best median so far: a rate that takes longer need not be tried to the end


class SixTimes(Experiment):
    """Steps of tanh / steps of ReLU, to the same training error."""

    name = "six-times"
    title = "Six times faster"
    claim = "ReLU trains six times faster than tanh."
    source = (
        "Krizhevsky, Sutskever & Hinton 2012, section 3.1 and figure 1 (a convolutional net on "
        "CIFAR-10, to 25 % training error, a rate for each); CS231n, Neural Networks Part 1"
    )
    protocol = (
        "Nets with 2 and with 5 hidden layers of 256 units (2 × 256, 5 × 256) learn the first "
        "third of the training images by plain SGD in batches of 128. Each activation starts "
        "twice: from Glorot's uniform weights, alike for both, and from its own, which are normal "
        "with the gain that keeps its outputs' mean square. tanh's gain is 1.59, so these are not "
        "Glorot's and there are four settings for each net.\n\n"
        "The learning rate is tuned in each setting: 0.2 times powers of two, further and further "
        "until the best is not at the edge, by the median over three seeds of the steps to 1 % "
        "training error. A run at more than twice the best median so far counts as one that "
        "never gets there, as does one that diverges.\n\n"
        "Ten other seeds then train at that rate to 0.5 % training error, for 30 epochs at most. "
        "The training error is that of the first 10,000 images, looked at every 8 % more steps "
        "(20 at least) with straight lines between. Seconds are those of the steps alone, and are "
        "told, not judged. With each seed both see the same batches: the runs are pairs. The ratio "
        "is that of the medians; its interval is the bootstrap's of seeds drawn in pairs, and the "
        "four hold at once with 95 % (Bonferroni). A run of tanh that never gets there counts as "
        "30 epochs, one of ReLU as endless: neither favours the claim. The quick laboratory "
        "leaves Glorot's start out."
    )
    rule = (
        "The steps to 1 % training error decide. Six times faster is taken as at least 4 times: "
        "it holds on a net and from a start if the whole interval is above 4, and fails if it is "
        "below. Reproduced if it holds in all four cases; true only in some of them, if it fails "
        "in others; undecided if it fails in none and is undecided in some. If it fails in all, "
        "the claim is true only when it is read as 'faster', where tanh takes longer by more than "
        "5 % with its whole interval; if that is so nowhere, it is not reproduced."
    )
    tried: ClassVar = {
        "times": around(4.0), "margin": around(0.05), "target": (0.05, 0.02, 0.005),
        "level": LEVELS, "method": ("student",),
    }  # fmt: skip
    seconds: ClassVar = {"full": 680, "quick": 14}

    def measure(self, bench: Bench) -> Numbers:
        """Tunes and trains each setting, ReLU first."""
        steps_of_an_epoch = max(1, len(third(bench.digits)[0]) // BATCH)
        most = EPOCHS * steps_of_an_epoch
        settings = [
            setting(bench, net, init, activation, most)
            for init in [*INITS][: 1 if bench.scale.share < 1 else None]
            for net in NETS
            for activation in bench.activations("relu", "tanh")
        ]
        return {"settings": settings, "targets": TARGETS, "most": most}

    def judge(
        self, numbers: Numbers, times: float = 4.0, margin: float = 0.05, target: float = JUDGED,
        level: float = 0.95, method: str = "bootstrap",
    ) -> Verdict:  # fmt: skip
        """By the rule."""
        settings = [one for one in numbers["settings"] if one["activation"] == "tanh"]
        found = {
            place(one): slowness(numbers, one, target, level, method).interval for one in settings
        }
        holds = {where: is_above(one, times) for where, one in found.items()}
        slower = [where for where, one in found.items() if is_above(one, 1 + margin)]
        effect = f"To {percent(target)} training error tanh takes " + "; ".join(
            f"{slowness(numbers, one, target, level, method)} times ReLU's steps ({place(one)})"
            for one in settings
        )
        edges = [named(one) for one in numbers["settings"] if not one["is_interior"]]
        evidence = f"No best rate inside the grid was found for {', '.join(edges)}." * bool(edges)
        claimed = f"at least {times:g} times"
        result = outcome(holds)
        if result == "reproduced":
            words = f"ReLU is {claimed} faster"
        elif result == "true only when":
            words = f"the net is {' or '.join(where for where in holds if holds[where])}"
        elif result == "undecided":
            words = f"whether ReLU is {claimed} faster is open in {listed(opened(holds))}"
        elif slower and not opened(holds):
            result = "true only when"
            where = "" if len(slower) == len(found) else f" ({'; '.join(slower)})"
            words = f"it is read as 'faster', not as 'six times'{where}"
        else:
            words = f"ReLU is {claimed} faster nowhere"
            if opened(holds):
                words += f", though that is open in {listed(opened(holds))}"
        return Verdict(result, words, evidence, f"{effect}.")

    def in_short(self, numbers: Numbers) -> str:
        """In a sentence."""
        found = [
            f"{of_100(slowness(numbers, one, JUDGED).interval.value)} ({place(one)})"
            for one in numbers["settings"] if one["activation"] == "tanh"
        ]  # fmt: skip
        return (
            f"Where ReLU needs 100 steps to {percent(JUDGED)} training error, tanh needs "
            f"{listed(found)}."
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """Curves, ratios, medians and the tuning."""
        settings = numbers["settings"]
        everywhere = dict.fromkeys(map(place, settings))
        return [
            Panels(
                "Training error", [panel(where, settings) for where in everywhere],
                "Each activation at its best rate: the median over the seeds, and the middle half "
                "of them. A line ends where the median is at the last target.",
            ),
            Intervals(
                "Steps relative to ReLU's", "times ReLU's steps",
                [
                    Row(f"{one['activation']}, {place(one)}, {percent(target)}", *found.interval)
                    for one in settings if one["activation"] != "relu"
                    for target in numbers["targets"]
                    if (found := slowness(numbers, one, target)).interval.low > 0
                ],
                "Ratio of the median steps to a training error, with the interval that holds for "
                "four at once. At 1 both are equally fast.",
                reference=1.0, same=too_small(self),
            ),
            Table(
                "Medians",
                ["activation, net, start", "rate",
                 *[f"steps to {percent(target)}" for target in TARGETS],
                 f"seconds to {percent(JUDGED)}", "seconds against ReLU's"],
                [medians(one, relu_of(numbers, one)) for one in settings],
                "A dash: at least half of the runs never got there, or, of the ratio of seconds, "
                "some did not. Settings were timed one after the other, so seconds, unlike steps, "
                "include the machine's other work.",
            ),
            Table(
                "Tuning", ["activation, net, start", "rate: steps to 1 % training error"],
                [[named(one), tuning(one)] for one in settings],
                "The median over the tuning seeds for each rate that was tried. A dash: more than "
                "twice the best so far, or never.",
            ),
        ]  # fmt: skip


def third(digits: Digits) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels that are learned."""
    n = len(digits.x) // SHARE
    return digits.x[:n], digits.y[:n]


def setting(bench: Bench, net: str, init: str, activation: str, most: int) -> dict[str, Any]:
    """Tunes the rate, then trains with the reported seeds."""
    what = {"hidden": NETS[net], "activation": activation, "init": INITS[init]}

    def score(rate: float, best: float | None) -> float | None:
        """The median steps to the judged error."""
        limit = most if best is None else min(most, math.ceil(HOPELESS * best))
        runs = [
            bench.cell(run, **what, lr=rate, seed=seed, goal=JUDGED, most=limit)
            for seed in bench.scale.for_tuning(3)
        ]
        return median([reached(one["steps"], one["errors"], JUDGED) for one in runs])

    tuned = interior_best(score, START)
    runs = [
        bench.cell(run, **what, lr=tuned.rate, seed=seed, goal=TARGETS[-1], most=most)
        for seed in bench.scale.some(10)
    ]
    return {
        "net": net, "init": init, "activation": activation, **tuned._asdict(),
        "steps": [[reached(one["steps"], one["errors"], t) for one in runs] for t in TARGETS],
        "seconds": [[reached(one["seconds"], one["errors"], t) for one in runs] for t in TARGETS],
        "curve": middle(runs, most),
    }  # fmt: skip


def run(
    digits: Digits, *, hidden: list[int], activation: str, init: str | None, lr: float, seed: int,
    goal: float, most: int,
) -> dict[str, Any]:  # fmt: skip
    """Trains a net to the goal; the curve of its training error."""
    x, y = third(digits)
    net = net_of([784, *hidden, 10], activation, seed, init)
    return pursue(net, x, y, sgd(net, lr), batch=BATCH, seed=seed, goal=goal, most=most)._asdict()


def middle(runs: Sequence[dict[str, Any]], most: int) -> dict[str, list[float]]:
    """The quartiles over the runs at each look, until the median is at the last target. A run
    that has ended keeps its last error; one that diverged has that of guessing."""
    steps = [*looks(most)]
    errors = np.full((len(runs), len(steps)), 0.9)
    for row, one in zip(errors, runs, strict=True):
        row[: len(one["errors"])] = one["errors"]
        if one["errors"] and one["errors"][-1] <= TARGETS[-1]:
            row[len(one["errors"]) :] = one["errors"][-1]
    low, half, high = np.quantile(errors, [0.25, 0.5, 0.75], axis=0)
    there = np.flatnonzero(half <= TARGETS[-1])
    end = there[0] + 1 if len(there) else len(steps)
    return {
        "steps": steps[:end], "low": low[:end].tolist(), "median": half[:end].tolist(),
        "high": high[:end].tolist(),
    }  # fmt: skip


class Slowness(NamedTuple):
    """How many times ReLU's steps a setting takes, and whether it takes more: some of its runs
    never got there."""

    interval: Interval
    is_least: bool

    def __str__(self) -> str:
        return "at least " * self.is_least + ratio(self.interval)


def slowness(
    numbers: Numbers, one: dict[str, Any], target: float, level: float = 0.95,
    method: str = "bootstrap",
) -> Slowness:  # fmt: skip
    """The steps of a setting against those of ReLU in the same place, by pairs."""
    i = numbers["targets"].index(target)
    steps, base = one["steps"][i], relu_of(numbers, one)["steps"][i]
    interval = paired_slowness(steps, base, numbers["most"], FAMILY, level, method)
    return Slowness(interval, None in steps)


def relu_of(numbers: Numbers, one: dict[str, Any]) -> dict[str, Any]:
    """ReLU's setting in the same place."""
    found: dict[str, Any] = next(
        other for other in numbers["settings"]
        if other["activation"] == "relu" and place(other) == place(one)
    )  # fmt: skip
    return found


def opened(holds: dict[str, bool | None]) -> list[str]:
    """Where it is undecided."""
    return [where for where, is_so in holds.items() if is_so is None]


def place(one: dict[str, Any]) -> str:
    """The net and the start."""
    return f"{one['net']}, {one['init']}"


def named(one: dict[str, Any]) -> str:
    """The whole setting."""
    return f"{one['activation']}, {place(one)}"


def panel(where: str, settings: Sequence[dict[str, Any]]) -> Lines:
    """The curves of one net and start."""
    curves = {one["activation"]: one["curve"] for one in settings if place(one) == where}
    series = [
        Series(name, c["steps"], c["median"], c["low"], c["high"]) for name, c in curves.items()
    ]
    return Lines(where, "steps", "training error", series, log_x=True, log_y=True)


def medians(one: dict[str, Any], base: dict[str, Any]) -> list[str]:
    """A row of the table of medians."""
    i = TARGETS.index(JUDGED)
    is_whole = None not in (*one["seconds"][i], *base["seconds"][i])
    is_compared = is_whole and one is not base
    return [
        named(one), f"{one['rate']:g}", *[count(median(steps)) for steps in one["steps"]],
        count(median(one["seconds"][i]), 2),
        ratio(ratio_of_medians(one["seconds"][i], base["seconds"][i])) if is_compared else "–",
    ]  # fmt: skip


def tuning(one: dict[str, Any]) -> str:
    """The grid with its results."""
    tried = "; ".join(f"{rate:g}: {count(score)}" for rate, score in one["tried"])
    return tried if one["is_interior"] else f"{tried} (best at the edge)"
