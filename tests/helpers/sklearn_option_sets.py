"""Options of the estimators drawn from their whole space, for `test_option_sets.py`."""

import warnings
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

import minidl.sklearn

# Of the largest weight: over 150 sets the difference is below 1e-13, but for one of 1.3e-9.
CLOSE = 1e-7


def drawn(seed: int) -> tuple[str, np.ndarray, np.ndarray, dict[str, Any]]:
    """An estimator's name, data and options, as the seed has them."""
    random = np.random.default_rng(seed)

    def one_of(*things: Any) -> Any:
        return things[random.integers(len(things))]

    solver = one_of("sgd", "adam")
    options: dict[str, Any] = {
        "solver": solver,
        "random_state": int(random.integers(1000)),
        "hidden_layer_sizes": one_of((8,), (5,), (6, 4), ()),
        "activation": one_of("relu", "tanh", "logistic", "identity"),
        "alpha": 10 ** random.uniform(-6, 1),
        "batch_size": one_of("auto", 16, 40, 33),
        "learning_rate_init": one_of(0.003, 0.01, 0.03),
        "max_iter": one_of(20, 60, 100),
        "shuffle": one_of(True, True, False),
        "tol": one_of(1e-4, 1e-3, 1e-2),
        "n_iter_no_change": one_of(1, 3, 10),
        "early_stopping": one_of(False, False, False, True),
    }
    if solver == "sgd":
        options |= {
            "learning_rate": one_of("constant", "invscaling", "adaptive"),
            "power_t": one_of(0.5, 0.1),
            "momentum": one_of(0.0, 0.5, 0.9),
            "nesterovs_momentum": one_of(True, False),
        }
    else:
        options |= {"beta_1": one_of(0.9, 0.5), "beta_2": one_of(0.999, 0.9)}
    kind = one_of("MLPClassifier", "MLPRegressor")
    rows, state = int(random.integers(60, 150)), int(random.integers(1000))
    if kind == "MLPRegressor":
        X, y = make_regression(rows, 5, n_targets=one_of(1, 2), noise=5, random_state=state)
        y = y / y.std()
    elif one_of(True, False):
        X, y = load_iris(return_X_y=True)
    else:
        X, y = make_classification(rows, 6, random_state=state)
    return kind, StandardScaler().fit_transform(X), y, options


def fitted(room: Any, kind: str, X: np.ndarray, y: np.ndarray, options: dict[str, Any]) -> Any:
    """The estimator of scikit-learn's or of minidl's room, trained."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(room, kind)(**options).fit(X, y)


def distance(one: Any, other: Any) -> float:
    """The largest difference of two estimators' weights, by the largest weight of its layer."""
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return float(max(np.abs(a - b).max() / max(np.abs(a).max(), 1e-9) for a, b in pairs))


def compared(seed: int) -> tuple[int, int, float]:
    """scikit-learn's and minidl's n_iter_, and the largest difference of their weights, by the
    largest weight."""
    kind, X, y, options = drawn(seed)
    theirs, ours = (fitted(room, kind, X, y, options) for room in (neural_network, minidl.sklearn))
    if ours.n_iter_ != theirs.n_iter_:
        return theirs.n_iter_, ours.n_iter_, float("inf")
    return theirs.n_iter_, ours.n_iter_, distance(theirs, ours)


def moved_by_rounding(seed: int) -> float:
    """How far scikit-learn's weights move where all data are the next larger numbers.

    Adam divides by the root of the gradient's mean square; where both vanish, rounding decides.
    """
    kind, X, y, options = drawn(seed)
    moved = np.nextafter(X, np.inf)
    return distance(*(fitted(neural_network, kind, data, y, options) for data in (X, moved)))
