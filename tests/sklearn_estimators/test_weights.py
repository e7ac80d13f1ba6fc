"""`coefs_` and `intercepts_` are the net's own; copies of an estimator are whole."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris

from minidl import ShapeError, nn, schedules
from minidl.sklearn import MLPClassifier

X, Y = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RICH = {
    "hidden_layer_sizes": (8, 6), "activation": ["prelu", "maxout"], "dropout": 0.2,
    "batch_norm": True, "max_norm": 2.0, "batch_size": 32, "max_iter": 4,
    "learning_rate": schedules.cosine(10), "random_state": 0,
}  # fmt: skip


def expected(estimator, x):
    """The scores of a ReLU net by NumPy."""
    *hidden, last = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    for W, b in hidden:
        x = np.maximum(x @ W + b, 0)
    W, b = last
    return x @ W + b


def test_what_is_written_into_them_is_what_the_net_computes_with():
    estimator = MLPClassifier((5,), max_iter=3, random_state=0).fit(X, Y)
    estimator.coefs_[0][...] = 0.1
    np.testing.assert_allclose(estimator.decision_function(X), expected(estimator, X), rtol=1e-12)
    estimator.coefs_[1] = np.arange(15).reshape(5, 3)  # another array, of integers
    estimator.intercepts_ = [np.ones(5), [1.0, 2.0, 3.0]]
    np.testing.assert_allclose(estimator.decision_function(X), expected(estimator, X), rtol=1e-12)
    assert {a.dtype for a in estimator.coefs_ + estimator.intercepts_} == {np.dtype(np.float64)}
    estimator.coefs_[1][0, 0] = 7.0
    np.testing.assert_allclose(estimator.decision_function(X), expected(estimator, X), rtol=1e-12)


def test_training_goes_on_from_what_was_set():
    estimator = MLPClassifier((5,), solver="sgd", momentum=0, learning_rate_init=1e-12, max_iter=2)
    estimator.fit(X, Y)
    estimator.coefs_[0] = np.full((4, 5), 0.25)
    estimator.partial_fit(X, Y)
    np.testing.assert_allclose(estimator.coefs_[0], 0.25, atol=1e-9)


def test_weights_of_another_shape_are_refused():
    estimator = MLPClassifier((5,), max_iter=2).fit(X, Y)
    estimator.coefs_[1] = np.ones((5, 4))
    with pytest.raises(ShapeError, match=r"coefs_\[1\]: expected an array of shape \(5, 3\)"):
        estimator.predict(X)


def by_joblib(estimator, folder):
    joblib.dump(estimator, folder / "file")
    return joblib.load(folder / "file")


COPIES = {
    "pickle": lambda estimator, _: pickle.loads(pickle.dumps(estimator)),
    "deepcopy": lambda estimator, _: copy.deepcopy(estimator),
    "joblib": by_joblib,
}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_has_the_same_bits_and_goes_on_with_them(how, solver, tmp_path):
    estimator = MLPClassifier(**RICH, solver=solver).fit(X, Y)
    other = COPIES[how](estimator, tmp_path)
    for _ in range(2):
        np.testing.assert_array_equal(other.predict_proba(X), estimator.predict_proba(X))
        for each in (estimator, other):
            each.partial_fit(X, Y)
    before = estimator.predict_proba(X)
    other.coefs_[0][...] = 0
    np.testing.assert_array_equal(estimator.predict_proba(X), before)
    assert (other.predict_proba(X) != before).any()


def test_a_clone_has_the_options_alone():
    estimator = MLPClassifier(**RICH | {"activation": nn.LeakyReLU(0.3)}).fit(X, Y)
    other = clone(estimator)
    assert not hasattr(other, "coefs_")
    np.testing.assert_array_equal(other.fit(X, Y).coefs_[0], estimator.coefs_[0])


def test_fit_starts_anew():
    estimator = MLPClassifier(**RICH).fit(X, Y)
    first = estimator.predict_proba(X)
    np.testing.assert_array_equal(estimator.fit(X, Y).predict_proba(X), first)
    assert len(estimator.loss_curve_) == 4


def test_minidls_random_numbers_are_left_alone():
    import minidl

    minidl.manual_seed(5)
    MLPClassifier(**RICH | {"dropout": 0.0}).fit(X, Y)
    assert minidl.random.generator().random() == np.random.default_rng(5).random()
