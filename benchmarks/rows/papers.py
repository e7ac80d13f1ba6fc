"""An epoch of the nets of examples/papers."""

from collections import defaultdict

from outcome import Outcome, check_agreement, ratios
from turns import Bench, Contender

from rows import targets
from rows.changes import thread_counts
from rows.epochs import timing
from rows.row import Row

PEERS = {"minidl": "minidl", "JAX": "jax", "PyTorch": "torch"}
NAMES = {"noisy": "784-1000-500-10 with noise", "maxout": "784-240-240-10, maxout"}
TOLERANCE = 0.08  # each draws noise and masks of its own


def measure(bench: Bench, row: str) -> list[Outcome]:
    return [
        outcome
        for paper in NAMES
        for threads in thread_counts(bench)
        for outcome in measure_paper(bench, row, paper, threads)
    ]


def measure_paper(bench: Bench, row: str, paper: str, threads: int) -> list[Outcome]:
    setup = {"paper": paper, "data": str(bench.data), "samples": 2_000 if bench.quick else 12_000}
    contenders = {
        label: Contender(f"peers.{peer}_papers:Epoch", setup, threads)
        for label, peer in PEERS.items()
    }
    seconds = defaultdict(list)
    with bench.field(contenders) as field:
        for round_number in range(bench.round_count + 1):
            answers = field.turns(seed=round_number)
            bench.note(row, round_number, {"paper": paper, "threads": threads}, answers)
            losses = {label: answer["loss"] for label, answer in answers.items()}
            check_agreement(f"{paper}: loss", losses, {}, TOLERANCE)
            if round_number > 0:
                for label, answer in answers.items():
                    seconds[label].append(answer["seconds"])
    own = seconds.pop("minidl")
    many = "one thread" if threads == 1 else f"{threads} threads"
    return [
        Outcome(row, f"{NAMES[paper]}, {many}: {label} / minidl", ratios(times, own), "×",
                targets.PAPERS, f"{timing(times)} / {timing(own)}")
        for label, times in seconds.items()
    ]  # fmt: skip


ROW = Row(
    "papers",
    "An epoch of the papers' nets",
    "12,000 images of MNIST, batch 100. 784-1000-500-10: noise on the pixels and in each layer, "
    "batch normalisation, ReLU, Adam. 784-240-240-10: maxout of 5 pieces, dropout of pixels and "
    "units, SGD with momentum, a bound on the norm of each piece's weights after every step. "
    "minidl gathers from uint8, the others from float32 in memory; JAX draws with its fastest "
    "generator.",
    measure,
)
