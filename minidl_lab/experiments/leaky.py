"""Leaky: whether a slope below zero makes ReLU better."""

from collections.abc import Sequence
from typing import Any, ClassVar

import minidl
from minidl import nn

from ..bench import Bench, Digits
from ..charts import Chart, Intervals, Row, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rules import LEVELS, METHODS, around, is_above, is_below, too_small
from ..statistics import Interval, paired_ratio
from ..trainings import error, half_cosine, sgd, train
from ..words import listed, of_100, percent, ratio

SLOPES = [0.01, 0.1, 0.3]
TASKS: dict[str, dict[str, Any]] = {  # the first images, the hidden layers, rate and epochs
    "all images": {"images": 60_000, "hidden": [256, 128], "lr": 0.05, "epochs": 4},
    "6000 images": {"images": 6_000, "hidden": [256, 128], "lr": 0.05, "epochs": 15},
    "six layers": {"images": 60_000, "hidden": [128] * 5, "lr": 0.05, "epochs": 3},
    "a high rate": {"images": 60_000, "hidden": [256, 128], "lr": 0.2, "epochs": 3},
}
BATCH, MOMENTUM = 128, 0.9
FAMILY = len(SLOPES) * len(TASKS)  # comparisons


class Leaky(Experiment):
    """y = x where x > 0, else slope · x."""

    name = "leaky"
    title = "Leaky ReLU"
    claim = (
        "Some people report success with this form of activation function, but the results are "
        "not always consistent."
    )
    source = (
        "CS231n, Neural Networks Part 1, Leaky ReLU; Maas, Hannun & Ng 2013 (slope 0.01: no gain "
        "over ReLU); Xu et al. 2015 (slopes of 0.18 and more: better than 0.01)"
    )
    protocol = (
        "ReLU and leaky ReLU of slope 0.01, 0.1 and 0.3 are compared on four tasks: 784-256-128-10 "
        "on all training images (rate 0.05, 4 epochs), on the first 6000 (15 epochs), on all at a "
        "rate four times as high (3 epochs), and a net with five hidden layers of 128 (rate 0.05, "
        "3 epochs). SGD with momentum 0.9, batches of 128, half a cosine; no schedule was chosen "
        "for one of them.\n\n"
        "Ten seeds. With each seed all start from the same weights, those of He's initialisation "
        "for ReLU (normal, variance 2 / inputs) in every layer, and see the same batches: the "
        "runs are pairs. A steeper slope would ask for smaller weights (at 0.3 by 4 %); they are "
        "left alike, so that the slope is all that differs. A run that diverges counts with the "
        "error that its net has.\n\n"
        "Judged is the test error in units of ReLU's with the same seed, the geometric mean over "
        "the seeds. The twelve intervals are Student's for the logarithms, so wide that all hold "
        "at once with 95 % (Bonferroni)."
    )
    rule = (
        "With a slope a task goes better than with ReLU if the whole interval of the errors' ratio "
        "is more than 5 % below 1, and not better if its whole interval is above that; else it is "
        "open. (It is worse if the whole interval is more than 5 % above 1.) Reproduced if at "
        "least one of the twelve is better and at least one is not: success, but not consistent. "
        "Not reproduced if all are better, or if none is: either would be consistent. Else "
        "undecided."
    )
    tried: ClassVar = {"margin": around(0.05), "level": LEVELS, "method": METHODS}
    seconds: ClassVar = {"full": 240, "quick": 6}

    def measure(self, bench: Bench) -> Numbers:
        """Trains ReLU, each slope, and what the user has added, on each task."""
        seeds = bench.scale.some(10)
        nets = [("relu", 0.0), *[("leaky_relu", slope) for slope in SLOPES]]
        nets += [(name, 0.0) for name in bench.activations("relu")[1:]]
        return {
            "seeds": seeds,
            "errors": {
                task: {
                    named(activation, slope): [
                        bench.cell(
                            learn, task=task, activation=activation, slope=slope, seed=seed,
                            epochs=bench.scale.epochs(given["epochs"]),
                        )["error"]
                        for seed in seeds
                    ]
                    for activation, slope in nets
                }
                for task, given in TASKS.items()
            },
        }  # fmt: skip

    def judge(
        self, numbers: Numbers, margin: float = 0.05, level: float = 0.95, method: str = "student"
    ) -> Verdict:
        """By the rule."""
        found = {
            (task, slope): interval
            for task, ratios in compared(numbers, level, method).items()
            for slope, interval in ratios.items()
            if slope in map(leaky, SLOPES)
        }
        better = {case: is_below(one, 1 / (1 + margin)) for case, one in found.items()}
        worse = [case for case, one in found.items() if is_above(one, 1 + margin)]
        told = {
            "better": [case for case, is_so in better.items() if is_so],
            "worse": worse,
            "not better": [c for c, is_so in better.items() if is_so is False and c not in worse],
            "open": [case for case, is_so in better.items() if is_so is None],
        }
        evidence = (
            "; ".join(f"{word}: {cases_in_words(cases)}" for word, cases in told.items() if cases)
            + f" (margin {percent(margin)}, {FAMILY} intervals that hold at once)."
        )
        evidence = evidence[0].upper() + evidence[1:]
        best, *_, worst = sorted(found, key=lambda case: found[case][0])
        effect = (
            f"Leaky ReLU's test error is between {ratio(found[best])} ({best[0]}, "
            f"{best[1].replace('leaky_relu', 'slope')}) and {ratio(found[worst])} ({worst[0]}, "
            f"{worst[1].replace('leaky_relu', 'slope')}) times ReLU's."
        )
        is_so, is_not = [*better.values()].count(True), [*better.values()].count(False)
        words = f"it is better in {is_so} comparisons, not better in {is_not}"
        if is_so and is_not:
            return Verdict("reproduced", words, evidence, effect)
        if FAMILY in (is_so, is_not):
            return Verdict("not reproduced", words, evidence, effect)
        return Verdict(
            "undecided", f"{words}, and {FAMILY - is_so - is_not} are open", evidence, effect
        )

    def in_short(self, numbers: Numbers) -> str:
        """In a sentence."""
        found = [
            ratios[leaky(slope)].value for ratios in compared(numbers).values() for slope in SLOPES
        ]
        return (
            f"Where ReLU makes 100 mistakes, leaky ReLU makes {of_100(min(found))} to "
            f"{of_100(max(found))}, by task and slope."
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The ratios, and the errors."""
        rows = [
            Row(f"{name.replace('leaky_relu', 'slope')}, {task}", *interval)
            for task, ratios in compared(numbers).items()
            for name, interval in ratios.items()
        ]
        return [
            Intervals(
                "Test error against ReLU's", "times ReLU's error", rows,
                "Geometric mean of the ratios seed by seed, with the interval that holds for all "
                "twelve at once. Left of 1 is better than ReLU.",
                reference=1.0, same=too_small(self),
            ),
            Table(
                "Test error",
                ["task, activation", "mean", *[f"seed {seed}" for seed in numbers["seeds"]]],
                [
                    [f"{task}, {name}",
                     *[f"{100 * one:.2f}" for one in (sum(values) / len(values), *values)]]
                    for task, errors in numbers["errors"].items()
                    for name, values in errors.items()
                ],
                "In per cent. The runs in a column started from the same weights and saw the "
                "same batches.",
            ),
        ]  # fmt: skip


def learn(
    digits: Digits, *, task: str, activation: str, slope: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Trains a net; its test error. The slope is that of leaky ReLU."""
    given = TASKS[task]
    options: dict[str, Any] = {"negative_slope": slope} if slope else {}
    minidl.manual_seed(seed)
    net = nn.MLP([784, *given["hidden"], 10], activation, init="he_normal", **options)
    x, y = digits.x[: given["images"]], digits.y[: given["images"]]
    train(
        net, x, y, sgd(net, given["lr"], MOMENTUM), epochs=epochs, batch=BATCH, seed=seed,
        schedule=half_cosine(x, BATCH, epochs),
    )  # fmt: skip
    return {"error": error(net, digits.x_test, digits.y_test)}


def compared(
    numbers: Numbers, level: float = 0.95, method: str = "student"
) -> dict[str, dict[str, Interval]]:
    """On each task, the error of each but ReLU in units of ReLU's, by pairs."""
    return {
        task: {
            name: paired_ratio(values, errors["relu"], FAMILY, level, method)
            for name, values in errors.items()
            if name != "relu"
        }
        for task, errors in numbers["errors"].items()
    }


def cases_in_words(cases: Sequence[tuple[str, str]]) -> str:
    """Tasks, each with its slopes."""
    slopes: dict[str, list[str]] = {}
    for task, name in cases:
        slopes.setdefault(task, []).append(name.removeprefix("leaky_relu "))
    return ", ".join(f"{task} with {listed(several)}" for task, several in slopes.items())


def leaky(slope: float) -> str:
    """Leaky ReLU of this slope."""
    return named("leaky_relu", slope)


def named(activation: str, slope: float) -> str:
    """The activation with its slope."""
    return f"{activation} {slope}" if slope else activation
