"""Row 1: the matrix products of a dense layer, against OpenBLAS."""

from collections import defaultdict

from outcome import Outcome, Spread, check_agreement, number, ratios
from turns import Bench, Contender

from rows import targets
from rows.row import Row

# (in, out) of the layers, by the batch sizes they are tried with.
COMMON = [(batch, *layer) for layer in ((784, 128), (512, 256), (1200, 1200))
          for batch in (32, 128, 512)]  # fmt: skip
AWKWARD = [(batch, *layer) for layer in ((785, 300), (100, 10), (300, 100))
           for batch in (1, 7, 33, 100)]  # fmt: skip
PRODUCTS = ("X·W", "Xᵀ·dZ", "dZ·Wᵀ")
QUICK = [(32, 784, 128), (128, 512, 256), (7, 785, 300), (33, 100, 10)]


def measure(bench: Bench, row: str) -> list[Outcome]:
    cases = QUICK if bench.quick else COMMON + AWKWARD
    contenders = {
        label: Contender(f"peers.{peer}_peer:Products", {}, bench.threads)
        for label, peer in (("minidl", "minidl"), ("OpenBLAS", "numpy"))
    }
    seconds = defaultdict(list)  # by case, product and contender, round by round
    with bench.field(contenders) as field:
        for round_number in bench.rounds():
            for batch, inputs, outputs in cases:
                request = {"batch": batch, "inputs": inputs, "outputs": outputs, "budget": 0.02}
                answers = field.turns(**request)
                bench.note(row, round_number, request, answers)
                for product in PRODUCTS:
                    values = {label: answer[product]["value"] for label, answer in answers.items()}
                    check_agreement(f"{product} {request}: mean", values, {}, 1e-4)
                    if round_number > 0:
                        for label, answer in answers.items():
                            key = (batch, inputs, outputs, product, label)
                            seconds[key].append(answer[product]["seconds"])
    outcomes = []
    for batch, inputs, outputs in cases:
        for product in PRODUCTS:
            own, peer = (seconds[batch, inputs, outputs, product, label] for label in contenders)
            time = Spread.of(own).median
            flops = 2 * batch * inputs * outputs / bench.peak("flops", bench.threads)
            what = f"{product}, {inputs}-{outputs}, batch {batch}"
            if (batch, inputs, outputs) in COMMON:
                f = Spread.of(flops / s for s in own)
                outcomes.append(Outcome(row, f"{what}: f", f, "", targets.PRODUCT_F))
            outcomes.append(
                Outcome(
                    row,
                    f"{what}: OpenBLAS / minidl",
                    ratios(peer, own),
                    "×",
                    targets.PRODUCTS,
                    f"f = {flops / time:.2f}, {number(time * 1e6)} µs",
                )
            )
    return outcomes


ROW = Row(
    "products",
    "Matrix products",
    "The three products of a dense layer, X·W, Xᵀ·dZ and dZ·Wᵀ, against OpenBLAS (np.dot with "
    "out=), including the call from Python. f is the fraction of the processor's peak.",
    measure,
)
