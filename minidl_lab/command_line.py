"""`main`: runs the laboratory from the words of a command line.

Exit codes: 0, success; 1, something is wrong with the data, a file or the code of a user's
experiment; 2, with the command line, or an activation or experiment named in it; 130, Ctrl-C.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from traceback import print_exception
from typing import Any

from minidl.errors import ArgumentError, MinidlError
from minidl.tools.disk import writable

from . import own, runner
from .bench import FASHION, Digits
from .experiment import Experiment
from .experiments import BY_NAME, EXPERIMENTS
from .report import page
from .scale import FULL, QUICK
from .store import Store

FOLDER = Path("results/lab")
NUMBERS, REPORT = "results.json", "report.html"

EXAMPLES = """\
examples:
  python -m minidl_lab                                    everything, about an hour
  python -m minidl_lab --quick                            a look at everything, a minute or two
  python -m minidl_lab --only dying --only leaky          two of the experiments
  python -m minidl_lab --activation gelu                  with another activation in it
  python -m minidl_lab --activation mine:Squareplus       and one of your own, in mine.py
  python -m minidl_lab --experiment mine:Warmup           an experiment of your own, alone
  python -m minidl_lab --report results/lab               the report once more, from the numbers

A laboratory that was stopped goes on where it was, if the same command is given again, without
--fresh.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the laboratory; returns the exit code."""
    words = parser()
    arguments = words.parse_args(argv)
    given = [name for name, value in vars(arguments).items() if value != words.get_default(name)]
    if arguments.report and not {*given} <= {"report", "changed", "experiment"}:
        words.error("--report measures nothing: only --changed and --experiment go with it")
    try:
        extra = sorted({own.activation(name) for name in arguments.activation})
        theirs = own.experiments(arguments.experiment)
    except ArgumentError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    if arguments.list:
        listed = [*EXPERIMENTS, *theirs]
        print("\n".join(f"{one.name:12} {one.title}: {one.claim}" for one in listed))
        return 0
    try:
        if arguments.report:
            return draw(arguments.report, arguments.changed, theirs)
        return run(arguments, extra, theirs)
    except KeyboardInterrupt:
        same = "the same command" + (" without --fresh" if arguments.fresh else "")
        print(f"\nlab: stopped; what was measured is kept in {folder_of(arguments)}, and {same} "
              "goes on from there", file=sys.stderr)  # fmt: skip
        return 130
    except Exception as error:
        if place := own.from_their_code(error, theirs):
            print_exception(error.with_traceback(place))
            print("lab: what was measured is kept", file=sys.stderr)
        elif isinstance(error, MinidlError | OSError):
            print(f"lab: {str(error).removeprefix('lab: ')}", file=sys.stderr)
        else:
            raise
        return 1


def run(arguments: argparse.Namespace, extra: Sequence[str], theirs: Sequence[Experiment]) -> int:
    """Measures, judges, and writes the report, also of the finished part if it is stopped. Users'
    experiments run alone, or with those of ours that are named."""
    page.require_matplotlib()
    scale = QUICK if arguments.quick else FULL
    some = [*arguments.only, *[one.name for one in theirs]]
    chosen = [one for one in known(theirs).values() if not some or one.name in some]
    names = [one.name for one in chosen]
    digits = Digits.load(arguments.data, scale)
    fashion = Digits.load_fashion(arguments.fashion, scale, digits)
    folder = folder_of(arguments)
    for name in (NUMBERS, REPORT):
        writable(folder / name)  # else what took hours could not be saved
    results = runner.begin(scale, extra, digits.digest())
    if some or not arguments.fresh:
        runner.keep(results, folder / NUMBERS, names)
    page.experiments_in(results, theirs)  # else the report could not be made
    store = Store(folder, arguments.fresh and (some or True))
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
                write(results, folder, measured, theirs)
    return 0


def known(theirs: Sequence[Experiment]) -> dict[str, Experiment]:
    """Our experiments, then the users'."""
    return {one.name: one for one in (*EXPERIMENTS, *theirs)}


def write(
    results: dict[str, Any], folder: Path, measured: Sequence[str], theirs: Sequence[Experiment]
) -> None:
    """Writes numbers and report, the experiments in their order."""
    found = results["experiments"]
    ordered = {name: found[name] for name in known(theirs) if name in found}
    results = results | {"experiments": ordered}
    runner.save(results, folder / NUMBERS)
    page.write(results, folder / REPORT, measured, theirs)
    print(f"report: {folder / REPORT}\nnumbers: {folder / NUMBERS}")


def draw(folder: Path, changed: str, theirs: Sequence[Experiment]) -> int:
    """Writes the report of the results in a folder, judged again if a rule was `changed`."""
    page.require_matplotlib()
    results = runner.load(folder / NUMBERS)
    if changed:
        runner.judge_again(results, [*known(theirs).values()], changed)
    page.write(results, folder / REPORT, theirs=theirs)
    if changed:
        runner.save(results, folder / NUMBERS)
    print(f"report: {folder / REPORT}")
    return 0


def folder_of(arguments: argparse.Namespace) -> Path:
    """The folder for the results."""
    folder: Path | None = arguments.output
    return folder or FOLDER.with_name(FOLDER.name + ("-quick" if arguments.quick else ""))


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
        "--experiment", action="append", default=[], metavar="module:Class",
        help="an experiment of your own, which runs alone or with those named by --only",
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
