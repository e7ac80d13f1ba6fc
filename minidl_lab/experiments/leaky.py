"""Leaky: whether a slope below zero makes ReLU better."""

from collections.abc import Sequence
from typing import Any

import minidl
from minidl import nn

from ..bench import Bench, Digits
from ..charts import Chart, Intervals, Row, Table
from ..experiment import Experiment, Numbers, Verdict
from ..statistics import Interval, paired
from ..trainings import error, half_cosine, sgd, train
from ..words import listed, points

SIZES = [784, 256, 128, 10]
SLOPES = [0.01, 0.1, 0.18, 0.3]
BATCH, LR, MOMENTUM, EPOCHS = 128, 0.05, 0.9, 6


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
        "784-256-128-10 with ReLU and with leaky ReLU of slope 0.01, 0.1, 0.18 and 0.3 is trained "
        "on all training images for 6 epochs: SGD, rate 0.05, momentum 0.9, batches of 128, half "
        "a cosine; the schedule was chosen for none of them.\n\n"
        "Ten seeds. With each seed all start from the same weights, those of He's initialisation "
        "for ReLU (normal, variance 2 / inputs) in every layer, and see the same batches: the "
        "runs are pairs. A steeper slope would ask for smaller weights (at 0.3 by 4 %); they are "
        "left alike, so that the slope is all that differs. A run that diverges counts with the "
        "error that its net has.\n\n"
        "ReLU's test error minus the leaky one's is taken seed by seed. Four slopes are compared "
        "with ReLU; the intervals are Student's at 98.75 %, so that all four hold at once with "
        "95 % (Bonferroni)."
    )
    rule = (
        "Reproduced (not consistent) if no slope's interval leaves out 0, or if one slope is "
        "better and another worse by theirs. Not reproduced if all slopes are better or all are "
        "worse: that would be consistent. If some are better, or some worse, and the others show "
        "no difference, it is true only when the slope is one of those others."
    )
    seconds = {"full": 140, "quick": 2}

    def measure(self, bench: Bench) -> Numbers:
        """Trains ReLU, each slope, and what the user has added."""
        epochs, seeds = bench.scale.epochs(EPOCHS), bench.scale.some(10)
        nets = [("relu", 0.0), *[("leaky_relu", slope) for slope in SLOPES]]
        nets += [(name, 0.0) for name in bench.activations("relu")[1:]]
        errors = {
            named(activation, slope): [
                bench.cell(learn, activation=activation, slope=slope, seed=seed, epochs=epochs)[
                    "error"
                ]
                for seed in seeds
            ]
            for activation, slope in nets
        }
        return {"seeds": seeds, "errors": errors, "gains": gains(errors)}

    def judge(self, numbers: Numbers) -> Verdict:
        """By the rule."""
        found = {slope: numbers["gains"][named("leaky_relu", slope)] for slope in SLOPES}
        better = [slope for slope, (_, low, _) in found.items() if low > 0]
        worse = [slope for slope, (_, _, high) in found.items() if high < 0]
        evidence = "Points of test error below ReLU's: " + "; ".join(
            f"slope {slope}: {points([gain])}, {signs(numbers, slope)}"
            for slope, gain in found.items()
        )
        if (better and worse) or not (better or worse):
            sort = (
                "some slopes are better, some worse"
                if better
                else "no difference is shown at any slope"
            )
            return Verdict("reproduced", f"{sort}, with these seeds", f"{evidence}.")
        if len(better or worse) == len(SLOPES):
            sort = "better" if better else "worse"
            return Verdict("not reproduced", f"every slope is {sort}", f"{evidence}.")
        others = " or ".join(str(slope) for slope in SLOPES if slope not in better + worse)
        which = listed([*map(str, better or worse)])
        sort = "better" if better else "worse"
        words = f"the slope is {others}, where no difference is shown; at {which} it is {sort}"
        return Verdict("true only when", words, f"{evidence}.")

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The differences, and the errors."""
        rows = [
            Row(name, *[100 * number for number in gain])
            for name, gain in numbers["gains"].items()
        ]  # fmt: skip
        return [
            Intervals(
                "Test error below ReLU's", "percentage points", rows,
                "Mean of the differences seed by seed, with the interval that holds for all four "
                "slopes at once. Right of 0 is better than ReLU.", reference=0.0,
            ),
            Table(
                "Test error",
                ["activation", "mean", *[f"seed {seed}" for seed in numbers["seeds"]]],
                [
                    [name, *[f"{100 * one:.2f}" for one in (sum(values) / len(values), *values)]]
                    for name, values in numbers["errors"].items()
                ],
                "In per cent. The runs in a column started from the same weights and saw the "
                "same batches.",
            ),
        ]  # fmt: skip


def learn(
    digits: Digits, *, activation: str, slope: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Trains a net; its test error. The slope is that of leaky ReLU."""
    options: dict[str, Any] = {"negative_slope": slope} if slope else {}
    minidl.manual_seed(seed)
    net = nn.MLP(SIZES, activation, init="he_normal", **options)
    train(
        net, digits.x, digits.y, sgd(net, LR, MOMENTUM), epochs=epochs, batch=BATCH, seed=seed,
        schedule=half_cosine(digits.x, BATCH, epochs),
    )  # fmt: skip
    return {"error": error(net, digits.x_test, digits.y_test)}


def gains(errors: dict[str, list[float]]) -> dict[str, Interval]:
    """How far each activation's error is below ReLU's, by pairs."""
    base = errors["relu"]
    return {
        name: paired(base, values, len(SLOPES)) for name, values in errors.items() if name != "relu"
    }


def signs(numbers: Numbers, slope: float) -> str:
    """With how many seeds this slope was the better one."""
    base, values = numbers["errors"]["relu"], numbers["errors"][named("leaky_relu", slope)]
    better = sum(a > b for a, b in zip(base, values, strict=True))
    return f"better with {better} of {len(base)} seeds"


def named(activation: str, slope: float) -> str:
    """The activation with its slope."""
    return f"{activation} {slope}" if slope else activation
