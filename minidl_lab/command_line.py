"""`main`: runs the laboratory from the words of a command line.

Exit codes: 0, success; 1, something is wrong with the data or a file; 2, with the command line or
an activation named in it; 130, Ctrl-C.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from minidl import functional as F
from minidl import nn
from minidl.errors import ArgumentError, MinidlError, explain
from minidl.layers.activations import REGISTRY, Activation
from minidl.layers.activations import activation as find
from minidl.optim import SGD
from minidl.step.training import TrainingStep
from minidl.tools.disk import writable

from . import runner
from .bench import FASHION, Digits
from .experiments import BY_NAME, EXPERIMENTS
from .report import page
from .scale import FULL, QUICK
from .store import Store

FOLDER = Path("results/lab")
NUMBERS, REPORT = "results.json", "report.html"
HOW_TO_ADD = "see docs/guides/your-own.md"

EXAMPLES = """\
examples:
  python -m minidl_lab                                    everything, about an hour
  python -m minidl_lab --quick                            a look at everything, a minute or two
  python -m minidl_lab --only dying --only leaky          two of the experiments
  python -m minidl_lab --activation gelu                  with another activation in it
  python -m minidl_lab --activation mine:Squareplus       and one of your own, in mine.py
  python -m minidl_lab --report results/lab               the report once more, from the numbers

