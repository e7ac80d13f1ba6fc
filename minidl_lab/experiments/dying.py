"""Dying: units of ReLU that are never active again, once the learning rate is too high."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from minidl import data, nn
from minidl.engine.recording import no_grad
from minidl.layers.activations import Activation
from minidl.step.firing import derivatives

from ..bench import Bench, Digits
from ..charts import Chart, Lines, Panels, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rules import LEVELS, METHODS, around, every, is_above, is_below, limits
from ..statistics import Interval, mean_interval
from ..trainings import error, net_of, sgd, train
from ..words import listed, parts_in_words, percent

SIZES, BATCH, ROWS = (784, 256, 128, 10), 64, 1000
MOMENTA = {"without momentum": 0.0, "with momentum 0.9": 0.9}
RATES = {  # of ReLU
    "without momentum": (0.4, 0.8, 0.95, 1.13, 1.34, 1.6),
    "with momentum 0.9": (0.08, 0.16, 0.226, 0.32, 0.45, 0.64),
}
GENTLE = 2  # the first so many are those of the others
KIN = ("leaky_relu", "prelu", "elu")  # that are said not to die
LAYERS = ("first", "second")  # of the hidden ones
ENOUGH = 5  # nets from which there is an interval
PLACES = [  # where a dead unit can come back
    ("without momentum", 1), ("with momentum 0.9", 0), ("with momentum 0.9", 1)
]  # fmt: skip


class Dying(Experiment):
    """Dead ReLUs."""

    name = "dying"
    title = "Dying units"
    claim = (
        "With too high a learning rate as many as 40 % of a ReLU net's units die: they are never "
        "active on any training image, and never come back. Leaky ReLU and its relatives have none."
    )
    source = "CS231n, Neural Networks Part 1, 'Commonly used activation functions'"
    protocol = (
        "784-256-128-10, raw pixels, default first weights, trained for 3 epochs by SGD in batches "
        "of 64, without momentum and with momentum 0.9. ReLU is trained with ten seeds at six "
        "rates, 0.4 to 1.6 without momentum and 0.08 to 0.64 with it; leaky ReLU, PReLU and ELU "
        "with ten seeds at the two lowest of them.\n\n"
        "After each epoch all training images pass through the net, whose weights do not change "
        "meanwhile. A unit is dead if its slope dy/dz is 0 on all of them. A training ends with "
        "the epoch in which its loss is not finite, and counts as diverged: its units are in no "
        "share. A net has learned if 90 % of the test images or more are right. Every net is in "
        "the table.\n\n"
        "A unit that is dead after an epoch and not after the next has come back. Without momentum "
        "a dead unit of the first hidden layer gets a gradient of exactly 0 and stays as it is, "
        "and so does one of the second where no unit of one of the layers lives: there it cannot "
        "come back, and is not counted. With momentum the last velocity carries its weights on, "
        "and in the second layer the layer below may wake it."
    )
    rule = (
        "The claim has three parts. They die: at some rate more than 40 % of all hidden ReLU units "
        "are dead after the last epoch, in the mean over the nets that did not diverge, by the "
        "whole interval; it fails if at no rate the interval has 40 % in it or above. They stay "
        "dead: of the units that could, fewer than 5 % come back between epochs, the mean over the "
        "nets that had such units, by the whole interval, in each of the three places where they "
        "could. Its kin have none: no unit of leaky ReLU, PReLU or ELU is dead in any net that has "
        "learned, and each kind has learned at least once. An interval is taken of five nets or "
        "more; those of a part hold at once with 95 % (Bonferroni). If all three hold, the first "
        "is judged anew over the nets that have learned: reproduced if it holds there too; true "
        "only when the rate is so high that nets no longer learn, if not. Not reproduced if one "
        "part fails, else undecided."
    )
    tried: ClassVar = {
        "claimed": around(0.4),
        "rare": around(0.05),
        "wrong": around(0.1),
        "level": LEVELS,
        "method": METHODS,
    }
    seconds: ClassVar = {"full": 360, "quick": 15}

    def measure(self, bench: Bench) -> Numbers:
        """Trains with every rate."""
        epochs = max(2, bench.scale.epochs(3))  # without two there is nothing to come back
        return {
            "activations": {
                activation: {
                    momentum: [
                        {
                            "rate": rate,
                            "runs": [
                                bench.cell(
                                    learn, activation=activation, lr=rate, momentum=value,
                                    seed=seed, epochs=epochs,
                                )
                                for seed in bench.scale.some(10)
                            ],
                        }
                        for rate in RATES[momentum][: None if activation == "relu" else GENTLE]
                    ]
                    for momentum, value in MOMENTA.items()
                }
                for activation in bench.activations("relu", *KIN)
            }
        }  # fmt: skip

    def judge(
        self, numbers: Numbers, claimed: float = 0.4, rare: float = 0.05, wrong: float = 0.1,
        level: float = 0.95, method: str = "student",
    ) -> Verdict:  # fmt: skip
        """By the rule."""
        found = numbers["activations"]
        relu = [(m, one) for m, rows in found["relu"].items() for one in rows]
        how: dict[str, Any] = {"level": level, "method": method}
        shares = [share(one, comparisons=len(relu), **how) for _, one in relu]
        alive = [share(one, wrong, comparisons=len(relu), **how) for _, one in relu]
        backs = {
            place: come_back(found["relu"], *place, comparisons=len(PLACES), **how)
            for place in PLACES
        }
        kin = {
            name: [
                overall(run["dead"][-1])
                for rows in found[name].values() for one in rows for run in one["runs"]
                if has_learned(run, wrong)
            ]
            for name in KIN
        }  # fmt: skip
        died = [value for values in kin.values() for value in values if value > 0]
        parts = {
            f"{percent(claimed)} die": somewhere(shares, claimed),
            "they stay dead": every([is_below(one, rare) for one, _ in backs.values()]),
            "its kin have none": False if died else True if all(kin.values()) else None,
        }
        most = int(np.argmax([one.value if np.isfinite(one.low) else -1.0 for one in shares]))
        momentum, worst = relu[most]
        nets = [run for _, one in relu for run in one["runs"]]
        stricken = [
            run for run in nets if not run["diverged"] and overall(run["dead"][-1]) >= claimed
        ]
        effect = (
            f"At a rate of {worst['rate']:g} {momentum} {shown(shares[most])} of ReLU's hidden "
            f"units are dead; of {len(nets)} nets {len(stricken)} have {percent(claimed)} or more "
            f"of theirs dead, and {sum(has_learned(run, wrong) for run in stricken)} of these "
            f"{len(stricken)} have learned."
        )
        places = listed(
            [f"{shown(one)} of {units} {place} {momentum}"
             for ((momentum, layer), (one, units)), place in zip(
                 backs.items(), [f"in the {LAYERS[layer]} layer" for _, layer in PLACES],
                 strict=True)]
        )  # fmt: skip
        evidence = (
            f"Of the dead units that could come back, these did: {places}. Of leaky ReLU, PReLU "
            f"and ELU {percent(max(died, default=0.0))} are dead at most in a net that has learned "
            f"({listed([str(len(values)) for values in kin.values()])} nets)."
        )
        holds = every([*parts.values()])
        if not holds:
            verdict = "undecided" if holds is None else "not reproduced"
            return Verdict(verdict, parts_in_words(parts), evidence, effect)  # type: ignore[arg-type]
        if somewhere(alive, claimed):
            return Verdict("reproduced", parts_in_words(parts), evidence, effect)
        words = "the rate is so high that nets no longer learn"
        return Verdict("true only when", words, evidence, effect)

    def in_short(self, numbers: Numbers) -> str:
        """In a sentence."""
        claimed, wrong = (limits(self)[name] for name in ("claimed", "wrong"))
        rows = [one for rows in numbers["activations"]["relu"].values() for one in rows]
        nets = [run for one in rows for run in one["runs"]]
        lost = [run for run in nets if not run["diverged"] and overall(run["dead"][-1]) >= claimed]
        return (
            f"Of {len(nets)} ReLU nets at {len(rows)} learning rates {len(lost)} lost "
            f"{percent(claimed)} or more of their units, and "
            f"{sum(has_learned(run, wrong) for run in lost)} of those learned all the same."
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """Dead units by rate, against accuracy, every net, and who came back."""
        found = numbers["activations"]
        relu = found["relu"]
        return [
            Panels(
                "Dead units of ReLU", [by_rate(momentum, rows) for momentum, rows in relu.items()],
                "After the last epoch: each net, and the mean with its 95 % interval over the nets "
                "that did not diverge.", same_x=False,
            ),
            Lines(
                "Dead units and accuracy", "dead units of a net", "test images right",
                [nets_of(momentum, rows) for momentum, rows in relu.items()],
                "Each ReLU net at each rate that did not diverge. Right of 0.4, above the dotted "
                "line, are nets of which 40 % are dead and which have learned all the same.",
                marks={"learned": 0.9}, x_marks={"as claimed": 0.4}, y_range=(0.0, 1.0),
            ),
            Table(
                "Every net", ["activation and rate", "dead units / test images right"],
                [
                    [f"{name} {one['rate']:g}{' M' if MOMENTA[momentum] else ''}", net_by_net(one)]
                    for name, rows in found.items()
                    for momentum, ones in rows.items()
                    for one in ones
                ],
                "In percent, a net for each seed; a dash where it diverged. M: with momentum 0.9.",
            ),
            Table(
                "Coming back", ["hidden layer", "dead", "could come back", "did"],
                [
                    [f"{LAYERS[layer]}, {momentum}",
                     *[f"{sum(counts(rows, layer, what)):,}" for what in (2, 1, 0)]]
                    for momentum, rows in relu.items() for layer in range(len(LAYERS))
                ],
                "ReLU units that were dead after an epoch but the last, those of them that could "
                "come back, and those that were not dead after the next; all rates and seeds.",
            ),
        ]  # fmt: skip


# What is measured.


def learn(
    digits: Digits, *, activation: str, lr: float, momentum: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Trains a net; by epoch and hidden layer the share of units that are dead; by layer how many
    came back, could, and were dead; the accuracy."""
    net = net_of(SIZES, activation, seed)
    census: list[list[np.ndarray]] = []
    train(
        net, digits.x, digits.y, sgd(net, lr, momentum), epochs=epochs, batch=BATCH, seed=seed,
        after_epoch=lambda epoch: census.append(dead_units(net, digits.x)),
    )  # fmt: skip
    with np.errstate(all="ignore"):
        accuracy = 1 - error(net, digits.x_test, digits.y_test)
    return {
        "diverged": len(census) < epochs,
        "accuracy": accuracy,
        "dead": [[float(dead.mean()) for dead in one] for one in census],
        "back": returns(census, momentum > 0),
    }


