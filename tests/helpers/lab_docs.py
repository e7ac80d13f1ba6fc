"""Copies what came out into the pages that tell it, after the files in docs/lab and docs/papers are
new: `python tests/helpers/lab_docs.py`. With a folder, such as results/papers, it first copies the
papers' results from there. The tests compare."""

import importlib
import json
import re
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

import league_picture
from lab_archive import identifier

from minidl_lab import Verdict
from minidl_lab.bench import shown
from minidl_lab.charts import Intervals, Table
from minidl_lab.experiments import BY_NAME
from minidl_lab.report import page
from minidl_lab.rules import sensitivity
from minidl_lab.statistics import student

ROOT = Path(__file__).parents[2]
CHAPTER, PAPERS_PAGE = ROOT / "docs" / "laboratory.md", ROOT / "docs" / "papers.md"
RESULTS_PAGE = ROOT / "docs" / "results.md"
CITATION = ROOT / "CITATION.cff"
RESULTS = ROOT / "docs" / "lab" / "results.json"
PAPERS = ROOT / "docs" / "papers"
COMMANDS = {
    "maxout": "maxout_mnist.py",
    "noisy": "noisy_mlp_mnist.py",
    "noisy-small": "noisy_mlp_mnist.py --widths 1000 500 --hidden-noise 0.3 --no-scale "
    "--output results/papers/noisy-small",
    "record": "record_mnist.py",
}  # by the name of the folder that they write into
PAPERS_MISTAKES, TEST_IMAGES = 94, 10_000  # of the maxout paper's run

sys.path.insert(0, str(ROOT / "examples" / "papers"))


def lab() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def verdicts() -> dict[str, Verdict]:
    """The verdict of each experiment, as it was judged."""
    return {name: page.verdict_of(found) for name, found in lab()["experiments"].items()}


def chapter_blocks() -> dict[str, str]:
    """What stands between the marks in the chapter."""
    told = {name: quoted(name, verdict) for name, verdict in verdicts().items()}
    return {"laboratory": table(), "identifier": f"```\n{identifier()}\n```", **told}


def quoted(name: str, verdict: Verdict) -> str:
    """The claim, the effect, the verdict, how it fares under other limits, and its pictures."""
    told = f"**{verdict.outcome}{verdict.colon}** {verdict.words}. {verdict.evidence}"
    pictures = f"[Pictures, protocol, rule and other limits](lab/report.html#{name})"
    parts = [f"The claim: *{BY_NAME[name].claim}*", verdict.effect, told.strip(),
             under_other_limits(name, verdict), pictures]  # fmt: skip
    return "\n>\n".join(f"> {part}" for part in parts)


def under_other_limits(name: str, verdict: Verdict) -> str:
    """How many limits give another outcome, and which."""
    tried = sensitivity(BY_NAME[name], lab()["experiments"][name]["numbers"])
    others = [
        f"{one.limit.replace('_', ' ')} {shown(one.value)}: {one.verdict.outcome}"
        for one in tried if one.verdict.outcome != verdict.outcome
    ]  # fmt: skip
    same = f"The outcome is the same under {len(tried) - len(others)} of {len(tried)} other limits"
    return f"{same} ({'; '.join(others)})." if others else f"{same}."


def table() -> str:
    """All verdicts."""
    rows = [
        f"| {cell(BY_NAME[name].title)} | {cell(BY_NAME[name].claim)} | "
        f"**{verdict.outcome}** {cell(verdict.words)} |"
        for name, verdict in verdicts().items()
    ]
    return "\n".join(["| experiment | textbooks say | MNIST says |", "|---|---|---|", *rows])


def cell(text: str) -> str:
    """The text within a table, where a bar would end its cell."""
    return text.replace("|", "\\|")


def league_charts(kind: type) -> list[Any]:
    """The charts of this kind of the experiment 'advice'."""
    numbers = lab()["experiments"]["advice"]["numbers"]
    return [one for one in BY_NAME["advice"].charts(numbers) if isinstance(one, kind)]


def results_blocks() -> dict[str, str]:
    """What stands between the marks in the page of results: the league and its advice."""
    tables = {one.title: one for one in league_charts(Table)}
    names = [one for one in tables if one.startswith("The league of ")]
    leagues = "\n\n".join(f"{one}:\n\n{markdown(tables[one])}" for one in names)
    return {"league": leagues, "advice": markdown(tables["Advice"])}


