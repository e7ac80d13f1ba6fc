"""Rows 13 to 17: tensor operations one by one, as users write them, on one thread."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from outcome import Outcome, Spread, Target, check_agreement, ratios
from turns import Bench, Contender

from rows import epochs, targets
from rows.row import Row
from rows.small import STEPS, microseconds

SIZES = (4, 64)  # of square matrices: with 4, time is what a call costs; with 64, arithmetic, too
ALONE = ("a + b", "a * b", "a.exp()", "a @ b", "a.sum()", "F.relu(a)")  # told one by one
Times = Mapping[str, list[float]]  # by contender, round by round


def rounds(bench: Bench) -> Iterable[int]:
    """Twice as many as elsewhere, and no peaks: calls of microseconds vary. Round 0 warms up."""
    return range(2 * bench.round_count + 1)


def contenders(name: str, minidl: Mapping[str, Any], **setup: Any) -> dict[str, Contender]:
    """minidl's class of that name and PyTorch's; minidl's with options of its own."""
    return {
        "minidl": Contender(f"peers.minidl_peer:{name}", setup | minidl, 1),
        "PyTorch": Contender(f"peers.torch_peer:{name}", setup, 1),
    }


def run(bench: Bench, row: str, program: str, **options: int) -> dict[str, Times]:
    """What each expression of a program takes."""
    request = {"program": program, "budget": 0.1 if bench.quick else 0.4, **options}
    seconds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with bench.field(contenders("Programs", {})) as field:
        for round_number in rounds(bench):
            answers = field.turns(**request)
            bench.note(row, round_number, request, answers)
            for text in answers["minidl"]:
                values = {label: answer[text]["value"] for label, answer in answers.items()}
                check_agreement(f"{text}: mean", values, {}, 1e-4)
                if round_number > 0:
                    for label, answer in answers.items():
                        seconds[text][label].append(answer[text]["seconds"])
    return seconds


def against(row: str, what: str, times: Times, target: Target | None) -> list[Outcome]:
    """PyTorch's time by minidl's; nothing if PyTorch is missing."""
    own = times["minidl"]
    return [
        Outcome(row, f"{what}: {label} / minidl", ratios(peer, own), "×", target,
                f"{microseconds(peer)} / {microseconds(own)}")
        for label, peer in times.items() if label != "minidl"
    ]  # fmt: skip


def took(row: str, what: str, times: Times, unit: str, target: Target) -> Outcome:
    """minidl's own time."""
    scale = {"µs": 1e6, "ms": 1e3}[unit]
    return Outcome(row, what, Spread.of(scale * s for s in times["minidl"]), unit, target)


def geometric_mean(operations: Iterable[Times]) -> Times:
    """That of the operations' times, round by round."""
    by_contender = defaultdict(list)
    for times in operations:
        for label, seconds in times.items():
            by_contender[label].append(seconds)
    return {
        label: [statistics.geometric_mean(round_) for round_ in zip(*seconds, strict=True)]
        for label, seconds in by_contender.items()
    }


def measure_operations(bench: Bench, row: str) -> list[Outcome]:
    outcomes = []
    for size in SIZES:
        times = run(bench, row, "operations", size=size)
        what = f"{len(times)} operations, {size} × {size}, geometric mean"
        outcomes += against(row, what, geometric_mean(times.values()), targets.OPERATIONS[size])
        for text, alone in times.items():
            target = targets.OPERATION if size == 4 and text in ALONE else None
            outcomes += against(row, f"{text}, {size} × {size}", alone, target)
    return outcomes


def measure_graph(bench: Bench, row: str) -> list[Outcome]:
    outcomes = []
    for size in SIZES:
        (times,) = run(bench, row, "graph", size=size).values()
        outcomes += against(row, f"{size} × {size}", times, targets.GRAPH[size])
    return outcomes


def measure_loop(bench: Bench, row: str) -> list[Outcome]:
    return [*measure_loop_step(bench, row), *measure_loop_epoch(bench, row)]


def measure_loop_step(bench: Bench, row: str) -> list[Outcome]:
    sizes, batch = (20, 32, 2), 32
    request = {"steps": STEPS, "budget": 0.1 if bench.quick else 0.5}
    seconds = defaultdict(list)
    with bench.field(contenders("Step", {"written_out": True}, sizes=sizes, batch=batch)) as field:
        for round_number in rounds(bench):
            answers = field.turns(**request)
            bench.note(row, round_number, request, answers)
            losses = {label: answer["loss"] for label, answer in answers.items()}
            check_agreement("loop: mean loss", losses, {}, 1e-3)
            if round_number > 0:
                for label, answer in answers.items():
                    seconds[label].append(answer["seconds"])
    what = f"{'-'.join(map(str, sizes))}, batch {batch}, a step"
    return [
        took(row, what, seconds, "µs", targets.LOOP_STEP),
        *against(row, what, seconds, targets.LOOP),
    ]


def measure_loop_epoch(bench: Bench, row: str) -> list[Outcome]:
    net = epochs.SHALLOW
    peers = {"NumPy": "numpy", "PyTorch": "torch"}
    seconds = epochs.run(
        bench,
        row,
        {
            "minidl": epochs.contender(bench, net, threads=1, written_out=True),
            "TrainingStep": epochs.contender(bench, net, threads=1),
            **{label: epochs.contender(bench, net, peer, 1) for label, peer in peers.items()},
        },
        check=True,
    )
    own, fastest = seconds.pop("minidl"), seconds.pop("TrainingStep")
    what = f"{net}, batch {net.batch}, an epoch"
    return [
        Outcome(row, f"{what}: the time of TrainingStep", ratios(own, fastest), "×",
                targets.LOOP_EPOCH, f"{epochs.timing(own)} / {epochs.timing(fastest)}"),
        *(Outcome(row, f"{what}: {label} / minidl", ratios(times, own), "×",
                  targets.LOOP_PEERS.get(label), f"{epochs.timing(times)} / {epochs.timing(own)}")
          for label, times in seconds.items()),
    ]  # fmt: skip


def measure_convolution(bench: Bench, row: str) -> list[Outcome]:
    (times,) = run(bench, row, "convolution").values()
    what = "a step"
    return [
        took(row, what, times, "ms", targets.CONVOLUTION),
        *against(row, what, times, None),
    ]


def measure_views(bench: Bench, row: str) -> list[Outcome]:
    (times,) = run(bench, row, "views").values()
    return against(row, "1,000 rows", times, targets.VIEWS)


ROWS = [
    Row(
        "operations",
        "Tensor operations, recorded",
        "Forward, each result with its node, on square matrices of float32 that want gradients. "
        "One thread, as in all rows that follow.",
        measure_operations,
    ),
    Row(
        "graph",
        "A graph of eight operations, forward and backward",
        "`(((F.relu(a @ b + c) * a).tanh() - b) ** 2).mean()`, its gradients of a, b and c.",
        measure_graph,
    ),
    Row(
        "loop",
        "The loop written out",
        "`loss = F.cross_entropy(net(x), y)`, `zero_grad`, `backward`, `step`, `item`: ReLU, SGD "
        "with momentum. An epoch is of MNIST, shuffling included.",
        measure_loop,
    ),
    Row(
        "convolution",
        "A convolution in tensor operations",
        "im2col by indexing: `x[:, windows] @ filters`, 8 filters of 3 × 3 on 256 images of "
        "28 × 28 that want a gradient, ReLU, a dense layer, cross-entropy, gradient descent.",
        measure_convolution,
    ),
    Row(
        "views",
        "Row views",
        "1,000 rows of 100 as views, stacked and summed, forward and backward.",
        measure_views,
    ),
]
