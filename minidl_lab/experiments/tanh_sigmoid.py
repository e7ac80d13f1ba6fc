"""Tanh or sigmoid: one is the other stretched and moved; which learns better?"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minidl import nn, schedules
from minidl.step.prediction import predict

from ..bench import Bench, Digits
from ..charts import Chart, Intervals, Row, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rules import LEVELS, METHODS, around, is_above, outcome, too_small
from ..statistics import Interval, paired_ratio, paired_slowness
from ..trainings import error, half_cosine, net_of, pursue, reached, sgd, train
from ..tuning import interior_best, median
from ..words import count, listed, of_100, percent, ratio

NETS = {"two layers": [128], "three layers": [256, 128]}
TARGETS = [0.05, 0.02, 0.01]  # training errors
BATCH, START, MOMENTUM, EPOCHS = 128, 0.1, 0.9, 15
HELD_OUT = 6  # the last sixth of the training images is for tuning
FAMILY = len(NETS) * (1 + len(TARGETS))  # comparisons


class TanhSigmoid(Experiment):
    """tanh x = 2 σ(2x) - 1."""

    name = "tanh-sigmoid"
    title = "Tanh or sigmoid"
    claim = "In practice the tanh non-linearity is always preferred to the sigmoid non-linearity."
    source = (
        "CS231n, Neural Networks Part 1, Tanh; LeCun, Bottou, Orr & Müller 1998, section 4.4 "
        "(outputs around 0 let a net learn faster)"
    )
    protocol = (
        "784-128-10 and 784-256-128-10 with tanh and with sigmoid, each from weights with its own "
        "gain, are trained to the end by SGD: momentum 0.9, batches of 128, half a cosine over 15 "
        "epochs, after which the rate is 0.\n\n"
        "The learning rate is tuned for each net and activation: 0.1 times powers of two, further "
        "and further until the best is not at the edge, by the mean over two seeds of the "
        "error on the last sixth of the training images after training on the others. Then ten "
        "other seeds train on all training images at that rate. With each seed both see the same "
        "batches and start from the same random numbers times the gain: the runs are pairs.\n\n"
        "Measured are the test error at the end and the steps to 5, 2 and 1 % training error (of "
        "the first 10,000 images, looked at every 8 % more steps, 20 at least, with straight lines "
        "between). Each is taken as sigmoid's in units of tanh's with the same seed: the geometric "
        "mean over the seeds, with Student's interval for the logarithms. There are eight such "
        "ratios, and the intervals are so wide that all hold at once with 95 % (Bonferroni). A run "
        "of sigmoid that never gets to a target counts as all 15 epochs; with one of tanh the "
        "ratio is not known.\n\n"
        "As σ(x) = (1 + tanh(x / 2)) / 2, each trained tanh net is also copied into a sigmoid "
        "net, weights doubled before a sigmoid and biases moved behind it, and the outputs are "
        "compared on the test images: what one can express the other can."
    )
    rule = (
        "Tanh is the better one in a comparison if sigmoid's test error, or its steps, are more "
        "than 5 % above tanh's by the whole interval; it is not if the whole interval is below "
        "that. Reproduced ('always') if it is better in all eight; not reproduced if it is in none "
        "and is shown not to be in one at least; true only in those where it is, if in others it "
        "is shown not to be; else undecided."
    )
    tried: ClassVar = {"margin": around(0.05), "level": LEVELS, "method": METHODS}
    seconds: ClassVar = {"full": 360, "quick": 12}

    def measure(self, bench: Bench) -> Numbers:
        """Tunes, then trains, each net with each activation."""
        epochs = bench.scale.epochs(EPOCHS)
        return {
            "most": steps_in(bench.digits, epochs),
            "settings": [
                setting(bench, net, activation, epochs)
                for net in NETS
                for activation in bench.activations("tanh", "sigmoid")
            ],
        }

    def judge(
        self, numbers: Numbers, margin: float = 0.05, level: float = 0.95, method: str = "student"
    ) -> Verdict:
        """By the rule."""
        found = compared(numbers, "sigmoid", level, method)
        better = {case: is_above(one, 1 + margin) for case, one in found.items()}
        errors = [f"{ratio(found[net, ERROR])} times ({net})" for net in NETS]
        effect = f"Sigmoid's test error after training to the end is {listed(errors)} tanh's."
        steps = "; ".join(
            f"with {net} sigmoid takes "
            + listed([f"{ratio(found[net, word])} times tanh's {word}" for word in STEPS])
            for net in NETS
        )
        ends = [max(one["ends"]) for one in numbers["settings"]]
        copies = [one["copy"] for one in numbers["settings"] if one["copy"] is not None]
        evidence = [
            f"{steps[0].upper()}{steps[1:]}",
            f"training error at the end is {percent(max(ends))} at most",
            *[f"a tanh net's sigmoid copy gives its outputs within {max(copies):.1g} of the "
              "largest" for _ in copies[:1]],
        ]  # fmt: skip
        edges = [named(one) for one in numbers["settings"] if not one["is_interior"]]
        if edges:
            evidence.append(f"no best rate inside the grid was found for {', '.join(edges)}")
        cases = {state: [f"{what} of {net}" for (net, what), is_so in better.items()
                         if is_so is state] for state in (True, False, None)}  # fmt: skip
        verdict = outcome({str(case): is_so for case, is_so in better.items()})
        words = {
            "reproduced": "tanh is better in all eight comparisons",
            "not reproduced": "tanh is shown to be better in no comparison",
            "true only when": f"one looks at the {listed(cases[True])}",
            "undecided": f"open is the {listed(cases[None])}",
        }[verdict]
        return Verdict(verdict, words, "; ".join(evidence) + ".", effect)

    def in_short(self, numbers: Numbers) -> str:
        """In a sentence."""
        found = compared(numbers, "sigmoid")
        mistakes, steps = (
            listed([f"{of_100(found[net, what].value)} with {net}" for net in NETS])
            for what in (ERROR, STEPS[-1])
        )
        return (
            f"Where tanh makes 100 mistakes in the end, sigmoid makes {mistakes}; where tanh needs "
            f"100 {STEPS[-1]}, sigmoid needs {steps}."
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The ratios, the numbers, and the tuning."""
        settings = numbers["settings"]
        others = [one for one in dict.fromkeys(s["activation"] for s in settings) if one != "tanh"]
        rows = [
            Row(f"{other}, {net}: {what}", *one)
            for other in others
            for (net, what), one in compared(numbers, other).items()
            if np.isfinite(one).all()
        ]
        return [
            Intervals(
                "Against tanh", "times tanh's", rows,
                "Test errors and steps in units of tanh's, geometric mean over the pairs, with "
                f"intervals of which the {FAMILY} of an activation hold at once. Right of 1 tanh "
                "is better.", reference=1.0, log=True, same=too_small(self),
            ),
            Table(
                "Medians",
                ["activation, net", "rate", "test error", "training error",
                 *[f"steps to {percent(target)}" for target in TARGETS]],
                [
                    [named(one), f"{one['rate']:g}", f"{100 * np.median(one['errors']):.2f} %",
                     percent(float(np.median(one["ends"]))),
                     *[count(median(steps)) for steps in one["steps"]]]
                    for one in settings
                ],
                "Errors are those at the end. A dash: at least half of the runs never got there.",
            ),
            Table(
                "Tuning", ["activation, net", "rate: error on the images held out"],
                [[named(one), tuning(one)] for one in settings],
                "The mean over the tuning seeds for each rate that was tried; a dash where it "
                "diverged.",
            ),
        ]  # fmt: skip


