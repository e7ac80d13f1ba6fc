"""predict: write a saved net's prediction for each row, as CSV.

For classes: the class and the probability of each. For a regression: the number, in the target's
unit. The data needs the columns of the training, in any order; others are ignored. The
first lines on stderr say how the data was understood.
"""

import argparse
import csv
import io
import sys
from pathlib import Path

import numpy as np

from ..losses import softmax
from ..tables.assembly import ERROR, FILL
from ..tables.encoder import Encoder
from ..tools.disk import put
from ..train import predict
from . import model_file, tables
from .options import add_data, add_force, add_model, add_threads, check_output, threads

EXAMPLES = """\
examples:
  python -m minidl predict iris.safetensors --data iris.csv --output answers.csv
  python -m minidl predict iris.safetensors --data iris.csv
"""

STDOUT = "-"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    add_model(parser)
    add_data(parser, "the test images", (FILL, ERROR))
    parser.add_argument("--output", default=STDOUT, metavar="FILE",
                        help="a CSV file, or - for stdout (default: -)")  # fmt: skip
    add_force(parser)
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reads model and data, and writes the predictions."""
    if arguments.output != STDOUT:
        check_output(Path(arguments.output), arguments.force)
    model = model_file.load(arguments.model)
    encoder = model.encoder
    table = tables.read_test(arguments, encoder, None)
    x = encoder.encode(table)
    print(encoder.described(table), file=sys.stderr)
    with threads(arguments.threads):
        text = as_csv(encoder, predict(model.net, x))
    if arguments.output == STDOUT:
        sys.stdout.write(text)
    else:
        put(Path(arguments.output), [text.encode()])
    return 0


def as_csv(encoder: Encoder, outputs: np.ndarray) -> str:
    """The predictions, one line for each row."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    if encoder.classes is None:
        writer.writerow([encoder.target])
        writer.writerows([f"{answer:.7g}"] for answer in encoder.answers(outputs))
    else:
        names = encoder.classes
        writer.writerow([encoder.target, *(f"probability of {name}" for name in names)])
        best = outputs.argmax(axis=1).tolist()
        for i, row in zip(best, softmax(outputs).numpy().tolist(), strict=True):
            writer.writerow([names[i], *(f"{p:.6g}" for p in row)])
    return file.getvalue()
