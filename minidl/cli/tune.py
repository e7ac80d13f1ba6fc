"""tune: search for a learning rate, layers, an activation and dropout that suit the data.

Candidates are drawn at random, the defaults of `train` among them. Successive halving trains all of
them for a few epochs, the best third for three times as many, and so on, until one is left. They
are compared by the loss on half of the validation rows; the search never uses the other half, which
tells how good the best one is. Options of `train` that are given, such as --activation, stay.

Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
AISTATS 2016; Li et al., "Hyperband", JMLR 18, 2018.
"""

import argparse
import shlex
import sys
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, DivergedError, explain
from ..tables import targets
from ..tables.table import Table
from ..tools.tables import aligned
from ..tools.text import counted
from ..train.workers import side_by_side
from . import scores
from .optimizers import OPTIMIZERS, name_of
from .options import UsageError, threads, whole
from .rows import Split
from .train import read, train
from .train_options import add_training, check_usage, epochs_of

EXAMPLES = """\
examples:
  python -m minidl tune --data iris.csv --target species --validation 0.3
  python -m minidl tune --data houses.csv --target price --candidates 9 --activation tanh
"""

THIRD = 3  # of the candidates of a rung, the best reach the next
UNITS = [16, 32, 64, 128, 256]
DROPOUT = [0.0, 0.1, 0.3, 0.5]
ACTIVATIONS = ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh"]
RATES = 1 / 30, 10  # times the optimiser's default

SEARCHED = ["lr", "hidden", "activation", "dropout"]

Choice = dict[str, Any]  # values of the options that are searched, by name


class Result(NamedTuple):
    """What a candidate came to: on the validation rows that choose, and on the others."""

    choosing: dict[str, float]
    unused: dict[str, float]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    add_own(parser)
    add_training(parser)
    parser.set_defaults(lr=None, hidden=None, activation=None, dropout=None, patience=None,
                        save=None, checkpoints=None, resume=False, quiet=True)  # fmt: skip


