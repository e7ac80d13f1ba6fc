"""How good outputs are: functions of the truth and a net's outputs, in NumPy alone.

Where a metric wants classes, `outputs` may be scores (n, classes), of which the largest wins and
the first of equal ones; one score (n,) or (n, 1), which says class 1 above 0, as a logit does; or
whole numbers (n,), the classes themselves. `y` holds classes (n,), or a row (n, classes) for each
whose largest number is the true one. A row of scores with NaN in it predicts no class: it is
wrong.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..checks import is_number, is_whole
from ..errors import ArgumentError, ShapeError, explain
from ..tensor import Tensor

Metric = Callable[[Any, Any], Any]

NO_CLASS = -1


def accuracy(y: Any, outputs: Any) -> float:
    """The share of rows whose predicted class is the true one; NaN for no rows.

    >>> accuracy([0, 1, 1], [[2.0, 1.0], [0.0, 3.0], [1.0, 0.5]])
    0.6666666666666666
    """
    truth, predicted = classes_of("accuracy", y, outputs)
    return _mean(truth == predicted)


def top_k(y: Any, outputs: Any, k: int = 5) -> float:
    """The share of rows whose true class is among the k largest of its scores (n, classes).

    Of equal scores the first counts as the larger, so that k = 1 is the accuracy.

    >>> top_k([2, 0], [[0.1, 0.5, 0.4], [0.2, 0.5, 0.3]], k=2)
    0.5
    """
    if not is_whole(k, 1):
        raise ArgumentError(explain("top_k", "k: a whole number from 1 up", repr(k)))
    scores = as_array(outputs)
    if scores.ndim != 2:
        raise ShapeError(explain("top_k", "outputs of shape (n, classes)", scores.shape))
    truth = true_classes("top_k", y, len(scores))
    _require_classes("top_k", truth, scores.shape[1])
    own = scores[np.arange(len(scores)), truth][:, None]
    earlier = np.arange(scores.shape[1]) < truth[:, None]
    before = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return _mean((before < k) & ~np.isnan(scores).any(axis=1))


def confusion_matrix(y: Any, outputs: Any, classes: int | None = None) -> np.ndarray:
    """How many rows of class i were taken for class j, at [i, j]; int64 (classes, classes).

    Without `classes` there are as many as scores, or as the largest class says. A row that
    predicts no class is left out.

    >>> confusion_matrix([0, 1, 1], [[2.0, 1.0], [0.0, 3.0], [1.0, 0.5]])
    array([[1, 0],
           [1, 1]])
    """
    truth, predicted = classes_of("confusion_matrix", y, outputs)
    count = _class_count("confusion_matrix", truth, predicted, outputs, classes)
    known = predicted != NO_CLASS
    pairs = truth[known] * count + predicted[known]
    return np.bincount(pairs, minlength=count * count).reshape(count, count).astype(np.int64)


def f1(
    y: Any,
    outputs: Any,
    average: str | None = "macro",
    zero_division: float = 0.0,
    classes: int | None = None,
) -> Any:
    """F1 = 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall.

    `average`: "macro", the mean over the classes that occur in y or in the predictions;
    "weighted", that mean with the count of each class in y as its weight; "micro", the TP, FP and
    FN of all classes added first; "binary", class 1 alone; None, an array of every class's own.
    `zero_division` is what stands where a class neither occurs nor is predicted, which is 0 / 0.

    >>> print(f"{f1([0, 1, 1], [0, 1, 0]):.4f}")
    0.6667
    >>> f1([0, 1, 1], [0, 1, 0], average=None, classes=3)
    array([0.66666667, 0.66666667, 0.        ])

    van Rijsbergen, "Information Retrieval", 1979.
    """
    if average not in ("macro", "weighted", "micro", "binary", None):
        expected = "average: macro, weighted, micro, binary or None"
        raise ArgumentError(explain("f1", expected, repr(average)))
    if not is_number(zero_division):
        raise ArgumentError(explain("f1", "zero_division: a number", repr(zero_division)))
    truth, predicted = classes_of("f1", y, outputs)
    count = _class_count("f1", truth, predicted, outputs, classes)
    support = np.bincount(truth, minlength=count)
    taken = np.bincount(predicted[predicted != NO_CLASS], minlength=count)
    hits = np.bincount(truth[truth == predicted], minlength=count)
    if average == "micro":
        return _f1(hits.sum(), support.sum() + taken.sum(), zero_division).item()
    scores = _f1(hits, support + taken, zero_division)
    if average is None:
        return scores
    if average == "binary":
        if count > 2:
            raise ArgumentError(
                explain("f1", "two classes for average='binary'", count, "average='macro'")
            )
        return scores[1].item() if count == 2 else float(zero_division)
    occurs = support + taken > 0
    weights = support if average == "weighted" else occurs
    if not weights.any():
        return float(zero_division)
    return float(np.average(scores[occurs], weights=weights[occurs]))


def r2(y: Any, outputs: Any) -> float:
    """R² = 1 - sum (y - outputs)² / sum (y - mean y)², for several columns the mean over them.

    (n,) and (n, 1) are the same. A column of y that is constant has 1 if it was met exactly, and
    else 0; below two rows the result is NaN.

    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    truth, found = (as_array(a).astype(np.float64) for a in (y, outputs))
    truth, found = (a[:, None] if a.ndim == 1 else a for a in (truth, found))
    if truth.shape != found.shape or truth.ndim == 0:
        raise ShapeError(explain("r2", f"outputs of y's shape {np.shape(y)}", np.shape(outputs)))
    if len(truth) < 2:
        return float("nan")
    missed = ((truth - found) ** 2).sum(axis=0)
    spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    if_constant = np.where(missed == 0, 1.0, np.where(np.isnan(missed), np.nan, 0.0))
    ratio = np.divide(missed, spread, out=1 - if_constant, where=spread != 0)
    return float((1 - ratio).mean())


