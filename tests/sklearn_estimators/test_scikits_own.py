"""scikit-learn's tests of its MLPs, from the installed version, with minidl's in their place."""

import inspect

import pytest
from sklearn.neural_network.tests import test_mlp

from minidl.sklearn import MLPClassifier, MLPRegressor

THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
OURS = "from minidl.sklearn import MLPClassifier, MLPRegressor\n"

# What is not run, with the reason.
LEFT_OUT = {
    "test_gradient": "calls the private method _loss_grad_lbfgs; test_gradient.py has this test "
    "for minidl's",
}

SOURCE = inspect.getsource(test_mlp)
NAMES = {"__name__": __name__}
exec(compile(SOURCE.replace(THEIRS, OURS), test_mlp.__file__, "exec"), NAMES)
TESTS = {name: test for name, test in NAMES.items() if name.startswith("test_")}

globals().update({name: test for name, test in TESTS.items() if name not in LEFT_OUT})

pytestmark = pytest.mark.filterwarnings("default")  # as in scikit-learn's own runs


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture, with the seed of its own runs."""
    return 42


def test_the_estimators_are_ours():
    assert SOURCE.count(THEIRS) == 1
    assert (NAMES["MLPClassifier"], NAMES["MLPRegressor"]) == (MLPClassifier, MLPRegressor)
    assert len(TESTS) > 40


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_needs_what_is_private(name):
    with pytest.raises(AttributeError, match="_loss_grad_lbfgs"):
        TESTS[name]()
