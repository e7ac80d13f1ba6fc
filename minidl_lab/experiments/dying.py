"""Dying: units of ReLU that are never active again, once the learning rate is too high."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from minidl import data, nn
from minidl.diagnostics.look import steepness
from minidl.diagnostics.measures import FLAT
from minidl.engine.recording import no_grad
from minidl.layers.activations import Activation
from minidl.step.firing import derivatives

from ..bench import Bench, Digits
from ..charts import Chart, Lines, Panels, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..statistics import Interval, mean_interval
from ..trainings import error, net_of, sgd, train
from ..words import listed, percent

SIZES, BATCH, ROWS = (784, 256, 128, 10), 64, 1000
FINE = (0.2, 0.4, 0.566, 0.8, 1.13, 1.6)  # ReLU's learning rates
COARSE = (0.4, 0.8, 1.6)  # those of the others
OTHERS = ("leaky_relu", "prelu", "elu")  # whose units are said not to die
LAYERS = ("first", "second")  # of the hidden ones

CLAIMED = 0.4  # the share of dead units
TRAINS = 0.9  # test accuracy from which a net has learned


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
        "784-256-128-10, raw pixels, default first weights, trained for 3 epochs by plain SGD in "
        "batches of 64, three seeds. Rates for ReLU are 0.2 and, in steps of √2, from 0.4 to 1.6; "
        "for the others 0.4, 0.8 and 1.6. Without momentum and weight decay a unit of the first "
        "hidden layer that is active on no training image gets a gradient of exactly 0, and stays "
        "as it is; momentum would carry its weights on.\n\n"
        "After each epoch all training images pass through the net, whose weights do not change "
        "meanwhile. A unit is dead if its slope dy/dz is 0 on all of them, and flat if it is less "
        "than 5 % of the activation's largest slope on all of them: for ReLU the same, but a unit "
        "of leaky ReLU, PReLU or ELU that is flat still gets a small gradient; only ELU's below "
        "z = -17 is dead, as float32 rounds its slope to 0. For maxout the pieces are counted, "
        "which are dead if they never win; its units cannot die. A unit that is dead "
        "after an epoch and not after the next has come back. A training ends with the epoch in "
        "which its loss is not finite, and counts as diverged: its units are in no share.\n\n"
        "A net has learned if 90 % of the test images or more are right."
    )
    rule = (
        "Not reproduced if at no rate 40 % of all hidden ReLU units are dead after the last epoch "
        "(mean over the nets that did not diverge), if a dead unit of ReLU's first hidden layer "
        "has come back, if leaky ReLU, PReLU or ELU have a dead unit at a rate with which they "
        "learn (90 % of the test images or more are right, with every seed), or if none of these "
        "learns at any rate, so that this was not tested. True only when the rate is so high that "
        "not every net learns, if at rates where all learn 40 % are not reached; true only in the "
        "first hidden layer, if dead units of the second have come back. Else reproduced."
    )
    seconds = {"full": 100, "quick": 10}

    def measure(self, bench: Bench) -> Numbers:
        """Trains with every rate."""
        epochs = max(2, bench.scale.epochs(3))  # without two there is nothing to come back
        found: dict[str, Any] = {}
        for activation in bench.activations("relu", *OTHERS, "maxout"):
            rates = FINE if activation == "relu" else COARSE
            found[activation] = [
                {
                    "rate": rate,
                    "runs": [
                        bench.cell(learn, activation=activation, lr=rate, seed=seed, epochs=epochs)
                        for seed in bench.scale.some(3)
                    ],
                }
                for rate in rates
            ]
        return {"activations": found}

    def judge(self, numbers: Numbers) -> Verdict:
        """By the rule."""
        found = numbers["activations"]
        relu = found["relu"]
        shares = [share(one, "dead").value for one in relu]
        learning = [i for i, one in enumerate(relu) if learns(one)]
        if np.isnan(shares).all():
            return Verdict(
                "not reproduced", "at no rate are there dead units to be counted",
                "All ReLU nets diverged.",
            )  # fmt: skip
        most = int(np.nanargmax(shares))
        back = [came_back(relu, "dead", layer) for layer in range(len(LAYERS))]
        others = shares_of_kin(found, learning=True)
        at_last = (
            f"at {relu[learning[-1]]['rate']:.3g}, the highest rate with which all learn, "
            f"{percent(shares[learning[-1]])}"
            if learning
            else "at no rate all learn"
        )
        evidence = (
            f"At a rate of {relu[most]['rate']:.3g} {percent(shares[most])} of ReLU's hidden units "
            f"are dead, a mean of nets that did not diverge ({net_by_net(relu[most])}), "
            f"{at_last}. Of the units that were dead after an epoch, {back[0][0]} of {back[0][1]} "
            f"came back in the next in the first hidden layer, {back[1][0]} of {back[1][1]} in the "
            f"second. {told_of_kin(found)}"
        )
        failed = {
            f"ReLU nets do not reach {percent(CLAIMED)}": shares[most] < CLAIMED,
            "units of the first hidden layer come back": back[0][0] > 0,
            "its relatives die too": max(others, default=0.0) > 0,
            "whether its relatives die was not tested, as none of them learns": not others,
        }
        if any(failed.values()):
            return Verdict(
                "not reproduced", "; ".join(w for w, so in failed.items() if so), evidence
            )
        conditions = []
        if max((shares[i] for i in learning), default=0.0) < CLAIMED:
            conditions.append("the rate is so high that not every net learns")
        if back[1][0]:
            conditions.append("for never coming back, the unit is in the first hidden layer")
        if conditions:
            return Verdict("true only when", " and, ".join(conditions), evidence)
        return Verdict(
            "reproduced", f"{percent(CLAIMED)} die and stay dead; its relatives do not", evidence
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """Dead and flat units and the accuracy by rate; who came back."""
        found = numbers["activations"]
        by_layer = [
            over_rates(f"{name} hidden layer", found["relu"],
                       [share(one, "dead", layer) for one in found["relu"]])
            for layer, name in enumerate(LAYERS)
        ]  # fmt: skip
        flat = [
            over_rates(name, rows, [share(one, "flat") for one in rows])
            for name, rows in found.items()
        ]
        right = [
            over_rates(name, rows, [accuracy(one) for one in rows]) for name, rows in found.items()
        ]
        return [
            Lines(
                "Dead units of ReLU", "learning rate", "share", by_layer,
                "After the last epoch; mean and 95 % interval over the seeds.",
                log_x=True, marks={"as claimed": CLAIMED},
            ),
            Panels(
                "All activations",
                [
                    Lines("flat on all images", "learning rate", "share", bare(flat), log_x=True),
                    Lines("test accuracy", "learning rate", "share", bare(right), log_x=True),
                ],
                "Units (for maxout: pieces) whose slope is under 5 % of the largest on every "
                "training image, and the test images that are right; means over the seeds. A "
                "training that diverged has no flat units counted and is right by chance.",
            ),
            Table(
                "Coming back",
                ["activation, hidden layer", "dead", "came back", "flat", "came back"],
                [
                    [f"{name}, {layer}", *returned(rows, i)]
                    for name, rows in found.items() for i, layer in enumerate(LAYERS)
                ],
                "Units that were dead, or flat, after an epoch that was not the last, and of "
                "these the ones that were not after the next; all rates and seeds together.",
            ),
        ]  # fmt: skip


# What is measured.


def learn(digits: Digits, *, activation: str, lr: float, seed: int, epochs: int) -> dict[str, Any]:
    """Trains a net; by epoch and hidden layer the share of columns that are dead or flat; how many
    were so before the last epoch and how many of them no longer after the next; the accuracy."""
    net = net_of(SIZES, activation, seed)
    census: list[dict[str, list[np.ndarray]]] = []
    train(
        net, digits.x, digits.y, sgd(net, lr), epochs=epochs, batch=BATCH, seed=seed,
        after_epoch=lambda epoch: census.append(count(net, digits.x)),
    )  # fmt: skip
    with np.errstate(all="ignore"):
        accuracy = 1 - error(net, digits.x_test, digits.y_test)
    return {
        "diverged": len(census) < epochs,
        "accuracy": accuracy,
        **{state: [[float(c.mean()) for c in one[state]] for one in census] for state in STATES},
        "back": {state: returns([one[state] for one in census]) for state in STATES},
    }


STATES = ("dead", "flat")


def count(net: nn.MLP, x: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Which columns of every hidden layer are dead, and which flat, on all rows of x."""
    pairs = [
        (dense, activation)
        for dense, activation in pairwise(net.layers)
        if isinstance(activation, Activation)
    ]
    columns = [dense.weight.shape[1] for dense, _ in pairs]  # type: ignore[attr-defined]
    found = {state: [np.ones(n, bool) for n in columns] for state in STATES}
    for h, _ in data.batches(x, np.zeros(len(x)), ROWS):
        for i, (dense, activation) in enumerate(pairs):
            with no_grad(), np.errstate(all="ignore"):
                z = dense(h)
                h = activation(z)
            narrow(activation, z.data, found["dead"][i], found["flat"][i])
        if not any(flat.any() for flat in found["flat"]):
            break
    return found