def dead_units(net: nn.MLP, x: np.ndarray) -> list[np.ndarray]:
    """Which units of every hidden layer have the slope 0 on all rows of x."""
    pairs = [
        (dense, activation)
        for dense, activation in pairwise(net.layers)
        if isinstance(activation, Activation)
    ]
    widths = [dense.weight.shape[1] for dense, _ in pairs]  # type: ignore[attr-defined]
    found = [np.ones(width, bool) for width in widths]
    for h, _ in data.batches(x, np.zeros(len(x)), ROWS):
        for (dense, activation), dead in zip(pairs, found, strict=True):
            with no_grad(), np.errstate(all="ignore"):
                z = dense(h)
                h = activation(z)
            # The slope of learned ones and of maxout's pieces depends on the column.
            each = activation.learned or activation.inputs_per_unit(activation.options) > 1
            asked = np.arange(len(dead)) if each else np.flatnonzero(dead)
            if len(asked):
                with np.errstate(all="ignore"):
                    slope = derivatives(activation, z.data[:, asked])
                dead[asked[(slope != 0).any(axis=0)]] = False
        if not any(dead.any() for dead in found):
            break
    return found


def returns(census: list[list[np.ndarray]], has_momentum: bool) -> list[list[int]]:
    """For each layer, how many of the units that were dead after an epoch were not after the next;
    how many could, as the protocol has it; how many were dead. All epochs but the last together."""
    found = np.zeros((len(SIZES) - 2, 3), int)
    for before, after in pairwise(census):
        lives = not any(dead.all() for dead in before)
        for layer, (dead, then) in enumerate(zip(before, after, strict=True)):
            could = has_momentum or (layer > 0 and lives)
            were = int(dead.sum())
            found[layer] += [int((dead & ~then).sum()), were * could, were]
    return found.tolist()


