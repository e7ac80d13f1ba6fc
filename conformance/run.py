"""Tries minidl against its peers and writes docs/conformance.md; each part has its own process.

A full run takes some 5 minutes. --short and --only write to results/conformance/ instead. The
exit code is 1 if anything is wrong.

    python conformance/run.py
    python conformance/run.py --short
    python conformance/run.py --only onnx files
"""

import argparse
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What the tests draw is drawn here too, and the benchmark's tables are this page's.
sys.path += [str(ROOT / "tests" / "helpers"), str(ROOT / "benchmarks")]

import page  # noqa: E402
from report import write  # noqa: E402
from verdicts import WRONG, Case, Part  # noqa: E402

import minidl  # noqa: E402

PARTS = {
    "onnx": "onnx_nodes",
    "numpy": "numpy_functions",
    "sklearn": "scikit_options",
    "files": "files",
    "torch": "torch_programs",
    "optimizers": "torch_optimizers",
    "tinygrad": "tinygrad_operators",
    "autograd": "autograd_tests",
}


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
                        help=f"some of the parts: {', '.join(PARTS)}")  # fmt: skip
    parser.add_argument("--short", action="store_true", help="less of everything, in a minute")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the page goes")
    arguments = parser.parse_args(argv)
    if arguments.output is None:
        whole = not arguments.short and arguments.only == list(PARTS)
        arguments.output = ROOT / ("docs" if whole else "results/conformance") / "conformance.md"
    return arguments


def tried(name: str, short: bool) -> tuple[Part, list[Case]]:
    """A part and its cases."""
    part = import_module(PARTS[name]).PART
    return part, list(part.cases(short))


def main(argv: list[str] | None = None) -> int:
    arguments = parse(argv)
    results: list[tuple[Part, list[Case]]] = []
    missing = []
    with ProcessPoolExecutor(len(arguments.only), get_context("spawn")) as pool:
        for future in [pool.submit(tried, name, arguments.short) for name in arguments.only]:
            try:
                results.append(future.result())
                print(page.sums(results[-1:]), flush=True)
            except ModuleNotFoundError as error:
                missing.append(str(error.name))
    peers = {peer for part, _ in results for peer in part.peers}
    facts = {"date": date.today().isoformat(), "Python": platform.python_version()}
    facts |= {"minidl": minidl.__version__}
    facts |= {peer: version(peer) for peer in ("numpy", *sorted(peers - {"numpy"}))}
    write(arguments.output, page.markdown(results, facts, missing))
    print(f"Written: {arguments.output}")
    return int(any(case.verdict == WRONG for _, cases in results for case in cases))


if __name__ == "__main__":
    sys.exit(main())
