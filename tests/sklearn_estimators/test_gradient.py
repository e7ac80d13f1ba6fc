"""What L-BFGS is given: the gradient is that of the loss, by finite differences."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.preprocessing import LabelBinarizer

from minidl.sklearn import MLPClassifier, MLPRegressor
from minidl.sklearn.lbfgs import Objective

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4))
LABELS = np.arange(12) % 3

CASES = {
    "softmax": (MLPClassifier(), LABELS),
    "smoothed": (MLPClassifier(label_smoothing=0.2), LABELS),
    "logistic": (MLPClassifier(), LABELS > 0),
    "several": (MLPClassifier(), LabelBinarizer().fit_transform(LABELS)),
    "hinge": (MLPClassifier(loss="hinge"), LABELS > 0),
    "multi hinge": (MLPClassifier(loss="hinge"), LABELS),
    "several hinge": (MLPClassifier(loss="hinge"), LabelBinarizer().fit_transform(LABELS)),
    "squares": (MLPRegressor(), RNG.normal(size=(12, 3))),
    "huber": (MLPRegressor("huber"), RNG.normal(size=(12, 2))),
    "poisson": (MLPRegressor("poisson"), RNG.poisson(2.0, size=(12, 2))),
}


EACH = {0: 0.5, 1: 2.0, 2: 3.0}


@pytest.mark.parametrize("class_weight", [None, "balanced", "each"])
@pytest.mark.parametrize("case", CASES)
def test_a_row_of_weight_k_is_k_rows(case, class_weight):
    """The loss and its gradient, also for weight 0 and with the weights of classes."""
    estimator, y = CASES[case]
    y, counts = np.asarray(y), np.array([0, 1, 2, 3, 1, 2, 0, 2, 1, 4, 1, 0])
    estimator = clone(estimator).set_params(solver="lbfgs", max_iter=1, alpha=0.7, random_state=0)
    if class_weight and isinstance(estimator, MLPClassifier):
        each = [{0: 0.5, 1: 2.0}] * 3 if y.ndim == 2 else {k: EACH[int(k)] for k in np.unique(y)}
        estimator.set_params(class_weight=each if class_weight == "each" else class_weight)
    with pytest.warns(match="lbfgs failed to converge"):
        estimator.fit(X, y)
    rows = np.repeat(np.arange(12), counts)
    weighted, repeated = (
        Objective(estimator, estimator._sample(x, labels, weights, x.dtype))
        for x, labels, weights in [(X, y, counts.astype(float)), (X[rows], y[rows], None)]
    )
    (loss, gradient), (same_loss, same_gradient) = (
        f(weighted.vector()) for f in (weighted, repeated)
    )
    assert loss == pytest.approx(same_loss, rel=1e-12)
    np.testing.assert_allclose(gradient, same_gradient, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("weights", [None, RNG.uniform(0.5, 2, 12)], ids=["plain", "weighted"])
@pytest.mark.parametrize("case", CASES)
def test_gradient(case, weights):
    estimator, y = CASES[case]
    estimator.set_params(
        solver="lbfgs", max_iter=3, hidden_layer_sizes=(5, 3), activation=["tanh", "prelu"],
        alpha=0.7, random_state=0,
    )  # fmt: skip
    with pytest.warns(match="lbfgs failed to converge"):
        estimator.fit(X, y, sample_weight=weights)
    sample = estimator._sample(X, np.asarray(y), weights, X.dtype)
    objective = Objective(estimator, sample)
    start = objective.vector()
    _, gradient = objective(start)
    assert len(start) == 4 * 5 + 5 + 5 * 3 + 3 + 1 + 3 * estimator.n_outputs_ + estimator.n_outputs_
    h = 1e-6
    for i in range(len(start)):
        step = h * np.eye(len(start))[i]
        slope = (objective(start + step)[0] - objective(start - step)[0]) / (2 * h)
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-7), f"parameter {i}"
