"""What an `Encoder` does to a table's rows, as nodes before a net and after it.

The graph takes `numbers` (rows, columns), float64 with NaN for a missing one, or pixels as uint8;
and, where there are categories, `texts` (rows, categories), with "" for a missing one. How a file's
cells become these is left to the program that calls it: a date is a number of days since 1970, or
of hours if it is a time alone, and true and false are 1 and 0.
"""

import json

import numpy as np

from ..layers.base import Layer
from ..tables.category import Category
from ..tables.encoder import Encoder
from .estimators import add_label
from .graph import TEXTS, Graph, Value
from .layers import Writer


def add_table(graph: Graph, net: Layer, encoder: Encoder) -> dict[str, str]:
    """The encoder, the net, and its answers; what the columns are, for the model's metadata."""
    x = encoded(graph, encoder)
    y = Writer(graph, net).add(net, x)
    if encoder.classes is None:
        add_answer(graph, encoder, y)
    else:
        add_label(graph, graph.node("ArgMax", y.name, axis=1, keepdims=0), encoder.classes)
        graph.output(graph.node("Softmax", y.name, axis=1), "probabilities", y.row, y.dtype)
    facts = {"numbers": encoder.columns, "texts": [*encoder.categories], "target": encoder.target,
             "kinds": {name: kind.name for name, kind in encoder.kinds.items()}}  # fmt: skip
    return {name: json.dumps(fact) for name, fact in facts.items()}


def encoded(graph: Graph, encoder: Encoder) -> Value:
    """The net's inputs, float32."""
    parts = numbers(graph, encoder) if encoder.width or not encoder.categories else []
    if encoder.categories:
        texts = graph.input("texts", (len(encoder.categories),), object).name
        for n, column in enumerate(encoder.categories.values()):
            parts.append(category(graph, column, texts, n))
    name = parts[0] if len(parts) == 1 else graph.node("Concat", *parts, path="encoder", axis=1)
    return Value(name, (encoder.inputs,), np.dtype(np.float32))


def numbers(graph: Graph, encoder: Encoder) -> list[str]:
    """The numbers, scaled if they are to be, and the columns that mark the missing ones."""
    row, scale, path = (encoder.width,), encoder.inputs_scale, "encoder"
    if encoder.is_pixels:
        pixels = graph.cast(graph.input("numbers", row, np.uint8).name, np.float32, path)
        x = graph.node("Div", pixels, graph.constant("255", np.float32(255)), path=path)
        if scale is None:
            return [x]
        x = graph.cast(x, np.float64, path)
    else:
        x = graph.input("numbers", row, np.float64).name
    assert scale is not None
    mean = graph.constant("encoder.mean", scale.mean)
    missing = graph.node("IsNaN", x, path=path)
    x = graph.node("Where", missing, mean, x, path=path)
    if encoder.is_scaled:
        x = graph.node("Sub", x, mean, path=path)
        x = graph.node("Div", x, graph.constant("encoder.sd", scale.sd), path=path)
    parts = [graph.cast(x, np.float32, path)]
    if encoder.with_missing:
        places = graph.constant("encoder.with_missing", np.array(encoder.with_missing))
        marks = graph.node("Gather", missing, places, path=path, axis=1)
        parts.append(graph.cast(marks, np.float32, path))
    return parts


def category(graph: Graph, column: Category, texts: str, n: int) -> str:
    """A column of texts as rows of a matrix: one for each name, for other texts, for missing ones.
    Where other texts are errors there is no row for them, and the runtime says so."""
    path, count = f"encoder.texts.{n}", len(column.names)
    rows = np.zeros((count + 2, column.width), np.float32)
    rows[:count, :count] = np.eye(count)
    rows[count, column.most_frequent] = 1
    if column.has_missing:
        rows[count, -1] = 1
    if column.has_others:
        rows[count + 1, count] = 1
    else:
        rows = rows[:-1]
    cells = graph.node("Gather", texts, graph.constant(path, np.array(n)), path=path, axis=1)
    places = graph.node(
        "LabelEncoder", cells, path=path, domain=TEXTS, keys_strings=[*column.names, ""],
        values_int64s=list(range(count + 1)), default_int64=count + 1,
    )  # fmt: skip
    return graph.node("Gather", graph.constant(f"{path}.rows", rows), places, path=path, axis=0)


def add_answer(graph: Graph, encoder: Encoder, y: Value) -> None:
    """A number in the target's own unit, float64."""
    name = graph.cast(y.name, np.float64)
    if encoder.target_scale is not None:
        mean, sd = (
            graph.constant(f"target.{part}", value)
            for part, value in encoder.target_scale._asdict().items()
        )
        name = graph.node("Add", graph.node("Mul", name, sd), mean)
    graph.output(name, "variable", y.row, np.float64)
