"""Saturation: outputs at the ends of sigmoid and tanh, and what is left of the gradient."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..bench import Bench
from ..charts import Chart, Lines, Panels, Series
from ..experiment import Experiment, Numbers, Verdict
from ..statistics import Interval, mean_interval
from ..tuning import interior_best
from ..words import percent
from .saturation_measured import BINS, DEEP, INITS, SHALLOW, last_loss, learn

STEP = 10**0.5  # between the rates that are tried
NEAR_ZERO = 0.1  # a mean output of sigmoid below it: the layer is at its lower end
MANY = 0.5  # the share of saturated outputs from which a layer counts as saturated
VANISHED = 0.1  # the gradient at the first hidden layer divided by that at the last
KEPT = (0.5, 2.0)  # the same ratio, if the gradient keeps its size
EDGE = 0.95**0.5  # |tanh z| beyond which the slope 1 - tanh² z is under 5 % of the largest


class Saturation(Experiment):
    """Glorot & Bengio 2010 again."""

    name = "saturation"
    title = "Saturation"
    claim = "Sigmoid and tanh saturate, and the gradient vanishes on its way to the first layer."
    source = (
        "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural "
        "networks, sections 3 and 4, figures 2, 3, 4 and 7"
    )
    protocol = (
        "Nets with four and five hidden layers of 128 units (the paper has 1000) and ten outputs, "
        "of sigmoid, tanh, softsign and ReLU. The first weights are U(±1/√n) for n inputs, the "
        "paper's standard, or Glorot's uniform ones, the biases 0. All are trained with five "
        "hidden layers; sigmoid and tanh also with four and the standard weights. Plain SGD, "
        "batches of 10 as in the paper, cross-entropy, 4 epochs, three seeds.\n\n"
        "Each activation has a rate of its own: the one of 0.03, 0.1, 0.3 and 1 with the smallest "
        "mean loss in the last quarter of one epoch (four hidden layers, standard weights, another "
        "seed); if it is at an end, the grid goes on in steps of √10.\n\n"
        "The first 300 test images are looked at before training, at 1/32, 1/16, 1/8, 1/4 and 1/2 "
        "of the first epoch, and after each epoch. For every hidden layer: mean, standard "
        "deviation and 98th percentile of the outputs' sizes; the share that is saturated, with a "
        "slope under 5 % of the largest; and the norm of the loss's gradient with respect to the "
        "layer's pre-activations, z = x W + b."
    )
    rule = (
        "Sigmoid saturates if the mean output of the last hidden layer falls below 0.1 at some "
        "look with every seed; tanh, if with every seed more than half of the outputs of some "
        "layer are saturated at some look. With the standard weights either has to do so with both "
        "depths. The gradient vanishes if, before training and with five hidden layers, its norm "
        "at the first one is less than a tenth of that at the last, over the whole 95 % interval "
        "of the geometric mean. Reproduced if both hold for sigmoid and "
        "for tanh, with the standard and with Glorot's weights; not reproduced if they hold in "
        "none of these four cases; else true only in those where they hold. The four intervals "
        "are not corrected for their number. Two more findings of the paper are reported, and "
        "decide nothing: whether the 98th percentile of tanh's first layer passes the edge of "
        "saturation no later than any other's, and before the last one's; and whether Glorot's "
        "weights keep the size of tanh's gradient within a factor of 2."
    )
    seconds = {"full": 110, "quick": 9}

    def measure(self, bench: Bench) -> Numbers:
        """Tunes a rate for each activation, then trains."""
        rates, nets = {}, []
        for activation in bench.activations("sigmoid", "tanh", "softsign", "relu"):
            rates[activation] = self.tuned(bench, activation)
            for depth, init in cases(activation):
                runs = [
                    bench.cell(
                        learn, activation=activation, depth=depth, init=init,
                        lr=rates[activation]["rate"], seed=seed, epochs=bench.scale.epochs(4),
                    )
                    for seed in bench.scale.some(3)
                ]  # fmt: skip
                nets.append({"activation": activation, "depth": depth, "init": init, "runs": runs})
        return {"rates": rates, "nets": nets}

    def tuned(self, bench: Bench, activation: str) -> dict[str, Any]:
        """The activation's rate."""
        (seed,) = bench.scale.for_tuning(1)

        def loss(rate: float, best: float | None) -> float | None:
            found = bench.cell(last_loss, activation=activation, lr=rate, seed=seed)["loss"]
            return None if found is None else float(found)

        return interior_best(loss, 0.1, STEP, first=(-1, 0, 1, 2))._asdict()

    def judge(self, numbers: Numbers) -> Verdict:
        """By the rule."""
        both = [
            (activation, init)
            for activation in ("sigmoid", "tanh")
            for init in INITS
            if saturates(numbers, activation, init)
            and ratio(numbers, activation, init).high < VANISHED
        ]
        if len(both) == 2 * len(INITS):
            words = "both saturate and lose the gradient, with either start"
            return Verdict("reproduced", words, evidence_of(numbers))
        if not both:
            words = "neither saturates and loses the gradient as well"
            return Verdict("not reproduced", words, evidence_of(numbers))
        return Verdict("true only when", condition(both), evidence_of(numbers))

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The paper's figures 2, 3, 7 and 4, and the gradient during training."""
        means = [
            over_time(net, "mean", f"{net['depth']} hidden layers")
            for net in numbers["nets"]
            if net["activation"] == "sigmoid" and net["init"] == "standard"
        ]
        vanishing = [
            over_time(deepest(numbers, name, "standard"), "gradient", name, log_y=True)
            for name in ("sigmoid", "tanh")
        ]
        deep = [
            net
            for net in numbers["nets"]
            if net["depth"] == DEEP and net["init"] == "standard" and net["activation"] != "sigmoid"
        ]
        return [
            Panels(
                "Sigmoid: mean output of each layer", means,
                "Standard first weights, mean over the seeds. Sigmoid's lower end is 0.",
            ),
            Panels(
                "98th percentile of the outputs' sizes",
                [over_time(net, "percentile_98", net["activation"]) for net in deep],
                f"Five hidden layers, standard first weights, mean over the seeds. Beyond "
                f"{EDGE:.3f} an output of tanh is saturated.",
            ),
            Panels(
                "Gradient before training", [backwards(numbers, init) for init in INITS],
                "Norm of the gradient with respect to the pre-activations, divided by that at the "
                "last hidden layer; five hidden layers, geometric mean over the seeds.",
            ),
            Panels(
                "Gradient during training", vanishing,
                "Norm of the gradient with respect to the pre-activations; five hidden layers, "
                "standard first weights, mean over the seeds.",
            ),
            Panels(
                "Outputs after training", [histograms(net) for net in bounded(numbers)],
                "Shares of all outputs for the 300 images, in 40 bins from -1 to 1 (sigmoid's are "
                "above 0); five hidden layers, standard first weights, mean over the seeds.",
            ),
        ]  # fmt: skip


