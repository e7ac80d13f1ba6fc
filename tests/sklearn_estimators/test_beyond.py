"""What the estimators have beyond scikit-learn's."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.metrics import log_loss

import minidl
from minidl import nn, schedules
from minidl.layers.activations import REGISTRY
from minidl.sklearn import MLPClassifier, MLPRegressor
from minidl.train import Callback, EarlyStopping

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(kind=MLPClassifier, y=Y, fit=None, **options):
    usual = {"hidden_layer_sizes": (12,), "learning_rate_init": 0.03, "max_iter": 30,
             "batch_size": 32, "random_state": 0}  # fmt: skip
    return kind(**usual | options).fit(X, y, **fit or {})


class Cubic(nn.Activation):
    """y = x + x³ / 10."""

    name = "cubic of the estimators' tests"
    paper = ""

    @staticmethod
    def formula(x, a=0.1):
        return x + a * x * x * x


REGISTRY.pop(Cubic.name)  # known by name within the tests that ask for it only

ACTIVATIONS = {
    "by name": "mish",
    "own, by class": Cubic,
    "own, by name": Cubic.name,
    "with options": nn.LeakyReLU(0.3),
    "one for each": ["selu", nn.Maxout(3)],
    "maxout": "maxout",
}


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("case", ACTIVATIONS)
def test_activations(case, solver, monkeypatch):
    monkeypatch.setitem(REGISTRY, Cubic.name, Cubic)
    activation = ACTIVATIONS[case]
    estimator = fitted(
        hidden_layer_sizes=(9, 8), activation=activation, maxout_pieces=4, solver=solver
    )
    assert estimator.score(X, Y) > 0.95
    kinds = activation if isinstance(activation, list) else [activation] * 2
    layers = [layer for layer in estimator._net if isinstance(layer, nn.Activation)]
    x = minidl.tensor(X)
    for W, b, kind, layer in zip(
        estimator.coefs_, estimator.intercepts_, kinds, layers, strict=False
    ):
        wanted = kind if isinstance(kind, nn.Activation) else None
        assert layer.options == (wanted.options if wanted else layer.options)
        x = type(layer).formula(x @ minidl.tensor(W) + minidl.tensor(b), **layer.options)
    x = x.numpy() @ estimator.coefs_[-1] + estimator.intercepts_[-1]
    np.testing.assert_allclose(estimator.decision_function(X), x, rtol=1e-9, atol=1e-9)


def test_pieces_of_maxout():
    widths = [fitted(activation="maxout", maxout_pieces=k).coefs_[0].shape for k in (2, 5)]
    assert widths == [(4, 24), (4, 60)]


def test_class_weights_are_sample_weights():
    weights = {0: 1.0, 1: 0.2, 2: 5.0}
    by_class = fitted(class_weight=weights)
    by_row = fitted(fit={"sample_weight": np.vectorize(weights.get)(Y)})
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])
    plain = fitted()
    rows = np.r_[0:60, 100:110]
    balanced = MLPClassifier(class_weight="balanced", random_state=0).fit(X[rows], Y[rows])
    shares = np.bincount(Y[rows])
    by_hand = MLPClassifier(random_state=0).fit(
        X[rows], Y[rows], sample_weight=len(rows) / (3 * shares)[Y[rows]]
    )
    np.testing.assert_array_equal(balanced.coefs_[0], by_hand.coefs_[0])
    assert (plain.coefs_[0] != by_class.coefs_[0]).any()


def test_class_weight_multiplies_sample_weight():
    weights = np.random.default_rng(0).uniform(0.5, 2, len(X))
    both = fitted(class_weight={1: 3.0}, fit={"sample_weight": weights})
    by_hand = fitted(fit={"sample_weight": weights * np.where(Y == 1, 3.0, 1.0)})
    np.testing.assert_array_equal(both.coefs_[0], by_hand.coefs_[0])


def test_rows_without_weight_are_as_good_as_absent():
    weights = (np.arange(len(X)) % 3 > 0).astype(float)
    kept = weights > 0
    options = {"random_state": 0, "max_iter": 9, "batch_size": 20}
    with_zeros = MLPClassifier(**options).fit(X, Y, sample_weight=weights)
    without = MLPClassifier(**options).fit(X[kept], Y[kept], sample_weight=weights[kept])
    np.testing.assert_array_equal(with_zeros.coefs_[0], without.coefs_[0])


def test_dropout():
    plain, dropped, again, other = (
        fitted(dropout=p, random_state=seed) for p, seed in [(0, 0), (0.4, 0), (0.4, 0), (0.4, 1)]
    )
    np.testing.assert_array_equal(dropped.coefs_[0], again.coefs_[0])
    assert (dropped.coefs_[0] != plain.coefs_[0]).any()
    assert (dropped.coefs_[0] != other.coefs_[0]).any()
    seeds = [
        layer.seed
        for estimator in (fitted(dropout=0.4, hidden_layer_sizes=(9, 9)), other)
        for layer in estimator._net
        if isinstance(layer, nn.Dropout)
    ]
    assert len(set(seeds)) == 3, "every layer drops others, and so does every seed"
    assert dropped.loss_ > 1.2 * plain.loss_, "the training loss is with dropout"
    np.testing.assert_array_equal(dropped.predict_proba(X), dropped.predict_proba(X))


def test_max_norm():
    bounded = fitted(max_norm=0.6, solver="sgd", learning_rate_init=0.5)
    norms = [np.linalg.norm(W, axis=0) for W in bounded.coefs_]
    assert max(norm.max() for norm in norms) <= 0.6 * (1 + 1e-12)
    assert max(norm.max() for norm in norms) > 0.59
    free = fitted(solver="sgd", learning_rate_init=0.5)
    assert np.linalg.norm(free.coefs_[0], axis=0).max() > 1


def test_batch_norm():
    estimator = fitted(batch_norm=True)
    assert estimator.score(X, Y) > 0.95
    layer = next(layer for layer in estimator._net if isinstance(layer, nn.BatchNorm))
    z = X @ estimator.coefs_[0] + estimator.intercepts_[0]
    np.testing.assert_allclose(layer.running_mean, z.mean(axis=0), atol=0.3)
    alone = np.concatenate([estimator.predict_proba(X[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(alone, estimator.predict_proba(X[:20]), rtol=1e-12)


def test_batch_norm_has_no_penalty_and_no_batch_of_one():
    estimator = MLPClassifier(
        (5,), batch_norm=True, batch_size=149, alpha=0.0, random_state=0, max_iter=1, shuffle=False
    )
    estimator.fit(X, Y)
    first = next(layer for layer in estimator._net if isinstance(layer, nn.BatchNorm))
    assert first.num_batches_tracked == 1
    assert not any(p.decays for p in first.parameters())
    z = X[:149] @ minidl_first_weights(estimator)
    np.testing.assert_allclose(first.running_var, 0.9 + 0.1 * z.var(axis=0, ddof=1), rtol=1e-9)


def minidl_first_weights(estimator):
    """scikit-learn's first weights of that seed."""
    bound = np.sqrt(6 / 9)
    return np.random.RandomState(0).uniform(-bound, bound, (4, 5))


