"""Zig-zag: if all inputs of a neuron have one sign, so have the gradients of its weights."""

from collections.abc import Sequence
from functools import cache
from math import comb
from typing import Any

import numpy as np

from minidl import data, nn
from minidl import functional as F
from minidl.diagnostics import sign_agreement
from minidl.engine.recording import no_grad
from minidl.engine.tensor import Tensor
from minidl.step.prediction import predict

from ..bench import Bench, Digits
from ..charts import Chart, Lines, Panels, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..statistics import Interval, mean_interval
from ..trainings import net_of, sgd, train
from ..tuning import interior_best
from ..words import listed, percent

UNITS = 128
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # of batches
LOOKS, ROWS = 10, 1024  # at most so many batches of a size, and so many rows; two in any case
LR, BATCH = 0.1, 64  # of the epoch between the two looks
PIXELS = ("raw pixels", "centred pixels")
COMPARED = (1, 64)  # batches with which raw and centred pixels are learned from
IMAGES = 10_000  # that they are learned from

INPUTS = {"sigmoid": "from sigmoid", "relu": "from ReLU", "raw pixels": "raw pixels"}  # all ≥ 0
USUAL = 128  # the batch at which signs must still agree for the claim to hold as it stands
HALF = 0.5  # of the way from chance to all


class Zigzag(Experiment):
    """One sign for all of a neuron's gradients."""

    name = "zigzag"
    title = "Zig-zag"
    claim = (
        "If all inputs of a neuron are positive, as those from sigmoid are, the gradients of its "
        "weights all have one sign, so the weights can only move in a zig-zag."
    )
    source = (
        "CS231n, Neural Networks Part 1, 'Sigmoid outputs are not zero-centered'; LeCun, Bottou, "
        "Orr & Müller 1998, Efficient BackProp, section 4.3"
    )
    protocol = (
        "784-128-128-10 with sigmoid, tanh or ReLU; the gradients are those of the second layer's "
        "weights, whose inputs are the activation's outputs. Then those of the first layer's, in a "
        "tanh net, with pixels from 0 to 1 as they are and with each pixel's mean over the "
        "training images taken off. Ten batches of them for each size from 1 to 1024, fewer of the "
        "large ones, down to two; before training and after an epoch of SGD (rate 0.1, batches of "
        "64), three seeds.\n\n"
        "A neuron's agreement is the share of its weight gradients, without those that are 0, that "
        "have the sign of the majority; the mean over the neurons with such gradients counts. "
        "Chance is the agreement of signs that a fair coin throws, for as many gradients: n of "
        "them have 1/2 + E|S| / 2n, where S is the sum of n signs.\n\n"
        "Does it slow learning? 784-128-10 with tanh learns for an epoch from the first 10,000 "
        "training images, raw or centred, by plain SGD in batches of 1 and of 64, each at its own "
        "best rate, found in steps of √10 with another seed so that both neighbours are worse. The "
        "mean cross-entropy over these images after the epoch is compared, three seeds."
    )
    rule = (
        "With batches of 1, agreement must be 1 in every look for sigmoid, ReLU and raw pixels, "
        "and for tanh and centred pixels lower than 1 over the whole 95 % interval; else not "
        "reproduced. Reproduced if for sigmoid, ReLU and raw pixels it is, with batches of 128 "
        "and before as after training, still more than half of the way from chance to 1 in the "
        "mean; else true only when the batch is small or the inputs are those for which it is. "
        "Whether a net learns more slowly from raw pixels than from centred ones is reported, and "
        "decides nothing."
    )
    seconds = {"full": 15, "quick": 8}

    def measure(self, bench: Bench) -> Numbers:
        """The signs, then the trainings."""
        seeds = bench.scale.some(3)
        sources = {
            source: [bench.cell(signs, source=source, seed=seed) for seed in seeds]
            for source in (*bench.activations("sigmoid", "tanh", "relu"), *PIXELS)
        }
        trained = []
        for batch in COMPARED:
            for pixels in PIXELS:
                rate = self.tuned(bench, pixels, batch)
                runs = [
                    bench.cell(learn, pixels=pixels, batch=batch, lr=rate["rate"], seed=seed)
                    for seed in seeds
                ]
                losses = [run["loss"] for run in runs]
                trained.append({"pixels": pixels, "batch": batch, "tuned": rate, "losses": losses})
        return {"sources": sources, "trained": trained}

    def tuned(self, bench: Bench, pixels: str, batch: int) -> dict[str, Any]:
        """The best rate for these pixels and batches."""
        (seed,) = bench.scale.for_tuning(1)

        def loss(rate: float, best: float | None) -> float | None:
            found = bench.cell(learn, pixels=pixels, batch=batch, lr=rate, seed=seed)["loss"]
            return None if found is None else float(found)

        return interior_best(loss, 0.01 if batch == 1 else 0.1, 10**0.5, first=(0, 1))._asdict()

    def judge(self, numbers: Numbers) -> Verdict:
        """By the rule."""
        found = numbers["sources"]
        one_sign = [*INPUTS]
        is_exact = all(lowest_alone(found[source]) == 1 for source in one_sign)
        is_mixed = all(
            at(found[source], when, 1).high < 1
            for source in ("tanh", "centred pixels")
            for when in ("before", "after")
        )
        alone = " and ".join(
            f"{percent(at(found[source], 'before', 1).value)} ({source})"
            for source in ("tanh", "centred pixels")
        )
        least = min(lowest_alone(found[source]) for source in one_sign)
        evidence = (
            f"One image gives {'all' if least == 1 else percent(least) + ' or more'} of a "
            f"neuron's gradients one sign where inputs are ≥ 0 (sigmoid, ReLU, raw pixels, in "
            f"every look), else {alone} before training; with {USUAL} images the signs agree to "
            f"{listed([f'{many(found[s])} ({s})' for s in (*one_sign, 'centred pixels')])} before "
            f"and after an epoch. {slower(numbers)}"
        )
        if not (is_exact and is_mixed):
            words = "one image does not give all gradients one sign, or gives it for any inputs"
            return Verdict("not reproduced", words, evidence)
        lasting = [source for source in one_sign if excess(found[source], USUAL) > HALF]
        if lasting == one_sign:
            return Verdict("reproduced", f"the signs agree with {USUAL} images too", evidence)
        beside = "".join(f" or the inputs are {INPUTS[source]}" for source in lasting)
        return Verdict("true only when", f"the batch is small{beside}", evidence)

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """Agreement against the batch; at two sizes in numbers; the trainings."""
        found = {s: runs for s, runs in numbers["sources"].items() if is_known(runs)}
        return [
            Panels(
                "Agreement of signs",
                [agreement(found, "before", "before training"),
                 agreement(found, "after", "after an epoch")],
                "Share of a neuron's gradients that have the sign of the majority; mean over "
                "neurons, batches and seeds.",
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
                "Cross-entropy after an epoch",
                ["pixels and batch", "best rate", "loss", "95 % interval"],
                [trained_row(one) for one in numbers["trained"]],
                "784-128-10 with tanh, over the images learned from; each at its own best rate.",
            ),
        ]  # fmt: skip


