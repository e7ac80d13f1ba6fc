"""Row 1: the matrix products of a dense layer, against OpenBLAS."""

from collections import defaultdict

from outcome import Outcome, Spread, check_agreement, ratios
from turns import Bench, Contender

from rows import targets
from rows.row import Row

# (in, out) of the layers, by the batch sizes they are tried with.
COMMON = [(batch, *layer) for layer in ((784, 128), (512, 256), (1200, 1200))
          for batch in (32, 128, 512)]  # fmt: skip
AWKWARD = [(batch, *layer) for layer in ((785, 300), (100, 10), (300, 100))
           for batch in (1, 7, 33, 100)]  # fmt: skip
QUICK = [(32, 784, 128), (128, 512, 256), (7, 785, 300), (33, 100, 10)]


def measure(bench: Bench, row: str) -> list[Outcome]:
    cases = QUICK if bench.quick else COMMON + AWKWARD
    contenders = {
        label: Contender(f"peers.{peer}_peer:Products", {}, bench.threads)
        for label, peer in (("minidl", "minidl"), ("OpenBLAS", "numpy"))
    }
    seconds = defaultdict(list)  # by contender, case and product, round by round
    with bench.field(contenders) as field:
        for round_number in bench.rounds():
            for batch, inputs, outputs in cases:
                request = {"batch": batch, "inputs": inputs, "outputs": outputs, "budget": 0.02}
                answers = field.turns(**request)
                bench.note(row, round_number, request, answers)
                for product in answers["minidl"]:
                    values = {label: answer[product]["value"] for label, answer in answers.items()}
                    check_agreement(f"{product} {request}", values, {}, 1e-4)
                    if round_number == 0:
                        continue
                    for label, answer in answers.items():
                        key = (label, batch, inputs, outputs, product)
                        seconds[key].append(answer[product]["seconds"])
    outcomes = []
    for label, batch, inputs, outputs, product in [key for key in seconds if key[0] == "minidl"]:
        own = seconds["minidl", batch, inputs, outputs, product]
        peer = seconds["OpenBLAS", batch, inputs, outputs, product]
        flops = 2 * batch * inputs * outputs
        peak = bench.peak("flops", bench.threads)
        f = Spread.of(flops / s / peak for s in own)
        outcomes.append(
            Outcome(
                row,
                f"{product}, {inputs}-{outputs}, batch {batch}: OpenBLAS / {label}",
                ratios(peer, own),
                "×",
                targets.PRODUCTS,
                f"f = {f.median:.2f}, {Spread.of(own).median * 1e6:.3g} µs",
            )
        )
    return outcomes


ROW = Row(
    "products",
    "Matrix products",
    "The three products of a dense layer, X·W, Xᵀ·dZ and dZ·Wᵀ, against OpenBLAS by np.dot with "
    "out=. f is the fraction of the processor's peak.",
    measure,
)
