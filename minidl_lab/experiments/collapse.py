"""Collapse: without the activation, layers are one matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import nn
from minidl.step.prediction import predict

from ..bench import Bench, Digits
from ..charts import Chart, Intervals, Row, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rounding import gamma
from ..statistics import mean_interval, paired
from ..trainings import as_numbers, error, half_cosine, net_of, sgd, train
from ..words import points

HIDDEN = {"one layer": [], "two layers": [128], "three layers": [256, 128]}
BATCH, LR, MOMENTUM = 64, 0.02, 0.9
WIDE = 0.01  # error rates that differ by less are called equal: a percentage point


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
        "Reproduced if no output is further off than rounding allows, if the mean test error of "
        "each deep linear net is within one percentage point of the one layer's, and if each "
        "ReLU net's error is lower than that by more than a point, over the whole 95 % interval "
        "of the paired differences."
    )
    seconds = {"full": 90, "quick": 2}

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
        base = errors["one layer"]
        return {
            "errors": errors,
            "rounding": max(row["rounding"] for row in rows),
            "less_than_one_layer": {net: paired(base, values) for net, values in errors.items()},
        }

    def judge(self, numbers: Numbers) -> Verdict:
        """By the rule."""
        gains = numbers["less_than_one_layer"]
        is_one_matrix = numbers["rounding"] <= 1
        linear = [g for net, g in gains.items() if net.endswith("identity")]
        bent = [g for net, g in gains.items() if net.endswith("relu")]
        evidence = (
            f"The product of the matrices gives the nets' outputs within "
            f"{numbers['rounding']:.2g} of what rounding allows; deep linear nets have "
            f"{points(linear)} points less error than one layer, ReLU nets {points(bent)}."
        )
        no_better = all(abs(g[0]) <= WIDE for g in linear)
        better = all(g[1] > WIDE for g in bent)
        parts = {
            "deep linear nets are not one matrix": is_one_matrix,
            "deep linear nets do not end at one layer's error": no_better,
            "ReLU nets are not shown to be better by more than a point": better,
        }
        failed = [part for part, holds in parts.items() if not holds]
        if failed:
            return Verdict("not reproduced", "; ".join(failed), evidence)
        return Verdict(
            "reproduced",
            "a deep linear net is one matrix, within a point of one layer; ReLU nets are better",
            evidence,
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The errors, and the numbers."""
        rows = [Row(net, *mean_interval(values)) for net, values in numbers["errors"].items()]
        less = numbers["less_than_one_layer"]
        return [
            Intervals(
                "Test error", "fraction of the test images", rows,
                "Mean and 95 % interval over the seeds.",
            ),
            Table(
                "Test error", ["net", "error", "points below one layer"],
                [
                    [row.label, f"{row.value:.2%}", points([less[row.label]])]
                    for row in rows
                ],
            ),
        ]  # fmt: skip


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
