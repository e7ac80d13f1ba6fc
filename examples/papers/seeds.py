"""What the reproductions share: options, training that survives a kill, a row for each seed.

A seed trains in stages, each a `fit` that saves itself after every epoch to DIR/seed-N/STAGE and
goes on from there. A finished seed has a row in DIR/results.json and is not trained again. The test
images are used once for each seed, after its training.

The same command in two terminals trains two seeds side by side, each with OMP_NUM_THREADS=1 on a
core of its own: a process passes over the seeds that another one is training.
"""

import argparse
import fcntl
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from minidl import data, nn, optim
from minidl import functional as F
from minidl.optim.schedules import Factor
from minidl.tools.disk import put
from minidl.tools.strict_json import parse
from minidl.train import Callback, Checkpoint, History, Run, evaluate, fit, predict
from minidl_lab.statistics import mean_interval

MNIST = Path(__file__).parents[1] / "data" / "mnist"
BATCH = 100
VALIDATION = 6  # the last of so many equal parts of the training images is for validation

Rows = tuple[np.ndarray, np.ndarray]  # uint8 images (n, 784), labels (n,)


def whole(smallest: int) -> Callable[[str], int]:
    """An option's type: a whole number from `smallest` up."""

    def number(text: str) -> int:
        value = int(text)
        if value < smallest:
            raise argparse.ArgumentTypeError(f"expected a whole number from {smallest} up: {text}")
        return value

    number.__name__ = "whole number"  # argparse names it in its errors
    return number


def parser_for(description: str, output: str) -> argparse.ArgumentParser:
    """A parser with the options that every reproduction has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=whole(1), default=5, metavar="N",
                        help="how many seeds (default: 5)")  # fmt: skip
    parser.add_argument("--first-seed", type=whole(0), default=0, metavar="N", help="default: 0")
    parser.add_argument("--data", type=Path, default=MNIST, metavar="DIR",
                        help="a folder with the four files of MNIST")  # fmt: skip
    parser.add_argument("--output", type=Path, default=Path("results/papers") / output,
                        metavar="DIR", help="the folder of checkpoints and results.json "
                        f"(default: results/papers/{output})")  # fmt: skip
    parser.add_argument("--limit", type=whole(2 * VALIDATION), metavar="N",
                        help="use the first N training images only, for a try")  # fmt: skip
    return parser


def add_validation(parser: argparse.ArgumentParser) -> None:
    """The option --validation, for choices: the test images are not used."""
    parser.add_argument("--validation", action="store_true",
                        help="hold back the last sixth of the training images, and report the "
                        "error on these instead of the test images")  # fmt: skip


@dataclass
class Training:
    """A seed in training: its number, its folder, the images that it may learn from, and the
    results of its stages."""

    seed: int
    folder: Path
    images: Rows
    histories: list[History] = field(default_factory=list)
    steps: int = 0

    def split(self) -> tuple[Rows, Rows]:
        """The images to train on, and the last sixth of all: for MNIST 50,000 and 10,000."""
        x, y = self.images
        n = len(x) - len(x) // VALIDATION
        return (x[:n], y[:n]), (x[n:], y[n:])

    def fit(
        self, stage: str, net: nn.Layer, optimizer: optim.Optimizer, rows: Rows, epochs: int,
        schedule: Factor, callbacks: Sequence[Callback] = (), validation: Rows | None = None,
        max_norm: float | None = None,
    ) -> None:  # fmt: skip
        """Trains the net, or goes on where an earlier run ended."""
        history = fit(
            net, rows, F.cross_entropy, optimizer, epochs, validation=validation,
            metrics=[] if validation is None else ["accuracy"], schedule=schedule,
            max_norm=max_norm,
            callbacks=[*callbacks, Lines(f"seed {self.seed} {stage}"),
                       Checkpoint(self.folder / stage, keep=2)],
            batch_size=BATCH, seed=self.seed, progress=False, resume=True,
        )  # fmt: skip
        if history.stopped == "interrupted":
            raise KeyboardInterrupt
        self.histories.append(history)
        self.steps += len(history) * steps_in_epoch(rows)

    def totals(self) -> dict[str, Any]:
        """The epochs of each stage; steps and time of all, without the time between two runs."""
        seconds = sum(sum(history.seconds) for history in self.histories)
        return {
            "epochs": [len(history) for history in self.histories], "steps": self.steps,
            "seconds": round(seconds, 1),
        }  # fmt: skip


class Lines(Callback):
    """Prints a line for every epoch."""

    def __init__(self, name: str) -> None:
        self.name = name

    def on_epoch_end(self, run: Run, row: dict[str, Any]) -> None:
        parts = [f"loss {row['loss']:.5f}"]
        if "validation_loss" in row:
            errors = [percent(1 - right) for right in run.history["validation_accuracy"]]
            best = min(errors)
            parts.append(f"validation loss {row['validation_loss']:.5f}")
            parts.append(
                f"error {errors[-1]:.2f} %, least {best:.2f} % at {1 + errors.index(best)}"
            )
        if "objective" in row:
            parts.append(f"objective {row['objective']:.5f}")
        parts.append(f"{run.history.seconds[-1]:.1f} s")
        print(f"{self.name} epoch {row['epoch']}: {', '.join(parts)}", flush=True)

    def on_train_end(self, run: Run) -> None:
        print(f"{self.name} ended: {run.stopped or 'all epochs done'}", flush=True)


def steps_in_epoch(rows: Rows) -> int:
    return -(-len(rows[0]) // BATCH)


def percent(share: float) -> float:
    """In percent, without the last bits of rounding."""
    return round(100 * share, 6)


def error_of(net: nn.Layer, rows: Rows) -> float:
    """The percentage of images that the net takes for another digit."""
    return percent(1 - evaluate(net, rows, metrics=["accuracy"])["accuracy"])


def training_images(arguments: argparse.Namespace) -> Rows:
    """The images to learn from, or the first of them."""
    (x, y), _ = data.mnist(arguments.data)
    return x[: arguments.limit], y[: arguments.limit]


def test_mistakes(net: nn.Layer, folder: Path) -> tuple[int, int]:
    """How many test images the net takes for another digit, and how many there are."""
    _, (x, y) = data.mnist(folder)
    return int((predict(net, x).argmax(axis=1) != y).sum()), len(y)


@contextmanager
def alone(folder: Path, waits: bool = False) -> Iterator[bool]:
    """Whether no other process is in the folder; none comes in before the end. `waits` for it. A
    process that ends, also one that is killed, is out."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        is_alone = True
    except BlockingIOError:
        is_alone = False
    try:
        yield is_alone
    finally:
        os.close(lock)