def test_label_smoothing():
    y = Y > 0
    for targets in (Y, y):
        smooth = fitted(y=targets, label_smoothing=0.3, alpha=0.0)
        one_hot = np.eye(targets.max() + 1)[targets.astype(int)]
        share = 0.7 * one_hot + 0.3 / one_hot.shape[1]
        entropy = -(share * np.log(share)).sum(axis=1).mean()
        cross = -(share * smooth.predict_log_proba(X)).sum(axis=1).mean()
        assert entropy <= cross < entropy + 0.05
        assert smooth.loss_ == pytest.approx(cross, abs=0.05)


def test_hinge():
    for y in (Y, Y > 0, make_multilabel_classification(150, random_state=0)[1]):
        estimator = fitted(loss="hinge", y=y, max_iter=60, hidden_layer_sizes=(60,))
        assert estimator.out_activation_ == "identity"
        assert not hasattr(estimator, "predict_proba")
        scores = estimator.decision_function(X)
        predicted = scores.argmax(axis=1) if y is Y else scores > 0
        np.testing.assert_array_equal(estimator.predict(X), predicted)
        if y.ndim == 1:
            assert estimator.score(X, y) > 0.95
            margins = np.where(y, scores, -scores) if y is not Y else scores[range(150), Y]
            assert np.median(margins) > 1


def test_huber_is_less_moved_by_an_outlier():
    y = X[:, 0].copy()
    y[0] = 1e3
    huber, squared = (fitted(MLPRegressor, y, loss=loss) for loss in ("huber", "squared_error"))
    error = [np.abs(m.predict(X[1:]) - y[1:]).mean() for m in (huber, squared)]
    assert error[0] < 0.2 * error[1]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_rate_that_changes_with_the_epoch(solver):
    seen = []

    class Rates(Callback):
        def on_epoch_end(self, run, row):
            seen.append(row["rate"])

    options = {"learning_rate_init": 0.02, "solver": solver, "max_iter": 4}
    fitted(learning_rate=schedules.linear(4), callbacks=[Rates()], **options)
    np.testing.assert_allclose(seen, [0.02, 0.015, 0.01, 0.005])
    frozen = fitted(learning_rate=schedules.step(2, factor=0.0), momentum=0.0, **options)
    short = fitted(**options | {"max_iter": 2}, momentum=0.0)
    np.testing.assert_array_equal(frozen.coefs_[0], short.coefs_[0])


