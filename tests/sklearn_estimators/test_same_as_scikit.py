"""minidl's estimators against scikit-learn's: the same weights from the same seed.

Both compute in float64 in another order, so they differ by rounding: 1e-14 in the cases here. The
bound leaves room for what other processors make of it.
"""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

import minidl.sklearn

IRIS = load_iris(return_X_y=True)
CLOSE = {"rtol": 1e-7, "atol": 1e-9}


def both(kind, X, y, method="fit", times=1, weights=None, **options):
    """scikit-learn's estimator and minidl's, trained alike."""
    pair = []
    for room in (neural_network, minidl.sklearn):
        estimator = getattr(room, kind)(random_state=3, **{"max_iter": 12} | options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for _ in range(times):
                given = {"classes": np.unique(y)} if method == "partial_fit" else {}
                getattr(estimator, method)(X, y, sample_weight=weights, **given)
        pair.append(estimator)
    return pair


def assert_same(theirs, ours):
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert ours.out_activation_ == theirs.out_activation_
    for own, other in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        np.testing.assert_allclose(own, other, **CLOSE)


SOLVERS = [
    {"solver": "sgd"},
    {"solver": "sgd", "nesterovs_momentum": False, "shuffle": False},
    {"solver": "sgd", "momentum": 0},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1},
    {"solver": "adam", "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2},
    {"solver": "lbfgs"},
]


@pytest.mark.parametrize(
    "options", SOLVERS, ids=lambda options: "-".join(map(str, options.values()))
)
@pytest.mark.parametrize("classes", [2, 3])
def test_solvers(options, classes):
    X, y = IRIS
    # 150 rows in batches of 40: the last has 30, and another weight decay.
    pair = both("MLPClassifier", X, y.clip(max=classes - 1), batch_size=40, alpha=0.3, **options)
    assert_same(*pair)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_activations(activation):
    pair = both("MLPClassifier", *IRIS, activation=activation, hidden_layer_sizes=(7, 5))
    assert_same(*pair)
    theirs, ours = (estimator.predict_proba(IRIS[0]) for estimator in pair)
    np.testing.assert_allclose(ours, theirs, **CLOSE)


def test_no_hidden_layer():
    assert_same(*both("MLPClassifier", *IRIS, hidden_layer_sizes=(), activation="logistic"))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_several_labels(solver):
    X, y = make_multilabel_classification(60, random_state=0)
    pair = both("MLPClassifier", X, y, solver=solver, batch_size=32)
    assert_same(*pair)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        theirs, ours = (getattr(estimator, method)(X) for estimator in pair)
        np.testing.assert_allclose(ours, theirs, **CLOSE)


def test_the_loss_of_lbfgs_for_several_outputs():
    """Is shown as a mean over them. The weights are not scikit-learn's: its line search is given
    this mean with the gradient of the sum."""
    X, y = make_regression(70, 4, n_targets=3, random_state=0)
    y /= y.std()
    _, ours = both("MLPRegressor", X, y, solver="lbfgs", alpha=0.5)
    penalty = 0.5 * 0.5 * sum((W * W).sum() for W in ours.coefs_) / len(X)
    expected = 0.5 * ((ours.predict(X) - y) ** 2).mean() + penalty
    assert ours.loss_ == ours.loss_curve_[-1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("targets", [1, 2])
def test_regression(loss, targets):
    X, y = make_regression(70, 4, n_targets=targets, random_state=0)
    y = np.abs(y / y.std())
    pair = both("MLPRegressor", X, y, loss=loss, alpha=1e-9, batch_size=32)
    assert_same(*pair)
    assert pair[1].loss_ == pytest.approx(pair[0].loss_, rel=1e-6)
    theirs, ours = (estimator.predict(X) for estimator in pair)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, **CLOSE)


@pytest.mark.parametrize(
    ("kind", "solver"),
    [("MLPClassifier", "sgd"), ("MLPRegressor", "adam"), ("MLPClassifier", "lbfgs")],
)
def test_sample_weights(kind, solver):
    X, y = IRIS
    weights = np.random.default_rng(0).uniform(0.1, 3, len(X))
    assert_same(*both(kind, X, y, weights=weights, solver=solver, batch_size=40, alpha=0.3))


def test_one_weight_for_all():
    assert_same(*both("MLPRegressor", *IRIS, weights=2.0, batch_size=40))


def test_sparse_rows():
    X, y = IRIS
    X = np.where(X > 2, X, 0)
    theirs, ours = both("MLPClassifier", sparse.csr_array(X), y, batch_size=40)
    assert_same(theirs, ours)
    np.testing.assert_array_equal(ours.predict_proba(sparse.csc_array(X)), ours.predict_proba(X))


def test_partial_fit():
    assert_same(*both("MLPClassifier", *IRIS, "partial_fit", times=3, batch_size=40))


def test_warm_start():
    pair = both("MLPClassifier", *IRIS, times=2, warm_start=True, solver="sgd")
    assert_same(*pair)
    assert len(pair[1].loss_curve_) == len(pair[0].loss_curve_) == 24


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_early_stopping(kind, classes):
    X, y = IRIS[0], IRIS[1].clip(max=classes - 1)
    pair = both(kind, X, y, early_stopping=True, learning_rate_init=0.03, max_iter=40,
                n_iter_no_change=3)  # fmt: skip
    assert_same(*pair)
    theirs, ours = pair
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, **CLOSE)
    assert ours.best_validation_score_ == pytest.approx(theirs.best_validation_score_)
    assert ours.best_loss_ is None


def test_early_stopping_after_a_warm_start_keeps_the_best_of_both():
    """scikit-learn means to: its best weights are the array that it goes on training."""
    options = {"warm_start": True, "early_stopping": True, "solver": "sgd", "batch_size": 10}
    _, ours = both("MLPClassifier", *IRIS, learning_rate_init=0.01, **options)
    best = ours.coefs_[0].copy()
    # A rate so large that nothing gets better.
    ours.set_params(learning_rate_init=2.0, n_iter_no_change=1).fit(*IRIS)
    assert ours.validation_scores_[-1] < ours.best_validation_score_
    np.testing.assert_array_equal(ours.coefs_[0], best)


def test_the_loss_curve_of_one_batch_is_exact():
    theirs, ours = both("MLPClassifier", *IRIS, alpha=5.0)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, **CLOSE)
    assert ours.best_loss_ == pytest.approx(theirs.best_loss_, rel=1e-7)


def test_the_loss_curve_of_several_batches_takes_the_penalty_to_change_evenly():
    theirs, ours = both("MLPClassifier", *IRIS, alpha=5.0, batch_size=10)
    without, _ = both("MLPClassifier", *IRIS, alpha=0.0, batch_size=10)
    penalty = np.subtract(theirs.loss_curve_, without.loss_curve_)
    assert penalty.min() > 1, "the penalty is most of the loss"
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=2e-3)


def test_float32():
    X, y = IRIS
    theirs, ours = both("MLPClassifier", X.astype(np.float32), y)
    assert {a.dtype for a in ours.coefs_ + ours.intercepts_} == {np.dtype(np.float32)}
    assert ours.predict_proba(X).dtype == np.float32
    for own, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)
