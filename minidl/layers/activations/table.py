"""The registry as a table for the README: `python -m minidl.layers.activations.table`."""

import inspect
import math

from .declaration import REGISTRY, Activation

HEADER = ("function", "layer", "formula", "at -∞, ∞", "slope at kinks", "paper")


def number(x: float) -> str:
    """A number in short form, for readers."""
    if math.isinf(x):
        return "∞" if x > 0 else "-∞"
    return f"{x:.4g}"


def cells(kind: type[Activation]) -> tuple[str, ...]:
    """The cells of one activation, with its default options, in the order of HEADER."""
    low, high = kind.limits()
    kinks = ", ".join(f"{number(slope)} at {number(x)}" for x, slope in kind.kinks().items())
    parameters = inspect.signature(kind).parameters.values()
    options = ", ".join(f"{p.name}={p.default}" for p in parameters)
    first = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    formula = first.split(": ")[0].split(", also")[0].rstrip(".")
    return (
        kind.name,
        f"{kind.__name__}({options})",
        formula,
        f"{number(low)}, {number(high)}",
        kinks or "-",
        kind.paper or "-",
    )


def row(kind: type[Activation]) -> tuple[str, ...]:
    """The cells in Markdown."""
    name, layer, *others = (cell.replace("|", r"\|") for cell in cells(kind))
    return (f"`{name}`", f"`{layer}`", *others)


def table() -> str:
    """One row for each registered activation."""
    rows = [HEADER, *(row(kind) for kind in REGISTRY.values())]
    lines = ["| " + " | ".join(line) + " |" for line in rows]
    return "\n".join([lines[0], "|" + "---|" * len(HEADER), *lines[1:]])


if __name__ == "__main__":
    print(table())