def test_validation_data():
    X_val, y_val = X[::3], Y[::3]
    estimator = fitted(fit={"X_val": X_val, "y_val": y_val})
    curve = estimator.validation_loss_curve_
    assert len(curve) == estimator.n_iter_ == 30
    expected = log_loss(y_val, estimator.predict_proba(X_val))
    assert curve[-1] == pytest.approx(expected, rel=1e-9)
    np.testing.assert_array_equal(estimator.coefs_[0], fitted().coefs_[0])
    weights = np.random.default_rng(0).uniform(0, 1, 50)
    weighted = fitted(fit={"X_val": X_val, "y_val": y_val, "sample_weight_val": weights})
    expected = log_loss(y_val, estimator.predict_proba(X_val), sample_weight=weights)
    assert weighted.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-9)


def test_early_stopping_by_validation_data_trains_on_all_rows():
    estimator = fitted(
        early_stopping=True, n_iter_no_change=3, max_iter=99, fit={"X_val": X, "y_val": Y}
    )
    assert estimator.t_ == estimator.n_iter_ * len(X)
    assert estimator.score(X, Y) == estimator.best_validation_score_
    assert len(estimator.validation_scores_) == len(estimator.validation_loss_curve_)


def test_validation_of_lbfgs():
    estimator = fitted(solver="lbfgs", fit={"X_val": X, "y_val": Y})
    assert len(estimator.validation_loss_curve_) == estimator.n_iter_ == len(estimator.loss_curve_)
    assert estimator.validation_loss_curve_[-1] == pytest.approx(
        log_loss(Y, estimator.predict_proba(X)), rel=1e-6
    )


@pytest.mark.parametrize("rows", [np.asarray, "csr_array"])
def test_callbacks_see_every_step_and_change_nothing(rows):
    from scipy import sparse

    events = []

    class Log(Callback):
        def on_train_begin(self, run):
            events.append(("begin", run.epochs, tuple(run.names)))

        def on_epoch_begin(self, run):
            events.append(("epoch", run.epoch))

        def on_steps(self, run, losses):
            events.append(("steps", len(losses)))

        def on_epoch_end(self, run, row):
            events.append(("row", row["epoch"], row["loss"]))

        def on_train_end(self, run):
            events.append(("end",))

        def close(self, run):
            events.append(("close",))

    x = X if rows is np.asarray else getattr(sparse, rows)(X)
    options = {"batch_size": 2, "max_iter": 3, "random_state": 0}  # more than a feed keeps
    watched = MLPClassifier(callbacks=[Log()], **options).fit(x, Y)
    plain = MLPClassifier(**options).fit(x, Y)
    np.testing.assert_array_equal(watched.coefs_[0], plain.coefs_[0])
    assert watched.loss_curve_ == plain.loss_curve_
    assert events[0] == ("begin", 3, ("epoch", "loss", "rate"))
    assert [event[1:] for event in events if event[0] == "row"] == [
        (i + 1, loss) for i, loss in enumerate(plain.loss_curve_)
    ]
    assert sum(event[1] for event in events if event[0] == "steps") == 3 * 75
    assert events[-2:] == [("end",), ("close",)]


def test_a_callback_ends_training():
    stop = EarlyStopping("validation_loss", patience=2, min_delta=0.05)
    estimator = fitted(callbacks=[stop], max_iter=99, fit={"X_val": X, "y_val": Y})
    assert estimator.n_iter_ == stop.best_epoch + 2 < 99
    assert log_loss(Y, estimator.predict_proba(X)) == pytest.approx(stop.best, rel=1e-9)


def test_progress(capsys):
    plain = fitted(max_iter=3)
    assert capsys.readouterr().err == ""
    for progress in ("line", True):
        shown = fitted(max_iter=3, progress=progress)
        assert "epoch 3/3" in capsys.readouterr().err
        np.testing.assert_array_equal(shown.coefs_[0], plain.coefs_[0])


def test_threads_are_put_back():
    with minidl.set_num_threads(3):
        seen = []

        class Look(Callback):
            def on_epoch_end(self, run, row):
                seen.append(minidl.get_num_threads())

        two = fitted(n_threads=2, callbacks=[Look()], max_iter=2)
        assert (seen, minidl.get_num_threads()) == ([2, 2], 3)
    np.testing.assert_array_equal(two.coefs_[0], fitted(n_threads=1, max_iter=2).coefs_[0])


def test_options_may_change_between_fits():
    estimator = fitted(warm_start=True, dropout=0.3)
    estimator.set_params(dropout=0.0, activation="tanh").fit(X, Y)
    *_, last = estimator.coefs_
    hidden = np.tanh(X @ estimator.coefs_[0] + estimator.intercepts_[0])
    np.testing.assert_allclose(
        estimator.decision_function(X), hidden @ last + estimator.intercepts_[-1], rtol=1e-9
    )
    before = estimator.coefs_[0].copy()
    estimator.set_params(activation="sigmoid").partial_fit(X, Y)
    assert (estimator.coefs_[0] != before).all()
    estimator.set_params(early_stopping=True).fit(X, Y)
    assert estimator.best_validation_score_ > 0.9
