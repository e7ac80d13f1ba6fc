"""`main`: runs the laboratory from the words of a command line.

Exit codes: 0, it went well; 1, something is wrong with the data or a file; 2, with the command
line; 130, Ctrl-C.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ..activations import REGISTRY, Activation
from ..activations import activation as find
from ..errors import ArgumentError, MinidlError, explain
from . import runner
from .bench import Digits
from .experiments import BY_NAME, EXPERIMENTS
from .report import page
from .scale import FULL, QUICK
from .store import Store

FOLDER = Path("results/lab")

EXAMPLES = """\
examples:
  python -m minidl.lab                                    everything, about half an hour
  python -m minidl.lab --quick                            a look at everything, under two minutes
  python -m minidl.lab --only dying --only leaky          two of the experiments
  python -m minidl.lab --activation gelu                  with another activation in it
  python -m minidl.lab --activation mine:Squareplus       and one of your own, in mine.py
  python -m minidl.lab --report results/lab               the report once more, from the numbers

A laboratory that was stopped goes on where it was, if the same command is given again.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs it; the exit code."""
    words = parser()
    arguments = words.parse_args(argv)
    given = [name for name, value in vars(arguments).items() if value != words.get_default(name)]
    if arguments.report and len(given) > 1:
        words.error("--report measures nothing, so no other option goes with it")
    if arguments.list:
        print("\n".join(f"{one.name:12} {one.title}: {one.claim}" for one in EXPERIMENTS))
        return 0
    try:
        return draw(arguments.report) if arguments.report else run(arguments)
    except KeyboardInterrupt:
        print(f"\nlab: stopped; what was measured is kept in {folder_of(arguments)}, and the same "
              "command goes on from there", file=sys.stderr)  # fmt: skip
        return 130
    except (MinidlError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace) -> int:
    """Measures, judges, and writes the report."""
    page.require_matplotlib()
    scale = QUICK if arguments.quick else FULL
    extra = [add(name) for name in arguments.activation]
    chosen = [one for one in EXPERIMENTS if not arguments.only or one.name in arguments.only]
    digits = Digits.load(arguments.data, scale)
    folder = folder_of(arguments)
    store = Store(folder, arguments.fresh)
    try:
        results = runner.run(chosen, digits, scale, store, extra)
    finally:
        store.close()
    runner.save(results, folder / "results.json")
    page.write(results, folder / "report.html")
    print(f"report: {folder / 'report.html'}\nnumbers: {folder / 'results.json'}")
    return 0


def draw(folder: Path) -> int:
    """Writes the report of the results in a folder."""
    page.require_matplotlib()
    page.write(runner.load(folder / "results.json"), folder / "report.html")
    print(f"report: {folder / 'report.html'}")
    return 0


def folder_of(arguments: argparse.Namespace) -> Path:
    """Where the results go."""
    folder: Path | None = arguments.output
    return folder or FOLDER.with_name(FOLDER.name + ("-quick" if arguments.quick else ""))


def add(name: str) -> str:
    """The name of an activation that is to join: one of minidl's, or "module:Class"."""
    module, colon, attribute = name.partition(":")
    if not colon:
        return find(name).name
    try:
        kind = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        hint = "a module in this folder or installed, a colon, and the class in it"
        raise ArgumentError(explain("--activation", "module:Class", str(error), hint)) from error
    if not (isinstance(kind, type) and issubclass(kind, Activation) and kind.name in REGISTRY):
        hint = "see 'Adding one' in the README"
        raise ArgumentError(
            explain("--activation", "a subclass of nn.Activation with a name", repr(kind), hint)
        )
    return kind.name


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(
        "python -m minidl.lab",
        description="Puts what textbooks say of activation functions to the test, on MNIST: runs "
        "the experiments and writes a report with pictures and verdicts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    option = found.add_argument
    option("--quick", action="store_true", help="little data, few seeds: to try it out")
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
        help="a folder with MNIST's files (default: as minidl.data.mnist)",
    )  # fmt: skip
    option(
        "--output", type=Path, metavar="DIR",
        help=f"where results go (default: {FOLDER}, with --quick {FOLDER}-quick)",
    )  # fmt: skip
    option("--fresh", action="store_true", help="measure anew what was measured before")
    option(
        "--report", type=Path, metavar="DIR",
        help="only draw DIR/report.html, from the DIR/results.json of an earlier run",
    )  # fmt: skip
    option("--list", action="store_true", help="list the experiments")
    return found
