"""The options of `train`, and which of them can be combined."""

import argparse
import ast
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..layers.activations import REGISTRY
from ..tables.category import COLUMN, UNSEEN
from ..tables.targets import TASKS
from . import tables
from .net_plan import NetPlan
from .optimizers import OPTIMIZERS, name_of
from .options import UsageError, add_data, add_force, add_threads, number, whole

EPOCHS = 20  # by default
STEPS = 1000  # at least, by default: with fewer, nets have learned little of small tables


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    steps = add_training(parser)
    steps.add_argument("--patience", type=whole(1), metavar="EPOCHS",
                       help="stop when the validation loss has not improved for this long, "
                       "and take the best weights")  # fmt: skip
    out = parser.add_argument_group("output")
    out.add_argument("--save", type=Path, metavar="FILE",
                     help="keep the net, for evaluate, predict and summary")  # fmt: skip
    add_force(parser)
    out.add_argument("--checkpoints", type=Path, metavar="FOLDER",
                     help="save the training itself after each epoch")  # fmt: skip
    out.add_argument("--resume", action="store_true",
                     help="go on from the newest of --checkpoints; --epochs counts from "
                     "the beginning")  # fmt: skip
    out.add_argument("--quiet", action="store_true", help="no progress, only the result")


def add_training(parser: argparse.ArgumentParser) -> Any:
    """Adds the options for the data, the net and the steps; returns the group of the steps."""
    add_data(parser, "the first part for training, the second part for testing")
    data, net, steps = map(parser.add_argument_group, ("data", "net", "steps"))
    data.add_argument("--target", metavar="COLUMN",
                      help="a column's name, or its place from 0 up (-1: the last); for an NPZ "
                      "file, the array of targets (default: y)")  # fmt: skip
    data.add_argument("--ignore", nargs="*", metavar="COLUMN",
                      help="columns to leave out; constant columns, those without a name, "
                      "with row numbers or called an id, and texts that nearly all differ are "
                      "left out too, unless no COLUMN follows")  # fmt: skip
    data.add_argument("--id", nargs="+", metavar="COLUMN", help="identifiers, to leave out too")
    data.add_argument("--columns", nargs="+", metavar="COLUMN",
                      help="the columns to learn from (default: all others)")  # fmt: skip
    data.add_argument("--category", nargs="+", metavar="COLUMN",
                      help="columns of categories, each a column of 0 and 1 (default: texts, and "
                      "three to five whole numbers in ten rows or more each)")  # fmt: skip
    data.add_argument("--number", nargs="+", metavar="COLUMN", help="columns of numbers")
    data.add_argument("--embed", type=embedded, nargs="+", metavar="COLUMN:SIZE",
                      help="categories that become learned vectors of so many numbers, such as "
                      "town:8")  # fmt: skip
    data.add_argument("--unseen", choices=UNSEEN, default=COLUMN,
                      help="what a category's text becomes that is not in the training's rows: a "
                      "column of its own (or vector), shared with texts that occur once; or an "
                      "error (default: column)")  # fmt: skip
    data.add_argument("--task", choices=TASKS, help="default: what the target suggests")
    data.add_argument("--validation", type=number(0, 1), default=0.1, metavar="SHARE",
                      help="the share of the rows, and of each class, for validation (default: "
                      "0.1)")  # fmt: skip
    data.add_argument("--class-weight", choices=["balanced"],
                      help="each class counts alike, however many rows it has")  # fmt: skip
    data.add_argument("--weights", metavar="COLUMN",
                      help="the column that says how much each row counts in training")  # fmt: skip
    data.add_argument("--standardize", action=argparse.BooleanOptionalAction,
                      help="scale columns, and the target of a regression, to mean 0 and "
                      "deviation 1 (default: for numbers, not for pixels)")  # fmt: skip
    net.add_argument("--hidden", type=whole(1), nargs="*", default=[128], metavar="UNITS",
                     help="of each hidden layer (default: 128; none: a linear model)")  # fmt: skip
    net.add_argument("--activation", choices=REGISTRY, default="relu", metavar="NAME",
                     help=f"{', '.join(REGISTRY)} (default: relu)")  # fmt: skip
    net.add_argument("--option", type=option, action="append", default=[], metavar="NAME=VALUE",
                     help="an option of the activation, such as pieces=3")  # fmt: skip
    net.add_argument("--dropout", type=number(0, 1), default=0.0, metavar="P",
                     help="dropout after every activation (default: 0)")  # fmt: skip
    net.add_argument("--batch-norm", action="store_true", help="before every activation")
    steps.add_argument("--optimizer", choices=OPTIMIZERS, metavar="NAME",
                       help=f"{', '.join(OPTIMIZERS)} (default: sgd, or adam)")  # fmt: skip
    rates = ", ".join(f"{name} {kind.lr:g}" for name, kind in OPTIMIZERS.items())
    steps.add_argument("--lr", type=number(0, above=True), metavar="RATE",
                       help=f"the learning rate (default: {rates})")  # fmt: skip
    steps.add_argument("--momentum", type=number(0), metavar="SHARE",
                       help="for sgd and rmsprop (default: 0.9 and 0)")  # fmt: skip
    steps.add_argument("--weight-decay", type=number(0), metavar="RATE",
                       help="default: 3 / rows; for adamw 0.01")  # fmt: skip
    steps.add_argument("--batch-size", type=whole(1), default=32, metavar="ROWS",
                       help="default: 32")  # fmt: skip
    steps.add_argument("--epochs", type=whole(1), metavar="N",
                       help=f"default: {EPOCHS}; for few rows {STEPS:,} steps")  # fmt: skip
    steps.add_argument("--seed", type=whole(0), default=0, metavar="N",
                       help="for validation rows, weights and order (default: 0)")  # fmt: skip
    add_threads(parser)
    return steps


