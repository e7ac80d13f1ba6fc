"""Saturation: outputs at the ends of sigmoid and tanh, and what is left of the gradient."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..bench import Bench
from ..charts import Chart, Lines, Panels, Series, Table
from ..experiment import Experiment, Numbers, Verdict
from ..rules import LEVELS, METHODS, around, every, is_below, outcome
from ..statistics import Interval, mean_interval
from ..tuning import interior_best
from ..words import listed, percent
from .saturation_measured import BINS, INITS, MOMENTS, last_loss, learn

STEP = 10**0.5  # between the rates that are tried
VANISHED = 0.1  # what is left of a gradient, as a share
JUDGED = ("sigmoid", "tanh")
BEFORE, EARLY, LATE = (
    "before training", "in the first half epoch", "from the first epoch's end on"
)  # fmt: skip
PHASES = {BEFORE: (0.0, 0.0), EARLY: (MOMENTS[0], 0.5), LATE: (1.0, np.inf)}  # in epochs
DURING = (EARLY, LATE)
PARTS = ("all", "weights", "slope", "saturation")
FAMILY = len(JUDGED) * len(INITS) * len(DURING) * 2  # intervals

Case = tuple[str, str, str]  # activation, first weights, phase


class Saturation(Experiment):
    """Glorot & Bengio 2010 again."""

    name = "saturation"
    title = "Saturation"
    claim = "Sigmoid and tanh saturate, and the gradient vanishes on its way to the first layer."
    source = (
        "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural "
        "networks, sections 3 and 4, figures 2, 4 and 7"
    )
    protocol = (
        "Nets with five hidden layers of 128 units (the paper has 1000) and ten outputs, of "
        "sigmoid, tanh, softsign and ReLU. The first weights are U(±1/√n) for n inputs, the "
        "paper's standard, or Glorot's uniform ones, the biases 0. Plain SGD, batches of 10 as in "
        "the paper, cross-entropy, 4 epochs, five seeds.\n\n"
        "Each activation has a rate of its own: that of 0.03, 0.1, 0.3 and 1 with the least mean "
        "loss in the last quarter of one epoch (four hidden layers, standard weights, another "
        "seed); where that is at an end, the grid goes on in steps of √10.\n\n"
        "The first 300 test images are looked at before training, at 1/32, 1/16, 1/8, 1/4 and 1/2 "
        "of the first epoch, and after each epoch. What is left of the gradient is its norm by "
        "the pre-activations z of the first hidden layer, divided by that by the outputs of the "
        "last. Going back through the layers, it is multiplied by five slopes φ'(z) and four "
        "matrices of weights, so it is exactly the product of three factors: the steepest slope "
        "there is, to the power of 5 (sigmoid's is 1/4, which makes 0.001; the others have 1); "
        "saturation, which is how much smaller the norm gets at each layer's slopes than it would "
        "at the steepest; and the weights."
    )
    rule = (
        "Judged during training: in the first half epoch, and from the end of the first epoch on, "
        "for sigmoid and tanh and for both first weights: eight cases. In a phase the gradient "
        "vanishes if less than a tenth of it is left, and the activation saturates if saturation's "
        "factor alone is below a tenth; each is the geometric mean over the looks of the phase and "
        "over the seeds, and its whole interval has to be below. The 16 intervals hold at once "
        "with 95 % (Bonferroni). The claim holds in a case if both do. Reproduced if it holds in "
        "all eight, not reproduced if in none and it fails in one at least; true only in those "
        "where it holds, if it fails in others; else undecided. Before training is not judged: "
        "there the first weights and the steepest slope decide, and ReLU, told beside, meets the "
        "same criterion."
    )
    tried: ClassVar = {
        "limit": around(VANISHED),
        "level": LEVELS,
        "method": METHODS,
    }
    seconds: ClassVar = {"full": 170, "quick": 9}

    def measure(self, bench: Bench) -> Numbers:
        """Tunes a rate for each activation, then trains."""
        rates, nets = {}, []
        for activation in bench.activations("sigmoid", "tanh", "softsign", "relu"):
            rates[activation] = self.tuned(bench, activation)
            for init in INITS:
                runs = [
                    bench.cell(
                        learn, activation=activation, init=init, lr=rates[activation]["rate"],
                        seed=seed, epochs=bench.scale.epochs(4),
                    )
                    for seed in bench.scale.some(5)
                ]  # fmt: skip
                nets.append({"activation": activation, "init": init, "runs": runs})
        return {"rates": rates, "nets": nets}

    def tuned(self, bench: Bench, activation: str) -> dict[str, Any]:
        """The activation's rate."""
        (seed,) = bench.scale.for_tuning(1)

        def loss(rate: float, best: float | None) -> float | None:
            found = bench.cell(last_loss, activation=activation, lr=rate, seed=seed)["loss"]
            return None if found is None else float(found)

        return interior_best(loss, 0.1, STEP, first=(-1, 0, 1, 2))._asdict()

    def judge(
        self, numbers: Numbers, limit: float = VANISHED, level: float = 0.95,
        method: str = "student",
    ) -> Verdict:  # fmt: skip
        """By the rule."""
        found = {
            (activation, init, phase): [
                left(numbers, activation, init, phase, part, FAMILY, level, method)
                for part in ("all", "saturation")
            ]
            for activation in JUDGED
            for init in INITS
            for phase in DURING
        }
        holds = {
            case: every([is_below(one, limit) for one in both]) for case, both in found.items()
        }
        verdict = outcome({str(case): is_so for case, is_so in holds.items()})
        words = {
            "reproduced": "both saturate and lose the gradient, from either start",
            "not reproduced": "in no case does the net saturate and lose the gradient as well",
            "true only when": condition([case for case, is_so in holds.items() if is_so]),
            "undecided": f"open is {condition([c for c, is_so in holds.items() if is_so is None])}",
        }[verdict]
        told = "; ".join(
            f"{activation} with {init} weights "
            + listed([f"{shown(found[activation, init, phase][0])} {phase}" for phase in DURING])
            for activation in JUDGED for init in INITS
        )  # fmt: skip
        alone = listed([f"{extremes(found, activation)} for {activation}" for activation in JUDGED])
        start = "; ".join(
            f"{activation} {factors(numbers, activation)}" for activation in (*JUDGED, "relu")
        )
        evidence = (
            f"Left of the gradient during training: {told}. Saturation's factor alone is {alone}. "
            f"Before training, with standard weights, the start decides what is left: {start}. "
            f"Test error after training with standard weights: {errors(numbers)}."
        )
        sigmoid, tanh = (
            left(numbers, activation, "standard", phase, "all").value
            for activation, phase in zip(JUDGED, DURING, strict=True)
        )
        effect = (
            f"Of the gradient at the last of five hidden layers {percent(sigmoid)} reach the first "
            f"in sigmoid's first half epoch, {percent(tanh)} in tanh from the first epoch's end on "
            "(standard weights)."
        )
        return Verdict(verdict, words, evidence, effect)

    def in_short(self, numbers: Numbers) -> str:
        """In a sentence."""
        sigmoid, tanh = (
            left(numbers, activation, "standard", phase, "all").value
            for activation, phase in zip(JUDGED, DURING, strict=True)
        )
        return (
            f"The first of five layers gets {sigmoid:.1g} of the last one's gradient in a sigmoid "
            f"net that begins to learn, and {tanh:.2g} of it in a tanh net later on."
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """The gradient's course, what it is made of, and the paper's figures 2 and 4."""
        return [
            Panels(
                "What is left of the gradient", [courses(numbers, init) for init in INITS],
                "The gradient at the first hidden layer by that which arrives at the last; "
                "geometric mean over the seeds. The first look is before training. Below the "
                "dotted line it has vanished.",
            ),
            Panels(
                "What makes it small",
                [parts(numbers, activation) for activation in numbers["rates"]],
                "Standard first weights: all is the product of weights, steepest slope and "
                "saturation. As an activation saturates the weights grow, and make up for it, "
                "except in sigmoid's first epochs.",
            ),
            Panels(
                "Mean output of each layer",
                [over_time(net_of(numbers, activation, "standard")) for activation in JUDGED],
                "Standard first weights, mean over the seeds. Sigmoid's lower end is 0.",
                same_y=False,
            ),
            Panels(
                "Outputs after training", [histograms(net) for net in bounded(numbers)],
                "Shares of all outputs for the 300 images, in 40 bins from -1 to 1 (sigmoid's are "
                "above 0); standard first weights, mean over the seeds.",
            ),
            Table(
                "Before training",
                ["net", "left of the gradient", *PARTS[1:]],
                [
                    [f"{net['activation']}, {net['init']}",
                     *[f"{left(numbers, net['activation'], net['init'], BEFORE, part).value:.2g}"
                       for part in PARTS]]
                    for net in numbers["nets"]
                ],
                "Geometric means over the seeds.",
            ),
        ]  # fmt: skip


def net_of(numbers: Numbers, activation: str, init: str) -> dict[str, Any]:
    """The net of an activation with such first weights."""
    found: dict[str, Any] = next(
        net for net in numbers["nets"] if (net["activation"], net["init"]) == (activation, init)
    )
    return found


def split(look: dict[str, Any], steepest: float) -> dict[str, float]:
    """The logarithms of what is left of the gradient at a look, and of its three factors."""
    with np.errstate(divide="ignore"):
        z, y = np.log(look["gradient"]), np.log(look["arriving"])
    slopes = float((z - y).sum())
    steep = len(z) * float(np.log(steepest))
    return {
        "all": float(z[0] - y[-1]), "weights": float(z[0] - y[-1]) - slopes, "slope": steep,
        "saturation": slopes - steep,
    }  # fmt: skip


def logs(run: dict[str, Any], phase: str, part: str) -> list[float]:
    """A part at each look of a phase."""
    low, high = PHASES[phase]
    looks = [look for look in run["looks"] if low <= look["epoch"] <= high]
    return [split(look, run["steepest"])[part] for look in looks]


def left(
    numbers: Numbers, activation: str, init: str, phase: str, part: str, comparisons: int = 1,
    level: float = 0.95, method: str = "student",
) -> Interval:  # fmt: skip
    """A part in a phase: geometric mean over its looks and the seeds. Of a seed that diverged
    before there is nothing; without any it is not known."""
    found = [logs(run, phase, part) for run in net_of(numbers, activation, init)["runs"]]
    means = [float(np.mean(one)) for one in found if one]
    if not means:
        return Interval(np.nan, 0.0, np.inf)
    return Interval(*np.exp(mean_interval(means, comparisons, level, method)).tolist())


def factors(numbers: Numbers, activation: str) -> str:
    """What is left before training, as a product."""
    everything, *three = (
        f"{left(numbers, activation, 'standard', BEFORE, part).value:.2g}" for part in PARTS
    )
    return f"{everything} = " + " · ".join(
        f"{value} ({part})" for part, value in zip(PARTS[1:], three, strict=True)
    )


def errors(numbers: Numbers) -> str:
    """The error rates with standard weights."""
    found = []
    for activation in (*JUDGED, "relu"):
        runs = net_of(numbers, activation, "standard")["runs"]
        rates = [run["error"] for run in runs if not run["diverged"]]
        span = f"{percent(min(rates))} to {percent(max(rates))}" if rates else "none"
        found.append(f"{span} ({activation})")
    return listed(found)


def shown(interval: Interval) -> str:
    """A value with its interval."""
    return f"{interval.value:.2g} ({interval.low:.2g} to {interval.high:.2g})"


def extremes(found: Mapping[Case, Sequence[Interval]], activation: str) -> str:
    """The least and the largest of saturation's factors."""
    factors = [both[1].value for case, both in found.items() if case[0] == activation]
    return f"{min(factors):.2g} to {max(factors):.2g}"


def condition(cases: Sequence[Case]) -> str:
    """Where it is so, in words."""
    nets: dict[str, list[str]] = {}
    for activation, init, phase in cases:
        nets.setdefault(f"{activation} {phase}", []).append(init)
    return "the net is of " + " or ".join(
        net + ("" if len(inits) == len(INITS) else f" with {inits[0]} weights")
        for net, inits in nets.items()
    )


def course(net: dict[str, Any], part: str) -> tuple[list[float], list[float]]:
    """A part by epoch: geometric mean, over the looks that all seeds have."""
    looks = list(zip(*[run["looks"] for run in net["runs"]], strict=False))
    steepest = net["runs"][0]["steepest"]
    means = [np.exp(np.mean([split(one, steepest)[part] for one in seen])) for seen in looks]
    return [max(seen[0]["epoch"], 1 / 64) for seen in looks], [float(mean) for mean in means]


def courses(numbers: Numbers, init: str) -> Lines:
    """What is left of the gradient, a line for each activation."""
    series = [
        Series(activation, *course(net_of(numbers, activation, init), "all"))
        for activation in numbers["rates"]
    ]
    return Lines(
        f"{init} weights", "epochs", "left of it", series, log_x=True, log_y=True,
        marks={"vanished": VANISHED},
    )  # fmt: skip


def parts(numbers: Numbers, activation: str) -> Lines:
    """What is left of the gradient, and its factors."""
    net = net_of(numbers, activation, "standard")
    series = [Series(part, *course(net, part)) for part in PARTS]
    return Lines(activation, "epochs", "factor", series, log_x=True, log_y=True)


def over_time(net: dict[str, Any]) -> Lines:
    """The mean output by layer, over the epochs in which all seeds were looked at."""
    looks = list(zip(*[run["looks"] for run in net["runs"]], strict=False))
    epochs = [seen[0]["epoch"] for seen in looks]
    series = [
        Series(
            f"layer {layer + 1}", epochs,
            [float(np.mean([one["mean"][layer] for one in seen])) for seen in looks],
        )
        for layer in range(len(looks[0][0]["mean"]))
    ]  # fmt: skip
    return Lines(net["activation"], "epochs", "mean", series)


def bounded(numbers: Numbers) -> list[dict[str, Any]]:
    """The nets with standard weights whose outputs are from -1 to 1, if none diverged."""
    nets = [net_of(numbers, name, "standard") for name in ("sigmoid", "tanh", "softsign")]
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