def narrow(activation: Activation, z: np.ndarray, dead: np.ndarray, flat: np.ndarray) -> None:
    """Takes out of `dead` and `flat` the columns of z that are not so on one of its rows."""
    has_pieces = activation.inputs_per_unit(activation.options) > 1
    each = has_pieces or activation.learned  # the slope depends on the column
    asked = np.arange(len(flat)) if each else np.flatnonzero(flat)  # a dead column is flat
    if len(asked) == 0:
        return
    with np.errstate(all="ignore"):
        slope = np.abs(derivatives(activation, z[:, asked]))
        largest = 1.0 if has_pieces else steepness(activation, z[:, asked])[0]
    dead[asked[(slope != 0).any(axis=0)]] = False
    flat[asked[(slope >= FLAT * largest).any(axis=0)]] = False


def returns(states: list[list[np.ndarray]]) -> list[list[int]]:
    """For each layer, how many columns were in the state after an epoch, and how many of them were
    not after the next; all epochs but the last together."""
    were = np.zeros(len(SIZES) - 2, int)
    back = np.zeros_like(were)
    for before, after in pairwise(states):
        were += [int(one.sum()) for one in before]
        back += [int((one & ~then).sum()) for one, then in zip(before, after, strict=True)]
    return np.stack([back, were], axis=1).tolist()