# What is measured.


def inputs_of(digits: Digits, pixels: str) -> np.ndarray:
    """The training images: uint8 as they are, or float32 with each pixel's mean taken off."""
    if pixels == "raw pixels":
        return digits.x
    x = digits.x / np.float32(255)
    return np.asarray(x - x.mean(axis=0, dtype=np.float64).astype(np.float32))


def signs(digits: Digits, *, source: str, seed: int) -> dict[str, Any]:
    """Agreement and chance for each size of batch, before and after an epoch. `source` is an
    activation, whose outputs are the inputs of the weights, or which pixels are."""
    x = inputs_of(digits, source if source in PIXELS else PIXELS[0])
    net = net_of([784, UNITS, UNITS, 10], "tanh" if source in PIXELS else source, seed)
    layer = net.layers[0 if source in PIXELS else 2]
    before = look(net, layer, x, digits.y, seed)
    losses = train(net, x, digits.y, sgd(net, LR), epochs=1, batch=BATCH, seed=seed)
    if not np.isfinite(losses).all():
        return {"before": before, "after": {what: [None] * len(SIZES) for what in before}}
    return {"before": before, "after": look(net, layer, x, digits.y, seed)}


def look(net: nn.MLP, layer: Any, x: np.ndarray, y: np.ndarray, seed: int) -> dict[str, list[Any]]:
    """The agreement of the layer's gradients for each size of batch: the mean over the looks, the
    least, and by chance. None where all gradients were 0."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[Any]] = {"agreement": [], "least": [], "chance": []}
    for size in SIZES:
        looks = max(2, min(LOOKS, ROWS // size))
        rows = [rng.choice(len(x), min(size, len(x)), replace=False) for _ in range(looks)]
        gradients = [gradient(net, layer, x, y, one) for one in rows]
        shares = [share for dW in gradients if (share := sign_agreement(dW)) is not None]
        by_chance = [share for dW in gradients if (share := chance(dW)) is not None]
        found["agreement"].append(float(np.mean(shares)) if shares else None)
        found["least"].append(min(shares) if shares else None)
        found["chance"].append(float(np.mean(by_chance)) if by_chance else None)
    return found


def gradient(net: nn.MLP, layer: Any, x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """dL/dW of the layer for these rows."""
    net.zero_grad()
    inputs, labels = next(iter(data.batches(x[rows], y[rows], len(rows))))
    F.cross_entropy(net(inputs), labels).backward()
    dW: np.ndarray = layer.weight.grad.numpy()
    net.zero_grad()
    return dW


def chance(dW: np.ndarray) -> float | None:
    """The expected `sign_agreement` if a fair coin threw each sign that is not 0; None if there
    are none."""
    counts = np.count_nonzero(dW, axis=0)
    shares = [of_coins(int(n)) for n in counts if n]
    return float(np.mean(shares)) if shares else None


@cache
def of_coins(n: int) -> float:
    """E max(heads, tails) / n for n fair coins: 1/2 + E|heads - tails| / 2n, where the expectation
    is ⌈n/2⌉ C(n, ⌈n/2⌉) / 2^(n-1).

    >>> of_coins(1), of_coins(2), of_coins(3)
    (1.0, 0.75, 0.75)
    """
    half = (n + 1) // 2
    return 0.5 + half * comb(n, half) / (n << n)


def learn(digits: Digits, *, pixels: str, batch: int, lr: float, seed: int) -> dict[str, Any]:
    """The mean cross-entropy over the images after an epoch; None if it diverged."""
    x, y = inputs_of(digits, pixels)[:IMAGES], digits.y[:IMAGES]
    net = net_of([784, UNITS, 10], "tanh", seed)
    losses = train(net, x, y, sgd(net, lr), epochs=1, batch=batch, seed=seed)
    with no_grad(), np.errstate(all="ignore"):
        loss = F.cross_entropy(Tensor(predict(net, x)), y).item()
    return {"loss": loss if np.isfinite([losses[-1], loss]).all() else None}


# What the numbers say.


def at(runs: Sequence[Any], when: str, size: int, what: str = "agreement") -> Interval:
    """The mean over the seeds at a size of batch."""
    return mean_interval([run[when][what][SIZES.index(size)] for run in runs])


def is_known(runs: Sequence[Any]) -> bool:
    """Whether every look has gradients, as with an activation of the user's it may not."""
    return not any(None in run[when]["agreement"] for run in runs for when in ("before", "after"))


