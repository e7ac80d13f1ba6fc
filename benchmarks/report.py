"""The tables: for the terminal, for Markdown, and the numbers for results.json."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from outcome import Outcome, Spread, Target, number
from rows.row import Row

from minidl.tools.disk import put

HEADER = ("what", "came out", "smallest to largest", "target", "met", "more")


def line(outcome: Outcome) -> tuple[str, ...]:
    """An outcome as the cells of the table."""
    spread, unit = outcome.spread, f" {outcome.unit}".rstrip()
    words = {True: "yes", False: "NO", None: ""}
    return (
        outcome.what,
        number(spread.median) + unit,
        f"{number(spread.low)} to {number(spread.high)}" if spread.low < spread.high else "",
        "" if outcome.target is None else str(outcome.target),
        words[outcome.met],
        outcome.more,
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned."""
    lines = [tuple(header), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(cells, widths, strict=True)) + " |"
        for cells in lines
    ]
    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    return "\n".join([written[0], rule, *written[1:]])


def section(row: Row, outcomes: Sequence[Outcome]) -> str:
    """A row's heading, explanation and table."""
    body = table(HEADER, map(line, outcomes)) if outcomes else "Nothing to measure here."
    return f"## {row.title}\n\n{row.about}\n\n{body}\n"


def summary(rows: Sequence[Row], outcomes: Sequence[Outcome]) -> str:
    """One line for each row: how many of its targets are met, and the one nearest to failing."""
    lines = []
    for row in rows:
        own = [o for o in outcomes if o.row == row.name and o.target is not None]
        if own:
            worst = min(own, key=margin)
            lines.append(
                (
                    row.title,
                    f"{sum(bool(o.met) for o in own)} of {len(own)}",
                    f"{worst.what}: {line(worst)[1]}, target {worst.target}",
                )
            )
    return table(("row", "targets met", "nearest to failing"), lines)


def margin(outcome: Outcome) -> float:
    """By what factor a target is exceeded, a difference by how much more; below 1 it is missed."""
    median, target = outcome.spread.median, outcome.target
    if target.bound < 0:
        return 1 + median - target.bound
    if target.sign == "≥":
        return median / target.bound
    return target.bound / median if median > 0 else float("inf")


def heading(facts: dict[str, Any]) -> str:
    """Where, when and with what the numbers came out."""
    machine, peaks = facts["machine"], facts["peaks"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    speeds = "; ".join(
        f"on {threads} thread{'s' if int(threads) > 1 else ''} "
        f"{in_billions(flops)} GFLOP/s and {in_billions(peaks['bytes'][threads])} GB/s"
        for threads, flops in peaks["flops"].items()
    )
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['date']}, "
        f"threads: {facts['settings']['threads']}, rounds: {facts['settings']['rounds']}. "
        f"Measured peaks, multiply-adds of float32 and copying: {speeds}. "
        "Where a peak varies widely, other work disturbed the run. "
        f"Python {machine['python']}, {versions}."
    )


def in_billions(spread: Spread) -> str:
    median, low, high = (number(value / 1e9) for value in spread)
    return f"{median} ({low} to {high})"


NOTES = """\
Every contender runs in a process of its own, one at a time, turn by turn in every round, on as
many processors as it may have threads; the peaks are measured again in each round. A number is
the median of the rounds, with the smallest and the largest beside it. A ratio "peer / minidl" is
the peer's time divided by minidl's in the same round: above 1, minidl is faster. All contenders
start from the same weights, see the same batches (scikit-learn shuffles in its own order) and have
to reach the same loss, or the benchmark stops. JAX runs an epoch as one compiled scan with donated
buffers; NPROC, the processors that it may use, and for one thread
xla_cpu_multi_thread_eigen=false set its thread pool. PyTorch uses its foreach optimiser; the NumPy
code is written by hand with out=."""


PICTURES = """\
![A dot for each task and peer: to the right of 1 minidl is faster](../benchmarks/results.png)

[The same for the parts](../benchmarks/results-parts.png): activations and matrix products."""


def markdown(rows: Sequence[Row], outcomes: Sequence[Outcome], facts: dict[str, Any]) -> str:
    """The whole report."""
    missing = "".join(f"\n\nNot installed, so left out: {', '.join(facts['missing'])}."
                      if facts["missing"] else "")  # fmt: skip
    sections = [section(row, [o for o in outcomes if o.row == row.name]) for row in rows]
    return "\n".join(
        [
            "# Benchmark",
            "",
            "Written by `make bench`.",
            "",
            heading(facts) + missing,
            "",
            NOTES,
            "",
            PICTURES,
            "",
            "<!-- summary -->",
            summary(rows, outcomes),
            "<!-- end of summary -->",
            "",
            *sections,
        ]
    )


def as_json(
    outcomes: Sequence[Outcome], facts: dict[str, Any], peaks: list[dict], turns: list[dict]
) -> str:
    """Every number: what came out, every measurement of the peaks and every turn."""
    listed = [
        {"row": o.row, "what": o.what, **o.spread._asdict(), "unit": o.unit,
         "target": o.target and str(o.target), "met": o.met, "more": o.more}
        for o in outcomes
    ]  # fmt: skip
    named = {
        kind: {threads: spread._asdict() for threads, spread in spreads.items()}
        for kind, spreads in facts["peaks"].items()
    }
    head = json.dumps(facts | {"peaks": named, "outcomes": listed}, indent=1, ensure_ascii=False)
    lists = (f' "{name}": [\n  {one_a_line(items)}\n ]'
             for name, items in (("every peak", peaks), ("turns", turns)))  # fmt: skip
    return ",\n".join([head.removesuffix("\n}"), *lists]) + "\n}\n"


def read(file: Path) -> list[Outcome]:
    """The outcomes, from the numbers of `as_json`."""
    return [
        Outcome(o["row"], o["what"], Spread(o["median"], o["low"], o["high"]), o["unit"],
                o["target"] and Target.read(o["target"]), o["more"])
        for o in json.loads(file.read_text())["outcomes"]
    ]  # fmt: skip


def one_a_line(items: list[dict]) -> str:
    return ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in items)


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    put(file, [text.encode()])