class Results:
    """DIR/results.json: the settings, and a row for each seed that is done. Several processes may
    add rows."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.file, self.settings = folder / "results.json", settings
        with alone(folder, waits=True):
            if not self.file.exists():
                self.write([])
        kept = self.read()["settings"]
        if kept != settings:
            message = f"{self.file}: expected the settings {kept}, got {settings}"
            raise minidl.ArgumentError(f"{message}. Try: another --output")

    def read(self) -> dict[str, Any]:
        try:
            shape = {"settings": dict, "rows": [{"seed": int}]}
            kept: dict[str, Any] = parse(self.file.read_text(), shape, "results")
        except ValueError as error:
            message = f"{self.file}: expected what a run wrote, got {error}"
            raise minidl.DataError(message) from None
        return kept

    def rows(self) -> list[dict[str, Any]]:
        return self.read()["rows"]

    def seeds(self) -> set[int]:
        return {row["seed"] for row in self.rows()}

    def add(self, row: dict[str, Any]) -> None:
        with alone(self.file.parent, waits=True):
            others = [other for other in self.rows() if other["seed"] != row["seed"]]
            self.write(sorted([*others, row], key=lambda row: row["seed"]))

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Writes the file anew; it is complete whenever the process is killed."""
        text = json.dumps({"settings": self.settings, "rows": rows}, indent=1) + "\n"
        put(self.file, [text.encode()])