def markdown(table: Table) -> str:
    """A table; all columns but the first are numbers, unless they are sentences."""
    is_text = [all(row[i].endswith(".") for row in table.rows) for i in range(len(table.header))]
    rule = ["---" if i == 0 or text else "--:" for i, text in enumerate(is_text)]
    rows = [table.header, rule, *table.rows]
    return "\n".join(f"| {' | '.join(map(cell, row))} |" for row in rows)


def papers_blocks() -> dict[str, str]:
    """What stands between the marks in the page of the papers: what the examples print, for those
    that have results."""
    parts = []
    table = importlib.import_module("seeds").table
    for name, command in COMMANDS.items():
        kept = papers_results(PAPERS / f"{name}.json")
        rows, program = kept["rows"], program_of(name)
        if rows:
            parts.append(f"`python examples/papers/{command} --seeds {len(rows)}`:")
            parts.append(table(rows, program.RESULTS, program.PAPER))
            parts += kept.get("notes", [])
        if name == "maxout":
            parts.append(beside_the_papers_run([row["test_mistakes"] for row in rows]))
    return {"papers": "\n\n".join(parts)}


def papers_results(path: Path) -> dict[str, Any]:
    """What a run wrote there, or has still to write."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}


def program_of(name: str) -> Any:
    """The example, as a module."""
    return importlib.import_module(COMMANDS[name].split(".py")[0])


def beside_the_papers_run(mistakes: list[int]) -> str:
    """How far the paper's single run lies from these seeds. One more run varies about their mean by
    their own deviation and by the mean's."""
    n, mean = len(mistakes), statistics.mean(mistakes)
    sd = statistics.stdev(mistakes) * (1 + 1 / n) ** 0.5
    distance, half = mean - PAPERS_MISTAKES, student(n - 1) * sd
    share = PAPERS_MISTAKES / TEST_IMAGES
    sampling = 100 * (share * (1 - share) / TEST_IMAGES) ** 0.5
    return (
        f"The {PAPERS_MISTAKES} mistakes of the paper's run lie "
        f"{abs(distance) / sd:.1f} predictive standard deviations "
        f"{'below' if distance > 0 else 'above'} the mean of these {n} seeds. A predictive "
        "standard deviation is that of one more run about the mean of n runs, sd · √(1 + 1/n): "
        f"here {sd:.1f} mistakes. Student's 95 % interval for one more run goes from "
        f"{mean - half:.1f} to {mean + half:.1f}, and {PAPERS_MISTAKES} lies "
        f"{'inside' if abs(distance) <= half else 'outside'}. The test set is a sample, too: on "
        f"other sets of {TEST_IMAGES:,} images the error of one net would vary by "
        f"{sampling:.3f} points (one standard deviation)."
    )


def copy_papers(folder: Path) -> None:
    """Takes over the results that have at least as many seeds as those that the page has."""
    for name in COMMANDS:
        source, target = folder / name / "results.json", PAPERS / f"{name}.json"
        done = len(papers_results(source)["rows"])
        if done and done >= len(papers_results(target)["rows"]):
            shutil.copy(source, target)


def filled(text: str, blocks: dict[str, str]) -> str:
    """The text with these blocks between their marks."""
    for name, block in blocks.items():
        marks = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
        text, count = re.subn(marks, lambda m: f"{m[1]}{block}\n{m[2]}", text, flags=re.S)
        if count != 1:
            raise ValueError(f"{count} places for the block {name}")
    return text


if __name__ == "__main__":
    if len(sys.argv) > 1:
        copy_papers(Path(sys.argv[1]))
    pages = {
        CHAPTER: chapter_blocks(), PAPERS_PAGE: papers_blocks(), RESULTS_PAGE: results_blocks()
    }  # fmt: skip
    for path, blocks in pages.items():
        path.write_text(filled(path.read_text(encoding="utf-8"), blocks), encoding="utf-8")
    league_picture.draw(league_charts(Intervals))
    citation = CITATION.read_text(encoding="utf-8")
    CITATION.write_text(re.sub(r"sha256:\w*", identifier(), citation), encoding="utf-8")
