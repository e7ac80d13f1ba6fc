"""train: train a net on MNIST or on a CSV or NPZ file.

The target's column says what is learned. Texts and whole numbers are classes (cross-entropy);
numbers with fractions are for regression (mean squared error). Part of the rows is kept for
validation. Columns of numbers are standardised by the means and deviations of the rows that are
trained on; pixels (uint8) become numbers from 0 to 1. Ctrl-C ends training after the step that
runs; what was learned is saved.
"""

import argparse
import ast
import importlib.util
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .. import checkpoint
from ..activations import REGISTRY
from ..data.batches import batches
from ..errors import ArgumentError, MissingPackageError, explain
from ..layers import Sequential
from ..random import manual_seed
from ..train import Callback, Checkpoint, EarlyStopping, History, Run, fit
from . import model_file, scores, tables
from .model_file import Model
from .net_plan import NetPlan
from .optimizers import OPTIMIZERS, optimizer_of
from .options import (
    UsageError,
    add_data,
    add_force,
    add_threads,
    check_output,
    number,
    threads,
    whole,
)
from .preparation import Preparation
from .table import Table
from .targets import TASKS
from .text import aligned

EXAMPLES = """\
examples:
  python -m minidl train --data iris.csv --target species --hidden 16 --activation prelu
  python -m minidl train --data iris.csv --target species --epochs 100 --patience 5 --save iris.safetensors
  python -m minidl train --data mnist --hidden 256 128 --activation maxout --option pieces=3 --epochs 3
  python -m minidl train --data iris.csv --target -1 --epochs 50 --checkpoints run --resume
"""  # noqa: E501 - lines to copy


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tells the parser of the options."""
    add_data(parser, "its first part to train with, its second part to test")
    data, net, steps, out = map(parser.add_argument_group, ("data", "net", "steps", "output"))
    data.add_argument("--target", metavar="COLUMN", help="a column's name or number (-1: the last); "
                      "of an NPZ file, the array of targets (default: y)")  # fmt: skip
    data.add_argument("--ignore", nargs="+", default=[], metavar="COLUMN",
                      help="columns of a CSV file that are left out, such as an id")  # fmt: skip
    data.add_argument("--task", choices=TASKS, help="default: as the target is")
    data.add_argument("--validation", type=number(0, 1), default=0.1, metavar="SHARE",
                      help="of the rows, for validation (default: 0.1)")  # fmt: skip
    data.add_argument("--standardize", action=argparse.BooleanOptionalAction,
                      help="means 0 and deviations 1, of a regression's target too (default: for "
                      "numbers, not for pixels)")  # fmt: skip
    net.add_argument("--hidden", type=whole(1), nargs="*", default=[128], metavar="UNITS",
                     help="of each hidden layer (default: 128; none: a linear model)")  # fmt: skip
    net.add_argument("--activation", choices=REGISTRY, default="relu", metavar="NAME",
                     help=f"{', '.join(REGISTRY)} (default: relu)")  # fmt: skip
    net.add_argument("--option", type=option, action="append", default=[], metavar="NAME=VALUE",
                     help="an option of the activation, such as pieces=3")  # fmt: skip
    net.add_argument("--dropout", type=number(0, 1), default=0.0, metavar="P",
                     help="after every activation (default: 0)")  # fmt: skip
    net.add_argument("--batch-norm", action="store_true", help="before every activation")
    steps.add_argument("--optimizer", choices=OPTIMIZERS, default="sgd", metavar="NAME",
                       help=f"{', '.join(OPTIMIZERS)} (default: sgd)")  # fmt: skip
    rates = ", ".join(f"{name} {kind.lr:g}" for name, kind in OPTIMIZERS.items())
    steps.add_argument("--lr", type=number(0), metavar="RATE",
                       help=f"the learning rate (default: {rates})")  # fmt: skip
    steps.add_argument("--momentum", type=number(0), metavar="SHARE",
                       help="of sgd and rmsprop (default: 0.9 and 0)")  # fmt: skip
    steps.add_argument("--weight-decay", type=number(0), metavar="RATE",
                       help="default: 0, for adamw 0.01")  # fmt: skip
    steps.add_argument("--batch-size", type=whole(1), default=32, metavar="ROWS",
                       help="default: 32")  # fmt: skip
    steps.add_argument("--epochs", type=whole(1), default=20, metavar="N", help="default: 20")
    steps.add_argument("--patience", type=whole(1), metavar="EPOCHS",
                       help="stop when the validation loss was not better for so long, and take "
                       "the best weights")  # fmt: skip
    steps.add_argument("--seed", type=whole(0), default=0, metavar="N",
                       help="of the validation rows, the weights, the order (default: 0)")  # fmt: skip
    add_threads(parser)
    out.add_argument("--save", type=Path, metavar="FILE",
                     help="keep the net, for evaluate, predict and summary")  # fmt: skip
    add_force(parser)
    out.add_argument("--checkpoints", type=Path, metavar="FOLDER",
                     help="save the training itself after each epoch")  # fmt: skip
    out.add_argument("--resume", action="store_true",
                     help="go on from the newest of --checkpoints; --epochs counts those done")  # fmt: skip
    out.add_argument("--quiet", action="store_true", help="no progress, the result alone")


def option(text: str) -> tuple[str, Any]:
    """Reads NAME=VALUE, the value a number or a truth value."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise argparse.ArgumentTypeError(
            f"expected NAME=VALUE, such as pieces=3, got {text!r}"
        ) from None