# What the numbers say.


def share(one: dict[str, Any], state: str, layer: int | None = None) -> Interval:
    """The share of all hidden columns, or of a layer's, that are in the state after the last epoch
    at a rate; the mean over the seeds that did not diverge, nan if all did."""
    last = [run[state][-1] for run in one["runs"] if not run["diverged"]]
    if not last:
        return Interval(np.nan, np.nan, np.nan)
    return mean_interval([overall(one) if layer is None else one[layer] for one in last])


def overall(shares: Sequence[float]) -> float:
    """The share of all hidden columns, from that of each layer."""
    return float(np.average(shares, weights=SIZES[1:-1]))


def accuracy(one: dict[str, Any]) -> Interval:
    """The share of the test images that are right at a rate: mean over the seeds."""
    return mean_interval([run["accuracy"] for run in one["runs"]])


def net_by_net(one: dict[str, Any]) -> str:
    """How many units are dead, and how many test images are right, for every seed."""
    return "; ".join(
        "one diverged" if run["diverged"]
        else f"{percent(overall(run['dead'][-1]))} dead, "
        f"{percent(run['accuracy'])} of the test images right"
        for run in one["runs"]
    )  # fmt: skip


def shares_of_kin(found: dict[str, Any], learning: bool) -> list[float]:
    """The dead shares of leaky ReLU, PReLU and ELU, at the rates where they learn, or do not."""
    rows = [one for name in OTHERS for one in found[name] if learns(one) == learning]
    shares = [share(one, "dead").value for one in rows]
    return [value for value in shares if not np.isnan(value)]


def told_of_kin(found: dict[str, Any]) -> str:
    """How many of their units die, and which of them learn where ReLU's die."""
    where_they_learn, elsewhere = (shares_of_kin(found, learning) for learning in (True, False))
    deadly = {one["rate"] for one in found["relu"] if share(one, "dead").value > 0}
    tested = [
        name.replace("_", " ") for name in OTHERS
        if any(learns(one) and one["rate"] in deadly for one in found[name])
    ]  # fmt: skip
    words = "none learns"
    if where_they_learn:
        words = f"at most {percent(max(where_they_learn))} are dead where they learn"
    if elsewhere:
        words += f", {percent(max(elsewhere))} where they do not"
    learns_there = listed(tested) or "none of these"
    return f"Leaky ReLU, PReLU and ELU: {words}; where ReLU's units die, {learns_there} learns."


def learns(one: dict[str, Any]) -> bool:
    """Whether the net learned with every seed."""
    return all(not run["diverged"] and run["accuracy"] >= TRAINS for run in one["runs"])


def came_back(rows: Sequence[dict[str, Any]], state: str, layer: int) -> tuple[int, int]:
    """Over all rates and seeds, how many came back, of how many that were in the state."""
    counts = np.sum([run["back"][state][layer] for one in rows for run in one["runs"]], axis=0)
    return int(counts[0]), int(counts[1])


def returned(rows: Sequence[dict[str, Any]], layer: int) -> list[str]:
    """A row of the table: how many were dead and came back, were flat and came back."""
    cells = []
    for state in STATES:
        back, were = came_back(rows, state, layer)
        cells += [f"{were:,}", f"{back:,}"]
    return cells


def over_rates(label: str, rows: Sequence[dict[str, Any]], intervals: Sequence[Interval]) -> Series:
    """A line with its band, over the rates at which there is something to show. A band ends where
    shares do."""
    points = [
        (one["rate"], interval.value, max(interval.low, 0.0), min(interval.high, 1.0))
        for one, interval in zip(rows, intervals, strict=True)
        if np.isfinite(interval.value)
    ]
    rates, values, low, high = np.reshape(points, (-1, 4)).T.tolist()
    return Series(label, rates, values, low, high)


def bare(lines: Sequence[Series]) -> list[Series]:
    """The lines without their bands."""
    return [line._replace(low=None, high=None) for line in lines]
