"""PReLU: where the learned slopes go."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

import minidl
from minidl import nn
from minidl.layers.base import Layer

from ..bench import Bench, Digits
from ..charts import Chart, Intervals, Lines, Panels, Row, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..statistics import mean_interval, paired
from ..trainings import error, half_cosine, net_of, sgd, train
from ..words import percent

SIZES = (784, 128, 128, 128, 10)
LAYERS = ("first", "second", "third")
SHARING = ("one per layer", "one per unit")
STARTS = (0.0, 0.25, 0.5)
BATCH, LR, MOMENTUM = 64, 0.02, 0.9
MOVED = 0.05  # a slope that ends closer to its start has hardly moved
FAR = 0.1  # ten times leaky ReLU's 0.01
SELDOM = 0.05  # of the slopes

Interval = Sequence[float]  # value, low, high


class PReLUSlopes(Experiment):
    """y = x where x > 0, else a x, and a is learned."""

    name = "prelu"
    title = "PReLU's slopes"
    claim = (
        "PReLU learns its slope. The first layer's ends far from 0, deeper ones are smaller: "
        "information is kept early, and discriminated later. Slopes are seldom above 1."
    )
    source = "He, Zhang, Ren & Sun 2015, section 2.1 and table 1"
    protocol = (
        "784-128-128-128-10 is trained by SGD (rate 0.02, momentum 0.9, batches of 64, half a "
        "cosine) for 6 epochs, five seeds. Its PReLU layers have one slope for all units or one "
        "for each; slopes start from 0, 0.25 (as in the paper) or 0.5, without weight decay. ReLU "
        "and leaky ReLU (0.01) are trained likewise with the same seeds.\n\n"
        "Noted are the slopes after every epoch (with one per unit, their mean), how many units "
        "end with |a| > 1 and how many with a < 0, and the test error; a run that diverges counts "
        "with the error that its net has. How much of a difference "
        "of the starts is left at the end is (a from 0.5 - a from 0) / 0.5: 1 if slopes stay "
        "where they begin, 0 if the data alone decide."
    )
    rule = (
        "For each of the six kinds, over the whole 95 % interval of five seeds: slopes end more "
        "than 0.05 from their start (mean over the layers); the first layer's is above 0.1, ten "
        "times leaky ReLU's; the first layer's is larger than the last's (paired). And under 5 % "
        "of the slopes have |a| > 1 (with one per layer there are 15 of them: one alone is more "
        "than 5 %). Reproduced if all of this holds for all kinds; true only "
        "for some, if it holds for them. The 18 intervals are not corrected for their number."
    )
    seconds = {"full": 75, "quick": 4}

    def measure(self, bench: Bench) -> Numbers:
        """Trains with every kind of slopes, and without."""
        seeds, epochs = bench.scale.some(5), bench.scale.epochs(6)
        kinds = {
            kind_of(sharing, start): [
                bench.cell(learn_slopes, sharing=sharing, start=start, seed=seed, epochs=epochs)
                for seed in seeds
            ]
            for sharing in SHARING
            for start in STARTS
        }
        others = {
            name: [bench.cell(learn, activation=name, seed=s, epochs=epochs) for s in seeds]
            for name in bench.activations("relu", "leaky_relu")
        }
        relu = [row["error"] for row in others["relu"]]
        compared = {f"PReLU, {kind}": rows for kind, rows in kinds.items()} | others
        return {
            "kinds": {kind: summary(rows) for kind, rows in kinds.items()},
            "left": {sharing: left(kinds, sharing) for sharing in SHARING},
            "errors": {
                name: mean_interval([r["error"] for r in rows]) for name, rows in compared.items()
            },
            "less_than_relu": {
                name: paired(relu, [row["error"] for row in rows])
                for name, rows in compared.items()
                if name != "relu"
            },
        }

    def judge(self, numbers: Numbers) -> Verdict:
        """By the rule."""
        kinds = numbers["kinds"]
        failed = {kind: failures(one) for kind, one in kinds.items()}
        good = [kind for kind in kinds if not failed[kind]]
        first = [one["end"]["first"][0] for one in kinds.values()]
        last = [one["end"]["third"][0] for one in kinds.values()]
        gains = [g for name, g in numbers["less_than_relu"].items() if name.startswith("PReLU")]
        evidence = (
            f"The first layer's slopes end at {span(first)}, the last's at {span(last)}; "
            f"{percents(numbers['left'].values())} of a difference of the starts is left "
            f"(layer by layer); test error minus ReLU's is {span_of_points(gains)} points, "
            f"{sum(low <= 0 <= high for _, low, high in gains)} of {len(gains)} intervals contain "
            f"0."
        )
        if len(good) == len(kinds):
            words = "slopes are learned; the first layer's are larger than the last's"
            return Verdict("reproduced", words, evidence)
        count = Counter(failure for several in failed.values() for failure in several)
        why = ", ".join(f"{failure} in {n} of {len(kinds)} kinds" for failure, n in count.items())
        if good:
            return Verdict("true only when", f"slopes are {' or '.join(good)} ({why})", evidence)
        return Verdict("not reproduced", why, evidence)

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The slopes by epoch, where they end, and the errors."""
        kinds = numbers["kinds"]
        ends = [
            [kind, *[shown(one["end"][layer]) for layer in LAYERS], shown(one["first_less_last"]),
             percent(one["above_1"]), percent(one["below_0"])]
            for kind, one in kinds.items()
        ]  # fmt: skip
        return [
            Panels(
                "Slopes by epoch", [panel(kind, one) for kind, one in kinds.items()],
                "Means over the seeds and, with one slope per unit, over the units of a layer.",
            ),
            Table(
                "Where slopes end",
                ["slopes", *[f"{layer} layer" for layer in LAYERS], "first minus third",
                 "|a| > 1", "a < 0"],
                ends, "Means with 95 % intervals over the seeds.",
            ),
            Intervals(
                "Test error below ReLU's", "percentage points",
                [Row(name, *[100 * v for v in gain])
                 for name, gain in numbers["less_than_relu"].items()],
                "Paired by seed; to the right of 0 is better than ReLU.", reference=0.0,
            ),
        ]  # fmt: skip


