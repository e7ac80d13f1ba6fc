"""scikit-learn's own checks of an estimator, all of them."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from minidl.sklearn import MLPClassifier, MLPRegressor


@pytest.mark.filterwarnings("default")  # the checks make nets that do not converge, and more
@parametrize_with_checks([MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)])
def test_check(estimator, check):
    check(estimator)
