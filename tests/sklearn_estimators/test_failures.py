"""A fit that fails leaves the estimator as it was: it predicts, and is trained on, as if it had not
been tried. And estimators go through every kind of copy."""

import copy
import pickle

import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_iris

from minidl.errors import ArgumentError
from minidl.sklearn import MLPClassifier, MLPRegressor
from minidl.train import Callback

X, Y = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

OPTIONS = {
    "adam": {},
    "sgd": {"solver": "sgd", "momentum": 0.9, "max_norm": 3.0},
    "layers that keep something": {"activation": "prelu", "dropout": 0.3, "batch_norm": True},
}


class BrokenError(Exception):
    pass


class Breaks(Callback):
    def on_epoch_end(self, run, row):
        if row["epoch"] == 2:
            raise BrokenError


def fitted(**options):
    return MLPClassifier((9,), max_iter=4, batch_size=30, random_state=0, **options).fit(X, Y)


def break_in_the_middle(net):
    net.set_params(callbacks=[Breaks()]).fit(X, Y)


def break_warm(net):
    net.set_params(callbacks=[Breaks()], warm_start=True).fit(X, Y)


def other_features(net):
    net.fit(X[:, :3], Y[:100])


def other_classes(net):
    net.set_params(warm_start=True).fit(X, Y.clip(max=1))


def weigh_below_zero(net):
    net.set_params(class_weight={0: 1.0, 1: -1.0, 2: 1.0}).fit(X, Y)


def diverge(net):
    net.set_params(warm_start=True, learning_rate_init=1e300).fit(X * 1e30, Y)


FAILURES = {
    "a callback": (break_in_the_middle, BrokenError),
    "a callback, warm": (break_warm, BrokenError),
    "other rows": (other_features, ValueError),
    "other classes, warm": (other_classes, ValueError),
    "a class weight": (weigh_below_zero, ArgumentError),
    "weights that are no numbers": (diverge, ValueError),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize(("fail", "error"), FAILURES.values(), ids=FAILURES)
def test_it_is_as_if_it_had_not_been_tried(fail, error, options):
    tried, never_tried = fitted(**options), fitted(**options)
    asked_for = tried.get_params()
    with pytest.raises(error), np.errstate(all="ignore"):
        fail(tried)
    tried.set_params(**asked_for)
    assert vars(tried).keys() == vars(never_tried).keys()
    assert (tried.n_iter_, tried.loss_curve_) == (never_tried.n_iter_, never_tried.loss_curve_)
    for net in (tried, never_tried):
        net.partial_fit(X, Y)
    np.testing.assert_array_equal(tried.predict_proba(X), never_tried.predict_proba(X))


def test_a_class_weight_below_zero_is_told_before_training():
    with pytest.raises(ArgumentError, match=r"class_weight of finite numbers from 0 up, got -1\.0"):
        weigh_below_zero(MLPClassifier())


def test_a_first_fit_that_fails_leaves_no_trace():
    net = MLPClassifier((9,), callbacks=[Breaks()])
    untouched = dict(vars(net))
    with pytest.raises(BrokenError):
        net.fit(X, Y)
    with pytest.raises(ValueError, match="NaN"):
        net.partial_fit(X * np.nan, Y, classes=[0, 1, 2])
    assert vars(net) == untouched


def by_skops(net):
    content = skops.io.dumps(net)
    return skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))


def by_pickle(protocol):
    return lambda net: pickle.loads(pickle.dumps(net, protocol))


COPIES = {"deepcopy": copy.deepcopy, "skops": by_skops} | {
    f"pickle {protocol}": by_pickle(protocol) for protocol in range(6)
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_copies_predict_and_train_on_alike(duplicate, options):
    net = fitted(**options)
    other = duplicate(net)
    for estimator in (net, other):
        estimator.partial_fit(X, Y)
    np.testing.assert_array_equal(other.predict_proba(X), net.predict_proba(X))


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_copies_of_other_estimators(duplicate):
    for net in (MLPRegressor(solver="lbfgs", max_iter=3), MLPRegressor(early_stopping=True)):
        net.fit(X, X[:, 0])
        np.testing.assert_array_equal(duplicate(net).predict(X), net.predict(X))