A laboratory that was stopped goes on where it was, if the same command is given again, without
--fresh.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the laboratory; returns the exit code."""
    words = parser()
    arguments = words.parse_args(argv)
    given = [name for name, value in vars(arguments).items() if value != words.get_default(name)]
    if arguments.report and not {*given} <= {"report", "changed"}:
        words.error("--report measures nothing, so no other option but --changed goes with it")
    if arguments.list:
        print("\n".join(f"{one.name:12} {one.title}: {one.claim}" for one in EXPERIMENTS))
        return 0
    try:
        extra = sorted({add(name) for name in arguments.activation})
    except ArgumentError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    try:
        if arguments.report:
            return draw(arguments.report, arguments.changed)
        return run(arguments, extra)
    except KeyboardInterrupt:
        same = "the same command" + (" without --fresh" if arguments.fresh else "")
        print(f"\nlab: stopped; what was measured is kept in {folder_of(arguments)}, and {same} "
              "goes on from there", file=sys.stderr)  # fmt: skip
        return 130
    except (MinidlError, OSError) as error:
        print(f"lab: {str(error).removeprefix('lab: ')}", file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace, extra: Sequence[str]) -> int:
    """Measures, judges, and writes the report, also of the finished part if it is stopped."""
    page.require_matplotlib()
    scale = QUICK if arguments.quick else FULL
    chosen = [one for one in EXPERIMENTS if not arguments.only or one.name in arguments.only]
    names = [one.name for one in chosen]
    digits = Digits.load(arguments.data, scale)
    fashion = Digits.load_fashion(arguments.fashion, scale, digits)
    folder = folder_of(arguments)
    for name in (NUMBERS, REPORT):
        writable(folder / name)  # else what took hours could not be saved
    results = runner.begin(scale, extra, digits.digest())
    if arguments.only or not arguments.fresh:
        runner.keep(results, folder / NUMBERS, names)
    store = Store(folder, arguments.fresh and (arguments.only or True))
    earlier = dict(results["experiments"])
    with closing(store):
        try:
            runner.run(
                chosen, digits, scale, store, extra, results=results, changed=arguments.changed,
                fashion=fashion,
            )  # fmt: skip
        finally:
            found = results["experiments"]
            measured = [name for name in names if found.get(name) is not earlier.get(name)]
            if measured:
                write(results, folder, measured)
    return 0


def write(results: dict[str, Any], folder: Path, measured: Sequence[str]) -> None:
    """Writes numbers and report, the experiments in their order."""
    found = results["experiments"]
    ordered = {name: found[name] for name in BY_NAME if name in found}
    results = results | {"experiments": ordered}
    runner.save(results, folder / NUMBERS)
    page.write(results, folder / REPORT, measured)
    print(f"report: {folder / REPORT}\nnumbers: {folder / NUMBERS}")


def draw(folder: Path, changed: str = "") -> int:
    """Writes the report of the results in a folder, judged again if a rule was `changed`."""
    page.require_matplotlib()
    results = runner.load(folder / NUMBERS)
    if changed:
        runner.judge_again(results, EXPERIMENTS, changed)
    page.write(results, folder / REPORT)
    if changed:
        runner.save(results, folder / NUMBERS)
    print(f"report: {folder / REPORT}")
    return 0


def folder_of(arguments: argparse.Namespace) -> Path:
    """The folder for the results."""
    folder: Path | None = arguments.output
    return folder or FOLDER.with_name(FOLDER.name + ("-quick" if arguments.quick else ""))


def add(name: str) -> str:
    """The name of an activation to add: one of minidl's, or "module:Class". It is tried before
    anything is measured; ArgumentError if it cannot be used."""
    module, colon, attribute = name.partition(":")
    if not colon:
        return tried(find(name))
    if os.getcwd() not in sys.path:  # python -m adds it, an installed command does not
        sys.path.append(os.getcwd())
    try:
        kind = getattr(import_module(module), attribute)
    except Exception as error:  # whatever the user's module raises
        is_not_found = isinstance(error, ImportError | AttributeError)
        place = "a module in this folder or installed, a colon, and the class in it"
        hint = place if is_not_found else HOW_TO_ADD
        got = f"{name}: {in_a_line(error)}"
        raise ArgumentError(explain("--activation", "module:Class", got, hint)) from error
    is_activation = isinstance(kind, type) and issubclass(kind, Activation)
    if not is_activation or getattr(kind, "name", None) not in REGISTRY:
        raise ArgumentError(
            explain(
                "--activation", "a subclass of nn.Activation with a name", repr(kind), HOW_TO_ADD
            )
        )
    return tried(kind)


def tried(kind: type[Activation]) -> str:
    """The activation's name, after a small net with it was trained for one step, by the loop and by
    TrainingStep."""
    expected = f"an activation that trains a net: {kind.name}"
    x, y = np.linspace(-3, 3, 64, dtype=np.float32).reshape(8, 8), np.arange(8) % 2
    try:
        with np.errstate(all="ignore"):
            net = nn.MLP([8, 8, 2], kind)
            outputs = net(x)
            F.cross_entropy(outputs, y).backward()
            parameters = list(net.parameters())
            gradients = [p.grad.data for p in parameters if p.grad is not None]
            loss = TrainingStep(net, F.cross_entropy, SGD(net.parameters(), 0.01))(x, y)
    except Exception as error:  # whatever the user's formula raises
        raise ArgumentError(explain("--activation", expected, in_a_line(error))) from error
    if len(gradients) < len(parameters):
        hint = "a formula of tensors from its input to its output"
        raise ArgumentError(
            explain("--activation", expected, "no gradient for the layer before it", hint)
        )
    if not all(np.isfinite(one).all() for one in (outputs.data, *gradients, np.asarray(loss))):
        hint = "a formula and a derivative that are finite from -10 to 10"
        raise ArgumentError(explain("--activation", expected, "NaN or infinity", hint))
    return kind.name


def in_a_line(error: Exception) -> str:
    """The kind of the error and its message."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(
        "python -m minidl_lab",
        description="Puts what textbooks say of activation functions to the test, on MNIST: runs "
        "the experiments and writes a report with pictures and verdicts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    option = found.add_argument
    option("--quick", action="store_true", help="little data, few seeds: a look, without verdicts")
    option(
        "--only", action="append", choices=BY_NAME, default=[], metavar="NAME",
        help="this experiment; can be given several times; --list has the names",
    )  # fmt: skip
    option(
        "--activation", action="append", default=[], metavar="NAME|module:Class",
        help="another activation that joins wherever activations are compared",
    )  # fmt: skip
    option(
        "--data", type=Path, metavar="DIR",
        help="a folder with MNIST's files; without it MNIST is read from $MINIDL_DATA, or "
        "downloaded into the user's cache",
    )  # fmt: skip
    option(
        "--fashion", type=Path, metavar="DIR",
        help="a folder with Fashion-MNIST's files, for the experiments that use them (default: "
        f"{FASHION}, if it is there)",
    )  # fmt: skip
    option(
        "--output", type=Path, metavar="DIR",
        help=f"where results go (default: {FOLDER}, with --quick {FOLDER}-quick)",
    )  # fmt: skip
    option(
        "--fresh", action="store_true",
        help="measure anew what was measured before; with --only, of these experiments",
    )  # fmt: skip
    option(
        "--report", type=Path, metavar="DIR",
        help="only draw DIR/report.html, from the DIR/results.json of an earlier run",
    )  # fmt: skip
    option(
        "--changed", default="", metavar="WHY",
        help="why a rule or protocol was changed after its data were seen: told on the page, and "
        "without it such a run is refused",
    )  # fmt: skip
    option("--list", action="store_true", help="list the experiments")
    return found
