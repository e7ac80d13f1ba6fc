"""A section of the page: an experiment with its claim, verdict, pictures, protocol and rule."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple

from minidl.errors import DataError, explain

from ..bench import shown
from ..charts import Chart, Matrix, Table
from ..experiment import Experiment, Verdict
from ..rules import sensitivity
from ..seals import seal_of
from .figures import figure, inside

SIGNS = {  # of a verdict, in a square of 16: a tick, a cross, half a circle, a dash
    "reproduced": "M2 8.5 6.5 13 14 4",
    "not reproduced": "M3 3 13 13M13 3 3 13",
    "true only when": "M8 2a6 6 0 0 0 0 12zM8 2a6 6 0 0 1 0 12 6 6 0 0 0 0-12",
    "undecided": "M3 8h10",
}
UP = '<p class="up"><a href="#verdicts">Back to the verdicts</a></p>'


class Parts(NamedTuple):
    """What is made of an experiment's numbers, as HTML: the sentence in short, the first picture,
    the others, and the verdict under other limits."""

    short: str
    first: str
    others: str
    limits: str


def section(one: Experiment, found: dict[str, Any], parts: Parts) -> str:
    """An experiment: its claim beside the verdict, the first picture beside the numbers, the other
    pictures, and what is known of how it was measured."""
    verdict, seal, cells = verdict_of(found), found["seal"], found["cells"]
    told = [verdict_words(verdict)] if verdict.outcome != "seen" else []
    told += [escape(parts.short)]
    numbers = [text for text in (verdict.effect, verdict.evidence) if text != parts.short]
    protocol = paragraphs(map(escape, one.protocol.split("\n\n")))
    return f"""<section id="{one.name}" class="experiment">
<h2>{escape(one.title)}</h2>
<div class="first">
<blockquote><p>{escape(one.claim)}</p><footer>{escape(one.source)}</footer></blockquote>
<div class="verdict">{paragraphs(told)}</div>
{parts.first}
<div class="numbers">{paragraphs([escape(" ".join(numbers).strip())])}
{notice_of_change(one, seal)}{parts.limits}</div>
</div>
<div class="others">
{parts.others}
</div>
<details><summary>Protocol</summary>{protocol}</details>
<details><summary>Rule of the verdict</summary><p>{escape(one.rule)}</p>{sealed(seal)}</details>
<details><summary>{counted(len(cells), "measurement")}, {found["seconds"]:.0f} s</summary>
{settings(cells)}</details>
{UP}
</section>"""


def made(one: Experiment, found: dict[str, Any]) -> Parts:
    """The parts of a section."""
    charts = [*one.charts(found["numbers"])]
    drawn = [figure(chart, f"{one.name}-{i}") for i, chart in enumerate(charts)]
    first = drawn.pop(place_of_first(charts)) if charts else ""
    short = one.in_short(found["numbers"]) or verdict_of(found).effect
    return Parts(short, first, "\n".join(drawn), limits(one, found))


def place_of_first(charts: Sequence[Chart]) -> int:
    """The place of the first chart that is no table, or 0 if all are tables."""
    pictures = [i for i, chart in enumerate(charts) if not isinstance(chart, Table | Matrix)]
    return pictures[0] if pictures else 0


def at_first_sight(one: Experiment, found: dict[str, Any], parts: Parts) -> str:
    """The experiment's first picture and its sentence, for the top of the page."""
    charts = one.charts(found["numbers"])
    if not charts:
        return ""
    link = f'<a href="#{one.name}">{escape(one.title)}</a>'
    return (
        f'<figure class="sight">{inside(charts[place_of_first(charts)], "sight")}'
        f"<figcaption>{link}: {escape(parts.short)}</figcaption></figure>"
    )


def read(one: Experiment, found: dict[str, Any], is_theirs: bool) -> Parts:
    """The parts of a section; DataError if rule and pictures cannot be made of the numbers, or if
    the rule says something else than the results. The errors of a user's experiment are raised as
    they are."""
    hint = "measure it with this version of minidl"
    numbers, verdict = found["numbers"], verdict_of(found)
    try:
        outcome, parts = one.judge(numbers).outcome, made(one, found)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if is_theirs:
            raise
        expected = f"numbers of the experiment '{one.name}'"
        raise DataError(explain("lab", expected, repr(error), hint)) from error
    if outcome != verdict.outcome != "seen":
        expected = f"'{outcome}' of '{one.name}', as the rule judges its numbers"
        raise DataError(explain("lab", expected, f"'{verdict.outcome}'", hint))
    sealed = found["seal"]["rule"]
    if sealed and sealed != seal_of(one)["rule"]:
        expected = f"the rule of '{one.name}' that judged these numbers"
        hint = "--report with --changed WHY, which judges them again and says so"
        raise DataError(explain("lab", expected, "another rule", hint))
    return parts


