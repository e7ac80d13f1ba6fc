"""evaluate: show how good a saved net is on other data.

For classes: the accuracy, of two classes the area under the ROC curve (AUC), the calibration error,
precision, recall and F1 of each class and their means, and the confusion matrix. For a regression:
R², and the root of the mean squared error and the mean absolute error (MAE) in the target's unit.
"""

import argparse
from pathlib import Path

import numpy as np

from ..tools.tables import aligned
from ..train import predict
from ..train.metrics import confusion_matrix, f1, precision, recall
from . import importance, model_file, scores, tables
from .confusion import confusion
from .model_file import Model
from .options import (
    UsageError,
    add_data,
    add_force,
    add_model,
    add_threads,
    check_output,
    threads,
    whole,
)
from .pictures import new_figure

EXAMPLES = """\
examples:
  python -m minidl evaluate iris.safetensors --data iris.csv
  python -m minidl evaluate iris.safetensors --data iris.csv --importance --plot importance.png
  python -m minidl evaluate digits.safetensors --data mnist
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    add_model(parser)
    add_data(parser, "the test images")
    parser.add_argument("--target", metavar="COLUMN", help="default: the target of the training")
    parser.add_argument("--importance", action="store_true",
                        help="how much accuracy, or R², is lost when a column's values are "
                        "shuffled; columns that tell the same share their importance")  # fmt: skip
    parser.add_argument("--repeats", type=whole(2), default=10, metavar="N",
                        help="how often each column is shuffled (default: 10)")  # fmt: skip
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N",
                        help="for the shuffles (default: 0)")  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="FILE",
                        help="draw the importances: .png, .svg or .pdf")  # fmt: skip
    add_force(parser)
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reads model and data, and prints the scores."""
    if arguments.plot:
        if not arguments.importance:
            raise UsageError("--plot needs --importance")
        check_output(arguments.plot, arguments.force)
        new_figure()  # which needs matplotlib
    model = model_file.load(arguments.model)
    encoder = model.encoder
    target = arguments.target or encoder.target
    if arguments.importance and encoder.is_pixels:
        raise UsageError("--importance is for columns, and the model's inputs are pixels")
    table = tables.read_test(arguments, encoder, target)
    x, y = encoder(table)
    print(encoder.described(table), end="\n\n")
    with threads(arguments.threads):
        found = scores.measure(model.net, (x, y), encoder)
        outputs = predict(model.net, x)
        columns = importances(arguments, model, (x, y))
    if encoder.classes is not None:
        found |= scores.of_classes(y, outputs)
    print(aligned([[n, scores.shown(n, v)] for n, v in found.items()], right=[1]))
    if encoder.classes is not None:
        print(f"\n{of_classes(encoder.classes, y, outputs)}")
        print(f"\n{confusion(encoder.classes, confusion_matrix(y, outputs))}")
    if columns:
        print(f"\n{importance.table(columns, encoder)}")
    if arguments.plot:
        importance.draw(columns, encoder, arguments.plot)
    return 0


def importances(
    arguments: argparse.Namespace, model: Model, data: scores.Data
) -> list[importance.Importance]:
    """The importance of each column, if it is wanted."""
    if not arguments.importance:
        return []
    options = arguments.repeats, arguments.seed
    return importance.importance(model.net, data, model.encoder, *options)


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
