"""Advice: which activation one should use."""

from collections.abc import Sequence
from typing import ClassVar

from ..bench import Bench
from ..charts import Chart
from ..experiment import Experiment, Numbers, Verdict
from ..rules import LEVELS, METHODS, around, every, outcome
from .advice_judged import against_relu, parts, situations_of
from .advice_league import choices, costs, results, situation, tuned_in
from .advice_measured import CONTESTANTS, NETS, OPTIMIZERS
from .advice_shown import pictures
from .advice_words import counted, difference, effect, in_words, mistakes, told

EPOCHS = 3
SHARED_NET, SHARE_SEEDS = "three layers", 2
OF_MNIST, OF_FASHION = "MNIST", "Fashion-MNIST"


class Advice(Experiment):
    """The league of activations."""

    name = "advice"
    title = "Which one should I use?"
    claim = (
        "What neuron type should I use? Use the ReLU non-linearity, be careful with your learning "
        "rates. Give leaky ReLU or maxout a try. Never use sigmoid. Try tanh, but expect it to "
        "work worse than ReLU or maxout."
    )
    source = "CS231n, Neural Networks Part 1, Commonly used activation functions, TLDR"
    protocol = (
        "Fifteen activations: ReLU, leaky ReLU with slopes 0.01 and 0.1, PReLU, maxout with two "
        "pieces, ELU, SELU, GELU, SiLU, mish, tanh, LeCun's tanh, softsign and sigmoid. Maxout "
        "takes part twice: with as many units as the others, and narrow, with as many parameters. "
        "Three nets of two, three and six layers, all hidden ones of 128 units, by SGD with "
        "momentum 0.9 and by Adam (AdamW's weight decay): six situations. Batches of 128, half a "
        "cosine over 3 epochs, weights that start with the gain of their activation.\n\n"
        "Rate and weight decay are tuned for each activation in each situation by the same "
        "budget, on the last sixth of MNIST's training images after training on the others: first "
        "the rate without decay, by powers of two until the best is not at the edge (8 rates at "
        "most), by the mean error of two seeds (a rate whose first seed errs 1.25 times as often "
        "as the best so far does not get the second); then at that rate the decay: 0, 0.0001 or "
        "0.001 for SGD; 0, 0.01 or 0.1 for Adam.\n\n"
        "Ten other seeds then train on all training images. With each seed all see the same "
        "batches and start from the same random numbers times their gain (maxout has more of "
        "them): the runs are pairs. A run that diverges counts with the error that its net has. "
        "Then nets, epochs, decays and rule are frozen, and the same is done with Fashion-MNIST. "
        "Only the rates are tuned again, by the same procedure beginning with MNIST's. That was "
        "decided after a quick look: trained on 6,000 of its images with three of the ten seeds, "
        "many nets diverged with MNIST's rates for SGD. The images are brighter: their mean "
        "square is 1.8 times MNIST's.\n\n"
        "Compared are logarithms of test errors: a ratio is the geometric mean over the seeds of "
        "the error in units of ReLU's with the same seed. Over the situations, each seed's "
        "logarithms are first averaged over the six. ReLU also trains at four times its best "
        "rate. Steps are those until the training loss is that which ReLU with the same seed has "
        "half way through its training (means over twentieths of a training, with straight lines "
        "between), in units of ReLU's; costs are parameters and the multiply-adds of an image.\n\n"
        "How much the choice matters: on three layers and MNIST each activation trains at a "
        "quarter of its best rate, at it and at four times of it, from its own gain, from "
        "Glorot's normal weights without gain, and from normal weights of standard deviation "
        "0.01, with two of the seeds. The sum of squares of the logarithms of errors is split "
        "among the three choices, their combinations and the seeds."
    )
    rule = (
        "The advice has five parts. Leaky ReLU or maxout is better than ReLU, in one of their four "
        "kinds; nothing else is; sigmoid is worse; tanh is worse; and four times the best rate is "
        "worse. Better and worse mean by more than 5 %, over the six situations: so if the whole "
        "interval is beyond that, not so if none of it is, else undecided. The intervals are "
        "Student's for the logarithms, and all ratios to ReLU of both data sets hold at once with "
        "95 % (Bonferroni). A part holds if it does on MNIST and on Fashion-MNIST, and fails if "
        "it fails on one. Reproduced if all parts hold; true only in those that do if others "
        "fail; not reproduced if none holds and one fails; else undecided."
    )
    tried: ClassVar = {
        "margin": around(0.05), "level": LEVELS, "method": METHODS, "which": tuple(OPTIMIZERS),
    }  # fmt: skip
    seconds: ClassVar = {"full": 3000, "quick": 30}

    def measure(self, bench: Bench) -> Numbers:
        """Tunes, then runs the league on each data set, then the choices beside each other."""
        epochs, seeds = bench.scale.epochs(EPOCHS), bench.scale.some(10)
        is_whole = bench.scale.is_judged
        nets, some = ([*NETS], SHARE_SEEDS) if is_whole else ([SHARED_NET], 1)
        known = [activation for activation, _ in CONTESTANTS.values()]
        names = [*CONTESTANTS, *[name for name in bench.extra if name not in known]]
        tuned = tuned_in(bench, nets, names, epochs)
        sets = {OF_MNIST: results(bench, tuned, seeds, epochs)}
        if bench.fashion is not None:
            again = tuned_in(bench.fashion, nets, names, epochs, earlier=tuned)
            sets[OF_FASHION] = results(bench.fashion, again, seeds, epochs)
        shared = {one: situation(SHARED_NET, one) for one in OPTIMIZERS}
        return {
            "seeds": seeds,
            "sets": sets,
            "costs": {net: {name: costs(name, net) for name in names} for net in nets},
            "choices": {
                one: choices(
                    bench, tuned, where, sets[OF_MNIST]["errors"][where], seeds[:some], epochs,
                )
                for one, where in shared.items()
            },
        }  # fmt: skip

    def judge(
        self, numbers: Numbers, margin: float = 0.05, level: float = 0.95, method: str = "student",
        which: str = "all",
    ) -> Verdict:  # fmt: skip
        """By the rule."""
        where = situations_of(numbers, which)
        sets = {name: one["errors"] for name, one in numbers["sets"].items()}
        ratios = {
            name: against_relu(errors, where, len(sets), level, method)
            for name, errors in sets.items()
        }
        found = {name: parts(one, margin) for name, one in ratios.items()}
        holds = {part: every([one[part] for one in found.values()]) for part in found[OF_MNIST]}
        verdict = outcome(holds)
        evidence = [told(name, one) for name, one in ratios.items()]
        evidence += [difference(found), counted(sets, where, margin, level, method)]
        return Verdict(verdict, in_words(verdict, holds), " ".join(evidence), effect(ratios))

    def in_short(self, numbers: Numbers) -> str:
        """In a sentence."""
        where = situations_of(numbers)
        return mistakes(
            {name: against_relu(one["errors"], where) for name, one in numbers["sets"].items()}
        )

    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """Advice, rankings, shares, and the tuning."""
        return pictures(numbers)