def run(arguments: argparse.Namespace) -> int:
    """Trains, saves, and prints what came out."""
    check_usage(arguments)
    check_outputs(arguments)
    table, test = read(arguments)
    with threads(arguments.threads):
        model, history, seconds = train(arguments, table, test)
    if arguments.save:
        model_file.save(model, arguments.save)
    print_results(arguments, model, history, seconds)
    return 130 if history.stopped == "interrupted" else 0


def check_usage(arguments: argparse.Namespace) -> None:
    """UsageError for options that do not go together."""
    if arguments.patience and not arguments.validation:
        raise UsageError("--patience needs --validation above 0")
    if arguments.resume and not arguments.checkpoints:
        raise UsageError("--resume needs --checkpoints FOLDER")
    if arguments.batch_norm and arguments.batch_size == 1:
        raise UsageError("--batch-norm needs --batch-size 2 or more")
    if arguments.momentum is not None and not OPTIMIZERS[arguments.optimizer].has_momentum:
        raise UsageError(f"--momentum is none of {arguments.optimizer}'s options")
    if tables.is_mnist(arguments.data):
        if arguments.target or arguments.ignore or arguments.inputs or arguments.task:
            raise UsageError("MNIST has no columns to choose")
    elif not arguments.target and not tables.is_npz(arguments.data):
        raise UsageError("--target COLUMN is needed for a CSV file")
    try:
        plan_of(arguments, 1, 1).check()
    except ArgumentError as error:
        raise UsageError(str(error)) from None


def check_outputs(arguments: argparse.Namespace) -> None:
    """Refuses, before an hour of training, what could not be saved after it."""
    if arguments.save:
        check_output(arguments.save, arguments.force or arguments.resume)
    wants_to_save = arguments.save or arguments.checkpoints
    if wants_to_save and importlib.util.find_spec("safetensors") is None:
        hint = "pip install 'minidl[checkpoints]'"
        raise MissingPackageError(explain("saving", "the package safetensors", "none", hint))
    if arguments.checkpoints and not arguments.resume:
        newest = checkpoint.Folder(arguments.checkpoints).newest()
        if newest is not None:
            got = f"{arguments.checkpoints} with one at step {newest.step}"
            hint = "--resume, or another folder"
            raise ArgumentError(explain("--checkpoints", "a folder without a training", got, hint))


def read(arguments: argparse.Namespace) -> tuple[Table, Table | None]:
    """The rows to train and to validate with, and rows to test with if the data has such."""
    if tables.is_mnist(arguments.data):
        return tables.read_mnist(arguments.data)
    target = arguments.target or "y"
    table = tables.read_file(arguments.data, arguments.inputs, target, ignore=arguments.ignore)
    return table, None


def plan_of(arguments: argparse.Namespace, inputs: int, outputs: int) -> NetPlan:
    """The net as the options describe it."""
    return NetPlan(
        [inputs, *arguments.hidden, outputs], arguments.activation, dict(arguments.option),
        arguments.dropout, arguments.batch_norm,
    )  # fmt: skip


class Split(NamedTuple):
    """Which rows are trained on, and which are for validation."""

    train: np.ndarray
    validation: np.ndarray

    @classmethod
    def of(cls, table: Table, share: float, seed: int) -> "Split":
        """A random share of the rows for validation, one row at least if it is above 0."""
        count = len(table.x)
        order = np.random.default_rng(seed).permutation(count)
        kept = max(1, round(share * count)) if share else 0
        if kept >= count:
            expected = "rows to train with and rows for validation"
            raise ArgumentError(explain(table.source, expected, count, "--validation 0"))
        return cls(np.sort(order[kept:]), np.sort(order[:kept]))


