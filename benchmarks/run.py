"""Measures minidl against its peers and against the machine.

First the machine's peaks, then row after row of the table, minidl and its peers in turns. A full
run takes some 35 minutes on two cores and writes benchmarks/results.json, docs/benchmark.md and two
pictures, benchmarks/results.png and results-parts.png. --quick and --only write to
results/benchmark/ instead.

    python benchmarks/run.py
    python benchmarks/run.py --quick
    python benchmarks/run.py --redraw
    python benchmarks/run.py --only products inference --rounds 9
    python benchmarks/run.py --only epoch-2 --threads 1
    python benchmarks/run.py --only operations graph loop convolution views --quick --rounds 3
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import picture
import report
from machine import cores, describe
from outcome import DisagreementError, Outcome, Spread
from rows import activations, changes, eager, epochs, estimators, papers, process, products, small
from turns import Bench, ContenderError

from minidl import data

ROOT = Path(__file__).parents[1]
MNIST = ROOT / "examples" / "data" / "mnist"
ROWS = [products.ROW, *epochs.ROWS, *small.ROWS, *changes.ROWS, papers.ROW, activations.ROW,
        *process.ROWS, estimators.ROW, *eager.ROWS]  # fmt: skip
NAMES = [row.name for row in ROWS]


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="ROW",
                        help=f"some of the rows: {', '.join(NAMES)}")  # fmt: skip
    parser.add_argument("--quick", action="store_true",
                        help="less of everything, in two minutes: a try")  # fmt: skip
    parser.add_argument("--rounds", type=int, help="counted rounds (default: 7, with --quick 1)")
    parser.add_argument("--threads", type=int, default=cores(),
                        help="of every contender (default: all cores, %(default)s)")  # fmt: skip
    parser.add_argument("--redraw", action="store_true",
                        help="measure nothing, draw results.json anew")  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="DIR",
                        help="one folder for all files")  # fmt: skip
    arguments = parser.parse_args(argv)
    if arguments.rounds is None:
        arguments.rounds = 1 if arguments.quick else 7
    if arguments.rounds < 1 or not 1 <= arguments.threads <= cores():
        parser.error(f"--rounds is at least 1, --threads from 1 to {cores()}")
    return arguments


def output_files(arguments: argparse.Namespace) -> tuple[Path, Path, Path]:
    """Where the numbers, the pictures and the table go."""
    folder = arguments.output
    if folder is None and not (arguments.quick or arguments.only):
        return (ROOT / "benchmarks/results.json", ROOT / "benchmarks/results.png",
                ROOT / "docs/benchmark.md")  # fmt: skip
    folder = folder or Path("results/benchmark")
    return folder / "results.json", folder / "results.png", folder / "benchmark.md"


def facts(bench: Bench, arguments: argparse.Namespace) -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "machine": describe(),
        "versions": bench.versions,
        "missing": bench.missing,
        "settings": {name: getattr(arguments, name) for name in ("rounds", "threads", "quick")},
        "peaks": {
            kind: {n: Spread.of(peak[kind][n] for peak in bench.peaks) for n in counts}
            for kind, counts in bench.peaks[0].items()
        },
    }


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    numbers, image, text = output_files(arguments)
    if arguments.redraw:
        picture.draw(ROWS, report.read(numbers), image)
        return
    rows = [row for row in ROWS if arguments.only is None or row.name in arguments.only]
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        mnist = Path(folder, "mnist.npz")
        (x, y), _ = data.mnist(MNIST)
        np.savez(mnist, x=x, y=y)
        bench = Bench(arguments.rounds, arguments.threads, arguments.quick, mnist)
        try:
            for row in rows:
                start = time.perf_counter()
                found = row.measure(bench, row.name)
                outcomes += found
                print(report.section(row, found))
                print(f"({time.perf_counter() - start:.0f} s)\n", flush=True)
        finally:
            bench.close()
    known = facts(bench, arguments)
    print(report.heading(known), report.summary(rows, outcomes), sep="\n\n")
    report.write(numbers, report.as_json(outcomes, known, bench.peaks, bench.record))
    report.write(text, report.markdown(rows, outcomes, known))
    picture.draw(rows, outcomes, image)
    print(f"\nWritten: {numbers}, {text}, and the pictures beginning with {image}")


if __name__ == "__main__":
    try:
        main()
    except (ContenderError, DisagreementError) as error:
        sys.exit(f"benchmark: {error}")
