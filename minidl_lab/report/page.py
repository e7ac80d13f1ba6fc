"""The page: verdicts first, then each experiment with its claim, pictures, protocol and rule."""

from collections.abc import Collection, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from minidl.errors import DataError, MissingPackageError, explain
from minidl.layers.activations import REGISTRY
from minidl.tools import disk

from ..bench import shown
from ..charts import Table
from ..experiment import Experiment, Verdict
from ..experiments import BY_NAME
from ..rules import sensitivity
from ..scale import FULL
from ..seals import seal_of
from .figures import figure, inside

STYLE = Path(__file__).with_name("style.css")
SIGNS = {  # of a verdict, in a square of 16: a tick, a cross, half a circle, a dash
    "reproduced": "M2 8.5 6.5 13 14 4",
    "not reproduced": "M3 3 13 13M13 3 3 13",
    "true only when": "M8 2a6 6 0 0 0 0 12zM8 2a6 6 0 0 1 0 12 6 6 0 0 0 0-12",
    "undecided": "M3 8h10",
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
UP = '<p class="up"><a href="#verdicts">Back to the verdicts</a></p>'


def require_matplotlib() -> None:
    """MissingPackageError without matplotlib, before hours of work and not after."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        hint = "pip install 'minidl[lab]'"
        raise MissingPackageError(explain("lab", "matplotlib", error, hint)) from error


def write(
    results: dict[str, Any], path: Path, measured: Collection[str] = (),
    theirs: Sequence[Experiment] = (),
) -> None:  # fmt: skip
    """Writes the report of these results, in which users' experiments may be, `theirs`. DataError,
    and nothing is written, if an experiment's rule judges the numbers differently than the results
    say, or cannot read them. Of experiments that were `measured` and judged just now, and of
    users', errors are raised unchanged."""
    disk.put(path, [page(results, measured, theirs).encode()])


def page(
    results: dict[str, Any], measured: Collection[str] = (),
    theirs: Sequence[Experiment] = (),
) -> str:  # fmt: skip
    """The report as HTML. It depends only on the results."""
    found = results["experiments"]
    experiments = experiments_in(results, theirs)
    verdicts = [verdict_of(found[one.name]) for one in experiments]
    parts = {
        one.name: made(one, found[one.name]) if one.name in measured
        else read(one, found[one.name], is_theirs=one in theirs)
        for one in experiments
    }  # fmt: skip
    sections = "\n".join(section(one, found[one.name], *parts[one.name]) for one in experiments)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>The activation laboratory</title>
<link rel="icon" href="data:,">
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>The activation laboratory</h1>
<p class="lead">What textbooks say of activation functions, measured on MNIST, judged by rules
that were sealed before the reported seeds were run.</p>
{notice(results["scale"])}<p class="facts">{escape(facts(results))}</p>
</header>
<main>
{summary(experiments, verdicts)}
{contents(experiments)}
{sections}
{surroundings(results, experiments)}
</main>
</body>
</html>
"""


def experiments_in(results: dict[str, Any], theirs: Sequence[Experiment]) -> list[Experiment]:
    """The experiments of these results, ours first; DataError if there is another."""
    known = {**BY_NAME, **{one.name: one for one in theirs}}
    if unknown := [name for name in results["experiments"] if name not in known]:
        expected = f"experiments among {', '.join(known)}"
        hint = "--experiment module:Class if it is one of yours"
        raise DataError(explain("lab", expected, unknown[0], hint))
    return [one for name, one in known.items() if name in results["experiments"]]


def verdict_of(found: dict[str, Any]) -> Verdict:
    """As it was judged."""
    return Verdict(*[found["verdict"][field] for field in Verdict._fields])


def made(one: Experiment, found: dict[str, Any]) -> tuple[str, str]:
    """An experiment's charts, and its verdict under other limits."""
    return drawn(one, found["numbers"]), limits(one, found)


def drawn(one: Experiment, numbers: dict[str, Any]) -> str:
    """An experiment's charts."""
    charts = one.charts(numbers)
    return "\n".join(figure(chart, f"{one.name}-{i}") for i, chart in enumerate(charts))


def read(one: Experiment, found: dict[str, Any], is_theirs: bool) -> tuple[str, str]:
    """An experiment's charts, and its verdict under other limits; DataError if its rule and
    pictures cannot be made of the numbers. The errors of a user's experiment are raised as they
    are."""
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


def notice(scale: dict[str, Any]) -> str:
    """A notice at the top, for results that are not of the full laboratory."""
    if scale["name"] == FULL.name:
        return ""
    return (
        '<p class="notice" role="note">'
        "<strong>A quick look: too little data for verdicts, so there are none.</strong> "
        f"{scale['images']:,} of {FULL.images:,} images, few seeds and "
        f"{100 * scale['share']:.0f} % of the epochs "
        "show what the laboratory does, not what is true.</p>\n"
    )


def facts(results: dict[str, Any]) -> str:
    """The circumstances of the numbers, in a line."""
    added = f" Added: {', '.join(results['added'])}." if results["added"] else ""
    date, numpy, processor, threads = (
        " and ".join(sorted(said(results, what)))
        for what in ("date", "numpy", "processor", "threads")
    )
    return (
        f"{date}. minidl {results['minidl']}, NumPy {numpy}, {processor}, "
        f"{threads} thread{'s' * (threads != '1')}. {duration(results)} of measuring.{added}"
    )


def said(results: dict[str, Any], what: str) -> dict[str, list[str]]:
    """What the surroundings of the experiments say, and the names of those of which it is true."""
    found: dict[str, list[str]] = {}
    for name, one in results["experiments"].items():
        found.setdefault(str(one["surroundings"][what]) or "none", []).append(name)
    return found


def counted(number: int, name: str) -> str:
    """With an s, unless it is one."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def duration(results: dict[str, Any]) -> str:
    """The time that the measurements took."""
    seconds = sum(one["seconds"] for one in results["experiments"].values())
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def summary(experiments: Sequence[Experiment], verdicts: Sequence[Verdict]) -> str:
    """A card for each experiment."""
    cards = "\n".join(
        f'<li><h3><a href="#{one.name}">{escape(one.title)}</a></h3>'
        f"<p>{verdict_words(verdict)}</p></li>"
        for one, verdict in zip(experiments, verdicts, strict=True)
    )
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = ", ".join(
        f"{outcomes.count(one)} {one}" + " something holds" * (one == "true only when")
        for one in SIGNS
        if one in outcomes
    )
    title = "Verdicts" if counts else "What was seen"
    return (
        f'<section id="verdicts"><h2>{title}</h2>'
        f'<p class="facts">{counts or counted(len(outcomes), "experiment")}.</p>'
        f'<ol class="cards">\n{cards}\n</ol></section>'
    )


def contents(experiments: Sequence[Experiment]) -> str:
    """Links to the sections."""
    links = [*((one.name, one.title) for one in experiments), ("surroundings", "Surroundings")]
    items = "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in links)
    return f'<nav aria-label="Contents"><h2>Contents</h2><ol>{items}</ol></nav>'


def verdict_words(verdict: Verdict) -> str:
    """The outcome, told by a sign, by words and by colour; then the few words. What was seen in a
    quick look has neither."""
    if verdict.outcome == "seen":
        return escape(verdict.effect)
    kind = verdict.outcome.replace(" ", "-")
    rest = f"{verdict.colon} {verdict.words}."
    sign = f'<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{SIGNS[verdict.outcome]}"/></svg>'
    return f'<strong class="{kind}">{sign}{verdict.outcome}</strong>{escape(rest)}'


def section(one: Experiment, found: dict[str, Any], figures: str, limits: str) -> str:
    """An experiment."""
    verdict, seal = verdict_of(found), found["seal"]
    told = verdict_words(verdict)
    if verdict.outcome != "seen":
        told = f"{escape(verdict.effect)} {told}"
    protocol = "".join(f"<p>{escape(text)}</p>" for text in one.protocol.split("\n\n"))
    cells = found["cells"]
    return f"""<section id="{one.name}" class="experiment">
<h2>{escape(one.title)}</h2>
<blockquote><p>{escape(one.claim)}</p><footer>{escape(one.source)}</footer></blockquote>
<p class="verdict">{told} {escape(verdict.evidence)}</p>
{notice_of_change(one, seal)}{limits}
{figures}
<details><summary>Protocol</summary>{protocol}</details>
<details><summary>Rule of the verdict</summary><p>{escape(one.rule)}</p>{sealed(seal)}</details>
<details><summary>{counted(len(cells), "measurement")}, {found["seconds"]:.0f} s</summary>
{settings(cells)}</details>
{UP}
</section>"""


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


def surroundings(results: dict[str, Any], experiments: Sequence[Experiment]) -> str:
    """The circumstances of the numbers, and how to reproduce them."""
    scale = results["scale"]
    titles = {one.name: one.title for one in experiments}

    def told(what: str) -> str:
        """Once if it is the same for all, or with the experiments."""
        found = said(results, what)
        return "; ".join(
            f"{value} ({', '.join(titles[name] for name in names)})" if len(found) > 1 else value
            for value, names in found.items()
        )

    pairs = {
        "date": told("date"),
        "minidl": results["minidl"],
        "commit": told("commit"),
        "images' digest": results["data"],
        "Fashion-MNIST's digest": told("fashion"),
        "NumPy": told("numpy"),
        "Python": told("python"),
        "processor": told("processor"),
        "cores": told("cpus"),
        "threads": told("threads"),
        "kernels' level": told("level"),
        "scale": scale["name"],
        "images": f"{scale['images']:,} to train, {scale['tests']:,} to test",
        "seeds": f"at most {scale['seeds']}; {scale['tuning_seeds']} more to choose rates",
        "epochs": f"{100 * scale['share']:.0f} % of the protocol's",
        "added activations": ", ".join(results["added"]) or "none",
        "measuring": duration(results),
    }
    return f"""<section id="surroundings">
<h2>Surroundings</h2>
<dl>{"".join(pair(name, value) for name, value in pairs.items())}</dl>
<p>Every number, seed and setting is in <code>results.json</code>, beside this page. To run it
again, for the same numbers on the same kind of processor:</p>
<pre><code>{escape(command(results, experiments))}</code></pre>
{UP}
</section>"""


def command(results: dict[str, Any], experiments: Sequence[Experiment]) -> str:
    """What gives these results."""
    ours = [f"--only {one.name}" for one in experiments if one.name in BY_NAME]
    theirs = [
        f"--experiment {type(one).__module__}:{type(one).__qualname__}"
        for one in experiments if one.name not in BY_NAME
    ]  # fmt: skip
    if len(ours) == len(BY_NAME) and not theirs:
        ours = []
    quick = [] if results["scale"]["name"] == FULL.name else ["--quick"]
    added = [
        f"--activation {name if is_ours(name) else 'module:Class'}" for name in results["added"]
    ]
    return " ".join(["python -m minidl_lab", *quick, *ours, *theirs, *added])


def is_ours(name: str) -> bool:
    """Whether minidl has this activation; those of a user must be told by their module."""
    return name in REGISTRY and REGISTRY[name].__module__.startswith("minidl.")
