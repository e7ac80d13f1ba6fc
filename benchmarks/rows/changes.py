"""Rows that compare minidl with itself: what a change to the net or to the training costs, what
`fit` adds to its steps, and whether a step of a wide net is worth taking."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from outcome import Outcome, Target, ratios
from turns import Bench, Contender

from rows import targets
from rows.row import Row
from rows.small import microseconds

PLAIN, FIT, LOOP, STEP = "plain", "step.epoch", "loop", "step"  # what the others are held against
# Sizes, rows in a batch, and steps in an epoch.
NETS: list[dict[str, Any]] = [
    {"sizes": (784, 128, 10), "batch": 64, "steps": 10},
    {"sizes": (20, 32, 2), "batch": 32, "steps": 200},
]
WIDE = [(256, 10_000), (784, 2048, 10)]


def thread_counts(bench: Bench) -> list[int]:
    """One, and all."""
    return sorted({1, bench.threads})


def run(
    bench: Bench, row: str, name: str, setup: Mapping[str, Any], threads: int
) -> dict[str, list[float]]:
    """The seconds of each of a contender's ways, round by round. The ways alternate within a turn,
    in one process: they use the same threads."""
    seconds = defaultdict(list)
    budget = 0.3 if bench.quick else 2.0
    with bench.field({"minidl": Contender(f"peers.changes:{name}", setup, threads)}) as field:
        for round_number in range(bench.round_count + 1):  # round 0 warms up
            answers = field.turns(budget=budget)
            bench.note(row, round_number, {"setup": setup, "threads": threads}, answers)
            if round_number > 0:
                for way, took in answers["minidl"].items():
                    seconds[way].append(took)
    return seconds


def against(
    row: str, what: str, times: list[float], base: list[float], target: Target, per: int = 1
) -> Outcome:
    """Some times by those that they are held against; told for one of `per` pieces."""
    own, other = (microseconds([t / per for t in ts]) for ts in (times, base))
    return Outcome(row, what, ratios(times, base), "×", target, f"{own} / {other}")


def measure_changes(bench: Bench, row: str) -> list[Outcome]:
    outcomes = []
    for net in NETS:
        bounds = targets.CHANGES["-".join(map(str, net["sizes"]))]
        for threads in thread_counts(bench):
            seconds = run(bench, row, "Changes", net, threads)
            plain = seconds.pop(PLAIN)
            for change, times in seconds.items():
                what = f"{named(net['sizes'], net['batch'], threads)}: {change}"
                target = bounds.get(change, bounds[PLAIN])
                outcomes.append(against(row, what, times, plain, target, net["steps"]))
    return outcomes


def named(sizes: tuple[int, ...], batch: int, threads: int) -> str:
    many = "one thread" if threads == 1 else f"{threads} threads"
    return f"{'-'.join(map(str, sizes))}, batch {batch}, {many}"


def measure_wide(bench: Bench, row: str) -> list[Outcome]:
    outcomes = []
    for sizes in WIDE:
        for threads in thread_counts(bench):
            seconds = run(bench, row, "Wide", {"sizes": sizes, "batch": 64}, threads)
            what = f"{named(sizes, 64, threads)}: the loop / a step"
            outcomes.append(against(row, what, seconds[LOOP], seconds[STEP], targets.WIDE))
    return outcomes


def measure_fit(bench: Bench, row: str) -> list[Outcome]:
    epochs = 50 if bench.quick else 200
    seconds = run(bench, row, "SmallFit", {"epochs": epochs}, 1)
    steps = seconds.pop(FIT)
    return [
        against(row, f"{way} / {FIT}", times, steps, targets.SMALL_FIT[way], epochs)
        for way, times in seconds.items()
    ]


ROWS = [
    Row(
        "changes",
        "What a change to the net or its training costs",
        "A step of a dense layer, ReLU and a dense layer, cross-entropy, SGD with momentum, with "
        "each of these changes, against the plain step: epochs by `step.epoch(batches)`.",
        measure_changes,
    ),
    Row(
        "wide",
        "A step of wide layers",
        "`step(x, y)` against the loop written out: above 1, the step is faster.",
        measure_wide,
    ),
    Row(
        "small-fit",
        "fit on 150 rows",
        "4-16-3, Adam, batch 32: an epoch by `fit`, all guards on, against one by `step.epoch` and "
        "its mean. What comes before the first epoch is part of it.",
        measure_fit,
    ),
]
