"""The estimators within scikit-learn's tools."""

import subprocess
import sys

import numpy as np
import pandas
import polars
import pytest
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from minidl.sklearn import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def scaled(**options):
    net = MLPClassifier((10,), learning_rate_init=0.03, max_iter=30, random_state=0, **options)
    return make_pipeline(StandardScaler(), net)


def test_search_in_two_processes():
    grid = {"mlpclassifier__activation": ["relu", "maxout"], "mlpclassifier__dropout": [0.0, 0.1]}
    search = GridSearchCV(scaled(n_threads=1), grid, cv=3, n_jobs=2).fit(X, Y)
    alone = GridSearchCV(scaled(n_threads=1), grid, cv=3).fit(X, Y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert search.best_score_ > 0.9
    np.testing.assert_array_equal(search.predict_proba(X), alone.predict_proba(X))


def test_cross_validation():
    predicted = cross_val_predict(scaled(), X, Y, cv=3)
    assert (predicted == Y).mean() > 0.9
    scores = cross_val_predict(scaled(), X, Y, cv=3, method="decision_function")
    np.testing.assert_array_equal(scores.argmax(axis=1), predicted)
    regression = make_pipeline(
        StandardScaler(), MLPRegressor(max_iter=100, learning_rate_init=0.01, random_state=0)
    )
    folds = KFold(3, shuffle=True, random_state=0)
    assert cross_val_score(regression, X[:, :3], X[:, 3], cv=folds).min() > 0.8


def test_an_ensemble_is_the_mean_of_its_nets():
    """Voting passes the rows' weights on."""
    weights = np.random.default_rng(0).uniform(0, 2, len(X))
    classifiers, regressors = (
        [(str(i), kind(hidden_layer_sizes=(6,), max_iter=15, random_state=i)) for i in range(3)]
        for kind in (MLPClassifier, MLPRegressor)
    )
    vote = VotingClassifier(classifiers, voting="soft").fit(X, Y, sample_weight=weights)
    alone = [net.fit(X, Y, sample_weight=weights).predict_proba(X) for _, net in classifiers]
    np.testing.assert_allclose(vote.predict_proba(X), np.mean(alone, axis=0), rtol=1e-12)
    mean = VotingRegressor(regressors).fit(X, X[:, 0], sample_weight=weights).predict(X)
    alone = [net.fit(X, X[:, 0], sample_weight=weights).predict(X) for _, net in regressors]
    np.testing.assert_allclose(mean, np.mean(alone, axis=0), rtol=1e-12)
    assert np.std(alone, axis=0).max() > 0.01, "the nets differ"


def test_metadata_routing():
    """Weights and validation data reach fit through a search and a pipeline, which scales X_val."""
    weights = np.random.default_rng(0).uniform(0, 2, len(X))
    net = MLPClassifier((6,), max_iter=5, random_state=0)
    with config_context(enable_metadata_routing=True):
        net.set_fit_request(sample_weight=True, X_val=True, y_val=True)
        net.set_score_request(sample_weight=True)
        steps = [("scale", MinMaxScaler()), ("net", net)]
        pipeline = Pipeline(steps, transform_input=["X_val"])
        search = GridSearchCV(pipeline, {"net__alpha": [0.1]}, cv=3)
        search.fit(X, Y, sample_weight=weights, X_val=X[::2], y_val=Y[::2])
    scaled_X = MinMaxScaler().fit_transform(X)
    by_hand = MLPClassifier((6,), max_iter=5, random_state=0, alpha=0.1)
    by_hand.fit(scaled_X, Y, sample_weight=weights, X_val=scaled_X[::2], y_val=Y[::2])
    found = search.best_estimator_[-1]
    np.testing.assert_array_equal(found.coefs_[0], by_hand.coefs_[0])
    assert found.validation_loss_curve_ == by_hand.validation_loss_curve_


def test_data_of_other_kinds():
    """Half floats, columns with pandas' own types, polars: the net of float64 arrays."""
    net = MLPClassifier((4,), max_iter=3, random_state=0)
    plain = net.fit(X, Y).predict_proba(X)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    kinds = [frame.convert_dtypes(), polars.from_pandas(frame), frame.to_numpy().tolist()]
    for data in kinds:
        labels = pandas.Series(Y).astype("Int64") if data is kinds[0] else Y.tolist()
        np.testing.assert_array_equal(net.fit(data, labels).predict_proba(data), plain)
    half = X.astype(np.float16)
    weights = np.full(len(X), 0.5, np.float16)
    found = net.fit(half, Y, sample_weight=weights).predict_proba(half)
    expected = net.fit(half.astype(np.float64), Y, sample_weight=weights).predict_proba(half)
    np.testing.assert_array_equal(found, expected)


def test_names_of_columns():
    frame = pandas.DataFrame(X, columns=list("abcd"))
    pipeline = scaled(early_stopping=True).set_output(transform="pandas").fit(frame, Y)
    assert list(pipeline[-1].feature_names_in_) == list("abcd")
    np.testing.assert_array_equal(pipeline.predict(frame), pipeline.predict(frame.copy()))
    with pytest.raises(ValueError, match="feature names should match"):
        pipeline[-1].predict(frame.rename(columns={"a": "e"}))


def test_labels_of_any_kind():
    names = np.array(["setosa", "versicolor", "virginica"], dtype=object)
    numbered, named = scaled().fit(X, Y), scaled().fit(X, names[Y])
    np.testing.assert_array_equal(named.predict(X), names[numbered.predict(X)])
    two = scaled().fit(X, np.where(Y == 1, "yes", "no"))
    np.testing.assert_array_equal(
        two.predict(X), np.where(two.decision_function(X) > 0, "yes", "no")
    )


def test_import_of_minidl_needs_no_scikit_learn(tmp_path):
    code = "import sys, minidl; sys.exit('sklearn' in sys.modules or 'scipy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
