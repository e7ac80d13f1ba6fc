"""A graph in DOT, the language of Graphviz, and the picture that Graphviz makes of it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, MissingPackageError, explain
from ..tools.checks import to_path
from ..tools.disk import put

PICTURES = "svg", "png", "pdf"
INK, LINE, GROUND = "#000000", "#808080", "#f2f2f2"
HEAD = f"""\
digraph {{
  bgcolor="transparent";
  node [shape=box, fontname="Helvetica,Arial,sans-serif", fontsize=11, fontcolor="{INK}"];
  edge [color="{LINE}", arrowsize=0.7];"""

# Lines in the colours of Okabe & Ito, which all eyes tell apart, on a tint of the same.
STYLES = {
    "leaf": 'style="filled", color="#56b4e9", fillcolor="#d9eefa"',
    "constant": 'style="filled,dashed", color="#999999", fillcolor="#eeeeee"',
    "operation": 'style="filled,rounded", color="#e69f00", fillcolor="#faebcc"',
    "layer": 'style="filled,rounded", color="#e69f00", fillcolor="#faebcc"',
    "kernel": 'style="filled,rounded", color="#009e73", fillcolor="#d0ece3"',
}


def text(graph: Any) -> str:
    """The graph as DOT text."""
    return "\n".join([HEAD, *boxes(graph), *lines(graph), "}"])


def boxes(graph: Any) -> Iterator[str]:
    """The nodes; those of a layer are in its frame."""
    members: dict[int | None, list[int]] = {}
    for i, node in enumerate(graph.nodes):
        members.setdefault(node.layer, []).append(i)
    for key, inner in members.items():
        if key is not None:
            title = quoted(graph.layers[key] + "\n", end="l")
            yield f"  subgraph cluster_{inner[0]} {{"
            yield f"    label={title}; labeljust=l; margin=10;"
            yield f'    style="filled,rounded"; color="{GROUND}"; fontcolor="{INK}";'
            yield '    fontname="Helvetica,Arial,sans-serif"; fontsize=11;'
        for i in inner:
            node = graph.nodes[i]
            style = STYLES["kernel" if node.has_kernel else node.kind]
            yield f"  n{i} [label={quoted(node.label)}, {style}];"
        if key is not None:
            yield "  }"


def lines(graph: Any) -> Iterator[str]:
    """The edges."""
    for source, target in graph.edges:
        yield f"  n{source} -> n{target};"


def quoted(label: str, end: str = "n") -> str:
    r"""A label as DOT text without commands for Graphviz; `end` is the letter that ends lines: n
    for centred lines, l for lines on the left.

    >>> print(quoted('a "b"\n<c> & \\N'))
    "a \"b\"\n<c> &amp; \\N"
    """
    for character, written in (("\\", r"\\"), ('"', r"\""), ("&", "&amp;"), ("\n", f"\\{end}")):
        label = label.replace(character, written)
    return f'"{label}"'


def is_there() -> bool:
    """Whether Graphviz is installed."""
    return shutil.which("dot") is not None


def picture(source: str, kind: str) -> bytes:
    """The picture from Graphviz; MissingPackageError if it is not installed."""
    program = shutil.which("dot")
    if program is None:
        hint = "install graphviz (apt-get install graphviz), or print(graph.dot)"
        raise MissingPackageError(explain("graph", "Graphviz's program dot", "none", hint))
    return subprocess.run(
        [program, f"-T{kind}"], input=source.encode(), capture_output=True, check=True
    ).stdout


def svg(source: str) -> str:
    """The picture as SVG, to stand in a page."""
    drawn = picture(source, "svg").decode()
    return drawn[drawn.index("<svg") :]


def save(source: str, path: str | Path) -> None:
    """Writes the text or a picture of it, by the suffix of the path."""
    path = to_path("graph", path)
    kind = path.suffix[1:].lower()
    if kind not in ("dot", *PICTURES):
        expected = f"a name that ends in one of .dot, .{', .'.join(PICTURES)}"
        raise ArgumentError(explain("graph", expected, str(path)))
    put(path, [f"{source}\n".encode() if kind == "dot" else picture(source, kind)])
