"""How good outputs are: functions of the truth and a net's outputs, in NumPy alone.

`labels.py` says what `y` and `outputs` may be for metrics of classes or labels.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from ...errors import ArgumentError, explain
from ...losses import binary_cross_entropy_with_logits, hinge
from .classes import accuracy, confusion_matrix, top_k
from .labels import as_array
from .quantities import mae, r2
from .ranking import auc
from .rates import f1, precision, recall

__all__ = [
    "Metric", "accuracy", "as_array", "auc", "confusion_matrix", "f1", "find", "find_all",
    "is_better_when", "mae", "precision", "r2", "recall", "top_k",
]  # fmt: skip

Metric = Callable[[Any, Any], Any]

RATES: dict[str, Callable[..., Any]] = {"f1": f1, "precision": precision, "recall": recall}
NAMED: dict[str, Metric] = {
    "accuracy": accuracy,
    **RATES,
    **{
        f"{name}_{average}": partial(rate, average=average)
        for name, rate in RATES.items()
        for average in ("macro", "micro")
    },
    "auc": auc,
    "confusion_matrix": confusion_matrix,
    "r2": r2,
    "mae": mae,
}
OF_LABELS = (accuracy, f1, precision, recall, auc)  # metrics with the option multi_label
LABEL_LOSSES = (binary_cross_entropy_with_logits, hinge)  # take every output as a yes or no


def find_all(metrics: Any, loss: Any = None) -> list[tuple[str, Metric]]:
    """The metrics' names, all different, and functions; ArgumentError if it is not a list."""
    if isinstance(metrics, str) or not hasattr(metrics, "__iter__"):
        hint = f"metrics=[{metrics!r}]"
        raise ArgumentError(explain("metrics", "metrics: a list", repr(metrics), hint))
    found = [find(metric, loss) for metric in metrics]
    names = ["loss", *[name for name, _ in found]]
    if len(set(names)) < len(names):
        raise ArgumentError(explain("metrics", "metrics of different names", names))
    return found


def find(metric: Any, loss: Any = None) -> tuple[str, Metric]:
    """A metric's name and function: of "accuracy", "top_3", or any function (y, outputs).

    If the loss takes every output as a label of its own, so does the metric.
    """
    name, function = named(metric)
    if without_options(function) in OF_LABELS and without_options(loss) in LABEL_LOSSES:
        return name, partial(function, **{"multi_label": True, **options_of(function)})
    return name, function


def named(metric: Any) -> tuple[str, Metric]:
    """A metric's name and function, whatever the loss."""
    if isinstance(metric, str):
        if metric in NAMED:
            return metric, NAMED[metric]
        start, _, k = metric.partition("top_")
        if not start and k.isdecimal() and int(k) > 0:
            return metric, partial(top_k, k=int(k))
        known = f"one of {', '.join(NAMED)}, top_5, or a function of (y, outputs)"
        raise ArgumentError(explain("metrics", known, repr(metric)))
    if not callable(metric):
        raise ArgumentError(explain("metrics", "a name or a function", repr(metric)))
    function = without_options(metric)
    return getattr(function, "__name__", type(function).__name__), metric


def without_options(function: Any) -> Any:
    """The function behind a `functools.partial`; any other function itself."""
    return function.func if isinstance(function, partial) else function


def options_of(function: Any) -> dict[str, Any]:
    """The options of a `functools.partial`."""
    return function.keywords if isinstance(function, partial) else {}


def is_better_when(name: str) -> str | None:
    """What is better, "min" or "max", for the loss or a metric that is a single number; else None.

    >>> is_better_when("loss"), is_better_when("top_3"), is_better_when("confusion_matrix")
    ('min', 'max', None)
    """
    if name in ("loss", "mae"):
        return "min"
    start, _, k = name.partition("top_")
    is_number = name in NAMED and name != "confusion_matrix"
    return "max" if is_number or (not start and k.isdecimal()) else None
