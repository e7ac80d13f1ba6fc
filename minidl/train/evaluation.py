"""`predict` and `evaluate`: a net's outputs, and how good they are, in evaluation mode."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..data.batches import Batches, is_plain
from ..data.kinds import inputs_of, is_pair, pairs, require_data, rows_of
from ..engine.recording import no_grad
from ..engine.tensor import Tensor
from ..errors import ArgumentError, ShapeError, explain
from ..layers.base import Layer
from ..step.prediction import predict as outputs_of
from ..tools.checks import is_whole
from .metrics import Metric, find_all
from .readers import read

ROWS = 1024  # at a time


@contextmanager
def mode(model: Layer, training: bool) -> Iterator[None]:
    """Within the block the model is in this mode; then every layer has its old mode again."""
    before = [(layer, layer.training) for layer in model.layers_within()]
    if getattr(model.train, "__func__", None) is Layer.train:  # which goes through all layers again
        for layer, _ in before:
            layer.training = training
    else:
        model.train(training)
    try:
        yield
    finally:
        for layer, was in before:
            layer.training = was


def predict(model: Layer, x: Any, batch_size: int = ROWS) -> np.ndarray:
    """The model's outputs for x (n, ...), `batch_size` rows at a time, in evaluation mode.

    x is as for `minidl.predict`: uint8 pixels, which become float32 from 0 to 1, or numbers; floats
    become those of the model's dtype. Afterwards every layer has its old mode again. ArgumentError
    for a batch_size below 1; other errors as from the model.

    >>> from minidl import nn
    >>> predict(nn.MLP([3, 8, 2], dropout=0.5), np.zeros((5, 3), np.float32)).shape
    (5, 2)
    """
    array = inputs_of("predict", x, dtype_of(model))
    with mode(model, training=False):
        return in_pieces(model, array, batch_size)


def in_pieces(model: Layer, x: np.ndarray, batch_size: int) -> np.ndarray:
    """The outputs in the model's present mode."""
    if not is_whole(batch_size, 1):
        expected = "batch_size: a whole number from 1 up"
        raise ArgumentError(explain("predict", expected, repr(batch_size)))
    starts = range(0, max(len(x), 1), batch_size)
    return joined([outputs_of(model, x[i : i + batch_size]) for i in starts])


def evaluate(
    model: Layer,
    data: Any,
    loss: Callable[..., Tensor] | None = None,
    metrics: Sequence[Any] = (),
    batch_size: int = ROWS,
) -> dict[str, Any]:
    """The loss and the metrics of all outputs for the data, by name, in evaluation mode.

    - data: a pair (x, y), `minidl.data.batches(...)`, any iterable of batches (x, y), or a data set
      of samples (x, y), with at least one row.
    - loss: a function (outputs, y). It is called once with all rows, so its mean is over all.
    - metrics: names or functions (y, outputs); see `minidl.train.metrics`.

    ArgumentError for data without rows or with weights, and for unknown metrics.

    >>> from minidl import nn, functional as F
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> sorted(evaluate(nn.MLP([4, 8, 2]), (x, y), F.cross_entropy, ["accuracy"]))
    ['accuracy', 'loss']
    """
    functions, dtype = find_all(metrics, loss), dtype_of(model)
    with mode(model, training=False), no_grad():
        outputs, y = outputs_and_truth(model, data, dtype, batch_size)
        return measured(outputs, y, loss, functions)


def measured(
    outputs: np.ndarray, y: np.ndarray, loss: Callable[..., Tensor] | None,
    functions: Sequence[tuple[str, Metric]],
) -> dict[str, Any]:  # fmt: skip
    """The loss and the metrics of these outputs, by name."""
    result = {} if loss is None else {"loss": loss(Tensor(outputs), y).item()}
    return result | {name: function(y, outputs) for name, function in functions}


def outputs_and_truth(
    model: Layer, data: Any, dtype: np.dtype | None, batch_size: int = ROWS
) -> tuple[np.ndarray, np.ndarray]:
    """The outputs for all of the data, in the model's mode, and the targets, in the same order.
    Floats become this dtype."""
    data = read("evaluate", data)
    require_data("evaluate", "data", data)
    if is_plain(data):
        data = pair_of("evaluate", data)
    batches = [data] if is_pair(data) else pairs("evaluate", data)
    found = [of_batch(model, x, y, dtype, batch_size) for x, y in batches]
    if not sum(len(truth) for _, truth in found):
        raise ArgumentError(explain("evaluate", "at least one row", "none"))
    return joined([outputs for outputs, _ in found]), joined([truth for _, truth in found])


def pair_of(operation: str, data: Batches) -> tuple[np.ndarray, np.ndarray]:
    """All x and y; ArgumentError if they have weights, which metrics cannot take into account."""
    if data.sample_weight is not None:
        expected, got = "data without sample_weight", "batches that have it"
        raise ArgumentError(explain(operation, expected, got, "(data.x, data.y)"))
    return data.x, data.y


def of_batch(
    model: Layer, x: Any, y: Any, dtype: np.dtype | None, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The outputs for x, and a copy of y."""
    inputs, truth = rows_beside("evaluate", x, y, dtype)
    return in_pieces(model, inputs, batch_size), truth.copy()


def rows_beside(
    operation: str, x: Any, y: Any, dtype: np.dtype | None
) -> tuple[np.ndarray, np.ndarray]:
    """x and y as arrays; ShapeError unless they have the same number of rows."""
    inputs, truth = inputs_of(operation, x, dtype), rows_of(operation, "y", y)
    if len(inputs) != len(truth):
        rows = f"{len(inputs)} and {len(truth)} rows"
        raise ShapeError(explain(operation, "x and y of as many rows", rows))
    return inputs, truth


def dtype_of(model: Layer) -> np.dtype | None:
    """The dtype of the model's first parameter; None if it has no parameters."""
    return next((p.dtype for p in model.parameters()), None)


def joined(arrays: list[np.ndarray]) -> np.ndarray:
    """All arrays as one, without a copy if there is only one."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
