"""Copies what came out into the pages that tell it, after the files in docs/lab and docs/papers are
new: `python tests/helpers/lab_docs.py`. The tests compare."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from minidl_lab import Verdict
from minidl_lab.bench import shown
from minidl_lab.experiments import BY_NAME
from minidl_lab.report import page
from minidl_lab.rules import sensitivity

ROOT = Path(__file__).parents[2]
CHAPTER, PAPERS_PAGE = ROOT / "docs" / "laboratory.md", ROOT / "docs" / "papers.md"
RESULTS = ROOT / "docs" / "lab" / "results.json"
PAPERS = ROOT / "docs" / "papers"


def lab() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def verdicts() -> dict[str, Verdict]:
    """The verdict of each experiment, as it was judged."""
    return {name: page.verdict_of(found) for name, found in lab()["experiments"].items()}


def chapter_blocks() -> dict[str, str]:
    """What stands between the marks in the chapter."""
    told = {name: quoted(name, verdict) for name, verdict in verdicts().items()}
    return {"laboratory": table(), **told}


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


def papers_blocks() -> dict[str, str]:
    """What stands between the marks in the page of the papers: what the examples print."""
    sys.path.insert(0, str(ROOT / "examples" / "papers"))
    import maxout_mnist
    import noisy_mlp_mnist

    parts = []
    for name, module in (("maxout_mnist", maxout_mnist), ("noisy_mlp_mnist", noisy_mlp_mnist)):
        rows = json.loads((PAPERS / f"{name}.json").read_text())["rows"]
        table = module.table(rows, module.RESULTS, module.PAPER)
        parts.append(f"`python examples/papers/{name}.py`:\n\n{table}")
    return {"papers": "\n\n".join(parts)}


def filled(text: str, blocks: dict[str, str]) -> str:
    """The text with these blocks between their marks."""
    for name, block in blocks.items():
        marks = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
        text, count = re.subn(marks, lambda m: f"{m[1]}{block}\n{m[2]}", text, flags=re.S)
        if count != 1:
            raise ValueError(f"{count} places for the block {name}")
    return text


if __name__ == "__main__":
    for path, blocks in ((CHAPTER, chapter_blocks()), (PAPERS_PAGE, papers_blocks())):
        path.write_text(filled(path.read_text(encoding="utf-8"), blocks), encoding="utf-8")
