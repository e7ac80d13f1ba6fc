"""train: train a net on MNIST or on a CSV or NPZ file.

The target's column decides the task. Texts, and whole numbers that look like labels, are classes
(cross-entropy), other numbers are for regression (mean squared error); the first printed lines say
how the data was understood. Part of the rows is kept for validation. Columns of numbers are
standardised by the means and deviations of the training rows; pixels (uint8) become numbers from 0
to 1. Ctrl-C ends training after the current step; what was learned is saved.
"""

import argparse
import importlib.util
import sys
from time import perf_counter
from typing import Any

import numpy as np

from .. import checkpoint
from ..data.batches import batches
from ..engine.random import manual_seed
from ..errors import ArgumentError, MissingPackageError, explain
from ..layers.containers import Sequential
from ..layers.embedding import EntityEmbedding
from ..optim import Optimizer
from ..tables.doubts import warn_of_doubts
from ..tables.encoder import Encoder
from ..tables.table import Table
from ..tools.tables import aligned
from ..train import Callback, Checkpoint, EarlyStopping, History, fit
from . import model_file, scores, tables
from .model_file import Model
from .optimizers import optimizer_of
from .options import check_output, threads
from .rows import Split, weights_of
from .same_sizes import require_same_sizes
from .train_options import add_options, check_usage, epochs_of, plan_of

__all__ = ["EXAMPLES", "add_options", "run"]

EXAMPLES = """\
examples:
  python -m minidl train --data iris.csv --target species --hidden 16 --activation prelu
  python -m minidl train --data iris.csv --target species --epochs 100 --patience 5 --save iris.safetensors
  python -m minidl train --data mnist --hidden 256 128 --activation maxout --option pieces=3 --epochs 3
  python -m minidl train --data iris.csv --target -1 --epochs 50 --checkpoints run --resume
"""  # noqa: E501 - lines to copy


def run(arguments: argparse.Namespace) -> int:
    """Trains, saves, and prints the results."""
    check_usage(arguments)
    check_outputs(arguments)
    table, test = read(arguments)
    with threads(arguments.threads):
        model, history, seconds = train(arguments, table, test)
    if arguments.save:
        model_file.save(model, arguments.save)
    print_results(arguments, model, history, seconds)
    return 130 if history.stopped == "interrupted" else 0


def check_outputs(arguments: argparse.Namespace) -> None:
    """Refuses, before an hour of training, outputs that could not be saved after it."""
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
    """The rows for training and validation, and rows for testing if the data has any."""
    if tables.is_mnist(arguments.data):
        return tables.read_mnist(arguments.data)
    return tables.read(arguments), None


def train(
    arguments: argparse.Namespace, table: Table, test: Table | None
) -> tuple[Model, History, float]:
    """The trained model, its history, and the seconds that it took."""
    split = Split.of(table, arguments.validation, arguments.seed, arguments.task)
    encoder = Encoder.of(
        table, split.train, arguments.task, arguments.standardize, arguments.unseen,
        [name for name, _ in arguments.embed or ()],
    )  # fmt: skip
    x, y = encoder(table)
    understood = encoder.described(table, "--task" if test is None else "")
    if not arguments.quiet:
        print(understood, end="\n\n", flush=True)
    warn_of_doubts(table, split.train, encoder)
    weights = weights_of(arguments, table, y, split.train)
    parts = {"train": (x[split.train], y[split.train])}
    if len(split.validation):
        parts["validation"] = (x[split.validation], y[split.validation])
    if test is not None:
        parts["test"] = encoder(test)
    manual_seed(arguments.seed)
    plan = plan_of(arguments, encoder.inputs, encoder.outputs, encoder.counts)
    if arguments.resume:
        require_same_sizes(arguments.checkpoints, plan)
    net = plan.build()
    forget_absent(net, parts["train"][0], encoder.width)
    optimizer = optimizer_of(arguments, net.parameters(), encoder.classes is None, len(split.train))
    began = perf_counter()
    history = trained(arguments, net, optimizer, encoder, parts, weights)
    seconds = perf_counter() - began
    training = {"data": table.source, **of_training(arguments, optimizer, history)}
    for name, data in parts.items():
        found = scores.measure(net, data, encoder)
        training |= {f"{name} {score}": value for score, value in found.items()}
    return Model(net, plan, encoder, training, understood), history, seconds


def forget_absent(net: Sequential, x: np.ndarray, numbers: int) -> None:
    """Sets to 0 what the rows x never read beside the numbers: weights of columns that are always
    0, and rows of tables. It gets no gradient: a text that is new in a prediction adds nothing."""
    first, *others = net
    tables = first.tables if isinstance(first, EntityEmbedding) else ()
    dense: Any = others[0] if tables else first
    columns = x.shape[1] - len(tables)
    dense.weight.data[numbers:columns][~x[:, numbers:columns].any(axis=0)] = 0
    for i, table in enumerate(tables, start=columns):
        table.data[np.bincount(x[:, i].astype(int), minlength=len(table.data)) == 0] = 0


def trained(
    arguments: argparse.Namespace, net: Sequential, optimizer: Optimizer,
    encoder: Encoder, parts: dict[str, tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray | None,
) -> History:  # fmt: skip
    """Trains the net."""
    x, y = parts["train"]
    size = arguments.batch_size
    leaves_one = arguments.batch_norm and len(x) % size == 1  # one row has no variance
    validation = parts.get("validation")
    callbacks: list[Callback] = []
    if arguments.patience:
        callbacks.append(EarlyStopping(patience=arguments.patience))
    if arguments.checkpoints:
        callbacks.append(Checkpoint(arguments.checkpoints))
    return fit(
        net,
        batches(
            x,
            y,
            size,
            shuffle=True,
            seed=arguments.seed,
            drop_last=leaves_one,
            sample_weight=weights,
        ),
        scores.loss_of(encoder),
        optimizer,
        epochs_of(arguments, len(x)),
        validation=validation,
        metrics=scores.metrics_of(encoder) if validation else (),
        callbacks=callbacks,
        progress=False if arguments.quiet else sys.stderr.isatty() or "line",
        resume=arguments.resume or None,
    )


def of_training(
    arguments: argparse.Namespace, optimizer: Optimizer, history: History
) -> dict[str, str | float]:
    """What `summary` will say about the training."""
    name, lr = type(optimizer).__name__.lower(), optimizer.param_groups[0]["lr"]
    return {
        "optimizer": f"{name}, lr {lr:g}", "batch size": arguments.batch_size,
        "epochs": len(history), "stopped": history.stopped or "after the last epoch",
        "seed": arguments.seed, "validation share": arguments.validation,
    }  # fmt: skip


def print_results(
    arguments: argparse.Namespace, model: Model, history: History, seconds: float
) -> None:
    """Prints the results: a row for each part of the data."""
    names = scores.names_of(model.encoder)
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