def verdict_of(found: dict[str, Any]) -> Verdict:
    """As it was judged."""
    return Verdict(*[found["verdict"][field] for field in Verdict._fields])


def verdict_words(verdict: Verdict) -> str:
    """The outcome, told by a sign, by words and by colour; then the few words. What was seen in a
    quick look has neither."""
    if verdict.outcome == "seen":
        return escape(verdict.effect)
    kind = verdict.outcome.replace(" ", "-")
    rest = f"{verdict.colon} {verdict.words}."
    sign = f'<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{SIGNS[verdict.outcome]}"/></svg>'
    return f'<strong class="{kind}">{sign}{verdict.outcome}</strong>{escape(rest)}'


def limits(one: Experiment, found: dict[str, Any]) -> str:
    """The verdict under other limits: a sentence, and a table of them."""
    verdict = verdict_of(found)
    if verdict.outcome == "seen" or not one.tried:
        return ""
    tried = sensitivity(one, found["numbers"])
    same = sum(other.verdict.outcome == verdict.outcome for other in tried)
    rows = [
        [f"{other.limit.replace('_', ' ')} {shown(other.value)}", shown(other.usual),
         other.verdict.outcome, other.verdict.words]
        for other in tried
    ]  # fmt: skip
    header = ["limit", "instead of", "outcome", "in words"]
    return (
        f"<details><summary>The same outcome under {same} of {len(tried)} other limits"
        f"</summary>{inside(Table('Other limits', header, rows), one.name)}</details>"
    )


def paragraphs(texts: Iterable[str]) -> str:
    """A paragraph for each text, given as HTML, that is not empty."""
    return "".join(f"<p>{text}</p>" for text in texts if text)


def notice_of_change(one: Experiment, seal: dict[str, str]) -> str:
    """Said where rule or protocol are not those that were sealed before the data were seen."""
    told = {"Changed after its data were seen:": seal["changed"]}
    if seal["protocol"] and seal["protocol"] != seal_of(one)["protocol"]:
        told["Measured by another protocol:"] = "what is told of it here was changed since."
    return "".join(
        f'<p class="notice" role="note"><strong>{title}</strong> {escape(text)}</p>\n'
        for title, text in told.items()
        if text
    )


def sealed(seal: dict[str, str]) -> str:
    """The fingerprints."""
    if not seal["rule"]:
        return ""
    return (
        f"<p>Fingerprints: rule <code>{escape(seal['rule'])}</code>, "
        f"protocol <code>{escape(seal['protocol'])}</code>.</p>"
    )


def settings(cells: Sequence[dict[str, Any]]) -> str:
    """The measurements: each function's arguments, with all their values."""
    values: dict[str, dict[str, list[Any]]] = {}
    for cell in cells:
        had = values.setdefault(cell["what"], {})
        for name, value in cell["arguments"].items():
            if value not in had.setdefault(name, []):
                had[name].append(value)
    return "".join(
        f"<h3>{escape(what)}</h3><dl>"
        + "".join(pair(name, together(given)) for name, given in arguments.items())
        + "</dl>"
        for what, arguments in values.items()
    )


def pair(name: str, value: object) -> str:
    """A name and what it stands for."""
    return f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"


def together(values: Sequence[Any]) -> str:
    """Values, whole numbers that follow one another as a range.

    >>> together([0, 1, 2, 3]), together(["relu", "tanh"]), together([0.1, 1])
    ('0 to 3', 'relu, tanh', '0.1, 1')
    """
    whole = all(type(value) is int for value in values)
    if len(values) > 2 and whole and all(b == a + 1 for a, b in pairwise(values)):
        return f"{values[0]} to {values[-1]}"
    return ", ".join(map(shown, values))


def counted(number: int, name: str) -> str:
    """With an s, unless it is one."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
