"""The estimators within scikit-learn's tools."""

import subprocess
import sys

import numpy as np
import pandas
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
