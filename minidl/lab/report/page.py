"""The page: verdicts first, then each experiment with its protocol, pictures and rule."""

from html import escape
from pathlib import Path
from typing import Any

from ...checkpoint import atomic
from ...errors import MissingPackageError, explain
from ..charts import Chart, Table
from ..experiment import Experiment, Verdict
from ..experiments import BY_NAME
from . import drawing

STYLE = Path(__file__).with_name("style.css")


def require_matplotlib() -> None:
    """MissingPackageError without it: said before hours of work, not after."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        hint = "pip install 'minidl[lab]'"
        raise MissingPackageError(explain("lab", "matplotlib", error, hint)) from error


def write(results: dict[str, Any], path: Path) -> None:
    """Writes the report of these results."""
    atomic.put(path, [page(results).encode()])


def page(results: dict[str, Any]) -> str:
    """The report as HTML."""
    found = results["experiments"]
    experiments = [one for name, one in BY_NAME.items() if name in found]
    verdicts = {one.name: Verdict(**found[one.name]["verdict"]) for one in experiments}
    sections = "\n".join(section(one, found[one.name], verdicts[one.name]) for one in experiments)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>The activation laboratory</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<h1>The activation laboratory</h1>
<p>What textbooks say of activation functions, run, measured and judged on MNIST.</p>
<p class="facts">{escape(facts(results))}</p>
</header>
<main>
{summary(experiments, verdicts)}
{sections}
</main>
</body>
</html>
"""


def facts(results: dict[str, Any]) -> str:
    """What the numbers come from, in a line."""
    scale = results["scale"]
    seconds = sum(one["seconds"] for one in results["experiments"].values())
    return (
        f"{results['date']}; minidl {results['minidl']}, NumPy {results['numpy']}, "
        f"{results['processor']}, {results['threads']} threads; the {scale['name']} laboratory, "
        f"{scale['images']:,} training images; {seconds / 60:.0f} min of measuring."
    )


def summary(experiments: list[Experiment], verdicts: dict[str, Verdict]) -> str:
    """A row for each experiment."""
    rows = "\n".join(
        f'<tr><th scope="row"><a href="#{one.name}">{escape(one.title)}</a></th>'
        f"<td>{badge(verdicts[one.name])}</td><td>{escape(verdicts[one.name].words)}</td></tr>"
        for one in experiments
    )
    return f'<section><h2>Verdicts</h2><div class="wide"><table class="verdicts">{rows}</table></div></section>'  # noqa: E501


def badge(verdict: Verdict) -> str:
    """The outcome, with its colour."""
    kind = verdict.outcome.replace(" ", "-")
    return f'<span class="badge {kind}">{verdict.outcome}</span>'


def section(one: Experiment, found: dict[str, Any], verdict: Verdict) -> str:
    """An experiment."""
    charts = "\n".join(figure(chart) for chart in one.charts(found["numbers"]))
    protocol = "".join(f"<p>{escape(text)}</p>" for text in one.protocol.split("\n\n"))
    return f"""<section id="{one.name}">
<h2>{escape(one.title)}</h2>
<blockquote><p>{escape(one.claim)}</p><footer>{escape(one.source)}</footer></blockquote>
<p class="verdict">{badge(verdict)} {escape(verdict.words)}</p>
{charts}
<details><summary>Protocol and rule</summary>{protocol}<p><b>Rule.</b> {escape(one.rule)}</p>
<p>{len(found["cells"])} measurements, {found["seconds"]:.0f} s.</p></details>
</section>"""


def figure(chart: Chart) -> str:
    """A picture or a table, with its title and caption."""
    inside = table(chart) if isinstance(chart, Table) else drawing.svg(chart)
    caption = f"<b>{escape(chart.title)}.</b> {escape(chart.caption)}"
    return f'<figure><div class="wide">{inside}</div><figcaption>{caption}</figcaption></figure>'


def table(chart: Table) -> str:
    """An HTML table."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in chart.header)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(text)}</td>" for text in row[1:])
        + "</tr>"
        for row in chart.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
