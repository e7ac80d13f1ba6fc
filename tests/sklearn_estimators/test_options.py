"""Options and data that make no sense: a clear error, and nothing is changed."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from minidl import ArgumentError, MinidlError, schedules
from minidl.sklearn import MLPClassifier, MLPRegressor
from minidl.train import Checkpoint, EarlyStopping, ReduceOnPlateau, WeightAverage

X, Y = load_iris(return_X_y=True)

WRONG = [
    ({"solver": "newton"}, r"solver to be one of 'lbfgs', 'sgd', 'adam', got solver='newton'"),
    ({"alpha": -1}, "alpha to be a finite number from 0 up"),
    ({"batch_size": 0}, "batch_size to be 'auto' or a whole number from 1 up"),
    ({"learning_rate": "fast"}, "learning_rate to be 'constant', 'invscaling', 'adaptive' or"),
    ({"learning_rate_init": 0}, "learning_rate_init to be a finite number above 0"),
    ({"max_iter": 1.5}, "max_iter to be a whole number from 1 up"),
    ({"momentum": 2}, "momentum to be from 0 to 1"),
    ({"beta_1": 1}, r"beta_1 to be a number in \[0, 1\)"),
    ({"n_iter_no_change": 0}, "n_iter_no_change to be a whole number from 1 up, or inf"),
    ({"random_state": -1}, "random_state to be None, a seed"),
    ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes > 0"),
    ({"hidden_layer_sizes": "3"}, "hidden_layer_sizes > 0"),
    ({"activation": "rellu"}, "Try: 'relu'"),
    ({"activation": ["relu"], "hidden_layer_sizes": (3, 3)}, "2 activations, one per hidden"),
    ({"dropout": 1.0}, r"dropout to be a number in \[0, 1\)"),
    ({"max_norm": 0}, "max_norm to be None or a finite number above 0"),
    ({"maxout_pieces": 0}, "maxout_pieces to be a whole number"),
    ({"callbacks": [print]}, "callbacks to be None or a list of callbacks"),
    ({"progress": "bar"}, "progress to be True, False or 'line'"),
    ({"n_threads": 0}, "n_threads to be None or a whole number from 1 up"),
    ({"solver": "lbfgs", "dropout": 0.1}, "dropout=0.0 with solver='lbfgs', got dropout=0.1"),
    ({"solver": "lbfgs", "batch_norm": True}, "batch_norm=False with solver='lbfgs'"),
    ({"solver": "lbfgs", "max_norm": 3}, "max_norm=None with solver='lbfgs'"),
    ({"loss": "squares"}, "loss to be one of"),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_options(kind, options, message):
    estimator = kind(**options)
    with pytest.raises(ArgumentError, match=f"{kind.__name__}: expected .*{message}|{message}"):
        estimator.fit(X, Y)
    assert not hasattr(estimator, "coefs_")
    before = kind(max_iter=1, random_state=0).fit(X, Y)
    predicted = before.predict(X)
    with pytest.raises(ArgumentError):
        before.set_params(**options).fit(X, Y)
    before.set_params(**kind(max_iter=1).get_params())
    np.testing.assert_array_equal(before.predict(X), predicted)


@pytest.mark.parametrize(
    ("callback", "options", "message"),
    [
        (WeightAverage(), {"early_stopping": True}, "early_stopping=False with WeightAverage"),
        (EarlyStopping(), {"early_stopping": True}, "early_stopping=False with EarlyStopping"),
        (
            ReduceOnPlateau(),
            {"learning_rate": schedules.cosine(9)},
            "learning_rate='constant' with",
        ),
        (ReduceOnPlateau(), {"learning_rate": "adaptive", "solver": "sgd"}, "='constant' with Red"),
        (Checkpoint("nowhere"), {}, "Checkpoint, from which fit cannot resume. Try: BestWeights"),
    ],
)
def test_a_callback_that_an_option_would_overrule(callback, options, message):
    with pytest.raises(ArgumentError, match=message):
        MLPClassifier(callbacks=[callback], **options).fit(X, Y, X_val=X, y_val=Y)


@pytest.mark.parametrize("wrong", ["balance", 2, ["balanced"]])
def test_wrong_class_weight(wrong):
    with pytest.raises(ValueError, match="class_weight"):
        MLPClassifier(class_weight=wrong).fit(X, Y)


def test_smoothed_hinge():
    with pytest.raises(ArgumentError, match="label_smoothing=0 with loss='hinge'"):
        MLPClassifier(loss="hinge", label_smoothing=0.1).fit(X, Y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sample_weight": np.full(150, -1.0)}, "sample_weight of finite numbers from 0 up"),
        ({"sample_weight": np.ones(3)}, r"sample_weight of shape \(150,\)"),
        ({"sample_weight": np.zeros(150)}, "weights that are all zero"),
        ({"X_val": X}, "X_val and y_val together, got y_val=None"),
        ({"y_val": Y}, "X_val and y_val together, got X_val=None"),
        ({"sample_weight_val": np.ones(150)}, "X_val and y_val together, got X_val=None"),
        ({"X_val": X[:, :2], "y_val": Y}, "expecting 4 features"),
        ({"X_val": X, "y_val": Y + 1}, "classes not in"),
    ],
)
def test_wrong_data(given, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier().fit(X, Y, **given)


def test_partial_fit():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier().partial_fit(X, Y)
    with pytest.raises(ValueError, match="'balanced' is not known to partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    for kind in (MLPClassifier, MLPRegressor):
        assert not hasattr(kind(solver="lbfgs"), "partial_fit")


def test_counts_below_zero():
    with pytest.raises(ValueError, match="'poisson' needs y >= 0"):
        MLPRegressor("poisson").fit(X, Y - 1)


def test_errors_are_minidls():
    with pytest.raises(MinidlError):
        MLPClassifier(alpha=np.nan).fit(X, Y)
