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
from ..tables.table import Table
from ..tools.disk import put
from ..train import predict
from . import model_file, tables
from .options import add_data, add_force, add_model, add_threads, check_output, threads

EXAMPLES = """\
examples:
  python -m minidl predict iris.safetensors --data iris.csv --output answers.csv
  python -m minidl predict iris.safetensors --data iris.csv --keep species --no-probabilities
"""

STDOUT = "-"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    add_model(parser)
    add_data(parser, "the test images", (FILL, ERROR))
    parser.add_argument("--output", default=STDOUT, metavar="FILE",
                        help="a CSV file, or - for stdout (default: -)")  # fmt: skip
    parser.add_argument("--keep", nargs="+", metavar="COLUMN",
                        help="columns of the data to write before the predictions, such as an "
                        "identifier")  # fmt: skip
    parser.add_argument("--probabilities", action=argparse.BooleanOptionalAction, default=True,
                        help="the probability of each class (default: yes)")  # fmt: skip
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
        text = as_csv(table, encoder, predict(model.net, x), arguments.probabilities)
    if arguments.output == STDOUT:
        sys.stdout.write(text)
    else:
        put(Path(arguments.output), [text.encode()])
    return 0


def as_csv(table: Table, encoder: Encoder, outputs: np.ndarray, with_probabilities: bool) -> str:
    """The columns to keep and the predictions, one line for each row."""
    is_kept = encoder.target in table.kept
    columns = {name: words.cells() for name, words in table.kept.items()}
    columns["predicted " * is_kept + encoder.target] = answers(encoder, outputs)
    if encoder.classes is not None and with_probabilities:
        shares = softmax(outputs).numpy().T.tolist()
        for name, share in zip(encoder.classes, shares, strict=True):
            columns[f"probability of {name}"] = [f"{p:.6g}" for p in share]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return file.getvalue()


def answers(encoder: Encoder, outputs: np.ndarray) -> list[str]:
    """The class with the largest probability, or the number, of each row."""
    if encoder.classes is None:
        return [f"{answer:.7g}" for answer in encoder.answers(outputs).tolist()]
    return [encoder.classes[i] for i in outputs.argmax(axis=1).tolist()]
