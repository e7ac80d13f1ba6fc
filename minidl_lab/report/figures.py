"""A chart as a <figure>: the picture or table, its legend, its title and caption."""

import io
from base64 import b64encode
from collections.abc import Iterable
from html import escape

import numpy as np

from ..charts import Chart, Images, Matrix, Table
from . import drawing
from .alternatives import number, pixels

BROAD = 60  # letters in a row
ABOVE, BELOW = (47, 123, 194), (214, 98, 20)  # RGB, visible on the page's light and dark


def figure(chart: Chart, name: str) -> str:
    """The chart; all ids in it begin with `name`."""
    caption = f"<b>{escape(chart.title)}.</b> {escape(chart.caption)}".strip()
    broad = ' class="broad"' if is_broad(chart) else ""
    return f"<figure{broad}>{inside(chart, name)}<figcaption>{caption}</figcaption></figure>"


def is_broad(chart: Chart) -> bool:
    """Whether it needs the whole width of a page: a table of many letters, or many images."""
    if isinstance(chart, Table):
        rows = [chart.header, *chart.rows]
        return sum(max(map(len, column)) for column in zip(*rows, strict=True)) > BROAD
    return isinstance(chart, Images) or (isinstance(chart, Matrix) and len(chart.columns) > 10)


def inside(chart: Chart, name: str) -> str:
    """The picture or table above the caption."""
    if isinstance(chart, Table):
        return wide(chart.title, table(chart))
    if isinstance(chart, Matrix):
        return wide(chart.title, matrix(chart))
    if isinstance(chart, Images):
        return images(chart)
    return legend(drawing.keys(chart, f"{name}-key")) + drawing.svg(chart, name)


def legend(keys: Iterable[tuple[str, str]]) -> str:
    """The legend, outside the picture, where it hides no data and long names fit."""
    items = "".join(f"<li>{key}{escape(label)}</li>" for label, key in keys)
    return f'<ul class="legend">{items}</ul>' if items else ""


def wide(title: str, inside: str) -> str:
    """Content that may be wider than the page: it scrolls in its place, also by the keyboard."""
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(title)}">{inside}</div>'
    )


def table(chart: Table) -> str:
    """Texts; sentences in it run over several lines."""
    cells = [
        [(text, ' class="sentence"' if text.endswith(".") else "") for text in row[1:]]
        for row in chart.rows
    ]
    return grid("table", chart.header, [row[0] for row in chart.rows], cells)


def matrix(chart: Matrix) -> str:
    """Numbers on a coloured background. The cell has only the colour's share; the style sheet has
    the colours."""
    known = [abs(v - chart.middle) for row in chart.values for v in row if v is not None]
    top = chart.limit or max(known, default=0.0) or 1.0

    def cell(value: float | None) -> tuple[str, str]:
        if value is None:
            return "", ""
        side = "above" if value >= chart.middle else "below"
        share = f"{min(1.0, abs(value - chart.middle) / top):.2f}"
        text = f"{round(value, chart.digits) + 0.0:.{chart.digits}f}".replace("-", "−")
        return text, f' class="{side}" style="--share: {share}"'

    cells = [[cell(value) for value in row] for row in chart.values]
    return grid("matrix", [chart.corner, *chart.columns], chart.rows, cells)


def grid(
    kind: str, header: Iterable[str], names: Iterable[str],
    cells: Iterable[Iterable[tuple[str, str]]],
) -> str:  # fmt: skip
    """An HTML table; a cell is its text and its attributes."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in header)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td{attributes}>{escape(text)}</td>" for text, attributes in row)
        + "</tr>"
        for name, row in zip(names, cells, strict=True)
    )
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def images(chart: Images) -> str:
    """Images side by side, with a legend of their two colours."""
    items = "".join(
        f'<li><img src="data:image/png;base64,{png(image, chart.limit)}" '
        f'alt="{escape(pixels(label, image))}"><span>{escape(label)}</span></li>'
        for label, image in chart.images
    )
    full = "" if chart.limit is None else f", full at ±{number(chart.limit)}"
    swatches = "".join(
        f'<li><i class="swatch" style="background: rgb{colour}"></i>{side} 0{full}</li>'
        for side, colour in (("above", ABOVE), ("below", BELOW))
    )
    return f'<ul class="legend">{swatches}</ul><ul class="images">{items}</ul>'


def png(image: Iterable[Iterable[float]], limit: float | None) -> str:
    """An image of as many pixels as numbers, in base64: transparent at 0."""
    from matplotlib.image import imsave

    x = np.array(image, np.float64)
    top = limit or float(np.abs(x).max()) or 1.0
    colours = np.empty((*x.shape, 4), np.uint8)
    colours[..., :3] = np.where((x >= 0)[..., None], ABOVE, BELOW)
    colours[..., 3] = np.round(255 * np.minimum(np.abs(x) / top, 1))
    file = io.BytesIO()
    imsave(file, colours, format="png", metadata={"Software": ""})
    return b64encode(file.getvalue()).decode()
