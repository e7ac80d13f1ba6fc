"""`Validation`: evaluates after each epoch, and a few rows before the first."""

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from itertools import islice
from typing import Any

import numpy as np

from ..data.batches import is_plain
from ..data.kinds import inputs_of, is_gone_through_once, is_pair, parts_of, require_data
from ..engine.recording import no_grad
from ..engine.tensor import Tensor
from ..errors import ArgumentError, MinidlError, explain
from ..layers.base import Layer
from .evaluation import (
    Evaluated,
    columns_of,
    dtype_of,
    evaluated_on,
    measured,
    mode,
    rows_beside,
)
from .metrics import Metric, find_all

FEW = 16  # rows whose outputs stand for those of all, before the first step


class Validation:
    """The data and the metrics that `fit` was given; without data it has no columns.

    A pair's floats become those of the model's dtype here, once for all epochs.
    """

    def __init__(
        self, model: Layer, data: Any, loss: Callable[..., Tensor], metrics: Sequence[Any]
    ) -> None:
        self.functions, dtype = find_all(metrics, loss), dtype_of(model)
        require_validation(data, self.functions)
        if is_plain(data) and data.sample_weight is None:
            data = columns_of(data)
        if data is not None and is_pair(data):
            data = (inputs_of("validation", data[0], dtype), data[1])
        self.model, self.data, self.loss, self.dtype = model, data, loss, dtype
        names = ["loss", *[name for name, _ in self.functions]]
        self.names = [] if data is None else [f"validation_{name}" for name in names]

    def row(self) -> dict[str, Any]:
        """The loss and the metrics, as the history keeps them."""
        if self.data is None:
            return {}
        with mode(self.model, training=False), no_grad():
            evaluated = evaluated_on(self.model, self.data, self.dtype)
            return in_history(measured(evaluated, self.loss, self.functions))

    def rehearsed(self) -> dict[str, Any]:
        """A row like that of `row`, which finds mistakes in the data, the loss or a metric before
        training. Outputs are computed only for a few rows, and stand for those of the others. Of
        batches only the first is used, of an iterator none."""
        if self.data is None or isinstance(self.data, Iterator):
            return {}
        functions = [named(name, function) for name, function in self.functions]
        with mode(self.model, training=False), no_grad():
            if is_pair(self.data):
                x, y = self.data
                x, y = rows_beside("validation", x, y, self.dtype)
                few = evaluated_on(self.model, (x[:FEW], y[:FEW]), self.dtype).outputs
                evaluated = Evaluated(np.resize(few, (len(y), *few.shape[1:])), y, None)
            else:
                evaluated = evaluated_on(self.model, list(first_of(self.data)), self.dtype)
            return in_history(measured(evaluated, self.loss, functions))


def require_validation(data: Any, metrics: Sequence[Any]) -> None:
    """ArgumentError unless there is data for the metrics, and in each epoch."""
    if data is None and metrics:
        hint = "validation=(x, y), for the training data too"
        raise ArgumentError(explain("fit", "validation data for the metrics", "none", hint))
    if data is not None:
        require_data("fit", "validation", data)
    if is_gone_through_once(data):
        expected = "validation data that can be iterated after each epoch"
        raise ArgumentError(explain("fit", expected, type(data).__name__, "list(validation)"))


def named(name: str, metric: Metric) -> tuple[str, Metric]:
    """The metric; its own errors name it."""

    @wraps(metric)
    def checked(y: np.ndarray, outputs: np.ndarray, **options: Any) -> Any:
        try:
            return metric(y, outputs, **options)
        except MinidlError:
            raise
        except Exception as error:
            expected = f"a value of y {y.shape} and outputs {outputs.shape}"
            got = f"{type(error).__name__}: {error}"
            raise ArgumentError(explain(f"metric {name}", expected, got)) from error

    return name, checked


def first_of(batches: Any) -> Iterator[tuple[Any, ...]]:
    """The first batch, if there is one."""
    return islice(parts_of("validation", batches), 1)


def in_history(values: dict[str, Any]) -> dict[str, Any]:
    """Values by their columns, as a history keeps them."""
    return {f"validation_{name}": plain(name, value) for name, value in values.items()}


def plain(name: str, value: Any) -> Any:
    """A metric's value as a history keeps it: a number, or lists of numbers."""
    if type(value) is float:  # the most frequent case
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ArgumentError(explain(f"metric {name}", "a number or an array of them", repr(value)))
    return float(array) if array.ndim == 0 else array.tolist()
