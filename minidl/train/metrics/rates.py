"""Precision, recall, and F1, their harmonic mean: for each class, or averaged."""

from typing import Any

import numpy as np

from ...errors import ArgumentError, explain
from ...tools.checks import is_number
from .labels import NO_CLASS, class_count, truth_and_prediction

AVERAGES = ("auto", "macro", "weighted", "micro", "binary", None)


def precision(
    y: Any, outputs: Any, average: str | None = "auto", zero_division: float = 0.0,
    classes: int | None = None, multi_label: bool = False, sample_weight: Any = None,
) -> Any:  # fmt: skip
    """TP / (TP + FP): of the rows predicted as a class, the share that are. Options as for `f1`.

    >>> precision([0, 1, 1], [0, 1, 0])
    1.0
    """
    options = average, zero_division, classes, multi_label, sample_weight
    return _rate("precision", 0, 1, y, outputs, *options)


def recall(
    y: Any, outputs: Any, average: str | None = "auto", zero_division: float = 0.0,
    classes: int | None = None, multi_label: bool = False, sample_weight: Any = None,
) -> Any:  # fmt: skip
    """TP / (TP + FN): of the rows of a class, the share that were predicted. Options as for `f1`.

    >>> recall([0, 1, 1], [0, 1, 0])
    0.5
    """
    options = average, zero_division, classes, multi_label, sample_weight
    return _rate("recall", 1, 0, y, outputs, *options)


def f1(
    y: Any, outputs: Any, average: str | None = "auto", zero_division: float = 0.0,
    classes: int | None = None, multi_label: bool = False, sample_weight: Any = None,
) -> Any:  # fmt: skip
    """F1 = 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall.

    - average: "auto", which is "binary" for two classes, else "macro"; "macro", the mean over the
      classes that occur in y or in the predictions, or over all labels; "weighted", the same mean,
      weighted by the count of each class in y; "micro", from the TP, FP and FN of all classes;
      "binary", class 1 alone; None, an array with the value of every class
    - zero_division: the value of 0 / 0; for F1, of a class that neither occurs nor is predicted
    - sample_weight: (n,), how much each row counts in TP, FP and FN

    ArgumentError for options out of range; ShapeError for y and outputs that do not fit.

    >>> print(f"{f1([0, 1, 1], [0, 1, 0]):.4f}")
    0.6667
    >>> f1([0, 1, 1], [0, 1, 0], average=None, classes=3)
    array([0.66666667, 0.66666667, 0.        ])
    >>> f1([[0, 1], [1, 1]], [[-2.0, 3.0], [0.5, 1.0]], multi_label=True)
    1.0

    van Rijsbergen, "Information Retrieval", 1979.
    """
    options = average, zero_division, classes, multi_label, sample_weight
    return _rate("f1", 1, 1, y, outputs, *options)


def _rate(
    operation: str, of_true: int, of_taken: int, y: Any, outputs: Any, average: str | None,
    zero_division: float, classes: int | None, multi_label: bool, sample_weight: Any,
) -> Any:  # fmt: skip
    """TP divided by a mix of the class's rows (TP + FN, which count `of_true` times) and the rows
    predicted as it (TP + FP, which count `of_taken` times)."""
    if average not in AVERAGES:
        expected = f"average: one of {', '.join(map(str, AVERAGES))}"
        raise ArgumentError(explain(operation, expected, repr(average)))
    if not is_number(zero_division):
        raise ArgumentError(explain(operation, "zero_division: a number", repr(zero_division)))
    truth, predicted = truth_and_prediction(operation, y, outputs, multi_label)
    w = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    has_labels = truth.ndim == 2
    if has_labels:
        hits = w @ ((truth == 1) & (predicted == 1))
        true, taken = w @ (truth == 1), w @ (predicted == 1)
    else:
        count = class_count(operation, truth, predicted, outputs, classes)
        is_hit, is_taken = truth == predicted, predicted != NO_CLASS
        hits = np.bincount(truth[is_hit], w[is_hit], count)
        true = np.bincount(truth, w, count)
        taken = np.bincount(predicted[is_taken], w[is_taken], count)
    part, whole = (of_true + of_taken) * hits, of_true * true + of_taken * taken
    if average == "auto":
        average = "macro" if has_labels or len(hits) > 2 else "binary"
    if average == "micro":
        return _ratio(part.sum(), whole.sum(), zero_division).item()
    rates = _ratio(part, whole, zero_division)
    if average is None:
        return rates
    if average == "binary":
        if has_labels or len(hits) > 2:
            expected = "two classes for average='binary'"
            raise ArgumentError(explain(operation, expected, len(hits), "average='macro'"))
        return rates[1].item() if len(hits) == 2 else float(zero_division)
    counted = (true + taken > 0) | has_labels
    weights = true[counted] if average == "weighted" else np.ones(counted.sum())
    if not weights.any():
        return float(zero_division)
    return float(np.average(rates[counted], weights=weights))


def _ratio(part: Any, whole: Any, zero_division: float) -> np.ndarray:
    """part / whole, with zero_division for 0 / 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    out = np.full(whole.shape, float(zero_division))
    return np.divide(part, whole, out=out, where=whole > 0)