# What the numbers say.


def overall(shares: Sequence[float]) -> float:
    """The share of all hidden columns, from that of each layer."""
    return float(np.average(shares, weights=SIZES[1:-1]))


def has_learned(run: dict[str, Any], wrong: float) -> bool:
    """Whether a net got no more than this share of the test images wrong."""
    return not run["diverged"] and run["accuracy"] >= 1 - wrong


def interval_of(values: Sequence[float], **how: Any) -> Interval:
    """Their mean with its interval; of too few nothing is known."""
    if len(values) < ENOUGH:
        return Interval(float(np.mean(values)) if values else np.nan, -np.inf, np.inf)
    return mean_interval(values, **how)


def share(one: dict[str, Any], wrong: float = 1.0, **how: Any) -> Interval:
    """The share of all hidden units that are dead after the last epoch, at one rate; the mean over
    the nets that did not diverge, or of these over those that have learned."""
    return interval_of(
        [overall(run["dead"][-1]) for run in one["runs"] if has_learned(run, wrong)], **how
    )


def somewhere(shares: Sequence[Interval], limit: float) -> bool | None:
    """Whether one of them is above the limit; None if that is open."""
    found = [is_above(one, limit) for one in shares]
    return True if True in found else None if None in found else False


def come_back(relu: dict[str, Any], momentum: str, layer: int, **how: Any) -> tuple[Interval, int]:
    """The share of the dead units that came back of those that could, a mean over the nets that
    had such units; and how many there were in all."""
    back, could = (counts(relu[momentum], layer, what) for what in (0, 1))
    shares = [a / b for a, b in zip(back, could, strict=True) if b]
    return interval_of(shares, **how), sum(could)


