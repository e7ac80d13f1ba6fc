"""The page: a picture and the verdicts first, then a section for each experiment."""

from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path
from typing import Any

from minidl.errors import DataError, MissingPackageError, explain
from minidl.layers.activations import REGISTRY
from minidl.tools import disk

from ..experiment import Experiment, Verdict
from ..experiments import BY_NAME
from ..scale import FULL
from .section import SIGNS, UP, at_first_sight, counted, made, pair, read, section, verdict_of
from .section import verdict_words as verdict_words  # the chapter quotes them

STYLE = Path(__file__).with_name("style.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


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
    first = experiments[:1]
    sight = "".join(at_first_sight(one, found[one.name], parts[one.name]) for one in first)
    sections = "\n".join(section(one, found[one.name], parts[one.name]) for one in experiments)
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
<div class="top">
{sight}
{summary(experiments, verdicts)}
</div>
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
        f'<p class="facts">{counts or counted(len(outcomes), "experiment")}. '
        '<a href="#surroundings">How it was measured</a></p>'
        f'<ol class="cards">\n{cards}\n</ol></section>'
    )


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
