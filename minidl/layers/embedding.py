"""Embedding: a learned row of numbers for each whole number."""

import math
from functools import partial
from typing import Any

import numpy as np

from ..engine.random import generator
from ..engine.tensor import Operation, Tensor, as_tensor, record, require_float
from ..engine.tensor.indexing import as_places, looked_up, put_back
from ..errors import ArgumentError, DTypeError, ShapeError, Unplanned, explain
from ..tools.checks import check_size
from .base import Layer, Parameter
from .plan import Builder, Value

NANOSECONDS = 0.2  # for one element

EMBEDDING = Operation("embedding", weight=put_back)


def embedding(indices: Any, weight: Any) -> Tensor:
    """y[...] = weight[indices[...]]: each index becomes its row.

    Shapes: indices (...), weight (count, width), float32 or float64; y (..., width) of its dtype.
    Indices are integers from 0 to count - 1 of any dtype, or a tensor of floats that are whole.
    dweight has the shape of weight: each row is the sum of the rows of dy at its index, in double
    precision and in their order; a row that was not looked up is 0.

    DTypeError for indices that are not whole numbers, and for an integer weight; ShapeError for a
    weight that is not a matrix; ArgumentError for an index out of range (negative ones do not count
    from the end).

    >>> import minidl
    >>> weight = minidl.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> embedding([2, 0], weight)
    tensor([[5., 6.],
            [1., 2.]])

    Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language model", JMLR 3, 2003.
    """
    weight = as_tensor(weight, "embedding")
    require_float("embedding", weight)
    if weight.ndim != 2:
        raise ShapeError(explain("embedding", "weight of shape (count, width)", weight.shape))
    places = as_places("embedding", indices)
    if places.dtype.kind not in "iu":
        hint = "indices.astype('int64')"
        raise DTypeError(explain("embedding", "whole numbers", places.dtype, hint))
    check_indices(places, len(weight.data))
    places = places.astype(np.intp, copy=False)
    options = {"index": places, "is_once": False}
    return record(EMBEDDING, looked_up(weight.data, places), (weight,), options)


def check_indices(places: np.ndarray, count: int) -> None:
    """ArgumentError unless all are from 0 to count - 1."""
    outside = places[(places < 0) | (places >= count)]
    if outside.size:
        expected = f"indices from 0 to {count - 1}"
        raise ArgumentError(explain("embedding", expected, outside.flat[0]))


class Embedding(Layer):
    """y = weight[x]: x (...) holds whole numbers from 0 to count - 1, y is (..., width).

    `weight` (count, width) is drawn from the normal distribution N(0, 1), as in PyTorch. Its
    gradient is dense, with 0 for the rows that were not looked up: optimisers with momentum or
    weight decay move these rows too. Errors as in `functional.embedding`.

    Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language model", JMLR 3, 2003.

    >>> layer = Embedding(1000, 16)
    >>> layer(np.array([[3, 999, 3]])).shape
    (1, 3, 16)
    """

    def __init__(self, count: int, width: int) -> None:
        shape = check_size("Embedding", "count", count), check_size("Embedding", "width", width)
        self.weight = Parameter(generator().standard_normal(shape).astype(np.float32))

    def forward(self, x: Any) -> Tensor:
        """The rows for these numbers."""
        return embedding(x, self.weight)

    def plan(self, builder: Builder, x: Value) -> Value:
        """The rows of W. Each row's gradients are added up after the backward pass. The indices,
        the net's inputs, are checked before the first step."""
        W = self.weight
        if not (builder.holds_indices and x.numbers == 0 and W.ndim == 2):
            raise Unplanned("an Embedding of what are not the net's int64 inputs", "int64 inputs")
        rows, columns = W.shape
        fields = math.prod(x.shape)
        y = builder.value(fields * columns, builder.is_learned(W))
        arguments: dict[str, Any] = {
            "x": x.numbers, "y": y.numbers, "dy": y.gradient, "W": builder.parameter(W),
            "rows": rows, "columns": columns, "fields": fields,
            "order": np.empty(builder.batch * fields, np.int64), "ends": np.empty(rows, np.int64),
        }  # fmt: skip
        builder.checks.append(partial(check_indices, count=rows))
        builder.forward("look up", **arguments)
        if y.is_wanted:
            builder.afterwards("sort numbers", **arguments)
        builder.learn(W, "gradient of rows", **arguments)
        builder.cost(row=NANOSECONDS * fields * columns)
        return y._replace(shape=(*x.shape, columns))

    def describe(self) -> str:
        """Its sizes."""
        count, width = self.weight.shape
        return f"{count}, {width}"
