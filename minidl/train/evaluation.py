"""`predict` and `evaluate`: a net's outputs and what they are worth, in evaluation mode."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..checks import is_whole
from ..data.batches import Batches
from ..errors import ArgumentError, ShapeError, explain
from ..layer import Layer
from ..prediction import predict as outputs_of
from ..tape import no_grad
from ..tensor import Tensor
from .metrics import as_array, find

ROWS = 1024  # at a time


@contextmanager
def mode(model: Layer, training: bool) -> Iterator[None]:
    """Within the block the model trains, or evaluates; then every layer is as it was."""
    before = [(layer, layer.training) for layer in model.layers_within()]
    model.train(training)
    try:
        yield
    finally:
        for layer, was in before:
            layer.training = was


def predict(model: Layer, x: Any, batch_size: int = ROWS) -> np.ndarray:
    """The model's outputs for x (n, ...), so many rows at a time, in evaluation mode.

    x is as for `minidl.predict`: uint8 pixels, which become float32 from 0 to 1, or numbers of the
    model's dtype. Every layer's mode is as before afterwards.

    >>> from minidl import nn
    >>> predict(nn.MLP([3, 8, 2], dropout=0.5), np.zeros((5, 3), np.float32)).shape
    (5, 2)
    """
    if not is_whole(batch_size, 1):
        expected = "batch_size: a whole number from 1 up"
        raise ArgumentError(explain("predict", expected, repr(batch_size)))
    array = as_array(x)
    if array.ndim == 0:
        raise ShapeError(explain("predict", "x of shape (n, ...)", array.shape))
    with mode(model, training=False):
        starts = range(0, max(len(array), 1), batch_size)
        return joined([outputs_of(model, array[i : i + batch_size]) for i in starts])


def evaluate(
    model: Layer,
    data: Any,
    loss: Callable[..., Tensor] | None = None,
    metrics: Sequence[Any] = (),
    batch_size: int = ROWS,
) -> dict[str, Any]:
    """The loss and the metrics of all outputs for the data, by name, in evaluation mode.

    `data` is a pair (x, y), `minidl.data.batches(...)` or any iterable of batches (x, y). The loss
    is a function (outputs, y), called once with all of them, so a mean is that over all rows; a
    metric is a name or a function (y, outputs): see `minidl.train.metrics`.

    >>> from minidl import nn, functional as F
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> sorted(evaluate(nn.MLP([4, 8, 2]), (x, y), F.cross_entropy, ["accuracy"]))
    ['accuracy', 'loss']
    """
    functions = [find(metric, loss) for metric in metrics]
    with mode(model, training=False), no_grad():
        outputs, y = outputs_and_truth(model, data, batch_size)
        result: dict[str, Any] = {}
        if loss is not None:
            result["loss"] = loss(Tensor(outputs), y).item()
        return result | {name: function(y, outputs) for name, function in functions}


def outputs_and_truth(model: Layer, data: Any, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The outputs for all of the data, and the targets, in one order."""
    if isinstance(data, Batches):
        data = (data.x, data.y)
    if is_pair(data):
        x, y = data
        outputs, truth = predict(model, x, batch_size), as_array(y)
        if len(outputs) != len(truth):
            rows = f"{len(outputs)} and {len(truth)} rows"
            raise ShapeError(explain("evaluate", "x and y of as many rows", rows))
        return outputs, truth
    pairs = [(predict(model, x, batch_size), np.array(as_array(y))) for x, y in data]
    if not pairs:
        raise ArgumentError(explain("evaluate", "at least one batch", "none"))
    return joined([outputs for outputs, _ in pairs]), joined([truth for _, truth in pairs])


def is_pair(data: Any) -> bool:
    """Whether this is (x, y), and not an iterable of such pairs."""
    return isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], tuple)


def require_data(what: str, data: Any) -> None:
    """Raises ArgumentError for what is neither a pair (x, y) nor can be batches of such."""
    arrays = (np.ndarray, Tensor)
    is_list = isinstance(data, list) and len(data) == 2 and all(isinstance(a, arrays) for a in data)
    is_longer = isinstance(data, tuple) and any(isinstance(part, arrays) for part in data)
    is_one = isinstance(data, (*arrays, Mapping, str)) or not hasattr(data, "__iter__")
    if is_one or is_list or (is_longer and not is_pair(data)):
        expected = f"{what}: a pair (x, y), batches(...), or an iterable of batches (x, y)"
        got = f"{type(data).__name__} of {len(data)}" if is_list or is_longer else type(data)
        raise ArgumentError(explain("fit", expected, got, "(x, y), a tuple of two"))


def joined(arrays: list[np.ndarray]) -> np.ndarray:
    """One array of several, without a copy if it is one."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