def cases(activation: str) -> list[tuple[int, str]]:
    """The depths and the first weights with which it is trained."""
    more = [(SHALLOW, "standard")] if activation in ("sigmoid", "tanh") else []
    return [*more, *[(DEEP, init) for init in INITS]]


def of(numbers: Numbers, activation: str, init: str) -> list[dict[str, Any]]:
    """The nets of an activation with such first weights."""
    return [
        net for net in numbers["nets"] if (net["activation"], net["init"]) == (activation, init)
    ]


def deepest(numbers: Numbers, activation: str, init: str) -> dict[str, Any]:
    """The net with five hidden layers."""
    (found,) = [net for net in of(numbers, activation, init) if net["depth"] == DEEP]
    return found


def ratio(numbers: Numbers, activation: str, init: str) -> Interval:
    """The gradient at the first hidden layer divided by that at the last, before training:
    geometric mean over the seeds."""
    gradients = [run["looks"][0]["gradient"] for run in deepest(numbers, activation, init)["runs"]]
    return Interval(*np.exp(mean_interval([np.log(g[0] / g[-1]) for g in gradients])))


def lowest_means(numbers: Numbers, init: str) -> list[float]:
    """The smallest mean output of the last hidden layer, for every sigmoid net and seed."""
    return [
        min(look["mean"][-1] for look in run["looks"])
        for net in of(numbers, "sigmoid", init)
        for run in net["runs"]
    ]


def most_saturated(numbers: Numbers, activation: str, init: str) -> list[float]:
    """The largest share of saturated outputs of a layer at a look, for every net and seed."""
    return [
        max(max(look["saturated"]) for look in run["looks"])
        for net in of(numbers, activation, init)
        for run in net["runs"]
    ]


def saturates(numbers: Numbers, activation: str, init: str) -> bool:
    """By the rule."""
    if activation == "sigmoid":
        return max(lowest_means(numbers, init)) < NEAR_ZERO
    return min(most_saturated(numbers, activation, init)) > MANY


def first_is_first(run: dict[str, Any]) -> bool:
    """Whether the first hidden layer's 98th percentile passes the edge of saturation, no later
    than any other layer's and before the last one's."""
    passed = [
        next((i for i, size in enumerate(sizes) if size > EDGE), math.inf)
        for sizes in zip(*[look["percentile_98"] for look in run["looks"]], strict=True)
    ]
    return passed[0] == min(passed) and passed[0] < passed[-1]


