"""Rows of a pair (x, y): which are kept for validation, and how much each of the others counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from ..tools.checks import is_number

LABELS = "y of class labels (n,): whole numbers"


def split(y: np.ndarray, share: float, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The rows for training and for validation, both in order. A random share of the rows is for
    validation. Labels (n,) are split class by class (stratified): of each class, the number of
    rows for validation is at most one off the share. The rows depend on the seed alone; None is 0.

    The rows are shuffled, sorted by class, and taken at equal distances. ArgumentError unless the
    share is between 0 and 1 and leaves rows on both sides.

    >>> train, validation = split(np.array([0, 0, 0, 0, 1, 1]), 0.5, seed=0)
    >>> len(train), [0, 0, 0, 0, 1, 1][validation[0]], [0, 0, 0, 0, 1, 1][validation[-1]]
    (3, 0, 1)
    """
    if not (is_number(share) and 0 < share < 1):
        expected = "validation_split: a share between 0 and 1"
        raise ArgumentError(explain("fit", expected, repr(share), "0.1"))
    count = round(share * len(y))
    if not 0 < count < len(y):
        expected = "rows to train with and rows for validation"
        raise ArgumentError(explain("fit", expected, f"{share:g} of {len(y)} rows"))
    random = np.random.default_rng((seed or 0, 0, 1))  # not that of an epoch's order
    order = random.permutation(len(y))
    if are_labels(y):
        order = order[np.argsort(y.reshape(-1)[order], kind="stable")]
    places = ((np.arange(count) + random.random()) * (len(y) / count)).astype(np.int64)
    validation = order[places.clip(max=len(y) - 1)]
    return np.setdiff1d(order, validation), np.sort(validation)


def are_labels(y: np.ndarray) -> bool:
    """Whether these are whole numbers, one for each row."""
    return y.size == len(y) and y.dtype.kind in "biu"


def class_weights(y: np.ndarray, class_weight: Any) -> np.ndarray:
    """The weight of each row: that of its class.

    - "balanced": n / (k n_c) for a class of n_c among n rows of k classes, so that all classes
      count alike; King, Zeng, "Logistic regression in rare events data", 2001
    - a dict from labels to weights; a class that it does not name has weight 1

    y has shape (n,) or (n, 1). ArgumentError for targets that are no labels, and for a name that is
    no label.

    >>> class_weights(np.array([0, 0, 0, 1]), "balanced")
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    >>> class_weights(np.array([0, 0, 0, 1]), {1: 5.0})
    array([1., 1., 1., 5.])
    """
    flat = y.reshape(-1)
    if y.size != len(y) or not (flat == np.floor(flat)).all():
        hint = "y.argmax(1) of one-hot rows" if y.ndim == 2 else ""
        got = f"{y.dtype} of shape {y.shape}"
        raise ArgumentError(explain("class_weight", LABELS, got, hint))
    labels, which, counts = np.unique(flat, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str) and class_weight == "balanced":
        return (len(flat) / (len(labels) * counts))[which]
    if not isinstance(class_weight, Mapping):
        expected = "class_weight: 'balanced', or a dict from labels to weights"
        raise ArgumentError(explain("fit", expected, repr(class_weight), "{0: 1.0, 1: 5.0}"))
    unknown = [label for label in class_weight if label not in labels.tolist()]
    if unknown:
        expected = f"class_weight of the labels {', '.join(map(str, labels[:10].tolist()))}"
        raise ArgumentError(explain("fit", expected, repr(unknown[0])))
    values = [class_weight.get(label, 1.0) for label in labels.tolist()]
    if not all(is_number(value) for value in values):
        expected = "class_weight of numbers"
        raise ArgumentError(explain("fit", expected, repr(class_weight)))
    return np.array(values, np.float64)[which]
