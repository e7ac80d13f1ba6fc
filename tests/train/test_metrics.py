"""Metrics against scikit-learn, and where it has no answer, the definition."""

import numpy as np
import pytest
import sklearn.metrics as sk

import minidl
from minidl.train import accuracy, confusion_matrix, f1, r2, top_k
from minidl.train.metrics import find

RNG = np.random.default_rng(5)
Y = RNG.integers(0, 4, 200)
SCORES = RNG.normal(size=(200, 5)).astype(np.float32)  # class 4 is never true
PREDICTED = SCORES.argmax(1)
ROUNDING = 1e-12  # of sums of some hundred float64 numbers around 1


def test_accuracy_and_confusion_are_scikit_learns():
    assert accuracy(Y, SCORES) == sk.accuracy_score(Y, PREDICTED)
    expected = sk.confusion_matrix(Y, PREDICTED, labels=range(5))
    np.testing.assert_array_equal(confusion_matrix(Y, SCORES), expected)
    np.testing.assert_array_equal(confusion_matrix(Y, PREDICTED, classes=5), expected)


@pytest.mark.parametrize("k", [1, 2, 4, 5, 9])
def test_top_k_is_scikit_learns(k):
    expected = 1.0 if k >= 5 else sk.top_k_accuracy_score(Y, SCORES, k=k, labels=range(5))
    assert top_k(Y, SCORES, k) == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize("average", ["macro", "weighted", "micro", None])
def test_f1_is_scikit_learns(average):
    # Here class 3 is neither true nor predicted.
    y, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 1, 2, 0])
    for truth, found in ((Y, PREDICTED), (y, predicted)):
        expected = sk.f1_score(truth, found, average=average)
        np.testing.assert_allclose(f1(truth, found, average), expected, atol=ROUNDING)


@pytest.mark.parametrize("zero_division", [0.0, 1.0])
def test_f1_of_a_class_that_is_nowhere_is_zero_division(zero_division):
    expected = sk.f1_score(
        [0, 1], [0, 0], average=None, labels=range(3), zero_division=zero_division
    )
    got = f1([0, 1], [0, 0], average=None, zero_division=zero_division, classes=3)
    np.testing.assert_array_equal(got, expected)
    assert got[2] == zero_division
    assert f1([0, 1], [0, 0], zero_division=zero_division, classes=3) == pytest.approx(1 / 3)


def test_f1_of_two_classes():
    y, logits = np.array([0, 1, 1, 0, 1]), np.array([[-2.0], [0.5], [-0.1], [0.0], [3.0]])
    expected = sk.f1_score(y, logits[:, 0] > 0)
    assert f1(y, logits, "binary") == pytest.approx(expected, abs=ROUNDING)
    assert f1([0, 0], [0, 0], "binary", zero_division=1.0) == 1.0
    with pytest.raises(minidl.ArgumentError, match="two classes"):
        f1(Y, PREDICTED, "binary")


@pytest.mark.parametrize("columns", [1, 3])
def test_r2_is_scikit_learns(columns):
    y = RNG.normal(size=(50, columns)) + 100
    found = y + RNG.normal(size=y.shape)
    assert r2(y, found) == pytest.approx(sk.r2_score(y, found), abs=1e-9)  # 100² / variance
    if columns == 1:
        assert r2(y[:, 0], found) == r2(y, found)


def test_r2_of_a_constant_is_scikit_learns():
    for found in ([2.0, 2.0], [2.0, 3.0]):
        assert r2([2.0, 2.0], found) == sk.r2_score([2.0, 2.0], found)
    assert np.isnan(r2([1.0], [1.0]))
    assert np.isnan(r2([1.0, 2.0], [1.0, np.nan]))
    assert np.isnan(r2([1.0, 1.0], [1.0, np.nan]))


def test_rows_that_are_nan_are_wrong():
    scores = np.array([[np.nan, 1.0], [0.0, 1.0], [1.0, 0.0]])
    y = [1, 1, 0]
    assert accuracy(y, scores) == pytest.approx(2 / 3)
    assert top_k(y, scores, k=2) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(confusion_matrix(y, scores), [[1, 0], [0, 1]])
    # class 0: F1 of 1; class 1: one hit, one missed, none wrongly taken
    assert f1(y, scores, "macro") == pytest.approx((1 + 2 / 3) / 2)
    assert f1(y, scores) == pytest.approx(2 / 3)
    assert accuracy([0], np.array([np.nan])) == 0.0


def test_equal_scores_count_for_the_first():
    constant = np.zeros((4, 3))
    assert [top_k([0, 1, 2, 2], constant, k) for k in (1, 2, 3)] == [0.25, 0.5, 1.0]
    assert accuracy([0, 1, 2, 2], constant) == 0.25


def test_rows_for_classes_are_taken():
    one_hot = np.eye(5)[Y]
    assert accuracy(one_hot, minidl.tensor(SCORES)) == accuracy(Y, SCORES)
    assert accuracy(Y[:, None], SCORES) == accuracy(Y, SCORES)


def test_no_rows():
    assert np.isnan(accuracy(np.empty(0, int), np.empty((0, 3))))
    assert f1(np.empty(0, int), np.empty((0, 3)), zero_division=0.5) == 0.5
    assert (
        confusion_matrix(np.empty(0, int), np.empty((0, 3))).tolist() == np.zeros((3, 3)).tolist()
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy(Y[:-1], SCORES), "y of 200 rows"),
        (lambda: accuracy(Y + 0.5, SCORES), "whole numbers"),
        (lambda: accuracy(Y - 1, SCORES), "classes from 0 up"),
        (lambda: top_k(Y + 2, SCORES), "classes from 0 to 4"),
        (lambda: top_k(Y, SCORES, 0), "k: a whole number"),
        (lambda: top_k(Y, PREDICTED), r"\(n, classes\)"),
        (lambda: confusion_matrix(Y, PREDICTED, classes=3), "classes from 0 to 2"),
        (lambda: f1(Y, SCORES, "median"), "average"),
        (lambda: r2([1.0, 2.0], [[1.0, 2.0]]), "y's shape"),
        (lambda: find("acc"), "one of accuracy"),
        (lambda: find("top_x"), "one of accuracy"),
        (lambda: find(3), "a name or a function"),
    ],
)
def test_errors(call, message):
    with pytest.raises(minidl.MinidlError, match=message):
        call()


def test_names():
    assert find("top_3")[1](Y, SCORES) == top_k(Y, SCORES, 3)
    assert find(accuracy) == ("accuracy", accuracy)
