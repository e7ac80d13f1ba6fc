"""Metrics of outputs that predict a class: accuracy, top-k, the confusion matrix."""

from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError, explain
from ...tools.checks import is_whole
from .labels import (
    NO_CLASS,
    as_array,
    class_count,
    classes_of,
    require_classes,
    true_classes,
    truth_and_prediction,
)


def accuracy(
    y: Any, outputs: Any, multi_label: bool = False, sample_weight: Any = None
) -> float:  # fmt: skip
    """The share of rows whose predicted class is the true class; NaN for no rows. With weights
    (n,), the share of the weights.

    y and outputs are (n,) classes, (n, classes) scores, or (n,) scores for class 1. With
    `multi_label` a row is right if all of its labels are (subset accuracy). ShapeError or
    ArgumentError for y and outputs that do not fit each other.

    >>> accuracy([0, 1, 1], [[2.0, 1.0], [0.0, 3.0], [1.0, 0.5]])
    0.6666666666666666
    >>> accuracy([[0, 1], [1, 1]], [[-2.0, 3.0], [0.5, -1.0]], multi_label=True)
    0.5
    """
    truth, predicted = truth_and_prediction("accuracy", y, outputs, multi_label)
    is_right = truth == predicted
    return _share(is_right.all(axis=1) if is_right.ndim == 2 else is_right, sample_weight)


def top_k(y: Any, outputs: Any, k: int = 5, sample_weight: Any = None) -> float:
    """The share of rows whose true class is among the k largest of its scores (n, classes). With
    weights (n,), the share of the weights.

    Of equal scores the first counts as the largest, so k = 1 gives the accuracy. ArgumentError for
    k below 1, ShapeError for outputs that are not (n, classes).

    >>> top_k([2, 0], [[0.1, 0.5, 0.4], [0.2, 0.5, 0.3]], k=2)
    0.5
    """
    if not is_whole(k, 1):
        raise ArgumentError(explain("top_k", "k: a whole number from 1 up", repr(k)))
    scores = as_array(outputs)
    if scores.ndim != 2:
        raise ShapeError(explain("top_k", "outputs of shape (n, classes)", scores.shape))
    truth = true_classes("top_k", y, scores)
    require_classes("top_k", truth, scores.shape[1])
    own = scores[np.arange(len(scores)), truth][:, None]
    earlier = np.arange(scores.shape[1]) < truth[:, None]
    before = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return _share((before < k) & ~np.isnan(scores).any(axis=1), sample_weight)


def confusion_matrix(
    y: Any, outputs: Any, classes: int | None = None, sample_weight: Any = None
) -> np.ndarray:
    """The number of rows of class i that were predicted as class j, at [i, j].

    The result is int64 (classes, classes); float64 sums of weights, if the rows have them. Without
    `classes`, their number is that of the scores, or follows from the largest class. A row without
    a predicted class is left out.

    >>> confusion_matrix([0, 1, 1], [[2.0, 1.0], [0.0, 3.0], [1.0, 0.5]])
    array([[1, 0],
           [1, 1]])
    """
    truth, predicted = classes_of("confusion_matrix", y, outputs)
    count = class_count("confusion_matrix", truth, predicted, outputs, classes)
    known = predicted != NO_CLASS
    pairs = truth[known] * count + predicted[known]
    weights = None if sample_weight is None else np.asarray(sample_weight)[known]
    return np.bincount(pairs, weights, count * count).reshape(count, count)


def _share(hits: np.ndarray, weights: Any) -> float:
    if weights is not None:
        return float(np.average(hits, weights=weights))
    return int(np.count_nonzero(hits)) / len(hits) if len(hits) else float("nan")
