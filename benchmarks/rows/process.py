"""Rows 9 to 11: memory, threads, and numbers too small for full speed."""

import math
from collections import defaultdict

from outcome import Outcome, Spread, number, ratios
from turns import Bench, Contender

from rows import epochs, targets
from rows.row import Row


def measure_memory(bench: Bench, row: str) -> list[Outcome]:
    net = epochs.SHALLOW
    contenders = {"minidl": epochs.contender(bench, net)}
    contenders |= {label: epochs.contender(bench, net, p) for label, p in epochs.PEERS.items()}
    with bench.field(contenders) as field:
        answers = field.turns(seed=0)
    bench.note(row, 0, {"seed": 0}, answers)
    peak = {label: answer["megabytes"] for label, answer in answers.items()}
    own = peak.pop("minidl")
    if math.isnan(own):
        return []  # this system does not tell
    others = ", ".join(f"{label} {megabytes:.0f}" for label, megabytes in peak.items())
    outcomes = [
        Outcome(row, f"an epoch of {net}", Spread.of([own]), "MB", targets.MEMORY, f"{others} MB")
    ]

    steps = 2_000 if bench.quick else 20_000
    plain = epochs.contender(bench, net)
    growth = Contender("peers.minidl_peer:Growth", plain.setup, bench.threads)
    with bench.field({"minidl": growth}) as field:
        answers = field.turns(steps=steps)
    bench.note(row, 0, {"steps": steps}, answers)
    used = answers["minidl"]
    grown = Spread.of([used["late"] - used["early"]])
    outcomes.append(
        Outcome(row, f"growth from step {steps // 10:,} to {steps:,}", grown, "MB", targets.GROWTH,
                f"{used['early']:.1f} to {used['late']:.1f} MB")
    )  # fmt: skip
    return outcomes


# Layers (in, out) from too small to share to large enough.
LAYERS = [(2, 16), (16, 16), (16, 64), (64, 64), (64, 128), (128, 128), (256, 128), (256, 256),
          (784, 128), (784, 512)]  # fmt: skip


def thread_counts(most: int) -> list[int]:
    """2, 4, 8, ... and the most; none for one thread."""
    counts = {most} | {2**k for k in range(1, most.bit_length()) if 2**k <= most}
    return sorted(counts - {1})


def measure_threads(bench: Bench, row: str) -> list[Outcome]:
    counts = thread_counts(bench.threads)
    if not counts:
        return []
    net = epochs.DEEP
    contenders = {str(n): epochs.contender(bench, net, threads=n) for n in (1, *counts)}
    seconds = epochs.run(bench, row, contenders)
    one = seconds.pop("1")
    outcomes = [
        Outcome(row, f"epoch of {net}, {n} threads against one", ratios(one, times), "×",
                targets.TWO_THREADS if n == "2" else targets.NO_SLOWER,
                f"{epochs.timing(times)} / {epochs.timing(one)}")
        for n, times in seconds.items()
    ]  # fmt: skip
    for n in counts:
        outcomes += measure_layers(bench, row, n)
    return outcomes


def measure_layers(bench: Bench, row: str, threads: int) -> list[Outcome]:
    """Layers of all sizes on so many threads against one."""
    layers, batches = (LAYERS[::3], (32,)) if bench.quick else (LAYERS, (1, 32, 128))
    contender = {"minidl": Contender("peers.minidl_peer:Threads", {}, threads)}
    one, several = defaultdict(list), defaultdict(list)
    with bench.field(contender) as field:
        for round_number in bench.rounds():
            for inputs, outputs in layers:
                for batch in batches:
                    request = {"batch": batch, "inputs": inputs, "outputs": outputs,
                               "threads": threads, "budget": 0.02}  # fmt: skip
                    answers = field.turns(**request)
                    bench.note(row, round_number, request, answers)
                    if round_number > 0:
                        one[inputs, outputs, batch] += answers["minidl"]["one"]
                        several[inputs, outputs, batch] += answers["minidl"]["all"]
    return [
        Outcome(row, f"{inputs}-{outputs}, batch {batch}, {threads} threads against one",
                ratios(times, several[inputs, outputs, batch]), "×", targets.NO_SLOWER,
                f"{number(Spread.of(times).median * 1e6)} µs on one")
        for (inputs, outputs, batch), times in one.items()
    ]  # fmt: skip


EPOCHS, SAMPLES = 50, 6_400  # denormal numbers appear in the second quarter


def measure_denormals(bench: Bench, row: str) -> list[Outcome]:
    setup = {"data": str(bench.data), "samples": SAMPLES}
    contender = {"minidl": Contender("peers.minidl_peer:Denormals", setup, bench.threads)}
    slower = []
    with bench.field(contender) as field:
        for round_number in bench.rounds():
            answers = field.turns(epochs=EPOCHS)
            bench.note(row, round_number, {"epochs": EPOCHS}, answers)
            if round_number > 0:
                times = answers["minidl"]["seconds"]
                first, last = Spread.of(times[:5]).median, Spread.of(times[-5:]).median
                slower.append(last / first)
    what = f"epochs {EPOCHS - 4} to {EPOCHS} against epochs 1 to 5"
    return [Outcome(row, what, Spread.of(slower), "×", targets.DENORMALS)]


ROWS = [
    Row(
        "memory",
        "Memory",
        "The most memory that a process has used by the end of an epoch, with its library and the "
        "data, and the memory that long training adds.",
        measure_memory,
    ),
    Row(
        "threads",
        "Threads",
        "More threads may not be slower than one: for a whole net, and for dense layers forward "
        "and backward of any size.",
        measure_threads,
    ),
    Row(
        "denormals",
        "Denormal numbers",
        "784-32-10, sigmoid, Adam with weight decay: the weights of pixels that are always 0, and "
        "Adam's averages, shrink until many processors become slow. The time of late epochs "
        "divided by that of early ones.",
        measure_denormals,
    ),
]