def run_seeds(
    arguments: argparse.Namespace, train: Callable[[Training], tuple[nn.Layer, dict[str, Any]]],
    is_tested: bool = True,
) -> list[dict[str, Any]]:  # fmt: skip
    """Trains the seeds that are not finished and that no other process is training; returns the
    rows of those requested seeds that are finished then.

    `train` returns the net and further results for its row.
    """
    others = ("seeds", "first_seed", "output", "data")
    settings = {name: value for name, value in vars(arguments).items() if name not in others}
    results = Results(arguments.output, settings)
    wanted = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    missing = sorted(set(wanted) - results.seeds())
    images = training_images(arguments) if missing else None
    for seed in missing:
        folder = arguments.output / f"seed-{seed}"
        with alone(folder) as is_alone:
            if not is_alone:
                print(f"seed {seed}: another process is training it", flush=True)
                continue
            if seed in results.seeds():
                continue  # another process has trained it meanwhile
            minidl.manual_seed(seed)
            training = Training(seed, folder, images)
            net, row = train(training)
            if is_tested:
                mistakes, n = test_mistakes(net, arguments.data)
                row |= {"test_mistakes": mistakes, "test_error": percent(mistakes / n)}
            results.add({"seed": seed, **training.totals(), **row, **circumstances()})
    return [row for row in results.rows() if row["seed"] in wanted]


def train_and_show(
    arguments: argparse.Namespace, train: Callable[[Training], tuple[nn.Layer, dict[str, Any]]],
    results: dict[str, str], paper: str,
) -> None:  # fmt: skip
    """Trains the seeds, and prints the table of these results beside the paper's; with --validation
    that of the errors on the images that were held back."""
    rows = run_seeds(arguments, train, is_tested=not arguments.validation)
    if arguments.validation:
        results, paper = {"validation_error": "validation error %"}, ""
    show(rows, results, paper)


def circumstances() -> dict[str, Any]:
    """The circumstances of a row: versions and machine."""
    return {
        "minidl": minidl.__version__, "numpy": np.__version__, "threads": minidl.get_num_threads(),
    }  # fmt: skip


def show(rows: Sequence[dict[str, Any]], results: dict[str, str], paper: str) -> None:
    """Prints the table, if a seed is done."""
    if rows:
        print(f"\n{table(rows, results, paper)}")


ALWAYS = {name: name for name in ("seed", "epochs", "seconds")}  # a table's columns


def table(rows: Sequence[dict[str, Any]], results: dict[str, str], paper: str) -> str:
    """A line for each seed, mean and standard deviation (n - 1), Student's 95 % interval of the
    results' means, and the paper's figure, which is for the last of the results."""
    columns = ALWAYS | results
    numbers = [row | {"seconds": round(row["seconds"])} for row in rows]
    of = {name: [row[name] for row in numbers] for name in columns}
    before = [""] * (len(ALWAYS) - 1)
    lines = [
        [*columns.values()],
        *[[shown(row[name]) for name in columns] for row in numbers],
        ["mean ± sd", *[spread(of[name]) for name in [*columns][1:]]],
        ["95 % of mean", *before, *[interval(of[name]) for name in results]],
        ["paper", *before, *[""] * (len(results) - 1), paper],
    ]
    if len(rows) == 1:  # it has neither
        del lines[-2]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = [f"{'-' * (width - 1)}:" for width in widths]
    return "\n".join(
        f"| {' | '.join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in [lines[0], rule, *lines[1:]]
    )


def shown(value: Any) -> str:
    if isinstance(value, list):
        return " + ".join(map(str, value))
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def spread(values: list[Any]) -> str:
    if isinstance(values[0], list):
        return spread([sum(value) for value in values])
    mean = averaged(statistics.mean(values), values)
    return f"{mean} ± {averaged(statistics.stdev(values), values)}" if len(values) > 1 else mean


def interval(values: list[Any]) -> str:
    """Student's 95 % interval for the mean of all seeds that there could be."""
    _, low, high = mean_interval(values)
    return f"{averaged(low, values)} to {averaged(high, values)}"


def averaged(number: float, values: list[Any]) -> str:
    """A number that was computed from these values, with more digits than they have."""
    return f"{number:.{1 if isinstance(values[0], int) else 3}f}"


def main_of(main: Callable[[], None], name: str) -> None:
    """Calls `main`; an error ends the program with one line."""
    try:
        main()
    except (minidl.MinidlError, OSError) as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted; the same command goes on from here")
