"""Rows 2 to 4: an epoch of MNIST, everything included."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from nets import flops_per_sample
from outcome import Outcome, Spread, check_agreement, ratios
from turns import Bench, Contender

from rows import targets
from rows.row import Row

PEERS = {"NumPy": "numpy", "JAX": "jax", "PyTorch": "torch", "scikit-learn": "sklearn"}

# How far the mean loss of the first epoch may be off minidl's. Rounding differs, and training
# amplifies it: by some 0.2% at the end of the epoch. scikit-learn shuffles in its own order.
TOLERANCE, TOLERANCES = 0.01, {"scikit-learn": 0.1}


class Net(NamedTuple):
    """A net and its batch size."""

    sizes: tuple[int, ...]
    batch: int

    def __str__(self) -> str:
        return "-".join(map(str, self.sizes))


SHALLOW = Net((784, 128, 10), 64)
DEEP = Net((784, 512, 256, 10), 128)


def samples(bench: Bench) -> int:
    return 6_400 if bench.quick else 60_000


def contender(
    bench: Bench, net: Net, peer: str = "minidl", threads: int = 0, **setup: Any
) -> Contender:
    """An epoch's contender; by default minidl, on all threads."""
    shared = {"sizes": net.sizes, "batch": net.batch, "data": str(bench.data),
              "samples": samples(bench)}  # fmt: skip
    return Contender(f"peers.{peer}_peer:Epoch", shared | setup, threads or bench.threads)


def run(
    bench: Bench, row: str, contenders: Mapping[str, Contender], check: bool = False
) -> dict[str, list[float]]:
    """Every contender's seconds, round by round; with `check` their losses have to agree."""
    seconds = defaultdict(list)
    with bench.field(contenders) as field:
        for round_number in bench.rounds():
            answers = field.turns(seed=round_number)
            bench.note(row, round_number, {"seed": round_number}, answers)
            losses = {label: answer["loss"] for label, answer in answers.items()}
            if check:
                check_agreement(f"{row}, round {round_number}: loss", losses, TOLERANCES, TOLERANCE)
            if round_number > 0:
                for label, answer in answers.items():
                    seconds[label].append(answer["seconds"])
    return seconds


def fraction(bench: Bench, net: Net, pieces: int, times: list[float]) -> Spread:
    """f: the operations that an epoch needs, by those that the peak would do in its time."""
    steps = samples(bench) // net.batch
    flops = flops_per_sample(net.sizes, pieces) * steps * net.batch
    peak = bench.peak("flops", bench.threads)
    return Spread.of(flops / s / peak for s in times)


def against_peers(net: Net) -> Row:
    def measure(bench: Bench, row: str) -> list[Outcome]:
        contenders = {
            "minidl": contender(bench, net),
            "minidl, loop written out": contender(bench, net, written_out=True),
            **{label: contender(bench, net, peer) for label, peer in PEERS.items()},
        }
        seconds = run(bench, row, contenders, check=True)
        own = seconds.pop("minidl")
        f, f_target = fraction(bench, net, 1, own), targets.EPOCH_F[str(net)]
        outcomes = [Outcome(row, "f of minidl", f, "", f_target, timing(own))]
        for label, times in seconds.items():
            f = fraction(bench, net, 1, times).median
            target = targets.EPOCH[str(net)].get(label)
            more = f"{timing(times)}, f = {f:.2f}"
            outcomes.append(
                Outcome(row, f"{label} / minidl", ratios(times, own), "×", target, more)
            )
        return outcomes

    return Row(
        f"epoch-{len(net.sizes) - 1}",
        f"An epoch of MNIST: {net}",
        f"Batch {net.batch}, ReLU, SGD with momentum 0.9, shuffling and reading the loss included. "
        "minidl gathers from uint8, the others from float32 in memory. f counts the matrix "
        "products' operations only, as a fraction of the processor's peak.",
        measure,
    )


def timing(times: list[float]) -> str:
    return f"{Spread.of(times).median:.3f} s"


PIECES = 5
VARIANTS: dict[str, dict[str, Any]] = {
    "relu": {},
    "sigmoid": {"activation": "sigmoid"},
    "tanh": {"activation": "tanh"},
    "prelu": {"activation": "prelu"},
    f"maxout, {PIECES} pieces": {"activation": "maxout", "pieces": PIECES},
    "relu, Adam": {"optimizer": "adam"},
    "relu, dropout 0.5": {"dropout": 0.5},
}


def measure_variants(bench: Bench, row: str) -> list[Outcome]:
    outcomes = []
    for net in (SHALLOW, DEEP):
        contenders = {label: contender(bench, net, **setup) for label, setup in VARIANTS.items()}
        seconds = run(bench, row, contenders)
        usual = fraction(bench, net, 1, seconds["relu"])
        for label, times in seconds.items():
            f = fraction(bench, net, VARIANTS[label].get("pieces", 1), times)
            less = Spread.of(value - usual.median for value in f)
            target = None if label == "relu" else targets.VARIANT
            more = f"{timing(times)}, f = {f.median:.2f}"
            outcomes.append(Outcome(row, f"{net}, {label}: f minus ReLU's", less, "", target, more))
    return outcomes


ROWS = [
    against_peers(SHALLOW),
    against_peers(DEEP),
    Row(
        "variants",
        "Other activations, Adam, dropout",
        "The same nets without ReLU or without SGD, minidl only. Maxout's layers have "
        f"{PIECES} times the units, and their operations are counted.",
        measure_variants,
    ),
]
