"""Tanh or sigmoid: one is the other stretched and moved; which learns better?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import nn, schedules
from minidl.step.prediction import predict

from ..bench import Bench, Digits
from ..charts import Chart, Intervals, Row, Table
from ..experiment import Experiment, Numbers, Verdict
from ..statistics import paired, slowness
from ..trainings import error, half_cosine, net_of, pursue, reached, sgd, train
from ..tuning import interior_best, median
from ..words import count, listed, percent, points, ratio

NETS = {"two layers": [128], "three layers": [256, 128]}
TARGETS = [0.05, 0.02]  # training errors; the first decides
BATCH, START, MOMENTUM, EPOCHS = 128, 0.1, 0.9, 4
HELD_OUT = 6  # the last sixth of the training images is for tuning


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
        "gain, are trained by SGD: momentum 0.9, batches of 128, half a cosine over 4 epochs.\n\n"
        "The learning rate is tuned for each net and activation: 0.1 times powers of two, further "
        "and further until the best is not at the edge, by the median over three seeds of the "
        "error on the last sixth of the training images after training on the others. Then ten "
        "other seeds train on all training images at that rate. With each seed both see the same "
        "batches and start from the same random numbers times the gain: the runs are pairs.\n\n"
        "Measured are the test error at the end, sigmoid's minus tanh's, with Student's 95 % "
        "interval for pairs, and the steps to 5 % training error (of the first 10,000 images, "
        "looked at every 8 % more steps, 20 at least, with straight lines between) as the ratio "
        "of the medians with its 95 % bootstrap interval. A run of sigmoid that never gets there "
        "counts as all 4 epochs, one of tanh as endless; one that diverges counts with the test "
        "error that its net has.\n\n"
        "As σ(x) = (1 + tanh(x / 2)) / 2, each trained tanh net is also copied into a sigmoid "
        "net, weights doubled before a sigmoid and biases moved behind it, and the outputs are "
        "compared on the test images: what one can express the other can."
    )
    rule = (
        "Reproduced if on both nets tanh has less test error and takes fewer steps to 5 % "
        "training error, each by the whole 95 % interval. Not reproduced if none of the four "
        "holds; else it is true only when one looks at those that do. The four intervals are not "
        "corrected for their number."
    )
    seconds = {"full": 165, "quick": 8}

    def measure(self, bench: Bench) -> Numbers:
        """Tunes, then trains, each net with each activation."""
        most = EPOCHS * max(1, len(bench.digits.x) // BATCH)
        settings = [
            setting(bench, net, activation, most)
            for net in NETS
            for activation in bench.activations("tanh", "sigmoid")
        ]
        base = {one["net"]: one for one in settings if one["activation"] == "tanh"}
        return {
            "settings": settings,
            "against_tanh": [
                compared(one, base[one["net"]], most)
                for one in settings
                if one["activation"] != "tanh"
            ],
        }

    def judge(self, numbers: Numbers) -> Verdict:
        """By the rule."""
        judged = [one for one in numbers["against_tanh"] if one["activation"] == "sigmoid"]
        held = [f"the test error of {one['net']}" for one in judged if one["error"][1] > 0]
        held += [f"the steps of {one['net']}" for one in judged if one["steps"][1] > 1]
        evidence = "; ".join(
            f"with {one['net']} sigmoid has {points([one['error']])} points more test error and "
            f"takes {'at least ' * one['is_least']}{ratio(one['steps'])} times tanh's steps to "
            f"{percent(TARGETS[0])} training error"
            for one in judged
        )
        copies = [one["copy"] for one in numbers["settings"] if one["copy"] is not None]
        if copies:
            evidence += "; a tanh net's sigmoid copy gives its outputs within "
            evidence += f"{max(copies):.1g} of the largest"
        edges = [named(one) for one in numbers["settings"] if not one["is_interior"]]
        if edges:
            evidence += f"; no best rate inside the grid was found for {', '.join(edges)}"
        evidence = f"{evidence[0].upper()}{evidence[1:]}."
        if len(held) == 2 * len(judged):
            return Verdict(
                "reproduced", "tanh has less error, and is faster, in both nets", evidence
            )
        if held:
            return Verdict("true only when", f"one looks at {listed(held)}", evidence)
        return Verdict(
            "not reproduced", "tanh is not shown to have less error or fewer steps", evidence
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """Both differences, the numbers, and the tuning."""
        against, settings = numbers["against_tanh"], numbers["settings"]
        return [
            Intervals(
                "Test error above tanh's", "percentage points",
                [Row(named(one), *[100 * number for number in one["error"]]) for one in against],
                "Mean of the differences seed by seed, with its 95 % interval. Right of 0 tanh is "
                "better.", reference=0.0,
            ),
            Intervals(
                f"Steps to {percent(TARGETS[0])} training error", "times tanh's steps",
                [Row(named(one), *one["steps"]) for one in against if one["steps"][1] > 0],
                "Ratio of the medians, with its 95 % interval. Right of 1 tanh is faster.",
                reference=1.0,
            ),
            Table(
                "Medians",
                ["activation, net", "rate", "test error",
                 *[f"steps to {percent(target)}" for target in TARGETS]],
                [
                    [named(one), f"{one['rate']:g}", f"{100 * np.median(one['errors']):.2f} %",
                     *[count(median(steps)) for steps in one["steps"]]]
                    for one in settings
                ],
                "A dash: at least half of the runs never got there.",
            ),
            Table(
                "Tuning", ["activation, net", "rate: error on the images held out"],
                [[named(one), tuning(one)] for one in settings],
                "The median over the tuning seeds for each rate that was tried; a dash where it "
                "diverged.",
            ),
        ]  # fmt: skip


def setting(bench: Bench, net: str, activation: str, most: int) -> dict[str, Any]:
    """Tunes the rate, then trains with the reported seeds."""
    what = {"hidden": NETS[net], "activation": activation}

    def score(rate: float, best: float | None) -> float | None:
        """The median error on the images held out."""
        runs = [
            bench.cell(held_out, **what, lr=rate, seed=seed) for seed in bench.scale.for_tuning(3)
        ]
        return median([one["error"] for one in runs])

    tuned = interior_best(score, START)
    runs = [
        bench.cell(learn, **what, lr=tuned.rate, seed=seed, most=most)
        for seed in bench.scale.some(10)
    ]
    copies = [one["copy"] for one in runs if one["copy"] is not None]
    return {
        "net": net, "activation": activation, **tuned._asdict(),
        "errors": [one["error"] for one in runs],
        "steps": [[reached(one["steps"], one["errors"], t) for one in runs] for t in TARGETS],
        "copy": max(copies, default=None),
    }  # fmt: skip


def held_out(
    digits: Digits, *, hidden: list[int], activation: str, lr: float, seed: int
) -> dict[str, Any]:
    """Trains on all but the last sixth of the training images; the error there, None if it
    diverged."""
    n = len(digits.x) - len(digits.x) // HELD_OUT
    x, y = digits.x[:n], digits.y[:n]
    net = net_of([784, *hidden, 10], activation, seed)
    losses = train(
        net, x, y, sgd(net, lr, MOMENTUM), epochs=EPOCHS, batch=BATCH, seed=seed,
        schedule=half_cosine(x, BATCH, EPOCHS),
    )  # fmt: skip
    is_finite = bool(np.isfinite(losses).all())
    return {"error": error(net, digits.x[n:], digits.y[n:]) if is_finite else None}


def learn(
    digits: Digits, *, hidden: list[int], activation: str, lr: float, seed: int, most: int
) -> dict[str, Any]:
    """Trains on all training images; the test error, the curve of the training error, and of tanh
    how far the sigmoid copy's outputs are off."""
    net = net_of([784, *hidden, 10], activation, seed)
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


def compared(one: dict[str, Any], base: dict[str, Any], most: int) -> dict[str, Any]:
    """The differences to tanh on the same net."""
    return {
        "net": one["net"], "activation": one["activation"],
        "error": paired(one["errors"], base["errors"]),
        "steps": slowness(one["steps"][0], base["steps"][0], most),
        "is_least": None in one["steps"][0],
    }  # fmt: skip


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
