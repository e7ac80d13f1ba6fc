"""What is true and what is predicted, from the arguments of a metric.

`outputs` may be scores (n, classes), of which the largest wins (the first of equal ones); one score
(n,) or (n, 1), where a score above 0 means class 1, as for a logit; or whole numbers (n,), the
classes themselves. `y` holds classes (n,), or rows (n, classes) whose largest number marks the true
class. Beside one score, the classes may also be -1 and 1, as for `hinge`. A row of scores with NaN
predicts no class: it is wrong.

With `multi_label` each column is a label of its own, which a row has or does not have: y is
(n, labels) of 0 and 1, or -1 and 1; scores (n, labels) above 0 mean yes. A score of NaN is wrong.
"""

from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...errors import ArgumentError, DTypeError, ShapeError, explain
from ...tools.checks import is_whole

NO_CLASS = -1


def as_array(values: Any) -> np.ndarray:
    """The array of a tensor, or of other data."""
    return values.data if isinstance(values, Tensor) else np.asarray(values)


def has_columns(array: np.ndarray) -> bool:
    """Whether this is (n, columns) with more than one of them."""
    return array.ndim == 2 and array.shape[1] > 1


def truth_and_prediction(
    operation: str, y: Any, outputs: Any, multi_label: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted classes (n,), or labels (n, labels) of 0 and 1; int64. A row with
    NaN predicts NO_CLASS."""
    truth, scores = as_array(y), as_array(outputs)
    if multi_label and (has_columns(truth) or has_columns(scores)):
        return labels_of(operation, truth, scores)
    return classes_of(operation, truth, scores)


def labels_of(
    operation: str, truth: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted labels of every row, int64 (n, labels) both."""
    if truth.shape != scores.shape:
        expected = f"y of the outputs' shape {scores.shape}, a column for each label"
        raise ShapeError(explain(operation, expected, truth.shape))
    return no_or_yes(operation, truth), yes_above_0(scores)


def classes_of(operation: str, y: Any, outputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted class of every row, int64 (n,) both."""
    scores = as_array(outputs)
    if scores.ndim not in (1, 2) or (scores.ndim == 2 and scores.shape[1] == 0):
        expected = "outputs of shape (n,), (n, 1) or (n, classes)"
        raise ShapeError(explain(operation, expected, scores.shape))
    if has_columns(scores):
        is_known = ~np.isnan(scores).any(axis=1)
        predicted = np.where(is_known, scores.argmax(axis=1), NO_CLASS)
        return true_classes(operation, y, scores), predicted
    if scores.dtype.kind == "f":
        truth = as_array(y)
        truth = named_classes(operation, truth, 2) if has_columns(truth) else truth
        truth = no_or_yes(operation, one_for_each(operation, truth, len(scores)))
        return truth, yes_above_0(scores.reshape(-1))
    predicted = whole_numbers(operation, "outputs", scores.reshape(-1))
    return true_classes(operation, y, scores), predicted


def true_classes(operation: str, y: Any, outputs: np.ndarray) -> np.ndarray:
    """The class of every row, int64 (n,); below the number of the outputs' columns."""
    truth = as_array(y)
    columns = outputs.shape[1] if has_columns(outputs) else None
    if has_columns(truth):
        truth = named_classes(operation, truth, columns)
    classes = whole_numbers(operation, "y", one_for_each(operation, truth, len(outputs)))
    if columns is not None:
        require_classes(operation, classes, columns)
    return classes


def named_classes(operation: str, rows: np.ndarray, columns: int | None) -> np.ndarray:
    """The column of every row's largest number, which must be unique."""
    if columns is not None and rows.shape[1] != columns:
        expected = f"y of {columns} columns, as many as the outputs have classes"
        raise ShapeError(explain(operation, expected, rows.shape))
    largest = (rows == rows.max(axis=1, keepdims=True)).sum(axis=1)
    if (largest != 1).any():
        at = int((largest != 1).argmax())
        expected = "one class for each row of y, its largest number"
        got = f"{rows[at][:8].tolist()} at row {at}"
        raise ArgumentError(explain(operation, expected, got, "multi_label=True"))
    return rows.argmax(axis=1)


def one_for_each(operation: str, truth: np.ndarray, rows: int) -> np.ndarray:
    """y (n,) or (n, 1) as (n,)."""
    if truth.shape not in ((rows,), (rows, 1)):
        raise ShapeError(explain(operation, f"y of {rows} rows, as the outputs", truth.shape))
    return truth.reshape(-1)


def whole_numbers(operation: str, name: str, array: np.ndarray) -> np.ndarray:
    """Classes from 0 up, int64."""
    if array.dtype.kind not in "biuf":
        expected = f"{name} of classes, whole numbers from 0 up"
        hint = f"np.unique({name}, return_inverse=True)[1]"
        raise DTypeError(explain(operation, expected, array.dtype, hint))
    if array.dtype.kind == "f" and not (array == np.floor(array)).all():
        expected = f"{name} of whole numbers, classes"
        raise ArgumentError(explain(operation, expected, "fractions or NaN", "r2"))
    if len(array) and array.min() < 0:
        raise ArgumentError(explain(operation, f"{name} of classes from 0 up", array.min()))
    return array.astype(np.int64)


def no_or_yes(operation: str, truth: np.ndarray) -> np.ndarray:
    """Labels 0 and 1, or -1 and 1, as 0 and 1, int64."""
    is_signed = truth.dtype.kind in "if" and (truth == -1).any()
    if not np.isin(truth, (-1, 1) if is_signed else (0, 1)).all():
        values = ", ".join(map(str, np.unique(truth)[:4]))
        expected = "y of 0 and 1, or of -1 and 1, where a score above 0 means 1"
        hint = "a score for each class, or r2 for quantities"
        raise ArgumentError(explain(operation, expected, f"values {values} ...", hint))
    return (truth == 1).astype(np.int64)


def yes_above_0(scores: np.ndarray) -> np.ndarray:
    """1 where the score is above 0, else 0; NO_CLASS where it is NaN."""
    return np.where(np.isnan(scores), NO_CLASS, scores > 0).astype(np.int64)


def require_classes(operation: str, found: np.ndarray, classes: int) -> None:
    """ArgumentError unless all are below the number of classes."""
    if len(found) and found.max() >= classes:
        raise ArgumentError(explain(operation, f"classes from 0 to {classes - 1}", found.max()))


def class_count(
    operation: str, truth: np.ndarray, predicted: np.ndarray, outputs: Any, classes: Any
) -> int:
    """The number of classes: that of the scores, else `classes`, else from the largest class."""
    scores = as_array(outputs)
    if classes is None and has_columns(scores):
        return int(scores.shape[1])
    if classes is None and scores.dtype.kind == "f":
        return 2
    if classes is None:
        return 1 + int(max(truth.max(initial=0), predicted.max(initial=0)))
    if not is_whole(classes, 1):
        raise ArgumentError(explain(operation, "classes: a whole number from 1 up", repr(classes)))
    require_classes(operation, truth, classes)
    require_classes(operation, predicted, classes)
    return int(classes)
