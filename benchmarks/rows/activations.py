"""Row 7: activations on a large array, against PyTorch and against the memory."""

from collections import defaultdict

from outcome import Outcome, Spread, check_agreement, ratios
from turns import Bench, Contender

from rows import targets
from rows.row import Row

FLOATS = 10_000_000
# Arrays read and written: forward x and y; backward the one that is kept, dy and dx.
ARRAYS = {"forward": 2, "backward": 3}
MEMORY_BOUND = ("relu", "leaky_relu", "prelu")  # little to compute, so the memory sets the pace
OTHERS = ("relu6", "hard_tanh", "hard_sigmoid", "elu", "selu", "celu", "sigmoid", "tanh",
          "softsign", "softplus", "log_sigmoid", "silu", "mish", "gelu")  # fmt: skip
QUICK = (*MEMORY_BOUND, "sigmoid", "gelu")


def measure(bench: Bench, row: str) -> list[Outcome]:
    contenders = {
        label: Contender(f"peers.{peer}_peer:Activations", {"floats": FLOATS}, bench.threads)
        for label, peer in (("minidl", "minidl"), ("PyTorch", "torch"))
    }
    names = QUICK if bench.quick else MEMORY_BOUND + OTHERS
    seconds = defaultdict(list)  # by contender, activation and direction, round by round
    with bench.field(contenders) as field:
        for round_number in bench.rounds():
            for name in names:
                request = {"name": name, "repeats": 3}
                answers = field.turns(**request)
                bench.note(row, round_number, request, answers)
                for number, direction in enumerate(ARRAYS):
                    values = {label: a["values"][number] for label, a in answers.items()}
                    check_agreement(f"{name} {direction}: mean", values, {}, 1e-4)
                    if round_number > 0:
                        for label, answer in answers.items():
                            seconds[label, name, direction].append(answer[direction])
                        alone = answers["minidl"]["kernel"]
                        seconds["kernel", name, direction].append(alone[direction])
    outcomes = []
    for name in names:
        for direction, arrays in ARRAYS.items():
            own = seconds["minidl", name, direction]
            rate = [arrays * 4 * FLOATS / s for s in own]
            gigabytes = f"{Spread.of(rate).median / 1e9:.3g} GB/s"
            if name in MEMORY_BOUND:
                copy = bench.peak("bytes", bench.threads)
                alone = [arrays * 4 * FLOATS / s for s in seconds["kernel", name, direction]]
                outcomes.append(
                    Outcome(row, f"{name} {direction}, the kernel: of the copy's bandwidth",
                            Spread.of(r / copy for r in alone), "", targets.BANDWIDTH,
                            f"{Spread.of(alone).median / 1e9:.3g} GB/s")
                )  # fmt: skip
            if peer := seconds["PyTorch", name, direction]:
                outcomes.append(
                    Outcome(row, f"{name} {direction}: PyTorch / minidl", ratios(peer, own), "×",
                            targets.ACTIVATION, gigabytes)
                )  # fmt: skip
    return outcomes


ROW = Row(
    "activations",
    "Activations",
    "Forward and backward on 10 million float32, for all activations that PyTorch has too. The "
    "ratio to PyTorch includes allocating the result, on both sides. The kernel alone writes into "
    "an existing array, and so does the copy that it is compared with. The best of three calls in "
    "every turn.",
    measure,
)
