"""predict: write a saved net's prediction for each row, as CSV.

For classes: the class and the probability of each. For a regression: the number, in the target's
unit. The data needs the columns of the training, in any order; others are ignored. A line on
stderr says how the data was understood.
"""

import argparse
import csv
import io
import sys
from pathlib import Path

import numpy as np

from ..losses import softmax
from ..tools.disk import put
from ..train import predict
from . import model_file, tables
from .csv_layout import Layout
from .options import add_data, add_force, add_model, add_threads, check_output, threads
from .preparation import Preparation
from .understood import understood

EXAMPLES = """\
examples:
  python -m minidl predict iris.safetensors --data iris.csv --output answers.csv
  python -m minidl predict iris.safetensors --data iris.csv
"""

STDOUT = "-"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    add_model(parser)
    add_data(parser, "the test images")
    parser.add_argument("--output", default=STDOUT, metavar="FILE",
                        help="a CSV file, or - for stdout (default: -)")  # fmt: skip
    add_force(parser)
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reads model and data, and writes the predictions."""
    if arguments.output != STDOUT:
        check_output(Path(arguments.output), arguments.force)
    model = model_file.load(arguments.model)
    preparation = model.preparation
    table = tables.read_test(arguments.data, arguments.inputs, None, preparation.columns,
                             Layout(arguments.delimiter, arguments.header))  # fmt: skip
    x = preparation.x(table)
    print(understood(table, preparation), file=sys.stderr)
    with threads(arguments.threads):
        text = as_csv(preparation, predict(model.net, x))
    if arguments.output == STDOUT:
        sys.stdout.write(text)
    else:
        put(Path(arguments.output), [text.encode()])
    return 0


def as_csv(preparation: Preparation, outputs: np.ndarray) -> str:
    """The predictions, one line for each row."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if preparation.classes is None:
        writer.writerow([preparation.target])
        writer.writerows([f"{answer:.7g}"] for answer in preparation.answers(outputs))
    else:
        names = preparation.classes
        writer.writerow([preparation.target, *(f"probability of {name}" for name in names)])
        best = outputs.argmax(axis=1).tolist()
        for i, row in zip(best, softmax(outputs).numpy().tolist(), strict=True):
            writer.writerow([names[i], *(f"{p:.6g}" for p in row)])
    return file.getvalue()
