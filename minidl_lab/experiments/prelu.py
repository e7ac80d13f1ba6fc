"""PReLU: where the learned slopes go."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

import minidl
from minidl import nn
from minidl.layers.base import Layer

from ..bench import Bench, Digits
from ..charts import Chart, Intervals, Lines, Panels, Row, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rules import LEVELS, METHODS, around, every, is_above, outcome
from ..statistics import Interval, mean_interval, paired, paired_ratio
from ..trainings import error, half_cosine, net_of, sgd, train
from ..words import percent

SIZES = (784, 128, 128, 128, 10)
LAYERS = ("first", "second", "third")
SHARING = ("one per layer", "one per unit")
STARTS = (0.0, 0.25, 0.5)
BATCH, LR, MOMENTUM = 64, 0.02, 0.9
FAMILY = len(SHARING) * len(STARTS) * 3  # intervals


class PReLUSlopes(Experiment):
    """y = x where x > 0, else a x, and a is learned."""

    name = "prelu"
    title = "PReLU's slopes"
    claim = (
        "PReLU learns its slope. The first layer's ends far from 0, deeper ones are smaller: "
        "information is kept early, and discriminated later."
    )
    source = "He, Zhang, Ren & Sun 2015, section 2.1 and table 1"
    protocol = (
        "784-128-128-128-10 is trained by SGD (rate 0.02, momentum 0.9, batches of 64, half a "
        "cosine) for 6 epochs, eight seeds. Its PReLU layers have one slope for all units or one "
        "for each; slopes start from 0, 0.25 (as in the paper) or 0.5, without weight decay. ReLU "
        "and leaky ReLU (0.01) are trained likewise with the same seeds.\n\n"
        "A slope by itself cannot be judged: as PReLU with slope a of -x is -a times PReLU with "
        "slope 1/a of x, a unit of slope a and one of slope 1/a, its weights flipped and rescaled, "
        "are one function. What can be told from the function is what a unit keeps of its weaker "
        "side, |a| or 1/|a|, whichever is at most 1: 0 for ReLU, 1 for a linear unit and for the "
        "absolute value; and the sign of a. So 'slopes are seldom above 1', as the paper also "
        "says, is told and not judged.\n\n"
        "Noted are what the units of each layer keep after every epoch (their mean), how far that "
        "slope, a or 1/a, is from its start at the end, how many units end with |a| > 1 and how "
        "many with a < 0, and the test error; a run that diverges counts with the error that its "
        "net has."
    )
    rule = (
        "For each of the six kinds: slopes end more than 0.05 from their start (mean over the "
        "layers); units of the first layer keep more than 0.1, ten times leaky ReLU's; and they "
        "keep more than those of the last by over 0.05 (paired). Each is so if the whole interval "
        "is, and not so if no part of it is; the 18 intervals hold at once with 95 % (Bonferroni). "
        "Reproduced if all three hold for all kinds; not reproduced if for none, and one fails; "
        "true only for those for which they hold, if they fail for others; else undecided."
    )
    tried: ClassVar = {
        "moved": around(0.05),
        "far": around(0.1),
        "more": around(0.05),
        "level": LEVELS,
        "method": METHODS,
    }
    seconds: ClassVar = {"full": 120, "quick": 4}

    def measure(self, bench: Bench) -> Numbers:
        """Trains with every kind of slopes, and without."""
        seeds, epochs = bench.scale.some(8), bench.scale.epochs(6)
        return {
            "kinds": {
                kind_of(sharing, start): [
                    bench.cell(learn_slopes, sharing=sharing, start=start, seed=seed, epochs=epochs)
                    for seed in seeds
                ]
                for sharing in SHARING
                for start in STARTS
            },
            "others": {
                name: [bench.cell(learn, activation=name, seed=s, epochs=epochs) for s in seeds]
                for name in bench.activations("relu", "leaky_relu")
            },
        }

    def judge(
        self, numbers: Numbers, moved: float = 0.05, far: float = 0.1, more: float = 0.05,
        level: float = 0.95, method: str = "student",
    ) -> Verdict:  # fmt: skip
        """By the rule."""
        how: dict[str, Any] = {"comparisons": FAMILY, "level": level, "method": method}
        parts = {
            kind: {
                f"slopes move by more than {moved:g}": is_above(ways(rows, **how), moved),
                f"the first layer keeps more than {far:g}": is_above(kept(rows, 0, **how), far),
                f"it keeps more than the last by over {more:g}": is_above(
                    first_less_last(rows, **how), more
                ),
            }
            for kind, rows in numbers["kinds"].items()
        }
        holds = {kind: every([*three.values()]) for kind, three in parts.items()}
        good = [kind for kind, is_so in holds.items() if is_so]
        counts = {
            part: [three[part] for three in parts.values()] for part in next(iter(parts.values()))
        }
        told = "; ".join(
            f"that {part} holds for {states.count(True)} of {len(parts)} kinds, fails for "
            f"{states.count(False)}"
            for part, states in counts.items()
        )
        first, last = (
            [kept(rows, layer).value for rows in numbers["kinds"].values()] for layer in (0, -1)
        )
        above = [share(rows, "above_1") for rows in numbers["kinds"].values()]
        below = [share(rows, "below_0") for rows in numbers["kinds"].values()]
        gains = [one for name, one in against_relu(numbers).items() if name.startswith("PReLU")]
        evidence = (
            f"{told[0].upper()}{told[1:]}. By kind {span(above)} of the slopes end with |a| > 1, "
            f"which says nothing of the function, and {span(below)} below 0, where it bends back. "
            f"Test error in units of ReLU's: {min(g.value for g in gains):.2f} to "
            f"{max(g.value for g in gains):.2f}."
        )
        effect = (
            f"Of its weaker side a unit of the first layer keeps {min(first):.2f} to "
            f"{max(first):.2f}, one of the last {min(last):.2f} to {max(last):.2f}, by the kind of "
            "slopes."
        )
        verdict = outcome(holds)
        words = {
            "reproduced": "slopes are learned, and the first layer keeps more than the last",
            "not reproduced": f"it holds for none of {len(parts)} kinds of slopes",
            "true only when": f"slopes are {' or '.join(good)}",
            "undecided": f"shown for {len(good)} of {len(parts)} kinds of slopes, the others are "
            "open",
        }[verdict]
        return Verdict(verdict, words, evidence, effect)

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """First against last, what is kept by epoch, where slopes end, and the errors."""
        kinds = numbers["kinds"]
        ends = [
            [kind, *[shown(kept(rows, i)) for i in range(len(LAYERS))],
             shown(ways(rows)), percent(share(rows, "above_1")), percent(share(rows, "below_0"))]
            for kind, rows in kinds.items()
        ]  # fmt: skip
        return [
            Intervals(
                "What the first layer keeps more than the last", "share of the weaker side",
                [Row(kind, *first_less_last(rows, FAMILY)) for kind, rows in kinds.items()],
                "Paired by seed, with the intervals of the rule. By the claim all are to the right "
                "of 0.", reference=0.0,
            ),
            Panels(
                "What is kept by epoch", [panel(kind, rows) for kind, rows in kinds.items()],
                "|a| or 1/|a|, the one that is at most 1; means over the seeds and, with one slope "
                "per unit, over the units of a layer.",
            ),
            Table(
                "Where slopes end",
                ["slopes", *[f"{layer} layer" for layer in LAYERS], "from start", "|a| > 1",
                 "a < 0"],
                ends, "What is kept, and how far slopes ended from their start; means with 95 % "
                "intervals over the seeds.",
            ),
            Intervals(
                "Test error", "times ReLU's",
                [Row(name, *one) for name, one in against_relu(numbers).items()],
                "Geometric mean over the pairs, 95 %; to the left of 1 is better than ReLU.",
                reference=1.0, log=True,
            ),
        ]  # fmt: skip


def learn_slopes(
    digits: Digits, *, sharing: str, start: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Trains a PReLU net: what its layers keep before and after every epoch, how far their slopes
    end from the start, shares of the slopes at the end; the test error."""
    minidl.manual_seed(seed)
    net = prelu_net(sharing, start)
    by_epoch = [kept_by(net)]
    teach(net, digits, seed, epochs, lambda _: by_epoch.append(kept_by(net)))
    slopes = [layer.weight.data for layer in prelus(net)]
    last = np.concatenate(slopes)
    return {
        "kept": by_epoch,
        "moved": [float(np.abs(within_1(a) - start).mean()) for a in slopes],
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


def within_1(a: np.ndarray) -> np.ndarray:
    """a or 1/a, whichever has |a| ≤ 1: the slope of the same unit, flipped and rescaled.

    >>> within_1(np.array([0.25, -2.0, 1.0])).tolist()
    [0.25, -0.5, 1.0]
    """
    a = a.astype(np.float64)
    return np.where(np.abs(a) > 1, 1 / np.where(a == 0, 1, a), a)


def kept_by(net: nn.Sequential) -> list[float]:
    """What the units of each layer keep of their weaker side, a mean."""
    return [float(np.abs(within_1(layer.weight.data)).mean()) for layer in prelus(net)]


Rows = Sequence[dict[str, Any]]  # of one kind, a run for each seed


def kept(rows: Rows, layer: int, *how: Any, **options: Any) -> Interval:
    """What a layer keeps at the end."""
    return mean_interval([row["kept"][-1][layer] for row in rows], *how, **options)


def first_less_last(rows: Rows, *how: Any, **options: Any) -> Interval:
    """What the first layer keeps more than the last, seed by seed."""
    first, last = ([row["kept"][-1][layer] for row in rows] for layer in (0, -1))
    return paired(first, last, *how, **options)


def ways(rows: Rows, *how: Any, **options: Any) -> Interval:
    """How far slopes are from their start, a mean over the layers."""
    return mean_interval([float(np.mean(row["moved"])) for row in rows], *how, **options)


def share(rows: Rows, what: str) -> float:
    """A share of the slopes, the mean over the seeds."""
    return float(np.mean([row[what] for row in rows]))


def against_relu(numbers: Numbers) -> dict[str, Interval]:
    """The test errors in units of ReLU's."""
    runs = {f"PReLU, {kind}": rows for kind, rows in numbers["kinds"].items()}
    runs |= numbers["others"]
    errors = {name: [row["error"] for row in rows] for name, rows in runs.items()}
    relu = errors.pop("relu")
    return {name: paired_ratio(one, relu) for name, one in errors.items()}


def kind_of(sharing: str, start: float) -> str:
    """A kind of slopes in words."""
    return f"{sharing}, from {start:g}"


def panel(kind: str, rows: Rows) -> Lines:
    """What a kind keeps by epoch."""
    by_epoch = np.mean([row["kept"] for row in rows], axis=0)
    series = [
        Series(layer, range(len(by_epoch)), by_epoch[:, i].tolist())
        for i, layer in enumerate(LAYERS)
    ]
    return Lines(kind, "epoch", "kept", series)


def shown(interval: Interval) -> str:
    """A value with its interval."""
    return "{:.3f} ({:.3f} to {:.3f})".format(*interval)


def span(shares: Sequence[float]) -> str:
    """From the least to the largest."""
    return f"{percent(min(shares))} to {percent(max(shares))}"