def counts(rows: Sequence[dict[str, Any]], layer: int, what: int) -> list[int]:
    """How many units of every net, at all rates, came back (0), could (1), were dead (2)."""
    return [run["back"][layer][what] for one in rows for run in one["runs"]]


def shown(interval: Interval) -> str:
    """A share with its interval."""
    value, low, high = interval
    if not np.isfinite([value, low, high]).all():
        return "an unknown share"
    return f"{percent(value)} ({percent(max(low, 0.0))} to {percent(min(high, 1.0))})"


def net_by_net(one: dict[str, Any]) -> str:
    """How many units are dead and how many test images right with every seed, in percent."""
    return ", ".join(
        "–" if run["diverged"]
        else f"{100 * overall(run['dead'][-1]):.0f}/{100 * run['accuracy']:.0f}"
        for run in one["runs"]
    )  # fmt: skip


def by_rate(momentum: str, rows: Sequence[dict[str, Any]]) -> Lines:
    """Each net, and the mean with its band."""
    dots = [
        (one["rate"], overall(run["dead"][-1]))
        for one in rows for run in one["runs"] if not run["diverged"]
    ]  # fmt: skip
    means = [(one["rate"], *share(one)) for one in rows]
    x, value, low, high = np.reshape([m for m in means if np.isfinite(m[1])], (-1, 4)).T.tolist()
    series = [
        Series("mean", x, value, [max(a, 0.0) for a in low], [min(a, 1.0) for a in high]),
        Series("a net", [d[0] for d in dots], [d[1] for d in dots], style="dots"),
    ]
    return Lines(
        momentum, "learning rate", "dead", series, log_x=True, marks={"as claimed": 0.4},
        y_range=(0.0, 1.0),
    )  # fmt: skip


def nets_of(momentum: str, rows: Sequence[dict[str, Any]]) -> Series:
    """A dot for each net."""
    runs = [run for one in rows for run in one["runs"] if not run["diverged"]]
    x, y = [overall(run["dead"][-1]) for run in runs], [run["accuracy"] for run in runs]
    return Series(momentum, x, y, style="dots")
