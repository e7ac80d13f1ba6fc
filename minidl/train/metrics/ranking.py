"""The area under the ROC curve."""

from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError, explain
from .labels import as_array, classes_of, has_columns, no_or_yes, one_for_each, require_classes


def auc(y: Any, outputs: Any, multi_label: bool = False, sample_weight: Any = None) -> float:
    """The area under the ROC curve: the probability that a row of class 1 has a higher score than
    a row of class 0, where equal scores count half.

    For two classes: one score (n,) or (n, 1), or two (n, 2), of which the difference counts. With
    `multi_label`, the mean over the labels; y and outputs are (n, labels). With weights (n,), a
    pair of rows counts the product of theirs. NaN if a class does not occur, or a score is NaN.
    ShapeError or ArgumentError for outputs of more classes.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75

    Hanley, McNeil, "The meaning and use of the area under a receiver operating characteristic
    (ROC) curve", Radiology 143, 1982.
    """
    truth, scores = as_array(y), as_array(outputs)
    if multi_label and has_columns(truth):
        if truth.shape != scores.shape:
            raise ShapeError(explain("auc", f"outputs of y's shape {truth.shape}", scores.shape))
        columns = zip(no_or_yes("auc", truth).T, scores.T, strict=True)
        return float(np.mean([_area(labels, column, sample_weight) for labels, column in columns]))
    if has_columns(scores):
        if scores.shape[1] > 2:
            hint = "f1_macro, or multi_label=True where each column is a label of its own"
            raise ArgumentError(explain("auc", "two classes", scores.shape[1], hint))
        labels, _ = classes_of("auc", truth, scores)
        require_classes("auc", labels, 2)
        difference = np.subtract(scores[:, 1], scores[:, 0], dtype=np.float64)
        return _area(labels, difference, sample_weight)
    if scores.shape not in ((len(truth),), (len(truth), 1)):
        raise ShapeError(explain("auc", "outputs of shape (n,), (n, 1) or (n, 2)", scores.shape))
    labels = no_or_yes("auc", one_for_each("auc", truth, len(scores)))
    return _area(labels, scores.reshape(-1), sample_weight)


def _area(labels: np.ndarray, scores: np.ndarray, weights: Any) -> float:
    """For each row of class 1, the weight of the rows of class 0 with a lower score, and half of
    that with an equal one, as a share of all pairs."""
    w = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    _, place = np.unique(scores, return_inverse=True)
    ones, zeros = np.bincount(place, w * labels), np.bincount(place, w * (1 - labels))
    pairs = ones.sum() * zeros.sum()
    if not pairs or np.isnan(scores).any():
        return float("nan")
    return float(ones @ (np.cumsum(zeros) - zeros / 2) / pairs)