def option(text: str) -> tuple[str, Any]:
    """Reads NAME=VALUE, the value a number or a truth value."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise argparse.ArgumentTypeError(
            f"expected NAME=VALUE, such as pieces=3, got {text!r}"
        ) from None


def embedded(text: str) -> tuple[str, int]:
    """Reads COLUMN:SIZE."""
    name, _, size = text.rpartition(":")
    if not name:
        raise argparse.ArgumentTypeError(f"expected COLUMN:SIZE, such as town:8, got {text!r}")
    return name, whole(1)(size)


def check_usage(arguments: argparse.Namespace) -> None:
    """UsageError for options that cannot be combined."""
    if arguments.patience and not arguments.validation:
        raise UsageError("--patience needs --validation above 0")
    if arguments.resume and not arguments.checkpoints:
        raise UsageError("--resume needs --checkpoints FOLDER")
    if arguments.batch_norm and arguments.batch_size == 1:
        raise UsageError("--batch-norm needs --batch-size 2 or more")
    names = [name for name, _ in arguments.embed or ()]
    if len({*names}) < len(names):
        raise UsageError("--embed has a column twice")
    optimizer = OPTIMIZERS[name_of(arguments, is_regression=False)]
    if arguments.momentum is not None and not optimizer.has_momentum:
        raise UsageError(f"--momentum is not an option of {arguments.optimizer}")
    if tables.is_mnist(arguments.data):
        choices = ("target", "inputs", "task", *tables.OF_NAMES, *tables.OF_TEXT)
        if any(getattr(arguments, name, None) is not None for name in choices):
            raise UsageError("MNIST has no columns to choose")
    elif not arguments.target and tables.has_names(arguments.data):
        raise UsageError("--target COLUMN is needed for a file with named columns")
    try:
        plan_of(arguments, 1, 1, []).check()
    except ArgumentError as error:
        raise UsageError(str(error)) from None


def epochs_of(arguments: argparse.Namespace, rows: int) -> int:
    """The number of epochs that the options say, or that suits so many rows."""
    steps = math.ceil(rows / arguments.batch_size)
    return arguments.epochs or max(EPOCHS, math.ceil(STEPS / steps))


def plan_of(
    arguments: argparse.Namespace, inputs: int, outputs: int, counts: Sequence[int]
) -> NetPlan:
    """The net that the options describe, with so many rows in its tables."""
    widths = [size for _, size in arguments.embed or ()]
    return NetPlan(
        [inputs, *arguments.hidden, outputs], list(zip(counts, widths, strict=False)),
        arguments.activation, dict(arguments.option), arguments.dropout, arguments.batch_norm,
    )  # fmt: skip