def evidence_of(numbers: Numbers) -> str:
    """The numbers that decide, and the two that do not."""
    means, saturated = (
        " and ".join(f"{words(init)} with {init} weights" for init in INITS)
        for words in (
            lambda init: f"{max(lowest_means(numbers, init)):.2g}",
            lambda init: percent(min(most_saturated(numbers, "tanh", init))),
        )
    )
    runs = deepest(numbers, "tanh", "standard")["runs"]
    kept = ratio(numbers, "tanh", "Glorot")
    keeps = kept.low >= KEPT[0] and kept.high <= KEPT[1]
    ratios = "; ".join(
        f"{activation} {shown(ratio(numbers, activation, 'standard'))} and "
        f"{shown(ratio(numbers, activation, 'Glorot'))}"
        for activation in ("sigmoid", "tanh", "relu")
    )
    return (
        f"With every seed the mean output of sigmoid's last hidden layer falls at some look to "
        f"{means}, or lower (test error after training with standard weights: {errors(numbers)}), "
        f"and {saturated}, or more, of tanh's outputs are saturated in some layer. The gradient "
        f"at the first of five hidden layers divided by that at the last, with standard and with "
        f"Glorot's weights: {ratios}. Tanh's first layer saturates no later than any other, and "
        f"before the last, with {sum(map(first_is_first, runs))} of {len(runs)} seeds; Glorot's "
        f"weights {'keep' if keeps else 'do not keep'} the size of its gradient within a factor "
        f"of 2."
    )


def errors(numbers: Numbers) -> str:
    """The sigmoid nets' error rates by their depth."""
    found = []
    for net in of(numbers, "sigmoid", "standard"):
        rates = [run["error"] for run in net["runs"] if not run["diverged"]]
        found.append(f"{shares(rates)} with {net['depth']} hidden layers")
    return ", ".join(found)


def shares(values: Sequence[float]) -> str:
    """The least and the largest."""
    return f"{percent(min(values))} to {percent(max(values))}" if values else "none"


def shown(interval: Interval) -> str:
    """A value with its interval."""
    return f"{interval.value:.2g} ({interval.low:.2g} to {interval.high:.2g})"


def condition(cases: Sequence[tuple[str, str]]) -> str:
    """Where both hold, in words."""
    inits: dict[str, list[str]] = {}
    for activation, init in cases:
        inits.setdefault(activation, []).append(init)
    return "the activation is " + " or ".join(
        activation if len(found) == len(INITS) else f"{activation} with {found[0]} weights"
        for activation, found in inits.items()
    )


def over_time(net: dict[str, Any], measure: str, title: str, log_y: bool = False) -> Lines:
    """A measure by layer, over the epochs in which all seeds were looked at."""
    looks = list(zip(*[run["looks"] for run in net["runs"]], strict=False))
    epochs = [seen[0]["epoch"] for seen in looks]
    series = [
        Series(
            f"layer {layer + 1}", epochs,
            [float(np.mean([one[measure][layer] for one in seen])) for seen in looks],
        )
        for layer in range(net["depth"])
    ]  # fmt: skip
    label = measure.replace("percentile_98", "98 % of |y|")
    return Lines(title, "epochs", label, series, log_y=log_y)


def backwards(numbers: Numbers, init: str) -> Lines:
    """The gradients before training, a line for each activation."""
    series = []
    for activation in numbers["rates"]:
        runs = deepest(numbers, activation, init)["runs"]
        gradients = np.array([run["looks"][0]["gradient"] for run in runs])
        relative = np.exp(np.log(gradients / gradients[:, -1:]).mean(axis=0))
        series.append(Series(activation, range(1, DEEP + 1), relative.tolist()))
    return Lines(f"{init} weights", "hidden layer", "gradient", series, log_y=True)


def bounded(numbers: Numbers) -> list[dict[str, Any]]:
    """The deep nets with standard weights whose outputs are from -1 to 1, if none diverged."""
    nets = [deepest(numbers, name, "standard") for name in ("sigmoid", "tanh", "softsign")]
    return [net for net in nets if not any(run["diverged"] for run in net["runs"])]


def histograms(net: dict[str, Any]) -> Lines:
    """The outputs of each layer after training."""
    shares = np.mean([run["histograms"] for run in net["runs"]], axis=0)
    middles = ((BINS[1:] + BINS[:-1]) / 2).tolist()
    series = [
        Series(f"layer {layer + 1}", middles, one.tolist(), style="steps")
        for layer, one in enumerate(shares)
    ]
    return Lines(net["activation"], "output", "share", series)