def lowest_alone(runs: Sequence[Any]) -> float:
    """The least agreement in any look at a batch of 1."""
    return float(min(run[when]["least"][0] for run in runs for when in ("before", "after")))


def excess(runs: Sequence[Any], size: int) -> float:
    """How far agreement is on the way from chance to 1, in the mean; before or after the epoch,
    whichever is less."""
    found = []
    for when in ("before", "after"):
        by_chance = at(runs, when, size, "chance").value
        found.append((at(runs, when, size).value - by_chance) / (1 - by_chance))
    return min(found)


def many(runs: Sequence[Any]) -> str:
    """Agreement at the usual batch, before and after the epoch."""
    return " and ".join(percent(at(runs, when, USUAL).value) for when in ("before", "after"))


def slower(numbers: Numbers) -> str:
    """The loss on raw pixels divided by that on centred ones, for each batch."""
    found = []
    for batch in COMPARED:
        raw, centred = (
            next(one["losses"] for one in numbers["trained"]
                 if (one["pixels"], one["batch"]) == (pixels, batch))
            for pixels in PIXELS
        )  # fmt: skip
        if None in raw or None in centred:
            found.append(f"not known with batches of {batch}, which diverged")
            continue
        logs = [np.log(a / b) for a, b in zip(raw, centred, strict=True)]
        value, low, high = np.exp(mean_interval(logs))
        found.append(f"{value:.2f} ({low:.2f} to {high:.2f}) with batches of {batch}")
    return (
        "The loss after an epoch on raw pixels, divided by that on centred ones, is "
        f"{' and '.join(found)}."
    )


def agreement(found: dict[str, Any], when: str, title: str) -> Lines:
    """A line for each kind of input."""
    series = [
        Series(source, SIZES, [at(runs, when, size).value for size in SIZES])
        for source, runs in found.items()
    ]
    return Lines(title, "images in the batch", "agreement", series, log_x=True)


def trained_row(one: dict[str, Any]) -> list[str]:
    """A row of the table of losses."""
    label = f"{one['pixels']}, {one['batch']}"
    rate = f"{one['tuned']['rate']:.3g}" + ("" if one["tuned"]["is_interior"] else " (at an end)")
    if None in one["losses"]:
        return [label, rate, "diverged", ""]
    value, low, high = mean_interval(one["losses"])
    return [label, rate, f"{value:.4f}", f"{low:.4f} to {high:.4f}"]