def learn_slopes(
    digits: Digits, *, sharing: str, start: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Trains a PReLU net: its slopes before and after every epoch, a number for each layer; shares
    of the slopes at the end; the test error."""
    minidl.manual_seed(seed)
    net = prelu_net(sharing, start)
    by_epoch = [slopes_of(net)]
    teach(net, digits, seed, epochs, lambda _: by_epoch.append(slopes_of(net)))
    last = np.concatenate([layer.weight.data for layer in prelus(net)])
    return {
        "slopes": by_epoch,
        "above_1": float(np.mean(np.abs(last) > 1)),
        "below_0": float(np.mean(last < 0)),
        "error": error(net, digits.x_test, digits.y_test),
    }


def learn(digits: Digits, *, activation: str, seed: int, epochs: int) -> dict[str, Any]:
    """Trains a net with another activation; its test error."""
    net = net_of(SIZES, activation, seed)
    teach(net, digits, seed, epochs)
    return {"error": error(net, digits.x_test, digits.y_test)}


def teach(net: Layer, digits: Digits, seed: int, epochs: int, after_epoch: Any = None) -> None:
    """Trains any of the nets as the protocol says."""
    train(
        net, digits.x, digits.y, sgd(net, LR, MOMENTUM), epochs=epochs, batch=BATCH, seed=seed,
        schedule=half_cosine(digits.x, BATCH, epochs), after_epoch=after_epoch,
    )  # fmt: skip


def prelu_net(sharing: str, start: float) -> nn.Sequential:
    """The net; its first weights have the gain that goes with the slope."""
    layers: list[Layer] = [nn.Dense(SIZES[0], SIZES[1])]
    for units, following in pairwise(SIZES[1:]):
        slopes = units if sharing == "one per unit" else 1
        layers += [nn.PReLU(slopes, init=start), nn.Dense(units, following)]
    return nn.Sequential(*layers)


def prelus(net: nn.Sequential) -> list[nn.PReLU]:
    """Its PReLU layers, from the first."""
    return [layer for layer in net.layers if isinstance(layer, nn.PReLU)]


def slopes_of(net: nn.Sequential) -> list[float]:
    """The mean slope of each layer."""
    return [float(layer.weight.data.mean(dtype=np.float64)) for layer in prelus(net)]


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the seeds of a kind give."""
    slopes = np.array([row["slopes"] for row in rows])  # (seeds, epochs + 1, layers)
    end = slopes[:, -1]
    return {
        "by_epoch": {
            layer: slopes[:, :, i].mean(axis=0).tolist() for i, layer in enumerate(LAYERS)
        },
        "end": {layer: mean_interval(end[:, i].tolist()) for i, layer in enumerate(LAYERS)},
        "moved": mean_interval(np.abs(end - slopes[:, 0]).mean(axis=1).tolist()),
        "first_less_last": paired(end[:, 0].tolist(), end[:, -1].tolist()),
        "above_1": float(np.mean([row["above_1"] for row in rows])),
        "below_0": float(np.mean([row["below_0"] for row in rows])),
    }


def failures(one: dict[str, Any]) -> list[str]:
    """The parts of the claim that do not hold for these slopes."""
    found = {
        f"slopes are not shown to move by more than {MOVED}": one["moved"][1] <= MOVED,
        f"the first layer's slopes are not shown to be above {FAR}": one["end"]["first"][1] <= FAR,
        "the first layer's slopes are not shown to be larger than the last's": (
            one["first_less_last"][1] <= 0
        ),
        f"{percent(SELDOM)} of the slopes or more have |a| > 1": one["above_1"] >= SELDOM,
    }
    return [words for words, is_so in found.items() if is_so]


def left(kinds: dict[str, list[dict[str, Any]]], sharing: str) -> list[float]:
    """How much of a difference of the starts is left in each layer, a mean over the seeds."""
    low, *_, high = STARTS
    a, b = (
        np.array([row["slopes"][-1] for row in kinds[kind_of(sharing, start)]])
        for start in (low, high)
    )
    return list(((b - a) / (high - low)).mean(axis=0).tolist())


def kind_of(sharing: str, start: float) -> str:
    """A kind of slopes in words."""
    return f"{sharing}, from {start:g}"


def panel(kind: str, one: dict[str, Any]) -> Lines:
    """The slopes of a kind by epoch."""
    series = [Series(layer, range(len(a)), a) for layer, a in one["by_epoch"].items()]
    return Lines(kind, "epoch", "slope", series)


def shown(interval: Interval) -> str:
    """A value with its interval."""
    return "{:.3f} ({:.3f} to {:.3f})".format(*interval)


def span(values: Sequence[float]) -> str:
    """From the least to the largest."""
    return f"{min(values):.2f} to {max(values):.2f}"


def percents(shares: Any) -> str:
    """From the least to the largest, of several lists, in percent."""
    flat = [share for several in shares for share in several]
    return f"{percent(min(flat))} to {percent(max(flat))}"


def span_of_points(gains: Sequence[Interval]) -> str:
    """The span of how much more error there is, in percentage points."""
    values = [-100 * gain[0] for gain in gains]
    return f"{min(values):.2f} to {max(values):.2f}"
