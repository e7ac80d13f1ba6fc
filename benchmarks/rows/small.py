"""Rows 5, 6 and 8: what is short. One step of a tiny net, inference, import."""

from collections import defaultdict

from outcome import Outcome, Spread, check_agreement, number, ratios
from turns import Bench, Contender

from rows import targets
from rows.row import Row

STEPS = 200  # whose losses are compared


def microseconds(times: list[float]) -> str:
    return f"{number(Spread.of(times).median * 1e6)} µs"


def measure_step(bench: Bench, row: str) -> list[Outcome]:
    sizes, batch = (2, 16, 16, 2), 32
    contenders = {
        label: Contender(f"peers.{peer}_peer:Step", {"sizes": sizes, "batch": batch}, bench.threads)
        for label, peer in (("minidl", "minidl"), ("JAX", "jax"), ("PyTorch", "torch"))
    }
    request = {"steps": STEPS, "budget": 0.1 if bench.quick else 0.5}
    seconds = defaultdict(list)
    with bench.field(contenders) as field:
        for round_number in bench.rounds():
            answers = field.turns(**request)
            bench.note(row, round_number, request, answers)
            losses = {label: answer["loss"] for label, answer in answers.items()}
            check_agreement("step: mean loss", losses, {}, 1e-3)
            if round_number > 0:
                for label, answer in answers.items():
                    seconds[label].append(answer["seconds"])
    own = seconds.pop("minidl")
    return [
        Outcome(row, f"{label} / minidl", ratios(times, own), "×", targets.STEP[label],
                f"{microseconds(times)} / {microseconds(own)}")
        for label, times in seconds.items()
    ]  # fmt: skip


def measure_inference(bench: Bench, row: str) -> list[Outcome]:
    counts = sorted({1, bench.threads})
    return [outcome for threads in counts for outcome in measure_batches(bench, row, threads)]


def measure_batches(bench: Bench, row: str, threads: int) -> list[Outcome]:
    sizes = {"sizes": (784, 128, 10)}
    peers = {"ONNX Runtime": "onnx", "PyTorch": "torch", "NumPy": "numpy"}
    contenders = {
        "minidl": Contender("peers.minidl_peer:Inference", sizes, threads),
        "predict": Contender("peers.minidl_peer:Inference", sizes | {"by_predict": True}, threads),
        **{label: Contender(f"peers.{peer}_peer:Inference", sizes, threads)
           for label, peer in peers.items()},
    }  # fmt: skip
    seconds = defaultdict(list)
    with bench.field(contenders) as field:
        for round_number in bench.rounds():
            for batch in (1, 32, 256, 1000):
                request = {"batch": batch, "budget": 0.05 if bench.quick else 0.2}
                answers = field.turns(**request)
                bench.note(row, round_number, request | {"threads": threads}, answers)
                values = {label: answer["value"] for label, answer in answers.items()}
                check_agreement(f"inference, batch {batch}: mean output", values, {}, 1e-4)
                if round_number > 0:
                    for label, answer in answers.items():
                        seconds[batch, label].append(answer["seconds"])
    many = "one thread" if threads == 1 else f"{threads} threads"
    return [
        Outcome(row, f"batch {batch}, {many}: {label} / minidl",
                ratios(times, seconds[batch, "minidl"]), "×",
                targets.INFERENCE if label in peers else None,
                f"{microseconds(times)} / {microseconds(seconds[batch, 'minidl'])}")
        for (batch, label), times in seconds.items()
        if label != "minidl"
    ]  # fmt: skip


def measure_import(bench: Bench, row: str) -> list[Outcome]:
    modules = ("minidl", "numpy")
    seconds: dict[str, list[float]] = defaultdict(list)
    for round_number in range(3 if bench.quick else 9):
        for module in modules:  # a fresh process each time
            contender = Contender("peers.imports:Import", {"module": module}, bench.threads)
            with bench.field({module: contender}) as field:
                answers = field.turns()
            bench.note(row, round_number, {"module": module}, answers)
            if round_number > 0:  # the first reads the files from disk
                seconds[module].append(answers[module]["seconds"])
    milliseconds = " / ".join(f"{Spread.of(seconds[m]).median * 1e3:.0f} ms" for m in modules)
    more = Spread.of(1e3 * (own - numpy) for own, numpy in zip(*seconds.values(), strict=True))
    return [Outcome(row, "minidl, more than NumPy", more, "ms", targets.IMPORT, milliseconds)]


ROWS = [
    Row(
        "step",
        "A training step of a tiny net",
        "2-16-16-2, batch 32, ReLU, SGD with momentum, data in memory, the loss read every time.",
        measure_step,
    ),
    Row(
        "inference",
        "Inference of 784-128-10",
        "From a float32 batch in memory to the scores: a `Predictor`, and `predict`, which packs "
        "the weights in every call, against sessions and modules that were made before.",
        measure_inference,
    ),
    Row(
        "import",
        "Import",
        "The time of `import minidl`, and of `import numpy` alone, in fresh processes.",
        measure_import,
    ),
]