def train(
    arguments: argparse.Namespace, table: Table, test: Table | None
) -> tuple[Model, History, float]:
    """The trained model, its history, and the seconds that it took."""
    split = Split.of(table, arguments.validation, arguments.seed)
    preparation = Preparation.of(table, split.train, arguments.task, arguments.standardize)
    x, y = preparation.x(table), preparation.y(table)
    parts = {"train": (x[split.train], y[split.train])}
    if len(split.validation):
        parts["validation"] = (x[split.validation], y[split.validation])
    if test is not None:
        parts["test"] = (preparation.x(test), preparation.y(test))
    manual_seed(arguments.seed)
    plan = plan_of(arguments, preparation.width, preparation.outputs)
    net = plan.build()
    began = perf_counter()
    history = trained(arguments, net, preparation, parts, SameTraining(arguments, plan, x, y))
    seconds = perf_counter() - began
    training = {"data": table.source, **of_training(arguments, history)}
    for name, data in parts.items():
        found = scores.measure(net, data, preparation)
        training |= {f"{name} {score}": value for score, value in found.items()}
    return Model(net, plan, preparation, training), history, seconds


def trained(
    arguments: argparse.Namespace, net: Sequential, preparation: Preparation,
    parts: dict[str, tuple[np.ndarray, np.ndarray]], same: "SameTraining",
) -> History:  # fmt: skip
    """Trains the net."""
    x, y = parts["train"]
    size = arguments.batch_size
    leaves_one = arguments.batch_norm and len(x) % size == 1  # which has no variance
    validation = parts.get("validation")
    callbacks: list[Callback] = [same]
    if arguments.patience:
        callbacks.append(EarlyStopping(patience=arguments.patience))
    if arguments.checkpoints:
        callbacks.append(Checkpoint(arguments.checkpoints))
    return fit(
        net,
        batches(x, y, size, shuffle=True, seed=arguments.seed, drop_last=leaves_one),
        scores.loss_of(preparation),
        optimizer_of(arguments, net.parameters()),
        arguments.epochs,
        validation=validation,
        metrics=scores.metrics_of(preparation) if validation else (),
        callbacks=callbacks,
        progress=False if arguments.quiet else sys.stderr.isatty() or "line",
        resume=arguments.resume or None,
    )


class SameTraining(Callback):
    """Lets a training be resumed only with the options and the data that it was begun with."""

    FREE = (
        "command", "data", "inputs", "epochs", "threads", "save", "force", "checkpoints", "resume",
        "quiet", "patience",
    )  # fmt: skip

    def __init__(
        self, arguments: argparse.Namespace, plan: NetPlan, x: np.ndarray, y: np.ndarray
    ) -> None:
        options = {k: repr(v) for k, v in vars(arguments).items() if k not in self.FREE}
        digest = zlib.crc32(np.ascontiguousarray(y), zlib.crc32(np.ascontiguousarray(x)))
        self.settings = {**options, "net": str(plan), "data": f"checksum {digest:08x}"}

    def state_dict(self) -> dict[str, Any]:
        """The settings."""
        return {"settings": self.settings}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """ArgumentError if they were others."""
        for name, now in self.settings.items():
            before = state["settings"].get(name)
            if before != now:
                raise ArgumentError(explain("--resume", f"{name} {before}, as before", now))


def of_training(arguments: argparse.Namespace, history: History) -> dict[str, str | float]:
    """What `summary` will tell of the training."""
    kind = OPTIMIZERS[arguments.optimizer]
    lr = kind.lr if arguments.lr is None else arguments.lr
    return {
        "optimizer": f"{arguments.optimizer}, lr {lr:g}", "batch size": arguments.batch_size,
        "epochs": len(history), "stopped": history.stopped or "after the last epoch",
        "seed": arguments.seed, "validation share": arguments.validation,
    }  # fmt: skip


def print_results(
    arguments: argparse.Namespace, model: Model, history: History, seconds: float
) -> None:
    """What came out: a row for each part of the data."""
    names = scores.names_of(model.preparation)
    parts = [p for p in ("train", "validation", "test") if f"{p} {names[0]}" in model.training]
    rows = [["", *names]]
    for part in parts:
        values = [float(model.training[f"{part} {name}"]) for name in names]
        rows.append([part, *(scores.shown(n, v) for n, v in zip(names, values, strict=True))])
    print(f"{model.plan}: {model.net.count_parameters():,} parameters")
    print(f"{len(history)} epochs, {seconds:.1f} s\n")
    print(aligned(rows, right=range(1, len(names) + 1)))
    if history.stopped:
        print(f"\nstopped: {history.stopped}")
    if arguments.save:
        print(f"\nsaved as {arguments.save}")