ERROR = "test error"
STEPS = [f"steps to {percent(target)}" for target in TARGETS]


def setting(bench: Bench, net: str, activation: str, epochs: int) -> dict[str, Any]:
    """Tunes the rate, then trains with the reported seeds."""
    what = {"hidden": NETS[net], "activation": activation, "epochs": epochs}

    def score(rate: float, best: float | None) -> float | None:
        """The median error on the images held out."""
        runs = [
            bench.cell(held_out, **what, lr=rate, seed=seed) for seed in bench.scale.for_tuning(2)
        ]
        return median([one["error"] for one in runs])

    tuned = interior_best(score, START)
    runs = [bench.cell(learn, **what, lr=tuned.rate, seed=seed) for seed in bench.scale.some(10)]
    copies = [one["copy"] for one in runs if one["copy"] is not None]
    return {
        "net": net, "activation": activation, **tuned._asdict(),
        "errors": [one["error"] for one in runs],
        "ends": [one["errors"][-1] if one["errors"] else 1.0 for one in runs],
        "steps": [[reached(one["steps"], one["errors"], t) for one in runs] for t in TARGETS],
        "copy": max(copies, default=None),
    }  # fmt: skip


def steps_in(digits: Digits, epochs: int) -> int:
    """How many whole batches there are in so many epochs."""
    return epochs * max(1, len(digits.x) // BATCH)


def held_out(
    digits: Digits, *, hidden: list[int], activation: str, lr: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Trains on all but the last sixth of the training images; the error there, None if it
    diverged."""
    n = len(digits.x) - len(digits.x) // HELD_OUT
    x, y = digits.x[:n], digits.y[:n]
    net = net_of([784, *hidden, 10], activation, seed)
    losses = train(
        net, x, y, sgd(net, lr, MOMENTUM), epochs=epochs, batch=BATCH, seed=seed,
        schedule=half_cosine(x, BATCH, epochs),
    )  # fmt: skip
    is_finite = bool(np.isfinite(losses).all())
    return {"error": error(net, digits.x[n:], digits.y[n:]) if is_finite else None}


def learn(
    digits: Digits, *, hidden: list[int], activation: str, lr: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Trains on all training images; the test error, the curve of the training error, and of tanh
    how far the sigmoid copy's outputs are off."""
    net = net_of([784, *hidden, 10], activation, seed)
    most = steps_in(digits, epochs)
    curve = pursue(
        net, digits.x, digits.y, sgd(net, lr, MOMENTUM), batch=BATCH, seed=seed, goal=None,
        most=most, schedule=schedules.cosine(most),
    )  # fmt: skip
    return {
        "error": error(net, digits.x_test, digits.y_test), "steps": curve.steps,
        "errors": curve.errors, "copy": off(net, digits.x_test) if activation == "tanh" else None,
    }  # fmt: skip


def off(net: nn.MLP, x: np.ndarray) -> float | None:
    """The largest difference between the outputs of a tanh net and of its sigmoid copy, as a share
    of the largest output; None if they are not finite."""
    y = predict(net, x)
    share = float(np.abs(predict(sigmoid_copy(net), x) - y).max() / np.abs(y).max())
    return share if np.isfinite(share) else None


def sigmoid_copy(net: nn.MLP) -> nn.MLP:
    """The sigmoid net with the outputs of this tanh net. With tanh x = 2 σ(2x) - 1, the layer
    after an activation takes 2h - 1 for what was h, and the one before a sigmoid gives twice z."""
    dense = [layer for layer in net.layers if isinstance(layer, nn.Dense)]
    copy = nn.MLP([dense[0].weight.shape[0], *[one.weight.shape[1] for one in dense]], "sigmoid")
    copied = [layer for layer in copy.layers if isinstance(layer, nn.Dense)]
    for i, (one, other) in enumerate(zip(dense, copied, strict=True)):
        W, b = one.weight.data, one.bias.data  # type: ignore[union-attr]
        if i > 0:
            W, b = 2 * W, b - W.sum(axis=0)
        if i < len(dense) - 1:
            W, b = 2 * W, 2 * b
        other.weight.data[...] = W
        other.bias.data[...] = b  # type: ignore[union-attr]
    return copy


def compared(
    numbers: Numbers, activation: str, level: float = 0.95, method: str = "student"
) -> dict[tuple[str, str], Interval]:
    """By net, and what is compared: the activation's in units of tanh's."""
    found = {}
    of = {(one["net"], one["activation"]): one for one in numbers["settings"]}
    for net in NETS:
        one, base = of[net, activation], of[net, "tanh"]
        how: dict[str, Any] = {"comparisons": FAMILY, "level": level, "method": method}
        found[net, ERROR] = paired_ratio(one["errors"], base["errors"], **how)
        for word, above, below in zip(STEPS, one["steps"], base["steps"], strict=True):
            found[net, word] = paired_slowness(above, below, numbers["most"], **how)
    return found


def named(one: dict[str, Any]) -> str:
    """The activation and the net."""
    return f"{one['activation']}, {one['net']}"


def tuning(one: dict[str, Any]) -> str:
    """The grid with its results."""
    tried = "; ".join(
        f"{rate:g}: {count(None if score is None else 100 * score, 2)}"
        for rate, score in one["tried"]
    )
    return f"{tried} %" + ("" if one["is_interior"] else " (best at the edge)")