def add_own(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `train` does not have."""
    group = parser.add_argument_group("search")
    group.add_argument("--candidates", type=whole(2), default=27, metavar="N", help="default: 27")
    group.add_argument("--workers", type=whole(1), metavar="N",
                       help="processes (default: one for each CPU)")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Searches, and prints each rung, the best candidate, and the command that trains it."""
    if not arguments.validation:
        raise UsageError("tune needs --validation above 0")
    if arguments.option and arguments.activation is None:
        raise UsageError("--option needs --activation")
    if all(getattr(arguments, name) is not None for name in SEARCHED):
        raise UsageError(f"nothing to search: {', '.join(SEARCHED)} are all given")
    check_usage(with_choice(arguments, default(arguments), 1))
    data = read(arguments)
    is_regression = (arguments.task or targets.task_of(data[0])) == targets.REGRESSION
    found = [default(arguments), *drawn(arguments, is_regression)]
    rows = Split.of(data[0], arguments.validation, arguments.seed, arguments.task)
    if len(rows.validation) < 2:
        expected = "2 rows for validation or more"
        raise ArgumentError(explain("tune", expected, len(rows.validation), "--validation 0.3"))
    rungs = rungs_of(len(found), epochs_of(arguments, len(rows.train)))
    with threads(arguments.threads):
        best, told = search(arguments, data, found, rungs)
    if told.choosing["loss"] == np.inf:
        raise ArgumentError(explain("tune", "a candidate that learns", "none", "a smaller --lr"))
    names = [*told.choosing]
    cells = [[scores.shown(name, one[name]) for name in names] for one in told]
    sides = ["of the best: optimistic", "never used in the search"]
    lines = [[side, *row] for side, row in zip(sides, cells, strict=True)]
    print(aligned([["validation rows", *names], *lines], right=range(1, len(names) + 1)))
    print(f"\n{command(arguments, best, rungs[-1][1])}")
    return 0


def search(
    arguments: argparse.Namespace, data: tuple[Table, Table | None], found: list[Choice],
    rungs: list[tuple[int, int]],
) -> tuple[Choice, Result]:  # fmt: skip
    """The best of the candidates, and what it came to. Prints each rung."""
    for count, epochs in rungs:
        found = found[:count]
        tried = side_by_side(
            result_of, [with_choice(arguments, choice, epochs) for choice in found],
            arguments.workers, progress, data,
        )  # fmt: skip
        order = sorted(range(count), key=lambda i: tried[i].choosing["loss"])
        found, tried = [found[i] for i in order], [tried[i] for i in order]
        print(f"{counted(count, 'candidate')}, {counted(epochs, 'epoch')}\n")
        print(f"{table(found, tried)}\n", flush=True)
    return found[0], tried[0]


def default(arguments: argparse.Namespace) -> Choice:
    """The defaults of `train`, where nothing else is given."""
    choice = {"hidden": [128], "activation": "relu", "dropout": 0.0}
    return {name: v for name, v in choice.items() if getattr(arguments, name) is None}


def drawn(arguments: argparse.Namespace, is_regression: bool) -> list[Choice]:
    """Random candidates; what is given stays as it is."""
    rng = np.random.default_rng(arguments.seed)
    rate = OPTIMIZERS[name_of(arguments, is_regression)].lr
    found: list[Choice] = []
    for _ in range(arguments.candidates - 1):
        factor = np.exp(rng.uniform(*np.log(RATES)))
        found.append({
            "lr": float(f"{rate * factor:.2g}"),
            "hidden": [int(rng.choice(UNITS))] * int(rng.integers(1, 4)),
            "activation": str(rng.choice(ACTIVATIONS)),
            "dropout": float(rng.choice(DROPOUT)),
        })  # fmt: skip
    free = [name for name in SEARCHED if getattr(arguments, name) is None]
    return [{name: one[name] for name in free} for one in found]


def rungs_of(candidates: int, epochs: int) -> list[tuple[int, int]]:
    """How many candidates each rung has, and for how many epochs they are trained.

    >>> rungs_of(27, 20)
    [(27, 1), (9, 2), (3, 7), (1, 20)]
    """
    counts = [candidates]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // THIRD))
    shares = [THIRD ** (len(counts) - 1 - i) for i in range(len(counts))]
    return [(n, max(1, round(epochs / share))) for n, share in zip(counts, shares, strict=True)]


def with_choice(arguments: argparse.Namespace, choice: Choice, epochs: int) -> argparse.Namespace:
    """The options of `train` for a candidate."""
    return argparse.Namespace(**vars(arguments) | choice | {"epochs": epochs})


def result_of(table: Table, test: Table | None, arguments: argparse.Namespace) -> Result:
    """Trains a candidate; one that diverges has an infinite loss."""
    try:
        model, history, _ = train(arguments, table, test)
    except DivergedError:
        return Result({"loss": np.inf}, {"loss": np.inf})
    if history.stopped == "interrupted":
        raise KeyboardInterrupt
    x, y = model.encoder(table)
    rows = Split.of(table, arguments.validation, arguments.seed, arguments.task).validation
    rows = np.random.default_rng(arguments.seed).permutation(rows)
    halves = rows[::2], rows[1::2]
    found = [scores.measure(model.net, (x[half], y[half]), model.encoder) for half in halves]
    for one in found:
        one["loss"] = float(np.nan_to_num(one["loss"], nan=np.inf, posinf=np.inf))
    return Result(*found)


def progress(number: int, result: Result) -> None:
    """Says on stderr what a candidate came to, as soon as it is known."""
    print(
        f"candidate {number + 1}: loss {result.choosing['loss']:.4g}", file=sys.stderr, flush=True
    )


def table(found: list[Choice], tried: list[Result]) -> str:
    """A rung's candidates and their scores, the best first."""
    names = max(map(list, found), key=len)
    kinds = [name for name in max((one.choosing for one in tried), key=len) if name != "rows"]
    rows = [
        [*(words_of(choice.get(name, "default")) for name in names),
         *(scores.shown(kind, one.choosing.get(kind, np.nan)) for kind in kinds)]
        for choice, one in zip(found, tried, strict=True)
    ]  # fmt: skip
    return aligned([[*names, *kinds], *rows], right=range(len(names), len(names) + len(kinds)))


def words_of(value: Any) -> str:
    """An option's value as it is typed."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def command(arguments: argparse.Namespace, choice: Choice, epochs: int) -> str:
    """The command line that trains a candidate."""
    own = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    add_own(own)
    words = own.parse_known_args(arguments.words)[1][1:]
    if arguments.epochs is None:
        choice = {**choice, "epochs": epochs}
    for name, value in choice.items():
        words += [f"--{name}", *words_of(value).split()]
    return f"minidl train {shlex.join(words)}"