NAMED: dict[str, Metric] = {
    "accuracy": accuracy,
    "f1": f1,
    "r2": r2,
    "confusion_matrix": confusion_matrix,
}


def find(metric: Any) -> tuple[str, Metric]:
    """A metric's name and function: of "accuracy", "top_3", or any function (y, outputs)."""
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
    return getattr(metric, "__name__", type(metric).__name__), metric


def as_array(values: Any) -> np.ndarray:
    """A tensor's or anything else's array."""
    return values.data if isinstance(values, Tensor) else np.asarray(values)


def classes_of(operation: str, y: Any, outputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted class of every row, int64 (n,) both."""
    array = as_array(outputs)
    truth = true_classes(operation, y, len(array) if array.ndim else 0)
    return truth, predicted_classes(operation, array)


def true_classes(operation: str, y: Any, rows: int) -> np.ndarray:
    """The class of every row, int64 (n,)."""
    array = as_array(y)
    if array.ndim == 2 and array.shape[1] > 1:
        array = array.argmax(axis=1)
    if array.shape not in ((rows,), (rows, 1)):
        raise ShapeError(explain(operation, f"y of {rows} rows, as the outputs", array.shape))
    array = array.reshape(-1)
    if array.dtype.kind == "f" and not (array == np.floor(array)).all():
        raise ArgumentError(
            explain(operation, "y of whole numbers, classes", "fractions or NaN", "r2")
        )
    if len(array) and array.min() < 0:
        raise ArgumentError(explain(operation, "classes from 0 up", array.min()))
    return array.astype(np.int64)


def predicted_classes(operation: str, outputs: np.ndarray) -> np.ndarray:
    """The class that every row of outputs stands for; NO_CLASS where there is NaN."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return np.where(np.isnan(outputs).any(axis=1), NO_CLASS, outputs.argmax(axis=1))
    if outputs.ndim not in (1, 2):
        expected = "outputs of shape (n,), (n, 1) or (n, classes)"
        raise ShapeError(explain(operation, expected, outputs.shape))
    single = outputs.reshape(len(outputs))
    if single.dtype.kind in "iub":
        return single.astype(np.int64)
    return np.where(np.isnan(single), NO_CLASS, single > 0).astype(np.int64)


def _class_count(
    operation: str, truth: np.ndarray, predicted: np.ndarray, outputs: Any, classes: int | None
) -> int:
    array = as_array(outputs)
    if classes is None and array.ndim == 2 and array.shape[1] > 1:
        classes = array.shape[1]
    if classes is None:
        return 1 + int(max(truth.max(initial=0), predicted.max(initial=0)))
    if not is_whole(classes, 1):
        raise ArgumentError(explain(operation, "classes: a whole number from 1 up", repr(classes)))
    _require_classes(operation, truth, classes)
    _require_classes(operation, predicted, classes)
    return int(classes)


def _require_classes(operation: str, found: np.ndarray, classes: int) -> None:
    if len(found) and found.max() >= classes:
        raise ArgumentError(explain(operation, f"classes from 0 to {classes - 1}", found.max()))


def _f1(hits: Any, total: Any, zero_division: float) -> np.ndarray:
    """2 hits / total, which is 2 TP + FP + FN: TP + FN rows have the class, TP + FP got it."""
    hits, total = np.asarray(hits, np.float64), np.asarray(total, np.float64)
    out = np.full(total.shape, float(zero_division))
    return np.divide(2 * hits, total, out=out, where=total > 0)


def _mean(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else float("nan")
