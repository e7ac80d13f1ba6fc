"""The page: a table of sums, and for each part a table and what there is to tell of its rows."""

import re
from collections.abc import Iterable, Sequence

from report import table
from verdicts import LEFT_OUT, REFUSED, RIGHT, VERDICTS, WRONG, Case, Part

Results = Sequence[tuple[Part, Sequence[Case]]]

PHRASES = 3  # refusals of more kinds are not told one by one

INTRODUCTION = """\
What minidl was compared with, and the results. **Right**: values, and gradients where there are
any, agree with the other library or with the definition. **Refused**: one of minidl's own errors
says what was expected. **Left out**: the case needs something that minidl does not have; the
reason is given. **Wrong** is everything else: another value, a lost gradient, an error that is not
minidl's own. All cases are drawn from fixed seeds, so a second run gives the same table. CI runs a
shortened form of everything that needs neither PyTorch nor another project's tests
(`tests/test_conformance.py`, `tests/tensor/test_numpy.py`). Other projects' tests are not copied
here: `conformance/repositories.py` fetches them, at the commits named below."""


def counts(cases: Sequence[Case]) -> list[str]:
    """How many were tried, and how many have each verdict."""
    verdicts = [case.verdict for case in cases]
    tried = len(cases) - verdicts.count(LEFT_OUT)
    return [f"{n:,}" for n in (tried, *map(verdicts.count, VERDICTS))]


def sums(results: Results) -> str:
    """One line for each part."""
    lines = [(part.title, *counts(cases)) for part, cases in results]
    return table(("what", "tried", *VERDICTS), lines)


def section(part: Part, cases: Sequence[Case]) -> str:
    """A part's heading, explanation, table and reasons."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    lines = [(name, *counts(own)) for name, own in sorted(groups.items())]
    told = [(name, notes(own)) for name, own in sorted(groups.items())]
    reasons = "".join(f"- {name}: {why}\n" for name, why in told if why)
    rows = table((part.column, "tried", *VERDICTS), lines)
    return f"## {part.title}\n\n{part.about}\n\n{rows}\n\n{reasons}"


def notes(cases: Iterable[Case]) -> str:
    """What is refused, if that is soon said; why cases are left out; which are wrong."""
    expected = {short(case.why) for case in cases if case.verdict == REFUSED}
    found = sorted(expected) if len(expected) <= PHRASES else []
    found += sorted({case.why for case in cases if case.why and case.verdict in (LEFT_OUT, RIGHT)})
    found += [f"WRONG: {case.name}" for case in cases if case.verdict == WRONG]
    return "; ".join(found).replace("\n", " ")


def short(message: str) -> str:
    """What an error expected; the whole of it if it does not say."""
    return "; ".join(re.findall(r"expected .*?(?=, got)", message)) or message


def heading(facts: dict[str, str]) -> str:
    """When and with what it came out."""
    versions = ", ".join(f"{name} {version}" for name, version in facts.items() if name != "date")
    return f"Written by `make conformance` on {facts['date']}: {versions}."


def markdown(results: Results, facts: dict[str, str], missing: Sequence[str]) -> str:
    """The whole page."""
    absent = f"Not installed, so left out: {', '.join(missing)}.\n\n" if missing else ""
    return "\n".join(
        [
            "# Conformance\n",
            heading(facts) + "\n",
            absent + INTRODUCTION + "\n",
            "<!-- sums -->",
            sums(results),
            "<!-- end of sums -->\n",
            *(section(part, cases) for part, cases in results),
        ]
    )
