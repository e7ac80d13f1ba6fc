"""evaluate: show how good a saved net is on other data.

For classes: the accuracy, of two classes the area under the ROC curve (AUC), the calibration error,
precision, recall and F1 of each class and their means, and the confusion matrix. For a regression:
R², and the root of the mean squared error and the mean absolute error (MAE) in the target's unit.
"""

import argparse

import numpy as np

from ..tools.tables import aligned
from ..train import predict
from ..train.metrics import confusion_matrix, f1, precision, recall
from . import model_file, scores, tables
from .confusion import confusion
from .options import add_data, add_model, add_threads, threads

EXAMPLES = """\
examples:
  python -m minidl evaluate iris.safetensors --data iris.csv
  python -m minidl evaluate digits.safetensors --data mnist
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    add_model(parser)
    add_data(parser, "the test images")
    parser.add_argument("--target", metavar="COLUMN", help="default: the target of the training")
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reads model and data, and prints the scores."""
    model = model_file.load(arguments.model)
    encoder = model.encoder
    target = arguments.target or encoder.target
    table = tables.read_test(arguments, encoder, target)
    x, y = encoder(table)
    print(encoder.described(table), end="\n\n")
    with threads(arguments.threads):
        found = scores.measure(model.net, (x, y), encoder)
        outputs = predict(model.net, x)
    if encoder.classes is not None:
        found |= scores.of_classes(y, outputs)
    print(aligned([[n, scores.shown(n, v)] for n, v in found.items()], right=[1]))
    if encoder.classes is not None:
        print(f"\n{of_classes(encoder.classes, y, outputs)}")
        print(f"\n{confusion(encoder.classes, confusion_matrix(y, outputs))}")
    return 0


def of_classes(names: list[str], y: np.ndarray, outputs: np.ndarray) -> str:
    """Precision, recall and F1 = 2 precision · recall / (precision + recall) of each class."""
    counts = confusion_matrix(y, outputs)
    hits, true, predicted = np.diag(counts), np.bincount(y, minlength=len(names)), counts.sum(0)
    rows = [["class", "rows", "precision", "recall", "F1"]]
    for i, (name, score) in enumerate(zip(names, f1(y, outputs, average=None), strict=True)):
        shares = [share(hits[i], predicted[i]), share(hits[i], true[i])]
        rows.append([name, f"{true[i]:,}", *shares, f"{score:.4f}"])
    means = [f"{rate(y, outputs, average='macro'):.4f}" for rate in (precision, recall, f1)]
    rows.append(["mean", f"{len(y):,}", *means])
    return aligned(rows, right=range(1, 5))


def share(part: int, whole: int) -> str:
    """A part of a whole as a percentage; - if the whole is 0."""
    return f"{part / whole:.4f}" if whole else "-"
