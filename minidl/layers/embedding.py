"""Embeddings: a learned row of numbers for each whole number."""

import math
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from ..engine.random import generator
from ..engine.tensor import Operation, Tensor, as_tensor, record, require_float
from ..engine.tensor.indexing import as_places, looked_up, put_back
from ..engine.tensor.joining import concatenate
from ..errors import ArgumentError, DTypeError, ShapeError, Unplanned, explain
from ..tools.checks import check_size
from .base import Layer, Parameter
from .plan import Builder, Slot, Value

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


def drawn(operation: str, count: Any, width: Any) -> Parameter:
    """A new table (count, width) of numbers from the normal distribution N(0, 1)."""
    shape = check_size(operation, "count", count), check_size(operation, "width", width)
    return Parameter(generator().standard_normal(shape).astype(np.float32))


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
        self.weight = drawn("Embedding", count, width)

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
        builder.checks.append(partial(check_indices, count=rows))
        y = builder.value(fields * columns, builder.is_learned(W))
        plan_table(builder, W, y, x=x.numbers, fields=fields, stride=columns)
        return y._replace(shape=(*x.shape, columns))

    def describe(self) -> str:
        """Its sizes."""
        count, width = self.weight.shape
        return f"{count}, {width}"


class EntityEmbedding(Layer):
    """y = x with the learned row of a table in place of each of its last columns.

    x (..., columns + n) for n tables, each (count, width): column i of the last n holds whole
    numbers from 0 to count - 1 of table i; the others are unchanged. y is (..., columns + the sum
    of all widths). `tables` are drawn from N(0, 1), which is how standardised numbers vary.

    ArgumentError without a table, and for an index out of range; DTypeError for x that is not
    float32 or float64, and for an index that is not whole; ShapeError for x with too few columns.

    Guo, Berkhahn, "Entity embeddings of categorical variables", arXiv:1604.06737, 2016.

    >>> layer = EntityEmbedding((50, 8), (7, 4))
    >>> layer
    EntityEmbedding((50, 8), (7, 4))
    >>> layer(np.array([[0.5, -1.2, 49, 0]], np.float32)).shape
    (1, 14)
    """

    def __init__(self, *tables: tuple[int, int]) -> None:
        if not tables:
            hint = "EntityEmbedding((50, 8))"
            raise ArgumentError(explain("EntityEmbedding", "a table or more", "none", hint))
        self.tables = tuple(drawn("EntityEmbedding", *sizes) for sizes in tables)

    def forward(self, x: Any) -> Tensor:
        """The unchanged columns, then the rows."""
        x = as_tensor(x, "EntityEmbedding")
        require_float("EntityEmbedding", x)
        columns = x.shape[-1] - len(self.tables) if x.ndim else -1
        if columns < 0:
            expected = f"x of shape (..., {len(self.tables)} or more)"
            raise ShapeError(explain("EntityEmbedding", expected, x.shape))
        places = Tensor(x.data[..., columns:])
        rows = [embedding(places[..., i], W) for i, W in enumerate(self.tables)]
        return concatenate([x[..., :columns], *rows], axis=-1)

    def plan(self, builder: Builder, x: Value) -> Value:
        """The rows of each table, beside the unchanged columns. The indices are checked before the
        first step."""
        columns = x.width - len(self.tables)
        if x.numbers != 0 or columns < 0 or any(W.ndim != 2 for W in self.tables):
            what = "an EntityEmbedding of what are not the net's inputs"
            raise Unplanned(what, "it as the first layer")
        *places, width = accumulate((W.shape[1] for W in self.tables), initial=columns)
        builder.checks.append(self.check)
        y = builder.value(width, builder.is_learned(*self.tables))
        builder.forward("put columns", **builder.columns(x.numbers, y.numbers, n=columns))
        for i, (W, first) in enumerate(zip(self.tables, places, strict=True), start=columns):
            numbers = np.empty(builder.batch, np.int64)
            builder.forward("to integers", x=x.numbers, x_width=x.width, x_first=i, numbers=numbers)
            plan_table(builder, W, y, numbers=numbers, y_first=first, stride=width)
        return y

    def check(self, x: np.ndarray) -> None:
        """Raises the error of `forward` for the indices in the inputs x (n, columns)."""
        x = x / np.float32(255) if x.dtype == np.uint8 else x  # as the kernel converts pixels
        columns = Tensor(x[:, -len(self.tables) :])
        for i, W in enumerate(self.tables):
            check_indices(as_places("embedding", columns[:, i]), len(W.data))

    def describe(self) -> str:
        """The sizes of its tables."""
        return ", ".join(str(W.shape) for W in self.tables)


def plan_table(
    builder: Builder, W: Parameter, y: Value, stride: int, x: int = Slot(-1),
    numbers: np.ndarray | None = None, fields: int = 1, y_first: int = 0,
) -> None:  # fmt: skip
    """Plans y = the rows of W, each row of y from `y_first` on, one every `stride`. Their numbers
    are integers in the slot x, or in an array."""
    rows, columns = W.shape
    arguments: dict[str, Any] = {
        "x": x, "numbers": numbers, "y": y.numbers, "dy": y.gradient, "y_first": y_first,
        "stride": stride, "W": builder.parameter(W), "rows": rows, "columns": columns,
        "fields": fields, "order": np.empty(builder.batch * fields, np.int64),
        "ends": np.empty(rows, np.int64),
    }  # fmt: skip
    builder.forward("look up", **arguments)
    if builder.is_learned(W):
        builder.afterwards("sort numbers", **arguments)
    builder.learn(W, "gradient of rows", **arguments)
    builder.cost(row=NANOSECONDS * fields * columns)
