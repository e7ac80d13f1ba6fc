"""Collapse: without the activation, layers are one matrix."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from minidl import nn
from minidl.step.prediction import predict

from ..bench import Bench, Digits
from ..charts import Chart, Intervals, Row, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rounding import gamma
from ..rules import LEVELS, METHODS, Interval, around, every, is_below, is_inside, outcome
from ..statistics import mean_interval, paired_ratio
from ..trainings import as_numbers, error, half_cosine, net_of, sgd, train
from ..words import listed, of_100, parts_in_words, percent, ratio

HIDDEN = {"one layer": [], "two layers": [128], "three layers": [256, 128]}
DEEP = [depth for depth in HIDDEN if HIDDEN[depth]]
FAMILY = 2 * len(DEEP)  # comparisons with one layer
BATCH, LR, MOMENTUM = 64, 0.02, 0.9


class Collapse(Experiment):
    """W3 W2 W1 x = W x."""

    name = "collapse"
    title = "Collapse"
    claim = (
        "Without the non-linearity a net of two or three layers equals one matrix: the activation "
        "is where the wiggle comes from."
    )
    source = "CS231n, Neural Networks Part 1, introduction"
    protocol = (
        "784-10, 784-128-10 and 784-256-128-10, the deeper ones with identity and with ReLU "
        "between the layers, are trained by SGD (rate 0.02, momentum 0.9, batches of 64, half a "
        "cosine) for 10 epochs, five seeds each. A run that diverges counts with the error that "
        "its net has.\n\n"
        "The matrices of the linear nets are multiplied in float64, W = W1 W2 W3 and "
        "b = (b1 W2 + b2) W3 + b3, and x W + b is compared with the net's own outputs for all test "
        "images. Rounding allows an output to be off by γ(k) = k ε / (1 - k ε) of the sum of the "
        "absolute products, with k = 784 + 256 + 128 + 3 additions at most and ε = 2⁻²⁴ (Higham "
        "2002, section 3.1)."
    )
    rule = (
        "Judged are the test errors in units of one layer's with the same seed: geometric means "
        "over the seeds, with four intervals that hold at once with 95 % (Bonferroni). For each "
        "depth: the linear net is one matrix if no output is further off than rounding allows, "
        "and learns what one layer does if the ratio is within 5 % of 1; ReLU is where the "
        "difference comes from if the ReLU net's error is lower by more than 5 %. Reproduced if "
        "all three hold for both depths; not reproduced if one of them fails for either; "
        "undecided if an interval reaches over an end of the margin."
    )
    tried: ClassVar = {
        "margin": around(0.05), "allowed": around(1.0), "level": LEVELS, "method": METHODS
    }  # fmt: skip
    seconds: ClassVar = {"full": 90, "quick": 2}

    def measure(self, bench: Bench) -> Numbers:
        """Trains all five nets with every seed."""
        seeds, epochs = bench.scale.some(5), bench.scale.epochs(10)
        rows = [
            bench.cell(learn, depth=depth, activation=activation, seed=seed, epochs=epochs)
            | {"net": f"{depth}, {activation}" if HIDDEN[depth] else depth}
            for depth in HIDDEN
            for activation in (("identity", "relu") if HIDDEN[depth] else ("identity",))
            for seed in seeds
        ]
        errors: dict[str, list[float]] = {}
        for row in rows:
            errors.setdefault(row["net"], []).append(row["error"])
        return {"errors": errors, "rounding": max(row["rounding"] for row in rows)}

    def judge(
        self, numbers: Numbers, margin: float = 0.05, allowed: float = 1.0, level: float = 0.95,
        method: str = "student",
    ) -> Verdict:  # fmt: skip
        """By the rule."""
        ratios = against_one_layer(numbers["errors"], level, method)
        linear = [ratios[f"{depth}, identity"] for depth in DEEP]
        bent = [ratios[f"{depth}, relu"] for depth in DEEP]
        parts = {
            "a deep linear net is one matrix": numbers["rounding"] <= allowed,
            "it learns what one layer does": every(
                [is_inside(one, 1 / (1 + margin), 1 + margin) for one in linear]
            ),
            "ReLU nets err less": every([is_below(one, 1 / (1 + margin)) for one in bent]),
        }
        effect = (
            f"Deep linear nets have {listed([*map(ratio, linear)])} times the test error of one "
            f"layer, ReLU nets {listed([*map(ratio, bent)])} times."
        )
        evidence = (
            f"The product of the matrices gives the nets' outputs within "
            f"{numbers['rounding']:.2g} of what rounding allows; the margin is {percent(margin)}."
        )
        found = outcome({"the claim": every([*parts.values()])})
        return Verdict(found, parts_in_words(parts), evidence, effect)

    def in_short(self, numbers: Numbers) -> str:
        """In a sentence."""
        ratios = against_one_layer(numbers["errors"])
        linear, bent = (of_100(ratios[f"{DEEP[-1]}, {one}"][0]) for one in ("identity", "relu"))
        return (
            f"Where one layer makes 100 mistakes, {DEEP[-1]} without an activation make {linear}, "
            f"and with ReLU {bent}."
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The errors, and the numbers."""
        rows = [Row(net, *mean_interval(values)) for net, values in numbers["errors"].items()]
        ratios = against_one_layer(numbers["errors"])
        return [
            Intervals(
                "Test error", "fraction of the test images", rows,
                "Mean and 95 % interval over the seeds.",
            ),
            Table(
                "Test error", ["net", "error", "times one layer's"],
                [
                    [row.label, f"{row.value:.2%}", ratio(ratios[row.label])]
                    for row in rows
                ],
            ),
        ]  # fmt: skip


def against_one_layer(
    errors: dict[str, list[float]], level: float = 0.95, method: str = "student"
) -> dict[str, Interval]:
    """Each net's test error in units of one layer's, by pairs."""
    base = errors["one layer"]
    return {
        net: paired_ratio(values, base, FAMILY, level, method) for net, values in errors.items()
    }


def learn(digits: Digits, *, depth: str, activation: str, seed: int, epochs: int) -> dict[str, Any]:
    """Trains a net; its test error, and for a linear net its distance from one matrix, in units of
    what rounding allows."""
    net = net_of([784, *HIDDEN[depth], 10], activation, seed)
    train(
        net, digits.x, digits.y, sgd(net, LR, MOMENTUM), epochs=epochs, batch=BATCH, seed=seed,
        schedule=half_cosine(digits.x, BATCH, epochs),
    )  # fmt: skip
    rounding = off(net, digits.x_test) if activation == "identity" else 0.0
    return {"error": error(net, digits.x_test, digits.y_test), "rounding": rounding}


def off(net: nn.MLP, x: np.ndarray) -> float:
    """The largest |net(x) - (x W + b)|, in units of the error bound of the net's additions."""
    pixels = as_numbers(x)
    bound, terms = pixels, 0
    product: np.ndarray = np.eye(784)
    offset: np.ndarray = np.zeros(784)
    for layer in net.layers:
        if isinstance(layer, nn.Dense):
            W = layer.weight.data.astype(np.float64)
            b = np.zeros(W.shape[1])
            if layer.bias is not None:
                b = layer.bias.data.astype(np.float64)
            product, offset = product @ W, offset @ W + b
            bound = bound @ np.abs(W) + np.abs(b)
            terms += len(W) + 1
    difference = np.abs(predict(net, x).astype(np.float64) - (pixels @ product + offset))
    return float((difference / (gamma(terms) * bound)).max())
