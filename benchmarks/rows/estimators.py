"""Row 12: a fit by minidl.sklearn's classifier, against scikit-learn's."""

from collections import defaultdict
from typing import Any

from outcome import Outcome, Spread, check_agreement, ratios
from turns import Bench, Contender

from rows import targets
from rows.epochs import timing
from rows.row import Row

MODULES = {"minidl": "minidl.sklearn", "scikit-learn": "sklearn.neural_network"}

# Both start from the same weights and see the rows in the same order, so the losses agree; on
# MNIST, in single precision, as far as training lets rounding grow.
FITS: dict[str, dict[str, Any]] = {
    "MNIST": {"hidden_layer_sizes": [128], "batch_size": 64, "max_iter": 3},
    "iris": {"max_iter": 200},
}
TOLERANCE = {"MNIST": 0.02, "iris": 1e-6}


def measure(bench: Bench, row: str) -> list[Outcome]:
    setup = {"data": str(bench.data), "samples": 6_400 if bench.quick else 50_000}
    contenders = {
        label: Contender("peers.estimators:Fit", setup | {"module": module}, bench.threads)
        for label, module in MODULES.items()
    }
    seconds, accuracy = defaultdict(list), defaultdict(list)
    with bench.field(contenders) as field:
        for round_number in bench.rounds():
            for name, options in FITS.items():
                request = {"name": name, "seed": round_number, "options": options}
                answers = field.turns(**request)
                bench.note(row, round_number, request, answers)
                losses = {label: answer["loss"] for label, answer in answers.items()}
                check_agreement(f"a fit of {name}: loss", losses, {}, TOLERANCE[name])
                if round_number > 0:
                    for label, answer in answers.items():
                        seconds[name, label].append(answer["seconds"])
                        accuracy[name, label].append(answer["accuracy"])
    return [outcome for name in FITS for outcome in outcomes(row, name, seconds, accuracy)]


def outcomes(row: str, name: str, seconds: Any, accuracy: Any) -> list[Outcome]:
    """The time and the accuracy of one data set."""
    (own, peer), (hits, peer_hits) = (
        (by_contender[name, "minidl"], by_contender[name, "scikit-learn"])
        for by_contender in (seconds, accuracy)
    )
    more = Spread.of(ours - theirs for ours, theirs in zip(hits, peer_hits, strict=True))
    percent = f"{Spread.of(hits).median:.2f}%"
    return [
        Outcome(row, f"{name}: scikit-learn / minidl", ratios(peer, own), "×", targets.FIT[name],
                f"{timing(peer)} / {timing(own)}"),
        Outcome(row, f"{name}: accuracy minus scikit-learn's", more, "points", targets.ACCURACY,
                percent),
    ]  # fmt: skip


ROW = Row(
    "estimators",
    "A fit by scikit-learn's interface",
    "MLPClassifier of minidl.sklearn and of scikit-learn, with defaults except as stated: MNIST, "
    "784-128-10, batch 64, 3 epochs in float32, accuracy on 10,000 images held out; and iris, 150 "
    "rows, 200 epochs. Both start from the same weights and see the rows in the same order; even "
    "so, ReLU nets in single precision end a few images apart.",
    measure,
)
