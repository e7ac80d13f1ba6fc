"""`predict` and `evaluate`: a net's outputs, and how good they are, in evaluation mode."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from ..data.batches import Batches, is_plain
from ..data.kinds import inputs_of, is_pair, parts_of, require_data, rows_of
from ..engine.recording import no_grad
from ..engine.tensor import Tensor
from ..errors import ArgumentError, ShapeError, explain
from ..layers.base import Layer
from ..losses.checks import weights as checked_weights
from ..step.prediction import predict as outputs_of
from ..tools.checks import is_whole
from .metrics import Metric, find_all
from .readers import Key, read

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
    *,
    sample_weight: Any = None,
    key: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """The loss and the metrics of all outputs for the data, by name, in evaluation mode.

    - data: a pair (x, y), `minidl.data.batches(...)`, any iterable of batches (x, y), or a data set
      of samples (x, y), with at least one row. Batches and samples may be (x, y, weight).
    - loss: a function (outputs, y). It is called once with all rows, so its mean is over all.
    - metrics: names or functions (y, outputs); see `minidl.train.metrics`.
    - sample_weight: how much each row of a pair counts. Weights reach the loss and the metrics as
      their option `sample_weight`.
    - key: the names of x, y, and maybe of the weight, as for `fit`

    ArgumentError for data without rows, for weights that add up to 0 or are not one for each row,
    for weights beside a metric without that option, and for unknown metrics.

    >>> from minidl import nn, functional as F
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> sorted(evaluate(nn.MLP([4, 8, 2]), (x, y), F.cross_entropy, ["accuracy"]))
    ['accuracy', 'loss']
    """
    functions, dtype = find_all(metrics, loss), dtype_of(model)
    with mode(model, training=False), no_grad():
        evaluated = evaluated_on(model, data, dtype, batch_size, sample_weight, key)
        return measured(evaluated, loss, functions)


class Evaluated(NamedTuple):
    """A net's outputs, and the targets and the weights of the same rows."""

    outputs: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None  # float64 (rows,)


def measured(
    evaluated: Evaluated, loss: Callable[..., Tensor] | None,
    functions: Sequence[tuple[str, Metric]],
) -> dict[str, Any]:  # fmt: skip
    """The loss and the metrics of these outputs, by name."""
    outputs, y, weights = evaluated
    options = {} if weights is None else {"sample_weight": weights}
    if weights is not None:
        require_weighted(functions, weights)
    result = {} if loss is None else {"loss": loss(Tensor(outputs), y, **options).item()}
    return result | {name: function(y, outputs, **options) for name, function in functions}


def require_weighted(functions: Sequence[tuple[str, Metric]], weights: np.ndarray) -> None:
    """ArgumentError for a metric that takes no weights, and for weights that add up to 0."""
    for name, function in functions:
        if "sample_weight" not in signature(function).parameters:
            expected = f"weights beside metrics that have the option sample_weight, unlike {name}"
            raise ArgumentError(explain("evaluate", expected, "weights", "evaluate without them"))
    if not weights.sum() > 0:
        raise ArgumentError(explain("evaluate", "weights that do not add up to 0", "only 0"))


def evaluated_on(
    model: Layer, data: Any, dtype: np.dtype | None, batch_size: int = ROWS,
    sample_weight: Any = None, key: Key = None,
) -> Evaluated:  # fmt: skip
    """The outputs for all of the data, in the model's mode. Floats become this dtype."""
    data = read("evaluate", data, key)
    require_data("evaluate", "data", data)
    if sample_weight is not None and not is_pair(data):
        expected, got = "sample_weight beside a pair (x, y) only", type(data).__name__
        raise ArgumentError(explain("evaluate", expected, got, "batches (x, y, weights)"))
    batches: Iterable[tuple[Any, ...]]
    if is_pair(data):
        batches = [data if sample_weight is None else (*data, sample_weight)]
    else:
        batches = [columns_of(data)] if is_plain(data) else parts_of("evaluate", data)
    found = [of_batch(model, batch, dtype, batch_size) for batch in batches]
    if not sum(len(batch.y) for batch in found):
        raise ArgumentError(explain("evaluate", "at least one row", "none"))
    outputs, y, weights = zip(*found, strict=True)
    if any(part is None for part in weights) and any(part is not None for part in weights):
        expected = "weights in all batches, or in none"
        raise ArgumentError(explain("evaluate", expected, "weights in some"))
    return Evaluated(joined(outputs), joined(y), None if weights[0] is None else joined(weights))


def columns_of(data: Batches) -> tuple[np.ndarray, ...]:
    """All x and y, and the weights if there are any."""
    weights = data.sample_weight
    return (data.x, data.y) if weights is None else (data.x, data.y, weights)


def of_batch(
    model: Layer, batch: Sequence[Any], dtype: np.dtype | None, batch_size: int
) -> Evaluated:
    """The outputs for a batch, and copies of the rest."""
    x, y, *rest = batch
    inputs, truth = rows_beside("evaluate", x, y, dtype)
    weights = None
    if rest:
        weights = checked_weights("evaluate", "sample_weight", rest[0], (len(truth),)).copy()
    return Evaluated(in_pieces(model, inputs, batch_size), truth.copy(), weights)


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


def joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """All arrays as one, without a copy if there is only one."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
